//! X.509 certificates with an RSA key (RFC 5280), kept as the bytes that were signed.

use const_oid::db::rfc4519::COMMON_NAME;
use der::asn1::{PrintableStringRef, Utf8StringRef};
use der::{Decode, Tag, Tagged};
use jiff::Timestamp;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use crate::error::KeystoreError;
use crate::key::{Signed, Utilizzo};
use crate::public_key::PublicKey;
use ceralacca_ber as ber;

/// A certificate: its DER and what was read from it.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    public: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads one certificate in DER, at most 64 KiB, with an RSA key.
    pub fn from_der(der: &[u8]) -> Result<Certificate, KeystoreError> {
        let malformed = |reason: String| KeystoreError::CertificateMalformed { reason };
        if der.len() > MAX_LENGTH {
            return Err(malformed(format!("{} bytes, more than {MAX_LENGTH}", der.len())));
        }
        if !ber::is_der(der) {
            return Err(malformed("the bytes are not one DER element".to_owned()));
        }
        let parsed =
            x509_cert::Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let tbs = &parsed.tbs_certificate;
        let public = PublicKey::try_from(&tbs.subject_public_key_info)
            .map_err(|_| malformed("the public key is not an RSA key".to_owned()))?;
        let instant = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .ok_or_else(|| malformed("the validity is not a date".to_owned()))
        };
        let not_before = instant(tbs.validity.not_before)?;
        let not_after = instant(tbs.validity.not_after)?;
        Ok(Certificate { der: der.to_vec(), public, not_before, not_after, parsed })
    }

    /// The certificate in DER, as it was read.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The parsed structure.
    pub fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    /// The certified key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Inizio validità.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Fine validità.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether the validity includes `at`; both ends belong to it (RFC 5280 §4.1.2.5).
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    /// The subject's common name, empty when there is none: `<codice fiscale>-<sede>`.
    pub fn common_name(&self) -> String {
        common_name(&self.parsed.tbs_certificate.subject)
    }

    /// The subject, in the order it is written: `C=IT, O=Agenzia delle Entrate, CN=…`.
    pub fn subject(&self) -> String {
        readable(&self.parsed.tbs_certificate.subject)
    }

    /// The issuer, in the order it is written.
    pub fn issuer(&self) -> String {
        readable(&self.parsed.tbs_certificate.issuer)
    }

    /// The serial number in upper-case hexadecimal, bytes separated by colons: `4A:91:0C`.
    pub fn serial(&self) -> String {
        serial_text(&self.parsed.tbs_certificate.serial_number)
    }

    /// Whether the certificate names `ca` as its issuer.
    pub fn names_issuer(&self, ca: &Certificate) -> bool {
        self.parsed.tbs_certificate.issuer == ca.parsed.tbs_certificate.subject
    }

    /// Whether `ca`'s key made the signature of this certificate (RSA PKCS#1 v1.5, SHA-256).
    pub fn is_signed_by(&self, ca: &Certificate) -> bool {
        // RFC 5280 §4.1.1.2: what is said outside the signature must be what was signed.
        self.parsed.signature_algorithm == self.parsed.tbs_certificate.signature
            && Signed::verifies(&self.der, &ca.public)
    }

    /// Whether the certificate says that it is a CA's (RFC 5280 §4.2.1.9).
    pub fn is_ca(&self) -> bool {
        matches!(
            self.parsed.tbs_certificate.get::<BasicConstraints>(),
            Ok(Some((_, BasicConstraints { ca: true, .. })))
        )
    }

    /// Whether the key usage allows `utilizzo`; without the extension everything is allowed.
    pub fn allows(&self, utilizzo: Utilizzo) -> bool {
        self.key_usage_allows(match utilizzo {
            Utilizzo::Firma => KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
            Utilizzo::Cifra => KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment,
        })
    }

    /// Whether the key may sign certificates.
    pub fn allows_certificates(&self) -> bool {
        self.key_usage_allows(KeyUsages::KeyCertSign.into())
    }

    /// The uses that the key usage allows: `Firma`, `Cifra`, both or none.
    pub fn utilizzo(&self) -> Vec<Utilizzo> {
        [Utilizzo::Firma, Utilizzo::Cifra].into_iter().filter(|one| self.allows(*one)).collect()
    }

    /// The key usage by the names of RFC 5280 §4.2.1.3, comma separated; `none` without any.
    pub fn key_usage(&self) -> String {
        let Some(usage) = self.key_usage_extension() else { return "none".to_owned() };
        let names: Vec<&str> = KEY_USAGES
            .into_iter()
            .filter(|(flag, _)| usage.0.contains(*flag))
            .map(|(_, name)| name)
            .collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    fn key_usage_allows(&self, any_of: der::flagset::FlagSet<KeyUsages>) -> bool {
        self.key_usage_extension().is_none_or(|usage| !usage.0.is_disjoint(any_of))
    }

    fn key_usage_extension(&self) -> Option<KeyUsage> {
        let found = self.parsed.tbs_certificate.get::<KeyUsage>();
        // An extension that is there and cannot be read allows nothing.
        found.unwrap_or(Some((true, KeyUsage(Default::default())))).map(|(_, usage)| usage)
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({}, {})", self.subject(), self.serial())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.der == other.der
    }
}

