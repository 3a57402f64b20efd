//! CMS EnvelopedData (RFC 5652 §6) for one recipient: AES-256-CBC under RSA PKCS#1 v1.5.
//!
//! The same algorithms as the Agency publishes for files exchanged over SID and SdI SFTP. Read are
//! also the older ciphers, OAEP, and AuthEnvelopedData with GCM.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockEncryptMut, KeyIvInit};
use aws_lc_rs::rand;
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo,
    RecipientInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_AES_256_CBC, ID_DATA, ID_ENVELOPED_DATA};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::asn1::{OctetString, SetOfVec};
use der::{Any, Decode, Encode};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::auth_enveloped_data::{AuthEnvelopedData, Gcm, ID_AUTH_ENVELOPED_DATA};
use crate::certificate::{Certificate, readable, serial_text};
use crate::key::KeyPair;
use crate::key_transport::content_key;
use crate::pbes2::{Cipher, Refusal};
use ceralacca_ber as ber;

/// Seals `content` for the owner of `recipient`; the result is a ContentInfo in DER.
///
/// `None` when the recipient's key cannot encrypt (fewer than 2048 bits).
pub fn seal(content: &[u8], recipient: &Certificate) -> Option<Vec<u8>> {
    let (mut key, mut iv) = (Zeroizing::new([0; 32]), [0; 16]);
    rand::fill(key.as_mut_slice()).expect("the system's random source works");
    rand::fill(&mut iv).expect("the system's random source works");
    let sealed = cbc::Encryptor::<aes::Aes256>::new((&*key).into(), &iv.into())
        .encrypt_padded_vec_mut::<Pkcs7>(content);
    let sealed_key = recipient.public().encrypt_pkcs1(key.as_slice())?;
    encode(sealed, iv, sealed_key, recipient).ok()
}

/// Opens an EnvelopedData in DER with the private key of one of its recipients.
///
/// `None` says no more than that it did not open: whether the key or the padding was wrong, or
/// nothing was for this key, must not be told apart by whoever sent it.
pub fn open(der: &[u8], certificate: &Certificate, key: &KeyPair) -> Option<Zeroizing<Vec<u8>>> {
    open_named(der, certificate, key).ok()
}

/// Why a sealed file did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// It did not; no more is said than that, as of [`open`].
    Closed,
    /// It is for this key, and names an algorithm that is not read here.
    Unsupported(String),
}

/// As [`open`]; an algorithm that is not read is named. Which one a file asks for stands in it for
/// everybody to read.
///
/// # Errors
/// [`Unopened`].
pub fn open_named(
    der: &[u8],
    certificate: &Certificate,
    key: &KeyPair,
) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    match Sealed::from_der(der).ok_or(Unopened::Closed)? {
        Sealed::Enveloped(data) => {
            let recipient = find(&data.recip_infos, certificate)?;
            let content = data.encrypted_content;
            let cipher = Cipher::by_oid(content.content_enc_alg.oid).map_err(named)?;
            let content_key = content_key(recipient, key, cipher.key_length())?;
            let iv = content.content_enc_alg.parameters.ok_or(Unopened::Closed)?;
            let iv: OctetString = iv.decode_as().map_err(|_| Unopened::Closed)?;
            let sealed = content.encrypted_content.ok_or(Unopened::Closed)?;
            cipher.decrypt(&content_key, iv.as_bytes(), sealed.as_bytes()).map_err(named)
        }
        Sealed::Authenticated(data) => {
            let cipher = Gcm::by_oid(data.encrypted_content.content_enc_alg.oid)?;
            let content_key =
                content_key(find(&data.recip_infos, certificate)?, key, cipher.key_length())?;
            cipher.decrypt(&content_key, data)
        }
    }
}

/// A sealed file of one of the two forms.
enum Sealed {
    Enveloped(EnvelopedData),
    Authenticated(AuthEnvelopedData),
}

impl Sealed {
    /// Reads it, where it is as the standards fix it.
    fn from_der(der: &[u8]) -> Option<Sealed> {
        let sealed = Sealed::read(der)?;
        sealed.is_as_written().then_some(sealed)
    }

    fn read(der: &[u8]) -> Option<Sealed> {
        if !ber::is_der(der) {
            return None;
        }
        let info = ContentInfo::from_der(der).ok()?;
        match info.content_type {
            ID_ENVELOPED_DATA => info.content.decode_as().ok().map(Sealed::Enveloped),
            ID_AUTH_ENVELOPED_DATA => info.content.decode_as().ok().map(Sealed::Authenticated),
            _ => None,
        }
    }

