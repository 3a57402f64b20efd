//! Names of supports: `FI.<node>.<YYYYDDD>.<HHMM>.<NNN>.zip`, and `EO.` for the outcome of one.
//!
//! The parts and the day of the year are public (SdI, SID); times are UTC.
//! UNVERIFIED: whether the suffix changes once the support is signed and encrypted.

use std::fmt;

use ceralacca_submission::Protocollo;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The name of one support of ours, without its prefix: node, day and minute, number in the minute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SupportName {
    node: String,
    /// `2026326`: year and day of the year.
    day: String,
    /// `0536`.
    minute: String,
    number: u16,
}

/// The most supports of one node in one minute.
pub(crate) const MOST_IN_A_MINUTE: u16 = 999;

impl SupportName {
    /// The name with this number in the minute of `at`; `None` when the year has no four digits or
    /// the number is none from 1 to 999.
    pub fn at(node: &str, at: Timestamp, number: u16) -> Option<SupportName> {
        let utc = at.to_zoned(TimeZone::UTC);
        let fits = (0..=9999).contains(&utc.year()) && (1..=MOST_IN_A_MINUTE).contains(&number);
        fits.then(|| SupportName {
            node: node.to_owned(),
            day: format!("{:04}{:03}", utc.year(), utc.day_of_year()),
            minute: format!("{:02}{:02}", utc.hour(), utc.minute()),
            number,
        })
    }

    /// The next name in the same minute.
    pub fn next(&self) -> Option<SupportName> {
        let number = self.number.checked_add(1).filter(|number| *number <= MOST_IN_A_MINUTE)?;
        Some(SupportName { number, ..self.clone() })
    }

    /// `EO.<node>.<YYYYDDD>.<HHMM>.<NNN>.zip`: the outcome's name.
    pub fn outcome(&self) -> String {
        format!("EO.{}.zip", self.parts())
    }

    /// What a submission goes by as long as the Agency's number is not known:
    /// `senza-protocollo-<YYYYDDD>-<HHMM>-<NNN>`.
    pub fn stand_in(&self) -> Protocollo {
        let text = format!("senza-protocollo-{}-{}-{:03}", self.day, self.minute, self.number);
        Protocollo::try_from(text).expect("a stand-in takes twenty letters, digits and hyphens")
    }

    fn parts(&self) -> String {
        format!("{}.{}.{}.{:03}", self.node, self.day, self.minute, self.number)
    }

    fn parse(text: &str) -> Option<SupportName> {
        let inside = text.strip_prefix("FI.")?.strip_suffix(".zip")?;
        let parts: Vec<&str> = inside.split('.').collect();
        let [node, day, minute, number] = parts.as_slice() else { return None };
        let digits = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let right = is_node(node) && digits(day, 7) && digits(minute, 4) && digits(number, 3);
        let number = number.parse().ok().filter(|number| right && *number > 0)?;
        let (node, day, minute) = ((*node).to_owned(), (*day).to_owned(), (*minute).to_owned());
        Some(SupportName { node, day, minute, number })
    }
}

/// Whether a text can stand for a node in a name: one to sixteen letters and digits.
pub(crate) fn is_node(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Display for SupportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FI.{}.zip", self.parts())
    }
}

impl TryFrom<String> for SupportName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<SupportName, &'static str> {
        SupportName::parse(&text).ok_or("not a name FI.<node>.<YYYYDDD>.<HHMM>.<NNN>.zip")
    }
}

impl From<SupportName> for String {
    fn from(name: SupportName) -> String {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_in_the_year_and_times_are_utc() {
        for (at, name) in [
            ("2026-01-01T00:00:00Z", "FI.01234567.2026001.0000.001.zip"),
            ("2026-12-31T23:59:59Z", "FI.01234567.2026365.2359.001.zip"),
            ("2024-12-31T12:05:00Z", "FI.01234567.2024366.1205.001.zip"),
            ("2024-03-01T09:07:00Z", "FI.01234567.2024061.0907.001.zip"),
            // New Year in Rome is still the old year in UTC.
            ("2026-01-01T00:30:00+01:00", "FI.01234567.2025365.2330.001.zip"),
        ] {
            let made = SupportName::at("01234567", at.parse().unwrap(), 1).unwrap();
            assert_eq!(made.to_string(), name);
            assert_eq!(SupportName::try_from(name.to_owned()).unwrap(), made);
            assert_eq!(made.outcome(), name.replace("FI.", "EO."));
        }
    }

    #[test]
    fn numbers_end_at_999() {
        let at = "2026-11-22T05:36:00Z".parse().unwrap();
        assert!(SupportName::at("1", at, 0).is_none() && SupportName::at("1", at, 1000).is_none());
        let last = SupportName::at("1", at, 999).unwrap();
        assert_eq!(last.to_string(), "FI.1.2026326.0536.999.zip");
        assert!(last.next().is_none());
        assert_eq!(last.stand_in().as_str(), "senza-protocollo-2026326-0536-999");
        assert!(!last.stand_in().is_number());
    }

    #[test]
    fn other_names_are_none() {
        for text in [
            "",
            "FI.zip",
            "EO.1.2026326.0536.001.zip",
            "FI.1.2026326.0536.1.zip",
            "FI.1.2026326.0536.000.zip",
            "FI.1.2026326.0536.001.zip.part",
            "FI.../x.2026326.0536.001.zip",
            "FI.1.2O26326.0536.001.zip",
        ] {
            assert!(SupportName::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(!is_node("") && !is_node("../x") && !is_node("a.b") && !is_node(&"1".repeat(17)));
    }
}
