//! One signature of a SignedData: SignerInfo (RFC 5652 §5.3) and its attributes.
//!
//! ```text
//! SignerInfo ::= SEQUENCE { version CMSVersion, sid SignerIdentifier,
//!     digestAlgorithm AlgorithmIdentifier, signedAttrs [0] IMPLICIT SET OF Attribute OPTIONAL,
//!     signatureAlgorithm AlgorithmIdentifier, signature OCTET STRING,
//!     unsignedAttrs [1] IMPLICIT SET OF Attribute OPTIONAL }
//! ```

use std::fmt;

use ceralacca_ber as ber;
use ceralacca_ber::tag::{CONTEXT_0, CONTEXT_1, IMPLICIT_0, INTEGER, OCTET_STRING, SEQUENCE, SET};
use ceralacca_ber::{Element, Elements, Reason, encode};
use ceralacca_keystore::Certificate;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE, ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_COUNTERSIGNATURE,
    ID_MESSAGE_DIGEST, ID_SIGNING_TIME,
};
use der::asn1::{GeneralizedTime, UtcTime};
use der::{Decode, Encode};
use jiff::Timestamp;
use x509_cert::name::Name;

use crate::algorithm::Algorithm;
use crate::digest::DigestAlgorithm;
use crate::signing_certificate::SigningCertificate;

/// One signature, or one countersignature.
#[derive(Clone, Debug)]
pub struct SignerInfo {
    /// 1 when the signer is named by issuer and serial number, 3 by key identifier.
    pub version: u8,
    /// Who signed.
    pub identifier: SignerIdentifier,
    /// The algorithm that digested the content and the attributes.
    pub digest_algorithm: Algorithm,
    /// The algorithm of the signature.
    pub signature_algorithm: Algorithm,
    /// What was signed beside the content's digest; empty when the content was signed alone.
    pub signed_attributes: Vec<Attribute>,
    /// What was added afterwards: marks, countersignatures.
    pub unsigned_attributes: Vec<Attribute>,
    signed: Option<Vec<u8>>,
    signature: Vec<u8>,
}

/// How a signature names its signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerIdentifier {
    /// Issuer (Name in DER) and serial number (content of the INTEGER).
    IssuerAndSerial {
        /// The issuer's Name.
        issuer: Vec<u8>,
        /// The serial number.
        serial: Vec<u8>,
    },
    /// The subject key identifier.
    KeyIdentifier(Vec<u8>),
}

/// An attribute: its type and its values, each an element as its bytes came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its type.
    pub oid: ObjectIdentifier,
    /// Its values in BER.
    pub values: Vec<Vec<u8>>,
}

impl fmt::Display for SignerIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignerIdentifier::IssuerAndSerial { issuer, serial } => {
                let name = ber::is_der(issuer).then(|| Name::from_der(issuer).ok()).flatten();
                let name = name.map_or_else(|| "unreadable".to_owned(), |name| name.to_string());
                write!(f, "issuer {name}, serial number {}", hex::encode_upper(serial))
            }
            SignerIdentifier::KeyIdentifier(key) => {
                write!(f, "key identifier {}", hex::encode_upper(key))
            }
        }
    }
}

impl SignerInfo {
    /// The signature value; what a signature timestamp covers.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The digest algorithm, when it is one that is read here.
    pub fn digest(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::from_oid(self.digest_algorithm.oid)
    }

    /// Tokens (ContentInfo in BER) that mark this signature: id-aa-signatureTimeStampToken.
    pub fn signature_timestamps(&self) -> Vec<&[u8]> {
        self.unsigned_values(SIGNATURE_TIME_STAMP)
    }

