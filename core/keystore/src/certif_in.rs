//! CERTIF.IN, the answer to the request: a certs-only CMS.
//!
//! That is a CMC Simple PKI Response (RFC 5272 §4.1).
//!
//! UNVERIFIED: the Agency's own bytes of CERTIF.IN are not public.

use std::time::Duration;

use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::EncapsulatedContentInfo;
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};
use der::asn1::SetOfVec;
use der::{Any, Decode, Encode, Sequence};
use jiff::Timestamp;

use crate::certificate::Certificate;
use crate::error::KeystoreError;
use crate::key::Utilizzo;
use crate::public_key::{PublicKey, REQUIRED_BITS};
use ceralacca_ber::tag::SEQUENCE;
use ceralacca_ber::{self as ber, BerError, Header};

/// The certificates in a CERTIF.IN, in no particular order.
#[derive(Debug)]
pub struct CertifIn {
    certificates: Vec<Certificate>,
}

/// What the certificates in a CERTIF.IN are held against.
pub struct Expected<'a> {
    /// The pending signature key.
    pub firma: &'a PublicKey,
    /// The pending cipher key.
    pub cifra: &'a PublicKey,
    /// CN that was asked for, when it is known.
    pub common_name: Option<&'a str>,
    /// The CA certificates of the request; trusted because the operator's agency gave them.
    pub authorities: &'a [Certificate],
    /// Now.
    pub at: Timestamp,
}

/// The certificates of the pending keys, each followed by its issuer.
#[derive(Debug)]
pub struct Certified {
    /// Chain of the signature key.
    pub firma: Vec<Certificate>,
    /// Chain of the cipher key.
    pub cifra: Vec<Certificate>,
}

/// Writes a CERTIF.IN with these certificates, each once, in DER.
pub fn build(certificates: &[Certificate]) -> Result<Vec<u8>, KeystoreError> {
    let encode = || -> der::Result<Vec<u8>> {
        let mut each: Vec<&[u8]> = certificates.iter().map(Certificate::as_der).collect();
        each.sort_unstable();
        each.dedup();
        let set = each.into_iter().map(Any::from_der).collect::<der::Result<Vec<Any>>>()?;
        let data = CertsOnly {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::new(),
            encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
            certificates: Some(SetOfVec::try_from(set)?),
            crls: None,
            signer_infos: SetOfVec::new(),
        };
        let content = Any::encode_from(&data)?;
        ContentInfo { content_type: ID_SIGNED_DATA, content }.to_der()
    };
    encode().map_err(|_| KeystoreError::Encoding { what: "CERTIF.IN".to_owned() })
}

impl CertifIn {
    /// Reads a CERTIF.IN of at most 64 KiB.
    pub fn from_der(bytes: &[u8]) -> Result<CertifIn, KeystoreError> {
        let malformed =
            |reason: &str| KeystoreError::CertifInMalformed { reason: reason.to_owned() };
        require_one_element(bytes)?;
        let info = ContentInfo::from_der(bytes).map_err(|_| malformed("not a ContentInfo"))?;
        if info.content_type != ID_SIGNED_DATA {
            return Err(malformed(&format!("content type {}", info.content_type)));
        }
        let data: CertsOnly =
            info.content.decode_as().map_err(|_| malformed("not a SignedData"))?;
        let mut certificates = Vec::new();
        for certificate in data.certificates.iter().flat_map(|set| set.iter()) {
            let read = certificate.to_der().ok().and_then(|der| Certificate::from_der(&der).ok());
            certificates.push(read.ok_or_else(|| malformed("a certificate that cannot be read"))?);
        }
        Ok(CertifIn { certificates })
    }

    /// The certificates that are not a CA's.
    pub fn user_certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.iter().filter(|certificate| !certificate.is_ca())
    }

    /// Every certificate in it.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Finds the certificates of the pending keys, by public key, and checks all there is to check.
    pub fn match_to(&self, expected: &Expected<'_>) -> Result<Certified, KeystoreError> {
        for certificate in self.user_certificates() {
            let bits = certificate.public().bits();
            if bits != REQUIRED_BITS {
                let utilizzo = certificate.utilizzo().first().copied();
                let utilizzo = utilizzo.unwrap_or(Utilizzo::Firma);
                return Err(KeystoreError::CertifInKeySize { utilizzo, bits });
            }
        }
        let of = |key: &PublicKey| self.user_certificates().find(|one| one.public() == key);
        let (firma, cifra) = match (of(expected.firma), of(expected.cifra)) {
            (Some(firma), Some(cifra)) => (firma, cifra),
            (None, None) => {
                return Err(KeystoreError::CertifInOtherRequest {
                    pending: vec![expected.firma.fingerprint(), expected.cifra.fingerprint()],
                    certified: self
                        .user_certificates()
                        .map(|certificate| certificate.public().fingerprint())
                        .collect(),
                });
            }
            (Some(_), None) => return Err(missing(Utilizzo::Cifra, expected.cifra)),
            (None, Some(_)) => return Err(missing(Utilizzo::Firma, expected.firma)),
        };
        require_uses(firma, cifra)?;
        Ok(Certified {
            firma: expected.chain(Utilizzo::Firma, firma)?,
            cifra: expected.chain(Utilizzo::Cifra, cifra)?,
        })
    }
}

