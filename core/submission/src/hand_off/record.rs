//! What was handed to a person, and what that person said of it: one JSON file per hand-over.
//!
//! `<state>/hand-off/<name of key>.json`, written whole or not at all. There is never a PIN or a
//! password in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_identity::Account;
use ceralacca_kernel::{Error, Folders, atomic_file, document_archive};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::error::HandOffError;
use crate::outbox::{json, name_of_key, read_at_most};
use crate::{Acknowledgement, Protocollo, Rejection};

/// Something that a person does at the portal in our place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// Idempotency key of the call that waits.
    pub key: String,
    /// The run that waits.
    pub run: String,
    /// What there is to do.
    pub kind: Kind,
    /// When it was handed over, the last time that it was.
    pub handed_over_at: Timestamp,
    /// What is known of it.
    pub state: State,
    /// The receipt that a person named, where the content did not say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<GivenReceipt>,
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Uploads a file.
    Submission(HandedFile),
    /// Asks for an environment to be revoked.
    Revocation(HandedRevocation),
}

/// The file to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedFile {
    /// File name, `req.ccc`.
    pub name: String,
    /// `PKS10`.
    pub tipo_documento: String,
    /// SHA-256 of it, hexadecimal.
    pub sha256: String,
    /// Bytes in it.
    pub length: u64,
    /// SHA-256 of the public keys that the answer will certify, hexadecimal.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Where the copy for the person is.
    pub copy: PathBuf,
    /// For whom, where an incaricato sends.
    #[serde(default)]
    pub subject: Option<Account>,
    /// Other runs that handed over the same content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_in: Vec<String>,
}

/// The environment to revoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedRevocation {
    /// Number of the busta.
    pub numero_busta: String,
    /// Kind of busta, `A`.
    pub tipo_busta: String,
    /// For whom, where an incaricato asks.
    #[serde(default)]
    pub subject: Option<Account>,
}

/// What is known of a hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has said yet whether it was done.
    Waiting,
    /// It was done: the portal's confirmation page was shown, or an answer has come.
    Confirmed {
        /// When this was said; for an answer that came unannounced, when it was handed over.
        at: Timestamp,
        /// The day it was done.
        sent_on: Date,
        /// The number, when somebody wrote it down.
        protocollo: Option<Protocollo>,
    },
    /// It was not done.
    NotSent {
        /// When this was said.
        at: Timestamp,
    },
    /// It was done, and the Agency refused it.
    Rejected {
        /// When this was said.
        at: Timestamp,
        /// The day it was done.
        sent_on: Date,
        /// The number, when somebody wrote it down.
        protocollo: Option<Protocollo>,
        /// Why, in the words that the person read.
        motivo: Rejection,
    },
    /// A revocation that shows by now.
    InForce {
        /// When it was asked for.
        requested_at: Timestamp,
        /// Since when it is in force.
        since: Timestamp,
    },
}

/// A file that a person called the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenReceipt {
    /// Where it lies in `ricezione`.
    pub path: PathBuf,
    /// SHA-256 of it, hexadecimal: it counts wherever it lies.
    pub sha256: String,
}

impl HandOver {
    /// The file, where this is a submission.
    pub fn file(&self) -> Option<&HandedFile> {
        match &self.kind {
            Kind::Submission(file) => Some(file),
            Kind::Revocation(_) => None,
        }
    }

    /// For whom, where an incaricato acts.
    pub fn subject(&self) -> Option<&Account> {
        match &self.kind {
            Kind::Submission(HandedFile { subject, .. })
            | Kind::Revocation(HandedRevocation { subject, .. }) => subject.as_ref(),
        }
    }

    /// The number, when it is known.
    pub fn protocollo(&self) -> Option<&Protocollo> {
        match &self.state {
            State::Confirmed { protocollo, .. } | State::Rejected { protocollo, .. } => {
                protocollo.as_ref()
            }
            _ => None,
        }
    }

    /// Whether a person still has to say what became of it.
    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// One line for a table: what waits for whom.
    pub fn describe(&self) -> String {
        let what = match &self.kind {
            Kind::Submission(file) => format!("{} ({})", file.name, file.tipo_documento),
            Kind::Revocation(one) => format!("revocation, busta {}", one.numero_busta),
        };
        let named = |number: &Option<Protocollo>| match number {
            Some(number) => format!(", protocollo {number}"),
            None => String::new(),
        };
        let revocation = self.file().is_none();
        let state = match &self.state {
            State::Waiting if revocation => "waits for a person to ask for it".to_owned(),
            State::Waiting => "waits for a person to upload it".to_owned(),
            State::Confirmed { sent_on, .. } if revocation => {
                format!("asked for on {sent_on}, not in force yet")
            }
            State::Confirmed { sent_on, protocollo, .. } => {
                format!("sent on {sent_on}{}", named(protocollo))
            }
            State::NotSent { .. } => "not sent: ceralacca resume hands it over again".to_owned(),
            State::Rejected { protocollo, motivo, .. } => {
                format!("rejected{}: {}", named(protocollo), motivo.text)
            }
            State::InForce { since, .. } => format!("in force since {}", rome_date(*since)),
        };
        format!("run {}: {what}, {state}", self.run)
    }

