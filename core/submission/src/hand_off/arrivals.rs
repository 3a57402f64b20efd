//! What lies in `ricezione`: every file that a person may have saved there, and what it is.
//!
//! Looked at are the folder itself, in any case, and the folders in it, one level deep. Folders
//! that are named by a protocollo are our own and hold nothing new; links are not followed.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ceralacca_kernel::Folders;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::recognise::recognise;
use super::sheet::is_sheet;
use crate::{Protocollo, ReceiptText, printable};

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
            ArrivalKind::TooLarge => "larger than a receipt can be".to_owned(),
            ArrivalKind::Unreadable { system } => format!("cannot be read: {system}"),
        };
        let sha256 = self.sha256.get(..16).unwrap_or_default();
        let name = printable(&self.name, 100);
        format!("{name} ({} bytes, SHA-256 {sha256}…): {what}", self.length)
    }

    /// Whether it is a whole file that can be an answer.
    pub fn is_whole(&self) -> bool {
        !matches!(
            self.kind,
            ArrivalKind::Incomplete { .. } | ArrivalKind::TooLarge | ArrivalKind::Unreadable { .. }
        )
    }
}

/// Everything that has arrived, by path. A file that cannot be read is in the list and says so.
pub fn arrivals(folders: &Folders) -> Vec<Arrival> {
    let mut found = Vec::new();
    for ricezione in ricezione(&folders.documents) {
        look_into(&ricezione, true, &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// One file, as [`arrivals`] would see it.
pub(super) fn look_at(path: &Path) -> Arrival {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let modified = fs::metadata(path).and_then(|found| found.modified()).ok();
    let modified = modified.and_then(|time| Timestamp::try_from(time).ok());
    let mut arrival = Arrival {
        path: path.to_owned(),
        name,
        length: 0,
        sha256: String::new(),
        modified,
        kind: ArrivalKind::TooLarge,
    };
    if let Err(error) = read(path, &mut arrival) {
        arrival.kind = ArrivalKind::Unreadable { system: error.to_string() };
    }
    arrival
}

/// The folders of that name, in any case; none is made.
fn ricezione(documents: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(documents) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().eq_ignore_ascii_case("ricezione"))
        .map(|entry| entry.path())
        .collect()
}

fn look_into(folder: &Path, outermost: bool, found: &mut Vec<Arrival>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return found.push(unreadable(folder, &error)),
    };
    for entry in entries {
        if found.len() >= MOST_FILES {
            return;
        }
        match entry {
            Ok(entry) => look_at_entry(&entry, outermost, found),
            Err(error) => found.push(unreadable(folder, &error)),
        }
    }
}

fn look_at_entry(entry: &DirEntry, outermost: bool, found: &mut Vec<Arrival>) {
    let name = entry.file_name().to_string_lossy().into_owned();
    // The type of the entry itself: a link is neither a file nor a folder here.
    let Ok(kind) = entry.file_type() else { return };
    if kind.is_dir() && outermost && !name.starts_with('.') {
        if Protocollo::try_from(name).is_err() {
            look_into(&entry.path(), false, found);
        }
    } else if kind.is_file() && !is_nobodys(&name) {
        found.push(look_at(&entry.path()));
    }
}

/// Files that no person saved: hidden, ours, a desktop's, or a browser's that is still loading.
fn is_nobodys(name: &str) -> bool {
    let lower = name.to_lowercase();
    let loading = [".crdownload", ".part", ".partial", ".download", ".opdownload", ".tmp"];
    lower.starts_with(['.', '~'])
        || ["thumbs.db", "desktop.ini"].contains(&lower.as_str())
        || loading.iter().any(|ending| lower.ends_with(ending))
        || is_sheet(name)
}

fn unreadable(path: &Path, error: &io::Error) -> Arrival {
    Arrival {
        path: path.to_owned(),
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        length: 0,
        sha256: String::new(),
        modified: None,
        kind: ArrivalKind::Unreadable { system: error.to_string() },
    }
}

fn read(path: &Path, arrival: &mut Arrival) -> io::Result<()> {
    let mut file = File::open(path)?;
    arrival.length = file.metadata()?.len();
    let mut bytes = Vec::new();
    (&mut file).take(LARGEST_READ + 1).read_to_end(&mut bytes)?;
    let mut digest = Sha256::new_with_prefix(&bytes);
    if bytes.len() as u64 <= LARGEST_READ {
        arrival.length = bytes.len() as u64;
        arrival.sha256 = hex::encode(digest.finalize());
        arrival.kind = recognise(&bytes);
        return Ok(());
    }
    if arrival.length > LARGEST_HASHED {
        return Ok(());
    }
    bytes.truncate(64 << 10);
    let mut left = LARGEST_HASHED;
    loop {
        let count = file.read(&mut bytes)?;
        digest.update(&bytes[..count]);
        left = left.saturating_sub(count as u64);
        if count == 0 {
            arrival.sha256 = hex::encode(digest.finalize());
            return Ok(());
        }
        // It grows while it is read.
        if left == 0 {
            return Ok(());
        }
    }
}

/// The largest receipt that is read; larger files are only hashed.
pub(super) const LARGEST_READ: u64 = 5 << 20;
/// Even that only up to here.
const LARGEST_HASHED: u64 = 256 << 20;
const MOST_FILES: usize = 20_000;

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
