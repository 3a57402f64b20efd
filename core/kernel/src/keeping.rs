//! What of a run must be on disk before it goes on, and how much room a step needs there.
//!
//! The outcome of a `recorded` call is committed and not synced: it outlives the process, and when a
//! power cut takes it along, the call is made again, which is safe. That holds as long as nothing that
//! followed from it can be seen outside, so the journal is synced before every call that leaves
//! something behind there: a file, a signature, something sent, what a person read or decided.

use crate::store::{CallRecord, Durable, Room};
use crate::{Effect, JournalEvent, Limits, Primitive, Touch, cbor, typed};

/// Whether the journal is synced before this is called; the intent of a `once` call does it anyway.
pub(crate) fn is_synced_before(primitive: &Primitive) -> bool {
    primitive.effect != Effect::Once && leaves_something(primitive)
}

/// Whether somebody outside sees that it was called.
fn leaves_something(primitive: &Primitive) -> bool {
    primitive.touches.iter().any(|touch| match touch {
        Touch::Writes | Touch::Signs | Touch::Asks | Touch::Sends => true,
        Touch::Reads | Touch::Fetches => false,
    })
}

/// What the outcome of a call must outlive: what cannot be done or asked again, a power cut.
pub(crate) fn of_outcome(primitive: &Primitive) -> Durable {
    match primitive.effect == Effect::Once || primitive.touches.contains(&Touch::Asks) {
        true => Durable::Synced,
        false => Durable::Committed,
    }
}

/// What an event must outlive that is no outcome.
pub(crate) fn of_event(event: &JournalEvent) -> Durable {
    match event {
        JournalEvent::Stage { .. }
        | JournalEvent::Resumed { .. }
        | JournalEvent::Waiting { .. }
        | JournalEvent::Ended { .. } => Durable::Committed,
        JournalEvent::Started { .. }
        | JournalEvent::Intent(_)
        | JournalEvent::Stopped { .. }
        | JournalEvent::Finished { .. }
        | JournalEvent::Abandoned { .. } => Durable::Synced,
    }
}

/// What a call may come to add. One that leaves something behind needs room for whatever it may give;
/// of another the result is seen first, and nothing has happened when it does not fit.
pub(crate) fn room(primitive: &Primitive, call: &CallRecord) -> Room {
    let record = typed::to_value(call).map_or(0, |value| cbor::encode(&value).len() as u64);
    let twice = matches!(primitive.effect, Effect::Once | Effect::Wait);
    let result = if leaves_something(primitive) || twice { MOST_OF_A_RESULT } else { 0 };
    let entries = if twice { 2 } else { 1 };
    Room { entries, bytes: entries * record + result }
}

/// Bytes of the largest result: its texts and data, and a head for each value.
const MOST_OF_A_RESULT: u64 = Limits::DEFAULT.bytes as u64 + 10 * Limits::DEFAULT.nodes as u64;
