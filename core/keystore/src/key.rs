//! RSA key pairs: generated, used and exported through aws-lc-rs only.
//!
//! The `rsa` crate lends its types. Its private operations are never called: their timing leaks
//! (RUSTSEC-2023-0071, no fixed version).

use std::thread;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::KeyPair as _;
use aws_lc_rs::{rand, signature};
use const_oid::db::rfc5912::SHA_256_WITH_RSA_ENCRYPTION;
use der::asn1::BitString;
use der::{Any, Decode, Encode};
use rsa::pkcs1v15;
use rsa::signature::{Keypair, Signer};
use serde::{Deserialize, Serialize};
use spki::{AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::error::KeystoreError;
use crate::key_kind;
use crate::public_key::PublicKey;

/// What a key pair is for: the column *Utilizzo* of the Agency's certificate table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Utilizzo {
    /// Signs what is sent.
    Firma,
    /// Opens what is received.
    Cifra,
}

impl Utilizzo {
    /// `Firma` or `Cifra`, as the Agency's screens write it.
    pub fn label(self) -> &'static str {
        match self {
            Utilizzo::Firma => "Firma",
            Utilizzo::Cifra => "Cifra",
        }
    }
}

/// The two key pairs of a security environment.
#[derive(Debug)]
pub struct KeyPairs {
    /// The signature key pair, later in UTEF.P12.
    pub firma: KeyPair,
    /// The cipher key pair, later in UTEC.P12.
    pub cifra: KeyPair,
}

impl KeyPairs {
    /// The key pair with this use.
    pub fn of(&self, utilizzo: Utilizzo) -> &KeyPair {
        match utilizzo {
            Utilizzo::Firma => &self.firma,
            Utilizzo::Cifra => &self.cifra,
        }
    }
}

/// An RSA key pair; its private half is wiped when dropped.
pub struct KeyPair {
    pkcs8: Zeroizing<Vec<u8>>,
    signing: signature::RsaKeyPair,
    public: PublicKey,
}

impl KeyPair {
    /// Generates a 4096-bit pair; about a second of one core.
    pub fn generate() -> Result<KeyPair, KeystoreError> {
        KeyPair::generate_of(KeySize::Rsa4096)
    }

    /// Generates a pair of another size.
    pub fn generate_of(size: KeySize) -> Result<KeyPair, KeystoreError> {
        #[cfg(debug_assertions)]
        if let Some(signing) = crate::made_before::next(size) {
            return KeyPair::generated(signing);
        }
        let failed = |_| KeystoreError::KeyGeneration;
        KeyPair::generated(signature::RsaKeyPair::generate(size).map_err(failed)?)
    }

    fn generated(signing: signature::RsaKeyPair) -> Result<KeyPair, KeystoreError> {
        let failed = |_| KeystoreError::KeyGeneration;
        let der = AsDer::<Pkcs8V1Der<'static>>::as_der(&signing).map_err(failed)?;
        KeyPair::new(Zeroizing::new(der.as_ref().to_vec()), signing)
    }

    /// Generates both pairs of an environment side by side on two threads.
    pub fn generate_both() -> Result<KeyPairs, KeystoreError> {
        thread::scope(|scope| {
            let cifra = scope.spawn(KeyPair::generate);
            let firma = KeyPair::generate()?;
            let cifra = cifra.join().map_err(|_| KeystoreError::KeyGeneration)??;
            Ok(KeyPairs { firma, cifra })
        })
    }

    /// Reads an unencrypted PKCS#8 PrivateKeyInfo (RFC 5208) of an RSA key of 2048 to 8192 bits.
    pub fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<KeyPair, KeystoreError> {
        let rejected = |rejected: aws_lc_rs::error::KeyRejected| KeystoreError::KeyRejected {
            container: None,
            reason: key_kind::other_than_rsa(&pkcs8)
                .unwrap_or_else(|| in_words(&rejected.to_string()).to_owned()),
        };
        let signing = signature::RsaKeyPair::from_pkcs8(&pkcs8).map_err(rejected)?;
        KeyPair::new(pkcs8, signing)
    }

