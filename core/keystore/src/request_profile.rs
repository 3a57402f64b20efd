//! The seam where the bytes of `req.ccc` are decided: what every format of the request must do.
//!
//! UNVERIFIED: the Agency's own bytes of `req.ccc` are not public. [`CmcProfile`](crate::cmc) is
//! the public standard that fits; another profile can take its place without a change elsewhere.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{hmac, rand};
use ceralacca_kernel::Secret;

use crate::certificate::Certificate;
use crate::certification_request::CertificationRequest;
use crate::error::KeystoreError;
use crate::key::{KeyPair, KeyPairs};

/// A format of the request for the two certificates.
pub trait RequestProfile {
    /// Name in settings and journals.
    fn name(&self) -> &'static str;

    /// Makes the bytes of `req.ccc`, sealed for the CA.
    fn build(&self, parts: &RequestParts<'_>) -> Result<Vec<u8>, KeystoreError>;

    /// Opens the bytes of `req.ccc` at the CA's side and verifies all signatures in it.
    ///
    /// Whether the sender knew the pincode is asked with [`OpenedRequest::proves`].
    fn open(
        &self,
        request: &[u8],
        ca: &Certificate,
        ca_key: &KeyPair,
    ) -> Result<OpenedRequest, KeystoreError>;
}

/// What a request is made of.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// The keys to be certified.
    pub keys: &'a KeyPairs,
    /// `<codice fiscale>-<sede>`: identification, and CN of both subjects.
    pub common_name: &'a str,
    /// Proves who asks; it never travels.
    pub pincode: &'a Secret,
    /// Travels sealed, so that the environment can be revoked online later.
    pub pin_di_revoca: &'a Secret,
    /// The CA that the request is sealed for.
    pub ca: &'a Certificate,
    /// What makes this request different from every other.
    pub nonces: Nonces,
}

/// Random numbers that tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonces {
    /// transactionId (RFC 5272 §6.6).
    pub transaction_id: [u8; 16],
    /// senderNonce (RFC 5272 §6.6).
    pub sender_nonce: [u8; 16],
}

impl Nonces {
    /// Fresh ones.
    pub fn random() -> Nonces {
        let mut nonces = Nonces { transaction_id: [0; 16], sender_nonce: [0; 16] };
        rand::fill(&mut nonces.transaction_id).expect("the system's random source works");
        rand::fill(&mut nonces.sender_nonce).expect("the system's random source works");
        nonces
    }
}

/// A request as the CA sees it, its signatures verified.
#[derive(Debug)]
pub struct OpenedRequest {
    /// The request for the signature certificate.
    pub firma: CertificationRequest,
    /// The request for the cipher certificate.
    pub cifra: CertificationRequest,
    /// `<codice fiscale>-<sede>`, the same as both subjects' CN.
    pub identification: String,
    /// What to remember in order to refuse a replay.
    pub transaction_id: Vec<u8>,
    /// What to remember in order to refuse a replay.
    pub sender_nonce: Vec<u8>,
    /// The PIN di revoca, the same in both requests.
    pub pin_di_revoca: Secret,
    /// What the proof of identity was computed over, and the proof.
    pub(crate) proof: (Vec<u8>, Vec<u8>),
}

impl OpenedRequest {
    /// Whether the sender knew the pincode with this SHA-256 (RFC 5272 §6.2.1).
    ///
    /// The CA needs to keep only the hash.
    pub fn proves(&self, pincode_sha256: &[u8; 32]) -> bool {
        let (message, witness) = &self.proof;
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pincode_sha256), message);
        verify_slices_are_equal(expected.as_ref(), witness).is_ok()
    }
}