    /// Signatures over this signature (RFC 5652 §11.4); at most 16, an unreadable one with its
    /// reason.
    pub fn countersignatures(&self) -> Vec<Result<SignerInfo, &'static str>> {
        let values = self.unsigned_values(ID_COUNTERSIGNATURE);
        values.into_iter().take(MAX_COUNTERSIGNATURES).map(SignerInfo::from_ber).collect()
    }

    /// The time that the signer claims.
    pub fn signing_time(&self) -> Option<Timestamp> {
        let value = self.signed_value(ID_SIGNING_TIME).ok()??;
        let seconds = match UtcTime::from_der(value) {
            Ok(time) => time.to_unix_duration().as_secs(),
            Err(_) => GeneralizedTime::from_der(value).ok()?.to_unix_duration().as_secs(),
        };
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
    }

    /// The certificate that the signed attributes name, by either attribute (RFC 5035).
    pub(crate) fn signing_certificate(&self) -> Result<Option<SigningCertificate>, Reason> {
        match self.signed_value(ID_AA_SIGNING_CERTIFICATE_V_2)? {
            Some(value) => SigningCertificate::from_ber(value, true).map(Some),
            None => match self.signed_value(ID_AA_SIGNING_CERTIFICATE)? {
                Some(value) => SigningCertificate::from_ber(value, false).map(Some),
                None => Ok(None),
            },
        }
    }

    pub(crate) fn content_type(&self) -> Result<Option<ObjectIdentifier>, Reason> {
        let Some(value) = self.signed_value(ID_CONTENT_TYPE)? else { return Ok(None) };
        Ok(Some(Element::whole(value)?.oid()?))
    }

    pub(crate) fn message_digest(&self) -> Result<Option<Vec<u8>>, Reason> {
        let Some(value) = self.signed_value(ID_MESSAGE_DIGEST)? else { return Ok(None) };
        Ok(Some(Element::whole(value)?.octets()?))
    }

    /// The single value of a signed attribute that may be there once (RFC 5652 §11).
    pub(crate) fn signed_value(&self, oid: ObjectIdentifier) -> Result<Option<&[u8]>, Reason> {
        let mut found = self.signed_attributes.iter().filter(|attribute| attribute.oid == oid);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(Attribute { values, .. }), None) if values.len() == 1 => Ok(Some(&values[0])),
            _ => Err("more than one value where one is allowed"),
        }
    }

    /// What the signature is over, when it is over attributes: as the bytes came, then as DER.
    pub(crate) fn signed_messages(&self) -> Vec<Vec<u8>> {
        let Some(raw) = &self.signed else { return Vec::new() };
        let mut messages = Vec::new();
        if let Ok(element) = Element::whole(raw) {
            if element.raw.get(1) != Some(&0x80) {
                messages.push([&[SET], &raw[1..]].concat());
            }
            let attributes = Elements(element.content).all().unwrap_or_default();
            let mut der: Vec<Vec<u8>> = attributes
                .iter()
                .filter_map(|attribute| ber::to_der(attribute.raw).ok())
                .map(|(der, _)| der)
                .collect();
            der.sort();
            let sorted = encode(SET, &der.concat());
            if der.len() == attributes.len() && !messages.contains(&sorted) {
                messages.push(sorted);
            }
        }
        messages
    }

    /// Whether the signature is over attributes.
    pub(crate) fn has_signed_attributes(&self) -> bool {
        self.signed.is_some()
    }

    /// Whether `certificate` is the one that the signature names.
    pub(crate) fn is_by(&self, certificate: &Certificate) -> bool {
        let tbs = &certificate.parsed().tbs_certificate;
        match &self.identifier {
            SignerIdentifier::IssuerAndSerial { issuer, serial } => {
                tbs.serial_number.as_bytes() == serial
                    && tbs.issuer.to_der().is_ok_and(|name| name == *issuer)
            }
            SignerIdentifier::KeyIdentifier(identifier) => {
                use x509_cert::ext::pkix::SubjectKeyIdentifier;
                match tbs.get::<SubjectKeyIdentifier>() {
                    Ok(Some((_, named))) => named.0.as_bytes() == identifier,
                    _ => certificate.public().key_identifier().0.as_bytes() == identifier,
                }
            }
        }
    }

    pub(crate) fn from_ber(raw: &[u8]) -> Result<SignerInfo, Reason> {
        let element = Element::whole(raw)?;
        if element.tag != SEQUENCE {
            return Err("a SignerInfo that is no SEQUENCE");
        }
        let mut inside = element.inside();
        let version = inside.expect(INTEGER, "a SignerInfo without version")?.small_integer()?;
        let identifier = identifier(&inside.next()?.ok_or("a SignerInfo without signer")?)?;
        let digest = inside.next()?.ok_or("a SignerInfo without digest algorithm")?;
        let signed = inside.optional(CONTEXT_0)?;
        let algorithm = inside.next()?.ok_or("a SignerInfo without signature algorithm")?;
        let signature = inside.expect(OCTET_STRING, "a SignerInfo without signature")?;
        let unsigned = inside.optional(CONTEXT_1)?;
        inside.end()?;
        Ok(SignerInfo {
            version,
            identifier,
            digest_algorithm: Algorithm::from_element(&digest)?,
            signature_algorithm: Algorithm::from_element(&algorithm)?,
            signed_attributes: attributes(signed)?,
            unsigned_attributes: attributes(unsigned)?,
            signed: signed.map(|element| element.raw.to_vec()),
            signature: signature.content.to_vec(),
        })
    }

    fn unsigned_values(&self, oid: ObjectIdentifier) -> Vec<&[u8]> {
        let found = self.unsigned_attributes.iter().filter(|attribute| attribute.oid == oid);
        found.flat_map(|attribute| attribute.values.iter().map(Vec::as_slice)).collect()
    }
}

