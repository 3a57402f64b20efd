//! Receipts: waiting for one, what it says, and the files that belong to it.

use std::path::PathBuf;
use std::time::Duration;

use ceralacca_kernel::typed::{Bytes, HandleKind};
use ceralacca_kernel::{Call, Error, Folders, Waiting, atomic_file, document_archive};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file_name::is_file_name;
use crate::outbox::sha256_hex;
use crate::{
    FetchChannel, PortalId, Protocollo, ReceiptRecord, Rejection, Stato, Submission,
    SubmissionError,
};

/// A handle to a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:receipt")]
pub struct Receipt(pub ReceiptId);

impl HandleKind for Receipt {
    const KIND: &'static str = "receipt";
}

/// What a [`Receipt`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptId {
    /// With what access it was fetched.
    pub portal: PortalId,
    /// What it says.
    pub record: ReceiptRecord,
}

pub(crate) fn wait(
    call: &mut Call<'_>,
    submission: Submission,
    timeout: String,
) -> Result<Waiting<Receipt>, Error> {
    let timeout = parse_timeout(&timeout)?;
    let channel = call.service::<FetchChannel>()?;
    let portal = submission.0.portal;
    let sent = submission.0.acknowledgement;
    let access = portal.access(call)?;
    let what = format!("the receipt of {} ({})", sent.file_name, sent.protocollo);
    let waiting_for = match channel.receipt(&access, &sent.protocollo) {
        Ok(Some(record)) => {
            if record.protocollo != sent.protocollo || record.sha256 != sent.sha256 {
                return Err(SubmissionError::ReceiptOfAnother {
                    protocollo: sent.protocollo,
                    expected: sent.sha256,
                    found_protocollo: record.protocollo,
                    found: record.sha256,
                }
                .into());
            }
            if record.stato != Stato::InElaborazione {
                return Ok(Waiting::Ready(Receipt(ReceiptId { portal, record })));
            }
            format!("{what}: {}", record.stato.as_str())
        }
        Ok(None) => format!("{what}: not there yet"),
        // Asking again is harmless, and what is waited for does not depend on this request.
        Err(failure) if failure.passing => {
            format!("{what}; it could not be asked for: {}", failure.error.report().headline)
        }
        Err(failure) => return Err(failure.error),
    };
    let waited = call.now().duration_since(call.since());
    if waited >= SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX) {
        return Err(SubmissionError::ReceiptLate {
            protocollo: sent.protocollo,
            timeout_seconds: timeout.as_secs(),
            last: waiting_for,
        }
        .into());
    }
    Ok(Waiting::NotYet(waiting_for))
}

pub(crate) fn require_accepted(_: &mut Call<'_>, receipt: Receipt) -> Result<Receipt, Error> {
    accepted(&receipt.0.record)?;
    Ok(receipt)
}

fn accepted(record: &ReceiptRecord) -> Result<(), SubmissionError> {
    let protocollo = record.protocollo.clone();
    match record.stato {
        Stato::Elaborato => Ok(()),
        Stato::InElaborazione => Err(SubmissionError::NotProcessed { protocollo }),
        Stato::Scartato => {
            let unstated = || Rejection { code: String::new(), text: String::new() };
            let Rejection { code, text } = record.motivo_di_scarto.clone().unwrap_or_else(unstated);
            Err(SubmissionError::Rejected { protocollo, code, text })
        }
        Stato::Annullato => {
            Err(SubmissionError::Annulled { protocollo, by: record.annullato_da.clone() })
        }
    }
}

pub(crate) fn attachment(
    call: &mut Call<'_>,
    receipt: Receipt,
    name: String,
) -> Result<Bytes, Error> {
    Ok(Bytes(fetch(call, &receipt.0, &name)?.0))
}

