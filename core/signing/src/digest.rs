//! Message digests: the algorithms that signatures and marks name, computed as bytes stream by.

use std::fmt;
use std::io::{self, Read, Write};

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Digest;

/// A digest algorithm (FIPS 180-4).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum DigestAlgorithm {
    /// 20 bytes. Read in old files, never written, and never enough for a valid verdict.
    #[serde(rename = "SHA-1")]
    Sha1,
    /// 32 bytes.
    #[serde(rename = "SHA-256")]
    Sha256,
    /// 48 bytes.
    #[serde(rename = "SHA-384")]
    Sha384,
    /// 64 bytes.
    #[serde(rename = "SHA-512")]
    Sha512,
}

impl DigestAlgorithm {
    /// All of them.
    pub const ALL: [DigestAlgorithm; 4] = [
        DigestAlgorithm::Sha1,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ];

    /// The algorithm of an object identifier; `None` for one that is not read here.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<DigestAlgorithm> {
        DigestAlgorithm::ALL.into_iter().find(|algorithm| algorithm.oid() == oid)
    }

    /// Reads `SHA-256`, `sha256` and the like.
    pub fn parse(text: &str) -> Option<DigestAlgorithm> {
        let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
        DigestAlgorithm::ALL.into_iter().find(|algorithm| plain(algorithm.name()) == plain(text))
    }

    /// Its object identifier (RFC 5912).
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            DigestAlgorithm::Sha1 => ID_SHA_1,
            DigestAlgorithm::Sha256 => ID_SHA_256,
            DigestAlgorithm::Sha384 => ID_SHA_384,
            DigestAlgorithm::Sha512 => ID_SHA_512,
        }
    }

    /// `SHA-256`.
    pub fn name(self) -> &'static str {
        match self {
            DigestAlgorithm::Sha1 => "SHA-1",
            DigestAlgorithm::Sha256 => "SHA-256",
            DigestAlgorithm::Sha384 => "SHA-384",
            DigestAlgorithm::Sha512 => "SHA-512",
        }
    }

    /// Bytes of a digest.
    pub fn length(self) -> usize {
        match self {
            DigestAlgorithm::Sha1 => 20,
            DigestAlgorithm::Sha256 => 32,
            DigestAlgorithm::Sha384 => 48,
            DigestAlgorithm::Sha512 => 64,
        }
    }

    /// Whether the Agency and today's rules accept it: all but SHA-1.
    pub fn is_accepted(self) -> bool {
        self != DigestAlgorithm::Sha1
    }

    /// The digest of bytes in memory.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest of everything that `source` gives, in 256 KiB pieces.
    pub fn digest_reader(self, mut source: impl Read) -> io::Result<Vec<u8>> {
        let mut hasher = Hasher::new(self);
        let mut buffer = vec![0; 256 << 10];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(length) => hasher.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest being computed.
#[derive(Clone)]
pub enum Hasher {
    /// SHA-1.
    Sha1(sha1::Sha1),
    /// SHA-256.
    Sha256(sha2::Sha256),
    /// SHA-384.
    Sha384(sha2::Sha384),
    /// SHA-512.
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(algorithm: DigestAlgorithm) -> Hasher {
        match algorithm {
            DigestAlgorithm::Sha1 => Hasher::Sha1(Digest::new()),
            DigestAlgorithm::Sha256 => Hasher::Sha256(Digest::new()),
            DigestAlgorithm::Sha384 => Hasher::Sha384(Digest::new()),
            DigestAlgorithm::Sha512 => Hasher::Sha512(Digest::new()),
        }
    }

    /// Hashes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Sha1(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha384(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        // FIPS 180-4, the one-block message "abc".
        let start = |algorithm: DigestAlgorithm| hex::encode(&algorithm.digest(b"abc")[..4]);
        let found: Vec<_> = DigestAlgorithm::ALL.into_iter().map(start).collect();
        assert_eq!(found, ["a9993e36", "ba7816bf", "cb00753f", "ddaf35a1"]);
        for algorithm in DigestAlgorithm::ALL {
            assert_eq!(algorithm.digest(b"").len(), algorithm.length());
            assert_eq!(DigestAlgorithm::from_oid(algorithm.oid()), Some(algorithm));
            assert_eq!(DigestAlgorithm::parse(algorithm.name()), Some(algorithm));
            assert_eq!(algorithm.digest_reader(&b"abc"[..]).unwrap(), algorithm.digest(b"abc"));
        }
        assert_eq!(DigestAlgorithm::parse("sha256"), Some(DigestAlgorithm::Sha256));
        assert_eq!(DigestAlgorithm::parse("md5"), None);
    }
}
