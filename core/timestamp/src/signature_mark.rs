//! A mark inside a signature, CAdES B-T (EN 319 122-1 §5.3): it covers the signature value.
//!
//! It shows when the signature was there. The Agency's check of the impronta asks for a mark over the
//! whole signed file instead, which this one can never be.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Call, Document, DocumentId, Error, atomic_file, regular_file};
use ceralacca_signing::{Content, DigestAlgorithm, TrustStore, cades, signed_data};

use crate::handle::{ASKED_AGAIN, imprint_of};
use crate::purchase::Purchase;
use crate::{MessageImprint, TimestampError, TsaChannel};

/// Marks the one signature of `document` and writes `NAME.marcata.p7m` beside it.
pub(crate) fn mark_signature(call: &mut Call<'_>, document: Document) -> Result<Document, Error> {
    let document = document.0;
    let channel = call.service::<TsaChannel>()?;
    let trust = call.service::<TrustStore>()?.trust()?;
    imprint_of(&document, DigestAlgorithm::Sha256)?; // the file is still the one that was made
    let imprint = imprint_of_signature(&document)?;
    call.progress(&format!("mark for {} by {}", document.name, channel.authority().describe()));
    let at = call.now();
    let beside = with_ending(&document.path, ".firma");
    let purchase = Purchase { document: &beside, imprint, policy: None, trust: &trust, at };
    let path = with_ending(&document.path.with_extension(""), ".marcata.p7m");
    // Before any money is spent; a repeated call has its mark on disk and writes the same file again.
    if path.exists() && !with_ending(&beside, ".tsr").exists() {
        let reason = "a file of that name is there already".to_owned();
        return Err(TimestampError::InTheWay { path: path.display().to_string(), reason }.into());
    }
    if purchase.answer_may_be_lost() {
        call.progress(ASKED_AGAIN);
    }
    let (mark, _) = purchase.mark(channel.authority())?;

    let not_stored = |error: std::io::Error| TimestampError::NotStored {
        path: path.display().to_string(),
        system: error.to_string(),
        answered: true,
    };
    if let Some(folder) = path.parent().filter(|folder| folder.ends_with(call.run().to_string())) {
        // The run's own folder: what an interrupted call left there is nobody else's.
        atomic_file::remove_leftovers(folder).map_err(not_stored)?;
    }
    let mut file = atomic_file::Writer::create(&path).map_err(not_stored)?;
    let written = cades::with_timestamp(&document.path, mark.token_der(), &mut file)?;
    file.persist().map_err(not_stored)?;
    Ok(Document(DocumentId {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        tipo_documento: document.tipo_documento,
        path,
        sha256: hex::encode(written.sha256_of_output),
        keys: Vec::new(),
    }))
}

fn imprint_of_signature(document: &DocumentId) -> Result<MessageImprint, Error> {
    let path = document.path.display().to_string();
    let mut file = regular_file::open(&document.path).map_err(|error| {
        TimestampError::DocumentUnreadable { path: path.clone(), system: error.to_string() }
    })?;
    let signed = signed_data::read(&mut file, Content::Discard)
        .map_err(|error| error.about(&document.path))?;
    match signed.signers.as_slice() {
        [signer] => {
            let algorithm = DigestAlgorithm::Sha256;
            Ok(MessageImprint { algorithm, digest: algorithm.digest(signer.signature()) })
        }
        several => Err(TimestampError::NotOneSignature { path, found: several.len() }.into()),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
