//! The chain of heads: a run's beginning, and where it stood each time a process took it up or let it go.
//!
//! With it a run that was removed is missed, and so is the end of one.

use rusqlite::{Connection, OptionalExtension, params};

use crate::chain::{Link, ROOT};

/// What the journal said of a run at a moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) entries: i64,
    pub(crate) head: Vec<u8>,
}

/// The first head: it stands for `entries` of layout 1, the last with the hash `head`.
pub(crate) fn anchor(
    connection: &Connection,
    entries: i64,
    head: &[u8],
    at: i64,
) -> rusqlite::Result<()> {
    add(connection, 0, &Head { entries, head: head.to_vec() }, at)
}

/// Adds a head.
pub(crate) fn add(connection: &Connection, run: i64, head: &Head, at: i64) -> rusqlite::Result<()> {
    let last: Option<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT number, hash FROM heads ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (last, previous) = last.unwrap_or((0, ROOT.to_vec()));
    let number = last + 1;
    let hash = hash(&previous, number, run, head, at);
    connection
        .prepare_cached(
            "INSERT INTO heads (number, run, entries, head, at, hash) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![number, run, head.entries, head.head, at, hash])?;
    Ok(())
}

/// As an entry is hashed; its body is how many entries the run had (64 bits big-endian), and their head.
fn hash(previous: &[u8], number: i64, run: i64, head: &Head, at: i64) -> Vec<u8> {
    let mut body = head.entries.to_be_bytes().to_vec();
    body.extend_from_slice(&head.head);
    Link { number, run, at, body: &body }.hash(previous)
}

/// The heads of a run, oldest first.
pub(crate) fn of_run(connection: &Connection, run: i64) -> rusqlite::Result<Vec<Head>> {
    connection
        .prepare_cached("SELECT entries, head FROM heads WHERE run = ? ORDER BY number")?
        .query_map([run], |row| Ok(Head { entries: row.get(0)?, head: row.get(1)? }))?
        .collect()
}

/// How the chain of heads ends, or the first head that does not fit.
pub(crate) fn walk(connection: &Connection) -> rusqlite::Result<Result<Vec<u8>, u64>> {
    let mut statement = connection
        .prepare("SELECT number, run, entries, head, at, hash FROM heads ORDER BY number")?;
    let mut rows = statement.query([])?;
    let (mut count, mut previous) = (0_i64, ROOT.to_vec());
    while let Some(row) = rows.next()? {
        let (number, run): (i64, i64) = (row.get(0)?, row.get(1)?);
        let head = Head { entries: row.get(2)?, head: row.get(3)? };
        let stored: Vec<u8> = row.get(5)?;
        count += 1;
        if number != count || hash(&previous, number, run, &head, row.get(4)?) != stored {
            return Ok(Err(count as u64));
        }
        previous = stored;
    }
    Ok(if count == 0 { Err(1) } else { Ok(previous) })
}
