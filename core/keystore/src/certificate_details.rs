//! Certificates for people: the table of the Agency's guide, and everything that is in them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate, X509Extension};

use crate::certificate::Certificate;
use crate::key::Utilizzo;
use crate::policy::{Finding, Policy};

/// Days before the end of the validity from which a certificate is worth a warning.
pub const WARNING_DAYS: i64 = 60;

/// One line of the guide's table, and its details.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateDetails {
    /// Nome: the subject's common name.
    pub nome: String,
    /// Inizio validità, RFC 3339 in UTC.
    pub inizio_validita: String,
    /// Fine validità, RFC 3339 in UTC.
    pub fine_validita: String,
    /// Validità.
    pub validita: Validita,
    /// Utilizzo: more than one when the key usage allows both.
    pub utilizzo: Vec<Utilizzo>,
    /// Whole days until Fine validità, rounded down; negative when it is past.
    pub days_left: i64,
    /// Whether to renew soon: valid for less than [`WARNING_DAYS`] more days, or no longer.
    pub expires_soon: bool,
    /// Serial number: `4A:91:0C`.
    pub serial: String,
    /// Subject, in the order it is written.
    pub subject: String,
    /// Issuer, in the order it is written.
    pub issuer: String,
    /// Length of the RSA key.
    pub key_bits: usize,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal.
    pub key_fingerprint: String,
    /// Algorithm of the issuer's signature.
    pub signature_algorithm: String,
    /// Rules of the Agency that it no longer keeps, whatever its validity says.
    #[serde(default)]
    pub policy: Vec<Finding>,
    /// Extensions, in the order they are written.
    pub extensions: Vec<ExtensionDetails>,
}

/// An extension of a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExtensionDetails {
    /// Its name, or its object identifier when it has none here.
    pub name: String,
    /// Whether programs that do not know it must refuse the certificate.
    pub critical: bool,
    /// What it says; hexadecimal when it is not known here.
    pub value: String,
}

/// The verdict in the column *Validità*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Validita {
    /// Within its validity.
    Valido,
    /// After its end.
    Scaduto,
    /// Before its beginning.
    #[serde(rename = "Non ancora valido")]
    NonAncoraValido,
}

impl Validita {
    /// The words of the table.
    pub fn label(self) -> &'static str {
        match self {
            Validita::Valido => "Valido",
            Validita::Scaduto => "Scaduto",
            Validita::NonAncoraValido => "Non ancora valido",
        }
    }
}

impl CertificateDetails {
    /// Describes a certificate as it is `at` that moment.
    ///
    /// The verdict is about the dates only: revocation is not looked at.
    pub fn of(certificate: &Certificate, at: Timestamp) -> CertificateDetails {
        CertificateDetails::under(certificate, at, Policy::embedded())
    }

    /// As [`CertificateDetails::of`], with other rules than the program's own.
    pub fn under(certificate: &Certificate, at: Timestamp, policy: &Policy) -> CertificateDetails {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        let validita = if at < not_before {
            Validita::NonAncoraValido
        } else if at > not_after {
            Validita::Scaduto
        } else {
            Validita::Valido
        };
        let left = not_after.as_nanosecond() - at.as_nanosecond();
        let days_left = i64::try_from(left.div_euclid(DAY)).unwrap_or(i64::MAX);
        let parsed = X509Certificate::from_der(certificate.as_der()).ok();
        CertificateDetails {
            nome: certificate.common_name(),
            inizio_validita: not_before.to_string(),
            fine_validita: not_after.to_string(),
            validita,
            utilizzo: certificate.utilizzo(),
            days_left,
            expires_soon: days_left < WARNING_DAYS,
            serial: certificate.serial(),
            subject: certificate.subject(),
            issuer: certificate.issuer(),
            key_bits: certificate.public().bits(),
            key_fingerprint: certificate.public().fingerprint(),
            signature_algorithm: signature_algorithm(certificate),
            policy: policy.findings(certificate, at),
            extensions: parsed.map_or_else(Vec::new, |(_, parsed)| {
                parsed.extensions().iter().map(|one| extension(one, certificate)).collect()
            }),
        }
    }
}

/// `SHA256withRSA`; the identifier of one that has no name here.
pub(crate) fn signature_algorithm(certificate: &Certificate) -> String {
    let oid = certificate.parsed().signature_algorithm.oid;
    match oid.to_string().as_str() {
        "1.2.840.113549.1.1.11" => "SHA256withRSA".to_owned(),
        "1.2.840.113549.1.1.12" => "SHA384withRSA".to_owned(),
        "1.2.840.113549.1.1.13" => "SHA512withRSA".to_owned(),
        "1.2.840.113549.1.1.5" => "SHA1withRSA".to_owned(),
        other => other.to_owned(),
    }
}

