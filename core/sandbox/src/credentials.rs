//! Credentials of pretend accounts: made up, shown once, kept only as hashes.

use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{pbkdf2, rand};
use ceralacca_kernel::Secret;
use sha2::{Digest, Sha256};

/// A salted PBKDF2-HMAC-SHA256 hash, 32 bytes each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SaltedHash {
    pub(crate) salt: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl SaltedHash {
    /// Hashes `secrets` together under a fresh salt; some tens of milliseconds.
    pub(crate) fn of(secrets: &[&Secret]) -> SaltedHash {
        let salt = random_bytes::<32>().to_vec();
        SaltedHash { hash: derive(&salt, secrets).to_vec(), salt }
    }

    /// Whether the same secrets were hashed. Takes the same time either way.
    pub(crate) fn matches(&self, secrets: &[&Secret]) -> bool {
        verify_slices_are_equal(&derive(&self.salt, secrets), &self.hash).is_ok()
    }

    /// Salt and hash, hexadecimal.
    pub(crate) fn to_text(&self) -> String {
        hex::encode([self.salt.as_slice(), &self.hash].concat())
    }

    /// Reads what [`SaltedHash::to_text`] gave.
    pub(crate) fn from_text(text: &str) -> Option<SaltedHash> {
        let bytes = hex::decode(text).ok().filter(|bytes| bytes.len() == 64)?;
        let (salt, hash) = bytes.split_at(32);
        Some(SaltedHash { salt: salt.to_vec(), hash: hash.to_vec() })
    }

    /// A hash that nothing matches, to spend the same time on an account that is not there.
    pub(crate) fn of_nobody() -> SaltedHash {
        SaltedHash { salt: vec![0; 32], hash: vec![0; 32] }
    }
}

/// What identityProofV2 is keyed with (RFC 5272 §6.2.1): SHA-256 of the pincode, unsalted.
///
/// The standard's check needs exactly this hash. Twenty characters that somebody chose badly can be
/// guessed from it: tolerable for a sandbox, whose pincodes are made up, and for nothing else.
pub(crate) fn pincode_sha256(pincode: &Secret) -> [u8; 32] {
    Sha256::digest(pincode.expose().as_bytes()).into()
}

/// `length` random characters of `alphabet`, whose length divides 256 or nearly so.
pub(crate) fn random_text(alphabet: &[u8], length: usize) -> String {
    let limit = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in random_bytes::<32>().into_iter().map(usize::from) {
            if byte < limit && text.len() < length {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
    }
    text
}

/// Random bytes from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random source works");
    bytes
}

/// Upper-case letters and digits without those that are easily confused.
pub(crate) const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
pub(crate) const DIGITS: &[u8] = b"0123456789";

const ITERATIONS: NonZeroU32 = NonZeroU32::new(200_000).expect("not zero");

fn derive(salt: &[u8], secrets: &[&Secret]) -> [u8; 32] {
    let mut joined = Secret::new("");
    for secret in secrets {
        // With its length in front, so that no two lists of secrets give the same text.
        let text = secret.expose();
        joined = Secret::new(format!("{}{}:{text}", joined.expose(), text.len()));
    }
    let mut hash = [0; 32];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, ITERATIONS, salt, joined.expose().as_bytes(), &mut hash);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secrets_match() {
        let [a, b, ab, empty] = ["uno", "due", "unodue", ""].map(Secret::new);
        let hash = SaltedHash::of(&[&a, &b]);
        assert!(hash.matches(&[&a, &b]));
        assert!(!hash.matches(&[&b, &a]));
        assert!(!hash.matches(&[&ab, &empty]));
        assert!(!SaltedHash::of_nobody().matches(&[&a, &b]));
        assert_ne!(SaltedHash::of(&[&a]).hash, SaltedHash::of(&[&a]).hash);
    }

    #[test]
    fn random_texts_keep_to_their_alphabet() {
        let text = random_text(DIGITS, 100);
        assert!(text.len() == 100 && text.bytes().all(|byte| byte.is_ascii_digit()));
        assert_ne!(text, random_text(DIGITS, 100));
    }
}
