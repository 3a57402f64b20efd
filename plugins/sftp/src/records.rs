//! The channel's own records: what was made for which key, and how far each has come.
//!
//! ```text
//! <state>/names/FI.…zip              a name that is taken: whoever creates the file has it
//! <state>/supports/<key>/record.json what is to be sent, under which name; written before anything is sent
//! <state>/supports/<key>/support.zip the very bytes that are sent, as often as it takes
//! <state>/supports/<key>/attempted   the rename on the server was begun: it may have happened
//! <state>/supports/<key>/withdrawn-0 an attempt that certainly did not happen
//! <state>/supports/<key>/sent        it happened
//! <state>/supports/<key>/outcome.p7m the outcome, decrypted, with its signature
//! <state>/aside/EO.…zip              an outcome that was not believed
//! ```
//!
//! Everything that one key needs lies in its own folder under its own lock, so that any number of
//! processes work side by side; a name is taken by creating a file, which only one of them can.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ceralacca_kernel::{atomic_file, crash_point, regular_file};
use ceralacca_plugin_sdk::Timestamp;
use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use ceralacca_signing::DigestAlgorithm;
use ceralacca_submission::Acknowledgement;

use crate::error::SftpError;
use crate::support_name::SupportName;

/// The folder of the records.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    state: PathBuf,
}

/// What is to be sent, under which name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub(crate) struct Record {
    /// The key of the call.
    pub key: String,
    /// The run that sends, for people.
    pub run: String,
    /// When it was made.
    pub at: Timestamp,
    /// The document's file name.
    pub file_name: String,
    /// Its type.
    pub tipo_documento: String,
    /// SHA-256 of the document, hexadecimal.
    pub sha256: String,
    /// The support's name on the server.
    pub support: SupportName,
    /// SHA-256 of the support, hexadecimal.
    pub support_sha256: String,
}

impl Record {
    /// What is said of it once it is delivered.
    pub(crate) fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement {
            protocollo: self.support.stand_in(),
            sha256: self.sha256.clone(),
            file_name: self.file_name.clone(),
            tipo_documento: self.tipo_documento.clone(),
            received_at: self.at,
        }
    }
}

/// How far a support has come, as far as our side knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Made; certainly not delivered.
    Made,
    /// Its delivery was begun: it may have happened.
    Attempted,
    /// Delivered.
    Sent,
}

impl Records {
    /// The records in this folder, which is created when it is missing.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn open(state: &Path) -> Result<Records, SftpError> {
        for folder in [NAMES, SUPPORTS, ASIDE] {
            let folder = state.join(folder);
            fs::create_dir_all(&folder).map_err(failed(&folder))?;
        }
        Ok(Records { state: state.to_owned() })
    }

    /// The records of one key, for this process alone: others wait until it is done.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn lock(&self, key: &str) -> Result<Locked<'_>, SftpError> {
        let supports = self.state.join(SUPPORTS);
        let folder = supports.join(name_of_key(key));
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        atomic_file::sync_folder(&supports).map_err(failed(&supports))?;
        self.locked(folder)
    }

    /// The records of a key under which something was made before.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn find(&self, key: &str) -> Result<Option<Locked<'_>>, SftpError> {
        let folder = self.state.join(SUPPORTS).join(name_of_key(key));
        if folder.join(RECORD).exists() { self.locked(folder).map(Some) } else { Ok(None) }
    }

    /// Every record, the oldest first. What is damaged is an error: something may have been sent.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn all(&self) -> Result<Vec<Record>, SftpError> {
        let supports = self.state.join(SUPPORTS);
        let mut records = Vec::new();
        for entry in fs::read_dir(&supports).map_err(failed(&supports))? {
            let path = entry.map_err(failed(&supports))?.path().join(RECORD);
            records.extend(read_record(&path)?);
        }
        records.sort_by(|a, b| (a.at, &a.support).cmp(&(b.at, &b.support)));
        Ok(records)
    }

    /// Keeps an outcome that was not believed, and says where. One for each name: who can write to
    /// the server must not be able to fill our disk.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn keep_aside(&self, outcome: &str, bytes: &[u8]) -> Result<PathBuf, SftpError> {
        let path = self.state.join(ASIDE).join(outcome);
        atomic_file::write_alone(&path, bytes).map_err(failed(&path))?;
        Ok(path)
    }

    fn locked(&self, folder: PathBuf) -> Result<Locked<'_>, SftpError> {
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = regular_file::open_with(&path, &mut options).map_err(failed(&path))?;
        lock.lock().map_err(failed(&path))?;
        Ok(Locked { records: self, folder, _lock: lock })
    }

    /// Takes the first free name from `first` on.
    fn take_name(&self, first: SupportName, key: &str) -> Result<SupportName, SftpError> {
        let names = self.state.join(NAMES);
        let mut name = first;
        loop {
            let path = names.join(name.to_string());
            match OpenOptions::new().create_new(true).write(true).open(&path) {
                Ok(mut file) => {
                    // For people; the file's being there is what counts.
                    file.write_all(key.as_bytes()).map_err(failed(&path))?;
                    atomic_file::sync_folder(&names).map_err(failed(&names))?;
                    return Ok(name);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path)(error)),
            }
            let taken = name.to_string();
            name = name.next().ok_or(SftpError::SupportName { support: taken })?;
        }
    }
}

/// The records of one key while this process has them.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    records: &'a Records,
    folder: PathBuf,
    _lock: File,
}

