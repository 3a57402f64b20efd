//! What the Agency still accepts, as dated data: lengths of keys, signature digests, ciphers.
//!
//! A key that has not expired may be refused all the same, because the rule has changed since it
//! was made. The rules are in `data/norme.toml`, and can be replaced by a file of the same form.

use std::path::Path;
use std::sync::LazyLock;

use ceralacca_kernel::{Service, Touch, text_encoding};
use const_oid::ObjectIdentifier;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::algorithm_name;
use crate::certificate::Certificate;
use crate::certificate_details::signature_algorithm;
use crate::disk;
use crate::error::KeystoreError;

/// A rule that something does not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Name of the rule: `chiave-rsa`.
    pub rule: String,
    /// The first day of the rule: `2023-01-31`.
    pub since: String,
    /// What is there: `2048 bits`.
    pub found: String,
    /// What the rule asks for: `4096 bits`.
    pub required: String,
    /// What it means, in one sentence.
    pub text: String,
    /// Where the rule comes from.
    pub source: String,
}

impl Finding {
    /// The finding in one line: what it means, since when, what is asked for, what is there.
    pub fn in_words(&self) -> String {
        let Finding { since, found, required, text, .. } = self;
        format!("{text} (since {since}: {required}; here {found})")
    }
}

/// The rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(default, rename = "norma")]
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    nome: String,
    dal: Date,
    #[serde(default)]
    bit: Vec<usize>,
    #[serde(default)]
    firma: Vec<String>,
    #[serde(default)]
    cifra: Vec<String>,
    certezza: Certainty,
    testo: String,
    fonte: String,
}

/// How sure rule and date are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Certainty {
    Published,
    Unverified,
}

impl Service for Policy {
    const TOUCH: Option<Touch> = None;
}

/// What the program's own rules say against a certificate at a moment.
pub fn findings(certificate: &Certificate, at: Timestamp) -> Vec<Finding> {
    Policy::embedded().findings(certificate, at)
}

/// What the program's own rules say against the cipher of a sealed file, by its identifier.
pub fn cipher_findings(cipher: ObjectIdentifier, at: Timestamp) -> Vec<Finding> {
    Policy::embedded().cipher_findings(cipher, at)
}

impl Policy {
    /// The rules in the program.
    pub fn embedded() -> &'static Policy {
        static RULES: LazyLock<Policy> = LazyLock::new(|| {
            Policy::parse(EMBEDDED, "norme.toml of ceralacca")
                .expect("the embedded rules are tested")
        });
        &RULES
    }

    /// The rules in a file of the same form.
    ///
    /// # Errors
    /// `policy.invalid`, and those of reading a file.
    pub fn from_file(path: &Path) -> Result<Policy, KeystoreError> {
        let bytes = disk::read(path, LARGEST)?;
        let source = path.display().to_string();
        let invalid = |reason: &str| KeystoreError::PolicyInvalid {
            source: source.clone(),
            reason: reason.to_owned(),
        };
        let text = text_encoding::decode(&bytes).map_err(|error| invalid(&error.to_string()))?;
        Policy::parse(text, &source)
    }

    /// Reads TOML of the form of `data/norme.toml`; `source` names it in errors.
    ///
    /// # Errors
    /// `policy.invalid`.
    pub fn parse(text: &str, source: &str) -> Result<Policy, KeystoreError> {
        let invalid =
            |reason: String| KeystoreError::PolicyInvalid { source: source.to_owned(), reason };
        let policy: Policy = toml::from_str(text)
            .map_err(|error| invalid(error.message().lines().collect::<Vec<_>>().join(" ")))?;
        for rule in &policy.rules {
            let asks = [rule.bit.is_empty(), rule.firma.is_empty(), rule.cifra.is_empty()];
            if asks.into_iter().filter(|empty| !empty).count() != 1 {
                let nome = &rule.nome;
                return Err(invalid(format!("{nome}: one of bit, firma and cifra is needed")));
            }
        }
        Ok(policy)
    }

    /// What the rules that hold at a moment say against a certificate.
    pub fn findings(&self, certificate: &Certificate, at: Timestamp) -> Vec<Finding> {
        let bits = certificate.public().bits();
        let signature = signature_algorithm(certificate);
        let against = |rule: &&Rule| {
            (!rule.bit.is_empty() && !rule.bit.contains(&bits))
                || (!rule.firma.is_empty() && !rule.firma.contains(&signature))
        };
        let found = |rule: &Rule| match rule.bit.is_empty() {
            true => rule.finding(signature.clone()),
            false => rule.finding(format!("{bits} bits")),
        };
        self.in_force(at).filter(against).map(found).collect()
    }

    /// What the rules that hold at a moment say against the cipher of a sealed file.
    pub fn cipher_findings(&self, cipher: ObjectIdentifier, at: Timestamp) -> Vec<Finding> {
        let identifier = cipher.to_string();
        let name = algorithm_name::name(&identifier).unwrap_or(&identifier).to_owned();
        let against = |rule: &&Rule| !rule.cifra.is_empty() && !rule.cifra.contains(&name);
        self.in_force(at).filter(against).map(|rule| rule.finding(name.clone())).collect()
    }

    /// Days are Italian days.
    fn in_force(&self, at: Timestamp) -> impl Iterator<Item = &Rule> {
        let italy = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
        let today = at.to_zoned(italy).date();
        self.rules.iter().filter(move |rule| rule.dal <= today)
    }
}

impl Rule {
    fn finding(&self, found: String) -> Finding {
        let bits = self.bit.iter().map(|bits| format!("{bits} bits"));
        let required: Vec<String> =
            bits.chain(self.firma.iter().cloned()).chain(self.cifra.iter().cloned()).collect();
        let source = match self.certezza {
            Certainty::Published => self.fonte.clone(),
            Certainty::Unverified if self.fonte.contains("UNVERIFIED") => self.fonte.clone(),
            Certainty::Unverified => format!("UNVERIFIED: {}", self.fonte),
        };
        Finding {
            rule: self.nome.clone(),
            since: self.dal.to_string(),
            found,
            required: required.join(" or "),
            text: self.testo.clone(),
            source,
        }
    }
}

const EMBEDDED: &str = include_str!("../data/norme.toml");
const LARGEST: u64 = 1024 * 1024;

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