/// ```text
/// SignerIdentifier ::= CHOICE {
///     issuerAndSerialNumber SEQUENCE { issuer Name, serialNumber INTEGER },
///     subjectKeyIdentifier [0] IMPLICIT OCTET STRING }
/// ```
fn identifier(element: &Element<'_>) -> Result<SignerIdentifier, Reason> {
    match element.tag {
        SEQUENCE => {
            let mut inside = element.inside();
            let issuer = inside.expect(SEQUENCE, "a signer without issuer")?.raw.to_vec();
            let serial = inside.expect(INTEGER, "a signer without serial number")?.content.to_vec();
            inside.end()?;
            Ok(SignerIdentifier::IssuerAndSerial { issuer, serial })
        }
        IMPLICIT_0 => Ok(SignerIdentifier::KeyIdentifier(element.content.to_vec())),
        _ => Err("a signer that is not named"),
    }
}

fn attributes(set: Option<Element<'_>>) -> Result<Vec<Attribute>, Reason> {
    let Some(set) = set else { return Ok(Vec::new()) };
    let mut inside = set.inside();
    let mut attributes = Vec::new();
    while let Some(element) = inside.next()? {
        if attributes.len() == MAX_ATTRIBUTES {
            return Err("too many attributes");
        }
        attributes.push(attribute(&element)?);
    }
    Ok(attributes)
}

/// ```text
/// Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY }
/// ```
fn attribute(element: &Element<'_>) -> Result<Attribute, Reason> {
    if element.tag != SEQUENCE {
        return Err("an attribute that is no SEQUENCE");
    }
    let mut inside = element.inside();
    let oid = inside.next()?.ok_or("an attribute without type")?.oid()?;
    let set = inside.expect(SET, "an attribute without values")?;
    inside.end()?;
    let values = set.inside().all()?;
    if values.is_empty() || values.len() > MAX_ATTRIBUTES {
        return Err("an attribute with no values, or too many");
    }
    Ok(Attribute { oid, values: values.iter().map(|value| value.raw.to_vec()).collect() })
}

/// id-aa-signatureTimeStampToken (RFC 3161 appendix A).
pub(crate) const SIGNATURE_TIME_STAMP: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
const MAX_ATTRIBUTES: usize = 64;
const MAX_COUNTERSIGNATURES: usize = 16;