    fn recipients(&self) -> &RecipientInfos {
        match self {
            Sealed::Enveloped(data) => &data.recip_infos,
            Sealed::Authenticated(data) => &data.recip_infos,
        }
    }

    fn content(&self) -> &EncryptedContentInfo {
        match self {
            Sealed::Enveloped(data) => &data.encrypted_content,
            Sealed::Authenticated(data) => &data.encrypted_content,
        }
    }

    /// Whether what nothing protects, and nothing here reads, is as RFC 5652 §6.1 and §6.2.1 and RFC
    /// 5083 §2.1 fix it: a file that was changed on its way does not open.
    fn is_as_written(&self) -> bool {
        let (mut versions, mut plain) = (true, true);
        for recipient in self.recipients().0.iter() {
            let RecipientInfo::Ktri(one) = recipient else {
                plain = false;
                continue;
            };
            let by_key = matches!(one.rid, RecipientIdentifier::SubjectKeyIdentifier(_));
            versions &= one.version == if by_key { CmsVersion::V2 } else { CmsVersion::V0 };
            plain &= !by_key;
        }
        let version = match self {
            Sealed::Enveloped(data) => {
                plain &= data.originator_info.is_none() && data.unprotected_attrs.is_none();
                plain == (data.version == CmsVersion::V0)
            }
            Sealed::Authenticated(data) => {
                let bare = data.originator_info.is_none() && data.unauth_attrs.is_none();
                bare && data.version == CmsVersion::V0
            }
        };
        versions && version && self.content().content_type == ID_DATA
    }
}

/// The recipient with this certificate.
fn find<'a>(
    recipients: &'a RecipientInfos,
    certificate: &Certificate,
) -> Result<&'a KeyTransRecipientInfo, Unopened> {
    let ours = recipients.0.iter().find_map(|recipient| match recipient {
        RecipientInfo::Ktri(one) if is_for(&one.rid, certificate) => Some(one),
        _ => None,
    });
    ours.ok_or(Unopened::Closed)
}

fn named(refusal: Refusal) -> Unopened {
    match refusal {
        Refusal::Unsupported(algorithm) => Unopened::Unsupported(algorithm),
        _ => Unopened::Closed,
    }
}

/// Whom a sealed file is for, and under which cipher: what it says without any key.
#[derive(Clone, Debug)]
pub struct Recipients {
    identifiers: Vec<RecipientIdentifier>,
    cipher: ObjectIdentifier,
}

/// Reads the recipients of an EnvelopedData in DER or BER; `None` when it is something else.
pub fn recipients(bytes: &[u8]) -> Option<Recipients> {
    let (der, taken) = ber::to_der(bytes).ok()?;
    if taken != bytes.len() {
        return None;
    }
    let sealed = Sealed::read(&der)?;
    let identifiers = sealed.recipients().0.iter().filter_map(|recipient| match recipient {
        RecipientInfo::Ktri(one) => Some(one.rid.clone()),
        _ => None,
    });
    let cipher = sealed.content().content_enc_alg.oid;
    Some(Recipients { identifiers: identifiers.collect(), cipher })
}

impl Recipients {
    /// Whether the file is for the owner of `certificate`.
    pub fn include(&self, certificate: &Certificate) -> bool {
        self.identifiers.iter().any(|one| is_for(one, certificate))
    }

    /// Each recipient for people, sixteen at most: serial number and issuer, or key identifier.
    pub fn names(&self) -> Vec<String> {
        let name = |one: &RecipientIdentifier| match one {
            RecipientIdentifier::IssuerAndSerialNumber(named) => {
                let (serial, issuer) = (serial_text(&named.serial_number), readable(&named.issuer));
                format!("serial {serial}, issued by {issuer}")
            }
            RecipientIdentifier::SubjectKeyIdentifier(named) => {
                format!("key identifier {}", hex::encode(named.0.as_bytes()))
            }
        };
        let clean = |text: String| text.replace(char::is_control, " ");
        self.identifiers.iter().take(16).map(|one| clean(name(one))).collect()
    }

    /// The cipher of the content.
    pub fn cipher(&self) -> ObjectIdentifier {
        self.cipher
    }
}

fn is_for(recipient: &RecipientIdentifier, certificate: &Certificate) -> bool {
    match recipient {
        RecipientIdentifier::IssuerAndSerialNumber(named) => *named == identifier(certificate),
        RecipientIdentifier::SubjectKeyIdentifier(named) => {
            *named == certificate.public().key_identifier()
        }
    }
}

