//! What became of a submission, on disk: the Agency's own row and the outcome, and nothing of it is
//! ever deleted.
//!
//! ```text
//! ricezione/<protocollo>/ricevuta.json   the row of Ricerca ricevute, as it came last
//! esiti/<protocollo>.json                what was sent, and what became of it
//! ```

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Folders, atomic_file, document_archive};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::file_name::is_file_name;
use crate::kept_file::{Look, in_archive};
use crate::outbox::{LARGEST_DOCUMENT, json, read_at_most, sha256_hex};
use crate::receipt::save;
use crate::{
    AttachmentRecord, Counts, KeptFile, NotOpenable, Protocollo, ReceiptRecord, Rejection, Stato,
    SubmissionError,
};

/// `esiti/<protocollo>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Esito {
    /// The number it goes by here, and the file's name.
    pub protocollo: Protocollo,
    /// The Agency's number, where only the opened receipt knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numero: Option<Protocollo>,
    /// Type of document.
    pub tipo_documento: String,
    /// What became of it.
    pub stato: Stato,
    /// Why it was rejected.
    #[serde(default)]
    pub motivo_di_scarto: Option<Rejection>,
    /// What took its place, for an annulled document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annullato_da: Option<Protocollo>,
    /// File name.
    pub file_name: String,
    /// SHA-256 of what was sent, hexadecimal.
    pub sent_sha256: String,
    /// Where the outbox filed the copy of what was sent; it may have been moved since.
    pub sent_copy: PathBuf,
    /// When it was received.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
    /// Documents in it.
    #[serde(default)]
    pub documenti: Counts,
    /// The sealed receipt that was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcc: Option<KeptFile>,
    /// Its text with the Agency's signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p7m: Option<KeptFile>,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rel: Option<KeptFile>,
    /// A receipt of a form that is not known here: kept as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<KeptFile>,
    /// Whether a person has read the opaque receipt and said what it says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_by_person: bool,
    /// The environment whose key opened the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ambiente: Option<PathBuf>,
    /// Why the receipt does not open here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_openable: Option<NotOpenable>,
}

impl Esito {
    /// What the Agency's row says.
    pub fn of(folders: &Folders, record: &ReceiptRecord) -> Esito {
        let copy = format!("{}-{}", record.protocollo, record.file_name);
        Esito {
            protocollo: record.protocollo.clone(),
            numero: None,
            tipo_documento: record.tipo_documento.clone(),
            stato: record.stato,
            motivo_di_scarto: record.motivo_di_scarto.clone(),
            annullato_da: record.annullato_da.clone(),
            file_name: record.file_name.clone(),
            sent_sha256: record.sha256.clone(),
            sent_copy: in_archive(
                &folders.documents,
                &folders.documents.join("inviati").join(copy),
            ),
            sent_at: Some(record.sent_at),
            documenti: record.documenti,
            rcc: None,
            p7m: None,
            rel: None,
            opaque: None,
            read_by_person: false,
            ambiente: None,
            not_openable: None,
        }
    }

    /// The outcome that is kept under this number. One that cannot be read counts as none.
    pub fn read(folders: &Folders, protocollo: &Protocollo) -> Option<Esito> {
        let folder = document_archive::existing(&folders.documents, ESITI)?;
        Esito::read_file(&folder.join(format!("{protocollo}.json"))).ok()
    }

    /// # Errors
    /// In a few words, why the file is no outcome.
    pub(crate) fn read_file(path: &Path) -> Result<Esito, String> {
        let bytes = read_at_most(path, LARGEST).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    }

    /// Whether this receipt, sealed or opaque, was read.
    pub fn has_read(&self, sealed: &AttachmentRecord) -> bool {
        let is = |file: &Option<KeptFile>| {
            file.as_ref().is_some_and(|file| file.sha256 == sealed.sha256)
        };
        is(&self.rcc) || self.read_by_person && is(&self.opaque)
    }

    /// What of the opened receipt is not as it was kept, and why.
    pub(crate) fn faults(&self, folders: &Folders, look: Look) -> Vec<(PathBuf, String)> {
        let files = [&self.rcc, &self.p7m, &self.rel].into_iter().flatten();
        files.filter_map(|file| file.fault(folders, look)).collect()
    }

    /// Why this receipt does not open here, when that was tried.
    pub(crate) fn closed(&self, sealed: &AttachmentRecord) -> Option<&NotOpenable> {
        self.not_openable.as_ref().filter(|closed| closed.rcc_sha256 == sealed.sha256)
    }

    /// Keeps it, unless it is there already. Written beside the receipt first: `esiti` is shared,
    /// so nobody could tell there whose leftovers are whose.
    pub fn keep(&self, folders: &Folders) -> Result<(), SubmissionError> {
        if Esito::read(folders, &self.protocollo).as_ref() == Some(self) {
            return Ok(());
        }
        let name = format!("{}.json", self.protocollo);
        let written = save(folders, RICEZIONE, &self.protocollo, &name, &json(self))?;
        document_archive::folder(&folders.documents, ESITI)
            .and_then(|folder| atomic_file::rename(&written, &folder.join(&name)))
            .map_err(|error| SubmissionError::AttachmentNotSaved {
                protocollo: self.protocollo.clone(),
                path: folders.documents.join(ESITI).join(&name).display().to_string(),
                system: error.to_string(),
            })
    }
}

