//! The seam to the operator and the clock: only the program at the top implements it.

use std::time::Duration;

use jiff::Timestamp;

use crate::{Error, Secret, SecretRule};

/// A secret that is needed now.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Its kind, with label and rule.
    pub rule: &'a SecretRule,
    /// Whether it must be typed twice.
    pub confirm: bool,
}

/// A page of text for the operator, such as the *Riepilogo* of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Heading.
    pub title: String,
    /// Label and text of each line.
    pub lines: Vec<(String, String)>,
}

impl Sheet {
    /// The sheet as plain text, labels aligned.
    pub fn to_text(&self) -> String {
        let width = self.lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        let mut text = format!("{}\n\n", self.title);
        for (label, line) in &self.lines {
            text.push_str(&format!("  {label:<width$}  {line}\n"));
        }
        text
    }
}

/// What happens during a run, for the screen.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A stage begins. `replayed` when the journal already has it.
    Stage {
        /// The heading.
        title: &'a str,
        /// Whether it was reached before.
        replayed: bool,
    },
    /// The run waits for something outside.
    Waiting {
        /// What for.
        what: &'a str,
    },
}

/// How far a long call has come, for a bar on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// How much is done, in whatever is counted.
    pub done: u64,
    /// Of how much; `None` when nobody knows.
    pub total: Option<u64>,
    /// What to show beside the bar: documents, bytes, rate, time left.
    pub text: &'a str,
}

/// The operator's side of a run.
pub trait Host {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Lets time pass.
    fn sleep(&self, duration: Duration);

    /// How long a `wait` may keep this process before the run is suspended.
    fn patience(&self) -> Duration;

    /// Gets a secret from the operator or from where the operator said.
    fn ask_secret(&self, question: Question<'_>) -> Result<Secret, Error>;

    /// Asks whether to go on with what is about to be sent.
    fn approve(&self, what: &str) -> Result<bool, Error>;

    /// Shows a page.
    fn show(&self, sheet: &Sheet);

    /// Shows how far a long call has come.
    fn progress(&self, text: &str);

    /// Moves the bar of a long call; shown only where a line can be redrawn.
    fn advance(&self, _progress: Progress<'_>) {}

    /// Shows an event of the run.
    fn event(&self, event: Event<'_>);
}
