//! The imprint in a mark: the digest of what was marked, and under which algorithm.

use ceralacca_signing::DigestAlgorithm;
use der::Sequence;
use der::asn1::{Null, OctetString};
use spki::AlgorithmIdentifierOwned;

use crate::TimestampError;

/// A digest with its algorithm (RFC 3161 §2.4.1); the digest is always as long as the algorithm's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageImprint {
    /// Under which algorithm.
    pub algorithm: DigestAlgorithm,
    /// The digest.
    pub digest: Vec<u8>,
}

impl MessageImprint {
    /// The imprint of bytes in memory.
    pub fn of(algorithm: DigestAlgorithm, bytes: &[u8]) -> MessageImprint {
        MessageImprint { algorithm, digest: algorithm.digest(bytes) }
    }

    /// The digest, lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex::encode(&self.digest)
    }

    /// `SHA-256 33ab…`
    pub fn in_words(&self) -> String {
        format!("{} {}", self.algorithm, self.hex())
    }

    pub(crate) fn to_wire(&self) -> WireImprint {
        WireImprint {
            hash_algorithm: AlgorithmIdentifierOwned {
                oid: self.algorithm.oid(),
                parameters: Some(Null.into()),
            },
            hashed_message: OctetString::new(self.digest.as_slice())
                .expect("a digest is at most 64 bytes"),
        }
    }
}

/// ```text
/// MessageImprint ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING }
/// ```
/// RFC 3161 §2.4.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct WireImprint {
    pub(crate) hash_algorithm: AlgorithmIdentifierOwned,
    pub(crate) hashed_message: OctetString,
}

impl TryFrom<&WireImprint> for MessageImprint {
    type Error = TimestampError;

    fn try_from(wire: &WireImprint) -> Result<MessageImprint, TimestampError> {
        let oid = wire.hash_algorithm.oid;
        let algorithm = DigestAlgorithm::from_oid(oid)
            .ok_or_else(|| TimestampError::OtherAlgorithm { algorithm: oid.to_string() })?;
        let digest = wire.hashed_message.as_bytes().to_vec();
        if digest.len() != algorithm.length() {
            return Err(TimestampError::ImprintLength {
                algorithm,
                expected: algorithm.length(),
                found: digest.len(),
            });
        }
        Ok(MessageImprint { algorithm, digest })
    }
}
