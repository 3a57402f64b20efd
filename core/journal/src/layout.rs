//! The tables of a journal. Layout 1 was the table `entries` alone, one chain over all runs; layout 2 has
//! a chain for each run, a chain of heads over them, and a summary row for each run.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::heads;

/// The version of the file's layout; a file with a higher one is refused.
pub const VERSION: i64 = 2;

pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))
}

/// Makes the tables in a file that has none.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    if version(&transaction)? == 0 {
        tables(&transaction)?;
        heads::anchor(&transaction, 0, &crate::chain::ROOT, 0)?;
    }
    transaction.commit()
}

/// The tables of layout 2.
pub(crate) fn tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE run_entries (
             run    INTEGER NOT NULL,
             number INTEGER NOT NULL, -- within the run, from 1
             at     INTEGER NOT NULL, -- microseconds since 1970, UTC
             kind   TEXT    NOT NULL, -- for people who look with sqlite3; the body decides
             body   BLOB    NOT NULL, -- the event, deterministic CBOR
             hash   BLOB    NOT NULL, -- see chain.rs
             PRIMARY KEY (run, number)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE heads (
             number  INTEGER PRIMARY KEY, -- from 1; the first stands for all of layout 1
             run     INTEGER NOT NULL,    -- 0 in the first
             entries INTEGER NOT NULL,    -- how many the run had
             head    BLOB    NOT NULL,    -- the hash of its last
             at      INTEGER NOT NULL,
             hash    BLOB    NOT NULL     -- see heads.rs
         ) STRICT;
         CREATE INDEX heads_by_run ON heads (run, number);
         CREATE TABLE runs (
             run      INTEGER PRIMARY KEY,
             key      TEXT    NOT NULL,
             workflow TEXT    NOT NULL,
             started  INTEGER NOT NULL,
             last     INTEGER NOT NULL,
             status   TEXT    NOT NULL,
             stage    TEXT,
             error    BLOB,             -- what it stopped with, deterministic CBOR
             entries  INTEGER NOT NULL,
             bytes    INTEGER NOT NULL, -- of all bodies
             head     BLOB    NOT NULL, -- the hash of the last entry
             earlier  INTEGER NOT NULL, -- how many of its entries are in the table of layout 1
             syncs    INTEGER NOT NULL, -- counted, because SQLite syncs only what has changed
             archive  TEXT              -- the file that the entries were moved to
         ) STRICT;
         CREATE INDEX runs_by_key ON runs (key);
         CREATE INDEX runs_open ON runs (run) WHERE status NOT IN ('finished', 'abandoned');
         CREATE TRIGGER run_entries_stay BEFORE UPDATE ON run_entries
             BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
         CREATE TRIGGER run_entries_remain BEFORE DELETE ON run_entries
             WHEN (SELECT archive FROM runs WHERE run = OLD.run) IS NULL
             BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
         CREATE TRIGGER heads_stay BEFORE UPDATE ON heads
             BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
         CREATE TRIGGER heads_remain BEFORE DELETE ON heads
             BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
         CREATE TRIGGER runs_remain BEFORE DELETE ON runs
             BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
         PRAGMA user_version = 2;",
    )
}