/// Keeps the Agency's row, and the outcome once there is one. Writes nothing that is there already.
pub fn note(folders: &Folders, record: &ReceiptRecord) -> Result<(), SubmissionError> {
    let row = json(record);
    let kept = document_archive::existing(&folders.documents, RICEZIONE)
        .map(|folder| folder.join(record.protocollo.as_str()).join(RICEVUTA));
    let same = kept.is_some_and(|path| read_at_most(&path, LARGEST).is_ok_and(|old| old == row));
    if !same {
        save(folders, RICEZIONE, &record.protocollo, RICEVUTA, &row)?;
    }
    if !matches!(record.stato, Stato::Elaborato | Stato::Scartato | Stato::Annullato) {
        return Ok(());
    }
    let now = Esito::of(folders, record);
    let Some(earlier) = Esito::read(folders, &record.protocollo) else {
        return now.keep(folders);
    };
    if earlier.sent_sha256 != record.sha256 {
        return now.keep(folders);
    }
    // What was read in a signed receipt stands; only that it was annulled can come later.
    let read = earlier.rcc.is_some() && record.stato != Stato::Annullato;
    let (stato, motivo_di_scarto) = match read {
        true => (earlier.stato, earlier.motivo_di_scarto),
        false => (now.stato, now.motivo_di_scarto),
    };
    Esito {
        stato,
        motivo_di_scarto,
        numero: earlier.numero,
        rcc: earlier.rcc,
        p7m: earlier.p7m,
        rel: earlier.rel,
        opaque: earlier.opaque,
        read_by_person: earlier.read_by_person,
        ambiente: earlier.ambiente,
        not_openable: earlier.not_openable,
        ..now
    }
    .keep(folders)
}

/// What a person read in a receipt whose form is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadByPerson {
    /// Accepted, or why not.
    pub motivo_di_scarto: Option<Rejection>,
    /// The Agency's number, where the receipt names it.
    pub numero: Option<Protocollo>,
}

/// Keeps what a person read in a receipt whose form is not known here; then `open` and
/// `require_accepted` go on with it. `None` when no such receipt is known.
///
/// # Errors
/// When it cannot be written.
pub fn read_by_person(
    folders: &Folders,
    protocollo: &Protocollo,
    said: ReadByPerson,
) -> Result<Option<Esito>, SubmissionError> {
    let Some(esito) = opaque(folders, protocollo) else { return Ok(None) };
    let stato = if said.motivo_di_scarto.is_some() { Stato::Scartato } else { Stato::Elaborato };
    let esito = Esito {
        stato,
        motivo_di_scarto: said.motivo_di_scarto,
        numero: said.numero.or(esito.numero),
        read_by_person: true,
        ..esito
    };
    esito.keep(folders)?;
    Ok(Some(esito))
}

/// The opaque receipt that `open` has put aside, or the one that a row says is to be opened.
fn opaque(folders: &Folders, protocollo: &Protocollo) -> Option<Esito> {
    let kept = Esito::read(folders, protocollo);
    if let Some(esito) = kept.filter(|esito| esito.opaque.is_some()) {
        return Some(esito);
    }
    let folder =
        document_archive::existing(&folders.documents, RICEZIONE)?.join(protocollo.as_str());
    let row = read_at_most(&folder.join(RICEVUTA), LARGEST).ok()?;
    let record: ReceiptRecord = serde_json::from_slice(&row).ok()?;
    let file = sealed(&record).filter(|_| record.stato == Stato::DaAprire)?;
    let path = in_archive(&folders.documents, &folder.join(&file.name));
    let opaque = Some(KeptFile { path, sha256: file.sha256.clone(), length: file.length });
    Some(Esito { opaque, ..Esito::of(folders, &record) })
}

/// The sealed receipt among the files of a row. In the hand-off channel it has whatever name the
/// person gave it.
pub(crate) fn sealed(record: &ReceiptRecord) -> Option<&AttachmentRecord> {
    let sealed = |file: &&AttachmentRecord| sealed_name(&file.name);
    let first = || record.attachments.first().filter(|_| record.stato == Stato::DaAprire);
    record.attachments.iter().find(sealed).or_else(first)
}

/// Whether this is the name of a sealed receipt.
pub(crate) fn sealed_name(name: &str) -> bool {
    name.to_lowercase().ends_with(".rcc")
}

/// Whether the row has a sealed receipt that was not opened here, or of which what was kept is not
/// there any more as it was.
pub(crate) fn is_unread(folders: &Folders, record: &ReceiptRecord) -> bool {
    sealed(record).is_some_and(|sealed| {
        let esito = Esito::read(folders, &record.protocollo);
        !esito.is_some_and(|esito| {
            let whole = || esito.faults(folders, Look::Content).is_empty();
            esito.has_read(sealed) && (esito.read_by_person || whole())
        })
    })
}

/// The receipt itself, where it is kept as it came.
pub(crate) fn kept_rcc(
    folders: &Folders,
    record: &ReceiptRecord,
    sealed: &AttachmentRecord,
) -> Option<(Vec<u8>, PathBuf)> {
    let folder = document_archive::existing(&folders.documents, RICEZIONE)?;
    let path = folder.join(record.protocollo.as_str()).join(&sealed.name);
    let bytes =
        is_file_name(&sealed.name).then(|| read_at_most(&path, LARGEST_DOCUMENT).ok())??;
    (sha256_hex(&bytes) == sealed.sha256).then_some((bytes, path))
}

/// The folder of the document archive for what is received.
pub const RICEZIONE: &str = "ricezione";
pub(crate) const ESITI: &str = "esiti";
/// The file with the Agency's own row.
pub const RICEVUTA: &str = "ricevuta.json";
/// Bytes of a record that are read at most.
pub const LARGEST: u64 = 256 << 10;

#[cfg(test)]
#[path = "esito_tests.rs"]
mod tests;
