//! The protocollo: the number under which the Agency knows a submission.

use std::fmt;

use ceralacca_kernel::{Explain, InputType, Report, Value};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const WITHOUT: &str = "senza-protocollo-";

/// Seventeen digits. Their inner structure is not public, so no more than that is checked.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Protocollo(String);

/// The text is not a protocollo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NotAProtocollo {
    /// Characters it has.
    pub length: usize,
}

impl Protocollo {
    /// Reads seventeen digits.
    ///
    /// # Errors
    /// [`NotAProtocollo`] for anything else.
    pub fn parse(text: &str) -> Result<Protocollo, NotAProtocollo> {
        if text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Protocollo(text.to_owned()))
        } else {
            Err(NotAProtocollo { length: text.chars().count() })
        }
    }

    /// Stands for a number that nobody wrote down: `senza-protocollo-20261122-1a2b3c4d`, from the
    /// day of sending and the SHA-256 of what was sent, hexadecimal.
    pub fn not_written_down(sent_on: Date, sha256: &str) -> Protocollo {
        let start: String = sha256.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        Protocollo(format!("{WITHOUT}{}-{start}", sent_on.strftime("%Y%m%d")))
    }

    /// Whether it is the Agency's number, and not [`Protocollo::not_written_down`].
    pub fn is_number(&self) -> bool {
        !self.0.starts_with(WITHOUT)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The input type `protocollo`: a slip is found before anything is begun.
pub fn input_types() -> Vec<InputType> {
    vec![InputType {
        name: "protocollo",
        rule: "protocollo: 17 digits",
        check: |text| Ok(Value::Str(Protocollo::parse(text.trim())?.0)),
    }]
}

impl Explain for NotAProtocollo {
    fn explain(&self) -> Report {
        Report::usage("input.protocollo", "a protocollo does not have its form")
            .expected("17 digits")
            .found(format!("{} characters, or others than digits", self.length))
            .state("the workflow was not started")
            .next("copy the protocollo from the receipt: ceralacca runs")
    }
}

impl TryFrom<String> for Protocollo {
    type Error = NotAProtocollo;

    fn try_from(text: String) -> Result<Protocollo, NotAProtocollo> {
        let ours = text.strip_prefix(WITHOUT).is_some_and(|rest| {
            rest.len() <= 20 && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        });
        if ours { Ok(Protocollo(text)) } else { Protocollo::parse(&text) }
    }
}

impl From<Protocollo> for String {
    fn from(protocollo: Protocollo) -> String {
        protocollo.0
    }
}

impl fmt::Display for Protocollo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NotAProtocollo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a protocollo has 17 digits, this has {} characters", self.length)
    }
}
