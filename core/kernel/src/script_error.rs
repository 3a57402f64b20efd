//! What can go wrong in a script, whatever its language: one wording for every engine.

use serde::Serialize;

use crate::value::TooLarge;
use crate::workflow::WorkflowError;
use crate::{Error, Explain, Limits, Report, did_you_mean};

/// What an engine says of a script.
#[derive(Debug, Serialize)]
pub enum ScriptError {
    /// The text is not of its language.
    Syntax {
        /// `Rhai`.
        language: &'static str,
        /// Name of the script's file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1; 0 when not known.
        column: usize,
        /// What the compiler says.
        problem: String,
    },
    /// A namespace, function, method or property that is not there.
    UnknownName {
        /// Name of the script's file, or empty.
        file: String,
        /// Line, from 1; 0 when not known.
        line: usize,
        /// `namespace`, `function of agency`, `method or property of environment`.
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
        /// How it is written in this language.
        expected: &'static str,
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
    /// A value beyond one of [`Limits::DEFAULT`]: `depth`, `nodes` or `bytes`.
    pub fn too_large(limit: &'static str) -> Error {
        let allowed = match limit {
            "depth" => Limits::DEFAULT.depth,
            "nodes" => Limits::DEFAULT.nodes,
            _ => Limits::DEFAULT.bytes,
        };
        ScriptError::TooLarge { limit, allowed }.into()
    }

    /// A [`ScriptError::UnknownName`] with what was probably meant.
    pub fn unknown(
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
            Syntax { language, file, line, column, problem } => {
                Report::usage("script.syntax", format!("{file} cannot be read as {language}"))
                    .found(problem)
                    .state("the workflow was not started")
                    .next(match column {
                        0 => format!("correct {}", place(file, *line)),
                        column => format!("correct {file}:{line}:{column}"),
                    })
            }
            NoRun { file, expected } => {
                Report::usage("script.no_run", format!("{file} has no `run`"))
                    .expected(*expected)
                    .found("none")
                    .state("the workflow was not started")
                    .next(format!("add the function to {file}"))
            }
            Declaration { file, problem } => {
                let (file, problem) = (file.clone(), problem.clone());
                WorkflowError::Declaration { file, problem }.explain()
            }
            TooLarge { limit, allowed } => self::TooLarge { limit, allowed: *allowed }.explain(),
            Value { found } => Report::usage(
                "script.value",
                "a value cannot cross between the script and the program",
            )
            .expected("text, numbers, true or false, lists, maps, bytes and handles")
            .found(found)
            .state("the call was not made, or its result not seen")
            .next("pass the parts of it instead"),
            running => running.explain_running(),
        }
    }
}

impl ScriptError {
    /// What happens while the script runs.
    fn explain_running(&self) -> Report {
        use ScriptError::*;
        match self {
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
            Order { found } => {
                Report::refused("script.order", "a table was walked that has no order")
                    .expected("numbers, texts, true or false as keys")
                    .found(found)
                    .state("the script was not carried on")
                    .next("use texts as keys")
            }
            _ => unreachable!("explained above"),
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
        None if matches!(what, "name" | "namespace") => {
            format!("add it to `uses` when it is a namespace, or correct {place}")
        }
        None => format!("correct {place}"),
    })
}
