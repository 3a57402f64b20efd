//! Until when a communication is transmitted and replaced: data by tax year, not code.

use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use crate::XmlError;
use crate::document_types::read;

const EMBEDDED: &str = include_str!("../data/scadenze.toml");

/// Where `scadenze.toml` came from, in errors.
const EMBEDDED_NAME: &str = "scadenze.toml of ceralacca";

/// The largest file that is read.
const LARGEST: u64 = 1 << 20;

/// The deadlines by tax year.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    giorni_sostituzione: u16,
    regola: Regola,
    #[serde(default, rename = "scadenza")]
    scadenze: Vec<Deadline>,
}

/// The deadline of a year, or of the years up to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// First tax year, where it holds for several.
    #[serde(default)]
    pub dal: Option<i16>,
    /// Tax year.
    pub anno: i16,
    /// Last day for the tax returns of that year.
    #[serde(default)]
    pub dichiarazioni: Option<Date>,
    /// Last day for the transmission.
    pub trasmissione: Date,
    /// How sure the date of transmission is.
    pub certezza: Certainty,
    /// Where it comes from.
    pub fonte: String,
}

/// How sure a date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// A public source names it.
    Published,
    /// It was derived from the rule.
    Unverified,
}

/// What holds for a year without a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Regola {
    anni: i16,
    mese: i8,
    fonte: String,
}

impl Deadlines {
    /// The deadlines in the program.
    pub fn embedded() -> Deadlines {
        Deadlines::parse(EMBEDDED, EMBEDDED_NAME).expect("the embedded deadlines are tested")
    }

    /// The deadlines in a file of the same form.
    ///
    /// # Errors
    /// `impronta.data_invalid`.
    pub fn from_file(path: &Path) -> Result<Deadlines, XmlError> {
        let source = path.display().to_string();
        let text = read(path, LARGEST)
            .map_err(|what| XmlError::DataInvalid { source: source.clone(), what })?;
        Deadlines::parse(&text, &source)
    }

    /// Reads TOML of the form of `data/scadenze.toml`; `source` names it in errors.
    ///
    /// # Errors
    /// `impronta.data_invalid`.
    pub fn parse(text: &str, source: &str) -> Result<Deadlines, XmlError> {
        let invalid = |what: String| XmlError::DataInvalid { source: source.to_owned(), what };
        let deadlines: Deadlines =
            toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let regola = &deadlines.regola;
        if !(1..=12).contains(&regola.mese) || !(0..=10).contains(&regola.anni) {
            return Err(invalid("regola: a month is 1 to 12, years are 0 to 10".to_owned()));
        }
        Ok(deadlines)
    }

    /// The deadline of a tax year: its row, or what the rule gives.
    pub fn of_year(&self, anno: i16) -> Deadline {
        let row = self
            .scadenze
            .iter()
            .find(|row| (row.dal.unwrap_or(row.anno)..=row.anno).contains(&anno));
        row.cloned().unwrap_or_else(|| self.by_rule(anno))
    }

    /// The last day on which a communication for the tax year may be replaced, once.
    pub fn last_replacement_day(&self, anno: i16) -> Date {
        let deadline = self.of_year(anno).trasmissione;
        let days = i32::from(self.giorni_sostituzione).days();
        deadline.checked_add(days).unwrap_or(Date::MAX)
    }

    fn by_rule(&self, anno: i16) -> Deadline {
        let year = anno.saturating_add(self.regola.anni).clamp(1, 9999);
        let first = Date::new(year, self.regola.mese, 1).expect("month and year are in range");
        Deadline {
            dal: None,
            anno,
            dichiarazioni: None,
            trasmissione: first.last_of_month(),
            certezza: Certainty::Unverified,
            fonte: self.regola.fonte.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn deadlines_come_from_rows_and_else_from_the_rule() {
        let deadlines = Deadlines::embedded();
        let of = |anno| deadlines.of_year(anno).trasmissione;
        assert_eq!(of(2010), date(2012, 3, 1));
        assert_eq!(of(2004), date(2012, 3, 1));
        assert_eq!(of(2013), date(2015, 1, 31));
        assert_eq!(of(2025), date(2027, 2, 28));
        assert_eq!(of(2026), date(2028, 2, 29));
        assert_eq!(deadlines.last_replacement_day(2025), date(2027, 3, 30));
        assert_eq!(deadlines.of_year(2010).certezza, Certainty::Published);
        assert_eq!(deadlines.of_year(9999).trasmissione, date(9999, 2, 28));
        assert_eq!(deadlines.last_replacement_day(i16::MIN), date(1, 3, 30));
    }

    #[test]
    fn the_rows_do_not_contradict_each_other() {
        let deadlines = Deadlines::embedded();
        for pair in deadlines.scadenze.windows(2) {
            assert_eq!(pair[1].dal.unwrap_or(pair[1].anno), pair[0].anno + 1);
            assert!(pair[0].trasmissione < pair[1].trasmissione);
        }
        assert!(deadlines.scadenze.iter().all(|row| {
            row.certezza == Certainty::Published || row.fonte.contains("UNVERIFIED")
        }));
    }

    #[test]
    fn mistakes_in_a_file_are_named() {
        let error = |text: &str| Deadlines::parse(text, "x.toml").unwrap_err();
        assert!(matches!(error("x = 1"), XmlError::DataInvalid { .. }));
        let rule = "giorni_sostituzione = 30\n[regola]\nanni = 2\nmese = 13\nfonte = \"\"\n";
        assert!(matches!(error(rule), XmlError::DataInvalid { .. }));
    }
}
