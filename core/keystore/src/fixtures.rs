//! Keys, a CA and certificates for the tests of this crate and of `core/environment`, made once per test process.

use std::sync::OnceLock;

use aws_lc_rs::rsa::KeySize;
use ceralacca_keystore::certification_request::subject;
use ceralacca_keystore::key::sha256_with_rsa;
use ceralacca_keystore::{Certificate, KeyPair, KeyPairs, PublicKey};
use der::asn1::{BitString, UtcTime};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use jiff::Timestamp;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

/// Whose certificates these are.
pub const COMMON_NAME: &str = "RSSMRA80A01H501U-000";

/// A CA that issues certificates.
pub struct Ca {
    /// Its key.
    pub key: KeyPair,
    /// Its own certificate.
    pub certificate: Certificate,
}

/// The two certificates of an account.
pub struct Certificates {
    /// Of the signature key.
    pub firma: Certificate,
    /// Of the cipher key.
    pub cifra: Certificate,
}

/// The two pairs under test.
pub fn keys() -> &'static KeyPairs {
    static KEYS: OnceLock<KeyPairs> = OnceLock::new();
    KEYS.get_or_init(|| KeyPair::generate_both().unwrap())
}

/// Pairs of another request.
pub fn other_keys() -> &'static KeyPairs {
    static KEYS: OnceLock<KeyPairs> = OnceLock::new();
    KEYS.get_or_init(|| KeyPair::generate_both().unwrap())
}

/// A copy of a pair, because pairs cannot be cloned.
pub fn copy(key: &KeyPair) -> KeyPair {
    KeyPair::from_pkcs8(key.pkcs8().clone()).unwrap()
}

/// The CA that everything is issued by.
pub fn ca() -> &'static Ca {
    static CA: OnceLock<Ca> = OnceLock::new();
    CA.get_or_init(|| new_ca("CA Agenzia delle Entrate"))
}

/// A CA of the same name with another key.
pub fn false_ca() -> &'static Ca {
    static CA: OnceLock<Ca> = OnceLock::new();
    CA.get_or_init(|| new_ca("CA Agenzia delle Entrate"))
}

/// A CA of another name.
pub fn other_ca() -> &'static Ca {
    static CA: OnceLock<Ca> = OnceLock::new();
    CA.get_or_init(|| {
        let key = copy(&false_ca().key);
        let certificate = self_signed(&key, "CA-Altra");
        Ca { key, certificate }
    })
}

/// Certificates of [`keys`].
pub fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| Certificates {
        firma: issue(ca(), keys().firma.public(), FIRMA.into()),
        cifra: issue(ca(), keys().cifra.public(), CIFRA.into()),
    })
}

/// When the tests take place.
pub fn moment() -> Timestamp {
    "2026-03-14T09:12:44Z".parse().unwrap()
}

/// Key usage of signature certificates.
pub const FIRMA: [KeyUsages; 2] = [KeyUsages::DigitalSignature, KeyUsages::NonRepudiation];
/// Key usage of cipher certificates.
pub const CIFRA: [KeyUsages; 2] = [KeyUsages::KeyEncipherment, KeyUsages::DataEncipherment];

/// What a certificate says.
pub struct Contents<'a> {
    /// Who issues it.
    pub issuer: Name,
    /// Whose it is.
    pub subject: Name,
    /// What it certifies.
    pub key: &'a PublicKey,
    /// What the key may be used for.
    pub usage: FlagSet<KeyUsages>,
    /// Whether it may issue others.
    pub is_ca: bool,
    /// The years that it is valid from and to.
    pub years: (u16, u16),
}

/// A user certificate, valid from 2026 to 2029.
pub fn issue(ca: &Ca, key: &PublicKey, usage: Usage) -> Certificate {
    let contents = Contents {
        issuer: ca.certificate.parsed().tbs_certificate.subject.clone(),
        subject: subject(COMMON_NAME).unwrap(),
        key,
        usage: usage.0,
        is_ca: false,
        years: (2026, 2029),
    };
    sign(contents, &ca.key)
}

/// Key usage flags.
pub struct Usage(pub FlagSet<KeyUsages>);

impl From<[KeyUsages; 2]> for Usage {
    fn from([one, two]: [KeyUsages; 2]) -> Usage {
        Usage(one | two)
    }
}

/// Signs a certificate with serial number 4A:91:0C.
pub fn sign(contents: Contents<'_>, key: &KeyPair) -> Certificate {
    let subject = contents.subject;
    let year = |year| {
        let date = DateTime::new(year, 1, 1, 0, 0, 0).unwrap();
        Time::UtcTime(UtcTime::from_date_time(date).unwrap())
    };
    let constraints = BasicConstraints { ca: contents.is_ca, path_len_constraint: None };
    let extensions: Vec<Extension> = vec![
        constraints.to_extension(&subject, &[]).unwrap(),
        KeyUsage(contents.usage).to_extension(&subject, &[]).unwrap(),
        contents.key.key_identifier().to_extension(&subject, &[]).unwrap(),
    ];
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[0x4a, 0x91, 0x0c]).unwrap(),
        signature: sha256_with_rsa(),
        issuer: contents.issuer,
        validity: Validity {
            not_before: year(contents.years.0),
            not_after: year(contents.years.1),
        },
        subject,
        subject_public_key_info: contents.key.info(),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = key.sign_sha256(&tbs.to_der().unwrap()).unwrap();
    let certificate = x509_cert::Certificate {
        tbs_certificate: tbs,
        signature_algorithm: sha256_with_rsa(),
        signature: BitString::from_bytes(&signature).unwrap(),
    };
    Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
}

/// A 2048-bit pair, for what must be refused as too short.
pub fn short_key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate_of(KeySize::Rsa2048).unwrap())
}

fn new_ca(name: &str) -> Ca {
    let key = KeyPair::generate().unwrap();
    let certificate = self_signed(&key, name);
    Ca { key, certificate }
}

fn self_signed(key: &KeyPair, name: &str) -> Certificate {
    let name = subject(name).unwrap();
    let contents = Contents {
        issuer: name.clone(),
        subject: name,
        key: key.public(),
        usage: KeyUsages::KeyCertSign | KeyUsages::CRLSign | KeyUsages::KeyEncipherment,
        is_ca: true,
        years: (2020, 2040),
    };
    sign(contents, key)
}
