//! PKCS#10 certification requests (RFC 2986) for the keys of a security environment.

use ceralacca_kernel::Secret;
use der::asn1::{Ia5StringRef, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::{Any, Decode, Encode, Tag, Tagged};
use x509_cert::attr::{Attribute, AttributeTypeAndValue};
use x509_cert::builder::{Builder, RequestBuilder};
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::request::attributes::ChallengePassword;
use x509_cert::request::{CertReq, ExtensionReq};
use zeroize::Zeroizing;

use crate::certificate::common_name;
use crate::error::KeystoreError;
use crate::key::{KeyPair, Signed, Utilizzo};
use crate::public_key::PublicKey;
use ceralacca_ber as ber;

/// A request that was read, and whose signature by its own key was verified.
#[derive(Debug)]
pub struct CertificationRequest {
    /// The key to be certified.
    pub public: PublicKey,
    /// The subject as it was written.
    pub subject: Name,
    /// What the key is for, from the key usage asked for; `None` when that is not clear.
    pub utilizzo: Option<Utilizzo>,
    /// PKCS#9 challengePassword: the PIN di revoca.
    pub challenge_password: Option<Secret>,
}

impl CertificationRequest {
    /// The subject's common name: `<codice fiscale>-<sede>`.
    pub fn common_name(&self) -> String {
        common_name(&self.subject)
    }

    /// Reads a request in DER and verifies its signature.
    ///
    /// # Errors
    /// `request.key_size` for a key of fewer than 2048 bits, which is never verified.
    pub fn from_der(der: &[u8]) -> Result<CertificationRequest, KeystoreError> {
        let malformed =
            |reason: String| KeystoreError::RequestMalformed { part: "PKCS#10".to_owned(), reason };
        if !ber::is_der(der) {
            return Err(malformed("the bytes are not one DER element".to_owned()));
        }
        let request = CertReq::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let public = PublicKey::try_from(&request.info.public_key)
            .map_err(|_| malformed("the public key is not an RSA key".to_owned()))?;
        if public.bits() < 2048 {
            return Err(KeystoreError::RequestKeySize { bits: public.bits() });
        }
        if !Signed::verifies(der, &public) {
            return Err(KeystoreError::RequestSignature { part: "PKCS#10".to_owned() });
        }
        let attributes = &request.info.attributes;
        let value = |oid| {
            let attribute = attributes.iter().find(|attribute| attribute.oid == oid);
            attribute.and_then(|attribute: &Attribute| attribute.values.get(0))
        };
        Ok(CertificationRequest {
            utilizzo: value(<ExtensionReq as const_oid::AssociatedOid>::OID).and_then(utilizzo),
            challenge_password: value(<ChallengePassword as const_oid::AssociatedOid>::OID)
                .and_then(text),
            subject: request.info.subject,
            public,
        })
    }
}

/// Writes a request in DER: subject C=IT, O=Agenzia delle Entrate, CN=`common_name`.
///
/// The key usage asked for follows `utilizzo`; `pin_di_revoca` becomes the challengePassword
/// (RFC 2985 §5.4.1), in clear: a request is only ever sent or stored inside an EnvelopedData.
pub fn write(
    key: &KeyPair,
    utilizzo: Utilizzo,
    common_name: &str,
    pin_di_revoca: &Secret,
) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let length = common_name.chars().count();
    let printable = common_name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if length == 0 || length > MAX_COMMON_NAME || !printable {
        return Err(KeystoreError::RequestSubject { limit: MAX_COMMON_NAME, length });
    }
    let failed = |_| KeystoreError::Encoding { what: "the PKCS#10 request".to_owned() };
    let build = || -> Result<Vec<u8>, x509_cert::builder::Error> {
        let mut builder = RequestBuilder::new(subject(common_name)?, key)?;
        builder.add_extension(&KeyUsage(match utilizzo {
            Utilizzo::Firma => KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
            Utilizzo::Cifra => KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment,
        }))?;
        builder.add_extension(&key.public().key_identifier())?;
        let pin = DirectoryString::Utf8String(pin_di_revoca.expose().to_owned());
        builder.add_attribute(&ChallengePassword(pin))?;
        Ok(builder.build::<rsa::pkcs1v15::Signature>()?.to_der()?)
    };
    build().map(Zeroizing::new).map_err(failed)
}

