//! Opening a sealed receipt, `<protocollo>.rcc`: decrypted, verified, read, matched to the send.
//!
//! ```text
//! ricezione/<protocollo>/<protocollo>.rcc   as it came
//! ricevute/<protocollo>/<protocollo>.p7m    decrypted: the text with the Agency's signature
//! ricevute/<protocollo>/<protocollo>.rel    the text
//! esiti/<protocollo>.json                   what was sent, and what became of it
//! ```
//!
//! UNVERIFIED: the bytes of a `.rcc` are not public. Here it is as a `.ccf`, the other way round:
//! CMS SignedData by the CA inside EnvelopedData for the environment's cipher key.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Call, Error, Folders, atomic_file, document_archive};
use ceralacca_keystore::{Environment, EnvironmentFolder, ber, enveloped_data};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ca;
use crate::outbox::{json, sha256_hex};
use crate::receipt::{fetch, save};
use crate::signed_by_agency::signed_by_agency;
use crate::{Protocollo, Receipt, ReceiptRecord, ReceiptText, Rejection, SubmissionError};

/// A sealed receipt that was opened: what it says, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenedReceipt {
    /// Number of the submission.
    pub protocollo: Protocollo,
    /// `ELABORATO` or `SCARTATO`.
    pub stato: String,
    /// Why it was rejected.
    pub motivo_di_scarto: Option<Rejection>,
    /// File name as the Agency received it.
    pub file_name: String,
    /// SHA-256 of the file as the Agency received it, hexadecimal.
    pub sha256: String,
    /// The impronta, hexadecimal, where the receipt names one.
    pub impronta: Option<String>,
    /// When the Agency received it, RFC 3339.
    pub received_at: String,
    /// When the Agency processed it, RFC 3339.
    pub processed_at: String,
    /// The text with the Agency's signature.
    pub p7m: PathBuf,
    /// The text.
    pub rel: PathBuf,
}

/// What was sent and what became of it, `esiti/<protocollo>.json`.
#[derive(Debug, Serialize)]
struct Esito<'a> {
    protocollo: &'a Protocollo,
    tipo_documento: &'a str,
    stato: &'a str,
    motivo_di_scarto: &'a Option<Rejection>,
    file_name: &'a str,
    sent_sha256: &'a str,
    sent_copy: PathBuf,
    rcc: File<'a>,
    p7m: File<'a>,
    rel: File<'a>,
}

/// A file of the archive.
#[derive(Debug, Serialize)]
struct File<'a> {
    path: &'a Path,
    sha256: String,
}

pub(crate) fn open(
    call: &mut Call<'_>,
    receipt: Receipt,
    env: Environment,
) -> Result<OpenedReceipt, Error> {
    let record = &receipt.0.record;
    let (rcc, rcc_path) = fetch(call, &receipt.0, &name_of(record))?;
    let password = call.secret(&env.0.password)?;
    let environment = EnvironmentFolder::at(&env.0.folder).open(&password)?;
    let p7m =
        decrypt(&rcc, &environment.cifra).ok_or_else(|| SubmissionError::ReceiptUndecryptable {
            protocollo: record.protocollo.clone(),
            path: rcc_path.display().to_string(),
            serial: environment.cifra.certificate().serial(),
        })?;
    let authorities = ca::authorities(call)?;
    let text = signed_by_agency(&p7m, &authorities).map_err(|problem| {
        SubmissionError::ReceiptSignature {
            protocollo: record.protocollo.clone(),
            path: rcc_path.display().to_string(),
            problem,
        }
    })?;
    let folders = call.service::<Folders>()?;
    let number = &record.protocollo;
    let p7m_path = save(&folders, RICEVUTE, number, &format!("{number}.p7m"), &p7m)?;
    let rel_path = save(&folders, RICEVUTE, number, &format!("{number}.rel"), &text)?;
    let read = ReceiptText::parse(&text).map_err(|reason| SubmissionError::ReceiptMalformed {
        protocollo: number.clone(),
        path: rel_path.display().to_string(),
        reason,
    })?;
    require_same_send(record, &read)?;
    let esito = Esito {
        protocollo: number,
        tipo_documento: &record.tipo_documento,
        stato: read.stato.as_str(),
        motivo_di_scarto: &read.motivo_di_scarto,
        file_name: &record.file_name,
        sent_sha256: &record.sha256,
        sent_copy: sent_copy(&folders, record),
        rcc: File { path: &rcc_path, sha256: sha256_hex(&rcc) },
        p7m: File { path: &p7m_path, sha256: sha256_hex(&p7m) },
        rel: File { path: &rel_path, sha256: sha256_hex(&text) },
    };
    keep(&folders, number, &esito)?;
    Ok(opened(read, p7m_path, rel_path))
}

