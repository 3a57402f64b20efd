//! What can be set on a sandbox, kept in its state.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::tsa_access::TsaAccess;

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
    /// Seconds for which new environments are certified, 10 to ten years; without it three years, up
    /// to full five minutes, as the Agency does.
    pub certificate_seconds: Option<u32>,
    /// How many receipts one answer lists at most, 1 to 1000.
    pub receipts_per_answer: u32,
    /// Where new certificates say the CRL is: an http or https URL in ASCII.
    pub crl_url: String,
    /// Where signers' certificates say that the provider's CRL is.
    pub trust_crl_url: String,
    /// Whom the timestamp authority answers; everybody without it.
    pub tsa_access: Option<TsaAccess>,
    /// Last day for communications of the impronta, whatever their period; without it the known
    /// deadlines count. A replacement is accepted up to 30 days later.
    pub impronta_deadline: Option<Date>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            receipt_delay_seconds: 0,
            revocation_delay_seconds: 0,
            session_seconds: 1800,
            certificate_seconds: None,
            receipts_per_answer: 1000,
            // An embedded sandbox has another port each time: a name without address, RFC 2606.
            crl_url: "http://sandbox.ceralacca.invalid/v1/ca/crl".to_owned(),
            trust_crl_url: "http://sandbox.ceralacca.invalid/trust/crl".to_owned(),
            tsa_access: None,
            impronta_deadline: None,
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
        if !(1..=1000).contains(&self.receipts_per_answer) {
            return refuse("receipts_per_answer", "1 to 1000");
        }
        if self.certificate_seconds.is_some_and(|seconds| !(10..=3660 * DAY).contains(&seconds)) {
            return refuse("certificate_seconds", "10 seconds to 3660 days");
        }
        if !(1..=DAY).contains(&self.session_seconds) {
            return refuse("session_seconds", "1 to 86400 seconds");
        }
        for (name, url) in [("crl_url", &self.crl_url), ("trust_crl_url", &self.trust_crl_url)] {
            let known = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
            if !known || url.len() > 500 || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
                return refuse(name, "an http or https URL of at most 500 ASCII characters");
            }
        }
        if self.tsa_access.as_ref().is_some_and(|access| !access.is_usable()) {
            return refuse("tsa_access", "user (1 to 64, no colon) and password (1 to 100)");
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