fn identifier(certificate: &Certificate) -> IssuerAndSerialNumber {
    let tbs = &certificate.parsed().tbs_certificate;
    IssuerAndSerialNumber { issuer: tbs.issuer.clone(), serial_number: tbs.serial_number.clone() }
}

fn encode(
    sealed: Vec<u8>,
    iv: [u8; 16],
    sealed_key: Vec<u8>,
    recipient: &Certificate,
) -> der::Result<Vec<u8>> {
    let recipient = KeyTransRecipientInfo {
        version: CmsVersion::V0,
        rid: RecipientIdentifier::IssuerAndSerialNumber(identifier(recipient)),
        key_enc_alg: AlgorithmIdentifierOwned {
            oid: RSA_ENCRYPTION,
            parameters: Some(Any::null()),
        },
        enc_key: OctetString::new(sealed_key)?,
    };
    let data = EnvelopedData {
        version: CmsVersion::V0,
        originator_info: None,
        recip_infos: RecipientInfos(SetOfVec::try_from(vec![RecipientInfo::Ktri(recipient)])?),
        encrypted_content: EncryptedContentInfo {
            content_type: ID_DATA,
            content_enc_alg: AlgorithmIdentifierOwned {
                oid: ID_AES_256_CBC,
                parameters: Some(Any::encode_from(&OctetString::new(iv)?)?),
            },
            encrypted_content: Some(OctetString::new(sealed)?),
        },
        unprotected_attrs: None,
    };
    let content = Any::encode_from(&data)?;
    ContentInfo { content_type: ID_ENVELOPED_DATA, content }.to_der()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ca, keys};

    #[test]
    fn only_the_recipient_opens_it() {
        let ca = ca();
        let sealed = seal(b"segreto", &ca.certificate).unwrap();
        assert_eq!(open(&sealed, &ca.certificate, &ca.key).unwrap().as_slice(), b"segreto");
        let other = open(&sealed, &ca.certificate, &keys().firma);
        assert_ne!(other.map(|content| content.to_vec()), Some(b"segreto".to_vec()));
    }

    #[test]
    fn damage_never_panics() {
        let ca = ca();
        let sealed = seal(b"segreto", &ca.certificate).unwrap();
        for cut in 0..sealed.len() {
            assert!(open(&sealed[..cut], &ca.certificate, &ca.key).is_none());
        }
        for at in (0..sealed.len()).step_by(7) {
            let mut damaged = sealed.clone();
            damaged[at] ^= 0x80;
            let _ = open(&damaged, &ca.certificate, &ca.key);
            if let Some(recipients) = recipients(&damaged) {
                assert!(recipients.names().iter().all(|name| !name.contains(char::is_control)));
            }
        }
    }

    #[test]
    fn recipients_are_told_without_a_key() {
        let ca = ca();
        let sealed = seal(b"segreto", &ca.certificate).unwrap();
        let by_serial = recipients(&sealed).unwrap();
        assert!(by_serial.include(&ca.certificate));
        assert_eq!(by_serial.names().len(), 1);
        assert_eq!(by_serial.cipher(), ID_AES_256_CBC);
        // The same file with the recipient named by its key.
        let info = ContentInfo::from_der(&sealed).unwrap();
        let mut data: EnvelopedData = info.content.decode_as().unwrap();
        let RecipientInfo::Ktri(mut recipient) = data.recip_infos.0.get(0).unwrap().clone() else {
            panic!("no key transport");
        };
        let key_identifier = ca.certificate.public().key_identifier();
        recipient.rid = RecipientIdentifier::SubjectKeyIdentifier(key_identifier);
        (recipient.version, data.version) = (CmsVersion::V2, CmsVersion::V2);
        let recipient = RecipientInfo::Ktri(recipient);
        data.recip_infos = RecipientInfos(SetOfVec::try_from(vec![recipient]).unwrap());
        let content = Any::encode_from(&data).unwrap();
        let sealed = ContentInfo { content_type: ID_ENVELOPED_DATA, content }.to_der().unwrap();
        let by_key = recipients(&sealed).unwrap();
        assert!(by_key.include(&ca.certificate));
        assert!(by_key.names()[0].starts_with("key identifier "));
        assert_eq!(open(&sealed, &ca.certificate, &ca.key).unwrap().as_slice(), b"segreto");
    }
}
