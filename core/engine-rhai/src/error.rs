//! What can go wrong in a Rhai script, and the road from Rhai's errors to ours.

use ceralacca_kernel::{Error, Explain, Report, did_you_mean};
use rhai::{Dynamic, EvalAltResult, ParseError, ParseErrorType};
use serde::Serialize;

use crate::bridge::Caught;
use crate::names::Names;
use crate::sandbox;

/// What can go wrong in a script.
#[derive(Debug, Serialize)]
pub enum ScriptError {
    /// The text is not Rhai.
    Syntax {
        /// Name of the script's file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What Rhai says.
        problem: String,
    },
    /// A namespace, function, method or property that is not there.
    UnknownName {
        /// Name of the script's file, or empty.
        file: String,
        /// Line, from 1; 0 when not known.
        line: usize,
        /// `namespace`, `function`, `method of environment`.
        what: String,
        /// As the script wrote it.
        name: String,
        /// What was meant, when something is near.
        near: Option<String>,
        /// What is there.
        known: Vec<String>,
    },
    /// A function called with arguments it does not take.
    Arguments {
        /// Name of the script's file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What it takes.
        takes: String,
        /// As the script called it.
        call: String,
    },
    /// The script's own error, or one of the language.
    Failed {
        /// Name of the script's file.
        file: String,
        /// Line, from 1.
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
    /// A value that cannot leave the script.
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
    /// No declaration was found.
    Declaration {
        /// Name of the script's file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

impl Explain for ScriptError {
    fn explain(&self) -> Report {
        use ScriptError::*;
        match self {
            Syntax { file, line, column, problem } => {
                Report::usage("script.syntax", format!("{file} cannot be read as Rhai"))
                    .found(problem)
                    .state("the workflow was not started")
                    .next(format!("correct {file}:{line}:{column}"))
            }
            UnknownName { file, line, what, name, near, known } => {
                explain_unknown(&place(file, *line), what, name, near.as_deref(), known)
            }
            Arguments { file, line, takes, call } => Report::usage(
                "script.arguments",
                "a function was called with arguments it does not take",
            )
            .expected(takes)
            .found(call)
            .state("the call was not made")
            .next(format!("correct {}", place(file, *line))),
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
                .expected("a function of one parameter: fn run(input) { … }")
                .found("none")
                .state("the workflow was not started")
                .next(format!("add the function to {file}")),
            Value { found } => {
                Report::usage("script.value", "a value of the script cannot leave it")
                    .expected("text, numbers, true or false, lists, maps, bytes and handles")
                    .found(found)
                    .state("the call was not made")
                    .next("pass the parts of it instead")
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
        None if what == "namespace" => format!("add it to `uses`, or correct {place}"),
        None => format!("correct {place}"),
    })
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

/// What the compiler says, in our words.
pub(crate) fn from_parse(error: &ParseError, file: &str, names: &Names) -> Error {
    let (line, column) =
        (error.position().line().unwrap_or(0), error.position().position().unwrap_or(0));
    let file = file.to_owned();
    match error.err_type() {
        ParseErrorType::ModuleUndefined(name) => names.unknown_namespace(name, &file, line).into(),
        ParseErrorType::VariableUndefined(name) => names.unknown_variable(name, &file, line).into(),
        ParseErrorType::TooManyFunctions
        | ParseErrorType::ExprTooDeep
        | ParseErrorType::LiteralTooLarge(..) => {
            ScriptError::Limit { file, line, limit: error.err_type().to_string() }.into()
        }
        problem => ScriptError::Syntax { file, line, column, problem: problem.to_string() }.into(),
    }
}

/// What ended a script, in our words. An error of the kernel comes out as it went in.
pub(crate) fn from_eval(error: &EvalAltResult, file: &str, names: &Names) -> Error {
    let inner = error.unwrap_inner();
    let line = inner.position().line().or(error.position().line()).unwrap_or(0);
    let file = file.to_owned();
    let limit = |limit: &str| {
        ScriptError::Limit { file: file.clone(), line, limit: limit.to_owned() }.into()
    };
    match inner {
        EvalAltResult::ErrorRuntime(thrown, _) => from_thrown(thrown, &file, line),
        EvalAltResult::ErrorTerminated(token, _) => match token.clone().try_cast::<Caught>() {
            Some(caught) => caught.error().clone(),
            None if token
                .read_lock::<rhai::ImmutableString>()
                .is_some_and(|why| why.as_str() == sandbox::NESTING) =>
            {
                limit("values nested less than 64 deep, of less than 50000 parts")
            }
            None => limit(OPERATIONS),
        },
        EvalAltResult::ErrorTooManyOperations(_) => limit(OPERATIONS),
        EvalAltResult::ErrorTooManyVariables(_) => limit("100 variables"),
        EvalAltResult::ErrorStackOverflow(_) => limit("24 calls inside each other"),
        EvalAltResult::ErrorDataTooLarge(..) => {
            limit("texts of 1 MiB, lists and maps of 10000 items")
        }
        EvalAltResult::ErrorTooManyModules(_) => limit("no modules of its own"),
        EvalAltResult::ErrorModuleNotFound(name, _) => {
            names.unknown_namespace(name, &file, line).into()
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            names.unknown_variable(name, &file, line).into()
        }
        EvalAltResult::ErrorFunctionNotFound(call, _) => {
            names.unknown_function(call, &file, line).into()
        }
        other => failed(&file, line, first_line(&other.to_string())),
    }
}

const OPERATIONS: &str = "5000000 operations, where large values count by their size";

fn from_thrown(thrown: &Dynamic, file: &str, line: usize) -> Error {
    if let Some(caught) = thrown.clone().try_cast::<Caught>() {
        return caught.error().clone();
    }
    let message = match thrown.read_lock::<rhai::Map>() {
        Some(map) => map.get("message").map_or_else(|| thrown.to_string(), ToString::to_string),
        None if thrown.is_unit() => "throw without a value".to_owned(),
        None => thrown.to_string(),
    };
    failed(file, line, message)
}

fn failed(file: &str, line: usize, message: String) -> Error {
    let message = message.chars().take(2_000).collect();
    Error::from(ScriptError::Failed { file: file.to_owned(), line, message }).at(place(file, line))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// An [`ScriptError::UnknownName`] with what was probably meant.
pub(crate) fn unknown(
    what: impl Into<String>,
    name: &str,
    known: Vec<String>,
    file: &str,
    line: usize,
) -> ScriptError {
    let near = did_you_mean(name, known.iter().map(String::as_str)).map(str::to_owned);
    ScriptError::UnknownName {
        file: file.to_owned(),
        line,
        what: what.into(),
        name: name.to_owned(),
        near,
        known,
    }
}
