//! Errors that answer four questions: what, expected against found, what happened outside, what next.
//!
//! Every crate has one enum of typed variants; its [`Explain`] implementation holds the wording, and
//! turning it into [`Error`] keeps the typed fields beside that wording, so that the same error renders
//! as text, as `--json` and as a script value.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Value, typed};

/// What a failed call means for the caller of the program; see [`Exit::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// The work was refused or failed; the error says why. Exit code 1.
    Refused,
    /// The command line, a setting or a workflow is wrong. Exit code 2.
    Usage,
    /// Something may or may not have happened outside. Exit code 3: do not retry blindly.
    Unknown,
    /// The run waits for something outside and can be resumed. Exit code 4.
    Waiting,
}

impl Exit {
    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::Waiting => 4,
        }
    }
}

/// The wording of an error, and the typed fields it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `area.condition`: stable, documented, one golden file each in `tests/errors/`.
    pub code: String,
    /// Names the subject; lower case, no full stop.
    pub headline: String,
    /// What would have been right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was there instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What has and has not happened outside this process.
    pub state: String,
    /// One command or one action.
    pub next: String,
    /// What it means for the exit code.
    pub exit: Exit,
    /// Whether what was fetched just before is to blame: then a resume fetches that again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fetch_again: bool,
    /// Where it came from, innermost first: `setup_environment.rhai:24`, a plugin id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origin: Vec<String>,
    /// The typed fields of the variant.
    #[serde(default)]
    pub fields: Value,
}

impl Report {
    /// A report with exit code 1; `code` is `area.condition`.
    pub fn refused(code: &str, headline: impl Into<String>) -> Report {
        Report {
            code: code.to_owned(),
            headline: headline.into(),
            expected: None,
            found: None,
            state: String::new(),
            next: String::new(),
            exit: Exit::Refused,
            fetch_again: false,
            origin: Vec::new(),
            fields: Value::Null,
        }
    }

    /// A report with exit code 2.
    pub fn usage(code: &str, headline: impl Into<String>) -> Report {
        Report { exit: Exit::Usage, ..Report::refused(code, headline) }
    }

    /// A report with exit code 3: the outcome outside is not known.
    pub fn unknown(code: &str, headline: impl Into<String>) -> Report {
        Report { exit: Exit::Unknown, ..Report::refused(code, headline) }
    }

    /// A report with exit code 4: the run waits.
    pub fn waiting(code: &str, headline: impl Into<String>) -> Report {
        Report { exit: Exit::Waiting, ..Report::refused(code, headline) }
    }

    /// Sets what would have been right.
    pub fn expected(mut self, text: impl Into<String>) -> Report {
        self.expected = Some(text.into());
        self
    }

    /// Sets what was there instead.
    pub fn found(mut self, text: impl Into<String>) -> Report {
        self.found = Some(text.into());
        self
    }

    /// Sets what has and has not happened outside.
    pub fn state(mut self, text: impl Into<String>) -> Report {
        self.state = text.into();
        self
    }

    /// Says that what was fetched just before is to blame: a resume fetches it again.
    pub fn fetch_again(mut self) -> Report {
        self.fetch_again = true;
        self
    }

    /// Sets the one thing to do next.
    pub fn next(mut self, text: impl Into<String>) -> Report {
        self.next = text.into();
        self
    }
}

/// Gives a crate's error enum its wording. Fields stay on the enum; words live only here.
pub trait Explain: Serialize {
    /// The wording of this error.
    fn explain(&self) -> Report;
}

/// The error that crosses crate boundaries: a [`Report`], boxed to keep results small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Error(Box<Report>);

impl Error {
    /// The whole report.
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// The stable code, `area.condition`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What it means for the exit code.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Adds where it came from, outermost last.
    #[must_use]
    pub fn at(mut self, origin: impl Into<String>) -> Error {
        self.0.origin.push(origin.into());
        self
    }

    /// Adds to what is known of the outside; used by the run, which knows what was sent.
    #[must_use]
    pub fn with_outside_state(mut self, text: &str) -> Error {
        if !self.0.state.contains(text) {
            if !self.0.state.is_empty() {
                self.0.state.push_str("; ");
            }
            self.0.state.push_str(text);
        }
        self
    }
}

impl From<Report> for Error {
    fn from(report: Report) -> Error {
        Error(Box::new(report))
    }
}

impl<E: Explain> From<E> for Error {
    fn from(error: E) -> Error {
        let mut report = error.explain();
        // An enum variant serialises as { Variant: { fields } } or as its bare name.
        report.fields = match typed::to_value(&error) {
            Ok(Value::Map(map)) if map.len() == 1 => {
                map.into_values().next().unwrap_or(Value::Null)
            }
            Ok(Value::Str(_)) | Err(_) => Value::Null,
            Ok(other) => other,
        };
        Error(Box::new(report))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &*self.0;
        // Whoever waits for a person or an answer is where they should be.
        let label = if report.exit == Exit::Waiting { "waiting" } else { "error" };
        write!(f, "{label}[{}]: {}", report.code, report.headline)?;
        let mut line = |name: &str, text: &str| {
            let mut lines = text.lines();
            write!(f, "\n  {name:<9} {}", lines.next().unwrap_or(""))?;
            lines.try_for_each(|more| write!(f, "\n            {more}"))
        };
        if let Some(expected) = &report.expected {
            line("expected", expected)?;
        }
        if let Some(found) = &report.found {
            line("found", found)?;
        }
        line("state", &report.state)?;
        line("next", &report.next)?;
        report.origin.iter().try_for_each(|origin| line("at", origin))
    }
}

impl std::error::Error for Error {}
