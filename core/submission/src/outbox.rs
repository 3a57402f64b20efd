//! The outbox on disk: what is being sent, whether it was tried, and what was answered.
//!
//! One folder for each submission, `<state>/outbox/<idempotency key>/`:
//!
//! ```text
//! <sha256>               the content, written before anything else
//! attempt.json           there from before the first octet leaves until none can have arrived
//! acknowledgement.json   the answer; from here on nothing is ever sent again
//! ```
//!
//! Beside it, for people and the Agency's own programs: `da inviare/<run>/req.ccc` while it is not
//! acknowledged, `inviati/<protocollo>-req.ccc` afterwards.

use std::fs::{self};
use std::io::{self};
use std::path::{Path, PathBuf};

use ceralacca_kernel::{DocumentId, Error, Folders, atomic_file, document_archive, regular_file};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::file_name::is_file_name;
use crate::{Acknowledgement, Protocollo, SubmissionError};

/// The largest document that is sent; the Agency's own limit for several files together.
pub const LARGEST_DOCUMENT: u64 = 5 << 20;

/// The outbox of one submission.
#[derive(Debug)]
pub struct Outbox {
    documents: PathBuf,
    folder: PathBuf,
    run: String,
    key: String,
}

/// A document that is stored and ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) bytes: Vec<u8>,
    /// Where the copy for people is.
    pub(crate) copy: PathBuf,
}

/// `attempt.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) at: Timestamp,
    pub(crate) name: String,
    pub(crate) tipo_documento: String,
    pub(crate) sha256: String,
}

impl Outbox {
    /// The outbox of the submission with this key.
    pub fn new(folders: &Folders, run: &str, key: &str) -> Outbox {
        Outbox {
            documents: folders.documents.clone(),
            folder: folders.state.join(OUTBOX).join(name_of_key(key)),
            run: run.to_owned(),
            key: key.to_owned(),
        }
    }

    /// The text by which the Agency knows this submission again.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The run that sends.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Stores the document by content and puts the copy into `da inviare`.
    ///
    /// # Errors
    /// When the file cannot be read, is not what the document says, or cannot be stored.
    pub(crate) fn prepare(&self, document: &DocumentId) -> Result<Prepared, Error> {
        if !is_file_name(&document.name) {
            return Err(SubmissionError::DocumentName { length: document.name.len() }.into());
        }
        self.require_same_document(document)?;
        // Both folders belong to this run, which holds its lock.
        remove_leftovers(&self.folder);
        let bytes = match self.stored(&document.sha256) {
            Some(bytes) => bytes,
            None => {
                let bytes = read_document(document)?;
                let path = self.content(&document.sha256);
                document_archive::create(&self.folder)
                    .and_then(|()| atomic_file::write(&path, &bytes))
                    .map_err(not_stored(&path))?;
                bytes
            }
        };
        let copy = self.copy(document).map_err(not_stored(&self.documents))?;
        if let Some(folder) = copy.parent() {
            remove_leftovers(folder);
        }
        if !holds(&copy, &document.sha256) {
            atomic_file::write(&copy, &bytes).map_err(not_stored(&copy))?;
        }
        Ok(Prepared { bytes, copy })
    }

    /// Whether the document may have been sent already.
    pub(crate) fn was_attempted(&self) -> bool {
        // A mark that cannot be read is still a mark, and so is a disk that cannot say.
        self.attempt_path().try_exists().unwrap_or(true)
    }

    /// Marks, durably, that the document is about to be sent.
    pub(crate) fn begin_attempt(&self, document: &DocumentId, at: Timestamp) -> Result<(), Error> {
        let attempt = Attempt {
            at,
            name: document.name.clone(),
            tipo_documento: document.tipo_documento.clone(),
            sha256: document.sha256.clone(),
        };
        let path = self.attempt_path();
        atomic_file::write(&path, &json(&attempt)).map_err(not_stored(&path))
    }

    /// Takes the mark away: it is certain that nothing arrived. Failing to is safe, for the mark
    /// only makes the next attempt ask first.
    pub(crate) fn withdraw_attempt(&self) {
        let _ = atomic_file::remove(&self.attempt_path());
    }

    /// The answer, if there was one. A record that cannot be read counts as none: then the mark
    /// makes us ask.
    pub fn acknowledgement(&self) -> Option<Acknowledgement> {
        let bytes = read_at_most(&self.acknowledgement_path(), 64 << 10).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Whether this number is that of another submission of this workspace.
    pub(crate) fn is_anothers(&self, protocollo: &Protocollo) -> bool {
        let outboxes = self.folder.parent().map(fs::read_dir);
        let entries = outboxes.into_iter().flatten().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| *path != self.folder).any(|path| {
            let answer = read_at_most(&path.join(ACKNOWLEDGEMENT), 64 << 10).ok();
            let answer = answer.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            answer.is_some_and(|answer: Acknowledgement| answer.protocollo == *protocollo)
        })
    }

