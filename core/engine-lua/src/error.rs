//! The road from Luau's errors to ours.

use ceralacca_kernel::{Error, ScriptError};

use crate::sandbox::Meter;
use crate::thrown;

/// What the compiler or the state says, in our words.
pub(crate) fn from_lua(error: &mlua::Error, file: &str, meter: &Meter) -> Error {
    if let Some(error) = error.downcast_ref::<Error>() {
        return error.clone();
    }
    let file = file.to_owned();
    let ended = error.downcast_ref::<thrown::Ended>().map(|ended| ended.0);
    if let Some(limit) = ended.or(meter.limit()) {
        let line = meter.thrown_at().unwrap_or(0);
        return ScriptError::Limit { file, line, limit: limit.to_owned() }.into();
    }
    match error {
        mlua::Error::SyntaxError { message, .. } => {
            let (line, problem) = split_place(message, &file);
            ScriptError::Syntax {
                language: "Luau",
                file,
                line: line.unwrap_or(0),
                column: 0,
                problem: problem.to_owned(),
            }
            .into()
        }
        mlua::Error::MemoryError(_) => {
            let limit = crate::sandbox::MEMORY.to_owned();
            ScriptError::Limit { file, line: 0, limit }.into()
        }
        other => failed(&file, 0, &other.to_string()),
    }
}

/// What was thrown out of a script, in our words. An error of the kernel comes out as it went in.
pub(crate) fn from_thrown(value: &mlua::Value, file: &str, meter: &Meter) -> Error {
    let line = meter.thrown_at();
    if let Some(limit) = thrown::ended(value).or(meter.limit()) {
        let (file, limit) = (file.to_owned(), limit.to_owned());
        return ScriptError::Limit { file, line: line.unwrap_or(0), limit }.into();
    }
    if let Some(error) = thrown::original(value) {
        return match line {
            Some(line) if error.report().origin.is_empty() => error.at(place(file, line)),
            _ => error,
        };
    }
    let message = thrown::message(value);
    let (own_line, message) = split_place(&message, file);
    failed(file, own_line.or(line).unwrap_or(0), message)
}

fn failed(file: &str, line: usize, message: &str) -> Error {
    let message = message.chars().take(2_000).collect();
    let error = Error::from(ScriptError::Failed { file: file.to_owned(), line, message });
    error.at(place(file, line))
}

/// `test.lua:3`, or the file alone when the line is not known.
fn place(file: &str, line: usize) -> String {
    if line == 0 { file.to_owned() } else { format!("{file}:{line}") }
}

/// `test.lua:3: no good` is line 3 and `no good`. A place in the prelude says nothing to a reader.
fn split_place<'a>(message: &'a str, file: &str) -> (Option<usize>, &'a str) {
    let split = |file: &str| {
        let rest = message.strip_prefix(file)?.strip_prefix(':')?;
        let (line, rest) = rest.split_once(": ")?;
        Some((line.parse().ok()?, rest))
    };
    match (split(file), split("prelude")) {
        (Some((line, rest)), _) => (Some(line), rest),
        (None, Some((_, rest))) => (None, rest),
        (None, None) => (None, message),
    }
}
