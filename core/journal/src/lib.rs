//! The run journal: append-only, hash-chained, in one SQLite file per workspace.
//!
//! Each entry's hash covers the hash of the one before, so that `ceralacca journal verify` notices any
//! change, removal or insertion before the last entry. Intents and outcomes are synced to disk before
//! [`Store::append`] returns; headings and notes ride along with the next of those.

mod chain;
mod error;
mod locks;
mod read_only;

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ceralacca_kernel::{
    Entry, Error, JournalEvent, RunId, RunStatus, RunSummary, Store, Value, cbor, crash_point,
    typed,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

pub use chain::Verified;
pub use error::JournalError;

/// Sleeps until no process works on a run of the journal in `folder`.
pub fn wait_until_free(folder: &Path, run: RunId) {
    locks::wait_until_free(&lock_folder(folder), run);
}

/// Where the locks of the runs are: a file `run-N.holder` is there while a process works on run N.
pub fn lock_folder(folder: &Path) -> PathBuf {
    folder.join("locks")
}

/// The version of the file's layout; a file with a higher one is refused.
pub const VERSION: i64 = 1;

/// The journal of a workspace.
pub struct Journal {
    connection: RefCell<Connection>,
    path: PathBuf,
}

impl Journal {
    /// Opens `journal.sqlite` in `folder`, creating it when missing.
    ///
    /// # Errors
    /// `journal.newer_version` when a newer program wrote it; `journal.unusable`.
    pub fn open(folder: &Path) -> Result<Journal, Error> {
        let path = folder.join("journal.sqlite");
        let connection = open(&path).map_err(|error| JournalError::unusable(&path, &error))?;
        let version: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|error| JournalError::unusable(&path, &error))?;
        if version > VERSION {
            return Err(JournalError::NewerVersion { path, found: version, known: VERSION }.into());
        }
        if version < VERSION {
            create(&connection).map_err(|error| JournalError::unusable(&path, &error))?;
        }
        Ok(Journal { connection: RefCell::new(connection), path })
    }

    /// The runs of the journal in `folder`, as [`Store::runs`] gives them, without writing anything:
    /// somebody who may only read can ask, too. `None` when there is no journal, or an empty file.
    ///
    /// # Errors
    /// As [`Journal::open`] and [`Store::runs`].
    pub fn runs_read_only(folder: &Path) -> Result<Option<Vec<RunSummary>>, Error> {
        let path = folder.join("journal.sqlite");
        read_only::with(&path, |connection| {
            Journal { connection: RefCell::new(connection), path: path.clone() }.runs()
        })
    }

    /// Checks the whole chain.
    ///
    /// # Errors
    /// `journal.broken_chain`, naming the first entry that does not fit.
    pub fn verify(&self) -> Result<Verified, Error> {
        chain::verify(&self.connection.borrow(), &self.path)
    }

    /// Every entry of one run, or of all runs, in order, after checking the chain.
    pub fn all_entries(&self, run: Option<RunId>) -> Result<Vec<Entry>, Error> {
        self.verify()?;
        let connection = self.connection.borrow();
        let mut entries = Vec::new();
        self.read(|| {
            let mut statement = connection.prepare(
                "SELECT sequence, run, at, body FROM entries \
                 WHERE ?1 IS NULL OR run = ?1 ORDER BY sequence",
            )?;
            let rows = statement.query_map([run.map(|run| run.0 as i64)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
            })?;
            for row in rows {
                entries.push(row?);
            }
            Ok(())
        })?;
        entries
            .into_iter()
            .map(|(sequence, run, at, body)| self.entry(sequence, run, at, &body))
            .collect()
    }

    fn entry(&self, sequence: i64, run: i64, at: i64, body: &[u8]) -> Result<Entry, Error> {
        let event = cbor::decode_own(body).and_then(|value| typed::from_value(value).ok());
        let at = Timestamp::from_microsecond(at).ok();
        match (event, at) {
            (Some(event), Some(at)) => {
                Ok(Entry { sequence: sequence as u64, run: RunId(run as u64), at, event })
            }
            _ => Err(JournalError::Unreadable { path: self.path.clone(), sequence }.into()),
        }
    }

    fn read<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, Error> {
        work().map_err(|error| JournalError::unusable(&self.path, &error).into())
    }

    /// Writes one entry; `run` is `None` for the first of a new run.
    fn write(
        &self,
        run: Option<RunId>,
        at: Timestamp,
        event: &JournalEvent,
    ) -> Result<RunId, Error> {
        let body = body(event);
        let kind = kind(event);
        crash_point::reached(&format!("before journal {kind}"));
        let mut connection = self.connection.borrow_mut();
        let run = append(&mut connection, run, at, kind, &body, is_synced(event))
            .map_err(|error| JournalError::unusable(&self.path, &error))?;
        crash_point::reached(&format!("after journal {kind}"));
        Ok(run)
    }

    fn locks(&self) -> PathBuf {
        lock_folder(self.path.parent().unwrap_or(Path::new("")))
    }
}

