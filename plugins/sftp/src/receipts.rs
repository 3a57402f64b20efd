//! What the program asks of an agency's channel, beyond sending.

use ceralacca_plugin_sdk::Error;
use ceralacca_plugin_sdk::serde::Deserialize;
use ceralacca_submission::{
    Acknowledgement, Counts, Protocollo, ReceiptFilter, ReceiptRecord, Stato,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::channel::Channel;
use crate::error::SftpError;
use crate::outcome::Outcome;
use crate::records::{Progress, Record};

/// How submissions are looked for: one of the two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", default)]
pub(crate) struct Search {
    /// By idempotency key.
    pub key: Option<String>,
    /// By SHA-256 of the content, hexadecimal.
    pub sha256: Option<String>,
}

/// Which receipts are looked for; what is left out does not matter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", default)]
pub struct Filter {
    protocollo: Option<Protocollo>,
    tipo_documento: Option<String>,
    dal: Option<Date>,
    al: Option<Date>,
    before: Option<Protocollo>,
}

impl From<Filter> for ReceiptFilter {
    fn from(filter: Filter) -> ReceiptFilter {
        let Filter { protocollo, tipo_documento, dal, al, before } = filter;
        ReceiptFilter { protocollo, tipo_documento, dal, al, before }
    }
}

impl Channel<'_, '_> {
    /// What was delivered under a key, or with a content.
    ///
    /// # Errors
    /// `sftp.in_doubt` when nobody can say.
    pub(crate) fn find_submissions(&self, search: &Search) -> Result<Vec<Acknowledgement>, Error> {
        let keys: Vec<String> = match (&search.key, &search.sha256) {
            (Some(key), _) => vec![key.clone()],
            (None, Some(sha256)) => {
                let all = self.records.all()?.into_iter();
                let same = all.filter(|record| record.sha256.eq_ignore_ascii_case(sha256));
                same.map(|record| record.key).collect()
            }
            (None, None) => Vec::new(),
        };
        let mut found = Vec::new();
        for key in keys {
            let Some(locked) = self.records.find(&key)? else { continue };
            let Some(record) = locked.record()? else { continue };
            if self.delivered(&locked, &record)? {
                found.push(record.acknowledgement());
            }
        }
        Ok(found)
    }

    /// The outcomes that are there, the newest first.
    ///
    /// # Errors
    /// Those of the connection. An outcome that is not believed is a row that says so.
    pub(crate) fn receipts(&self, filter: &ReceiptFilter) -> Result<Vec<ReceiptRecord>, Error> {
        let mut all = self.records.all()?;
        if let Some(before) = &filter.before {
            let end = all.iter().position(|record| record.support.stand_in() == *before);
            all.truncate(end.unwrap_or(all.len()));
        }
        let mut rows = Vec::new();
        for record in all.iter().rev().filter(|record| may_be_wanted(record, filter)) {
            let row = match self.outcome_of(record) {
                Ok(Some(outcome))
                    if filter
                        .protocollo
                        .as_ref()
                        .is_none_or(|number| goes_by(record, Some(&outcome), number)) =>
                {
                    outcome.record
                }
                Ok(_) => continue,
                Err(error) if error.code().starts_with("sftp.outcome_") => {
                    unbelieved(record, &error)
                }
                Err(error) => return Err(error),
            };
            rows.push(row);
        }
        Ok(rows)
    }

    /// The outcome of one submission; nothing while there is none.
    ///
    /// # Errors
    /// Those of [`Channel::outcome`].
    pub(crate) fn receipt(&self, protocollo: &Protocollo) -> Result<Option<ReceiptRecord>, Error> {
        Ok(self.outcome_by(protocollo)?.map(|outcome| outcome.record))
    }

    /// A file of an outcome.
    ///
    /// # Errors
    /// `sftp.no_attachment`, and those of [`Channel::outcome`].
    pub(crate) fn attachment(&self, protocollo: &Protocollo, name: &str) -> Result<Vec<u8>, Error> {
        let mut files = self.outcome_by(protocollo)?.map(|found| found.files).unwrap_or_default();
        files.remove(name).ok_or_else(|| {
            let name = ceralacca_submission::printable(name, 100);
            let known = files.into_keys().collect();
            SftpError::NoAttachment { protocollo: protocollo.to_string(), name, known }.into()
        })
    }

    fn outcome_by(&self, protocollo: &Protocollo) -> Result<Option<Outcome>, Error> {
        let all = self.records.all()?;
        if !protocollo.is_number() {
            let found = all.iter().rev().find(|record| record.support.stand_in() == *protocollo);
            return found.map_or(Ok(None), |record| self.outcome_of(record));
        }
        for record in all.iter().rev() {
            if let Some(outcome) = self.outcome_of(record)?
                && outcome.numero.as_ref() == Some(protocollo)
            {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    /// The outcome of what was sent, or may have been.
    pub(crate) fn outcome_of(&self, record: &Record) -> Result<Option<Outcome>, Error> {
        let Some(locked) = self.records.find(&record.key)? else { return Ok(None) };
        if locked.progress() == Progress::Made {
            return Ok(None);
        }
        self.outcome(&locked, record)
    }
}

fn goes_by(record: &Record, outcome: Option<&Outcome>, protocollo: &Protocollo) -> bool {
    record.support.stand_in() == *protocollo
        || outcome.is_some_and(|outcome| outcome.numero.as_ref() == Some(protocollo))
}

/// Whether a record's own fields let it be one that is looked for.
fn may_be_wanted(record: &Record, filter: &ReceiptFilter) -> bool {
    // Days are those of the Agency.
    let rome = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
    let day = record.at.to_zoned(rome).date();
    let number = filter.protocollo.as_ref();
    filter.tipo_documento.as_ref().is_none_or(|tipo| *tipo == record.tipo_documento)
        && filter.dal.is_none_or(|dal| day >= dal)
        && filter.al.is_none_or(|al| day <= al)
        && number.is_none_or(|number| number.is_number() || goes_by(record, None, number))
}

/// The row of a support whose outcome is there and not believed.
fn unbelieved(record: &Record, error: &Error) -> ReceiptRecord {
    let report = error.report();
    let found = report.found.as_deref().unwrap_or_default();
    ReceiptRecord {
        protocollo: record.support.stand_in(),
        tipo_documento: record.tipo_documento.clone(),
        stato: Stato::InElaborazione,
        motivo_di_scarto: None,
        annullato_da: None,
        file_name: record.file_name.clone(),
        sha256: record.sha256.clone(),
        sent_at: record.at,
        processed_at: None,
        documenti: Counts::default(),
        attachments: Vec::new(),
        notice: Some(format!("{}: {found}; {}", report.headline, report.state)),
    }
}
