//! What the journal says of a run that goes on: its start, its plugins, what it did, whether it is over.

use crate::replay::Replay;
use crate::run_error::RunError;
use crate::{
    Effect, Entry, Error, JournalEvent, PluginPin, Registry, Run, RunId, RunStatus, Store, Touch,
    Value,
};

/// A run's past, read once from beginning to end.
#[derive(Debug, Default)]
pub struct History {
    started: Option<JournalEvent>,
    plugins: Vec<PluginPin>,
    pub(crate) last: Option<RunStatus>,
    pub(crate) replay: Replay,
}

impl History {
    /// Reads a run.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub fn read(store: &dyn Store, run: RunId) -> Result<History, Error> {
        let mut history = History::default();
        store.read(run, &mut |entry| {
            history.add(entry);
            Ok(())
        })?;
        Ok(history)
    }

    fn add(&mut self, entry: Entry) {
        self.last = Some(RunStatus::after(&entry.event));
        self.replay.add(&entry);
        match entry.event {
            JournalEvent::Started { ref plugins, .. } => {
                self.plugins.clone_from(plugins);
                if entry.sequence == 1 {
                    self.started = Some(entry.event);
                }
            }
            JournalEvent::Resumed { plugins, .. } if !plugins.is_empty() => self.plugins = plugins,
            _ => {}
        }
    }

    /// The run's first event.
    ///
    /// # Errors
    /// `journal.no_start` when that is not its start.
    pub fn started(&self) -> Result<&JournalEvent, Error> {
        self.started.as_ref().ok_or_else(Run::no_start)
    }

    /// The inputs, and the text that makes the run's idempotency keys unique.
    pub(crate) fn input_and_key(&self) -> Result<(Value, String), Error> {
        match self.started()? {
            JournalEvent::Started { input, key, .. } => Ok((input.clone(), key.clone())),
            _ => Err(Run::no_start()),
        }
    }

    /// The plugins that the run may use: those it began with, or those that were last agreed to.
    pub fn plugins(&self) -> &[PluginPin] {
        &self.plugins
    }

    /// Refuses other plugins than those.
    ///
    /// # Errors
    /// `run.other_plugin`.
    pub fn require_same_plugins(&self, now: &[PluginPin]) -> Result<(), Error> {
        let other = self.plugins.iter().find(|recorded| !now.contains(recorded));
        other.map_or(Ok(()), |recorded| {
            let found = now.iter().find(|plugin| plugin.name == recorded.name).cloned();
            Err(RunError::OtherPlugin { recorded: recorded.clone(), found }.into())
        })
    }

    /// Refuses a run that is over.
    pub(crate) fn still_open(&self, run: RunId) -> Result<(), Error> {
        match self.last {
            Some(RunStatus::Finished) => Err(RunError::Finished { run: run.0 }.into()),
            Some(RunStatus::Abandoned) => Err(RunError::Abandoned { run: run.0 }.into()),
            _ => Ok(()),
        }
    }
}

/// Whether a primitive only asks the outside or looks at what came from there, and changes nothing.
pub(crate) fn only_fetches(registry: &Registry, full_name: &str) -> bool {
    let primitive = full_name
        .split_once("::")
        .and_then(|(namespace, name)| registry.primitive(namespace, name).ok());
    primitive.is_some_and(|primitive| {
        let fetches = primitive.touches.contains(&Touch::Fetches);
        primitive.effect != Effect::Once
            && (fetches || primitive.touches == [Touch::Reads])
            && !primitive.touches.contains(&Touch::Sends)
    })
}
