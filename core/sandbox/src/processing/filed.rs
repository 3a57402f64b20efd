//! The communications that were accepted, and what they mean for one that comes later.

use ceralacca_xml::{Communication, Deadlines, Tipo};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::error::SandboxError;
use crate::processing::impronta::Stop;
use crate::rejection_impronta::ImprontaRejection;
use crate::settings::Settings;

/// A communication that is otherwise in order.
pub(crate) struct Filing<'a> {
    pub(crate) communication: &'a Communication,
    /// SHA-256 of its XML.
    pub(crate) xml_sha256: [u8; 32],
    pub(crate) deadline: Deadline,
    pub(crate) at: Timestamp,
}

/// Until when a communication is due.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    /// Last day for its period.
    pub(crate) last_day: Date,
    /// Last day for a replacement.
    pub(crate) last_replacement_day: Date,
}

/// One that was accepted earlier for the same soggetto interessato.
struct Earlier {
    id: i64,
    protocollo: String,
    dal: Date,
    al: Date,
    impronta: String,
    xml_sha256: [u8; 32],
    /// The number of the one that it replaces.
    replaces: Option<String>,
    /// The number of the one that replaces it.
    replaced_by: Option<String>,
}

/// The deadline for a communication: the one that is set, or else what is known of its tax year.
pub(crate) fn deadline(settings: &Settings, communication: &Communication) -> Deadline {
    let (anno, known) = (communication.periodo_imposta.anno(), Deadlines::embedded());
    match settings.impronta_deadline {
        Some(last_day) => {
            let later = last_day.checked_add(30.days()).unwrap_or(Date::MAX);
            Deadline { last_day, last_replacement_day: later }
        }
        None => Deadline {
            last_day: known.of_year(anno).trasmissione,
            last_replacement_day: known.last_replacement_day(anno),
        },
    }
}

/// Records the communication, and gives the number of the one that it annuls.
pub(crate) fn accept(
    transaction: &Transaction<'_>,
    submission_id: i64,
    filing: &Filing<'_>,
) -> Result<Option<String>, Stop> {
    let communication = filing.communication;
    let codice_fiscale = communication.soggetto_interessato.codice_fiscale.as_str();
    let earlier = earlier(transaction, codice_fiscale)?;
    let replaced = check(&earlier, filing)?;
    let period = &communication.periodo_imposta;
    let inserted = transaction.execute(
        "INSERT INTO communications VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            submission_id,
            codice_fiscale,
            period.dal.to_string(),
            period.al.to_string(),
            hex::encode(&communication.impronta.digest),
            filing.xml_sha256,
            replaced.map(|replaced| replaced.id),
        ],
    );
    inserted.map_err(SandboxError::from)?;
    Ok(replaced.map(|replaced| replaced.protocollo.clone()))
}

/// The number of the communication that took the place of this submission, once that is visible.
pub(crate) fn replaced_by(
    transaction: &Transaction<'_>,
    submission_id: i64,
    at: Timestamp,
) -> Result<Option<String>, SandboxError> {
    let query = "SELECT protocollo FROM communications JOIN submissions ON id = submission_id \
                 WHERE replaces = ?1 AND processed_at <= ?2";
    let values = params![submission_id, at.as_second()];
    Ok(transaction.query_row(query, values, |row| row.get(0)).optional()?)
}

/// Which earlier communication is replaced, if any.
fn check<'a>(
    earlier: &'a [Earlier],
    filing: &Filing<'_>,
) -> Result<Option<&'a Earlier>, ImprontaRejection> {
    if let Some(same) = earlier.iter().find(|one| one.xml_sha256 == filing.xml_sha256) {
        return Err(ImprontaRejection::Duplicate { protocollo: same.protocollo.clone() });
    }
    match filing.communication.tipo {
        Tipo::Ordinaria => check_ordinaria(earlier, filing).map(|()| None),
        Tipo::Sostitutiva => check_sostitutiva(earlier, filing).map(Some),
    }
}

