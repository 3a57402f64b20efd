//! Opening a sealed receipt, `<protocollo>.rcc`: decrypted, verified, read, matched to the send.
//!
//! ```text
//! ricezione/<protocollo>/<protocollo>.rcc   as it came
//! ricevute/<protocollo>/<protocollo>.p7m    decrypted: the text with the Agency's signature
//! ricevute/<protocollo>/<protocollo>.rel    the text
//! esiti/<protocollo>.json                   what was sent, and what became of it (esito.rs)
//! ```
//!
//! UNVERIFIED: the bytes of a `.rcc` are not public. Here it is as a `.ccf`, the other way round:
//! CMS SignedData by the CA inside EnvelopedData for the environment's cipher key.

use std::path::{Path, PathBuf};

use ceralacca_environment::Environment;
use ceralacca_kernel::{Call, Error, Folders};
use ceralacca_keystore::Certificate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ca;
use crate::esito::{Esito, kept_rcc, sealed};
use crate::kept_file::{KeptFile, Look};
use crate::not_openable::{self, NotOpenable};
use crate::outbox::{LARGEST_DOCUMENT, read_at_most};
use crate::receipt::{Stop, accepted, fetch, save_as_came};
use crate::right_key::{Keys, NoKey};
use crate::signed_by_agency::signed_by_agency;
use crate::{
    Protocollo, Receipt, ReceiptId, ReceiptRecord, ReceiptText, Rejection, Stato, SubmissionError,
    hand_over,
};

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
    /// The text with the Agency's signature; the receipt itself where a person has read it.
    pub p7m: PathBuf,
    /// The text; the receipt itself where a person has read it.
    pub rel: PathBuf,
    /// The environment whose key opened it: the current one, or one that was set aside; empty where
    /// no key was needed.
    pub ambiente: PathBuf,
    /// Whether a person has read it, because its form is not known here.
    #[serde(default)]
    pub read_by_person: bool,
}

pub(crate) fn open(
    call: &mut Call<'_>,
    receipt: Receipt,
    env: Environment,
) -> Result<OpenedReceipt, Error> {
    Opener::new(&env).open(call, &receipt.0).map_err(Stop::into_error)
}

/// Opens one receipt or many with the keys of one firm.
pub(crate) struct Opener {
    folder: PathBuf,
    keys: Keys,
    authorities: Option<Vec<Certificate>>,
    /// What receipts are opened with, as [`not_openable::tried`] tells it.
    tried: Option<String>,
}

/// A decrypted receipt, its signature verified.
struct Clear {
    rcc: Option<KeptFile>,
    p7m: Vec<u8>,
    text: Vec<u8>,
    ambiente: PathBuf,
}

impl Opener {
    pub(crate) fn new(env: &Environment) -> Opener {
        let folder = env.0.folder.clone();
        Opener { folder, keys: Keys::new(env), authorities: None, tried: None }
    }

    pub(crate) fn open(
        &mut self,
        call: &Call<'_>,
        receipt: &ReceiptId,
    ) -> Result<OpenedReceipt, Stop> {
        let record = &receipt.record;
        let folders = call.service::<Folders>().map_err(Stop::All)?;
        let Some(sealed) = sealed(record) else {
            return self.open_clear(call, receipt, &folders);
        };
        let (rcc, path) = match kept_rcc(&folders, record, sealed) {
            Some(kept) => kept,
            None => fetch(call, receipt, &sealed.name)?,
        };
        let kept = KeptFile::new(&folders, &path, &rcc);
        let opened = self.open_fetched(call, record, &rcc, kept, &folders);
        if let Err(Stop::ThisOne(error)) = &opened {
            let tried = self.tried(call);
            let closed = NotOpenable::new(error.report(), &rcc, tried);
            let earlier = Esito::read(&folders, &record.protocollo);
            let earlier = earlier.filter(|esito| esito.sent_sha256 == record.sha256);
            let esito = earlier.unwrap_or_else(|| Esito::of(&folders, record));
            let esito = Esito { not_openable: Some(closed), ..esito };
            esito.keep(&folders).map_err(Stop::all)?;
        }
        opened
    }

    fn open_fetched(
        &mut self,
        call: &Call<'_>,
        record: &ReceiptRecord,
        rcc: &[u8],
        kept: KeptFile,
        folders: &Folders,
    ) -> Result<OpenedReceipt, Stop> {
        let path = kept.place(folders);
        let decrypted = match self.keys.decrypt(call, rcc) {
            Ok(decrypted) => decrypted,
            Err(NoKey::Opaque) => return opaque(folders, record, kept),
            Err(other) => return Err(no_key(other, record, &path)),
        };
        let text = self.verified(call, record, &decrypted.content, &path)?;
        let p7m = decrypted.content;
        let clear = Clear { rcc: Some(kept), p7m, text, ambiente: decrypted.ambiente };
        clear.keep(call, folders, record)
    }