    /// What the Agency would have answered; `None` while it is not known to have been sent.
    pub(crate) fn acknowledgement(&self) -> Option<Acknowledgement> {
        let file = self.file()?;
        let (State::Confirmed { at, sent_on, .. } | State::Rejected { at, sent_on, .. }) =
            &self.state
        else {
            return None;
        };
        Some(Acknowledgement {
            protocollo: self.number()?,
            sha256: file.sha256.clone(),
            file_name: file.name.clone(),
            tipo_documento: file.tipo_documento.clone(),
            received_at: moment(*sent_on, *at).max(self.handed_over_at),
        })
    }

    /// The number it goes by, or what stands for it.
    fn number(&self) -> Option<Protocollo> {
        self.numbers().next()
    }

    /// The number that it goes by, and what stood for it before that was written down.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = Protocollo> {
        self.protocollo().cloned().into_iter().chain(self.stand_in())
    }

    /// Whether it goes by this number, or did.
    pub(crate) fn goes_by(&self, protocollo: &Protocollo) -> bool {
        self.numbers().any(|number| number == *protocollo)
    }

    fn stand_in(&self) -> Option<Protocollo> {
        match &self.state {
            State::Confirmed { sent_on, .. } | State::Rejected { sent_on, .. } => {
                Some(Protocollo::not_written_down(*sent_on, &self.file()?.sha256))
            }
            _ => None,
        }
    }

    /// By what its files are told from those of others: the folder of the copy, `7` or `7-3`.
    pub(crate) fn label(&self) -> String {
        let folder = self.file().and_then(|file| file.copy.parent()?.file_name());
        folder.map_or_else(|| self.run.clone(), |name| name.to_string_lossy().into_owned())
    }
}

/// The hand-overs on disk.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    folder: PathBuf,
}

impl Records {
    pub(crate) fn new(folders: &Folders) -> Records {
        Records { folder: folders.state.join(super::FOLDER) }
    }

    /// The hand-over of a call.
    pub(crate) fn read(&self, key: &str) -> Result<Option<HandOver>, HandOffError> {
        let path = self.path(key);
        match read_record(&path) {
            Err(HandOffError::RecordUnreadable { .. }) if !path.exists() => Ok(None),
            read => read.map(Some),
        }
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> Result<Vec<HandOver>, HandOffError> {
        let unreadable = |error: &io::Error| HandOffError::RecordUnreadable {
            path: self.folder.display().to_string(),
            problem: error.to_string(),
        };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&error)),
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&error))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let hidden = name.starts_with('.');
            if !hidden && path.extension().is_some_and(|ending| ending == "json") {
                records.push(read_record(&path)?);
            }
        }
        let order = |one: &HandOver| (one.handed_over_at, one.key.clone());
        records.sort_by_cached_key(order);
        Ok(records)
    }

    /// Changes one record while nobody else does: the program that waits and the one that confirms
    /// are two processes.
    pub(crate) fn update(
        &self,
        key: &str,
        change: impl FnOnce(Option<HandOver>) -> Result<HandOver, Error>,
    ) -> Result<HandOver, Error> {
        let path = self.path(key);
        let not_stored = |error: io::Error| HandOffError::not_stored(&path, &error);
        let _lock = self.lock().map_err(not_stored)?;
        let before = self.read(key)?;
        let after = change(before.clone())?;
        if before.as_ref() != Some(&after) {
            atomic_file::write(&path, &json(&after)).map_err(not_stored)?;
        }
        Ok(after)
    }

    /// Held for as long as one small file takes to be written.
    fn lock(&self) -> io::Result<File> {
        document_archive::create(&self.folder)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join("lock"))?;
        lock.lock()?;
        // Under the lock nobody else is writing here.
        atomic_file::remove_leftovers(&self.folder)?;
        Ok(lock)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}.json", name_of_key(key)))
    }
}

fn read_record(path: &Path) -> Result<HandOver, HandOffError> {
    let unreadable = |problem: String| HandOffError::RecordUnreadable {
        path: path.display().to_string(),
        problem,
    };
    let bytes =
        read_at_most(path, LARGEST_RECORD).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

/// The day in Italy.
pub(crate) fn rome_date(at: Timestamp) -> Date {
    at.to_zoned(rome()).date()
}

/// The beginning of a day in Italy, or `at` when that is on this day.
pub(crate) fn moment(day: Date, at: Timestamp) -> Timestamp {
    if rome_date(at) == day {
        return at;
    }
    day.to_zoned(rome()).map_or(at, |midnight| midnight.timestamp())
}

fn rome() -> TimeZone {
    TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC)
}

const LARGEST_RECORD: u64 = 256 << 10;
