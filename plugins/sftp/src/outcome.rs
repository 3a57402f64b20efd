//! What an outcome says: `esito.json` and the files beside it.
//!
//! UNVERIFIED: the public sources tell that an outcome `EO.…` exists, not what is in it. The form here
//! is ours: a zip with `esito.json`, and beside it the receipt, `CERTIF.IN` or whatever else belongs
//! to it.

use std::collections::BTreeMap;

use ceralacca_plugin_sdk::Timestamp;
use ceralacca_plugin_sdk::serde::Deserialize;
use ceralacca_submission::{
    AttachmentRecord, Counts, Protocollo, ReceiptRecord, Rejection, Stato, printable,
};

use crate::records::{Record, sha256};
use crate::support_zip;

/// The file of an outcome that says what became of the document.
pub(crate) const ESITO: &str = "esito.json";

/// An outcome whose signature holds.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What became of the document.
    pub record: ReceiptRecord,
    /// The Agency's number.
    pub numero: Option<Protocollo>,
    /// The files beside `esito.json`.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why the content of an outcome is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It makes no sense.
    Unreadable(String),
    /// It is about something else.
    OfAnother {
        /// What differs.
        field: &'static str,
        /// Ours.
        expected: String,
        /// The outcome's.
        found: String,
    },
}

/// `esito.json`. Members that are not known are left alone.
#[derive(Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
struct Esito {
    /// The support's name: an outcome cannot be passed off as that of another support.
    support: String,
    #[serde(default)]
    protocollo: Option<Protocollo>,
    tipo_documento: String,
    stato: Stato,
    #[serde(default)]
    motivo_di_scarto: Option<Rejection>,
    #[serde(default)]
    annullato_da: Option<Protocollo>,
    file_name: String,
    sha256: String,
    #[serde(default)]
    sent_at: Option<Timestamp>,
    #[serde(default)]
    processed_at: Option<Timestamp>,
    #[serde(default)]
    documenti: Counts,
    #[serde(default)]
    notice: Option<String>,
}

impl Outcome {
    /// Reads the signed content of the outcome of `sent`.
    ///
    /// # Errors
    /// [`Doubt`].
    pub(crate) fn read(zip: &[u8], sent: &Record) -> Result<Outcome, Doubt> {
        let mut files = support_zip::unpack(zip).map_err(Doubt::Unreadable)?;
        let text = files.remove(ESITO);
        let text = text.ok_or_else(|| Doubt::Unreadable(format!("there is no {ESITO}")))?;
        let esito: Esito = serde_json::from_slice(&text)
            .map_err(|error| Doubt::Unreadable(printable(&format!("{ESITO}: {error}"), 300)))?;
        let support = sent.support.to_string();
        let same = [
            ("support", support.as_str(), esito.support.as_str()),
            ("SHA-256", sent.sha256.as_str(), &esito.sha256.to_ascii_lowercase()),
            ("file name", sent.file_name.as_str(), esito.file_name.as_str()),
            ("tipo documento", sent.tipo_documento.as_str(), esito.tipo_documento.as_str()),
        ];
        for (field, expected, found) in same {
            if expected != found {
                let (expected, found) = (expected.to_owned(), printable(found, 100));
                return Err(Doubt::OfAnother { field, expected, found });
            }
        }
        let numero = esito.protocollo.clone();
        Ok(Outcome { record: receipt(esito, sent, &files), numero, files })
    }
}

/// The row of *Ricerca ricevute*. It goes by the stand-in that was given when it was sent, so that it
/// stays one row; the Agency's number is in the receipt, and in the notice.
fn receipt(esito: Esito, sent: &Record, files: &BTreeMap<String, Vec<u8>>) -> ReceiptRecord {
    let number = esito.protocollo.map(|number| format!("protocollo {number}"));
    let said = esito.notice.map(|notice| printable(&notice, 500));
    let notice: Vec<String> = number.into_iter().chain(said).collect();
    let attachments = files.iter().map(|(name, bytes)| AttachmentRecord {
        name: name.clone(),
        sha256: sha256(bytes),
        length: bytes.len() as u64,
    });
    ReceiptRecord {
        protocollo: sent.support.stand_in(),
        tipo_documento: sent.tipo_documento.clone(),
        stato: esito.stato,
        motivo_di_scarto: esito.motivo_di_scarto.map(|motivo| Rejection {
            code: printable(&motivo.code, 40),
            text: printable(&motivo.text, 1000),
        }),
        annullato_da: esito.annullato_da,
        file_name: sent.file_name.clone(),
        sha256: sent.sha256.clone(),
        sent_at: esito.sent_at.unwrap_or(sent.at),
        processed_at: esito.processed_at,
        documenti: esito.documenti,
        attachments: attachments.collect(),
        notice: (!notice.is_empty()).then(|| notice.join("; ")),
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
