//! A small CA, and the environment that it has certified, on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aws_lc_rs::rsa::KeySize;
use ceralacca_environment::{OpenEnvironment, PasswordForm};
use ceralacca_kernel::Secret;
use ceralacca_keystore::key::sha256_with_rsa;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, KeyPair, certification_request, jks, pkcs12};
use der::asn1::{BitString, UtcTime};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use jiff::Timestamp;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::AsExtension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::world::PASSWORD;

/// A key with its certificate.
pub(crate) struct Holder {
    pub(crate) key: KeyPair,
    pub(crate) certificate: Certificate,
}

/// The CA, the keys that it certified, and the keys of others.
pub(crate) struct Authority {
    pub(crate) ca: Holder,
    pub(crate) firma: Holder,
    pub(crate) cifra: Holder,
    pub(crate) other_cifra: Holder,
    /// Certified for the CA's own key, to sign receipts.
    pub(crate) receipts: Certificate,
    /// A CA of the same name with another key.
    pub(crate) false_ca: Holder,
}

/// Made once, of 2048-bit keys.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let ca = self_signed(1);
        let user = |serial, usage, years| {
            let key = key();
            let certificate = certify(&ca, &key, ("RSSMRA85M01H501Q-000", serial), usage, years);
            Holder { key, certificate }
        };
        let signs = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
        let ciphers = KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment;
        Authority {
            firma: user(2, signs, (2026, 2029)),
            cifra: user(3, ciphers, (2026, 2029)),
            other_cifra: user(4, ciphers, (2026, 2029)),
            receipts: certify(&ca, &ca.key, ("Ricevute", 5), signs, (2026, 2029)),
            false_ca: self_signed(6),
            ca,
        }
    })
}

impl Authority {
    /// The environment, as if it had been opened.
    pub(crate) fn environment(&self, cifra: &Holder) -> OpenEnvironment {
        let entry = |holder: &Holder| {
            let chain = vec![holder.certificate.clone(), self.ca.certificate.clone()];
            KeyEntry::new("test", "test", copy(&holder.key), chain).unwrap()
        };
        let (firma, cifra) = (entry(&self.firma), entry(cifra));
        OpenEnvironment { firma, cifra, password_form: PasswordForm::AsTyped }
    }

    /// The environment on disk, with this cipher key.
    pub(crate) fn folder(&self, root: &Path, cifra: &Holder) -> PathBuf {
        let folder = root.join("Ambiente_sicurezza");
        self.write(&folder, cifra, PASSWORD);
        folder
    }

    /// An environment in this folder.
    pub(crate) fn write(&self, folder: &Path, cifra: &Holder, password: &str) {
        fs::create_dir_all(folder).unwrap();
        let environment = self.environment(cifra);
        let password = Secret::new(password);
        let both = [("UTEF.P12", &environment.firma), ("UTEC.P12", &environment.cifra)];
        for (name, entry) in both {
            let bytes = pkcs12::write(&entry.alias, &entry.key, &entry.chain, &password).unwrap();
            fs::write(folder.join(name), bytes).unwrap();
        }
        let entries = [
            ("firma", &environment.firma.key, environment.firma.chain.as_slice()),
            ("cifra", &environment.cifra.key, environment.cifra.chain.as_slice()),
        ];
        let bytes = jks::write(&entries, &password, Timestamp::UNIX_EPOCH).unwrap();
        fs::write(folder.join("UTENTE.KS"), bytes).unwrap();
    }
}

/// A copy of a pair, because pairs cannot be cloned.
pub(crate) fn copy(key: &KeyPair) -> KeyPair {
    KeyPair::from_pkcs8(key.pkcs8().clone()).unwrap()
}

fn key() -> KeyPair {
    KeyPair::generate_of(KeySize::Rsa2048).unwrap()
}

const CA_NAME: &str = "CA Agenzia delle Entrate";

fn self_signed(serial: u8) -> Holder {
    let key = key();
    let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign | KeyUsages::KeyEncipherment;
    let certificate = sign((&key, CA_NAME), &key, (CA_NAME, serial), usage, (2020, 2040));
    Holder { key, certificate }
}

fn certify(
    ca: &Holder,
    key: &KeyPair,
    named: (&str, u8),
    usage: FlagSet<KeyUsages>,
    years: (u16, u16),
) -> Certificate {
    sign((&ca.key, CA_NAME), key, named, usage, years)
}

fn sign(
    (ca_key, issuer): (&KeyPair, &str),
    key: &KeyPair,
    (common_name, serial): (&str, u8),
    usage: FlagSet<KeyUsages>,
    (from, to): (u16, u16),
) -> Certificate {
    let subject = certification_request::subject(common_name).unwrap();
    let year = |year| {
        let date = DateTime::new(year, 1, 1, 0, 0, 0).unwrap();
        Time::UtcTime(UtcTime::from_date_time(date).unwrap())
    };
    let ca = usage.contains(KeyUsages::KeyCertSign);
    let extensions = vec![
        BasicConstraints { ca, path_len_constraint: None }.to_extension(&subject, &[]).unwrap(),
        KeyUsage(usage).to_extension(&subject, &[]).unwrap(),
        key.public().key_identifier().to_extension(&subject, &[]).unwrap(),
    ];
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[serial]).unwrap(),
        signature: sha256_with_rsa(),
        issuer: certification_request::subject(issuer).unwrap(),
        validity: Validity { not_before: year(from), not_after: year(to) },
        subject,
        subject_public_key_info: key.public().info(),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = ca_key.sign_sha256(&tbs_certificate.to_der().unwrap()).unwrap();
    let certificate = x509_cert::Certificate {
        tbs_certificate,
        signature_algorithm: sha256_with_rsa(),
        signature: BitString::from_bytes(&signature).unwrap(),
    };
    Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
}
