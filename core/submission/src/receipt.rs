//! Receipts: waiting for one, what it says, and the files that belong to it.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use ceralacca_kernel::typed::{Bytes, HandleKind};
use ceralacca_kernel::{Call, Error, Folders, Waiting, atomic_file, document_archive};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::esito::{Esito, RICEVUTA, RICEZIONE, note, sealed, sealed_name};
use crate::file_name::is_file_name;
use crate::hand_over::known_as;
use crate::outbox::{LARGEST_DOCUMENT, holds, read_at_most, sha256_hex};
use crate::sealed_receipt::handed_over_by;
use crate::{
    FetchChannel, PortalId, Protocollo, ReceiptRecord, Rejection, Stato, Submission,
    SubmissionError, revoked_by,
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
    /// The Agency's number, where only the opened receipt knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numero: Option<Protocollo>,
}

impl Receipt {
    pub(crate) fn new(portal: PortalId, record: ReceiptRecord) -> Receipt {
        Receipt(ReceiptId { portal, record, numero: None })
    }
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
    let access = portal.access(call, channel.wants_keys())?;
    let asked = known_as(&*call.service::<Folders>()?, &sent.protocollo, &sent.sha256);
    let what = format!("the receipt of {} ({asked})", sent.file_name);
    let waiting_for = match channel.receipt(&access, &asked) {
        Ok(Some(record)) => {
            // A number that nobody wrote down may be known by now.
            let same = record.protocollo == asked || !asked.is_number();
            if !same || record.sha256 != sent.sha256 {
                return Err(SubmissionError::ReceiptOfAnother {
                    protocollo: sent.protocollo,
                    expected: sent.sha256,
                    found_protocollo: record.protocollo,
                    found: record.sha256,
                }
                .into());
            }
            note(&*call.service::<Folders>()?, &record)?;
            if record.stato != Stato::InElaborazione {
                return Ok(Waiting::Ready(Receipt::new(portal, record)));
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
    if has_passed(call, timeout) {
        return Err(SubmissionError::ReceiptLate {
            protocollo: sent.protocollo,
            timeout_seconds: timeout.as_secs(),
            last: waiting_for,
        }
        .into());
    }
    Ok(Waiting::NotYet(waiting_for))
}

/// Whether a call has waited for this long.
pub(crate) fn has_passed(call: &Call<'_>, timeout: Duration) -> bool {
    let waited = call.now().duration_since(call.since());
    waited >= SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX)
}

pub(crate) fn require_accepted(call: &mut Call<'_>, receipt: Receipt) -> Result<Receipt, Error> {
    let ReceiptId { portal, mut record, mut numero } = receipt.0;
    if let (Stato::DaAprire, Some(sealed)) = (record.stato, sealed(&record)) {
        // What it says is in the receipt, which `open` has read.
        let folders = call.service::<Folders>()?;
        let read = Esito::read(&folders, &record.protocollo);
        if let Some(esito) = read.filter(|esito| esito.has_read(sealed)) {
            numero = esito.numero.or(numero);
            record.stato = esito.stato;
            record.motivo_di_scarto = esito.motivo_di_scarto;
            record.documenti = esito.documenti;
        } else if let Some(run) = handed_over_by(&folders, &record.protocollo)
            && !sealed_name(&sealed.name)
        {
            // No key opens it: a person reads it.
            let path = folders.documents.join(RICEZIONE).join(&sealed.name);
            return Err(SubmissionError::ReceiptOpaque {
                protocollo: record.protocollo.clone(),
                path: path.display().to_string(),
                sha256: sealed.sha256.clone(),
                length: sealed.length,
                run: Some(run),
            }
            .into());
        }
    }
    accepted(&record).map_err(|error| match &error {
        SubmissionError::Rejected { .. } if record.tipo_documento == "PKS10" => {
            rejected_request(call, error)
        }
        _ => error.into(),
    })?;
    Ok(Receipt(ReceiptId { portal, record, numero }))
}

pub(crate) fn accepted(record: &ReceiptRecord) -> Result<(), SubmissionError> {
    let protocollo = record.protocollo.clone();
    match record.stato {
        Stato::Elaborato => Ok(()),
        Stato::InElaborazione => Err(SubmissionError::NotProcessed { protocollo }),
        Stato::DaAprire => Err(SubmissionError::ReceiptSealed { protocollo }),
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
    let fetched = fetch(call, &receipt.0, &name).map_err(Stop::into_error)?;
    Ok(Bytes(fetched.0))
}

/// Why something with one receipt of many went wrong.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is about this receipt: the others may go well.
    ThisOne(Error),
    /// The others would go the same way: no line, no room on the disk.
    All(Error),
}

impl Stop {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Stop::ThisOne(error) | Stop::All(error) => error,
        }
    }

    pub(crate) fn this_one(error: impl Into<Error>) -> Stop {
        Stop::ThisOne(error.into())
    }

    pub(crate) fn all(error: impl Into<Error>) -> Stop {
        Stop::All(error.into())
    }
}

