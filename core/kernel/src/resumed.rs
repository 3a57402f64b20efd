//! What the journal says of a run that goes on: its inputs, its plugins, what may be fetched again.

use crate::run_error::RunError;
use crate::{Effect, Entry, Error, JournalEvent, PluginPin, Registry, Run, Touch, Value};

/// The inputs, and the text that makes the run's idempotency keys unique.
pub(crate) fn started(entries: &[Entry]) -> Result<(Value, String), Error> {
    match entries.first().map(|entry| &entry.event) {
        Some(JournalEvent::Started { input, key, .. }) => Ok((input.clone(), key.clone())),
        _ => Err(Run::no_start()),
    }
}

/// A run goes on with the plugins it began with.
pub(crate) fn same_plugins(entries: &[Entry], now: &[PluginPin]) -> Result<(), Error> {
    let Some(JournalEvent::Started { plugins, .. }) = entries.first().map(|entry| &entry.event)
    else {
        return Ok(());
    };
    let other = plugins.iter().find(|recorded| !now.contains(recorded));
    other.map_or(Ok(()), |recorded| {
        let found = now.iter().find(|plugin| plugin.name == recorded.name).cloned();
        Err(RunError::OtherPlugin { recorded: recorded.clone(), found }.into())
    })
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
