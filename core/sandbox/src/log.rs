//! The request log: when, what and how much; no headers, no bodies, no queries, no secrets.

use jiff::Timestamp;
use rusqlite::{Transaction, params};
use serde::Serialize;

use crate::error::SandboxError;
use crate::settings;

/// One exchange.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    /// When its head had arrived, on the sandbox's clock.
    pub at: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path without the query, at most 200 characters.
    pub path: String,
    /// Status answered; `None` when the connection was cut.
    pub status: Option<u16>,
    /// Content-Length of the request.
    pub request_bytes: u64,
    /// Octets of the answer's body.
    pub answer_bytes: u64,
    /// The fault that was injected.
    pub fault: Option<String>,
}

/// Appends an entry; beyond 10,000 the oldest go.
pub(crate) fn append(transaction: &Transaction<'_>, entry: &LogEntry) -> Result<(), SandboxError> {
    transaction.execute(
        "INSERT INTO log (at, method, path, status, request_bytes, answer_bytes, fault) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            entry.at.as_second(),
            entry.method,
            entry.path,
            entry.status,
            i64::try_from(entry.request_bytes).unwrap_or(i64::MAX),
            i64::try_from(entry.answer_bytes).unwrap_or(i64::MAX),
            entry.fault,
        ],
    )?;
    let oldest = transaction.last_insert_rowid() - MOST;
    transaction.execute("DELETE FROM log WHERE id <= ?1", [oldest])?;
    Ok(())
}

/// The last `limit` entries, oldest first.
pub(crate) fn tail(
    transaction: &Transaction<'_>,
    limit: u32,
) -> Result<Vec<LogEntry>, SandboxError> {
    let mut query = transaction.prepare("SELECT * FROM log ORDER BY id DESC LIMIT ?1")?;
    let rows = query.query_map([limit], |row| {
        let entry = LogEntry {
            at: Timestamp::UNIX_EPOCH,
            method: row.get("method")?,
            path: row.get("path")?,
            status: row.get("status")?,
            request_bytes: row.get::<_, i64>("request_bytes")?.unsigned_abs(),
            answer_bytes: row.get::<_, i64>("answer_bytes")?.unsigned_abs(),
            fault: row.get("fault")?,
        };
        Ok((row.get("at")?, entry))
    })?;
    let mut entries = Vec::new();
    for row in rows {
        let (second, entry) = row?;
        entries.push(LogEntry { at: settings::instant(second)?, ..entry });
    }
    entries.reverse();
    Ok(entries)
}

const MOST: i64 = 10_000;
