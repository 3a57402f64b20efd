//! Documents signed for scripts: where the signed files go, and what is kept when a call repeats.

use std::fs::File;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Call, Document, DocumentId, Error, Folders, atomic_file, regular_file};
use ceralacca_keystore::SignerHandle;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Job, sign_file, sign_many};
use crate::cades::Options;
use crate::digest::{DigestAlgorithm, Hasher};
use crate::error::SigningError;
use crate::report::Verdict;
use crate::signed_data::{self, Content};
use crate::signer::Signer;
use crate::trust::{Purpose, Trust};
use crate::verify::verify;

/// How scripts want a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CadesOptions {
    /// Leaves the document out of the signed file.
    #[serde(default)]
    pub detached: bool,
}

pub(crate) fn cades(
    call: &mut Call<'_>,
    document: Document,
    signer: SignerHandle,
    options: Option<CadesOptions>,
) -> Result<Document, Error> {
    let mut signed = cades_all(call, vec![document], signer, options)?;
    Ok(signed.pop().expect("one document gives one signed file"))
}

pub(crate) fn cades_all(
    call: &mut Call<'_>,
    documents: Vec<Document>,
    signer: SignerHandle,
    options: Option<CadesOptions>,
) -> Result<Vec<Document>, Error> {
    let detached = options.unwrap_or_default().detached;
    let options = Options { detached, ..Options::attached(call.now()) };
    let key = signer.open(call)?;
    let jobs = jobs(call, &documents)?;
    let run = call.run().to_string();
    let own = |target: &Path| target.parent().is_some_and(|folder| folder.ends_with(&run));
    let mut signed = Vec::new();
    for (documents, jobs) in documents.chunks(AT_ONCE).zip(jobs.chunks(AT_ONCE)) {
        let hashes = sign_batch(jobs, &key, &options, &own)?;
        let named = documents.iter().zip(jobs).zip(hashes);
        signed
            .extend(named.map(|((document, job), sha256)| signed_document(document, job, sha256)));
        if jobs.len() > 1 {
            call.progress(&format!("{} documents signed", signed.len()));
        }
    }
    Ok(signed)
}

/// The SHA-256 of each signed file, hexadecimal; those that are there already are kept.
fn sign_batch(
    jobs: &[Job],
    signer: &(impl Signer + Sync),
    options: &Options,
    own: &dyn Fn(&Path) -> bool,
) -> Result<Vec<String>, SigningError> {
    let mut hashes: Vec<Option<String>> =
        jobs.iter().map(|job| already_signed(job, signer, options)).collect();
    let missing: Vec<Job> = jobs
        .iter()
        .zip(&hashes)
        .filter(|(_, hash)| hash.is_none())
        .map(|(job, _)| job.clone())
        .collect();
    // Outside the run's own folder it may be somebody else's signature: never written over.
    if let Some(job) = missing.iter().find(|job| !own(&job.target) && job.target.exists()) {
        let there = std::io::ErrorKind::AlreadyExists.into();
        return Err(SigningError::disk("writing", &job.target, &there));
    }
    let written = match missing.as_slice() {
        [one] => vec![sign_file(one, signer, options)],
        many => sign_many(many, signer, options),
    };
    let mut written = written.into_iter();
    for hash in hashes.iter_mut().filter(|hash| hash.is_none()) {
        let one = written.next().expect("each that was missing was signed")?;
        *hash = Some(hex::encode(one.sha256_of_output));
    }
    Ok(hashes.into_iter().flatten().collect())
}

/// The hash of the signed file when it is there whole, of this document and by this signer: a call
/// that was interrupted after it leaves it as it is, because a second signature would differ.
fn already_signed(job: &Job, signer: &impl Signer, options: &Options) -> Option<String> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let file = regular_file::open(&job.target).ok()?;
    let mut source = Hashing { file, hasher: &mut hasher };
    let signed = if options.detached {
        let mut document = regular_file::open(&job.source).ok()?;
        signed_data::read(&mut source, Content::Detached(&mut document))
    } else {
        signed_data::read(&mut source, Content::Discard)
    };
    let signed = signed.ok().filter(|signed| signed.attached != options.detached)?;
    let digest = hex::encode(signed.digests.get(&DigestAlgorithm::Sha256)?);
    let [one] = signed.signers.as_slice() else { return None };
    if job.sha256.as_ref() != Some(&digest) || !one.is_by(signer.certificate()) {
        return None;
    }
    let mut trust = Trust::default();
    for certificate in signer.chain() {
        trust.add_anchor(certificate.clone(), "the signer");
    }
    let at = one.signing_time().unwrap_or(Timestamp::MIN).max(signer.certificate().not_before());
    let at = at.min(signer.certificate().not_after());
    let reports = verify(&signed, &trust, at, Purpose::Signing);
    let valid = reports.iter().all(|report| report.verdict() == Verdict::Valid);
    valid.then(|| hex::encode(hasher.finish()))
}