/// The first common name in `name`, empty when there is none.
pub(crate) fn common_name(name: &Name) -> String {
    let attributes = name.0.iter().flat_map(|rdn| rdn.0.iter());
    let value = attributes.filter(|attribute| attribute.oid == COMMON_NAME).find_map(|attribute| {
        match attribute.value.tag() {
            Tag::PrintableString => {
                PrintableStringRef::try_from(&attribute.value).ok().map(|text| text.to_string())
            }
            Tag::Utf8String => {
                Utf8StringRef::try_from(&attribute.value).ok().map(|text| text.to_string())
            }
            _ => None,
        }
    });
    value.unwrap_or_default()
}

/// A name for people, in the order it is written.
pub(crate) fn readable(name: &Name) -> String {
    let parts: Vec<String> = name.0.iter().map(|rdn| rdn.to_string()).collect();
    parts.join(", ")
}

/// A serial number as [`Certificate::serial`] writes it.
pub(crate) fn serial_text(serial: &SerialNumber) -> String {
    let bytes = serial.as_bytes();
    let unsigned = if bytes.len() > 1 && bytes[0] == 0 { &bytes[1..] } else { bytes };
    let bytes: Vec<String> = unsigned.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

const MAX_LENGTH: usize = 64 * 1024;

const KEY_USAGES: [(KeyUsages, &str); 9] = [
    (KeyUsages::DigitalSignature, "digitalSignature"),
    (KeyUsages::NonRepudiation, "nonRepudiation"),
    (KeyUsages::KeyEncipherment, "keyEncipherment"),
    (KeyUsages::DataEncipherment, "dataEncipherment"),
    (KeyUsages::KeyAgreement, "keyAgreement"),
    (KeyUsages::KeyCertSign, "keyCertSign"),
    (KeyUsages::CRLSign, "cRLSign"),
    (KeyUsages::EncipherOnly, "encipherOnly"),
    (KeyUsages::DecipherOnly, "decipherOnly"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ca, certificates, moment};

    #[test]
    fn reads_what_the_ca_wrote() {
        let firma = &certificates().firma;
        assert_eq!(firma.common_name(), "RSSMRA80A01H501U-000");
        assert_eq!(firma.subject(), "C=IT, O=Agenzia delle Entrate, CN=RSSMRA80A01H501U-000");
        assert_eq!(firma.key_usage(), "digitalSignature, nonRepudiation");
        assert_eq!(firma.utilizzo(), [Utilizzo::Firma]);
        assert_eq!(certificates().cifra.utilizzo(), [Utilizzo::Cifra]);
        assert!(firma.names_issuer(&ca().certificate) && firma.is_signed_by(&ca().certificate));
        assert!(!firma.is_signed_by(&certificates().cifra));
        assert!(ca().certificate.is_ca() && !firma.is_ca());
        assert!(firma.is_valid_at(moment()));
    }

    #[test]
    fn damage_gives_errors() {
        let der = certificates().firma.as_der();
        for cut in 0..der.len() {
            assert!(Certificate::from_der(&der[..cut]).is_err());
        }
        for at in 0..der.len() {
            let mut damaged = der.to_vec();
            damaged[at] ^= 0x41;
            if let Ok(damaged) = Certificate::from_der(&damaged) {
                assert!(!damaged.is_signed_by(&ca().certificate), "byte {at}");
            }
        }
    }
}
