//! Calls as the journal keeps them: canonical arguments, their hash, their words.

use std::collections::BTreeMap;

use crate::store::CallRecord;
use crate::workflow::sha256_hex;
use crate::{Primitive, Value, cbor};

/// What the journal keeps of a call.
pub(crate) fn record(step: u64, primitive: &Primitive, arguments: &[Value]) -> CallRecord {
    let all = Value::List(arguments.iter().map(canonical).collect());
    CallRecord {
        step,
        primitive: primitive.full_name(),
        arguments_sha256: sha256_hex(&cbor::encode(&all)),
        arguments: abridged(all),
    }
}

/// The same arguments in both languages: absent and null entries are one, empty tables are maps.
fn canonical(value: &Value) -> Value {
    match value {
        Value::List(items) if items.is_empty() => Value::Map(BTreeMap::new()),
        Value::List(items) => Value::List(items.iter().map(canonical).collect()),
        Value::Map(map) => Value::Map(
            map.iter()
                .filter(|(_, value)| **value != Value::Null)
                .map(|(key, value)| (key.clone(), canonical(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Long byte strings as their digest, so that the journal stays small.
fn abridged(value: Value) -> Value {
    match value {
        Value::Bytes(bytes) if bytes.len() > 256 => Value::from([
            ("sha256", Value::Str(sha256_hex(&bytes))),
            ("length", Value::Int(bytes.len() as i64)),
        ]),
        Value::List(items) => Value::List(items.into_iter().map(abridged).collect()),
        Value::Map(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key, abridged(value))).collect())
        }
        other => other,
    }
}

/// What was sent: the name of the first document among the arguments, or the primitive.
pub(crate) fn describe_sent(call: &CallRecord) -> String {
    let name = match &call.arguments {
        Value::List(arguments) => arguments.iter().find_map(|argument| match argument {
            Value::Handle(handle) => handle.id.get("name").and_then(Value::as_str),
            _ => None,
        }),
        _ => None,
    };
    name.unwrap_or(&call.primitive).to_owned()
}

/// `agency::submit(portal, document req.ccc)`, cut to a readable length.
pub(crate) fn describe_call(call: &CallRecord) -> String {
    let arguments = match &call.arguments {
        Value::List(arguments) => arguments.iter().map(describe_argument).collect(),
        other => vec![describe_argument(other)],
    };
    let mut text = format!("{}({})", call.primitive, arguments.join(", "));
    if let Some((cut, _)) = text.char_indices().nth(200) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// A handle by its kind and what people call the thing; anything else as JSON.
fn describe_argument(argument: &Value) -> String {
    let Value::Handle(handle) = argument else {
        return serde_json::to_string(argument).unwrap_or_default();
    };
    let called = NAMES.iter().find_map(|name| {
        handle.id.get(name).and_then(Value::as_str).filter(|called| !called.is_empty())
    });
    match called.or(handle.id.as_str()) {
        Some(name) => format!("{} {name}", handle.kind),
        None => handle.kind.clone(),
    }
}

/// What people call the thing behind a handle, the best first.
const NAMES: [&str; 3] = ["name", "utente", "folder"];