impl Locked<'_> {
    /// What was made under this key.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn record(&self) -> Result<Option<Record>, SftpError> {
        read_record(&self.folder.join(RECORD))
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        let there = |name: &str| self.folder.join(name).exists();
        match () {
            () if there(SENT) => Progress::Sent,
            () if there(ATTEMPTED) => Progress::Attempted,
            () => Progress::Made,
        }
    }

    /// Keeps the bytes, takes a name, writes the record, in this order: whatever is interrupted is
    /// done again, and nothing was sent.
    ///
    /// # Errors
    /// `sftp.state`, `sftp.support_name`.
    pub(crate) fn make(&self, record: Record, support: &[u8]) -> Result<Record, SftpError> {
        // What an interrupted write has left; it is in nobody's way when it stays.
        let _ = atomic_file::remove_leftovers(&self.folder);
        self.write(SUPPORT, support)?;
        let support = self.records.take_name(record.support, &record.key)?;
        let record = Record { support, ..record };
        self.write(RECORD, &json(&record))?;
        Ok(record)
    }

    /// Another name, since somebody else has this one on the server.
    ///
    /// # Errors
    /// `sftp.state`, `sftp.support_name`.
    pub(crate) fn rename(&self, record: Record) -> Result<Record, SftpError> {
        let taken = record.support.to_string();
        let next = record.support.next().ok_or(SftpError::SupportName { support: taken })?;
        let support = self.records.take_name(next, &record.key)?;
        let record = Record { support, ..record };
        self.write(RECORD, &json(&record))?;
        Ok(record)
    }

    /// The bytes to send, compared with the record.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn support(&self, record: &Record) -> Result<Vec<u8>, SftpError> {
        let path = self.folder.join(SUPPORT);
        let bytes = regular_file::read(&path, LARGEST_SUPPORT).map_err(failed(&path))?;
        if sha256(&bytes) != record.support_sha256 {
            let problem = "it is not what was made".to_owned();
            return Err(SftpError::State { path: path.display().to_string(), problem });
        }
        Ok(bytes)
    }

    /// Notes that the delivery is begun: from now on it may have happened.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn mark_attempted(&self, record: &Record) -> Result<(), SftpError> {
        crash_point::reached("before the delivery is marked");
        self.write(ATTEMPTED, record.support.to_string().as_bytes())?;
        crash_point::reached("before the delivery");
        Ok(())
    }

    /// Takes the mark back: it certainly did not happen.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn withdraw_attempt(&self) -> Result<(), SftpError> {
        let path = self.folder.join(ATTEMPTED);
        if !path.exists() {
            return Ok(());
        }
        let withdrawn = self.folder.join(withdrawn(self.withdrawn_attempts()));
        atomic_file::rename(&path, &withdrawn).map_err(failed(&path))
    }

    /// The support's name on the server while it is being written there. It depends on the bytes, so
    /// that two computers that chose one name do not write into one file; and each attempt has its
    /// own, so that a rename that the server carries out late finds nothing half-written.
    pub(crate) fn part(&self, record: &Record) -> String {
        format!("{}.{}.part", &record.support_sha256[..16], self.withdrawn_attempts())
    }

    fn withdrawn_attempts(&self) -> usize {
        (0..).take_while(|number| self.folder.join(withdrawn(*number)).exists()).count()
    }

    /// Notes that it was delivered. What cannot be noted is seen on the server the next time.
    pub(crate) fn mark_sent(&self, record: &Record) {
        crash_point::reached("after the delivery");
        let _ = self.write(SENT, record.support.to_string().as_bytes());
    }

    /// The file that says that delivery was begun, for people.
    pub(crate) fn mark_path(&self) -> String {
        self.folder.join(ATTEMPTED).display().to_string()
    }

    /// The outcome that was fetched and believed before: its signed form.
    pub(crate) fn outcome(&self) -> Option<Vec<u8>> {
        regular_file::read(&self.folder.join(OUTCOME), LARGEST_OUTCOME).ok()
    }

    /// Keeps an outcome in its signed form.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn keep_outcome(&self, signed: &[u8]) -> Result<(), SftpError> {
        self.write(OUTCOME, signed)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), SftpError> {
        let path = self.folder.join(name);
        atomic_file::write(&path, bytes).map_err(failed(&path))
    }
}

fn withdrawn(number: usize) -> String {
    format!("withdrawn-{number}")
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(DigestAlgorithm::Sha256.digest(bytes))
}

fn read_record(path: &Path) -> Result<Option<Record>, SftpError> {
    let bytes = match regular_file::read(path, LARGEST_RECORD) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(failed(path)(error)),
    };
    let damaged = |problem: String| SftpError::State { path: path.display().to_string(), problem };
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    let digest = record.support_sha256.len() == 64 && record.support_sha256.is_ascii();
    if digest { Ok(Some(record)) } else { Err(damaged("no SHA-256 of the support".to_owned())) }
}

fn json(record: &Record) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(record).expect("plain data");
    text.push(b'\n');
    text
}

/// Keys are made of hexadecimal digits and a step; any other text is named by its digest.
fn name_of_key(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if plain && (1..=100).contains(&key.len()) { key.to_owned() } else { sha256(key.as_bytes()) }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> SftpError + '_ {
    |error| SftpError::State { path: path.display().to_string(), problem: error.to_string() }
}

/// Bytes of a support, and of an outcome as it comes.
pub(crate) const LARGEST_SUPPORT: u64 = 16 << 20;
/// Bytes of an outcome without its envelope.
const LARGEST_OUTCOME: u64 = LARGEST_SUPPORT;
const LARGEST_RECORD: u64 = 64 << 10;

const NAMES: &str = "names";
const SUPPORTS: &str = "supports";
const ASIDE: &str = "aside";
const RECORD: &str = "record.json";
const SUPPORT: &str = "support.zip";
const ATTEMPTED: &str = "attempted";
const SENT: &str = "sent";
const OUTCOME: &str = "outcome.p7m";

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
