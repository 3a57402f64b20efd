//! Who signs: the seam behind which a key file, a token or an HSM stands.

use ceralacca_kernel::Error;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, OpenSigner};

/// A key that signs, with its certificate.
pub trait Signer {
    /// The certificate of the key.
    fn certificate(&self) -> &Certificate;

    /// The certificate, then its issuers as far as they are known.
    fn chain(&self) -> &[Certificate];

    /// RSA PKCS#1 v1.5 with SHA-256 over `message`; as many bytes as the modulus has.
    ///
    /// # Errors
    /// The signer's own: a token that was pulled out, a key that the library refuses.
    fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

impl Signer for KeyEntry {
    fn certificate(&self) -> &Certificate {
        KeyEntry::certificate(self)
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.key.sign_sha256(message)?)
    }
}

impl Signer for OpenSigner {
    fn certificate(&self) -> &Certificate {
        OpenSigner::certificate(self)
    }

    fn chain(&self) -> &[Certificate] {
        OpenSigner::chain(self)
    }

    fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            OpenSigner::File(entry) => entry.sign_sha256(message),
            OpenSigner::Device(key) => key.sign_sha256(message),
        }
    }
}
