//! Giving a run up, and telling runs that are over from those that are not.

use jiff::Timestamp;

use crate::replay::Replay;
use crate::run_error::RunError;
use crate::{Entry, Error, JournalEvent, Run, RunId, RunStatus, Store};

impl Run {
    /// Gives a run up, so that it is not resumed any more. What it made and sent stays as it is.
    ///
    /// # Errors
    /// `run.finished`, `run.abandoned`, `run.locked`; `run.not_to_be_abandoned` while something may
    /// have happened outside, or is waited for.
    pub fn abandon(
        store: &dyn Store,
        id: RunId,
        now: Timestamp,
        reason: String,
    ) -> Result<(), Error> {
        let _lock = store.lock(id, now)?;
        let entries = store.entries(id)?;
        still_open(id, &entries)?;
        let last = entries.last().map(|entry| RunStatus::after(&entry.event));
        // A run that died in the middle of a call may have done it.
        let in_doubt = match last {
            Some(RunStatus::OutcomeUnknown | RunStatus::Waiting) => true,
            _ => Replay::new(&entries, |_| false).has_open_intent(),
        };
        if in_doubt {
            return Err(RunError::NotToBeAbandoned { run: id.0 }.into());
        }
        store.append(id, now, &JournalEvent::Abandoned { reason })
    }
}

/// Refuses a run that is over.
pub(crate) fn still_open(id: RunId, entries: &[Entry]) -> Result<(), Error> {
    match entries.last().map(|entry| &entry.event) {
        Some(JournalEvent::Finished { .. }) => Err(RunError::Finished { run: id.0 }.into()),
        Some(JournalEvent::Abandoned { .. }) => Err(RunError::Abandoned { run: id.0 }.into()),
        _ => Ok(()),
    }
}
