//! The CA's certificates, and the pin that says which of them is meant.

use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{Call, Error, Service, Touch};
use ceralacca_keystore::{Certificate, KeystoreError};

use crate::outbox::sha256_hex;
use crate::{FetchChannel, SubmissionError};

/// The SHA-256 fingerprint of the CA's certificate, from the settings; hexadecimal, colons allowed.
///
/// Without one, the certificate is as trustworthy as the way it came: TLS, or the machine itself.
/// UNVERIFIED: no authentic copy of the Agency's CA certificate is public, so none is built in.
#[derive(Clone, Debug, Default)]
pub struct PinnedCa(pub Option<String>);

impl Service for PinnedCa {
    const TOUCH: Option<Touch> = None;
}

pub(crate) fn ca_certificates(call: &mut Call<'_>) -> Result<Vec<Bytes>, Error> {
    Ok(fetch(call)?.into_iter().map(Bytes).collect())
}

/// The same, read.
pub(crate) fn authorities(call: &Call<'_>) -> Result<Vec<Certificate>, Error> {
    let certificates = fetch(call)?;
    let read: Result<Vec<_>, KeystoreError> =
        certificates.iter().map(|der| Certificate::from_der(der)).collect();
    Ok(read?)
}

fn fetch(call: &Call<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let channel = call.service::<FetchChannel>()?;
    let pinned = call.service::<PinnedCa>()?;
    let certificates = channel.ca_certificates().map_err(|failure| failure.error)?;
    Ok(keep_pinned(certificates, pinned.0.as_deref())?)
}

/// With a pin, only the certificate that it names; the others are not handed on.
fn keep_pinned(
    certificates: Vec<Vec<u8>>,
    pin: Option<&str>,
) -> Result<Vec<Vec<u8>>, SubmissionError> {
    if certificates.is_empty() {
        return Err(SubmissionError::NoCaCertificate);
    }
    let Some(pin) = pin else {
        return Ok(certificates);
    };
    let expected: String =
        pin.chars().filter(|c| !c.is_whitespace() && *c != ':').collect::<String>().to_lowercase();
    if expected.len() != 64 || !expected.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(SubmissionError::PinForm { length: expected.chars().count() });
    }
    let (kept, others): (Vec<_>, Vec<_>) =
        certificates.into_iter().partition(|der| sha256_hex(der) == expected);
    if kept.is_empty() {
        let found = others.iter().map(|der| sha256_hex(der)).collect();
        return Err(SubmissionError::CaNotPinned { expected, found });
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_keeps_the_certificate_it_names() {
        let certificates = vec![b"one".to_vec(), b"two".to_vec()];
        assert_eq!(keep_pinned(certificates.clone(), None).unwrap(), certificates);
        let pin = sha256_hex(b"two").to_uppercase();
        let colons: Vec<&str> = (0..32).map(|i| &pin[2 * i..2 * i + 2]).collect();
        let kept = keep_pinned(certificates.clone(), Some(&colons.join(":"))).unwrap();
        assert_eq!(kept, [b"two"]);
        let code = |certificates, pin| {
            Error::from(keep_pinned(certificates, Some(pin)).unwrap_err()).code().to_owned()
        };
        let other = sha256_hex(b"three");
        assert_eq!(code(certificates.clone(), &other), "agency.ca_not_pinned");
        assert_eq!(code(certificates, "abc"), "agency.ca_pin_form");
        assert_eq!(code(Vec::new(), &other), "agency.no_ca_certificate");
    }
}
