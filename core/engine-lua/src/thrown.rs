//! What scripts throw and catch: errors of the kernel stay themselves, and the end is not caught.

use std::fmt;

use ceralacca_kernel::Error;
use mlua::{Lua, MultiValue, Table, Value};

use crate::sandbox::{CALLS, MEMORY, Meter};

/// A limit was reached: nothing in the script goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended(pub(crate) &'static str);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {}", self.0)
    }
}

impl std::error::Error for Ended {}

/// What `pcall` gives: the same for text and tables, a table for an error of the kernel.
///
/// # Errors
/// The error itself, when it must not be caught.
pub(crate) fn caught(lua: &Lua, error: Value, meter: &Meter) -> mlua::Result<Value> {
    if let Some(limit) = limit_of_luau(&error) {
        return Err(meter.reach(limit));
    }
    let Value::Error(wrapped) = &error else {
        return Ok(error);
    };
    if wrapped.downcast_ref::<Ended>().is_some() {
        return Err(*wrapped.clone());
    }
    match wrapped.downcast_ref::<Error>() {
        Some(error) => Ok(Value::Table(table(lua, error)?)),
        None => Ok(Value::String(lua.create_string(first_line(&root(wrapped).to_string()))?)),
    }
}

/// The read-only table that a script sees of an error.
fn table(lua: &Lua, error: &Error) -> mlua::Result<Table> {
    let report = error.report();
    let table = lua.create_table()?;
    let fields = [
        ("code", Some(&report.code)),
        ("headline", Some(&report.headline)),
        ("expected", report.expected.as_ref()),
        ("found", report.found.as_ref()),
        ("state", Some(&report.state)),
        ("next", Some(&report.next)),
    ];
    for (name, text) in fields {
        if let Some(text) = text {
            table.raw_set(name, text.as_str())?;
        }
    }
    let hidden = lua.create_table()?;
    hidden.raw_set("__metatable", false)?;
    hidden.raw_set(ORIGINAL, lua.create_any_userdata(error.clone())?)?;
    let text = error.to_string();
    hidden.raw_set("__tostring", lua.create_function(move |_, _: MultiValue| Ok(text.clone()))?)?;
    table.set_metatable(Some(hidden))?;
    table.set_readonly(true);
    Ok(table)
}

/// Where the metatable of a caught error keeps the error; scripts cannot reach it.
const ORIGINAL: &str = "original";

/// The error of the kernel that was thrown, or thrown again.
pub(crate) fn original(thrown: &Value) -> Option<Error> {
    match thrown {
        Value::Error(error) => error.downcast_ref::<Error>().cloned(),
        Value::Table(table) => {
            let hidden = table.metatable()?;
            let original = hidden.raw_get::<mlua::AnyUserData>(ORIGINAL).ok()?;
            original.borrow::<Error>().ok().map(|error| error.clone())
        }
        _ => None,
    }
}

/// The limit that ended the script, if that is what was thrown.
pub(crate) fn ended(thrown: &Value) -> Option<&'static str> {
    limit_of_luau(thrown).or_else(|| match thrown {
        Value::Error(error) => error.downcast_ref::<Ended>().map(|ended| ended.0),
        _ => None,
    })
}

/// What was thrown, in words.
pub(crate) fn message(thrown: &Value) -> String {
    match thrown {
        Value::String(text) => text.to_string_lossy(),
        Value::Error(error) => first_line(&root(error).to_string()),
        Value::Table(table) => match table.raw_get::<Value>("message") {
            Ok(Value::String(text)) => text.to_string_lossy(),
            _ => "a table".to_owned(),
        },
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
        other => other.type_name().to_owned(),
    }
}

/// The line of the script that is running.
pub(crate) fn line(lua: &Lua, file: &str) -> Option<usize> {
    (0..64).find_map(|level| {
        lua.inspect_stack(level, |debug| {
            let source = debug.source().source?;
            if source.strip_prefix('=') == Some(file) { debug.current_line() } else { None }
        })?
    })
}

/// The limits that Luau itself keeps and reports as text, as in `test.lua:3: stack overflow`.
fn limit_of_luau(thrown: &Value) -> Option<&'static str> {
    match thrown {
        Value::String(text) => {
            let text = text.as_bytes();
            if *text == *b"not enough memory" {
                Some(MEMORY)
            } else if text.ends_with(b"stack overflow") {
                Some(CALLS)
            } else {
                None
            }
        }
        Value::Error(error) => match root(error) {
            mlua::Error::MemoryError(_) => Some(MEMORY),
            mlua::Error::RuntimeError(text) if text.ends_with("stack overflow") => Some(CALLS),
            _ => None,
        },
        _ => None,
    }
}

/// The innermost of the wrappers that calls between the languages put around an error.
fn root(error: &mlua::Error) -> &mlua::Error {
    match error {
        mlua::Error::CallbackError { cause, .. }
        | mlua::Error::WithContext { cause, .. }
        | mlua::Error::BadArgument { cause, .. } => root(cause),
        error => error,
    }
}

/// A name as a script wrote it; what is not a text is named by its type, never by its address.
pub(crate) fn name(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string_lossy(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        other => format!("a {}", other.type_name()),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
