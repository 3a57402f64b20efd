//! TimeStampReq: the question to a timestamp authority (RFC 3161 §2.4.1).

use aws_lc_rs::rand;
use ceralacca_ber as ber;
use const_oid::ObjectIdentifier;
use der::asn1::Int;
use der::{Decode, Encode, Sequence};
use x509_cert::ext::Extensions;

use crate::TimestampError;
use crate::message_imprint::{MessageImprint, WireImprint};

/// A question to a timestamp authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampRequest {
    /// What is to be marked.
    pub message_imprint: MessageImprint,
    /// Under which policy; the authority's own choice without it.
    pub policy: Option<ObjectIdentifier>,
    /// A number that the answer must repeat.
    pub nonce: Option<Int>,
    /// Whether the mark shall hold the authority's certificate.
    pub cert_req: bool,
    /// Whether there are extensions, of which none are known here; never written.
    pub extensions: bool,
}

impl TimestampRequest {
    /// A question with a fresh random nonce of 16 bytes that asks for the certificate.
    pub fn new(
        message_imprint: MessageImprint,
        policy: Option<ObjectIdentifier>,
    ) -> TimestampRequest {
        let mut nonce = [0; 16];
        rand::fill(&mut nonce).expect("the system's random source works");
        nonce[0] = nonce[0] & 0x3f | 0x40; // positive, and always 16 bytes
        let nonce = Some(Int::new(&nonce).expect("16 bytes are a short number"));
        TimestampRequest { message_imprint, policy, nonce, cert_req: true, extensions: false }
    }

    /// Reads a question; DER, at most 64 KiB, version 1.
    ///
    /// # Errors
    /// `timestamp.malformed`, `timestamp.other_algorithm`, `timestamp.imprint_length`.
    pub fn from_der(der: &[u8]) -> Result<TimestampRequest, TimestampError> {
        let malformed =
            |reason: String| TimestampError::Malformed { what: "request".to_owned(), reason };
        if der.len() > MOST || !ber::is_der(der) {
            return Err(malformed("the bytes are not one short DER element".to_owned()));
        }
        let wire = Wire::from_der(der).map_err(|error| malformed(error.to_string()))?;
        if wire.version != 1 {
            return Err(malformed(format!("version {}", wire.version)));
        }
        Ok(TimestampRequest {
            message_imprint: MessageImprint::try_from(&wire.message_imprint)?,
            policy: wire.req_policy,
            nonce: wire.nonce,
            cert_req: wire.cert_req,
            extensions: wire.extensions.is_some(),
        })
    }

    /// As it is sent, `application/timestamp-query`.
    pub fn to_der(&self) -> Vec<u8> {
        let wire = Wire {
            version: 1,
            message_imprint: self.message_imprint.to_wire(),
            req_policy: self.policy,
            nonce: self.nonce.clone(),
            cert_req: self.cert_req,
            extensions: None,
        };
        wire.to_der().expect("short numbers and digests are DER")
    }
}

/// ```text
/// TimeStampReq ::= SEQUENCE { version INTEGER { v1(1) }, messageImprint MessageImprint,
///     reqPolicy TSAPolicyId OPTIONAL, nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE,
///     extensions [0] IMPLICIT Extensions OPTIONAL }
/// ```
/// RFC 3161 §2.4.1.
#[derive(Sequence)]
struct Wire {
    version: u8,
    message_imprint: WireImprint,
    #[asn1(optional = "true")]
    req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    cert_req: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

const MOST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use ceralacca_signing::DigestAlgorithm;

    use super::*;

    #[test]
    fn round_trip_and_no_nonce_twice() {
        let imprint = MessageImprint::of(DigestAlgorithm::Sha256, b"indice");
        let policy = Some(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1"));
        let one = TimestampRequest::new(imprint.clone(), policy);
        assert_eq!(TimestampRequest::from_der(&one.to_der()).unwrap(), one);
        assert_ne!(TimestampRequest::new(imprint, None).nonce, one.nonce);
        let der = one.to_der();
        for cut in 0..der.len() {
            assert!(TimestampRequest::from_der(&der[..cut]).is_err());
        }
    }
}
