//! A private key on a token: found by its certificate, used where it lies.
//!
//! Nothing here reads a private attribute: of the key only its handle and its public modulus leave
//! the token.

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use sha2::{Digest, Sha256};

/// More keys than any token holds under one id.
const MOST: usize = 64;

/// The DER of a `DigestInfo` for SHA-256, but for the digest (RFC 8017 §9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// How the token makes an RSA signature with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `CKM_SHA256_RSA_PKCS`: it hashes the message itself.
    WholeMessage,
    /// `CKM_RSA_PKCS`: it is given the `DigestInfo`.
    DigestInfo,
}

/// A key, for as long as its session lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SigningKey {
    handle: ObjectHandle,
    scheme: Scheme,
    /// The PIN is wanted for every signature (`CKA_ALWAYS_AUTHENTICATE`).
    pub(crate) always_authenticate: bool,
}

impl SigningKey {
    /// The RSA key with this modulus, among those with this `CKA_ID`.
    pub(crate) fn find(
        session: &Session,
        scheme: Scheme,
        id: &[u8],
        modulus: &[u8],
    ) -> Result<Option<SigningKey>, Error> {
        let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        if !id.is_empty() {
            template.push(Attribute::Id(id.to_vec()));
        }
        let objects: Vec<ObjectHandle> =
            session.iter_objects(&template)?.take(MOST).collect::<Result<_, Error>>()?;
        for handle in objects {
            let wanted =
                [AttributeType::KeyType, AttributeType::Modulus, AttributeType::AlwaysAuthenticate];
            // Some tokens keep the modulus to the public key; then the id has to do.
            let (mut is_rsa, mut fits, mut always_authenticate) = (false, !id.is_empty(), false);
            for attribute in session.get_attributes(handle, &wanted)? {
                match attribute {
                    Attribute::KeyType(kind) => is_rsa = kind == KeyType::RSA,
                    Attribute::Modulus(is) if !is.is_empty() => fits = same(&is, modulus),
                    Attribute::AlwaysAuthenticate(always) => always_authenticate = always,
                    _ => {}
                }
            }
            if is_rsa && fits {
                return Ok(Some(SigningKey { handle, scheme, always_authenticate }));
            }
        }
        Ok(None)
    }

    /// RSA PKCS#1 v1.5 with SHA-256 over `message`.
    pub(crate) fn sign(&self, session: &Session, message: &[u8]) -> Result<Vec<u8>, Error> {
        match self.scheme {
            Scheme::WholeMessage => session.sign(&Mechanism::Sha256RsaPkcs, self.handle, message),
            Scheme::DigestInfo => {
                session.sign(&Mechanism::RsaPkcs, self.handle, &digest_info(message))
            }
        }
    }

    /// The same with a key that wants the PIN for each signature; without a PIN it is typed on the
    /// device.
    ///
    /// UNVERIFIED: a token that has such keys and `CKM_RSA_PKCS` alone may refuse to take the
    /// `DigestInfo` by C_SignUpdate, which is the only way that the binding leaves after the PIN.
    pub(crate) fn sign_after(
        &self,
        session: &Session,
        pin: Option<&AuthPin>,
        message: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let (mechanism, data) = match self.scheme {
            Scheme::WholeMessage => (Mechanism::Sha256RsaPkcs, message.to_vec()),
            Scheme::DigestInfo => (Mechanism::RsaPkcs, digest_info(message)),
        };
        session.sign_init(&mechanism, self.handle).map_err(SignError::Signing)?;
        session.login(UserType::ContextSpecific, pin).map_err(SignError::Login)?;
        session.sign_update(&data).map_err(SignError::Signing)?;
        session.sign_final().map_err(SignError::Signing)
    }
}

/// Which half of a signature with its own PIN failed.
#[derive(Debug)]
pub(crate) enum SignError {
    /// The PIN.
    Login(Error),
    /// The signature.
    Signing(Error),
}

fn digest_info(message: &[u8]) -> Vec<u8> {
    [&DIGEST_INFO[..], &Sha256::digest(message)].concat()
}

/// Tokens may write the modulus with leading zeros.
fn same(one: &[u8], other: &[u8]) -> bool {
    let bare =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().skip_while(|b| *b == 0).collect() };
    bare(one) == bare(other)
}
