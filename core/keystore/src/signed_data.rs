//! CMS SignedData (RFC 5652 §5): signing with a key that has no certificate yet, and verifying.

use cms::builder::{SignedDataBuilder, SignerInfoBuilder};
use cms::content_info::ContentInfo;
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ID_SHA_256, RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION};
use der::asn1::OctetString;
use der::{Any, Decode, Encode};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attributes;

use crate::key::KeyPair;
use crate::public_key::PublicKey;
use ceralacca_ber as ber;

/// Signs `content` (SHA-256, RSA PKCS#1 v1.5); the signer is named by its subject key identifier.
///
/// Returns a ContentInfo in DER.
pub(crate) fn sign(
    content_type: ObjectIdentifier,
    content: &[u8],
    key: &KeyPair,
) -> Result<Vec<u8>, cms::builder::Error> {
    let content = EncapsulatedContentInfo {
        econtent_type: content_type,
        econtent: Some(Any::encode_from(&OctetString::new(content)?)?),
    };
    let digest = AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None };
    let signer = SignerIdentifier::SubjectKeyIdentifier(key.public().key_identifier());
    let signer = SignerInfoBuilder::new(key, signer, digest.clone(), &content, None)?;
    let mut builder = SignedDataBuilder::new(&content);
    builder.add_digest_algorithm(digest)?;
    builder.add_signer_info::<KeyPair, rsa::pkcs1v15::Signature>(signer)?;
    Ok(builder.build()?.to_der()?)
}

/// A SignedData that was read; nothing in it is trusted before [`SignedContent::verifies`].
pub(crate) struct SignedContent {
    content_type: ObjectIdentifier,
    content: Vec<u8>,
    signer: SignerInfo,
}

impl SignedContent {
    /// Reads a ContentInfo with one signer and its content inside.
    pub(crate) fn from_der(der: &[u8]) -> Result<SignedContent, &'static str> {
        if !ber::is_der(der) {
            return Err("not one DER element");
        }
        let info = ContentInfo::from_der(der).map_err(|_| "not a ContentInfo")?;
        if info.content_type != ID_SIGNED_DATA {
            return Err("not a SignedData");
        }
        let data: SignedData = info.content.decode_as().map_err(|_| "not a SignedData")?;
        let content = data.encap_content_info.econtent.ok_or("the content is not inside")?;
        let content: OctetString = content.decode_as().map_err(|_| "no OCTET STRING inside")?;
        let mut signers = data.signer_infos.0.into_vec();
        let (Some(signer), true) = (signers.pop(), signers.is_empty()) else {
            return Err("not exactly one signer");
        };
        Ok(SignedContent {
            content_type: data.encap_content_info.econtent_type,
            content: content.into_bytes(),
            signer,
        })
    }

    /// What kind of content was signed.
    pub(crate) fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// The content.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Whether the signer is `key`, by its subject key identifier, and signed this content.
    pub(crate) fn verifies(&self, key: &PublicKey) -> bool {
        let named = SignerIdentifier::SubjectKeyIdentifier(key.key_identifier());
        let signature = self.signer.signature_algorithm.oid;
        self.signer.sid == named
            && self.signer.digest_alg.oid == ID_SHA_256
            && [SHA_256_WITH_RSA_ENCRYPTION, RSA_ENCRYPTION].contains(&signature)
            && self.signer.signed_attrs.as_ref().is_some_and(|attributes| {
                self.attributes_match(attributes)
                    && attributes.to_der().is_ok_and(|message| {
                        key.verifies_sha256(&message, self.signer.signature.as_bytes())
                    })
            })
    }

    /// RFC 5652 §11.1, §11.2: content-type and message-digest, each once with one value.
    fn attributes_match(&self, attributes: &Attributes) -> bool {
        let value = |oid| {
            let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
            match (found.next(), found.next()) {
                (Some(one), None) if one.values.len() == 1 => one.values.get(0),
                _ => None,
            }
        };
        let content_type =
            value(ID_CONTENT_TYPE).and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let digest = value(ID_MESSAGE_DIGEST).and_then(|any| any.decode_as::<OctetString>().ok());
        let expected = Sha256::digest(&self.content);
        content_type == Some(self.content_type)
            && digest.is_some_and(|digest| digest.as_bytes() == expected.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use const_oid::db::rfc5911::ID_DATA;

    use super::*;
    use crate::fixtures::keys;

    #[test]
    fn round_trip() {
        let der = sign(ID_DATA, b"contenuto", &keys().firma).unwrap();
        let read = SignedContent::from_der(&der).unwrap();
        assert_eq!((read.content_type(), read.content()), (ID_DATA, b"contenuto".as_slice()));
        assert!(read.verifies(keys().firma.public()));
        assert!(!read.verifies(keys().cifra.public()));
    }

    #[test]
    fn no_other_content_verifies() {
        let der = sign(ID_DATA, b"contenuto", &keys().firma).unwrap();
        for cut in 0..der.len() {
            assert!(SignedContent::from_der(&der[..cut]).is_err());
        }
        for at in 0..der.len() {
            let mut damaged = der.clone();
            damaged[at] ^= 0x11;
            if let Ok(read) = SignedContent::from_der(&damaged) {
                let whole = read.content() == b"contenuto" && read.content_type() == ID_DATA;
                assert!(whole || !read.verifies(keys().firma.public()), "byte {at}");
            }
        }
    }
}
