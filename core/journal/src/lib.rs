//! The run journal: append-only, hash-chained, in one SQLite file per workspace.
//!
//! Each run has a chain of its own: the hash of an entry covers the one before. A chain of heads over the
//! runs notes where each began and where a process took it up or let it go, so that
//! `ceralacca journal verify` notices any change, removal or insertion before the last head. A summary
//! row of each run is written with every entry; lists are made from those.

mod archive;
mod chain;
mod error;
mod event;
mod heads;
mod held;
mod layout;
mod layout_1;
mod locks;
mod read_only;
mod run_chain;
mod summary;
mod verify;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use ceralacca_kernel::regular_file::NotAFile;
use ceralacca_kernel::{
    Entry, Error, HeldRun, JournalEvent, Page, RunFilter, RunId, RunPage, RunStatus, RunSummary,
    Store,
};
use jiff::Timestamp;
use rusqlite::Connection;

pub use archive::Moved;
pub use error::{JournalError, Misfit};
use held::Held;
pub use held::{MAX_BYTES, MAX_ENTRIES};
pub use layout::VERSION;
use summary::{Summary, decoded};
pub use verify::{InArchive, Verified};

/// Sleeps until no process works on a run of the journal in `folder`.
pub fn wait_until_free(folder: &Path, run: RunId) {
    locks::wait_until_free(&lock_folder(folder), run);
}

/// Where the locks of the runs are: a file `run-N.holder` is there while a process works on run N.
pub fn lock_folder(folder: &Path) -> PathBuf {
    folder.join("locks")
}

/// The journal of a workspace.
pub struct Journal {
    file: Rc<File>,
    earlier: RefCell<Option<Earlier>>,
}

/// What all runs of layout 1 were when its last entry was this one.
struct Earlier {
    sequence: Option<i64>,
    runs: Rc<Vec<Summary>>,
}

/// An open journal file.
pub(crate) struct File {
    connection: Connection,
    path: PathBuf,
}

impl Journal {
    /// Opens `journal.sqlite` in `folder`, creating it when missing. One of layout 1 stays as it is until
    /// a run is begun or taken.
    ///
    /// # Errors
    /// `journal.newer_version` when a newer program wrote it; `journal.unusable`.
    pub fn open(folder: &Path) -> Result<Journal, Error> {
        let path = folder.join("journal.sqlite");
        require_file(&path)?;
        let connection = open(&path).map_err(|error| JournalError::unusable(&path, &error))?;
        let file = File { connection, path };
        let version = file.sql(layout::version)?;
        if version > VERSION {
            let path = file.path;
            return Err(JournalError::NewerVersion { path, found: version, known: VERSION }.into());
        }
        if version == 0 {
            file.sql(layout::create)?;
        }
        Ok(Journal::of(file))
    }

    fn of(file: File) -> Journal {
        Journal { file: Rc::new(file), earlier: RefCell::default() }
    }

    /// Lets `work` look at the journal in `folder` without writing anything: somebody who may only read
    /// can ask, too. `None` when there is no journal, or an empty file. `work` is done again when the
    /// journal has changed meanwhile.
    ///
    /// # Errors
    /// As [`Journal::open`], and those of `work`.
    pub fn look<T>(
        folder: &Path,
        work: impl Fn(&Journal) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let path = folder.join("journal.sqlite");
        read_only::with(&path, |connection| {
            work(&Journal::of(File { connection, path: path.clone() }))
        })
    }

    /// Checks every chain, every head and every summary, also of what was moved to archives.
    ///
    /// # Errors
    /// `journal.broken_chain`, naming the first thing that does not fit.
    pub fn verify(&self) -> Result<Verified, Error> {
        let _snapshot = self.file.snapshot()?;
        verify::verify(&self.file)
    }

