//! One private key in a file of its own: EncryptedPrivateKeyInfo (RFC 5208), as openssl reads it.

use ceralacca_kernel::Secret;
use zeroize::Zeroizing;

use crate::error::KeystoreError;
use crate::key::KeyPair;
use crate::pbes2::{self, Effort};
use crate::pkcs12_read::named;

/// Opens the key; `container` is its file's name, for errors.
///
/// # Errors
/// `keystore.wrong_password`, `keystore.malformed`, `keystore.unsupported_algorithm` and
/// `keystore.too_costly`.
pub fn read(container: &str, bytes: &[u8], password: &Secret) -> Result<KeyPair, KeystoreError> {
    let key = pbes2::decrypt_private_key(password.expose(), bytes, &mut Effort::new())
        .map_err(|refusal| named(container, refusal))?;
    // One wrong password in 256 leaves right padding behind; what it opens is no key.
    KeyPair::from_pkcs8(key).map_err(|_| KeystoreError::WrongPassword {
        container: container.to_owned(),
        upper_case_tried: false,
    })
}

/// The key encrypted with `password`: PBES2 with AES-256, HMAC-SHA-256 and its own random salt.
///
/// # Errors
/// `key.encoding`, a bug of ours.
pub fn write(key: &KeyPair, password: &Secret) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    pbes2::encrypt_private_key(password.expose(), key.pkcs8(), pbes2::ITERATIONS)
        .map(Zeroizing::new)
        .map_err(|_| KeystoreError::Encoding { what: "the private key".to_owned() })
}
