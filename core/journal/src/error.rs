//! What can be wrong with a journal.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Explain, Report};
use serde::Serialize;

use crate::held::{MAX_BYTES, MAX_ENTRIES};

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
    /// Something does not fit what was written before it, or beside it.
    BrokenChain {
        /// The file.
        path: PathBuf,
        /// The first misfit.
        misfit: Misfit,
    },
    /// An entry fits the chain but is not an event that this program knows.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Of which run.
        run: u64,
        /// Which of its entries.
        sequence: u64,
    },
    /// There is no such run.
    NoSuchRun {
        /// What was asked for.
        run: u64,
        /// The highest number there is.
        last: Option<u64>,
    },
    /// A run has grown as large as one may be.
    RunFull {
        /// The run.
        run: u64,
        /// How many entries it has.
        entries: u64,
        /// How many bytes they have.
        bytes: u64,
    },
    /// The file that a run was moved to is not there.
    ArchiveMissing {
        /// The run.
        run: u64,
        /// The file.
        path: PathBuf,
    },
    /// An archive does not hold a run as it was moved there.
    ArchiveDiffers {
        /// The archive.
        path: PathBuf,
        /// The run.
        run: u64,
    },
    /// A file that runs should be moved to is something else.
    NotAnArchive {
        /// The file.
        path: PathBuf,
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

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfit {
    /// An entry does not carry the hash of the one before, or is not the one that was noted.
    Entry {
        /// The run.
        run: u64,
        /// Which of its entries.
        sequence: u64,
    },
    /// The same in the part that an earlier release wrote.
    Earlier {
        /// Which of all entries.
        sequence: u64,
    },
    /// A head does not carry the hash of the one before.
    Head {
        /// Which.
        number: u64,
    },
    /// A run has fewer entries than were noted of it.
    Ends {
        /// The run.
        run: u64,
        /// How many were noted.
        entries: u64,
        /// How many there are.
        found: u64,
    },
    /// The summary of a run is not what its entries say, or there is none.
    Summary {
        /// The run.
        run: u64,
    },
}

impl Misfit {
    pub(crate) fn of_entry(run: i64, sequence: i64) -> Misfit {
        Misfit::Entry { run: run as u64, sequence: sequence as u64 }
    }

    /// What was expected, and what was found.
    fn in_words(&self) -> (&'static str, String) {
        let chained = "each entry to carry the hash of the one before";
        match self {
            Misfit::Entry { run, sequence } => {
                (chained, format!("entry {sequence} of run {run} does not"))
            }
            Misfit::Earlier { sequence } => {
                (chained, format!("entry {sequence} of an earlier release does not"))
            }
            Misfit::Head { number } => (
                "each head of a run to carry the hash of the one before",
                format!("head {number} does not"),
            ),
            Misfit::Ends { run, entries, found } => (
                "every entry that was noted",
                format!("run {run} had {entries} entries and has {found}"),
            ),
            Misfit::Summary { run } => (
                "the summary of each run to say what its entries say",
                format!("that of run {run} does not"),
            ),
        }
    }
}

impl JournalError {
    pub(crate) fn unusable(path: &Path, error: &rusqlite::Error) -> JournalError {
        JournalError::Unusable { path: path.to_owned(), problem: error.to_string() }
    }
}

impl JournalError {
    fn explain_run(&self) -> Report {
        use JournalError::*;
        match self {
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
            RunFull { run, entries, bytes } => {
                Report::refused("journal.run_full", format!("run {run} has no room for this step"))
                    .expected(format!(
                        "at most {MAX_ENTRIES} entries and {} GiB in a run, its end included",
                        MAX_BYTES >> 30
                    ))
                    .found(format!("{entries} entries and {bytes} bytes before this step"))
                    .state("this step is not in the journal, and nothing of it was done outside")
                    .next(
                        "divide the work among several runs: ceralacca abandon RUN, and begin anew",
                    )
            }
            Locked { run, holder } => {
                Report::refused("run.locked", format!("another process works on run {run}"))
                    .expected("a run that nobody works on")
                    .found(holder)
                    .state("nothing was done here; the other process goes on")
                    .next("wait for the other process, or end it, then resume")
            }
            other => unreachable!("{other:?} is explained elsewhere"),
        }
    }

    fn explain_archive(&self) -> Report {
        use JournalError::*;
        match self {
            ArchiveMissing { run, path } => Report::refused(
                "journal.archive_missing",
                format!("the entries of run {run} were moved to an archive that is not there"),
            )
            .expected(path.display().to_string())
            .found("no such file")
            .state("nothing was done; the journal still knows the hash of the run")
            .next("put the archive back to that place"),
            ArchiveDiffers { path, run } => Report::refused(
                "journal.archive_differs",
                format!(
                    "the archive {} does not hold run {run} as it was moved there",
                    path.display()
                ),
            )
            .expected("the hash that the journal has kept of the run")
            .found("another, or no such run")
            .state("nothing was done on its word, and nothing was taken out of the journal")
            .next("restore the archive from a copy; to move runs, name another file"),
            NotAnArchive { path } => Report::refused(
                "journal.not_an_archive",
                format!("{} is not an archive of a journal", path.display()),
            )
            .expected("a file that `ceralacca journal archive` has made, or none yet")
            .found("something else")
            .state("nothing was moved, and the file was not touched")
            .next("name another file: ceralacca journal archive --to FILE"),
            other => unreachable!("{other:?} is explained elsewhere"),
        }
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
            BrokenChain { path, misfit } => {
                let (expected, found) = misfit.in_words();
                Report::refused(
                    "journal.broken_chain",
                    format!("the journal {} was changed after it was written", path.display()),
                )
                .expected(expected)
                .found(found)
                .state("nothing was done on its word")
                .next("restore the journal from a copy; do not resume runs before that")
            }
            Unreadable { path, run, sequence } => Report::refused(
                "journal.unreadable",
                format!(
                    "entry {sequence} of run {run} in the journal {} cannot be read",
                    path.display()
                ),
            )
            .state("nothing was done on its word")
            .next("install the ceralacca that wrote it"),
            Unusable { path, problem } => Report::refused(
                "journal.unusable",
                format!("the journal {} cannot be used", path.display()),
            )
            .found(problem)
            .state("what was not written to the journal was not done")
            .next("mend the disk or its permissions, then resume"),
            NoSuchRun { .. } | RunFull { .. } | Locked { .. } => self.explain_run(),
            ArchiveMissing { .. } | ArchiveDiffers { .. } | NotAnArchive { .. } => {
                self.explain_archive()
            }
        }
    }
}
