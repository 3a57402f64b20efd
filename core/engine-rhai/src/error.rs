//! The road from Rhai's errors to ours.

use ceralacca_kernel::{Error, ScriptError};
use rhai::{Dynamic, EvalAltResult, ParseError, ParseErrorType};

use crate::bridge::Caught;
use crate::names::Names;
use crate::sandbox;

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
        problem => {
            let problem = problem.to_string();
            ScriptError::Syntax { language: "Rhai", file, line, column, problem }.into()
        }
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
        EvalAltResult::ErrorStackOverflow(_) => {
            limit(&format!("{} calls inside each other", sandbox::MAX_CALL_LEVELS))
        }
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

/// `test.rhai:3`, or the file alone when the line is not known.
fn place(file: &str, line: usize) -> String {
    if line == 0 { file.to_owned() } else { format!("{file}:{line}") }
}
