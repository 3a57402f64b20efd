//! Certificates on a token: the public half of its keys, read without a PIN.

use ceralacca_plugin_sdk::Timestamp;
use ceralacca_plugin_sdk::schemars::JsonSchema;
use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Encode, Sequence};
use sha2::{Digest, Sha256};
use x509_cert::ext::pkix::BasicConstraints;

use crate::error::TokenError;
use crate::token::Token;
use crate::uri::KeyUri;

/// More objects than any token holds for a person.
const MOST: usize = 256;

/// The longest certificate that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// The longest chain of issuers.
const LONGEST_CHAIN: usize = 8;

/// RSA encryption (RFC 8017 §A.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A certificate on a token, as scripts see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub struct CertificateDetails {
    /// Whose it is.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Its serial number, hexadecimal.
    pub serial_number: String,
    /// Fine validità, RFC 3339 in UTC.
    pub not_after: String,
    /// `CKA_ID`, hexadecimal.
    pub id: String,
    /// `CKA_LABEL`.
    pub label: String,
    /// The name under which its key signs.
    pub uri: String,
}

/// A certificate as it lies on the token.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) id: Vec<u8>,
    pub(crate) label: String,
    pub(crate) der: Vec<u8>,
    parsed: x509_cert::Certificate,
}

/// ```text
/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }   -- RFC 8017 §A.1.1
/// ```
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

impl Found {
    fn read(session: &Session, object: ObjectHandle) -> Result<Option<Found>, Error> {
        let wanted = [AttributeType::Id, AttributeType::Label, AttributeType::Value];
        let (mut id, mut label, mut der) = (Vec::new(), String::new(), Vec::new());
        for attribute in session.get_attributes(object, &wanted)? {
            match attribute {
                Attribute::Id(bytes) => id = bytes,
                Attribute::Label(bytes) => label = String::from_utf8_lossy(&bytes).into_owned(),
                Attribute::Value(bytes) => der = bytes,
                _ => {}
            }
        }
        // What is no certificate cannot be signed with, whatever the token calls it.
        let parsed =
            (der.len() <= LONGEST).then(|| x509_cert::Certificate::from_der(&der).ok()).flatten();
        Ok(parsed.map(|parsed| Found { id, label, der, parsed }))
    }

    /// SHA-256 of its DER, hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    /// The modulus of its key without leading zeros, or the algorithm that is not RSA.
    pub(crate) fn modulus(&self) -> Result<Vec<u8>, String> {
        let spki = &self.parsed.tbs_certificate.subject_public_key_info;
        if spki.algorithm.oid != RSA_ENCRYPTION {
            return Err(format!("a key of the algorithm {}", spki.algorithm.oid));
        }
        let key = RsaPublicKey::from_der(spki.subject_public_key.raw_bytes());
        key.map(|key| key.modulus.as_bytes().to_vec())
            .map_err(|_| "an RSA key that is malformed".to_owned())
    }

    /// What scripts see.
    pub(crate) fn details(&self, token: &Token) -> CertificateDetails {
        let tbs = &self.parsed.tbs_certificate;
        CertificateDetails {
            subject: readable(&tbs.subject),
            issuer: readable(&tbs.issuer),
            serial_number: hex::encode_upper(tbs.serial_number.as_bytes()),
            not_after: i64::try_from(tbs.validity.not_after.to_unix_duration().as_secs())
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .map(|at| at.to_string())
                .unwrap_or_default(),
            id: hex::encode(&self.id),
            label: self.label.clone(),
            uri: self.uri(token).to_string(),
        }
    }

    /// The name of this certificate alone, as far as the token names it.
    pub(crate) fn uri(&self, token: &Token) -> KeyUri {
        let object = self.id.is_empty().then(|| self.label.clone());
        let id = (!self.id.is_empty()).then(|| self.id.clone());
        KeyUri { id, object, ..token.uri() }
    }

    fn line(&self, token: &Token) -> String {
        let CertificateDetails { subject, serial_number, id, label, .. } = self.details(token);
        format!("{subject}, serial number {serial_number}, id {id}, label {label:?}")
    }

    fn answers_to(&self, uri: &KeyUri) -> bool {
        uri.id.as_ref().is_none_or(|id| *id == self.id)
            && uri.object.as_ref().is_none_or(|object| *object == self.label)
    }

    fn is_ca(&self) -> bool {
        let constraints = self.parsed.tbs_certificate.get::<BasicConstraints>();
        matches!(constraints, Ok(Some((_, BasicConstraints { ca: true, .. }))))
    }

    fn is_issued_by(&self, other: &Found) -> bool {
        let issuer = self.parsed.tbs_certificate.issuer.to_der();
        issuer.is_ok() && issuer == other.parsed.tbs_certificate.subject.to_der()
    }
}

/// The certificates of a token, in a fixed order.
pub(crate) fn read(session: &Session) -> Result<Vec<Found>, Error> {
    let template = [
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
    ];
    let objects: Vec<ObjectHandle> =
        session.iter_objects(&template)?.take(MOST).collect::<Result<_, Error>>()?;
    let mut found = Vec::new();
    for object in objects {
        found.extend(Found::read(session, object)?);
    }
    found.sort_by(|a, b| (&a.id, &a.label, &a.der).cmp(&(&b.id, &b.label, &b.der)));
    found.dedup_by(|a, b| a.der == b.der && a.id == b.id);
    Ok(found)
}

/// The one certificate that `uri` means. Those of authorities are meant only when they are named.
pub(crate) fn choose(all: &[Found], uri: &KeyUri, token: &Token) -> Result<Found, TokenError> {
    let mut fitting: Vec<&Found> = all.iter().filter(|one| one.answers_to(uri)).collect();
    if fitting.len() > 1 && fitting.iter().any(|one| !one.is_ca()) {
        fitting.retain(|one| !one.is_ca());
    }
    let wanted = uri.certificate_text();
    match fitting[..] {
        [one] => Ok(one.clone()),
        [] => {
            let there = all.iter().map(|one| one.line(token)).collect();
            Err(TokenError::NoCertificate { token: token.name(), wanted, there })
        }
        _ => {
            let there = fitting.iter().map(|one| one.line(token)).collect();
            Err(TokenError::SeveralCertificates { token: token.name(), wanted, there })
        }
    }
}

/// The issuers of a certificate that are on the token too, nearest first.
pub(crate) fn chain(of: &Found, all: &[Found]) -> Vec<Vec<u8>> {
    let mut chain: Vec<&Found> = vec![of];
    while chain.len() <= LONGEST_CHAIN {
        let last = chain[chain.len() - 1];
        let next = all.iter().find(|one| {
            last.is_issued_by(one) && one.is_ca() && chain.iter().all(|known| known.der != one.der)
        });
        match next {
            Some(issuer) => chain.push(issuer),
            None => break,
        }
    }
    chain.into_iter().skip(1).map(|one| one.der.clone()).collect()
}

fn readable(name: &x509_cert::name::Name) -> String {
    let parts: Vec<String> = name.0.iter().map(ToString::to_string).collect();
    parts.join(", ")
}
