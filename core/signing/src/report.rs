//! Reports: what was checked, as questions with their answers, and the verdict that follows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// As it should be.
    Yes,
    /// Not as it should be.
    No,
    /// It could not be found out.
    Unknown,
    /// Worth knowing; the verdict does not depend on it.
    Note,
}

/// What follows from all answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every question was asked and answered yes.
    Valid,
    /// Not everything could be found out; nothing speaks against it.
    Indeterminate,
    /// Something speaks against it.
    Invalid,
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// A stable name for programs, such as `signature.digest`.
    pub code: String,
    /// What was asked: "Does the content have the signed digest?".
    pub question: String,
    /// The answer.
    pub answer: Answer,
    /// What was found, in a few words; never empty for `no` and `unknown`.
    pub detail: String,
}

impl Check {
    /// A question with its answer.
    pub fn new(code: &str, question: &str, answer: Answer, detail: impl Into<String>) -> Check {
        Check {
            code: code.to_owned(),
            question: question.to_owned(),
            answer,
            detail: detail.into(),
        }
    }

    /// Yes or no.
    pub fn is(code: &str, question: &str, holds: bool, detail: impl Into<String>) -> Check {
        Check::new(code, question, if holds { Answer::Yes } else { Answer::No }, detail)
    }
}

/// All that was asked of one thing: a signature, a mark, a file with both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// What it is about: "signature 1 of 2, Rossi Mario".
    pub subject: String,
    /// The questions, in the order of asking.
    pub checks: Vec<Check>,
    /// Reports on what belongs to it, such as a countersignature or a mark.
    pub parts: Vec<Report>,
}

impl Report {
    /// A report without questions yet.
    pub fn on(subject: impl Into<String>) -> Report {
        Report { subject: subject.into(), ..Report::default() }
    }

    /// Adds a question with its answer.
    pub fn push(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// What follows from the answers here and in the parts. Nothing asked is nothing known.
    pub fn verdict(&self) -> Verdict {
        let own = self.checks.iter().filter_map(|check| match check.answer {
            Answer::Yes => Some(Verdict::Valid),
            Answer::No => Some(Verdict::Invalid),
            Answer::Unknown => Some(Verdict::Indeterminate),
            Answer::Note => None,
        });
        let parts = self.parts.iter().map(Report::verdict);
        let mut verdicts = own.chain(parts).peekable();
        if verdicts.peek().is_none() {
            return Verdict::Indeterminate;
        }
        verdicts.fold(Verdict::Valid, |worst, verdict| worst.max(verdict))
    }

    /// Every check of it and its parts.
    pub fn all_checks(&self) -> Vec<&Check> {
        let parts = self.parts.iter().flat_map(Report::all_checks);
        self.checks.iter().chain(parts).collect()
    }
}

impl Verdict {
    fn max(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Invalid, _) | (_, Verdict::Invalid) => Verdict::Invalid,
            (Verdict::Indeterminate, _) | (_, Verdict::Indeterminate) => Verdict::Indeterminate,
            (Verdict::Valid, Verdict::Valid) => Verdict::Valid,
        }
    }

    /// `valid`, `indeterminate`, `invalid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Indeterminate => "indeterminate",
            Verdict::Invalid => "invalid",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answers: &[Answer]) -> Report {
        let mut report = Report::on("a file");
        for answer in answers {
            report.push(Check::new("a.b", "Is it?", *answer, "so it is"));
        }
        report
    }

    #[test]
    fn the_worst_answer_decides() {
        use Answer::*;
        assert_eq!(asked(&[]).verdict(), Verdict::Indeterminate);
        assert_eq!(asked(&[Note]).verdict(), Verdict::Indeterminate);
        assert_eq!(asked(&[Yes, Note]).verdict(), Verdict::Valid);
        assert_eq!(asked(&[Yes, Unknown]).verdict(), Verdict::Indeterminate);
        assert_eq!(asked(&[Unknown, No, Yes]).verdict(), Verdict::Invalid);
        let mut whole = asked(&[Yes]);
        whole.parts.push(asked(&[]));
        assert_eq!(whole.verdict(), Verdict::Indeterminate);
        whole.parts.push(asked(&[No]));
        assert_eq!((whole.verdict(), whole.all_checks().len()), (Verdict::Invalid, 2));
    }
}