    /// Why the receipt did not open before, when nothing that it could be opened with has changed.
    pub(crate) fn closed_before(
        &mut self,
        call: &Call<'_>,
        record: &ReceiptRecord,
    ) -> Option<NotOpenable> {
        let folders = call.service::<Folders>().ok()?;
        let esito = Esito::read(&folders, &record.protocollo)?;
        let closed = esito.closed(sealed(record)?)?;
        (closed.tried == self.tried(call) && !esito.read_by_person).then(|| closed.clone())
    }

    fn tried(&mut self, call: &Call<'_>) -> String {
        self.tried.get_or_insert_with(|| not_openable::tried(call, &self.folder)).clone()
    }

    /// A receipt that came without its envelope: signed by the Agency all the same.
    fn open_clear(
        &mut self,
        call: &Call<'_>,
        receipt: &ReceiptId,
        folders: &Folders,
    ) -> Result<OpenedReceipt, Stop> {
        let record = &receipt.record;
        for file in record.attachments.iter().filter(|file| file.name != "CERTIF.IN") {
            let (p7m, path) = fetch(call, receipt, &file.name)?;
            if let Ok(text) = self.verified(call, record, &p7m, &path) {
                let clear = Clear { rcc: None, p7m, text, ambiente: PathBuf::new() };
                return clear.keep(call, folders, record);
            }
        }
        // Of what was rejected without any receipt, the reason is all there is.
        if record.stato == Stato::Scartato {
            accepted(record).map_err(Stop::this_one)?;
        }
        Err(Stop::this_one(SubmissionError::NoSuchAttachment {
            protocollo: record.protocollo.clone(),
            name: format!("{}.rcc", record.protocollo),
            known: record.attachments.iter().map(|listed| listed.name.clone()).collect(),
        }))
    }

    /// What was opened here before, checked again; `None` when it has to be opened.
    pub(crate) fn opened_before(
        &mut self,
        call: &Call<'_>,
        record: &ReceiptRecord,
    ) -> Option<OpenedReceipt> {
        let folders = call.service::<Folders>().ok()?;
        let esito = Esito::read(&folders, &record.protocollo)?;
        if !esito.has_read(sealed(record)?) || esito.read_by_person {
            return None;
        }
        if !esito.faults(&folders, Look::Content).is_empty() {
            return None;
        }
        let (rcc, ambiente) = (esito.rcc?, esito.ambiente?);
        let p7m = read_at_most(&esito.p7m?.place(&folders), LARGEST_DOCUMENT).ok()?;
        let text = self.verified(call, record, &p7m, &rcc.place(&folders)).ok()?;
        Clear { rcc: Some(rcc), p7m, text, ambiente }.keep(call, &folders, record).ok()
    }

    fn verified(
        &mut self,
        call: &Call<'_>,
        record: &ReceiptRecord,
        p7m: &[u8],
        path: &Path,
    ) -> Result<Vec<u8>, Stop> {
        let authorities = match self.authorities.take() {
            Some(authorities) => authorities,
            None => ca::authorities(call).map_err(Stop::All)?,
        };
        let text = signed_by_agency(p7m, &authorities);
        self.authorities = Some(authorities);
        text.map_err(|problem| {
            Stop::this_one(SubmissionError::ReceiptSignature {
                protocollo: record.protocollo.clone(),
                path: path.display().to_string(),
                problem,
            })
        })
    }
}

impl Clear {
    fn keep(
        self,
        call: &Call<'_>,
        folders: &Folders,
        record: &ReceiptRecord,
    ) -> Result<OpenedReceipt, Stop> {
        let number = &record.protocollo;
        let save = |ending: &str, bytes: &[u8]| {
            let name = format!("{number}.{ending}");
            save_as_came(call, folders, RICEVUTE, number, &name, bytes).map_err(Stop::all)
        };
        let p7m = save("p7m", &self.p7m)?;
        let rel = save("rel", &self.text)?;
        let read = ReceiptText::parse(&self.text).map_err(|reason| {
            let (protocollo, path) = (number.clone(), rel.display().to_string());
            Stop::this_one(SubmissionError::ReceiptMalformed { protocollo, path, reason })
        })?;
        require_same_send(record, &read).map_err(Stop::this_one)?;
        let annulled = record.stato == Stato::Annullato;
        let esito = Esito {
            numero: (*number != read.protocollo).then(|| read.protocollo.clone()),
            stato: if annulled { record.stato } else { read.stato },
            motivo_di_scarto: read.motivo_di_scarto.clone(),
            documenti: read.documenti,
            p7m: Some(KeptFile::new(folders, &p7m, &self.p7m)),
            rel: Some(KeptFile::new(folders, &rel, &self.text)),
            ambiente: self.rcc.as_ref().map(|_| self.ambiente.clone()),
            rcc: self.rcc,
            ..Esito::of(folders, record)
        };
        esito.keep(folders).map_err(Stop::all)?;
        Ok(opened(read, p7m, rel, self.ambiente))
    }
}

