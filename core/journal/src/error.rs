//! What can be wrong with a journal.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Explain, Report};
use serde::Serialize;

/// An error of the journal.
#[derive(Debug, Serialize)]
pub enum JournalError {
    /// A newer program wrote the file.
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// An entry does not fit the one before it.
    BrokenChain {
        /// The file.
        path: PathBuf,
        /// Where the first misfit is.
        sequence: i64,
    },
    /// An entry fits the chain but is not an event that this program knows.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Which entry.
        sequence: i64,
    },
    /// There is no such run.
    NoSuchRun {
        /// What was asked for.
        run: u64,
        /// The highest number there is.
        last: Option<u64>,
    },
    /// Another process holds the run.
    Locked {
        /// The run.
        run: u64,
        /// What the other process said of itself.
        holder: String,
    },
    /// The file cannot be opened, read or written.
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system says.
        problem: String,
    },
}

impl JournalError {
    pub(crate) fn unusable(path: &Path, error: &rusqlite::Error) -> JournalError {
        JournalError::Unusable { path: path.to_owned(), problem: error.to_string() }
    }
}

impl Explain for JournalError {
    fn explain(&self) -> Report {
        use JournalError::*;
        match self {
            NewerVersion { path, found, known } => Report::refused(
                "journal.newer_version",
                format!("the journal {} was written by a newer ceralacca", path.display()),
            )
            .expected(format!("version {known} or older"))
            .found(format!("version {found}"))
            .state("the journal was not touched and nothing was sent")
            .next("install the newer ceralacca"),
            BrokenChain { path, sequence } => Report::refused(
                "journal.broken_chain",
                format!("the journal {} was changed after it was written", path.display()),
            )
            .expected("each entry to carry the hash of the one before")
            .found(format!("entry {sequence} does not"))
            .state("nothing was done on its word")
            .next("restore the journal from a copy; do not resume runs before that"),
            Unreadable { path, sequence } => Report::refused(
                "journal.unreadable",
                format!("entry {sequence} of the journal {} cannot be read", path.display()),
            )
            .state("nothing was done on its word")
            .next("install the ceralacca that wrote it"),
            NoSuchRun { run, last } => {
                Report::usage("journal.no_such_run", format!("there is no run {run}"))
                    .expected(match last {
                        Some(last) => format!("a number from 1 to {last}"),
                        None => "a run; this workspace has none yet".to_owned(),
                    })
                    .found(run.to_string())
                    .state("nothing was done")
                    .next("ceralacca runs lists them")
            }
            Locked { run, holder } => {
                Report::refused("run.locked", format!("another process works on run {run}"))
                    .expected("a run that nobody works on")
                    .found(holder)
                    .state("nothing was done here; the other process goes on")
                    .next("wait for the other process, or end it, then resume")
            }
            Unusable { path, problem } => Report::refused(
                "journal.unusable",
                format!("the journal {} cannot be used", path.display()),
            )
            .found(problem)
            .state("what was not written to the journal was not done")
            .next("mend the disk or its permissions, then resume"),
        }
    }
}