/// The name of the sealed receipt among the files of the receipt.
fn name_of(record: &ReceiptRecord) -> String {
    let sealed = |name: &&str| name.to_lowercase().ends_with(".rcc");
    let names = record.attachments.iter().map(|listed| listed.name.as_str());
    let found = names.clone().find(sealed);
    found.map_or_else(|| format!("{}.rcc", record.protocollo), str::to_owned)
}

fn decrypt(rcc: &[u8], cifra: &ceralacca_keystore::key_entry::KeyEntry) -> Option<Vec<u8>> {
    let (der, taken) = ber::to_der(rcc).ok()?;
    let whole = taken == rcc.len();
    let open = || enveloped_data::open(&der, cifra.certificate(), &cifra.key);
    whole.then(open).flatten().map(|opened| opened.to_vec())
}

/// The receipt's own fields were compared with what was sent when it was waited for.
fn require_same_send(record: &ReceiptRecord, read: &ReceiptText) -> Result<(), SubmissionError> {
    let same = [
        ("protocollo", record.protocollo.as_str(), read.protocollo.as_str()),
        ("SHA-256", record.sha256.as_str(), read.sha256.as_str()),
        ("file name", record.file_name.as_str(), read.file_name.as_str()),
        ("tipo documento", record.tipo_documento.as_str(), read.tipo_documento.as_str()),
        ("stato", accepted_or_not(record.stato), accepted_or_not(read.stato)),
    ];
    match same.into_iter().find(|(_, expected, found)| expected != found) {
        None => Ok(()),
        Some((field, expected, found)) => Err(SubmissionError::ReceiptOfAnotherSend {
            protocollo: record.protocollo.clone(),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
    }
}

/// A receipt was sealed when the document was processed, and it may have been annulled since.
fn accepted_or_not(stato: crate::Stato) -> &'static str {
    match stato {
        crate::Stato::Annullato => crate::Stato::Elaborato.as_str(),
        other => other.as_str(),
    }
}

/// Where the outbox filed the copy of what was sent; it may have been moved since.
fn sent_copy(folders: &Folders, record: &ReceiptRecord) -> PathBuf {
    let name = format!("{}-{}", record.protocollo, record.file_name);
    folders.documents.join("inviati").join(name)
}

/// Written beside the receipt first: `esiti` is shared, so nobody could tell there whose leftovers
/// are whose.
fn keep(folders: &Folders, number: &Protocollo, esito: &Esito<'_>) -> Result<(), SubmissionError> {
    let name = format!("{number}.json");
    let written = save(folders, RICEVUTE, number, &name, &json(esito))?;
    document_archive::folder(&folders.documents, ESITI)
        .and_then(|folder| atomic_file::rename(&written, &folder.join(&name)))
        .map_err(|error| SubmissionError::AttachmentNotSaved {
            protocollo: number.clone(),
            path: folders.documents.join(ESITI).join(&name).display().to_string(),
            system: error.to_string(),
        })
}

fn opened(read: ReceiptText, p7m: PathBuf, rel: PathBuf) -> OpenedReceipt {
    OpenedReceipt {
        impronta: read.detail(ReceiptText::IMPRONTA).map(str::to_owned),
        protocollo: read.protocollo,
        stato: read.stato.as_str().to_owned(),
        motivo_di_scarto: read.motivo_di_scarto,
        file_name: read.file_name,
        sha256: read.sha256,
        received_at: read.received_at.to_string(),
        processed_at: read.processed_at.to_string(),
        p7m,
        rel,
    }
}

const RICEVUTE: &str = "ricevute";
const ESITI: &str = "esiti";