/// A receipt whose form is not known is kept, hashed and shown, and read by a person.
fn opaque(
    folders: &Folders,
    record: &ReceiptRecord,
    file: KeptFile,
) -> Result<OpenedReceipt, Stop> {
    let earlier = Esito::read(folders, &record.protocollo);
    if let (Some(esito), Some(sealed)) = (earlier, sealed(record))
        && esito.read_by_person
        && esito.has_read(sealed)
    {
        return Ok(by_person(esito, record, file.place(folders)));
    }
    let (path, sha256) = (file.place(folders).display().to_string(), file.sha256.clone());
    let length = file.length;
    let esito = Esito { opaque: Some(file), ..Esito::of(folders, record) };
    esito.keep(folders).map_err(Stop::all)?;
    let protocollo = record.protocollo.clone();
    let run = handed_over_by(folders, &protocollo);
    Err(Stop::this_one(SubmissionError::ReceiptOpaque { protocollo, path, sha256, length, run }))
}

/// The run that handed a document to a person.
pub(crate) fn handed_over_by(folders: &Folders, protocollo: &Protocollo) -> Option<String> {
    let all = hand_over::list(folders).unwrap_or_default();
    all.into_iter().find(|one| one.goes_by(protocollo)).map(|one| one.run)
}

fn by_person(esito: Esito, record: &ReceiptRecord, path: PathBuf) -> OpenedReceipt {
    let processed = record.processed_at.unwrap_or(record.sent_at);
    OpenedReceipt {
        protocollo: esito.numero.unwrap_or(esito.protocollo),
        stato: esito.stato.as_str().to_owned(),
        motivo_di_scarto: esito.motivo_di_scarto,
        file_name: esito.file_name,
        sha256: esito.sent_sha256,
        impronta: None,
        received_at: record.sent_at.to_string(),
        processed_at: processed.to_string(),
        p7m: path.clone(),
        rel: path,
        ambiente: PathBuf::new(),
        read_by_person: true,
    }
}

fn no_key(why: NoKey, record: &ReceiptRecord, rcc: &Path) -> Stop {
    let (protocollo, path) = (record.protocollo.clone(), rcc.display().to_string());
    match why {
        NoKey::Nobody { recipients, environments } => {
            Stop::this_one(SubmissionError::ReceiptUndecryptable {
                protocollo,
                path,
                recipients,
                environments,
            })
        }
        NoKey::Unsupported { algorithm, ambiente } => {
            let ambiente = ambiente.display().to_string();
            Stop::this_one(SubmissionError::ReceiptAlgorithm {
                protocollo,
                path,
                algorithm,
                ambiente,
            })
        }
        // Handled before: it is kept as it came.
        NoKey::Opaque => unreachable!("an opaque receipt needs no key"),
        NoKey::SetAside(error) => Stop::ThisOne(error),
        NoKey::Current(error) => Stop::All(error),
    }
}

/// The receipt's own fields were compared with what was sent when it was waited for.
fn require_same_send(record: &ReceiptRecord, read: &ReceiptText) -> Result<(), SubmissionError> {
    // The hand-off channel does not know what is only in the receipt.
    let number = if record.protocollo.is_number() { &record.protocollo } else { &read.protocollo };
    let stato = if record.stato == Stato::DaAprire { read.stato } else { record.stato };
    let same = [
        ("protocollo", number.as_str(), read.protocollo.as_str()),
        ("SHA-256", record.sha256.as_str(), read.sha256.as_str()),
        ("file name", record.file_name.as_str(), read.file_name.as_str()),
        ("tipo documento", record.tipo_documento.as_str(), read.tipo_documento.as_str()),
        ("stato", accepted_or_not(stato), accepted_or_not(read.stato)),
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
fn accepted_or_not(stato: Stato) -> &'static str {
    match stato {
        Stato::Annullato => Stato::Elaborato.as_str(),
        other => other.as_str(),
    }
}

fn opened(read: ReceiptText, p7m: PathBuf, rel: PathBuf, ambiente: PathBuf) -> OpenedReceipt {
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
        ambiente,
        read_by_person: false,
    }
}

const RICEVUTE: &str = "ricevute";
