//! The digests an index can be made with, computed as bytes stream by.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Digest;

/// A digest algorithm (FIPS 180-4).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Algorithm {
    /// 32 bytes.
    #[default]
    #[serde(rename = "sha256", alias = "SHA-256")]
    Sha256,
    /// 48 bytes.
    #[serde(rename = "sha384", alias = "SHA-384")]
    Sha384,
    /// 64 bytes.
    #[serde(rename = "sha512", alias = "SHA-512")]
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

    /// `SHA-256`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha384 => "SHA-384",
            Algorithm::Sha512 => "SHA-512",
        }
    }

    /// Reads `SHA-256`, `sha256` and the like.
    pub fn parse(text: &str) -> Option<Algorithm> {
        let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
        Algorithm::ALL.into_iter().find(|algorithm| plain(algorithm.name()) == plain(text))
    }

    /// Bytes of a digest.
    pub fn length(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest of 32, 48 or 64 bytes, without an allocation of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DigestBytes {
    bytes: [u8; 64],
    length: u8,
}

impl DigestBytes {
    /// Takes a digest; `None` when its length is no algorithm's.
    pub fn new(digest: &[u8]) -> Option<DigestBytes> {
        let mut bytes = [0; 64];
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.length() == digest.len())?;
        bytes[..digest.len()].copy_from_slice(digest);
        Some(DigestBytes { bytes, length: digest.len() as u8 })
    }

    /// Reads hexadecimal of either case.
    pub fn from_hex(text: &[u8]) -> Option<DigestBytes> {
        let mut bytes = [0; 64];
        let length = text.len() / 2;
        hex::decode_to_slice(text, bytes.get_mut(..length)?).ok()?;
        DigestBytes::new(&bytes[..length])
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Display for DigestBytes {
    /// Hexadecimal, lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 128];
        let text = &mut text[..2 * usize::from(self.length)];
        hex::encode_to_slice(self.as_bytes(), text).expect("two digits per byte");
        f.write_str(std::str::from_utf8(text).expect("hexadecimal is ASCII"))
    }
}

impl fmt::Debug for DigestBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A digest being computed.
#[derive(Clone)]
pub enum Hasher {
    /// SHA-256.
    Sha256(sha2::Sha256),
    /// SHA-384.
    Sha384(sha2::Sha384),
    /// SHA-512.
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(algorithm: Algorithm) -> Hasher {
        match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Digest::new()),
            Algorithm::Sha384 => Hasher::Sha384(Digest::new()),
            Algorithm::Sha512 => Hasher::Sha512(Digest::new()),
        }
    }

    /// Hashes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest.
    pub fn finish(self) -> DigestBytes {
        let digest = match self {
            Hasher::Sha256(hasher) => DigestBytes::new(&hasher.finalize()),
            Hasher::Sha384(hasher) => DigestBytes::new(&hasher.finalize()),
            Hasher::Sha512(hasher) => DigestBytes::new(&hasher.finalize()),
        };
        digest.expect("an algorithm gives a digest of its length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        // FIPS 180-4, the one-block message "abc".
        for (algorithm, start) in
            Algorithm::ALL.into_iter().zip(["ba7816bf", "cb00753f", "ddaf35a1"])
        {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"abc");
            let digest = hasher.finish();
            assert!(digest.to_string().starts_with(start));
            assert_eq!(DigestBytes::from_hex(digest.to_string().as_bytes()), Some(digest));
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
        }
        for wrong in ["", "zz", "abc", "00", &"0".repeat(200)] {
            assert_eq!(DigestBytes::from_hex(wrong.as_bytes()), None);
        }
    }
}
