//! Processing of what was submitted, by type of document.

mod filed;
mod impronta;
mod marking;
mod pks10;
mod sealed_file;
mod sealed_receipt;

use jiff::Timestamp;
use rusqlite::Transaction;

pub(crate) use filed::replaced_by;
pub(crate) use impronta::IMPRONTA;
pub(crate) use pks10::{PKS10, certif_in};

use crate::ca::Ca;
use crate::error::SandboxError;
use crate::rejection::Rejection;
use crate::settings::Settings;

/// A file whose row in the state is written, and that is to be processed.
pub(crate) struct Received<'a> {
    /// Of the row.
    pub(crate) submission_id: i64,
    /// The number it has from now on.
    pub(crate) protocollo: &'a str,
    /// Who was at work.
    pub(crate) sender_id: i64,
    /// For whom.
    pub(crate) subject_id: i64,
    pub(crate) tipo_documento: &'a str,
    pub(crate) file_name: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) sha256: &'a [u8; 32],
    pub(crate) at: Timestamp,
    /// From when on the outcome is visible.
    pub(crate) processed_at: Timestamp,
}

/// What came of a file.
pub(crate) enum Outcome {
    /// It was accepted. What belongs to its receipt is among the attachments of the submission.
    Elaborato,
    /// It was rejected.
    Scartato(Rejection),
}

/// Whether files of this type are taken in.
pub(crate) fn is_known(tipo_documento: &str) -> bool {
    [PKS10, IMPRONTA].contains(&tipo_documento)
}

/// Processes a file of a known type.
pub(crate) fn process(
    transaction: &Transaction<'_>,
    ca: &Ca,
    settings: &Settings,
    received: &Received<'_>,
) -> Result<Outcome, SandboxError> {
    match received.tipo_documento {
        IMPRONTA => impronta::process(transaction, ca, settings, received),
        _ => pks10::process(transaction, ca, settings, received),
    }
}