impl Expected<'_> {
    /// Checks subject, issuer, its signature and both validities.
    fn chain(
        &self,
        utilizzo: Utilizzo,
        certificate: &Certificate,
    ) -> Result<Vec<Certificate>, KeystoreError> {
        let named = |ca: &&Certificate| certificate.names_issuer(ca);
        let issuers: Vec<&Certificate> = self.authorities.iter().filter(named).collect();
        if issuers.is_empty() {
            return Err(KeystoreError::CertifInOtherCa {
                utilizzo,
                expected: self.authorities.iter().map(Certificate::subject).collect(),
                found: certificate.issuer(),
            });
        }
        let signed = |ca: &&Certificate| certificate.is_signed_by(ca) && ca.allows_certificates();
        let Some(issuer) = issuers.into_iter().find(signed) else {
            let issuer = certificate.issuer();
            return Err(KeystoreError::CertifInForged { utilizzo, issuer });
        };
        if let Some(expected) = self.common_name {
            let found = certificate.common_name();
            if found != expected {
                let expected = expected.to_owned();
                return Err(KeystoreError::CertifInOtherSubject { expected, found });
            }
        }
        self.require_valid(Some(utilizzo), certificate)?;
        self.require_valid(None, issuer)?;
        Ok(vec![certificate.clone(), issuer.clone()])
    }

    fn require_valid(
        &self,
        utilizzo: Option<Utilizzo>,
        certificate: &Certificate,
    ) -> Result<(), KeystoreError> {
        let begun = self.at.saturating_add(CLOCK_DIFFERENCE).unwrap_or(self.at);
        if certificate.not_before() <= begun && self.at <= certificate.not_after() {
            return Ok(());
        }
        Err(KeystoreError::CertifInNotValid {
            utilizzo,
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            at: self.at,
        })
    }
}

/// Says in words what is wrong with bytes that are not exactly one DER element.
fn require_one_element(bytes: &[u8]) -> Result<(), KeystoreError> {
    let found_bytes = bytes.len() as u64;
    if bytes.len() > MAX_LENGTH {
        return Err(KeystoreError::CertifInTooLarge { limit: MAX_LENGTH as u64, found_bytes });
    }
    if let Some(label) = pem_label(bytes) {
        return Err(KeystoreError::CertifInPem { label });
    }
    if let Some(expected_bytes) = announced_length(bytes) {
        if found_bytes < expected_bytes {
            return Err(KeystoreError::CertifInTruncated { expected_bytes, found_bytes });
        }
        if found_bytes > expected_bytes {
            return Err(KeystoreError::CertifInTrailingBytes { expected_bytes, found_bytes });
        }
    }
    let reason = match ber::to_der(bytes) {
        Ok((der, _)) if der == bytes => return Ok(()),
        Ok(_) => "BER where DER is expected",
        Err(BerError::Truncated) => "an element longer than the file",
        Err(BerError::Malformed(_)) if bytes[0] != SEQUENCE => "not a ContentInfo",
        Err(BerError::Malformed(reason)) => reason,
    };
    Err(KeystoreError::CertifInMalformed { reason: reason.to_owned() })
}

/// The length of the whole element as the header of a DER SEQUENCE announces it.
fn announced_length(bytes: &[u8]) -> Option<u64> {
    let header = Header::read(bytes).ok().filter(|header| header.tag == SEQUENCE)?;
    Some(header.size as u64 + header.length?)
}

/// The label of a PEM text (RFC 7468), also behind blank space or a byte order mark.
fn pem_label(bytes: &[u8]) -> Option<String> {
    let start = bytes.iter().take(64).position(|byte| *byte == b'-')?;
    let text = bytes[start..].strip_prefix(b"-----BEGIN ")?;
    let label = text.iter().take(64).take_while(|byte| byte.is_ascii_graphic() || **byte == b' ');
    let label: String = label.map(|byte| char::from(*byte)).collect();
    Some(label.trim_end_matches('-').to_owned())
}

fn require_uses(firma: &Certificate, cifra: &Certificate) -> Result<(), KeystoreError> {
    match (firma.allows(Utilizzo::Firma), cifra.allows(Utilizzo::Cifra)) {
        (true, true) => Ok(()),
        (false, false) => Err(KeystoreError::CertifInSwapped {
            firma_key_usage: firma.key_usage(),
            cifra_key_usage: cifra.key_usage(),
        }),
        (false, true) => Err(KeystoreError::CertifInKeyUsage {
            utilizzo: Utilizzo::Firma,
            key_usage: firma.key_usage(),
        }),
        (true, false) => Err(KeystoreError::CertifInKeyUsage {
            utilizzo: Utilizzo::Cifra,
            key_usage: cifra.key_usage(),
        }),
    }
}

fn missing(utilizzo: Utilizzo, pending: &PublicKey) -> KeystoreError {
    KeystoreError::CertifInMissing { utilizzo, pending: pending.fingerprint() }
}

/// ```text
/// SignedData ::= SEQUENCE {
///     version           CMSVersion,
///     digestAlgorithms  DigestAlgorithmIdentifiers,
///     encapContentInfo  EncapsulatedContentInfo,
///     certificates  [0] IMPLICIT CertificateSet OPTIONAL,
///     crls          [1] IMPLICIT RevocationInfoChoices OPTIONAL,
///     signerInfos       SignerInfos }
/// ```
/// RFC 5652 §5.1. Unlike the type of the `cms` crate, it keeps the certificates as they were
/// signed: one that is parsed and written again may lose a byte, and with it its signature.
#[derive(Sequence)]
struct CertsOnly {
    version: CmsVersion,
    digest_algorithms: SetOfVec<Any>,
    encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    crls: Option<SetOfVec<Any>>,
    signer_infos: SetOfVec<Any>,
}

/// An honest answer takes about 5 KiB.
const MAX_LENGTH: usize = 64 * 1024;
/// How far this computer's clock may be behind the CA's.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(3600);

#[cfg(test)]
#[path = "certif_in_tests.rs"]
mod tests;
