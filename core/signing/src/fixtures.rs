//! Keys, a CA, certificates, revocation lists and signed files for the tests of this crate.

use std::sync::OnceLock;

use aws_lc_rs::rsa::KeySize;
use ceralacca_ber::encode;
use ceralacca_ber::tag::{INTEGER, SEQUENCE};
use ceralacca_keystore::Certificate;
use ceralacca_keystore::key::{KeyPair, sha256_with_rsa};
use ceralacca_keystore::key_entry::KeyEntry;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_KP_TIME_STAMPING};
use der::asn1::{BitString, OctetString, UtcTime};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use jiff::Timestamp;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::algorithm::identifier;
use crate::cades::{Options, sign};
use crate::trust::Trust;

/// When the tests take place.
pub(crate) fn moment() -> Timestamp {
    "2026-03-14T09:12:44Z".parse().unwrap()
}

/// Keys of 2048 bits, made once: 0 the root, 1 the intermediate CA, 2 and 3 signers.
pub(crate) fn key(which: usize) -> &'static KeyPair {
    static KEYS: [OnceLock<KeyPair>; 4] = [const { OnceLock::new() }; 4];
    KEYS[which].get_or_init(|| KeyPair::generate_of(KeySize::Rsa2048).unwrap())
}

/// What a certificate says; names are common names.
pub(crate) struct Contents {
    pub(crate) subject: &'static str,
    pub(crate) issuer: &'static str,
    pub(crate) key: usize,
    pub(crate) serial: u8,
    pub(crate) usage: FlagSet<KeyUsages>,
    pub(crate) is_ca: bool,
    pub(crate) years: (u16, u16),
    /// Extended key usages, and whether they are critical.
    pub(crate) extended: Option<(Vec<ObjectIdentifier>, bool)>,
}

impl Contents {
    pub(crate) fn signer() -> Contents {
        Contents {
            subject: "Rossi Mario",
            issuer: "CA di prova",
            key: 2,
            serial: 7,
            usage: KeyUsages::NonRepudiation.into(),
            is_ca: false,
            years: (2025, 2028),
            extended: None,
        }
    }

    pub(crate) fn tsa() -> Contents {
        Contents {
            subject: "TSA di prova",
            serial: 8,
            usage: KeyUsages::DigitalSignature.into(),
            extended: Some((vec![ID_KP_TIME_STAMPING], true)),
            ..Contents::signer()
        }
    }

    pub(crate) fn ca(subject: &'static str, key: usize) -> Contents {
        Contents {
            subject,
            issuer: "Radice di prova",
            key,
            serial: 1,
            usage: KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            is_ca: true,
            years: (2020, 2040),
            extended: None,
        }
    }

    /// The certificate, signed by the key of that number.
    pub(crate) fn signed_by(self, issuer_key: usize) -> Certificate {
        let year = |year| {
            let date = DateTime::new(year, 1, 1, 0, 0, 0).unwrap();
            Time::UtcTime(UtcTime::from_date_time(date).unwrap())
        };
        let subject = name(self.subject);
        let constraints = BasicConstraints { ca: self.is_ca, path_len_constraint: None };
        let mut extensions: Vec<Extension> = vec![
            constraints.to_extension(&subject, &[]).unwrap(),
            KeyUsage(self.usage).to_extension(&subject, &[]).unwrap(),
            key(self.key).public().key_identifier().to_extension(&subject, &[]).unwrap(),
        ];
        if let Some((usages, critical)) = self.extended {
            extensions.push(Extension {
                extn_id: ID_CE_EXT_KEY_USAGE,
                critical,
                extn_value: OctetString::new(ExtendedKeyUsage(usages).to_der().unwrap()).unwrap(),
            });
        }
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&[self.serial]).unwrap(),
            signature: sha256_with_rsa(),
            issuer: name(self.issuer),
            validity: Validity { not_before: year(self.years.0), not_after: year(self.years.1) },
            subject,
            subject_public_key_info: key(self.key).public().info(),
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        };
        let signature = key(issuer_key).sign_sha256(&tbs_certificate.to_der().unwrap()).unwrap();
        let certificate = x509_cert::Certificate {
            tbs_certificate,
            signature_algorithm: sha256_with_rsa(),
            signature: BitString::from_bytes(&signature).unwrap(),
        };
        Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
    }
}

pub(crate) fn root() -> Certificate {
    Contents::ca("Radice di prova", 0).signed_by(0)
}

pub(crate) fn intermediate() -> Certificate {
    Contents { serial: 2, ..Contents::ca("CA di prova", 1) }.signed_by(0)
}

/// A signer with its key, and its chain up to the root.
pub(crate) fn entry(contents: Contents) -> KeyEntry {
    let pair = KeyPair::from_pkcs8(key(contents.key).pkcs8().clone()).unwrap();
    let chain = vec![contents.signed_by(1), intermediate(), root()];
    KeyEntry::new("prova.p12", "", pair, chain).unwrap()
}

/// A list of the CA of that name and key, of March 2026, with these serial numbers revoked.
pub(crate) fn crl(issuer: &str, issuer_key: usize, revoked: &[(u8, &str)]) -> Vec<u8> {
    let time = |text: &str| encode(0x17, text.as_bytes());
    let entry = |(serial, since): &(u8, &str)| {
        encode(SEQUENCE, &[encode(INTEGER, &[*serial]), time(since)].concat())
    };
    let algorithm = identifier(sha256_with_rsa().oid, true);
    let mut parts = vec![
        encode(INTEGER, &[1]),
        algorithm.clone(),
        name(issuer).to_der().unwrap(),
        time("260301000000Z"),
        time("260401000000Z"),
    ];
    if !revoked.is_empty() {
        let entries: Vec<Vec<u8>> = revoked.iter().map(entry).collect();
        parts.push(encode(SEQUENCE, &entries.concat()));
    }
    let tbs = encode(SEQUENCE, &parts.concat());
    let signature = key(issuer_key).sign_sha256(&tbs).unwrap();
    let signature = encode(0x03, &[vec![0], signature].concat());
    encode(SEQUENCE, &[tbs, algorithm, signature].concat())
}

/// The root, and a list of each CA on which nobody is.
pub(crate) fn trust() -> Trust {
    let mut trust = Trust::default();
    trust.add_anchor(root(), "radice.cer");
    trust.add_crl(&crl("CA di prova", 1, &[]), "ca.crl");
    trust.add_crl(&crl("Radice di prova", 0, &[]), "radice.crl");
    trust
}

/// An attached signature by `contents`, in DER.
pub(crate) fn signed(content: &[u8], contents: Contents) -> Vec<u8> {
    let mut p7m = Vec::new();
    let options = Options::attached(moment());
    let length = Some(content.len() as u64);
    sign(content, length, &mut p7m, &entry(contents), &options).unwrap();
    p7m
}

fn name(common_name: &str) -> x509_cert::name::Name {
    format!("CN={common_name},O=Prova,C=IT").parse().unwrap()
}
