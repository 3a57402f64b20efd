//! Writes PKCS#12 files (RFC 7292): UTEF.P12 and UTEC.P12.
//!
//! One key and its chain under PBES2 (AES-256-CBC, PBKDF2-HMAC-SHA256), with an HMAC-SHA256 over
//! it all; OpenSSL 3, Java 17 and NSS open it. Reading is in `pkcs12_read.rs`.

use aws_lc_rs::{hmac, rand};
use ceralacca_kernel::Secret;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::encrypted_data::EncryptedData;
use cms::enveloped_data::EncryptedContentInfo;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_ENCRYPTED_DATA};
use const_oid::db::rfc5912::ID_SHA_256;
use der::asn1::{BmpString, OctetString, SetOfVec};
use der::{Any, Encode};
use pkcs12::cert_type::CertBag;
use pkcs12::digest_info::DigestInfo;
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use pkcs12::mac_data::MacData;
use pkcs12::pbe_params::EncryptedPrivateKeyInfo;
use pkcs12::pfx::{Pfx, Version};
use pkcs12::safe_bag::SafeBag;
use pkcs12::{PKCS_12_CERT_BAG_OID, PKCS_12_PKCS8_KEY_BAG_OID, PKCS_12_X509_CERT_OID};
use sha2::Sha256;
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::{Attribute, Attributes};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::error::KeystoreError;
use crate::key::KeyPair;
use crate::pbes2;

/// Writes one key with its chain (its own certificate first) under `alias`.
///
/// `password` is used as it is given. The result is DER.
pub fn write(
    alias: &str,
    key: &KeyPair,
    chain: &[Certificate],
    password: &Secret,
) -> Result<Vec<u8>, KeystoreError> {
    encode(alias, key, chain, password.expose())
        .map_err(|_| KeystoreError::Encoding { what: "PKCS#12".to_owned() })
}

fn encode(
    alias: &str,
    key: &KeyPair,
    chain: &[Certificate],
    password: &str,
) -> der::Result<Vec<u8>> {
    let attributes = attributes(alias, key)?;
    let mut certificates = Vec::new();
    for (position, certificate) in chain.iter().enumerate() {
        let bag = CertBag {
            cert_id: PKCS_12_X509_CERT_OID,
            cert_value: OctetString::new(certificate.as_der())?,
        };
        certificates.push(SafeBag {
            bag_id: PKCS_12_CERT_BAG_OID,
            bag_value: bag.to_der()?,
            bag_attributes: (position == 0).then(|| attributes.clone()),
        });
    }
    let (encryption_algorithm, sealed) = pbes2::encrypt(password, key.pkcs8(), ITERATIONS)?;
    let shrouded =
        EncryptedPrivateKeyInfo { encryption_algorithm, encrypted_data: OctetString::new(sealed)? };
    let keys = vec![SafeBag {
        bag_id: PKCS_12_PKCS8_KEY_BAG_OID,
        bag_value: shrouded.to_der()?,
        bag_attributes: Some(attributes),
    }];
    let safe = vec![encrypted(password, &certificates.to_der()?)?, plain(&keys.to_der()?)?];
    let safe = safe.to_der()?;
    Pfx { version: Version::V3, auth_safe: plain(&safe)?, mac_data: Some(mac(password, &safe)?) }
        .to_der()
}

/// friendlyName and localKeyId (RFC 2985 §5.5): what ties a certificate to its key.
fn attributes(alias: &str, key: &KeyPair) -> der::Result<Attributes> {
    let identifier = key.public().key_identifier();
    let one = |oid, value| -> der::Result<Attribute> {
        Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
    };
    SetOfVec::try_from(vec![
        one(FRIENDLY_NAME, Any::encode_from(&BmpString::from_utf8(alias)?)?)?,
        one(LOCAL_KEY_ID, Any::encode_from(&identifier.0)?)?,
    ])
}

fn plain(content: &[u8]) -> der::Result<ContentInfo> {
    let content = Any::encode_from(&OctetString::new(content)?)?;
    Ok(ContentInfo { content_type: ID_DATA, content })
}

fn encrypted(password: &str, content: &[u8]) -> der::Result<ContentInfo> {
    let (content_enc_alg, sealed) = pbes2::encrypt(password, content, ITERATIONS)?;
    let data = EncryptedData {
        version: CmsVersion::V0,
        enc_content_info: EncryptedContentInfo {
            content_type: ID_DATA,
            content_enc_alg,
            encrypted_content: Some(OctetString::new(sealed)?),
        },
        unprotected_attrs: None,
    };
    Ok(ContentInfo { content_type: ID_ENCRYPTED_DATA, content: Any::encode_from(&data)? })
}

fn mac(password: &str, content: &[u8]) -> der::Result<MacData> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).expect("the system's random source works");
    let rounds = i32::try_from(ITERATIONS).expect("a small constant");
    let key = derive_key_utf8::<Sha256>(password, &salt, Pkcs12KeyType::Mac, rounds, 32)?;
    let key = Zeroizing::new(key);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content);
    Ok(MacData {
        mac: DigestInfo {
            algorithm: AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: Some(Any::null()) },
            digest: OctetString::new(tag.as_ref())?,
        },
        mac_salt: OctetString::new(salt)?,
        iterations: rounds,
    })
}

/// Iterations of each of the three derivations in a file.
const ITERATIONS: u32 = 100_000;
pub(crate) const FRIENDLY_NAME: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ca, certificates, keys};
    use crate::pkcs12_read::read;

    fn file() -> Vec<u8> {
        let chain = [certificates().firma.clone(), ca().certificate.clone()];
        write("sign_keypair0", &keys().firma, &chain, &Secret::new("Abcd1234")).unwrap()
    }

    #[test]
    fn round_trip() {
        let entries = read("UTEF.P12", &file(), &Secret::new("Abcd1234")).unwrap();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(entry.alias, "sign_keypair0");
        assert_eq!(entry.key.fingerprint(), keys().firma.fingerprint());
        assert_eq!(entry.chain, [certificates().firma.clone(), ca().certificate.clone()]);
    }

    #[test]
    fn a_wrong_password_is_named() {
        for password in ["abcd1234", "", "😀"] {
            let refused = read("UTEF.P12", &file(), &Secret::new(password)).unwrap_err();
            assert!(matches!(refused, KeystoreError::WrongPassword { .. }), "{refused:?}");
        }
    }

    #[test]
    fn two_files_share_no_salt() {
        let (one, other) = (file(), file());
        assert_ne!(one, other);
    }
}
