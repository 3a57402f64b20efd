//! An event as the body of an entry.

use ceralacca_kernel::{JournalEvent, Value, cbor, typed};

/// Deterministic CBOR.
pub(crate) fn encode(event: &JournalEvent) -> Vec<u8> {
    let value = typed::to_value(event).unwrap_or(Value::Null);
    cbor::encode(&value)
}

pub(crate) fn decode(body: &[u8]) -> Option<JournalEvent> {
    cbor::decode_own(body).and_then(|value| typed::from_value(value).ok())
}

/// For people who look with sqlite3, and for the names of crash points.
pub(crate) fn kind(event: &JournalEvent) -> &'static str {
    match event {
        JournalEvent::Started { .. } => "started",
        JournalEvent::Stage { .. } => "stage",
        JournalEvent::Intent(_) => "intent",
        JournalEvent::Ended { .. } => "ended",
        JournalEvent::Waiting { .. } => "waiting",
        JournalEvent::Resumed { .. } => "resumed",
        JournalEvent::Stopped { .. } => "stopped",
        JournalEvent::Finished { .. } => "finished",
        JournalEvent::Abandoned { .. } => "abandoned",
    }
}

/// Whether a head is written with it: a process takes the run up, or lets it go.
pub(crate) fn has_head(event: &JournalEvent) -> bool {
    matches!(
        event,
        JournalEvent::Started { .. }
            | JournalEvent::Resumed { .. }
            | JournalEvent::Stopped { .. }
            | JournalEvent::Finished { .. }
            | JournalEvent::Abandoned { .. }
    )
}