fn extension(extension: &X509Extension<'_>, certificate: &Certificate) -> ExtensionDetails {
    let (name, value) = match extension.parsed_extension() {
        ParsedExtension::KeyUsage(_) => ("keyUsage", certificate.key_usage()),
        ParsedExtension::BasicConstraints(constraints) => (
            "basicConstraints",
            match (constraints.ca, constraints.path_len_constraint) {
                (true, Some(length)) => format!("CA, path length {length}"),
                (true, None) => "CA".to_owned(),
                (false, _) => "not a CA".to_owned(),
            },
        ),
        ParsedExtension::SubjectKeyIdentifier(identifier) => {
            ("subjectKeyIdentifier", hex::encode(identifier.0))
        }
        ParsedExtension::AuthorityKeyIdentifier(identifier) => (
            "authorityKeyIdentifier",
            identifier.key_identifier.as_ref().map_or_else(String::new, |id| hex::encode(id.0)),
        ),
        ParsedExtension::CRLDistributionPoints(points) => {
            let urls = points.iter().filter_map(|point| point.distribution_point.as_ref());
            ("cRLDistributionPoints", joined(urls.map(|url| printable(&format!("{url:?}")))))
        }
        ParsedExtension::CertificatePolicies(policies) => (
            "certificatePolicies",
            joined(policies.iter().map(|policy| policy.policy_id.to_id_string())),
        ),
        ParsedExtension::ExtendedKeyUsage(usage) => (
            "extKeyUsage",
            joined(usage.other.iter().map(|oid| oid.to_id_string()).chain(named_usages(usage))),
        ),
        ParsedExtension::SubjectAlternativeName(names) => (
            "subjectAltName",
            joined(names.general_names.iter().map(|name| printable(&name.to_string()))),
        ),
        _ => return unknown(extension),
    };
    ExtensionDetails { name: name.to_owned(), critical: extension.critical, value }
}

fn unknown(extension: &X509Extension<'_>) -> ExtensionDetails {
    ExtensionDetails {
        name: extension.oid.to_id_string(),
        critical: extension.critical,
        value: hex::encode(extension.value),
    }
}

fn named_usages(
    usage: &x509_parser::extensions::ExtendedKeyUsage<'_>,
) -> impl Iterator<Item = String> {
    let named = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    named.into_iter().filter(|(there, _)| *there).map(|(_, name)| name.to_owned())
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Text from a certificate, without what would move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Nanoseconds of a day.
const DAY: i128 = 24 * 60 * 60 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{certificates, moment};

    #[test]
    fn describes_a_certificate() {
        let details = CertificateDetails::of(&certificates().firma, moment());
        assert_eq!(details.nome, "RSSMRA80A01H501U-000");
        assert_eq!(details.inizio_validita, "2026-01-01T00:00:00Z");
        assert_eq!(details.fine_validita, "2029-01-01T00:00:00Z");
        assert_eq!(details.validita, Validita::Valido);
        assert_eq!(details.utilizzo, [Utilizzo::Firma]);
        assert_eq!(details.serial, "4A:91:0C");
        assert_eq!(details.key_bits, 4096);
        assert_eq!(details.signature_algorithm, "SHA256withRSA");
        assert!(!details.expires_soon);
        let names: Vec<&str> = details.extensions.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["basicConstraints", "keyUsage", "subjectKeyIdentifier"]);
        assert_eq!(details.extensions[0].value, "not a CA");
    }

    #[test]
    fn verdicts_follow_the_dates() {
        for (at, verdict, days_left, soon) in [
            ("2025-12-31T23:59:59Z", Validita::NonAncoraValido, 1096, false),
            ("2026-01-01T00:00:00Z", Validita::Valido, 1096, false),
            ("2028-11-02T00:00:00Z", Validita::Valido, 60, false),
            ("2028-11-02T00:00:01Z", Validita::Valido, 59, true),
            ("2029-01-01T00:00:00Z", Validita::Valido, 0, true),
            ("2029-01-01T00:00:00.000000001Z", Validita::Scaduto, -1, true),
            ("2029-01-01T00:00:01Z", Validita::Scaduto, -1, true),
        ] {
            let details = CertificateDetails::of(&certificates().firma, at.parse().unwrap());
            let found = (details.validita, details.days_left, details.expires_soon);
            assert_eq!(found, (verdict, days_left, soon), "{at}");
        }
    }

    proptest! {
        #[test]
        fn changed_certificates_never_panic(at in 0usize..1200, bit in 0u8..8) {
            let mut der = certificates().firma.as_der().to_vec();
            let at = at % der.len();
            der[at] ^= 1 << bit;
            if let Ok(certificate) = Certificate::from_der(&der) {
                CertificateDetails::of(&certificate, moment());
            }
        }
    }
}
