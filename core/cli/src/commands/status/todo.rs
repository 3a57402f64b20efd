//! One thing to do: what is the matter, and the command or the act that mends it.

use ceralacca_kernel::{Exit, Report};
use serde::Serialize;

/// One thing to do.
#[derive(Serialize)]
pub(super) struct Todo {
    /// What it is about: the exit code follows from the first.
    pub(super) exit: Urgency,
    /// What kind of thing it is: stable, for programs.
    pub(super) code: String,
    /// The run, the file, the number or the folder that it is about.
    pub(super) subject: String,
    /// How many of that kind there are.
    pub(super) count: usize,
    /// What is the matter.
    pub(super) what: String,
    /// The command, or the act.
    pub(super) next: String,
}

/// How much a thing matters, the most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Urgency {
    /// Something may or may not have happened outside.
    OutcomeUnknown,
    /// Something could not be looked at: what there is to do is not known.
    NotLooked,
    /// Somebody should do something.
    NeedsDoing,
    /// The outside should.
    Waiting,
}

impl Urgency {
    /// The exit code.
    pub(super) fn code(self) -> u8 {
        match self {
            Urgency::OutcomeUnknown => Exit::Unknown.code(),
            Urgency::NotLooked => Exit::Usage.code(),
            Urgency::NeedsDoing => Exit::Refused.code(),
            Urgency::Waiting => Exit::Waiting.code(),
        }
    }
}

impl Todo {
    /// One thing of its kind.
    pub(super) fn new(
        exit: Urgency,
        code: &str,
        subject: impl Into<String>,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Todo {
        let (subject, what, next) = (subject.into(), what.into(), next.into());
        Todo { exit, code: code.to_owned(), subject, count: 1, what, next }
    }

    /// How many there are.
    pub(super) fn count(self, count: usize) -> Todo {
        Todo { count, ..self }
    }

    /// What an error kept from being looked at.
    pub(super) fn could_not_look(subject: &str, report: &Report) -> Todo {
        let found = report.found.as_ref().map(|found| format!(": {found}"));
        let what = format!("not looked at: {}{}", report.headline, found.unwrap_or_default());
        Todo::new(Urgency::NotLooked, &report.code, subject, what, report.next.as_str())
    }
}
