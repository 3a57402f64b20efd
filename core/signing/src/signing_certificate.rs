//! The attribute that names the signer's certificate: ESS signing-certificate (RFC 5035 §5.4).
//!
//! ```text
//! SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies … OPTIONAL }
//! ESSCertIDv2 ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier DEFAULT sha256,
//!     certHash OCTET STRING, issuerSerial IssuerSerial OPTIONAL }
//! IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber INTEGER }
//! ```
//! The older SigningCertificate has no algorithm: its hash is SHA-1.

use ceralacca_ber::tag::{INTEGER, OCTET_STRING, SEQUENCE};
use ceralacca_ber::{Element, Reason, encode};
use ceralacca_keystore::Certificate;
use const_oid::ObjectIdentifier;
use der::Encode;

use crate::algorithm::Algorithm;
use crate::digest::DigestAlgorithm;

/// What the first ESSCertID says: it must be of the signer's own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SigningCertificate {
    /// Algorithm of the hash.
    pub(crate) algorithm: ObjectIdentifier,
    hash: Vec<u8>,
    issuer_and_serial: Option<(Vec<u8>, Vec<u8>)>,
}

impl SigningCertificate {
    /// Reads the attribute's value; `v2` is signing-certificate-v2.
    pub(crate) fn from_ber(value: &[u8], v2: bool) -> Result<SigningCertificate, Reason> {
        let outer = Element::whole(value)?;
        let mut outer = outer.inside();
        let certificates = outer.expect(SEQUENCE, "a signing-certificate without certificates")?;
        let first = certificates.inside().expect(SEQUENCE, "no certificate is named")?;
        let mut inside = first.inside();
        let mut algorithm =
            if v2 { DigestAlgorithm::Sha256.oid() } else { DigestAlgorithm::Sha1.oid() };
        if v2 && let Some(named) = inside.optional(SEQUENCE)? {
            algorithm = Algorithm::from_element(&named)?.oid;
        }
        let hash = inside.expect(OCTET_STRING, "a certificate without hash")?.content.to_vec();
        let issuer_and_serial = match inside.next()? {
            None => None,
            Some(element) => {
                let mut parts = element.inside();
                let names = parts.expect(SEQUENCE, "an IssuerSerial without issuer")?;
                let serial = parts.expect(INTEGER, "an IssuerSerial without serial number")?;
                Some((names.content.to_vec(), serial.content.to_vec()))
            }
        };
        inside.end()?;
        Ok(SigningCertificate { algorithm, hash, issuer_and_serial })
    }

    /// Whether it names `certificate`; `None` when the hash algorithm is not read here.
    pub(crate) fn names(&self, certificate: &Certificate) -> Option<bool> {
        let algorithm = DigestAlgorithm::from_oid(self.algorithm)?;
        let tbs = &certificate.parsed().tbs_certificate;
        let issuer_fits = self.issuer_and_serial.as_ref().is_none_or(|(issuer, serial)| {
            let name = tbs.issuer.to_der().unwrap_or_default();
            *serial == tbs.serial_number.as_bytes() && *issuer == encode(DIRECTORY_NAME, &name)
        });
        Some(issuer_fits && algorithm.digest(certificate.as_der()) == self.hash)
    }
}

/// Writes SigningCertificateV2 for `certificate`, by SHA-256 with issuer and serial number.
pub(crate) fn encode_v2(certificate: &Certificate) -> der::Result<Vec<u8>> {
    let tbs = &certificate.parsed().tbs_certificate;
    let issuer = encode(SEQUENCE, &encode(DIRECTORY_NAME, &tbs.issuer.to_der()?));
    let issuer_serial = [issuer, encode(INTEGER, tbs.serial_number.as_bytes())].concat();
    let hash = DigestAlgorithm::Sha256.digest(certificate.as_der());
    let named = [encode(OCTET_STRING, &hash), encode(SEQUENCE, &issuer_serial)].concat();
    Ok(encode(SEQUENCE, &encode(SEQUENCE, &encode(SEQUENCE, &named))))
}

/// `[4]`, explicit because Name is a CHOICE.
const DIRECTORY_NAME: u8 = 0xa4;
