//! Receipts: the rows of *Ricerca ricevute*, and what is attached to them.

use ceralacca_submission::Stato;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::SandboxError;
use crate::processing::{self, PKS10};
use crate::refusal::Refusal;
use crate::sessions::Session;
use crate::settings;

/// A receipt, as far as it is visible at the time of asking.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    protocollo: String,
    tipo_documento: String,
    stato: &'static str,
    motivo_di_scarto: Option<MotivoDiScarto>,
    /// For an annulled document: what took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    annullato_da: Option<String>,
    file_name: String,
    sha256: String,
    sent_at: Timestamp,
    processed_at: Option<Timestamp>,
    documenti: Documenti,
    attachments: Vec<Attachment>,
    notice: &'static str,
}

#[derive(Debug, Serialize)]
struct MotivoDiScarto {
    code: String,
    text: String,
}

/// Zeros for a PKS10, accepted or not, as on the Agency's own receipts for it; otherwise one.
#[derive(Debug, Default, Serialize)]
struct Documenti {
    totale: u32,
    acquisiti: u32,
    scartati: u32,
}

impl Documenti {
    fn of(tipo_documento: &str, stato: &str) -> Documenti {
        let (acquisiti, scartati) = match stato {
            ELABORATO | ANNULLATO => (1, 0),
            SCARTATO => (0, 1),
            _ => (0, 0),
        };
        match tipo_documento {
            PKS10 => Documenti::default(),
            _ => Documenti { totale: acquisiti + scartati, acquisiti, scartati },
        }
    }
}

#[derive(Debug, Serialize)]
struct Attachment {
    name: String,
    sha256: String,
    length: usize,
}

/// Which receipts are asked for; `None` leaves a limit out.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) protocollo: Option<String>,
    pub(crate) tipo_documento: Option<String>,
    /// First day of sending, in Rome.
    pub(crate) dal: Option<Date>,
    /// Last day of sending, in Rome.
    pub(crate) al: Option<Date>,
    /// Only those that were received before this one.
    pub(crate) before: Option<String>,
}

/// The receipts of the account that the session works for, newest first, as many as one answer has.
pub(crate) fn search(
    transaction: &Transaction<'_>,
    session: Session,
    filter: &Filter,
    at: Timestamp,
) -> Result<Vec<Receipt>, SandboxError> {
    let mut query = transaction.prepare(
        "SELECT * FROM submissions WHERE subject_id = ?1 AND (?2 IS NULL OR protocollo = ?2) \
         AND (?3 IS NULL OR tipo_documento = ?3) AND received_at >= ?4 AND received_at < ?5 \
         AND (?6 IS NULL OR id < (SELECT id FROM submissions WHERE protocollo = ?6)) \
         ORDER BY id DESC LIMIT ?7",
    )?;
    let from = filter.dal.map_or(i64::MIN, start_of_day);
    let next_day = filter.al.map(|al| al.checked_add(1.day()).unwrap_or(Date::MAX));
    let until = next_day.map_or(i64::MAX, start_of_day);
    let (protocollo, tipo) = (&filter.protocollo, &filter.tipo_documento);
    let most = settings::Settings::load(transaction)?.receipts_per_answer;
    let wanted = params![session.subject_id, protocollo, tipo, from, until, filter.before, most];
    let rows = query.query_map(wanted, SubmissionRow::read)?;
    rows.map(|row| row?.receipt(transaction, at)).collect()
}

/// The receipt with this protocollo.
pub(crate) fn find(
    transaction: &Transaction<'_>,
    session: Session,
    protocollo: &str,
    at: Timestamp,
) -> Result<Receipt, Refusal> {
    Ok(row(transaction, session, protocollo)?.receipt(transaction, at)?)
}

/// The octets of an attachment; a spoiled one is used up by this.
pub(crate) fn attachment(
    transaction: &Transaction<'_>,
    session: Session,
    (protocollo, name): (&str, &str),
    at: Timestamp,
) -> Result<Vec<u8>, Refusal> {
    let submission = row(transaction, session, protocollo)?;
    if !submission.is_processed_at(at) {
        return Err(Refusal::NoSuchAttachment);
    }
    let stored = attachments(transaction, submission.id)?;
    let found = stored.into_iter().find(|(stored, _)| stored == name);
    let (_, bytes) = found.ok_or(Refusal::NoSuchAttachment)?;
    transaction
        .execute(
            "UPDATE attachments SET spoiled_left = spoiled_left - 1 \
             WHERE submission_id = ?1 AND name = ?2 AND spoiled_left > 0",
            params![submission.id, name],
        )
        .map_err(SandboxError::from)?;
    Ok(bytes)
}

