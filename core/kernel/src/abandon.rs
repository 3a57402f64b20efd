//! Giving a run up.

use jiff::Timestamp;

use crate::resumed::History;
use crate::run_error::RunError;
use crate::store::Durable;
use crate::{Error, Exit, JournalEvent, Report, Run, RunId, RunStatus, Store};

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
        let held = store.lock(id, now)?;
        let history = History::read(store, id)?;
        history.still_open(id)?;
        // A run that died in the middle of a call may have done it.
        let open: Vec<u64> = history.replay.open_intents().collect();
        let stopped_there =
            matches!(history.last, Some(RunStatus::OutcomeUnknown | RunStatus::Waiting));
        let key = history.input_and_key().map(|(_, key)| key).unwrap_or_default();
        let in_doubt = match open.is_empty() {
            true => stopped_there,
            false => !open.iter().all(|step| not_done(&format!("{key}-{step}"))),
        };
        if in_doubt {
            return Err(RunError::NotToBeAbandoned { run: id.0 }.into());
        }
        held.append(now, &JournalEvent::Abandoned { reason }, Durable::Synced)
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
