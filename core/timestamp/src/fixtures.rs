//! A timestamp authority for the tests of this crate, whose keys are made once per test process.

use std::cell::{Cell, RefCell};
use std::sync::OnceLock;

use aws_lc_rs::rsa::KeySize;
use ceralacca_kernel::Error;
use ceralacca_keystore::key::sha256_with_rsa;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, KeyPair};
use ceralacca_signing::{Trust, cades};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_KP_TIME_STAMPING};
use der::asn1::{BitString, Int, OctetString, Uint, UtcTime};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use jiff::Timestamp;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::crl::{CertificateList, TbsCertList};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlNumber, ExtendedKeyUsage, KeyUsage, KeyUsages,
};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::{GenTime, TST_INFO, TimestampAuthority, TimestampRequest, TimestampResponse, TstInfo};

/// When the tests take place.
pub(crate) fn moment() -> Timestamp {
    "2026-11-21T23:05:54Z".parse().unwrap()
}

/// The authority's key and certificate, its root behind it.
pub(crate) fn entry() -> &'static KeyEntry {
    static ENTRY: OnceLock<KeyEntry> = OnceLock::new();
    ENTRY.get_or_init(|| {
        let key = new_key();
        let own = certificate("CN=TSA di prova", ROOT, &key, &root().key, false);
        let chain = vec![own, root().certificate().clone()];
        KeyEntry::new("fixtures", "tsa", key, chain).unwrap()
    })
}

fn root() -> &'static KeyEntry {
    static ROOT_ENTRY: OnceLock<KeyEntry> = OnceLock::new();
    ROOT_ENTRY.get_or_init(|| {
        let key = new_key();
        let own = certificate(ROOT, ROOT, &key, &key, true);
        KeyEntry::new("fixtures", "root", key, vec![own]).unwrap()
    })
}

const ROOT: &str = "CN=Root di prova";

/// Believes the authority's root, which has revoked nothing.
pub(crate) fn trust() -> Trust {
    let mut trust = Trust::default();
    trust.add_anchor(root().certificate().clone(), "fixtures");
    trust.add_crl(revocation_list(), "fixtures");
    trust
}

fn revocation_list() -> &'static [u8] {
    static LIST: OnceLock<Vec<u8>> = OnceLock::new();
    LIST.get_or_init(|| {
        let root = root();
        let issuer = root.certificate().parsed().tbs_certificate.subject.clone();
        let number = CrlNumber(Uint::new(&[1]).unwrap());
        let tbs_cert_list = TbsCertList {
            version: x509_cert::Version::V2,
            signature: sha256_with_rsa(),
            crl_extensions: Some(vec![
                key_of_issuer(&root.key).to_extension(&issuer, &[]).unwrap(),
                number.to_extension(&issuer, &[]).unwrap(),
            ]),
            issuer,
            this_update: year(2026),
            next_update: Some(year(2027)),
            revoked_certificates: None,
        };
        let signature = root.key.sign_sha256(&tbs_cert_list.to_der().unwrap()).unwrap();
        let list = CertificateList {
            tbs_cert_list,
            signature_algorithm: sha256_with_rsa(),
            signature: BitString::from_bytes(&signature).unwrap(),
        };
        list.to_der().unwrap()
    })
}

/// What is changed in an answer before it is signed.
pub(crate) type Change = fn(&mut TstInfo);

/// An authority that counts the marks it makes.
pub(crate) struct TestAuthority {
    pub(crate) made: Cell<u32>,
    pub(crate) change: Change,
    /// What becomes of an answer on its way; `None` loses it.
    pub(crate) way: fn(Vec<u8>) -> Option<Vec<u8>>,
    pub(crate) asked: RefCell<Vec<Vec<u8>>>,
}

impl TestAuthority {
    pub(crate) fn new() -> TestAuthority {
        TestAuthority { made: Cell::new(0), change: |_| {}, way: Some, asked: RefCell::default() }
    }