/// A row of the state, whatever is visible of it.
struct SubmissionRow {
    id: i64,
    protocollo: String,
    file_name: String,
    tipo_documento: String,
    sha256: [u8; 32],
    received_at: i64,
    processed_at: i64,
    rejection: Option<(String, String)>,
}

impl SubmissionRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<SubmissionRow> {
        let code: Option<String> = row.get("rejection_code")?;
        let text: Option<String> = row.get("rejection_text")?;
        Ok(SubmissionRow {
            id: row.get("id")?,
            protocollo: row.get("protocollo")?,
            file_name: row.get("file_name")?,
            tipo_documento: row.get("tipo_documento")?,
            sha256: row.get("sha256")?,
            received_at: row.get("received_at")?,
            processed_at: row.get("processed_at")?,
            rejection: code.zip(text),
        })
    }

    fn is_processed_at(&self, at: Timestamp) -> bool {
        self.processed_at <= at.as_second()
    }

    fn receipt(
        self,
        transaction: &Transaction<'_>,
        at: Timestamp,
    ) -> Result<Receipt, SandboxError> {
        let processed = self.is_processed_at(at);
        let annullato_da = processing::replaced_by(transaction, self.id, at)?;
        let stato = match (processed, &self.rejection, &annullato_da) {
            (false, ..) => IN_ELABORAZIONE,
            (true, Some(_), _) => SCARTATO,
            (true, None, Some(_)) => ANNULLATO,
            (true, None, None) => ELABORATO,
        };
        let attachments = if processed { attachments(transaction, self.id)? } else { Vec::new() };
        let attachments = attachments.into_iter().map(|(name, bytes)| Attachment {
            sha256: hex::encode(Sha256::digest(&bytes)),
            length: bytes.len(),
            name,
        });
        let rejection = self.rejection.filter(|_| processed);
        Ok(Receipt {
            protocollo: self.protocollo,
            documenti: Documenti::of(&self.tipo_documento, stato),
            tipo_documento: self.tipo_documento,
            stato,
            motivo_di_scarto: rejection.map(|(code, text)| MotivoDiScarto { code, text }),
            annullato_da: annullato_da.filter(|_| processed),
            file_name: self.file_name,
            sha256: hex::encode(self.sha256),
            sent_at: settings::instant(self.received_at)?,
            processed_at: match processed {
                true => Some(settings::instant(self.processed_at)?),
                false => None,
            },
            attachments: attachments.collect(),
            notice: NOTICE,
        })
    }
}

fn row(
    transaction: &Transaction<'_>,
    session: Session,
    protocollo: &str,
) -> Result<SubmissionRow, Refusal> {
    let query = "SELECT * FROM submissions WHERE subject_id = ?1 AND protocollo = ?2";
    let values = params![session.subject_id, protocollo];
    let found = transaction.query_row(query, values, SubmissionRow::read).optional();
    found.map_err(SandboxError::from)?.ok_or(Refusal::NoSuchReceipt)
}

/// Names and octets as they are served now.
fn attachments(
    transaction: &Transaction<'_>,
    submission_id: i64,
) -> Result<Vec<(String, Vec<u8>)>, SandboxError> {
    let mut query = transaction.prepare(
        "SELECT name, CASE WHEN spoiled_left > 0 THEN spoiled ELSE bytes END FROM attachments \
         WHERE submission_id = ?1 ORDER BY name",
    )?;
    let rows = query.query_map([submission_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn start_of_day(day: Date) -> i64 {
    let rome = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
    day.to_zoned(rome).map_or(i64::MAX, |zoned| zoned.timestamp().as_second())
}

const IN_ELABORAZIONE: &str = Stato::InElaborazione.as_str();
const ELABORATO: &str = Stato::Elaborato.as_str();
const SCARTATO: &str = Stato::Scartato.as_str();
const ANNULLATO: &str = Stato::Annullato.as_str();

/// What every receipt says of its issuer.
pub(crate) const NOTICE: &str = "SANDBOX: ricevuta di un'Agenzia simulata, priva di ogni valore";
