//! Walking tables in the order of their keys: numbers, then texts, then false and true.
//!
//! Other keys have no order that is the same every time; a table that has one cannot be walked.

use std::cmp::Ordering;

use ceralacca_kernel::{Error, ScriptError};
use mlua::{Lua, Table, Value};

use crate::sandbox::Meter;

/// The keys of a table, in order, as a list.
pub(crate) fn keys(lua: &Lua, table: &Value, meter: &Meter) -> mlua::Result<Table> {
    let mut keys = Vec::new();
    for pair in as_table(table)?.pairs::<Value, Value>() {
        meter.charge(1)?;
        keys.push(ordered(pair?.0)?);
    }
    keys.sort_by(compare);
    lua.create_sequence_from(keys)
}

/// The key after this one, and its value.
pub(crate) fn next(table: &Value, key: Value, meter: &Meter) -> mlua::Result<(Value, Value)> {
    let mut found = (Value::Nil, Value::Nil);
    for pair in as_table(table)?.pairs::<Value, Value>() {
        meter.charge(1)?;
        let (candidate, value) = pair?;
        let candidate = ordered(candidate)?;
        let after = key.is_nil() || compare(&candidate, &key) == Ordering::Greater;
        if after && (found.0.is_nil() || compare(&candidate, &found.0) == Ordering::Less) {
            found = (candidate, value);
        }
    }
    Ok(found)
}

fn as_table(value: &Value) -> mlua::Result<&Table> {
    value.as_table().ok_or_else(|| {
        mlua::Error::runtime(format!("a table is needed to walk it, found {}", value.type_name()))
    })
}

fn ordered(key: Value) -> mlua::Result<Value> {
    match key {
        Value::Integer(_) | Value::Number(_) | Value::String(_) | Value::Boolean(_) => Ok(key),
        other => {
            let found = format!("a table with a {} as key", other.type_name());
            Err(mlua::Error::external(Error::from(ScriptError::Order { found })))
        }
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(&b.as_bytes()),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(value) => Some(*value as f64),
        Value::Number(value) => Some(*value),
        _ => None,
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Integer(_) | Value::Number(_) => 0,
        Value::String(_) => 1,
        _ => 2,
    }
}
