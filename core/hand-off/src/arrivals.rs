//! A file that a person may have saved in `ricezione`, and what it is.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ceralacca_kernel::regular_file;
use ceralacca_submission::outbox::sha256_hex;
use ceralacca_submission::{ReceiptText, printable};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::recognise::{recognise, unwrapped};

/// A file that has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// Where it is.
    pub path: PathBuf,
    /// File name.
    pub name: String,
    /// Bytes in it.
    pub length: u64,
    /// SHA-256 of it, hexadecimal; empty for what was not read to its end.
    pub sha256: String,
    /// When it was last written, where the disk knows.
    pub modified: Option<Timestamp>,
    /// What it is.
    pub kind: ArrivalKind,
    /// What is inside, where the file is only a wrapping: PEM, base64, white space at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Unwrapped>,
    /// When it will have been quiet for a while; `None` when it has.
    #[serde(skip)]
    pub quiet_at: Option<Timestamp>,
}

/// What is inside a wrapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unwrapped {
    /// SHA-256 of it, hexadecimal.
    pub sha256: String,
    /// Bytes in it.
    pub length: u64,
}

/// What a file is, told from its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalKind {
    /// Certificates: `CERTIF.IN`.
    CertifIn {
        /// SHA-256 of the public keys that it certifies, hexadecimal.
        keys: Vec<String>,
    },
    /// The text of a receipt.
    Text {
        /// What it says.
        text: Box<ReceiptText>,
        /// Whether it is inside a signature. It is verified where the receipt is used.
        signed: bool,
    },
    /// A sealed receipt, `.rcc`; it does not say outside whose it is.
    Sealed,
    /// Something else, never claimed to be understood.
    Opaque {
        /// What it looks like: `PDF`, `ZIP`, `XML`, `text`, `DER`, `data`.
        looks_like: &'static str,
    },
    /// The beginning of something: it may still be on its way.
    Incomplete {
        /// What is missing.
        why: String,
    },
    /// Nothing in it says where it ends, and it was written to a moment ago: it may still be on its
    /// way.
    OnItsWay {
        /// What it is if no more comes.
        kind: Box<ArrivalKind>,
        /// When it counts as whole, if it stays as it is.
        until: Timestamp,
    },
    /// A browser's own name for what it is still loading.
    Loading,
    /// A link: nobody knows what it will lead to.
    Link,
    /// A folder in a folder; only those in `ricezione` itself are looked into.
    TooDeep,
    /// Here the looking ended: there are more files than this.
    TooMany {
        /// How many were looked at.
        most: usize,
    },
    /// More than a receipt can be.
    TooLarge,
    /// It could not be read.
    Unreadable {
        /// What the operating system said.
        system: String,
    },
}

impl Arrival {
    /// One line for a table: name and what it is.
    pub fn describe(&self) -> String {
        let what = match &self.kind {
            ArrivalKind::CertifIn { keys } => format!("CERTIF.IN, {} certified keys", keys.len()),
            ArrivalKind::Text { text, .. } => {
                format!("receipt of {}: {}", text.protocollo, text.stato.as_str())
            }
            ArrivalKind::Sealed => "sealed receipt".to_owned(),
            ArrivalKind::Opaque { looks_like } => {
                format!("{looks_like} of unknown format, kept as it is")
            }
            ArrivalKind::Incomplete { why } => format!("not whole: {why}"),
            ArrivalKind::OnItsWay { kind, .. } => match &**kind {
                ArrivalKind::Opaque { looks_like } => {
                    format!("{looks_like} of unknown format, which may still be on its way")
                }
                _ => "it may still be on its way".to_owned(),
            },
            ArrivalKind::Loading => "a download that is not finished".to_owned(),
            ArrivalKind::Link => "a link, which is not followed".to_owned(),
            ArrivalKind::TooDeep => "a folder in a folder, which is not looked into".to_owned(),
            ArrivalKind::TooMany { most } => {
                format!("more than {most} files; the rest is not looked at")
            }
            ArrivalKind::TooLarge => "larger than a receipt can be".to_owned(),
            ArrivalKind::Unreadable { system } => format!("cannot be read: {system}"),
        };
        let name = printable(&self.name, 100);
        match self.sha256.get(..16) {
            Some(sha256) => {
                format!("{name} ({} bytes, SHA-256 {sha256}…): {what}", self.length)
            }
            None => format!("{name}: {what}"),
        }
    }

    /// Whether it is a whole file that can be an answer.
    pub fn is_whole(&self) -> bool {
        matches!(
            self.kind,
            ArrivalKind::CertifIn { .. }
                | ArrivalKind::Text { .. }
                | ArrivalKind::Sealed
                | ArrivalKind::Opaque { .. }
        )
    }

    /// When it counts as whole, while it may still be on its way.
    pub(super) fn settles_at(&self) -> Option<Timestamp> {
        match self.kind {
            ArrivalKind::OnItsWay { until, .. } => Some(until),
            _ => None,
        }
    }

    /// What it is if no more comes.
    pub(super) fn kind_once_whole(&self) -> &ArrivalKind {
        match &self.kind {
            ArrivalKind::OnItsWay { kind, .. } => kind,
            kind => kind,
        }
    }

    pub(super) fn unread(path: &Path, kind: ArrivalKind) -> Arrival {
        Arrival {
            path: path.to_owned(),
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            length: 0,
            sha256: String::new(),
            modified: None,
            kind,
            content: None,
            quiet_at: None,
        }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Arrival {
        Arrival::unread(path, ArrivalKind::Unreadable { system: error.to_string() })
    }
}

/// One file, as it is now.
pub(super) fn look_at(path: &Path) -> Arrival {
    read(path).0
}

/// A file, and whether its content says where it ends.
pub(super) fn read(path: &Path) -> (Arrival, bool) {
    let mut arrival = Arrival::unread(path, ArrivalKind::TooLarge);
    match read_into(&mut arrival) {
        Ok(ends) => (arrival, ends),
        Err(error) => {
            arrival.kind = ArrivalKind::Unreadable { system: error.to_string() };
            (arrival, false)
        }
    }
}

fn read_into(arrival: &mut Arrival) -> io::Result<bool> {
    let file = regular_file::open(&arrival.path)?;
    let metadata = file.metadata()?;
    arrival.length = metadata.len();
    let modified = metadata.modified().ok();
    arrival.modified = modified.and_then(|time| Timestamp::try_from(time).ok());
    if arrival.length > LARGEST_READ {
        return Ok(true);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_READ + 1).read_to_end(&mut bytes)?;
    arrival.length = bytes.len() as u64;
    // It has grown while it was read.
    if arrival.length > LARGEST_READ {
        return Ok(true);
    }
    arrival.sha256 = hex::encode(Sha256::digest(&bytes));
    let found = recognise(&bytes);
    arrival.kind = found.kind;
    let inner = unwrapped(&bytes);
    arrival.content = (inner.len() != bytes.len())
        .then(|| Unwrapped { sha256: sha256_hex(&inner), length: inner.len() as u64 });
    Ok(found.ends)
}

/// The largest receipt that is read; of larger files only the length is looked at.
pub(super) const LARGEST_READ: u64 = 5 << 20;

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
