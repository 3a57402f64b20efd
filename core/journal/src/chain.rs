//! The hash chain over all entries of a journal.

use std::path::Path;

use ceralacca_kernel::Error;
use rusqlite::Connection;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::JournalError;

/// What the first entry is chained to.
pub(crate) const ROOT: [u8; 32] = [0; 32];

/// A journal whose chain holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many entries it has.
    pub entries: u64,
    /// Hash of the last one, hexadecimal: noted elsewhere, it proves that nothing was cut off.
    pub head: String,
}

/// SHA-256 over the previous hash, sequence, run and time (64 bits big-endian each), and the body.
pub(crate) fn hash(previous: &[u8], sequence: i64, run: i64, at: i64, body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(sequence.to_be_bytes());
    hash.update(run.to_be_bytes());
    hash.update(at.to_be_bytes());
    hash.update(body);
    hash.finalize().to_vec()
}

pub(crate) fn verify(connection: &Connection, path: &Path) -> Result<Verified, Error> {
    let (entries, head) = walk(connection, path)
        .map_err(|error| Error::from(JournalError::unusable(path, &error)))??;
    Ok(Verified { entries, head: hex::encode(head) })
}

/// Walks the chain; the inner error is the first entry that does not fit.
fn walk(
    connection: &Connection,
    path: &Path,
) -> rusqlite::Result<Result<(u64, Vec<u8>), JournalError>> {
    let mut statement = connection
        .prepare("SELECT sequence, run, at, body, hash FROM entries ORDER BY sequence")?;
    let mut rows = statement.query([])?;
    let (mut count, mut previous) = (0_i64, ROOT.to_vec());
    while let Some(row) = rows.next()? {
        let (sequence, run, at): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (body, stored): (Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(4)?);
        count += 1;
        if sequence != count || hash(&previous, sequence, run, at, &body) != stored {
            return Ok(Err(JournalError::BrokenChain { path: path.to_owned(), sequence: count }));
        }
        previous = stored;
    }
    Ok(Ok((count as u64, previous)))
}
