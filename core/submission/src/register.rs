//! The register: every submission that this workspace knows, with its receipt, read from disk.
//!
//! Rows are joined from the outbox (what was sent, what is in doubt), `ricezione/<protocollo>/`
//! (the Agency's own row) and `esiti/` (what became of it). A damaged file is a problem that is
//! listed, and never a reason to show nothing.

use std::path::PathBuf;

use ceralacca_environment::RequestOutcome;
use ceralacca_kernel::Folders;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::hand_over::HandOver;
use crate::kept_file::Look;
use crate::register_read::Reader;
use crate::{Counts, NotOpenable, Protocollo, Rejection, RevocationMark, Stato, printable};

/// What this workspace knows of its submissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Register {
    /// The submissions that have a number, newest first.
    pub rows: Vec<Row>,
    /// Attempts of which nobody knows yet whether they arrived, oldest first.
    pub in_doubt: Vec<InDoubt>,
    /// What was handed to a person.
    pub hand_overs: Vec<HandOver>,
    /// Revocations that were asked for; without an answer they are in doubt.
    pub revocations: Vec<RevocationMark>,
    /// Files that cannot be read.
    pub problems: Vec<Problem>,
}

/// A submission, with the portal's columns first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// *Protocollo*.
    pub protocollo: Protocollo,
    /// *Tipo documento*.
    pub tipo_documento: String,
    /// *Stato*; of a document without any receipt yet, `IN ELABORAZIONE`.
    pub stato: Stato,
    /// *Motivo di scarto*.
    pub motivo_di_scarto: Option<Rejection>,
    /// *Nome file*.
    pub file_name: String,
    /// *Data invio*.
    pub data_invio: Timestamp,
    /// Whether nobody has said the day of sending: it is that of the handing over.
    pub data_presunta: bool,
    /// *Documenti*.
    pub documenti: Counts,
    /// SHA-256 of what was sent, hexadecimal.
    pub sha256: String,
    /// Idempotency key of the call that sent it.
    pub key: Option<String>,
    /// Whether this workspace sent it.
    pub sent: bool,
    /// Whether a person took it to the portal.
    pub handed_over: bool,
    /// How far its receipt is.
    pub receipt: ReceiptState,
    /// Whether a person has to read the receipt, and say what it says: its form is not known here.
    pub by_person: bool,
    /// Why the receipt does not open here, where that was tried.
    pub not_openable: Option<NotOpenable>,
    /// Where the files are.
    pub paths: Paths,
}

/// Where the files of a submission are, as far as there are any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paths {
    /// The sealed receipt.
    pub rcc: Option<PathBuf>,
    /// The signed text.
    pub p7m: Option<PathBuf>,
    /// The text.
    pub rel: Option<PathBuf>,
    /// A receipt of a form that is not known.
    pub opaque: Option<PathBuf>,
    /// What was sent.
    pub sent: Option<PathBuf>,
}

/// How far the receipt of a submission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// It is not there yet.
    Attesa,
    /// It is there, sealed, and was not opened here.
    NonLetta,
    /// It is there, sealed, and nothing here opens it.
    NonApribile,
    /// It was opened here, and what was kept of it is there.
    Letta,
    /// The Agency answered, and nothing is sealed.
    InChiaro,
}

/// An attempt that may or may not have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubt {
    /// Idempotency key of the call, as the folder in the outbox is named.
    pub key: String,
    /// That folder.
    pub folder: PathBuf,
    /// File name; empty when the mark cannot be read.
    pub file_name: String,
    /// Type of document.
    pub tipo_documento: String,
    /// SHA-256 of it, hexadecimal.
    pub sha256: String,
    /// When it was tried.
    pub at: Option<Timestamp>,
    /// Whether a person has it in hand: then nothing is in doubt yet.
    pub handed_over: bool,
}

impl InDoubt {
    /// What to call it: its file name, or the folder of a mark that cannot be read.
    pub fn name(&self) -> String {
        match self.file_name.is_empty() {
            true => format!("what {} is about", self.folder.display()),
            false => printable(&self.file_name, 100),
        }
    }
}

/// A file that cannot be read, or is not as it was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
    /// What can be done.
    pub next: String,
}

/// Which rows are shown; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterFilter {
    /// Its number.
    pub protocollo: Option<Protocollo>,
    /// First day of sending, in Italy.
    pub dal: Option<Date>,
    /// Last day of sending.
    pub al: Option<Date>,
    /// Only what is unread.
    pub unread: bool,
    /// Only what nothing here opens.
    pub not_openable: bool,
}

impl Register {
    /// Reads all that the workspace has. No network; folders that are missing hold nothing.
    pub fn read(folders: &Folders) -> Register {
        Reader::new(folders, Look::Length).read()
    }

    /// As [`Register::read`], and compares what was kept of opened receipts byte by byte.
    pub fn verified(folders: &Folders) -> Register {
        Reader::new(folders, Look::Content).read()
    }

    /// Leaves only the rows that the filter lets through.
    #[must_use]
    pub fn filtered(mut self, filter: &RegisterFilter) -> Register {
        let rome = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
        self.rows.retain(|row| {
            let day = row.data_invio.to_zoned(rome.clone()).date();
            filter.protocollo.as_ref().is_none_or(|number| *number == row.protocollo)
                && filter.dal.is_none_or(|dal| dal <= day)
                && filter.al.is_none_or(|al| day <= al)
                && (!filter.unread || row.receipt == ReceiptState::NonLetta)
                && (!filter.not_openable || row.receipt == ReceiptState::NonApribile)
        });
        self
    }

    /// The receipts that are here or known, and not opened.
    pub fn unread(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.receipt == ReceiptState::NonLetta)
    }

    /// The receipts that are here, and that nothing here opens.
    pub fn not_openable(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.receipt == ReceiptState::NonApribile)
    }

    /// What became of the request for certificates with this SHA-256, hexadecimal.
    pub fn request_outcome(&self, sha256: &str) -> RequestOutcome {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| row.sha256 == sha256).collect();
        // One that was accepted counts, whatever became of the others; then one that may still be.
        rows.sort_by_key(|row| match row.stato {
            Stato::Elaborato | Stato::Annullato => 0,
            Stato::InElaborazione | Stato::DaAprire => 1,
            Stato::Scartato => 2,
        });
        let in_doubt = self.in_doubt.iter().any(|one| one.sha256 == sha256);
        match rows.first() {
            None if in_doubt => RequestOutcome::Waiting,
            None => RequestOutcome::NeverSent,
            Some(row) => match row.stato {
                Stato::Elaborato | Stato::Annullato => RequestOutcome::Accepted,
                Stato::InElaborazione | Stato::DaAprire => RequestOutcome::Waiting,
                Stato::Scartato if in_doubt => RequestOutcome::Waiting,
                Stato::Scartato => RequestOutcome::Rejected {
                    protocollo: row.protocollo.to_string(),
                    reason: row
                        .motivo_di_scarto
                        .as_ref()
                        .map_or_else(String::new, Rejection::words),
                },
            },
        }
    }
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
