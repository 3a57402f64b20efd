//! Giving a run up, and telling runs that are over from those that are not.

use jiff::Timestamp;

use crate::replay::Replay;
use crate::run_error::RunError;
use crate::{Entry, Error, Exit, JournalEvent, Report, Run, RunId, RunStatus, Store};

impl Run {
    /// Gives a run up, so that it is not resumed any more. What it made and sent stays as it is.
    ///
    /// `not_done` says of an open call, by its idempotency key, whether it is certain that it had no
    /// effect outside.
    ///
    /// # Errors
    /// `run.finished`, `run.abandoned`, `run.locked`; `run.not_to_be_abandoned` while something may
    /// have happened outside, or is waited for.
    pub fn abandon(
        store: &dyn Store,
        id: RunId,
        now: Timestamp,
        reason: String,
        not_done: &dyn Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let _lock = store.lock(id, now)?;
        let entries = store.entries(id)?;
        still_open(id, &entries)?;
        let last = entries.last().map(|entry| RunStatus::after(&entry.event));
        // A run that died in the middle of a call may have done it.
        let open: Vec<u64> = Replay::new(&entries, |_| false).open_intents().collect();
        let stopped_there = matches!(last, Some(RunStatus::OutcomeUnknown | RunStatus::Waiting));
        let key = started_key(&entries).unwrap_or_default();
        let in_doubt = match open.is_empty() {
            true => stopped_there,
            false => !open.iter().all(|step| not_done(&format!("{key}-{step}"))),
        };
        if in_doubt {
            return Err(RunError::NotToBeAbandoned { run: id.0 }.into());
        }
        store.append(id, now, &JournalEvent::Abandoned { reason })
    }
}

impl Run {
    /// Whether a run that stopped with this had sent nothing by then, and nothing was in doubt.
    pub fn sent_nothing(run: RunId, stopped: &Report) -> bool {
        matches!(stopped.exit, Exit::Refused | Exit::Usage)
            && stopped.state.contains(&nothing_sent(run))
    }
}

/// What the error of a run says when the run has sent nothing.
pub(crate) fn nothing_sent(run: RunId) -> String {
    format!("run {run} has sent nothing to the Agency")
}

/// What the idempotency keys of the run begin with.
fn started_key(entries: &[Entry]) -> Option<&str> {
    entries.iter().find_map(|entry| match &entry.event {
        JournalEvent::Started { key, .. } => Some(key.as_str()),
        _ => None,
    })
}

/// Refuses a run that is over.
pub(crate) fn still_open(id: RunId, entries: &[Entry]) -> Result<(), Error> {
    match entries.last().map(|entry| &entry.event) {
        Some(JournalEvent::Finished { .. }) => Err(RunError::Finished { run: id.0 }.into()),
        Some(JournalEvent::Abandoned { .. }) => Err(RunError::Abandoned { run: id.0 }.into()),
        _ => Ok(()),
    }
}