impl Store for Journal {
    fn begin(&self, at: Timestamp, started: &JournalEvent) -> Result<RunId, Error> {
        self.write(None, at, started)
    }

    fn append(&self, run: RunId, at: Timestamp, event: &JournalEvent) -> Result<(), Error> {
        self.write(Some(run), at, event).map(drop)
    }

    fn entries(&self, run: RunId) -> Result<Vec<Entry>, Error> {
        let entries = self.all_entries(Some(run))?;
        if entries.is_empty() {
            let last = self.read(|| {
                self.connection.borrow().query_row("SELECT max(run) FROM entries", [], |row| {
                    row.get::<_, Option<i64>>(0)
                })
            })?;
            return Err(
                JournalError::NoSuchRun { run: run.0, last: last.map(|run| run as u64) }.into()
            );
        }
        Ok(entries)
    }

    fn runs(&self) -> Result<Vec<RunSummary>, Error> {
        let mut runs: BTreeMap<RunId, RunSummary> = BTreeMap::new();
        for entry in self.all_entries(None)? {
            if let JournalEvent::Started { workflow, key, .. } = &entry.event {
                let summary = RunSummary {
                    run: entry.run,
                    key: key.clone(),
                    workflow: workflow.clone(),
                    started: entry.at,
                    last: entry.at,
                    status: RunStatus::Open,
                    stage: None,
                    locked: locks::is_held(&self.locks(), entry.run),
                    error: None,
                };
                runs.insert(entry.run, summary);
            }
            let Some(summary) = runs.get_mut(&entry.run) else { continue };
            summary.last = entry.at;
            summary.status = RunStatus::after(&entry.event);
            summary.error = None;
            match entry.event {
                JournalEvent::Stage { title, .. } => summary.stage = Some(title),
                JournalEvent::Stopped { error } => summary.error = Some(error),
                _ => {}
            }
        }
        Ok(runs.into_values().collect())
    }

    fn lock(&self, run: RunId, at: Timestamp) -> Result<Box<dyn Any>, Error> {
        Ok(Box::new(locks::acquire(&self.locks(), run, at)?))
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS entries (
             sequence INTEGER PRIMARY KEY,
             run      INTEGER NOT NULL,
             at       INTEGER NOT NULL, -- microseconds since 1970, UTC
             kind     TEXT    NOT NULL, -- for people who look with sqlite3; the body decides
             body     BLOB    NOT NULL, -- the event, deterministic CBOR
             hash     BLOB    NOT NULL  -- see chain.rs
         ) STRICT;
         CREATE INDEX IF NOT EXISTS entries_by_run ON entries (run, sequence);
         CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE UPDATE ON entries
             BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
         CREATE TRIGGER IF NOT EXISTS entries_remain BEFORE DELETE ON entries
             BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
         PRAGMA user_version = 1;
         COMMIT;",
    )
}

fn append(
    connection: &mut Connection,
    run: Option<RunId>,
    at: Timestamp,
    kind: &str,
    body: &[u8],
    synced: bool,
) -> rusqlite::Result<RunId> {
    // In WAL mode NORMAL commits without fsync; the next FULL commit syncs what came before it too.
    connection.pragma_update(None, "synchronous", if synced { "FULL" } else { "NORMAL" })?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last: Option<(i64, Vec<u8>)> = transaction
        .query_row("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (sequence, previous) = match last {
        Some((sequence, hash)) => (sequence + 1, hash),
        None => (1, chain::ROOT.to_vec()),
    };
    let run = match run {
        Some(run) => run.0 as i64,
        None => {
            transaction
                .query_row("SELECT coalesce(max(run), 0) + 1 FROM entries", [], |row| row.get(0))?
        }
    };
    let at = at.as_microsecond();
    let hash = chain::hash(&previous, sequence, run, at, body);
    transaction.execute(
        "INSERT INTO entries (sequence, run, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![sequence, run, at, kind, body, hash],
    )?;
    transaction.commit()?;
    Ok(RunId(run as u64))
}

fn body(event: &JournalEvent) -> Vec<u8> {
    let value = typed::to_value(event).unwrap_or(Value::Null);
    cbor::encode(&value)
}

/// What must be on disk before anything else happens.
fn is_synced(event: &JournalEvent) -> bool {
    !matches!(
        event,
        JournalEvent::Stage { .. } | JournalEvent::Resumed { .. } | JournalEvent::Waiting { .. }
    )
}

fn kind(event: &JournalEvent) -> &'static str {
    match event {
        JournalEvent::Started { .. } => "started",
        JournalEvent::Stage { .. } => "stage",
        JournalEvent::Intent(_) => "intent",
        JournalEvent::Ended { .. } => "ended",
        JournalEvent::Waiting { .. } => "waiting",
        JournalEvent::Resumed { .. } => "resumed",
        JournalEvent::Stopped { .. } => "stopped",
        JournalEvent::Finished { .. } => "finished",
        JournalEvent::Abandoned { .. } => "abandoned",
    }
}