/// Fetches a file of the receipt, checks it against its digest and saves it as it came. Gives the
/// content, and where it is: `ricezione/<protocollo>/<name>`.
pub(crate) fn fetch(
    call: &Call<'_>,
    receipt: &ReceiptId,
    name: &str,
) -> Result<(Vec<u8>, PathBuf), Error> {
    let ReceiptId { portal, record } = receipt;
    let Some(listed) = record.attachments.iter().find(|listed| listed.name == name) else {
        return Err(SubmissionError::NoSuchAttachment {
            protocollo: record.protocollo.clone(),
            name: name.to_owned(),
            known: record.attachments.iter().map(|listed| listed.name.clone()).collect(),
        }
        .into());
    };
    if !is_file_name(name) {
        return Err(
            SubmissionError::AttachmentName { protocollo: record.protocollo.clone() }.into()
        );
    }
    let channel = call.service::<FetchChannel>()?;
    let folders = call.service::<Folders>()?;
    let access = portal.access(call)?;
    let bytes =
        channel.attachment(&access, &record.protocollo, name).map_err(|failure| failure.error)?;
    let found = sha256_hex(&bytes);
    if found != listed.sha256 || bytes.len() as u64 != listed.length {
        return Err(SubmissionError::AttachmentDamaged {
            protocollo: record.protocollo.clone(),
            name: name.to_owned(),
            expected: listed.sha256.clone(),
            expected_length: listed.length,
            found,
            found_length: bytes.len() as u64,
        }
        .into());
    }
    let path = save(&folders, "ricezione", &record.protocollo, name, &bytes)?;
    Ok((bytes, path))
}

/// Writes `<folder>/<protocollo>/<name>` of the document archive, whole or not at all.
pub(crate) fn save(
    folders: &Folders,
    folder: &str,
    protocollo: &Protocollo,
    name: &str,
    bytes: &[u8],
) -> Result<PathBuf, SubmissionError> {
    let meant = folders.documents.join(folder).join(protocollo.as_str()).join(name);
    document_archive::folder(&folders.documents, folder)
        .and_then(|parent| document_archive::folder(&parent, protocollo.as_str()))
        .and_then(|parent| {
            atomic_file::remove_leftovers(&parent)?;
            let path = parent.join(name);
            atomic_file::write(&path, bytes)?;
            Ok(path)
        })
        .map_err(|error| SubmissionError::AttachmentNotSaved {
            protocollo: protocollo.clone(),
            path: meant.display().to_string(),
            system: error.to_string(),
        })
}

pub(crate) fn protocollo(_: &mut Call<'_>, receipt: Receipt) -> Result<String, Error> {
    Ok(receipt.0.record.protocollo.into())
}

pub(crate) fn stato(_: &mut Call<'_>, receipt: Receipt) -> Result<String, Error> {
    Ok(receipt.0.record.stato.as_str().to_owned())
}

/// Reads `90s`, `30m`, `2h`, `1h 30m`; up to a year.
fn parse_timeout(text: &str) -> Result<Duration, SubmissionError> {
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
    text.trim()
        .parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| SubmissionError::Timeout { text: crate::printable(text, 40) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;

    #[test]
    fn timeouts_are_read() {
        for (text, seconds) in [("2h", 7200), ("90s", 90), ("1h 30m", 5400), ("0s", 0)] {
            assert_eq!(parse_timeout(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in ["", "2", "two hours", "-1h", "9999999999h", "2h\u{1b}"] {
            assert!(parse_timeout(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_was_accepted_is_accepted() {
        let mut record = ReceiptRecord {
            protocollo: Protocollo::parse("26112100000000001").unwrap(),
            tipo_documento: "PKS10".into(),
            stato: Stato::Elaborato,
            motivo_di_scarto: None,
            annullato_da: None,
            file_name: "req.ccc".into(),
            sha256: "00".into(),
            sent_at: jiff::Timestamp::UNIX_EPOCH,
            processed_at: None,
            documenti: Counts::default(),
            attachments: Vec::new(),
            notice: None,
        };
        assert!(accepted(&record).is_ok());
        record.stato = Stato::InElaborazione;
        assert_eq!(Error::from(accepted(&record).unwrap_err()).code(), "agency.not_processed");
        record.stato = Stato::Annullato;
        assert_eq!(Error::from(accepted(&record).unwrap_err()).code(), "agency.annulled");
        record.stato = Stato::Scartato;
        record.motivo_di_scarto =
            Some(Rejection { code: "SBX04".into(), text: "pincode\u{7} errato".into() });
        let error = Error::from(accepted(&record).unwrap_err());
        assert_eq!(error.code(), "agency.rejected");
        let shown = error.to_string();
        assert!(shown.contains("SBX04: pincode  errato"), "{shown}");
        assert!(shown.contains("26112100000000001"), "{shown}");
    }
}