    /// The private key as unencrypted PKCS#8 DER, for writing into a container.
    pub fn pkcs8(&self) -> &Zeroizing<Vec<u8>> {
        &self.pkcs8
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The public half as SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> SubjectPublicKeyInfoOwned {
        self.public.info()
    }

    /// Length of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.public.bits()
    }

    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        self.public.fingerprint()
    }

    /// Signs `message`: RSA PKCS#1 v1.5 with SHA-256, as many bytes as the modulus has.
    pub fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, KeystoreError> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        self.signing
            .sign(&signature::RSA_PKCS1_SHA256, &rand::SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeystoreError::Signing)?;
        Ok(signature)
    }

    /// Decrypts a content-encryption key of `length` bytes: RSA PKCS#1 v1.5 (RFC 8017 §7.2.2).
    ///
    /// It never fails: what was not encrypted for this key, or has another length, gives random
    /// bytes, so that a sender cannot learn from the answer whether the padding was right
    /// (RFC 3218 §2.3.2). The content's own check fails instead.
    pub fn decrypt_key(&self, sealed: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
        let mut substitute = Zeroizing::new(vec![0; length]);
        rand::fill(&mut substitute).expect("the system's random source works");
        match self.decrypt_pkcs1(sealed) {
            Some(key) if key.len() == length => key,
            _ => substitute,
        }
    }

    fn decrypt_pkcs1(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = PrivateDecryptingKey::from_pkcs8(&self.pkcs8).ok()?;
        let key = Pkcs1PrivateDecryptingKey::new(key).ok()?;
        let mut opened = Zeroizing::new(vec![0; key.min_output_size()]);
        let length = key.decrypt(sealed, &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }

    fn new(
        pkcs8: Zeroizing<Vec<u8>>,
        signing: signature::RsaKeyPair,
    ) -> Result<KeyPair, KeystoreError> {
        let public =
            AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'static>>::as_der(signing.public_key())
                .ok()
                .and_then(|info| PublicKey::from_der(info.as_ref()));
        let unreadable = || KeystoreError::KeyRejected {
            container: None,
            reason: "no RSA public key".to_owned(),
        };
        Ok(KeyPair { pkcs8, signing, public: public.ok_or_else(unreadable)? })
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The AlgorithmIdentifier `sha256WithRSAEncryption`, with the NULL that RFC 4055 §5 asks for.
pub fn sha256_with_rsa() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: SHA_256_WITH_RSA_ENCRYPTION, parameters: Some(Any::null()) }
}

/// A signed structure as X.509, PKCS#10 and CRLs share it, kept as it arrived.
///
/// ```text
/// SIGNED ::= SEQUENCE { toBeSigned ANY, algorithm AlgorithmIdentifier, signature BIT STRING }
/// ```
/// RFC 5280 §4.1. Verifying the bytes as they came, not as they would be written again, leaves no
/// room between what was signed and what was checked.
#[derive(der::Sequence)]
pub(crate) struct Signed {
    to_be_signed: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Signed {
    /// Whether `der` is a signed structure with a SHA-256 RSA signature of `signer` over it.
    pub(crate) fn verifies(der: &[u8], signer: &PublicKey) -> bool {
        let Ok(signed) = Signed::from_der(der) else { return false };
        let Ok(message) = signed.to_be_signed.to_der() else { return false };
        signed.algorithm.oid == SHA_256_WITH_RSA_ENCRYPTION
            && signed
                .signature
                .as_bytes()
                .is_some_and(|signature| signer.verifies_sha256(&message, signature))
    }
}

// What the builders of `cms` and `x509-cert` ask of a signer.

impl Keypair for KeyPair {
    type VerifyingKey = PublicKey;

    fn verifying_key(&self) -> PublicKey {
        self.public.clone()
    }
}

impl Signer<pkcs1v15::Signature> for KeyPair {
    fn try_sign(&self, message: &[u8]) -> rsa::signature::Result<pkcs1v15::Signature> {
        let signature = self.sign_sha256(message).map_err(|_| rsa::signature::Error::new())?;
        pkcs1v15::Signature::try_from(signature.as_slice())
    }
}

impl DynSignatureAlgorithmIdentifier for KeyPair {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(sha256_with_rsa())
    }
}

/// What the cryptographic library says in one word.
fn in_words(rejected: &str) -> &'static str {
    match rejected {
        "TooSmall" => "a shorter RSA key",
        "TooLarge" => "a longer RSA key",
        "WrongAlgorithm" => "a key that is not RSA",
        "InvalidEncoding" => "bytes that are not PKCS#8",
        "InconsistentComponents" => "an RSA key whose numbers do not fit each other",
        _ => "a key that the cryptographic library refuses",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::keys;

    #[test]
    fn a_pair_survives_its_export() {
        let pair = &keys().firma;
        let again = KeyPair::from_pkcs8(pair.pkcs8().clone()).unwrap();
        assert_eq!(again.fingerprint(), pair.fingerprint());
        assert_eq!(again.sign_sha256(b"uno").unwrap(), pair.sign_sha256(b"uno").unwrap());
        assert_eq!(pair.bits(), 4096);
        assert_ne!(keys().firma.fingerprint(), keys().cifra.fingerprint());
    }

    #[test]
    fn signatures_verify_and_only_for_their_message() {
        let pair = &keys().firma;
        let signature = pair.sign_sha256(b"busta").unwrap();
        assert!(pair.public().verifies_sha256(b"busta", &signature));
        assert!(!pair.public().verifies_sha256(b"basta", &signature));
        assert!(!keys().cifra.public().verifies_sha256(b"busta", &signature));
    }

    #[test]
    fn a_wrong_envelope_gives_random_bytes_and_no_error() {
        let pair = &keys().cifra;
        let first = pair.decrypt_key(&[1; 512], 32);
        assert_eq!(first.len(), 32);
        assert_ne!(first, pair.decrypt_key(&[1; 512], 32));
        assert_eq!(pair.decrypt_key(b"", 32).len(), 32);
    }

    #[test]
    fn damaged_private_keys_are_refused() {
        let pkcs8 = keys().firma.pkcs8();
        for cut in [0, 1, 10, 100, pkcs8.len() - 1] {
            let cut = Zeroizing::new(pkcs8[..cut].to_vec());
            let refused = KeyPair::from_pkcs8(cut).unwrap_err();
            assert!(matches!(refused, KeystoreError::KeyRejected { .. }));
        }
    }
}