fn jobs(call: &Call<'_>, documents: &[Document]) -> Result<Vec<Job>, Error> {
    let folders = call.service::<Folders>()?;
    let mut jobs: Vec<Job> = Vec::new();
    for Document(document) in documents {
        let folder = folder(call, &folders, &document.path)?;
        atomic_file::remove_leftovers(&folder)
            .map_err(|error| SigningError::disk("writing", &folder, &error))?;
        let target = folder.join(format!("{}.p7m", file_name(document)));
        if jobs.iter().any(|job| job.target == target) {
            return Err(SigningError::SameName { path: target.display().to_string() }.into());
        }
        let sha256 = Some(document.sha256.to_ascii_lowercase());
        jobs.push(Job { source: document.path.clone(), target, sha256 });
    }
    Ok(jobs)
}

/// Beside the document when it is in the document archive, else `firmati/<run>`.
fn folder(call: &Call<'_>, folders: &Folders, document: &Path) -> Result<PathBuf, SigningError> {
    match document.parent() {
        Some(beside) if beside.starts_with(&folders.documents) => Ok(beside.to_owned()),
        _ => folders
            .of_run("firmati", call.run())
            .map_err(|error| SigningError::disk("writing", &folders.documents, &error)),
    }
}

fn signed_document(Document(document): &Document, job: &Job, sha256: String) -> Document {
    Document(DocumentId {
        name: format!("{}.p7m", document.name),
        tipo_documento: document.tipo_documento.clone(),
        path: job.target.clone(),
        sha256,
        keys: Vec::new(),
    })
}

fn file_name(document: &DocumentId) -> String {
    let name = document.path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "documento".to_owned())
}

/// Hashes what is read.
struct Hashing<'a> {
    file: File,
    hasher: &'a mut Hasher,
}

impl std::io::Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        Ok(length)
    }
}

/// Documents between two lines of progress.
const AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Contents, entry, moment};

    fn job(folder: &Path, name: &str, content: &[u8]) -> Job {
        let source = folder.join(name);
        std::fs::write(&source, content).unwrap();
        Job {
            target: folder.join(format!("{name}.p7m")),
            source,
            sha256: Some(hex::encode(DigestAlgorithm::Sha256.digest(content))),
        }
    }

    #[test]
    fn a_repeated_call_keeps_what_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let jobs: Vec<Job> =
            (0..5).map(|at| job(folder.path(), &format!("{at}.xml"), &[at; 9])).collect();
        let signer = entry(Contents::signer());
        for detached in [false, true] {
            let options = Options { detached, ..Options::attached(moment()) };
            let first = sign_batch(&jobs, &signer, &options, &|_| true).unwrap();
            let later = "2026-04-01T00:00:00Z".parse().unwrap();
            let options = Options { signing_time: later, ..options };
            std::fs::write(&jobs[1].target, "half a fil").unwrap();
            let mut second = sign_batch(&jobs, &signer, &options, &|_| true).unwrap();
            assert_ne!(first[1], second[1]);
            second[1].clone_from(&first[1]);
            assert_eq!(first, second);
            for (job, hash) in jobs.iter().zip(&first).skip(2) {
                let written = std::fs::read(&job.target).unwrap();
                assert_eq!(hex::encode(DigestAlgorithm::Sha256.digest(&written)), *hash);
            }
        }
        let options = Options::attached(moment());
        let other = entry(Contents { key: 3, serial: 9, ..Contents::signer() });
        let by_other = sign_batch(&jobs[..1], &other, &options, &|_| true).unwrap();
        assert_ne!(by_other, sign_batch(&jobs[..1], &signer, &options, &|_| true).unwrap());
    }

    #[test]
    fn a_changed_document_is_not_signed() {
        let folder = tempfile::tempdir().unwrap();
        let job = job(folder.path(), "indice.xml", b"prima");
        std::fs::write(&job.source, "dopo").unwrap();
        let (signer, options) = (entry(Contents::signer()), Options::attached(moment()));
        let refused =
            sign_batch(std::slice::from_ref(&job), &signer, &options, &|_| true).unwrap_err();
        assert!(matches!(refused, SigningError::DocumentChanged { .. }));
        assert!(!job.target.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
