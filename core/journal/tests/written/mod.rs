//! Journals for the tests: of this release, and of the one before, written as that one did.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(unreachable_pub, reason = "each test file has its own")]

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_journal::Journal;
use ceralacca_kernel::{
    CallRecord, Durable, Entry, Error, HeldRun, JournalEvent, Outcome, Page, RunFilter, RunId,
    RunSummary, Store, Value, cbor, typed,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

pub fn started(key: &str) -> JournalEvent {
    JournalEvent::Started {
        workflow: "w".into(),
        file: "w.rhai".into(),
        path: None,
        source: "fn run(input) {}".into(),
        source_sha256: "00".into(),
        input: Value::from([("bytes", Value::Bytes(vec![1, 2, 3]))]),
        key: key.into(),
        version: "0".into(),
        workspace: None,
        folder: None,
        plugins: Vec::new(),
    }
}

pub fn stage(step: u64) -> JournalEvent {
    JournalEvent::Stage { step, title: "Genera ambiente".into() }
}

pub fn ended(step: u64) -> JournalEvent {
    let call = CallRecord {
        step,
        primitive: "world::count".into(),
        arguments: Value::List(Vec::new()),
        arguments_sha256: "00".into(),
    };
    JournalEvent::Ended { call, outcome: Outcome::Ok(Value::Int(step as i64)) }
}

pub fn finished() -> JournalEvent {
    JournalEvent::Finished { result: Value::Null }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub fn append(held: &dyn HeldRun, second: i64, event: &JournalEvent) {
    held.append(at(second), event, Durable::Committed).unwrap();
}

pub fn all(journal: &Journal) -> Vec<RunSummary> {
    journal.runs(&RunFilter::default(), Page::ALL).unwrap().runs
}

pub fn path(folder: &Path) -> PathBuf {
    folder.join("journal.sqlite")
}

/// Two runs: the first is finished, the second was interrupted.
pub fn two_runs(folder: &Path) -> Journal {
    let journal = Journal::open(folder).unwrap();
    let first = journal.begin(at(0), &started("k1")).unwrap();
    let second = journal.begin(at(0), &started("k2")).unwrap();
    for held in [&first, &second] {
        append(&**held, 1, &stage(0));
    }
    append(&*first, 2, &finished());
    journal
}

/// The journal of the release before, of the same two runs, in the order in which they were written.
pub fn layout_1(folder: &Path) -> Connection {
    fs::create_dir_all(folder).unwrap();
    let connection = Connection::open(path(folder)).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(LAYOUT_1).unwrap();
    for (run, second, event) in [
        (1, 0, started("k1")),
        (2, 0, started("k2")),
        (1, 1, stage(0)),
        (2, 1, stage(0)),
        (1, 2, finished()),
    ] {
        append_1(&connection, run, second, &event).unwrap();
    }
    connection
}

/// As the release before began a journal.
pub const LAYOUT_1: &str = "
    CREATE TABLE entries (
        sequence INTEGER PRIMARY KEY,
        run      INTEGER NOT NULL,
        at       INTEGER NOT NULL, -- microseconds since 1970, UTC
        kind     TEXT    NOT NULL, -- for people who look with sqlite3; the body decides
        body     BLOB    NOT NULL, -- the event, deterministic CBOR
        hash     BLOB    NOT NULL  -- see chain.rs
    ) STRICT;
    CREATE INDEX entries_by_run ON entries (run, sequence);
    CREATE TRIGGER entries_stay BEFORE UPDATE ON entries
        BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER entries_remain BEFORE DELETE ON entries
        BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
    PRAGMA user_version = 1;";

/// As the release before added an entry.
pub fn append_1(
    connection: &Connection,
    run: i64,
    second: i64,
    event: &JournalEvent,
) -> rusqlite::Result<usize> {
    let (last, previous): (i64, Vec<u8>) = connection
        .query_row("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap_or((0, vec![0; 32]));
    let (sequence, at) = (last + 1, at(second).as_microsecond());
    let body = cbor::encode(&typed::to_value(event).unwrap());
    let mut hash = Sha256::new();
    hash.update(previous);
    [sequence, run, at].iter().for_each(|number| hash.update(number.to_be_bytes()));
    hash.update(&body);
    connection.execute(
        "INSERT INTO entries (sequence, run, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![sequence, run, at, "event", body, hash.finalize().to_vec()],
    )
}

/// Every entry of a run.
pub fn entries(journal: &Journal, run: u64) -> Vec<Entry> {
    journal.entries(RunId(run)).unwrap()
}

/// What an error is called.
pub fn code<T>(outcome: Result<T, Error>) -> String {
    outcome.err().map(|error| error.code().to_owned()).unwrap_or_default()
}

/// Changes the file behind the program's back, as somebody would who removes what is in the way.
pub fn tamper(file: &Path, statement: &str) {
    let connection = Connection::open(file).unwrap();
    let triggers: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    for name in triggers {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    connection.execute_batch(statement).unwrap();
}
