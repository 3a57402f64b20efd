//! Submissions: taken in once per idempotency key, processed in the same transaction.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use crate::ca::Ca;
use crate::clock;
use crate::error::SandboxError;
use crate::processing::{self, Outcome, Received};
use crate::refusal::Refusal;
use crate::sessions::Session;
use crate::settings::{self, Settings};

/// A file that arrives.
pub(crate) struct Incoming<'a> {
    pub(crate) session: Session,
    pub(crate) idempotency_key: &'a str,
    pub(crate) file_name: &'a str,
    pub(crate) tipo_documento: &'a str,
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: &'a [u8],
}

/// What the sender is told: the file is in the Agency's hands.
#[derive(Debug, Serialize)]
pub(crate) struct Acknowledgement {
    protocollo: String,
    sha256: String,
    file_name: String,
    tipo_documento: String,
    received_at: Timestamp,
}

/// Whether a file is new.
pub(crate) enum Accepted {
    /// It was taken in now.
    New(Acknowledgement),
    /// It was taken in before, under the same key.
    Known(Acknowledgement),
}

/// How earlier submissions are looked up.
pub(crate) enum Search {
    /// By idempotency key.
    IdempotencyKey(String),
    /// By digest of the file.
    Sha256([u8; 32]),
}

/// Takes a file in and processes it.
///
/// # Errors
/// [`Refusal::KeyReused`] when the sender used the key for another file; nothing is changed then.
pub(crate) fn accept(
    transaction: &Transaction<'_>,
    ca: &Ca,
    incoming: &Incoming<'_>,
    at: Timestamp,
) -> Result<Accepted, Refusal> {
    if let Some((digest, known)) = find_key(transaction, incoming)? {
        let same = digest == incoming.sha256;
        return if same { Ok(Accepted::Known(known)) } else { Err(Refusal::KeyReused) };
    }
    let settings = Settings::load(transaction)?;
    let submission_id = insert(transaction, incoming, at)?;
    let protocollo = protocollo(submission_id, at);
    let processed_at = clock::after(at, i64::from(settings.receipt_delay_seconds));
    let received = Received {
        submission_id,
        protocollo: &protocollo,
        sender_id: incoming.session.sender_id,
        subject_id: incoming.session.subject_id,
        tipo_documento: incoming.tipo_documento,
        file_name: incoming.file_name,
        bytes: incoming.bytes,
        sha256: &incoming.sha256,
        at,
        processed_at,
    };
    let rejection = match processing::process(transaction, ca, &settings, &received)? {
        Outcome::Elaborato => None,
        Outcome::Scartato(rejection) => Some(rejection),
    };
    transaction
        .execute(
            "UPDATE submissions SET protocollo = ?2, processed_at = ?3, rejection_code = ?4, \
             rejection_text = ?5 WHERE id = ?1",
            params![
                submission_id,
                protocollo,
                processed_at.as_second(),
                rejection.as_ref().map(|rejection| rejection.code()),
                rejection.as_ref().map(|rejection| rejection.text()),
            ],
        )
        .map_err(SandboxError::from)?;
    Ok(Accepted::New(Acknowledgement {
        protocollo,
        sha256: hex::encode(incoming.sha256),
        file_name: incoming.file_name.to_owned(),
        tipo_documento: incoming.tipo_documento.to_owned(),
        received_at: at,
    }))
}

/// The sender's submissions that fit, newest first, at most 100.
pub(crate) fn search(
    transaction: &Transaction<'_>,
    session: Session,
    search: &Search,
) -> Result<Vec<Acknowledgement>, SandboxError> {
    let (column, value): (_, &dyn rusqlite::ToSql) = match search {
        Search::IdempotencyKey(key) => ("idempotency_key", key),
        Search::Sha256(digest) => ("sha256", digest),
    };
    let mut query = transaction.prepare(&format!(
        "SELECT * FROM submissions WHERE sender_id = ?1 AND {column} = ?2 \
         ORDER BY id DESC LIMIT 100"
    ))?;
    let rows = query.query_map(params![session.sender_id, value], read)?;
    rows.map(|row| Ok(row?.1)).collect()
}

/// How many files of each type were taken in, ever.
pub(crate) fn count(transaction: &Transaction<'_>) -> Result<Vec<(String, i64)>, SandboxError> {
    let mut query = transaction
        .prepare("SELECT tipo_documento, count(*) FROM submissions GROUP BY 1 ORDER BY 1")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// 17 digits: year, month and day in Rome, then a number that is never used again.
///
/// UNVERIFIED: only the length is public.
fn protocollo(submission_id: i64, at: Timestamp) -> String {
    let rome = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
    format!("{}{submission_id:011}", at.to_zoned(rome).strftime("%y%m%d"))
}

fn find_key(
    transaction: &Transaction<'_>,
    incoming: &Incoming<'_>,
) -> Result<Option<([u8; 32], Acknowledgement)>, SandboxError> {
    let query = "SELECT * FROM submissions WHERE sender_id = ?1 AND idempotency_key = ?2";
    let values = params![incoming.session.sender_id, incoming.idempotency_key];
    Ok(transaction.query_row(query, values, read).optional()?)
}

fn insert(
    transaction: &Transaction<'_>,
    incoming: &Incoming<'_>,
    at: Timestamp,
) -> Result<i64, SandboxError> {
    transaction.execute(
        "INSERT INTO submissions (sender_id, subject_id, idempotency_key, file_name, \
         tipo_documento, sha256, bytes, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            incoming.session.sender_id,
            incoming.session.subject_id,
            incoming.idempotency_key,
            incoming.file_name,
            incoming.tipo_documento,
            incoming.sha256,
            incoming.bytes,
            at.as_second(),
        ],
    )?;
    Ok(transaction.last_insert_rowid())
}

fn read(row: &Row<'_>) -> rusqlite::Result<([u8; 32], Acknowledgement)> {
    let digest: [u8; 32] = row.get("sha256")?;
    let second: i64 = row.get("received_at")?;
    let received_at = settings::instant(second)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, second))?;
    let acknowledgement = Acknowledgement {
        protocollo: row.get("protocollo")?,
        sha256: hex::encode(digest),
        file_name: row.get("file_name")?,
        tipo_documento: row.get("tipo_documento")?,
        received_at,
    };
    Ok((digest, acknowledgement))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocolli_have_17_digits_and_the_date_in_rome() {
        let at = "2026-11-21T23:30:00Z".parse().unwrap();
        assert_eq!(protocollo(1, at), "26112200000000001");
        assert_eq!(protocollo(99_999_999_999, at).len(), 17);
    }
}
