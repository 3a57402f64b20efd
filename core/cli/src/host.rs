//! The operator at the terminal, or the files that stand in for one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use ceralacca_kernel::{Error, Event, Host, Progress, Question, Secret, Sheet};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::arguments::Unattended;
use crate::error::CliError;
use crate::secrets;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a slip of the keyboard is forgiven at a prompt.
const ATTEMPTS: usize = 3;

/// How often what goes on is redrawn.
const TICK: Duration = Duration::from_millis(120);

/// Talks to the operator on the terminal; everything but results goes to standard error.
pub(crate) struct Terminal {
    given: BTreeMap<String, Secret>,
    approve: bool,
    patience: Duration,
    /// Whether somebody is there to answer.
    interactive: bool,
    /// What is going on, and the spinner that shows it.
    going_on: RefCell<Option<(String, ProgressBar)>>,
}

impl Terminal {
    /// Reads the secrets file, if one is named.
    pub(crate) fn new(unattended: &Unattended) -> Result<Terminal, Error> {
        let given = unattended.secrets.as_deref().map(secrets::read).transpose()?;
        Ok(Terminal {
            given: given.unwrap_or_default(),
            approve: unattended.approve,
            patience: unattended.patience.as_deref().map_or(Ok(PATIENCE), duration)?,
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            going_on: RefCell::default(),
        })
    }

    /// Whether somebody is there to answer.
    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Asks for a line of text; empty is `None`.
    pub(crate) fn ask_line(&self, prompt: &str) -> Option<String> {
        self.quiet();
        let _ = write!(io::stderr(), "{prompt}: ");
        let mut line = String::new();
        io::stdin().read_line(&mut line).ok()?;
        Some(line.trim().to_owned()).filter(|line| !line.is_empty())
    }

    /// Asks a question; anything but a yes is a no.
    pub(crate) fn ask_yes(&self, question: &str) -> bool {
        let answer = self.ask_line(question).unwrap_or_default().to_lowercase();
        matches!(answer.as_str(), "s" | "si" | "sì" | "y" | "yes")
    }

    /// Takes the bar away and leaves nothing.
    pub(crate) fn clear(&self) {
        if let Some((_, bar)) = self.going_on.take() {
            bar.finish_and_clear();
        }
    }

    /// One line, which stays; nothing is drawn any more.
    pub(crate) fn say(&self, text: &str) {
        self.quiet();
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Takes the spinner away and leaves its line, which may say where something went.
    fn quiet(&self) {
        if let Some((text, spinner)) = self.going_on.take() {
            spinner.finish_and_clear();
            let _ = writeln!(io::stderr().lock(), "  {text}");
        }
    }

    fn type_secret(&self, question: Question<'_>) -> Result<Secret, Error> {
        let label = question.rule.label;
        let unreadable = |error: io::Error| CliError::SecretsUnreadable {
            source: "the terminal".to_owned(),
            problem: error.to_string(),
        };
        let ask = |prompt: String| rpassword::prompt_password(prompt).map(Secret::new);
        let secret = ask(format!("{label} ({}): ", question.rule.rule)).map_err(unreadable)?;
        (question.rule.read)(secret.clone())?;
        if question.confirm && ask(format!("Conferma {label}: ")).map_err(unreadable)? != secret {
            return Err(CliError::Confirmation { label: label.to_owned() }.into());
        }
        Ok(secret)
    }
}

impl Host for Terminal {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn ask_secret(&self, question: Question<'_>) -> Result<Secret, Error> {
        let (name, label) = (question.rule.name, question.rule.label);
        if let Some(secret) = self.given.get(name) {
            let confirmation = self.given.get(&format!("{name}_conferma"));
            if question.confirm && confirmation.is_some_and(|again| again != secret) {
                return Err(CliError::Confirmation { label: label.to_owned() }.into());
            }
            return Ok(secret.clone());
        }
        if !self.interactive {
            let (secret, label) = (name.to_owned(), label.to_owned());
            return Err(CliError::SecretNotGiven { secret, label }.into());
        }
        self.quiet();
        let mut attempt = 1;
        loop {
            match self.type_secret(question) {
                Err(error) if attempt < ATTEMPTS && error.code().starts_with("secret.") => {
                    self.say(&error.to_string());
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    fn approve(&self, what: &str) -> Result<bool, Error> {
        if self.approve {
            return Ok(true);
        }
        if !self.interactive {
            return Err(CliError::ApprovalNeeded { what: what.to_owned() }.into());
        }
        self.say(&format!("About to send: {what}"));
        Ok(self.ask_yes("Inviare? (sì/no)"))
    }

    fn show(&self, sheet: &Sheet) {
        self.say(&format!("\n{}", sheet.to_text()));
    }

    fn progress(&self, text: &str) {
        if !io::stderr().is_terminal() {
            return self.say(&format!("  {text}"));
        }
        self.quiet();
        let style = ProgressStyle::with_template("  {msg} {spinner} {elapsed}");
        let spinner = ProgressBar::new_spinner()
            .with_style(style.expect("a fixed template"))
            .with_message(text.to_owned());
        spinner.enable_steady_tick(TICK);
        *self.going_on.borrow_mut() = Some((text.to_owned(), spinner));
    }

    fn advance(&self, progress: Progress<'_>) {
        if !io::stderr().is_terminal() {
            return;
        }
        let mut going_on = self.going_on.borrow_mut();
        let (text, bar) = going_on.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(TICK);
            (progress.text.to_owned(), bar)
        });
        progress.text.clone_into(text);
        if bar.length() != progress.total {
            let template = match progress.total {
                Some(_) => "  [{bar:24}] {percent:>3}% {msg}",
                None => "  {spinner} {msg}",
            };
            bar.set_style(ProgressStyle::with_template(template).expect("a fixed template"));
            if let Some(total) = progress.total {
                bar.set_length(total);
            }
        }
        bar.set_position(progress.done);
        bar.set_message(progress.text.to_owned());
    }

    fn event(&self, event: Event<'_>) {
        match event {
            Event::Stage { title, replayed: false } => self.say(&format!("• {title}")),
            Event::Stage { title, replayed: true } => self.say(&format!("· {title} (già fatto)")),
            Event::Waiting { what } => self.progress(&format!("in attesa: {what}")),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.quiet();
    }
}

/// Reads `30s`, `2m`, `1h 30m`.
///
/// # Errors
/// `input.duration`.
pub(crate) fn duration(text: &str) -> Result<Duration, Error> {
    let wrong = || CliError::Duration { text: text.to_owned() };
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Ok(Duration::try_from(span).map_err(|_| wrong())?)
}