/// The subject of the Agency's certificates: C=IT, O=Agenzia delle Entrate, CN=`common_name`.
pub fn subject(common_name: &str) -> der::Result<Name> {
    use const_oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME, ORGANIZATION_NAME};
    let printable = |text| PrintableStringRef::new(text).map(Any::from);
    let parts = [
        (COUNTRY_NAME, printable("IT")?),
        (ORGANIZATION_NAME, printable("Agenzia delle Entrate")?),
        (COMMON_NAME, printable(common_name)?),
    ];
    let mut names = Vec::new();
    for (oid, value) in parts {
        let one = SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])?;
        names.push(RelativeDistinguishedName(one));
    }
    Ok(RdnSequence(names))
}

fn utilizzo(extensions: &Any) -> Option<Utilizzo> {
    let extensions: Vec<x509_cert::ext::Extension> = extensions.decode_as().ok()?;
    let oid = <KeyUsage as const_oid::AssociatedOid>::OID;
    let usage = extensions.iter().find(|extension| extension.extn_id == oid)?;
    let usage = KeyUsage::from_der(usage.extn_value.as_bytes()).ok()?;
    let signs = usage.0.contains(KeyUsages::DigitalSignature);
    let enciphers = usage.0.contains(KeyUsages::KeyEncipherment);
    match (signs, enciphers) {
        (true, false) => Some(Utilizzo::Firma),
        (false, true) => Some(Utilizzo::Cifra),
        _ => None,
    }
}

fn text(value: &Any) -> Option<Secret> {
    let text = match value.tag() {
        Tag::Utf8String => Utf8StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::PrintableString => PrintableStringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::Ia5String => Ia5StringRef::try_from(value).ok()?.as_str().to_owned(),
        _ => return None,
    };
    Some(Secret::new(text))
}

/// `ub-common-name` of RFC 5280 A.1.
const MAX_COMMON_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::keys;

    fn request(utilizzo: Utilizzo) -> Zeroizing<Vec<u8>> {
        let pin = Secret::new("PINdirevoca12345");
        write(keys().of(utilizzo), utilizzo, "RSSMRA80A01H501U-000", &pin).unwrap()
    }

    #[test]
    fn round_trip() {
        for utilizzo in [Utilizzo::Firma, Utilizzo::Cifra] {
            let read = CertificationRequest::from_der(&request(utilizzo)).unwrap();
            assert_eq!(read.common_name(), "RSSMRA80A01H501U-000");
            assert_eq!(read.utilizzo, Some(utilizzo));
            assert_eq!(&read.public, keys().of(utilizzo).public());
            assert_eq!(read.challenge_password.unwrap().expose(), "PINdirevoca12345");
        }
    }

    #[test]
    fn subjects_that_do_not_fit_are_refused() {
        let pin = Secret::new("x");
        for name in ["", "A,O=Altri", "è-000", &"A".repeat(65)] {
            let refused = write(&keys().firma, Utilizzo::Firma, name, &pin).unwrap_err();
            assert!(matches!(refused, KeystoreError::RequestSubject { .. }), "{name}");
        }
    }

    #[test]
    fn damage_gives_errors() {
        let der = request(Utilizzo::Firma);
        for cut in 0..der.len() {
            assert!(CertificationRequest::from_der(&der[..cut]).is_err());
        }
        for at in 0..der.len() {
            let mut damaged = der.to_vec();
            damaged[at] ^= 0x21;
            if let Ok(read) = CertificationRequest::from_der(&damaged) {
                assert_eq!(&read.public, keys().firma.public(), "byte {at}");
            }
        }
    }
}