    /// Keeps the answer.
    pub(crate) fn acknowledge(&self, answer: &Acknowledgement) -> Result<(), SubmissionError> {
        let path = self.acknowledgement_path();
        remove_leftovers(&self.folder);
        document_archive::create(&self.folder)
            .and_then(|()| atomic_file::write(&path, &json(answer)))
            .map_err(|error| SubmissionError::AcknowledgementNotKept {
                protocollo: answer.protocollo.clone(),
                path: path.display().to_string(),
                system: error.to_string(),
            })
    }

    /// Moves the copy from `da inviare` to `inviati`, under its protocollo. Safe to repeat.
    pub(crate) fn file_away(
        &self,
        document: &DocumentId,
        answer: &Acknowledgement,
    ) -> io::Result<PathBuf> {
        let inviati = document_archive::folder(&self.documents, "inviati")?;
        let filed = inviati.join(format!("{}-{}", answer.protocollo, document.name));
        let copy = self.copy(document)?;
        if holds(&filed, &document.sha256) {
            // Moved before; what may lie in `da inviare` is a second copy.
            if holds(&copy, &document.sha256) {
                fs::remove_file(&copy)?;
            }
        } else if holds(&copy, &document.sha256) {
            atomic_file::rename(&copy, &filed)?;
        } else if let Some(bytes) = self.stored(&document.sha256) {
            atomic_file::write(&filed, &bytes)?;
        }
        if let Some(folder) = copy.parent() {
            remove_leftovers(folder);
            // Left alone when it is not empty.
            let _ = fs::remove_dir(folder);
        }
        Ok(filed)
    }

    fn require_same_document(&self, document: &DocumentId) -> Result<(), Error> {
        let Ok(bytes) = read_at_most(&self.attempt_path(), 64 << 10) else { return Ok(()) };
        match serde_json::from_slice::<Attempt>(&bytes) {
            Ok(attempt) if attempt.sha256 != document.sha256 => {
                Err(SubmissionError::AnotherDocument {
                    document: document.name.clone(),
                    attempted_sha256: attempt.sha256,
                    sha256: document.sha256.clone(),
                }
                .into())
            }
            _ => Ok(()),
        }
    }

    fn stored(&self, sha256: &str) -> Option<Vec<u8>> {
        let bytes = read_at_most(&self.content(sha256), LARGEST_DOCUMENT).ok()?;
        (sha256_hex(&bytes) == sha256).then_some(bytes)
    }

    /// Where the copy for people is. A second document of that name in one run gets its own folder.
    fn copy(&self, document: &DocumentId) -> io::Result<PathBuf> {
        let da_inviare = document_archive::folder(&self.documents, "da inviare")?;
        let first = da_inviare.join(&self.run).join(&document.name);
        let path = if !first.exists() || holds(&first, &document.sha256) {
            first
        } else {
            let own = self.key.rsplit('-').next().unwrap_or("2");
            da_inviare.join(format!("{}-{own}", self.run)).join(&document.name)
        };
        if let Some(folder) = path.parent() {
            document_archive::create(folder)?;
        }
        Ok(path)
    }

    fn content(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256)
    }

    fn attempt_path(&self) -> PathBuf {
        self.folder.join(ATTEMPT)
    }

    fn acknowledgement_path(&self) -> PathBuf {
        self.folder.join(ACKNOWLEDGEMENT)
    }
}

fn read_document(document: &DocumentId) -> Result<Vec<u8>, Error> {
    let path = document.path.display().to_string();
    let bytes = match read_at_most(&document.path, LARGEST_DOCUMENT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(SubmissionError::DocumentTooLarge { path, limit: LARGEST_DOCUMENT }.into());
        }
        Err(error) => {
            let system = error.to_string();
            return Err(SubmissionError::DocumentUnreadable { path, system }.into());
        }
    };
    let found = sha256_hex(&bytes);
    if found != document.sha256 {
        let expected = document.sha256.clone();
        return Err(SubmissionError::DocumentChanged { path, expected, found }.into());
    }
    Ok(bytes)
}

/// Reads a file without ever holding more than `limit` bytes of it.
pub fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    regular_file::read(path, limit)
}

/// The name under which something of a call is kept.
pub fn name_of_key(key: &str) -> String {
    // Keys are made of hexadecimal digits and a step; any other text is named by its digest.
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && key.len() <= 100;
    if plain && !key.is_empty() { key.to_owned() } else { sha256_hex(key.as_bytes()) }
}

/// SHA-256, hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What an interrupted write left behind; it is in nobody's way when it stays.
fn remove_leftovers(folder: &Path) {
    let _ = atomic_file::remove_leftovers(folder);
}

/// Whether the file is there with this content; SHA-256, hexadecimal.
pub fn holds(path: &Path, sha256: &str) -> bool {
    read_at_most(path, LARGEST_DOCUMENT).is_ok_and(|bytes| sha256_hex(&bytes) == sha256)
}

/// A record for our own folders.
pub fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(record).expect("records have text keys and no floats")
}

pub(crate) fn not_stored(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |error| {
        SubmissionError::NotStored { path: path.display().to_string(), system: error.to_string() }
            .into()
    }
}

/// The folder of the outboxes, and what is in one of them.
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const ATTEMPT: &str = "attempt.json";
pub(crate) const ACKNOWLEDGEMENT: &str = "acknowledgement.json";
