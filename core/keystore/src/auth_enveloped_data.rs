//! CMS AuthEnvelopedData (RFC 5083) with AES in GCM (RFC 5084), as it is read: the tag is checked
//! before anything of the content is believed.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey,
};
use cms::content_info::CmsVersion;
use cms::enveloped_data::{EncryptedContentInfo, OriginatorInfo, RecipientInfos};
use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use der::{Encode, Sequence};
use x509_cert::attr::Attributes;
use zeroize::Zeroizing;

use crate::algorithm_name::with_identifier;
use crate::enveloped_data::Unopened;

/// ```text
/// AuthEnvelopedData ::= SEQUENCE {
///     version CMSVersion,
///     originatorInfo [0] IMPLICIT OriginatorInfo OPTIONAL,
///     recipientInfos RecipientInfos,
///     authEncryptedContentInfo EncryptedContentInfo,
///     authAttrs [1] IMPLICIT AuthAttributes OPTIONAL,
///     mac MessageAuthenticationCode,
///     unauthAttrs [2] IMPLICIT UnauthAttributes OPTIONAL }
/// ```
/// RFC 5083 §2.1.
#[derive(Sequence)]
pub(crate) struct AuthEnvelopedData {
    pub(crate) version: CmsVersion,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) originator_info: Option<OriginatorInfo>,
    pub(crate) recip_infos: RecipientInfos,
    pub(crate) encrypted_content: EncryptedContentInfo,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) auth_attrs: Option<Attributes>,
    pub(crate) mac: OctetString,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) unauth_attrs: Option<Attributes>,
}

/// An AES key's length and GCM with it.
#[derive(Clone, Copy)]
pub(crate) struct Gcm {
    algorithm: &'static Algorithm,
    name: ObjectIdentifier,
}

impl Gcm {
    pub(crate) fn by_oid(oid: ObjectIdentifier) -> Result<Gcm, Unopened> {
        let algorithm = match oid {
            ID_AES_128_GCM => &AES_128_GCM,
            ID_AES_192_GCM => &AES_192_GCM,
            ID_AES_256_GCM => &AES_256_GCM,
            other => return Err(Unopened::Unsupported(with_identifier(other))),
        };
        Ok(Gcm { algorithm, name: oid })
    }

    /// Bytes of key.
    pub(crate) fn key_length(self) -> usize {
        self.algorithm.key_len()
    }

    /// Checks the tag and decrypts.
    pub(crate) fn decrypt(
        self,
        key: &[u8],
        data: AuthEnvelopedData,
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let closed = || Unopened::Closed;
        let content = data.encrypted_content;
        let parameters = content.content_enc_alg.parameters.ok_or_else(closed)?;
        let parameters: GcmParameters = parameters.decode_as().map_err(|_| closed())?;
        let (nonce, tag) = (parameters.nonce.as_bytes(), data.mac.as_bytes());
        if nonce.len() != NONCE {
            return self.unsupported(&format!("a nonce of {} bytes", nonce.len()));
        }
        let length = usize::from(parameters.tag_length.unwrap_or(DEFAULT_TAG));
        if length != self.algorithm.tag_len() {
            return self.unsupported(&format!("a tag of {length} bytes"));
        }
        if tag.len() != length {
            return Err(closed());
        }
        let attributes = data.auth_attrs.map(|attributes| attributes.to_der());
        let attributes = attributes.transpose().map_err(|_| closed())?.unwrap_or_default();
        let key = UnboundKey::new(self.algorithm, key).map_err(|_| closed())?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| closed())?;
        let sealed = content.encrypted_content.ok_or_else(closed)?;
        let mut plain = Zeroizing::new([sealed.as_bytes(), tag].concat());
        let length = LessSafeKey::new(key)
            .open_in_place(nonce, Aad::from(attributes), &mut plain)
            .map_err(|_| closed())?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    fn unsupported<T>(self, what: &str) -> Result<T, Unopened> {
        Err(Unopened::Unsupported(format!("{} with {what}", with_identifier(self.name))))
    }
}

/// ```text
/// GCMParameters ::= SEQUENCE { aes-nonce OCTET STRING, aes-ICVlen INTEGER DEFAULT 12 }
/// ```
/// RFC 5084 §3.2.
#[derive(Sequence)]
struct GcmParameters {
    nonce: OctetString,
    tag_length: Option<u8>,
}

/// The nonce that RFC 5084 §3.2 recommends, and the tag that stands where none is named.
const NONCE: usize = 12;
const DEFAULT_TAG: u8 = 12;
pub(crate) const ID_AUTH_ENVELOPED_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.23");
const ID_AES_128_GCM: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.6");
const ID_AES_192_GCM: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.26");
const ID_AES_256_GCM: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46");
