//! Layout 1: one table of entries, one chain over all runs. It is read as it is; nothing is added to it
//! once the journal has gone on to layout 2.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use ceralacca_kernel::{Error, crash_point};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use crate::chain::{Link, ROOT};
use crate::error::Misfit;
use crate::heads::{self, Head};
use crate::run_chain::Raw;
use crate::summary::{Kept, Summary, decoded};
use crate::{JournalError, layout};

/// Walks the chain over all runs, and makes the summary of each from its entries.
pub(crate) fn summaries(
    connection: &Connection,
    path: &Path,
) -> Result<(BTreeMap<i64, Summary>, Vec<u8>), Error> {
    let mut found = BTreeMap::<i64, Summary>::new();
    let head = walk(connection, path, &mut |run, raw| {
        let summary = found.entry(run).or_insert_with(|| Summary::new(run));
        let number = summary.entries + 1;
        let (_, event) = decoded(path, run, number, raw.at, &raw.body)?;
        summary.add(&Kept { at: raw.at, event: &event, body: &raw.body });
        summary.earlier = summary.entries;
        Ok(())
    })?;
    Ok((found, head))
}

/// Walks the chain over all runs, and gives the hash of the last entry.
///
/// # Errors
/// Those of `each`; `journal.broken_chain`.
pub(crate) fn walk(
    connection: &Connection,
    path: &Path,
    each: &mut dyn FnMut(i64, &Raw) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let unusable = |error: rusqlite::Error| Error::from(JournalError::unusable(path, &error));
    let mut statement = connection
        .prepare("SELECT sequence, run, at, body, hash FROM entries ORDER BY sequence")
        .map_err(unusable)?;
    let mut rows = statement.query([]).map_err(unusable)?;
    let (mut count, mut previous) = (0_i64, ROOT.to_vec());
    while let Some(row) = rows.next().map_err(unusable)? {
        let read = || {
            let raw = Raw { number: row.get(0)?, at: row.get(2)?, body: row.get(3)? };
            Ok((raw, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(4)?))
        };
        let (raw, run, stored) = read().map_err(unusable)?;
        count += 1;
        let link = Link { number: raw.number, run, at: raw.at, body: &raw.body };
        if raw.number != count || link.hash(&previous) != stored {
            let misfit = Misfit::Earlier { sequence: count as u64 };
            return Err(JournalError::BrokenChain { path: path.to_owned(), misfit }.into());
        }
        each(run, &raw)?;
        previous = stored;
    }
    Ok(previous)
}

/// Gives the entries of one run, numbered within it.
pub(crate) fn of_run(
    connection: &Connection,
    path: &Path,
    run: i64,
    each: &mut dyn FnMut(&Raw) -> Result<(), Error>,
) -> Result<(), Error> {
    let unusable = |error: rusqlite::Error| Error::from(JournalError::unusable(path, &error));
    let mut statement = connection
        .prepare_cached("SELECT at, body FROM entries WHERE run = ? ORDER BY sequence")
        .map_err(unusable)?;
    let mut rows = statement.query([run]).map_err(unusable)?;
    let mut number = 0;
    while let Some(row) = rows.next().map_err(unusable)? {
        number += 1;
        let read = || Ok(Raw { number, at: row.get(0)?, body: row.get(1)? });
        each(&read().map_err(unusable)?)?;
    }
    Ok(())
}

/// Up to which entry of a run was read, and where that is among all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    number: i64,
    sequence: i64,
}

/// When the `number`-th entry of a run was written, and its body; quick when they are asked for in order.
pub(crate) fn entry(
    connection: &Connection,
    run: i64,
    number: i64,
    cursor: &Cell<Cursor>,
) -> rusqlite::Result<Option<(i64, Vec<u8>)>> {
    let from = Some(cursor.get()).filter(|from| from.number < number).unwrap_or_default();
    let found = connection
        .prepare_cached(
            "SELECT sequence, at, body FROM entries WHERE run = ? AND sequence > ? \
             ORDER BY sequence LIMIT 1 OFFSET ?",
        )?
        .query_row([run, from.sequence, number - from.number - 1], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(found.map(|(sequence, at, body)| {
        cursor.set(Cursor { number, sequence });
        (at, body)
    }))
}

/// Goes on to layout 2, in one transaction: the entries stay where they are, verified; each run has its
/// summary and its head, and the end of the chain becomes the first head.
///
/// # Errors
/// `journal.broken_chain`, and then the file is as it was.
pub(crate) fn go_on(connection: &Connection, path: &Path, at: Timestamp) -> Result<(), Error> {
    let unusable = |error: rusqlite::Error| Error::from(JournalError::unusable(path, &error));
    if layout::version(connection).map_err(unusable)? != 1 {
        return Ok(());
    }
    crash_point::reached("before journal layout 2");
    connection.pragma_update(None, "synchronous", "FULL").map_err(unusable)?;
    let transaction =
        Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(unusable)?;
    // Another process may have been quicker.
    if layout::version(&transaction).map_err(unusable)? != 1 {
        return Ok(());
    }
    let (runs, head) = summaries(&transaction, path)?;
    write(&transaction, &runs, &head, at.as_microsecond()).map_err(unusable)?;
    crash_point::reached("during journal layout 2");
    transaction.commit().map_err(unusable)?;
    crash_point::reached("after journal layout 2");
    Ok(())
}

fn write(
    connection: &Connection,
    runs: &BTreeMap<i64, Summary>,
    head: &[u8],
    at: i64,
) -> rusqlite::Result<()> {
    layout::tables(connection)?;
    // A process of an earlier release may still have the file open.
    connection.execute_batch(
        "CREATE TRIGGER entries_closed BEFORE INSERT ON entries
             BEGIN SELECT raise(ABORT, 'this journal has gone on to another layout'); END;",
    )?;
    heads::anchor(connection, runs.values().map(|run| run.entries).sum(), head, at)?;
    for run in runs.values() {
        run.insert(connection)?;
        let head = Head { entries: run.entries, head: run.head.clone() };
        heads::add(connection, run.run, &head, at)?;
    }
    Ok(())
}
