//! RSA public keys as certificates carry them: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).

use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::asn1::UintRef;
use der::{Decode, Encode, Sequence};
use sha2::{Digest, Sha256};
use spki::{EncodePublicKey, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

/// Bits that the Agency accepts, in both directions.
pub const REQUIRED_BITS: usize = 4096;

/// An RSA public key: its SubjectPublicKeyInfo in DER and the length of its modulus.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    info: Vec<u8>,
    bits: usize,
}

impl PublicKey {
    /// Takes a SubjectPublicKeyInfo in DER; `None` when it is not an RSA key of 512 to 16384 bits.
    pub fn from_der(info: &[u8]) -> Option<PublicKey> {
        let parsed = SubjectPublicKeyInfoRef::from_der(info).ok()?;
        if parsed.algorithm.oid != RSA_ENCRYPTION {
            return None;
        }
        let key = RsaPublicKey::from_der(parsed.subject_public_key.as_bytes()?).ok()?;
        let modulus = key.modulus.as_bytes();
        let leading = modulus.first()?.leading_zeros() as usize;
        let bits = modulus.len() * 8 - leading;
        // With an exponent of one every number is its own signature.
        if key.public_exponent.as_bytes() == [1] {
            return None;
        }
        (512..=16384).contains(&bits).then(|| PublicKey { info: info.to_vec(), bits })
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.info
    }

    /// The SubjectPublicKeyInfo as certificates and requests embed it.
    pub fn info(&self) -> SubjectPublicKeyInfoOwned {
        SubjectPublicKeyInfoOwned::from_der(&self.info).expect("checked when this key was made")
    }

    /// Length of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: how people compare keys.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.info))
    }

    /// The subject key identifier: SHA-1 of the key bits (RFC 5280 §4.2.1.2, method 1).
    pub fn key_identifier(&self) -> SubjectKeyIdentifier {
        let info = SubjectPublicKeyInfoRef::from_der(&self.info);
        let info = info.expect("checked when this key was made");
        SubjectKeyIdentifier::try_from(info).expect("a SHA-1 digest fits an OCTET STRING")
    }

    /// Whether `signature` is this key's RSA PKCS#1 v1.5 signature with SHA-256 over `message`.
    ///
    /// Always false for keys outside 2048 to 8192 bits.
    pub fn verifies_sha256(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.info)
            .verify(message, signature)
            .is_ok()
    }

    /// Encrypts a short key for the owner of this key: RSA PKCS#1 v1.5 (RFC 8017 §7.2.1).
    ///
    /// `None` when the key is outside 2048 to 8192 bits or `content_key` is too long for it.
    pub fn encrypt_pkcs1(&self, content_key: &[u8]) -> Option<Vec<u8>> {
        let key = PublicEncryptingKey::from_der(&self.info).ok()?;
        let key = Pkcs1PublicEncryptingKey::new(key).ok()?;
        let mut sealed = vec![0; key.ciphertext_size()];
        let length = key.encrypt(content_key, &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({} bits, {})", self.bits, self.fingerprint())
    }
}

impl EncodePublicKey for PublicKey {
    fn to_public_key_der(&self) -> spki::Result<der::Document> {
        Ok(der::Document::try_from(self.info.as_slice())?)
    }
}

impl From<&PublicKey> for SubjectPublicKeyInfoOwned {
    fn from(key: &PublicKey) -> SubjectPublicKeyInfoOwned {
        key.info()
    }
}

impl TryFrom<&SubjectPublicKeyInfoOwned> for PublicKey {
    type Error = der::Error;

    fn try_from(info: &SubjectPublicKeyInfoOwned) -> der::Result<PublicKey> {
        let bytes = info.to_der()?;
        PublicKey::from_der(&bytes).ok_or_else(|| der::Tag::Sequence.value_error())
    }
}

/// ```text
/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
/// ```
/// RFC 8017 A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::keys;

    #[test]
    fn knows_its_length_and_survives_damage() {
        let key = keys().firma.public();
        assert_eq!(key.bits(), 4096);
        for cut in 0..key.as_der().len() {
            assert!(PublicKey::from_der(&key.as_der()[..cut]).is_none());
        }
        for at in 0..40 {
            let mut damaged = key.as_der().to_vec();
            damaged[at] ^= 0xff;
            let _ = PublicKey::from_der(&damaged);
        }
    }

    #[test]
    fn encrypts_for_its_owner() {
        let key = &keys().cifra;
        let sealed = key.public().encrypt_pkcs1(&[7; 32]).unwrap();
        assert_eq!(key.decrypt_key(&sealed, 32).as_slice(), &[7; 32]);
        assert!(key.public().encrypt_pkcs1(&[7; 600]).is_none());
    }
}