/// Fetches a file of the receipt, checks it against its digest and saves it as it came. Gives the
/// content, and where it is: `ricezione/<protocollo>/<name>`.
pub(crate) fn fetch(
    call: &Call<'_>,
    receipt: &ReceiptId,
    name: &str,
) -> Result<(Vec<u8>, PathBuf), Stop> {
    let ReceiptId { portal, record, .. } = receipt;
    let protocollo = record.protocollo.clone();
    let Some(listed) = record.attachments.iter().find(|listed| listed.name == name) else {
        let known = record.attachments.iter().map(|listed| listed.name.clone()).collect();
        let name = name.to_owned();
        return Err(Stop::this_one(SubmissionError::NoSuchAttachment { protocollo, name, known }));
    };
    // Our own record of the row lies in the same folder.
    if !is_file_name(name) || name.eq_ignore_ascii_case(RICEVUTA) {
        return Err(Stop::this_one(SubmissionError::AttachmentName { protocollo }));
    }
    let channel = call.service::<FetchChannel>().map_err(Stop::All)?;
    let folders = call.service::<Folders>().map_err(Stop::All)?;
    let access = portal.access(call, channel.wants_keys()).map_err(Stop::All)?;
    let asked = known_as(&folders, &record.protocollo, &record.sha256);
    let bytes = channel.attachment(&access, &asked, name).map_err(|failure| {
        let stop = if failure.passing { Stop::All } else { Stop::ThisOne };
        stop(failure.error)
    })?;
    let found = sha256_hex(&bytes);
    if found != listed.sha256 || bytes.len() as u64 != listed.length {
        return Err(Stop::this_one(SubmissionError::AttachmentDamaged {
            protocollo,
            name: name.to_owned(),
            expected: listed.sha256.clone(),
            expected_length: listed.length,
            found,
            found_length: bytes.len() as u64,
        }));
    }
    let path = save_as_came(call, &folders, RICEZIONE, &record.protocollo, name, &bytes);
    Ok((bytes, path.map_err(Stop::all)?))
}

/// As [`save`]; a file that is there with another content is not overwritten: it is kept aside, and
/// that is said.
pub(crate) fn save_as_came(
    call: &Call<'_>,
    folders: &Folders,
    folder: &str,
    protocollo: &Protocollo,
    name: &str,
    bytes: &[u8],
) -> Result<PathBuf, SubmissionError> {
    let parent = document_archive::existing(&folders.documents, folder)
        .and_then(|parent| document_archive::existing(&parent, protocollo.as_str()));
    if let Some(path) = parent.map(|parent| parent.join(name))
        && path.is_file()
        && !holds(&path, &sha256_hex(bytes))
    {
        let found = read_at_most(&path, LARGEST_DOCUMENT).unwrap_or_default();
        let aside = format!("{name}.alterato-{}", &sha256_hex(&found)[..8]);
        let aside = path.with_file_name(aside);
        atomic_file::rename(&path, &aside).map_err(|error| {
            SubmissionError::AttachmentNotSaved {
                protocollo: protocollo.clone(),
                path: aside.display().to_string(),
                system: error.to_string(),
            }
        })?;
        call.progress(&format!(
            "{} was changed after it was kept: it is now {}",
            path.display(),
            aside.display()
        ));
    }
    save(folders, folder, protocollo, name, bytes)
}

/// A new run makes a new request; where this run has revoked the environment there is no other way.
fn rejected_request(call: &Call<'_>, error: SubmissionError) -> Error {
    let folders = call.service::<Folders>();
    let revoked = folders.is_ok_and(|folders| revoked_by(&folders, call.run_key()));
    let mut report = Error::from(error).report().clone();
    if revoked {
        report.state.push_str("; the old environment is revoked");
        report.next = "correct what the Agency names, then ceralacca run setup_environment: the \
                       revocation is done, and this run is over (ceralacca abandon)"
            .to_owned();
    }
    report.into()
}

/// Writes `<folder>/<protocollo>/<name>` of the document archive, whole or not at all.
pub fn save(
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
            let path = parent.join(name);
            if holds(&path, &sha256_hex(bytes)) {
                return Ok(path);
            }
            // Somebody else may be clearing up the same folder at this moment.
            let _ = atomic_file::remove_leftovers(&parent);
            match atomic_file::write(&path, bytes) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    atomic_file::write(&path, bytes)?;
                }
                other => other?,
            }
            Ok(path)
        })
        .map_err(|error| SubmissionError::AttachmentNotSaved {
            protocollo: protocollo.clone(),
            path: meant.display().to_string(),
            system: error.to_string(),
        })
}

pub(crate) fn protocollo(_: &mut Call<'_>, receipt: Receipt) -> Result<String, Error> {
    Ok(receipt.0.numero.unwrap_or(receipt.0.record.protocollo).into())
}

pub(crate) fn stato(_: &mut Call<'_>, receipt: Receipt) -> Result<String, Error> {
    Ok(receipt.0.record.stato.as_str().to_owned())
}

/// Reads `90s`, `30m`, `2h`, `1h 30m`, `2d`; up to a year. A day is 24 hours.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, SubmissionError> {
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
    let span = text.trim().parse::<Span>().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
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
        for (text, seconds) in
            [("2h", 7200), ("90s", 90), ("1h 30m", 5400), ("0s", 0), ("30d", 2_592_000)]
        {
            assert_eq!(parse_timeout(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in ["", "2", "two hours", "-1h", "9999999999h", "1mo", "2h\u{1b}"] {
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
        record.stato = Stato::DaAprire;
        assert_eq!(Error::from(accepted(&record).unwrap_err()).code(), "agency.receipt_sealed");
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
