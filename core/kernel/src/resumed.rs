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

/// A run goes on with the plugins it began with, or those that were last agreed to.
pub(crate) fn same_plugins(entries: &[Entry], now: &[PluginPin]) -> Result<(), Error> {
    let other = recorded_plugins(entries).iter().find(|recorded| !now.contains(recorded));
    other.map_or(Ok(()), |recorded| {
        let found = now.iter().find(|plugin| plugin.name == recorded.name).cloned();
        Err(RunError::OtherPlugin { recorded: recorded.clone(), found }.into())
    })
}

/// The plugins that a run may use, as its journal has them.
pub(crate) fn recorded_plugins(entries: &[Entry]) -> &[PluginPin] {
    let recorded = entries.iter().rev().find_map(|entry| match &entry.event {
        JournalEvent::Started { plugins, .. } => Some(plugins),
        JournalEvent::Resumed { plugins, .. } if !plugins.is_empty() => Some(plugins),
        _ => None,
    });
    recorded.map_or(&[], Vec::as_slice)
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