    pub(crate) fn changing(change: Change) -> TestAuthority {
        TestAuthority { change, ..TestAuthority::new() }
    }
}

impl TimestampAuthority for TestAuthority {
    fn ask(&self, request_der: &[u8]) -> Result<Vec<u8>, Error> {
        self.made.set(self.made.get() + 1);
        self.asked.borrow_mut().push(request_der.to_vec());
        let request = TimestampRequest::from_der(request_der).unwrap();
        let lost = || ceralacca_kernel::Report::unknown("tsa.interrupted", "lost").into();
        (self.way)(response(&request, self.change)).ok_or_else(lost)
    }

    fn describe(&self) -> String {
        "a test".to_owned()
    }
}

/// A TimeStampResp to `request`.
pub(crate) fn response(request: &TimestampRequest, change: Change) -> Vec<u8> {
    TimestampResponse::granted(&token(request, change)).unwrap()
}

fn token(request: &TimestampRequest, change: Change) -> Vec<u8> {
    let mut info = TstInfo {
        policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1"),
        message_imprint: request.message_imprint.clone(),
        serial_number: Int::new(&[0x4a, 0x91, 0x0c]).unwrap(),
        gen_time: GenTime::new(moment()),
        accuracy: None,
        ordering: false,
        nonce: request.nonce.clone(),
        tsa: None,
        extensions: None,
    };
    change(&mut info);
    let der = info.to_der().unwrap();
    let options =
        cades::Options { detached: false, signing_time: moment(), content_type: TST_INFO };
    let mut token = Vec::new();
    cades::sign(der.as_slice(), Some(der.len() as u64), &mut token, entry(), &options).unwrap();
    token
}

fn new_key() -> KeyPair {
    KeyPair::generate_of(KeySize::Rsa2048).unwrap()
}

fn certificate(
    subject: &str,
    issuer: &str,
    key: &KeyPair,
    signer: &KeyPair,
    is_ca: bool,
) -> Certificate {
    let subject: Name = subject.parse().unwrap();
    let usage: FlagSet<KeyUsages> = match is_ca {
        true => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
        false => KeyUsages::DigitalSignature.into(),
    };
    let constraints = BasicConstraints { ca: is_ca, path_len_constraint: None };
    let mut extensions: Vec<Extension> = vec![
        constraints.to_extension(&subject, &[]).unwrap(),
        KeyUsage(usage).to_extension(&subject, &[]).unwrap(),
        key.public().key_identifier().to_extension(&subject, &[]).unwrap(),
        key_of_issuer(signer).to_extension(&subject, &[]).unwrap(),
    ];
    if !is_ca {
        let usage = ExtendedKeyUsage(vec![ID_KP_TIME_STAMPING]).to_der().unwrap();
        extensions.push(Extension {
            extn_id: ID_CE_EXT_KEY_USAGE,
            critical: true,
            extn_value: OctetString::new(usage).unwrap(),
        });
    }
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[0x4a, u8::from(is_ca)]).unwrap(),
        signature: sha256_with_rsa(),
        issuer: issuer.parse().unwrap(),
        validity: Validity { not_before: year(2026), not_after: year(2036) },
        subject,
        subject_public_key_info: key.public().info(),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = signer.sign_sha256(&tbs.to_der().unwrap()).unwrap();
    let certificate = x509_cert::Certificate {
        tbs_certificate: tbs,
        signature_algorithm: sha256_with_rsa(),
        signature: BitString::from_bytes(&signature).unwrap(),
    };
    Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
}

fn key_of_issuer(key: &KeyPair) -> AuthorityKeyIdentifier {
    let key_identifier = Some(key.public().key_identifier().0);
    AuthorityKeyIdentifier { key_identifier, ..Default::default() }
}

fn year(year: u16) -> Time {
    let date = DateTime::new(year, 1, 1, 0, 0, 0).unwrap();
    Time::UtcTime(UtcTime::from_date_time(date).unwrap())
}
