//! Signers, a timestamp authority and files with their signatures and marks for the tests.
//!
//! Everything is built here: no public M7M sample exists, and nothing real is ever committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aws_lc_rs::rsa::KeySize;
use ceralacca_ber::encode;
use ceralacca_ber::tag::{BIT_STRING, INTEGER, OID, SEQUENCE};
use ceralacca_keystore::key::sha256_with_rsa;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, KeyPair};
use ceralacca_signing::{DigestAlgorithm, Trust, cades};
use ceralacca_timestamp::{GenTime, MessageImprint, TST_INFO, TimestampResponse, TstInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_KP_TIME_STAMPING};
use const_oid::db::rfc5912::SHA_256_WITH_RSA_ENCRYPTION;
use der::asn1::{BitString, Int, OctetString, UtcTime};
use der::{DateTime, Encode};
use jiff::Timestamp;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

/// When files are signed and marked.
pub(crate) fn moment() -> Timestamp {
    "2026-03-14T09:12:44Z".parse().unwrap()
}

/// When they are looked at: the signer's certificate has ended, the lists are still good.
pub(crate) fn later() -> Timestamp {
    "2026-03-20T09:00:00Z".parse().unwrap()
}

/// The root, a signer (until 2028), a timestamp authority, a signer whose certificate ended on
/// 15 March 2026.
fn keys() -> &'static [KeyPair; 4] {
    static KEYS: OnceLock<[KeyPair; 4]> = OnceLock::new();
    KEYS.get_or_init(|| [(); 4].map(|()| KeyPair::generate_of(KeySize::Rsa2048).unwrap()))
}

pub(crate) fn root() -> Certificate {
    static ROOT: OnceLock<Certificate> = OnceLock::new();
    ROOT.get_or_init(|| certificate("CN=Radice di prova,C=IT", 0)).clone()
}

pub(crate) fn signer() -> KeyEntry {
    entry("CN=Rossi Mario,C=IT", 1)
}

/// One whose certificate ended after [`moment`] and before [`later`].
pub(crate) fn ended_signer() -> KeyEntry {
    entry("CN=Bianchi Anna,C=IT", 3)
}

fn entry(subject: &'static str, key: usize) -> KeyEntry {
    static CERTIFICATES: [OnceLock<Certificate>; 4] = [const { OnceLock::new() }; 4];
    let own = CERTIFICATES[key].get_or_init(|| certificate(subject, key)).clone();
    let pair = KeyPair::from_pkcs8(keys()[key].pkcs8().clone()).unwrap();
    KeyEntry::new("prova.p12", "", pair, vec![own, root()]).unwrap()
}

/// Believes the root, with a list of it on which nobody is.
pub(crate) fn trust() -> Trust {
    let mut trust = Trust::default();
    trust.add_anchor(root(), "radice.cer");
    trust.add_crl(&crl(), "radice.crl");
    trust
}

/// `content` signed by `signer`, in DER.
pub(crate) fn signed(content: &[u8], signer: &KeyEntry, detached: bool) -> Vec<u8> {
    let options = cades::Options { detached, ..cades::Options::attached(moment()) };
    let mut out = Vec::new();
    cades::sign(content, Some(content.len() as u64), &mut out, signer, &options).unwrap();
    out
}

/// A token over `bytes`, in DER.
pub(crate) fn token(bytes: &[u8], algorithm: DigestAlgorithm) -> Vec<u8> {
    let info = TstInfo {
        policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1"),
        message_imprint: MessageImprint::of(algorithm, bytes),
        serial_number: Int::new(&[0x4a, 0x91]).unwrap(),
        gen_time: GenTime::new(moment()),
        accuracy: None,
        ordering: false,
        nonce: None,
        tsa: None,
        extensions: None,
    };
    let info = info.to_der().unwrap();
    let options =
        cades::Options { detached: false, signing_time: moment(), content_type: TST_INFO };
    let (tsa, mut token) = (entry("CN=TSA di prova,C=IT", 2), Vec::new());
    cades::sign(info.as_slice(), Some(info.len() as u64), &mut token, &tsa, &options).unwrap();
    token
}

/// A TSR over `bytes`, SHA-256.
pub(crate) fn tsr(bytes: &[u8]) -> Vec<u8> {
    TimestampResponse::granted(&token(bytes, DigestAlgorithm::Sha256)).unwrap()
}

/// A folder with files that are named and filled on the way.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn certificate(subject: &str, key: usize) -> Certificate {
    let subject: Name = subject.parse().unwrap();
    let day = |year, month, day| {
        let date = DateTime::new(year, month, day, 0, 0, 0).unwrap();
        Time::UtcTime(UtcTime::from_date_time(date).unwrap())
    };
    let usage = match key {
        0 => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
        2 => KeyUsages::DigitalSignature.into(),
        _ => KeyUsages::NonRepudiation.into(),
    };
    let constraints = BasicConstraints { ca: key == 0, path_len_constraint: None };
    let mut extensions: Vec<Extension> = vec![
        constraints.to_extension(&subject, &[]).unwrap(),
        KeyUsage(usage).to_extension(&subject, &[]).unwrap(),
        keys()[key].public().key_identifier().to_extension(&subject, &[]).unwrap(),
    ];
    if key == 2 {
        let usage = ExtendedKeyUsage(vec![ID_KP_TIME_STAMPING]).to_der().unwrap();
        extensions.push(Extension {
            extn_id: ID_CE_EXT_KEY_USAGE,
            critical: true,
            extn_value: OctetString::new(usage).unwrap(),
        });
    }
    let not_after = if key == 3 { day(2026, 3, 15) } else { day(2036, 1, 1) };
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[key as u8 + 1]).unwrap(),
        signature: sha256_with_rsa(),
        issuer: "CN=Radice di prova,C=IT".parse().unwrap(),
        validity: Validity { not_before: day(2025, 1, 1), not_after },
        subject,
        subject_public_key_info: keys()[key].public().info(),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = keys()[0].sign_sha256(&tbs_certificate.to_der().unwrap()).unwrap();
    let certificate = x509_cert::Certificate {
        tbs_certificate,
        signature_algorithm: sha256_with_rsa(),
        signature: BitString::from_bytes(&signature).unwrap(),
    };
    Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
}

/// The root's list of March 2026, with nobody on it.
fn crl() -> Vec<u8> {
    let time = |text: &str| encode(0x17, text.as_bytes());
    let oid = encode(OID, SHA_256_WITH_RSA_ENCRYPTION.as_bytes());
    let algorithm = encode(SEQUENCE, &[oid, vec![0x05, 0x00]].concat());
    let issuer: Name = "CN=Radice di prova,C=IT".parse().unwrap();
    let parts = [
        encode(INTEGER, &[1]),
        algorithm.clone(),
        issuer.to_der().unwrap(),
        time("260301000000Z"),
        time("260401000000Z"),
    ];
    let tbs = encode(SEQUENCE, &parts.concat());
    let signature = keys()[0].sign_sha256(&tbs).unwrap();
    let signature = encode(BIT_STRING, &[vec![0], signature].concat());
    encode(SEQUENCE, &[tbs, algorithm, signature].concat())
}
