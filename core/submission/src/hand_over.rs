//! What was handed to a person, and what that person said of it: one JSON file per hand-over.
//!
//! `<state>/hand-off/<name of key>.json`, written whole or not at all. There is never a PIN or a
//! password in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_identity::Account;
use ceralacca_kernel::{Error, Folders, atomic_file, document_archive, regular_file};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::hand_over_error::HandOverError;
use crate::outbox::{json, name_of_key, read_at_most, sha256_hex};
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
    /// What stands for the number while nobody has written it down; no other hand-over goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<Protocollo>,
    /// Numbers that it went by before: runs and folders may still know it by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub went_by: Vec<Protocollo>,
    /// Whether a person has read in its receipt that it was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// Whether nobody has said the day of sending: the one there is that of the hand-over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub day_guessed: bool,
    /// What was said before and is not so any more, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<Correction>,
}

/// What was known before somebody said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// When it was said otherwise.
    pub at: Timestamp,
    /// What was known until then.
    pub state: State,
    /// Whether it had been said that it was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// The receipt that had been named.
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
    /// Whose environment it is, `<codice fiscale>-<sede>`, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
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
    /// What waits for a person from now on.
    pub fn new(key: &str, run: &str, kind: Kind, handed_over_at: Timestamp) -> HandOver {
        HandOver {
            key: key.to_owned(),
            run: run.to_owned(),
            kind,
            handed_over_at,
            state: State::Waiting,
            receipt: None,
            stand_in: None,
            went_by: Vec::new(),
            accepted: false,
            day_guessed: false,
            corrections: Vec::new(),
        }
    }

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

    /// Whether a person has said that it was not done.
    pub fn is_not_sent(&self) -> bool {
        matches!(self.state, State::NotSent { .. })
    }

    /// Whether the day of sending is only that of the hand-over.
    pub fn day_is_guessed(&self) -> bool {
        self.day_guessed
    }

    /// Which call of its run handed it over: the end of the key.
    pub fn step(&self) -> u64 {
        let step = self.key.rsplit_once('-').and_then(|(_, step)| step.parse().ok());
        step.unwrap_or(u64::MAX)
    }

    /// The order of runs and their calls; a clock may go back.
    pub fn order(&self) -> (u64, u64, &str) {
        (self.run.parse().unwrap_or(u64::MAX), self.step(), &self.key)
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
                let on = if self.day_guessed { "sent on or after" } else { "sent on" };
                let accepted = if self.accepted { ", accepted" } else { "" };
                format!("{on} {sent_on}{}{accepted}", named(protocollo))
            }
            State::NotSent { .. } => "not sent".to_owned(),
            State::Rejected { protocollo, motivo, .. } => {
                format!("rejected{}: {}", named(protocollo), motivo.text)
            }
            State::InForce { since, .. } => format!("in force since {}", rome_date(*since)),
        };
        format!("run {}: {what}, {state}", self.run)
    }

    /// What the Agency would have answered; `None` while it is not known to have been sent.
    pub fn acknowledgement(&self) -> Option<Acknowledgement> {
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

    /// The number that it goes by, then all that it went by before.
    pub fn numbers(&self) -> impl Iterator<Item = Protocollo> {
        let mut numbers: Vec<Protocollo> = self.protocollo().cloned().into_iter().collect();
        for number in self.stand_in().into_iter().chain(self.went_by.iter().cloned()) {
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        numbers.into_iter()
    }

    /// Whether it goes by this number, or did.
    pub fn goes_by(&self, protocollo: &Protocollo) -> bool {
        self.numbers().any(|number| number == *protocollo)
    }

    /// The same in another state. What it went by stays its own: a run may know it by that.
    pub fn entered(mut self, state: State, all: &[HandOver]) -> HandOver {
        let before: Vec<Protocollo> = self.numbers().collect();
        self.state = state;
        self.stand_in = self.stand_in.take().or_else(|| self.free_stand_in(all));
        let now: Vec<Protocollo> = self.numbers().collect();
        self.went_by.extend(before.into_iter().filter(|number| !now.contains(number)));
        self
    }

    /// Keeps what was known until now.
    pub fn keep_former(&mut self, former: &HandOver, at: Timestamp) {
        let HandOver { state, accepted, receipt, .. } = former.clone();
        self.corrections.push(Correction { at, state, accepted, receipt });
        let surplus = self.corrections.len().saturating_sub(MOST_CORRECTIONS);
        self.corrections.drain(..surplus);
    }

    fn stand_in(&self) -> Option<Protocollo> {
        // Older records do not have it.
        self.sent_on().and(self.stand_in.clone()).or_else(|| self.plain_stand_in())
    }

    fn plain_stand_in(&self) -> Option<Protocollo> {
        Some(Protocollo::not_written_down(self.sent_on()?, &self.file()?.sha256))
    }

    /// Of the same file on the same day there may be more than one.
    fn free_stand_in(&self, all: &[HandOver]) -> Option<Protocollo> {
        let plain = self.plain_stand_in()?;
        if all.iter().all(|other| other.key == self.key || !other.goes_by(&plain)) {
            return Some(plain);
        }
        let own = sha256_hex(format!("{} {}", self.key, self.file()?.sha256).as_bytes());
        Some(Protocollo::not_written_down(self.sent_on()?, &own))
    }

    /// The day of sending, where it was sent.
    pub fn sent_on(&self) -> Option<Date> {
        match &self.state {
            State::Confirmed { sent_on, .. } | State::Rejected { sent_on, .. } => Some(*sent_on),
            _ => None,
        }
    }

    /// By what its files are told from those of others: the folder of the copy, `7` or `7-3`.
    pub fn label(&self) -> String {
        let folder = self.file().and_then(|file| file.copy.parent()?.file_name());
        folder.map_or_else(|| self.run.clone(), |name| name.to_string_lossy().into_owned())
    }
}

/// The hand-overs on disk.
#[derive(Clone, Debug)]
pub struct Records {
    folder: PathBuf,
}

impl Records {
    /// Those of a workspace; nothing is looked at yet.
    pub fn new(folders: &Folders) -> Records {
        Records { folder: folders.state.join(FOLDER) }
    }

    /// The hand-over of a call.
    pub fn read(&self, key: &str) -> Result<Option<HandOver>, HandOverError> {
        let path = self.path(key);
        match read_record(&path) {
            Err(HandOverError::Unreadable { .. }) if !path.exists() => Ok(None),
            read => read.map(Some),
        }
    }

    /// All of them, in the order of runs and their calls.
    pub fn all(&self) -> Result<Vec<HandOver>, HandOverError> {
        let unreadable = |error: &io::Error| HandOverError::Unreadable {
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
        records.sort_by(|one: &HandOver, other| one.order().cmp(&other.order()));
        Ok(records)
    }

    /// When the record of a call was last written, by the clock of the disk.
    pub fn written_at(&self, key: &str) -> Option<Timestamp> {
        let written = fs::metadata(self.path(key)).and_then(|found| found.modified()).ok()?;
        Timestamp::try_from(written).ok()
    }

    /// Changes one record while nobody else does: the program that waits and the one that confirms
    /// are two processes.
    pub fn update(
        &self,
        key: &str,
        change: impl FnOnce(Option<HandOver>) -> Result<HandOver, Error>,
    ) -> Result<HandOver, Error> {
        let path = self.path(key);
        let not_stored = |error: io::Error| HandOverError::not_stored(&path, &error);
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
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = regular_file::open_with(&self.folder.join("lock"), &mut options)?;
        lock.lock()?;
        // Under the lock nobody else is writing here.
        atomic_file::remove_leftovers(&self.folder)?;
        Ok(lock)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}.json", name_of_key(key)))
    }
}

fn read_record(path: &Path) -> Result<HandOver, HandOverError> {
    let unreadable =
        |problem: String| HandOverError::Unreadable { path: path.display().to_string(), problem };
    let bytes =
        read_at_most(path, LARGEST_RECORD).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

/// All that was ever handed over, in the order of runs and their calls.
///
/// # Errors
/// `hand_off.record_unreadable`, naming the file.
pub fn list(folders: &Folders) -> Result<Vec<HandOver>, Error> {
    Ok(Records::new(folders).all()?)
}

/// The number by which the channel knows now what was acknowledged as this: a person may have written
/// it down later, or corrected it.
pub fn known_as(folders: &Folders, protocollo: &Protocollo, sha256: &str) -> Protocollo {
    let all = list(folders).unwrap_or_default();
    let same = |one: &&HandOver| {
        one.file().is_some_and(|file| file.sha256 == sha256) && one.goes_by(protocollo)
    };
    let mut found: Vec<&HandOver> = all.iter().filter(same).collect();
    found.sort_by_key(|one| one.numbers().next().as_ref() != Some(protocollo));
    let number =
        found.first().filter(|_| protocollo.is_number()).and_then(|one| one.numbers().next());
    number.unwrap_or_else(|| protocollo.clone())
}

/// The day in Italy.
pub fn rome_date(at: Timestamp) -> Date {
    at.to_zoned(rome()).date()
}

/// The beginning of a day in Italy, or `at` when that is on this day.
pub fn moment(day: Date, at: Timestamp) -> Timestamp {
    if rome_date(at) == day {
        return at;
    }
    day.to_zoned(rome()).map_or(at, |midnight| midnight.timestamp())
}

fn rome() -> TimeZone {
    TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC)
}

/// The folder of the records, in the state of the workspace.
pub const FOLDER: &str = "hand-off";

/// A record must stay small enough to be read.
const MOST_CORRECTIONS: usize = 30;
const LARGEST_RECORD: u64 = 256 << 10;