    /// Moves the runs that are over, and were so `before`, to the file `to`, which is made when missing.
    /// Runs that begin in layout 1 stay.
    ///
    /// A run is in one of the files at every moment: it is copied, read back, and then taken out here.
    ///
    /// # Errors
    /// `journal.broken_chain`, `journal.unusable`, `journal.archive_of_another`.
    pub fn archive(
        &self,
        to: &Path,
        before: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<Moved, Error> {
        layout_1::go_on(&self.file.connection, &self.file.path, at)?;
        archive::archive(&self.file, to, before)
    }

    /// The entries of a run, all at once.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub fn entries(&self, run: RunId) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.read(run, &mut |entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    /// The highest run number there is.
    ///
    /// # Errors
    /// `journal.unusable`.
    pub fn last_run(&self) -> Result<Option<RunId>, Error> {
        self.file.last_run()
    }

    /// The runs whose idempotency keys begin with one of these, and where they stand.
    ///
    /// # Errors
    /// As [`Store::runs`].
    pub fn behind_keys(
        &self,
        keys: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, (RunId, RunStatus)>, Error> {
        let _snapshot = self.file.snapshot()?;
        let mut found = BTreeMap::new();
        if self.file.sql(layout::version)? == 1 {
            for one in self.of_layout_1()?.iter().filter(|one| keys.contains(&one.key)) {
                let public = self.file.public(one)?;
                found.insert(public.key, (public.run, public.status));
            }
            return Ok(found);
        }
        for key in keys {
            if let Some(one) = self.file.sql(|connection| summary::behind_key(connection, key))? {
                found.insert(key.clone(), one);
            }
        }
        Ok(found)
    }

    fn of_layout_1(&self) -> Result<Rc<Vec<Summary>>, Error> {
        let file = &*self.file;
        let sequence: Option<i64> = file.sql(|connection| {
            connection.query_row("SELECT max(sequence) FROM entries", [], |row| row.get(0))
        })?;
        let mut earlier = self.earlier.borrow_mut();
        if let Some(known) = earlier.as_ref().filter(|known| known.sequence == sequence) {
            return Ok(known.runs.clone());
        }
        let (all, _) = layout_1::summaries(&file.connection, &file.path)?;
        let runs: Rc<Vec<Summary>> = Rc::new(all.into_values().collect());
        *earlier = Some(Earlier { sequence, runs: runs.clone() });
        Ok(runs)
    }
}

impl Store for Journal {
    fn begin(&self, at: Timestamp, started: &JournalEvent) -> Result<Box<dyn HeldRun>, Error> {
        layout_1::go_on(&self.file.connection, &self.file.path, at)?;
        Ok(Box::new(Held::begin(self.file.clone(), at, started)?))
    }

    fn lock(&self, run: RunId, at: Timestamp) -> Result<Box<dyn HeldRun>, Error> {
        layout_1::go_on(&self.file.connection, &self.file.path, at)?;
        Ok(Box::new(Held::take(self.file.clone(), run, at)?))
    }

    fn read(
        &self,
        run: RunId,
        each: &mut dyn FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let _snapshot = self.file.snapshot()?;
        let file = &*self.file;
        let (connection, path) = (&file.connection, &file.path);
        let mut give = |number, at, body: &[u8]| {
            let (at, event) = decoded(path, run.0 as i64, number, at, body)?;
            each(Entry { sequence: number as u64, run, at, event })
        };
        if file.sql(layout::version)? == 1 {
            let mut number = 0;
            layout_1::walk(connection, path, &mut |of, raw| {
                if of != run.0 as i64 {
                    return Ok(());
                }
                number += 1;
                give(number, raw.at, &raw.body)
            })?;
            return if number == 0 { Err(file.no_such_run(run)) } else { Ok(()) };
        }
        let summary = file.summary(run)?;
        match &summary.archive {
            None => run_chain::read(connection, path, &summary, &mut |raw| {
                give(raw.number, raw.at, &raw.body)
            }),
            Some(name) => {
                archive::read(file, name, &summary, &mut |raw| give(raw.number, raw.at, &raw.body))
            }
        }
    }

    fn runs(&self, wanted: &RunFilter, page: Page) -> Result<RunPage, Error> {
        let _snapshot = self.file.snapshot()?;
        let file = &*self.file;
        let (summaries, total) = if file.sql(layout::version)? == 1 {
            let all = self.of_layout_1()?;
            let found = all.iter().filter(|one| one.matches(wanted)).cloned().collect::<Vec<_>>();
            let total = found.len();
            let (limit, skipped) = summary::window(page);
            let end = total.saturating_sub(skipped as usize);
            let start = end.saturating_sub(limit as usize);
            (found.into_iter().take(end).skip(start).collect(), total as u64)
        } else {
            file.sql(|connection| summary::page(connection, wanted, page))?
        };
        let public = |one: &Summary| file.public(one);
        let runs = summaries.iter().map(public).collect::<Result<_, Error>>()?;
        Ok(RunPage { runs, total })
    }
}

impl File {
    fn sql<'a, T>(
        &'a self,
        work: impl FnOnce(&'a Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        work(&self.connection).map_err(|error| JournalError::unusable(&self.path, &error).into())
    }

    /// What is read until it is dropped was there at one moment.
    fn snapshot(&self) -> Result<rusqlite::Transaction<'_>, Error> {
        self.sql(Connection::unchecked_transaction)
    }

    fn locks(&self) -> PathBuf {
        lock_folder(self.path.parent().unwrap_or(Path::new("")))
    }

    fn summary(&self, run: RunId) -> Result<Summary, Error> {
        let number = i64::try_from(run.0).unwrap_or(i64::MAX);
        self.sql(|connection| Summary::of(connection, number))?.ok_or_else(|| self.no_such_run(run))
    }

    fn public(&self, summary: &Summary) -> Result<RunSummary, Error> {
        let locks = self.locks();
        summary.public(|run| locks::is_held(&locks, run)).ok_or_else(|| {
            let misfit = Misfit::Summary { run: summary.run as u64 };
            JournalError::BrokenChain { path: self.path.clone(), misfit }.into()
        })
    }

    fn no_such_run(&self, run: RunId) -> Error {
        match self.last_run() {
            Ok(last) => {
                JournalError::NoSuchRun { run: run.0, last: last.map(|RunId(run)| run) }.into()
            }
            Err(error) => error,
        }
    }

    fn last_run(&self) -> Result<Option<RunId>, Error> {
        let last: Option<i64> = self.sql(|connection| {
            let table = if layout::version(connection)? == 1 { "entries" } else { "runs" };
            let text = format!("SELECT max(run) FROM {table}");
            connection.query_row(&text, [], |row| row.get(0))
        })?;
        Ok(last.map(|run| RunId(run as u64)))
    }
}

/// Refuses what SQLite would wait for, or take for an empty journal.
fn require_file(path: &Path) -> Result<(), Error> {
    let found = std::fs::metadata(path).ok().and_then(|found| NotAFile::of(found.file_type()));
    found.map_or(Ok(()), |other| {
        let (path, problem) = (path.to_owned(), other.to_string());
        Err(JournalError::Unusable { path, problem }.into())
    })
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages == 0 {
        // So that what is moved to an archive makes the file smaller.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}
