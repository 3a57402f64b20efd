//! What can be set on a sandbox, kept in its state.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};

use crate::error::SandboxError;

/// How the pretend Agency behaves; all of it survives a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Seconds for which a receipt says `IN ELABORAZIONE`; 0 to 30 days.
    pub receipt_delay_seconds: u32,
    /// Seconds from asking for a revocation to its being in force and in the CRL; 0 to 30 days.
    pub revocation_delay_seconds: u32,
    /// Seconds a session lasts; 1 to one day.
    pub session_seconds: u32,
    /// Where new certificates say the CRL is: an http or https URL in ASCII.
    pub crl_url: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            receipt_delay_seconds: 0,
            revocation_delay_seconds: 0,
            session_seconds: 1800,
            // An embedded sandbox has another port each time: a name without address, RFC 2606.
            crl_url: "http://sandbox.ceralacca.invalid/v1/ca/crl".to_owned(),
        }
    }
}

impl Settings {
    pub(crate) fn load(transaction: &Transaction<'_>) -> Result<Settings, SandboxError> {
        let Some(text) = text(transaction, SETTINGS)? else { return Ok(Settings::default()) };
        serde_json::from_str(&text)
            .map_err(|error| SandboxError::Store { reason: format!("settings: {error}") })
    }

    pub(crate) fn save(&self, transaction: &Transaction<'_>) -> Result<(), SandboxError> {
        self.check()?;
        let text = serde_json::to_string(self).expect("numbers and text are always JSON");
        set_text(transaction, SETTINGS, &text)
    }

    fn check(&self) -> Result<(), SandboxError> {
        let refuse = |name: &str, rule: &str| {
            Err(SandboxError::Setting { name: name.to_owned(), rule: rule.to_owned() })
        };
        if self.receipt_delay_seconds > 30 * DAY {
            return refuse("receipt_delay_seconds", "0 to 2592000 seconds");
        }
        if self.revocation_delay_seconds > 30 * DAY {
            return refuse("revocation_delay_seconds", "0 to 2592000 seconds");
        }
        if !(1..=DAY).contains(&self.session_seconds) {
            return refuse("session_seconds", "1 to 86400 seconds");
        }
        let known = ["http://", "https://"].iter().any(|scheme| self.crl_url.starts_with(scheme));
        if !known || self.crl_url.len() > 500 || !self.crl_url.bytes().all(|b| b.is_ascii_graphic())
        {
            return refuse("crl_url", "an http or https URL of at most 500 ASCII characters");
        }
        Ok(())
    }
}

/// A time as it is stored.
pub(crate) fn instant(second: i64) -> Result<Timestamp, SandboxError> {
    Timestamp::from_second(second)
        .map_err(|_| SandboxError::Store { reason: format!("{second} is no time") })
}

/// A stored number, `None` when it was never set.
pub(crate) fn number(t: &Transaction<'_>, name: &str) -> Result<Option<i64>, SandboxError> {
    Ok(text(t, name)?.and_then(|text| text.parse().ok()))
}

/// Stores a number.
pub(crate) fn set_number(t: &Transaction<'_>, name: &str, value: i64) -> Result<(), SandboxError> {
    set_text(t, name, &value.to_string())
}

fn text(transaction: &Transaction<'_>, name: &str) -> Result<Option<String>, SandboxError> {
    let query = "SELECT value FROM settings WHERE name = ?1";
    Ok(transaction.query_row(query, [name], |row| row.get(0)).optional()?)
}

fn set_text(transaction: &Transaction<'_>, name: &str, value: &str) -> Result<(), SandboxError> {
    transaction.execute(
        "INSERT INTO settings VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        [name, value],
    )?;
    Ok(())
}

const SETTINGS: &str = "settings";
const DAY: u32 = 86_400;