/// There is one impronta for a period; earlier periods may be grouped, so that any day in common
/// counts.
fn check_ordinaria(earlier: &[Earlier], filing: &Filing<'_>) -> Result<(), ImprontaRejection> {
    let period = &filing.communication.periodo_imposta;
    let in_force = earlier.iter().filter(|one| one.replaced_by.is_none());
    let Some(found) = in_force.into_iter().find(|one| one.dal <= period.al && period.dal <= one.al)
    else {
        return Ok(());
    };
    let protocollo = found.protocollo.clone();
    let same_period = (found.dal, found.al) == (period.dal, period.al);
    let same = found.impronta == hex::encode(&filing.communication.impronta.digest);
    Err(match same && same_period {
        true => ImprontaRejection::Duplicate { protocollo },
        false => ImprontaRejection::AlreadyFiled { protocollo },
    })
}

/// A replacement is taken once, and no later than 30 days after the deadline.
fn check_sostitutiva<'a>(
    earlier: &'a [Earlier],
    filing: &Filing<'_>,
) -> Result<&'a Earlier, ImprontaRejection> {
    let named = filing.communication.protocollo_sostituito.as_ref();
    let named = named.map(|protocollo| protocollo.as_str()).unwrap_or_default();
    let replaced = earlier
        .iter()
        .find(|one| one.protocollo == named)
        .ok_or_else(|| ImprontaRejection::ReplacesUnknown { protocollo: named.to_owned() })?;
    if let Some(by) = &replaced.replaced_by {
        let (protocollo, by) = (replaced.protocollo.clone(), by.clone());
        return Err(ImprontaRejection::ReplacedAlready { protocollo, by });
    }
    if let Some(first) = &replaced.replaces {
        let (protocollo, by) = (first.clone(), replaced.protocollo.clone());
        return Err(ImprontaRejection::ReplacedAlready { protocollo, by });
    }
    let period = &filing.communication.periodo_imposta;
    if (replaced.dal, replaced.al) != (period.dal, period.al) {
        return Err(ImprontaRejection::OtherPeriod { dal: replaced.dal, al: replaced.al });
    }
    let Deadline { last_day: deadline, last_replacement_day: until } = filing.deadline;
    if day_in_rome(filing.at) > until {
        return Err(ImprontaRejection::ReplacementLate { deadline, until });
    }
    Ok(replaced)
}

fn day_in_rome(at: Timestamp) -> Date {
    let rome = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
    at.to_zoned(rome).date()
}

fn earlier(
    transaction: &Transaction<'_>,
    codice_fiscale: &str,
) -> Result<Vec<Earlier>, SandboxError> {
    let mut query = transaction.prepare(
        "SELECT own.submission_id, dal, al, impronta, xml_sha256, submissions.protocollo, \
         (SELECT protocollo FROM submissions WHERE id = own.replaces), \
         (SELECT protocollo FROM communications later JOIN submissions ON id = submission_id \
          WHERE later.replaces = own.submission_id) \
         FROM communications own JOIN submissions ON submissions.id = own.submission_id \
         WHERE codice_fiscale = ?1 ORDER BY own.submission_id",
    )?;
    let rows = query.query_map([codice_fiscale], Earlier::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Earlier {
    fn read(row: &Row<'_>) -> rusqlite::Result<Earlier> {
        let day = |index: usize| -> rusqlite::Result<Date> {
            let text: String = row.get(index)?;
            text.parse().map_err(|_| {
                let text_type = rusqlite::types::Type::Text;
                rusqlite::Error::InvalidColumnType(index, text, text_type)
            })
        };
        Ok(Earlier {
            id: row.get(0)?,
            dal: day(1)?,
            al: day(2)?,
            impronta: row.get(3)?,
            xml_sha256: row.get(4)?,
            protocollo: row.get(5)?,
            replaces: row.get(6)?,
            replaced_by: row.get(7)?,
        })
    }
}
