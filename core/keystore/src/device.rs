//! Keys that are in no file: smart cards, tokens, HSMs. Plugins give them; this is where they stand in.

use std::rc::Rc;

use ceralacca_kernel::{Call, Error, Service, Touch};

use crate::Certificate;
use crate::error::KeystoreError;

/// A key on a device. It may be used from several threads; the device decides what runs at once.
pub trait DeviceKey: Send + Sync {
    /// The certificate, then its issuers as far as the device has them. Never empty.
    fn chain(&self) -> &[Certificate];

    /// RSA PKCS#1 v1.5 with SHA-256 over `message`; as many bytes as the modulus has.
    ///
    /// # Errors
    /// The device's own: pulled out, locked.
    fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// Whoever finds keys on devices.
pub trait DeviceProvider {
    /// The schemes that are served: `pkcs11`.
    fn schemes(&self) -> Vec<String>;

    /// Finds the key that `uri` names, and opens it for signing.
    ///
    /// # Errors
    /// The device's own.
    fn open(&self, call: &Call<'_>, uri: &str) -> Result<Box<dyn DeviceKey>, Error>;
}

/// The devices of a run.
pub struct Devices(Rc<dyn DeviceProvider>);

impl Service for Devices {
    const TOUCH: Option<Touch> = None;
}

impl Devices {
    /// The devices that `provider` finds.
    pub fn new(provider: Rc<dyn DeviceProvider>) -> Devices {
        Devices(provider)
    }

    /// See [`DeviceProvider::open`].
    ///
    /// # Errors
    /// `signer.no_device` when nobody serves the scheme, and the device's own.
    pub(crate) fn open(&self, call: &Call<'_>, uri: &str) -> Result<Box<dyn DeviceKey>, Error> {
        let schemes = self.0.schemes();
        let scheme = scheme_of(uri).unwrap_or_default();
        if !schemes.iter().any(|served| served == scheme) {
            return Err(KeystoreError::NoDevice { scheme: scheme.to_owned(), schemes }.into());
        }
        self.0.open(call, uri)
    }
}

/// The scheme of a URI, `pkcs11`. A single letter is a drive of Windows, and a path has none.
pub(crate) fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.trim().split_once(':')?;
    let mut letters = scheme.chars();
    let first = letters.next().is_some_and(|letter| letter.is_ascii_lowercase());
    let rest = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c));
    (scheme.len() > 1 && first && rest).then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_uri() {
        assert_eq!(scheme_of("pkcs11:serial=1;id=%01"), Some("pkcs11"));
        for path in
            ["firma.p12", "c:\\keys\\firma.p12", "C:/firma.p12", "./a:b", "/keys/a:b.p12", ""]
        {
            assert_eq!(scheme_of(path), None, "{path}");
        }
    }
}
