//! What can go wrong in a Lua script, and the road from Luau's errors to ours.

use ceralacca_kernel::{Error, Explain, Report, did_you_mean};
use serde::Serialize;

use crate::sandbox::Meter;
use crate::thrown;

/// What can go wrong in a script.
#[derive(Debug, Serialize)]
pub enum ScriptError {
    /// The text is not Luau.
    Syntax {
        /// Name of the script's file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What Luau says.
        problem: String,
    },
    /// A namespace, function, method or property that is not there.
    UnknownName {
        /// Name of the script's file, or empty.
        file: String,
        /// Line, from 1; 0 when not known.
        line: usize,
        /// `name`, `function of agency`, `method or property of environment`.
        what: String,
        /// As the script wrote it.
        name: String,
        /// What was meant, when something is near.
        near: Option<String>,
        /// What is there.
        known: Vec<String>,
    },
    /// The script's own error, or one of the language.
    Failed {
        /// Name of the script's file.
        file: String,
        /// Line, from 1; 0 when not known.
        line: usize,
        /// What was thrown.
        message: String,
    },
    /// The script used up what it may use.
    Limit {
        /// Name of the script's file.
        file: String,
        /// Line, from 1; 0 when not known.
        line: usize,
        /// What was used up.
        limit: String,
    },
    /// The script has no `run`.
    NoRun {
        /// Name of the script's file.
        file: String,
    },
    /// A value that cannot cross between the script and the program.
    Value {
        /// What it is.
        found: String,
    },
    /// A value that is too large to leave the script.
    TooLarge {
        /// `depth`, `nodes` or `bytes`.
        limit: &'static str,
        /// How much is allowed.
        allowed: usize,
    },
    /// A table that has no order to walk it in.
    Order {
        /// What it is.
        found: String,
    },
    /// No declaration was found.
    Declaration {
        /// Name of the script's file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

impl ScriptError {
    /// A [`ScriptError::UnknownName`] with what was probably meant.
    pub(crate) fn unknown(
        what: impl Into<String>,
        name: &str,
        known: Vec<String>,
        file: &str,
        line: usize,
    ) -> ScriptError {
        let near = did_you_mean(name, known.iter().map(String::as_str)).map(str::to_owned);
        let (file, name) = (file.to_owned(), name.to_owned());
        ScriptError::UnknownName { file, line, what: what.into(), name, near, known }
    }
}

impl Explain for ScriptError {
    fn explain(&self) -> Report {
        use ScriptError::*;
        match self {
            Syntax { file, line, problem } => {
                Report::usage("script.syntax", format!("{file} cannot be read as Luau"))
                    .found(problem)
                    .state("the workflow was not started")
                    .next(format!("correct {}", place(file, *line)))
            }
            UnknownName { file, line, what, name, near, known } => {
                explain_unknown(&place(file, *line), what, name, near.as_deref(), known)
            }
            Failed { file, line, message } => {
                Report::refused("script.failed", format!("{file} stopped with an error of its own"))
                    .found(message)
                    .state("what the script called before this line is done")
                    .next(format!("see {}", place(file, *line)))
            }
            Limit { file, line, limit } => {
                Report::refused("script.limit", format!("{file} used more than a script may"))
                    .expected(limit)
                    .found("more than that")
                    .state("the script was stopped; what it called before is done")
                    .next(format!("see {}", place(file, *line)))
            }
            NoRun { file } => Report::usage("script.no_run", format!("{file} has no `run`"))
                .expected("a function in the table of the workflow: function workflow.run(input)")
                .found("none")
                .state("the workflow was not started")
                .next(format!("add the function to {file}")),
            Value { found } => explain_value(found),
            Order { found } => {
                Report::refused("script.order", "a table was walked that has no order")
                    .expected("numbers, texts, true or false as keys")
                    .found(found)
                    .state("the script was not carried on")
                    .next("use texts as keys")
            }
            TooLarge { limit, allowed } => explain_too_large(limit, *allowed),
            Declaration { file, problem } => Report::usage(
                "workflow.declaration",
                format!("the declaration of {file} cannot be read"),
            )
            .expected("summary, uses, input")
            .found(problem)
            .state("the workflow was not started")
            .next("correct the declaration; scripts/README.md shows its form"),
        }
    }
}

fn place(file: &str, line: usize) -> String {
    match (file, line) {
        ("", _) => "the script".to_owned(),
        (file, 0) => file.to_owned(),
        (file, line) => format!("{file}:{line}"),
    }
}

fn explain_unknown(
    place: &str,
    what: &str,
    name: &str,
    near: Option<&str>,
    known: &[String],
) -> Report {
    let report = Report::usage("script.unknown_name", format!("there is no {what} `{name}`"));
    let report = match known {
        [] => report,
        known => report.expected(format!("one of {}", known.join(", "))),
    };
    report.found(name).state("the call was not made").next(match near {
        Some(near) => format!("did you mean `{near}`? Correct {place}"),
        None if what == "name" => {
            format!("add it to `uses` when it is a namespace, or correct {place}")
        }
        None => format!("correct {place}"),
    })
}

fn explain_value(found: &str) -> Report {
    Report::usage("script.value", "a value cannot cross between the script and the program")
        .expected("text, numbers, true or false, lists, maps, bytes and handles")
        .found(found)
        .state("the call was not made, or its result not seen")
        .next("pass the parts of it instead")
}

fn explain_too_large(limit: &str, allowed: usize) -> Report {
    let unit = match limit {
        "depth" => "levels of nesting",
        "nodes" => "values in total",
        _ => "bytes of text and data",
    };
    Report::refused("value.too_large", "a value from a script or plugin is too large")
        .expected(format!("at most {allowed} {unit}"))
        .found("more than that")
        .state("nothing was done with it")
        .next("pass large data as a file instead of a value")
}

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
            ScriptError::Syntax { line: line.unwrap_or(0), problem: problem.to_owned(), file }
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
