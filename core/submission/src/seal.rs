//! Sealing a checked document: signed with the environment's signature key, then enveloped for the
//! Agency; the result is the `.ccf` that is sent.
//!
//! UNVERIFIED: the bytes of a `.ccf` are not public. This is what the Agency publishes for files
//! exchanged over SID and SdI SFTP: CMS SignedData with SHA-256 inside EnvelopedData with AES-256.
//!
//! The envelope has a random key, so that sealing twice gives two files. What a call has made is
//! therefore remembered, in `<state>/sealed/<idempotency key>/`, before the file has its name:
//! a call that is repeated gives the same file again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_environment::{Environment, EnvironmentFolder, OpenEnvironment};
use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{
    Call, Document, DocumentId, Error, Folders, RunId, atomic_file, document_archive,
};
use ceralacca_keystore::{Certificate, enveloped_data};
use ceralacca_signing::cades;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::SubmissionError;
use crate::file_name::is_file_name;
use crate::outbox::{holds, json, name_of_key, not_stored, read_at_most, sha256_hex};

/// Bytes of a file that is sealed without having been checked: 3 MB.
pub const LARGEST_UNCHECKED: u64 = 3_000_000;
/// Bytes of a checked file, `.dcm`: 5 MB.
pub const LARGEST_CHECKED: u64 = 5_000_000;

pub(crate) fn seal(
    call: &mut Call<'_>,
    env: Environment,
    document: Document,
    ca: Vec<Bytes>,
) -> Result<Document, Error> {
    let folders = call.service::<Folders>()?;
    let sealed = Sealed::of(&folders, call.run(), call.idempotency_key());
    let content = read(&document.0)?;
    if let Some(made) = sealed.made_before(&document.0) {
        return Ok(Document(made));
    }
    let authorities =
        ca.iter().map(|bytes| Certificate::from_der(&bytes.0)).collect::<Result<Vec<_>, _>>()?;
    let password = call.secret(&env.0.password)?;
    let environment = EnvironmentFolder::at(&env.0.folder).open(&password)?;
    let bytes = envelope(&content, &environment, &authorities, call.now())?;
    Ok(Document(sealed.keep(&document.0, &bytes)?))
}

/// The bytes of the `.ccf`: `content` signed by the environment, for the CA that issued it.
///
/// # Errors
/// `seal.certificate_not_valid`, `seal.other_ca`, `seal.ca_key`, and those of the signature.
pub fn envelope(
    content: &[u8],
    environment: &OpenEnvironment,
    authorities: &[Certificate],
    at: Timestamp,
) -> Result<Vec<u8>, Error> {
    let own = environment.firma.certificate();
    if !own.is_valid_at(at) {
        return Err(SubmissionError::SealNotValid {
            common_name: own.common_name(),
            not_before: own.not_before(),
            not_after: own.not_after(),
            at,
        }
        .into());
    }
    let issuer = authorities.iter().find(|ca| own.names_issuer(ca) && own.is_signed_by(ca));
    let issuer = issuer.ok_or_else(|| SubmissionError::SealOtherCa {
        issuer: own.issuer(),
        serial: own.serial(),
        found: authorities.iter().map(Certificate::subject).collect(),
    })?;
    let options = cades::Options::attached(at);
    let mut signed = Vec::with_capacity(content.len() + (8 << 10));
    let length = Some(content.len() as u64);
    cades::sign(content, length, &mut signed, &environment.firma, &options)?;
    let sealed = enveloped_data::seal(&signed, issuer);
    Ok(sealed.ok_or_else(|| SubmissionError::SealCaKey {
        subject: issuer.subject(),
        bits: issuer.public().bits(),
    })?)
}

/// What one call of `seal` makes, and what is remembered of it.
struct Sealed<'a> {
    folders: &'a Folders,
    run: &'a RunId,
    key: &'a str,
}

/// Written before the file has its name.
#[derive(Serialize, Deserialize)]
struct Record {
    document_sha256: String,
    path: PathBuf,
    sha256: String,
}

impl Sealed<'_> {
    fn of<'a>(folders: &'a Folders, run: &'a RunId, key: &'a str) -> Sealed<'a> {
        Sealed { folders, run, key }
    }

    /// The file that this call made before it was interrupted, when it is whole.
    fn made_before(&self, document: &DocumentId) -> Option<DocumentId> {
        let record = self.record().filter(|record| record.document_sha256 == document.sha256)?;
        holds(&record.path, &record.sha256).then(|| made(document, record.path, record.sha256))
    }

    fn keep(&self, document: &DocumentId, bytes: &[u8]) -> Result<DocumentId, Error> {
        let path = self.path(document)?;
        let sha256 = sha256_hex(bytes);
        let record = Record {
            document_sha256: document.sha256.clone(),
            path: path.clone(),
            sha256: sha256.clone(),
        };
        let kept = self.record_path();
        write(&kept, &json(&record)).map_err(not_stored(&kept))?;
        write(&path, bytes).map_err(not_stored(&path))?;
        Ok(made(document, path, sha256))
    }

    /// `firmati/<run>/comunicazione.ccf`. A second document of that name in one run, which another
    /// call made, keeps its place: this one gets its own folder.
    fn path(&self, document: &DocumentId) -> Result<PathBuf, Error> {
        let name = sealed_name(&document.name);
        let of_run = |run: &str| {
            let firmati = document_archive::folder(&self.folders.documents, FIRMATI)?;
            Ok(firmati.join(run).join(&name))
        };
        let failed = |error: io::Error| not_stored(&self.folders.documents.join(FIRMATI))(error);
        let first = of_run(&self.run.to_string()).map_err(failed)?;
        let own = self.record().is_some_and(|record| record.path == first);
        if own || !first.exists() {
            return Ok(first);
        }
        let step = self.key.rsplit('-').next().unwrap_or("2");
        of_run(&format!("{}-{step}", self.run)).map_err(failed)
    }

    fn record(&self) -> Option<Record> {
        let bytes = read_at_most(&self.record_path(), 64 << 10).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn record_path(&self) -> PathBuf {
        // In a folder of its own: what is left over there is this call's and nobody else's.
        self.folders.state.join("sealed").join(name_of_key(self.key)).join("sealed.json")
    }
}

fn read(document: &DocumentId) -> Result<Vec<u8>, Error> {
    if !is_file_name(&document.name) {
        return Err(SubmissionError::DocumentName { length: document.name.len() }.into());
    }
    let path = document.path.display().to_string();
    let checked = document.name.to_lowercase().ends_with(".dcm");
    let limit = if checked { LARGEST_CHECKED } else { LARGEST_UNCHECKED };
    let bytes = match read_at_most(&document.path, limit) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            let length = fs::metadata(&document.path).map_or(limit + 1, |found| found.len());
            return Err(SubmissionError::SealTooLarge { path, length, limit, checked }.into());
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

fn made(document: &DocumentId, path: PathBuf, sha256: String) -> DocumentId {
    DocumentId {
        name: sealed_name(&document.name),
        tipo_documento: document.tipo_documento.clone(),
        path,
        sha256,
        keys: Vec::new(),
    }
}

/// `comunicazione.dcm` becomes `comunicazione.ccf`.
fn sealed_name(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}.ccf")
}

/// Writes a file and the folders above it; clears away what an interrupted write left there.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        document_archive::create(folder)?;
        atomic_file::remove_leftovers(folder)?;
    }
    atomic_file::write(path, bytes)
}

const FIRMATI: &str = "firmati";
