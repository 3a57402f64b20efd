//! A run that this process holds, and what may be added to it.

use std::cell::Cell;
use std::rc::Rc;

use ceralacca_kernel::lock::FileLock;
use ceralacca_kernel::{Durable, Entry, Error, HeldRun, JournalEvent, Room, RunId, crash_point};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::error::Misfit;
use crate::heads::{self, Head};
use crate::summary::{Kept, Summary, decoded};
use crate::{File, JournalError, event, layout_1, locks};

/// How many entries a run may have.
pub const MAX_ENTRIES: u64 = 1_000_000;
/// How many bytes their bodies may have.
pub const MAX_BYTES: u64 = 1 << 30;
/// Entries that are kept for how a run ends: that it stopped or finished, and that it was given up.
const KEPT_ENTRIES: u64 = 2;
/// Bytes that are kept for it: the largest result, and words.
const KEPT_BYTES: u64 = 66 << 20;

/// A run that this process holds.
pub(crate) struct Held {
    file: Rc<File>,
    run: i64,
    /// How many entries are in the table of layout 1, and up to where that was read.
    earlier: i64,
    read: Cell<layout_1::Cursor>,
    /// Whether everything is known to be on disk; of what an earlier process left that is not known.
    synced: Cell<bool>,
    _lock: FileLock,
}

impl Held {
    /// Begins the next run.
    pub(crate) fn begin(
        file: Rc<File>,
        at: Timestamp,
        started: &JournalEvent,
    ) -> Result<Held, Error> {
        let body = event::encode(started);
        crash_point::reached(&format!("before journal {}", event::kind(started)));
        let transaction = file.transaction(Durable::Synced)?;
        let run: i64 = file.sql(|connection| {
            connection.query_row("SELECT coalesce(max(run), 0) + 1 FROM runs", [], |row| row.get(0))
        })?;
        // Before anybody else can know of the run.
        let lock = locks::acquire(&file.locks(), RunId(run as u64), at)?;
        let mut summary = Summary::new(run);
        let kept = Kept { at: at.as_microsecond(), event: started, body: &body };
        file.sql(|connection| {
            summary.insert(connection)?;
            add(connection, &mut summary, &kept)?;
            if !event::has_head(started) {
                head(connection, &summary)?;
            }
            transaction.commit()
        })?;
        crash_point::reached(&format!("after journal {}", event::kind(started)));
        Ok(Held::of(file, &summary, lock))
    }

    /// Takes a run that is there.
    pub(crate) fn take(file: Rc<File>, run: RunId, at: Timestamp) -> Result<Held, Error> {
        let summary = file.summary(run)?;
        let lock = locks::acquire(&file.locks(), run, at)?;
        Ok(Held::of(file, &summary, lock))
    }

    fn of(file: Rc<File>, summary: &Summary, lock: FileLock) -> Held {
        let (run, earlier, read) = (summary.run, summary.earlier, Cell::default());
        Held { file, run, earlier, read, synced: Cell::new(false), _lock: lock }
    }

    fn summary(&self) -> Result<Summary, Error> {
        self.file.summary(self.id())
    }
}

impl HeldRun for Held {
    fn id(&self) -> RunId {
        RunId(self.run as u64)
    }

    fn append(&self, at: Timestamp, event: &JournalEvent, durable: Durable) -> Result<(), Error> {
        let body = event::encode(event);
        crash_point::reached(&format!("before journal {}", event::kind(event)));
        self.synced.set(false);
        let transaction = self.file.transaction(durable)?;
        let mut summary = self.summary()?;
        let room = Room { entries: 1, bytes: body.len() as u64 };
        has_room(&summary, room, is_end(event))?;
        let kept = Kept { at: at.as_microsecond(), event, body: &body };
        self.file.sql(|connection| {
            add(connection, &mut summary, &kept)?;
            transaction.commit()
        })?;
        self.synced.set(durable == Durable::Synced);
        crash_point::reached(&format!("after journal {}", event::kind(event)));
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        if self.synced.get() {
            return Ok(());
        }
        let transaction = self.file.transaction(Durable::Synced)?;
        // A page has to change for SQLite to sync, and then all before it is synced, too.
        self.file.sql(|connection| {
            connection
                .prepare_cached("UPDATE runs SET syncs = syncs + 1 WHERE run = ?")?
                .execute([self.run])?;
            transaction.commit()
        })?;
        self.synced.set(true);
        Ok(())
    }

    fn require_room(&self, room: Room) -> Result<(), Error> {
        has_room(&self.summary()?, room, false)
    }

    fn entry(&self, sequence: u64) -> Result<Entry, Error> {
        let (run, number) = (self.run, sequence as i64);
        let raw: Option<(i64, Vec<u8>)> = self.file.sql(|connection| {
            if number <= self.earlier {
                return layout_1::entry(connection, run, number, &self.read);
            }
            connection
                .prepare_cached("SELECT at, body FROM run_entries WHERE run = ? AND number = ?")?
                .query_row([run, number], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        let Some((at, body)) = raw else {
            let misfit = Misfit::of_entry(run, number);
            return Err(JournalError::BrokenChain { path: self.file.path.clone(), misfit }.into());
        };
        let (at, event) = decoded(&self.file.path, run, number, at, &body)?;
        Ok(Entry { sequence, run: self.id(), at, event })
    }
}

/// Refuses what leaves no room for the end of the run, unless it is the end.
fn has_room(summary: &Summary, room: Room, is_end: bool) -> Result<(), Error> {
    let (entries, bytes) = (summary.entries as u64, summary.bytes as u64);
    let kept = if is_end { (0, 0) } else { (KEPT_ENTRIES, KEPT_BYTES) };
    if entries + room.entries + kept.0 <= MAX_ENTRIES && bytes + room.bytes + kept.1 <= MAX_BYTES {
        return Ok(());
    }
    Err(JournalError::RunFull { run: summary.run as u64, entries, bytes }.into())
}

fn is_end(event: &JournalEvent) -> bool {
    matches!(
        event,
        JournalEvent::Stopped { .. }
            | JournalEvent::Finished { .. }
            | JournalEvent::Abandoned { .. }
    )
}

/// Writes an entry, the summary with it, and a head where there should be one.
pub(crate) fn add(
    connection: &Connection,
    summary: &mut Summary,
    entry: &Kept<'_>,
) -> rusqlite::Result<()> {
    let before = summary.clone();
    summary.add(entry);
    connection
        .prepare_cached(
            "INSERT INTO run_entries (run, number, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            summary.run,
            summary.entries,
            entry.at,
            event::kind(entry.event),
            entry.body,
            summary.head,
        ])?;
    summary.update(connection, &before)?;
    if before.entries == 0 {
        connection
            .prepare_cached("UPDATE runs SET started = ? WHERE run = ?")?
            .execute(params![summary.started, summary.run])?;
    }
    if event::has_head(entry.event) {
        head(connection, summary)?;
    }
    Ok(())
}

fn head(connection: &Connection, summary: &Summary) -> rusqlite::Result<()> {
    let head = Head { entries: summary.entries, head: summary.head.clone() };
    heads::add(connection, summary.run, &head, summary.last)
}

impl File {
    /// Begins to write; what is committed is synced or not, as `durable` says.
    pub(crate) fn transaction(&self, durable: Durable) -> Result<Transaction<'_>, Error> {
        self.sql(|connection| {
            // In WAL mode NORMAL commits without a sync; the next FULL commit syncs what came before.
            let mode = if durable == Durable::Synced { "FULL" } else { "NORMAL" };
            connection.pragma_update(None, "synchronous", mode)?;
            Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
        })
    }
}
