//! The key of a sealed file's content, as the recipient's RSA key opens it (RFC 5652 §6.2.1): PKCS#1
//! v1.5, or OAEP (RFC 3560, RFC 4055 §4.1).

use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use cms::enveloped_data::KeyTransRecipientInfo;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION};
use der::asn1::OctetString;
use der::{Any, Sequence};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::algorithm_name::with_identifier;
use crate::enveloped_data::Unopened;
use crate::key::KeyPair;

/// Decrypts a content key of `length` bytes.
///
/// What was not encrypted for this key gives random bytes, so that a sender cannot learn from the
/// answer what was wrong (RFC 3218 §2.3.2): the content's own check fails instead.
pub(crate) fn content_key(
    recipient: &KeyTransRecipientInfo,
    key: &KeyPair,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let algorithm = &recipient.key_enc_alg;
    let sealed = recipient.enc_key.as_bytes();
    match algorithm.oid {
        RSA_ENCRYPTION if algorithm.parameters == Some(Any::null()) => {
            Ok(key.decrypt_key(sealed, length))
        }
        RSA_ENCRYPTION => Err(Unopened::Closed),
        RSAES_OAEP => {
            let mut substitute = Zeroizing::new(vec![0; length]);
            rand::fill(&mut substitute).expect("the system's random source works");
            let opened = decrypt_oaep(key, oaep(algorithm)?, sealed);
            Ok(opened.filter(|opened| opened.len() == length).unwrap_or(substitute))
        }
        other => Err(Unopened::Unsupported(with_identifier(other))),
    }
}

fn decrypt_oaep(
    key: &KeyPair,
    algorithm: &'static OaepAlgorithm,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let key = PrivateDecryptingKey::from_pkcs8(key.pkcs8()).ok()?;
    let key = OaepPrivateDecryptingKey::new(key).ok()?;
    let mut opened = Zeroizing::new(vec![0; key.min_output_size()]);
    let length = key.decrypt(algorithm, sealed, &mut opened, None).ok()?.len();
    opened.truncate(length);
    Some(opened)
}

/// Which OAEP the parameters ask for.
fn oaep(algorithm: &AlgorithmIdentifierOwned) -> Result<&'static OaepAlgorithm, Unopened> {
    let none = || Any::encode_from(&OaepParameters::default()).map_err(|_| Unopened::Closed);
    let parameters = algorithm.parameters.clone().map_or_else(none, Ok)?;
    let parameters: OaepParameters = parameters.decode_as().map_err(|_| Unopened::Closed)?;
    let hash = parameters.hash.map_or(ID_SHA_1, |hash| hash.oid);
    let mask = match parameters.mask {
        None => ID_SHA_1,
        Some(mask) if mask.oid == MGF1 => {
            let hash: Option<Result<AlgorithmIdentifierOwned, _>> =
                mask.parameters.map(|hash| hash.decode_as());
            hash.and_then(Result::ok).ok_or(Unopened::Closed)?.oid
        }
        Some(mask) => return unsupported(&format!("the mask {}", with_identifier(mask.oid))),
    };
    let label = parameters.source.and_then(|source| source.parameters);
    let label: Option<OctetString> = label.and_then(|label| label.decode_as().ok());
    if label.is_some_and(|label| !label.as_bytes().is_empty()) {
        return unsupported("a label");
    }
    match (hash, mask) {
        (ID_SHA_1, ID_SHA_1) => Ok(&OAEP_SHA1_MGF1SHA1),
        (ID_SHA_256, ID_SHA_256) => Ok(&OAEP_SHA256_MGF1SHA256),
        (ID_SHA_384, ID_SHA_384) => Ok(&OAEP_SHA384_MGF1SHA384),
        (ID_SHA_512, ID_SHA_512) => Ok(&OAEP_SHA512_MGF1SHA512),
        (hash, mask) => {
            unsupported(&format!("{} and MGF1 of {}", with_identifier(hash), with_identifier(mask)))
        }
    }
}

fn unsupported<T>(what: &str) -> Result<T, Unopened> {
    Err(Unopened::Unsupported(format!("RSA-OAEP with {what}")))
}

/// ```text
/// RSAES-OAEP-params ::= SEQUENCE {
///     hashFunc    [0] AlgorithmIdentifier DEFAULT sha1Identifier,
///     maskGenFunc [1] AlgorithmIdentifier DEFAULT mgf1SHA1Identifier,
///     pSourceFunc [2] AlgorithmIdentifier DEFAULT pSpecifiedEmptyIdentifier }
/// ```
/// RFC 4055 §4.1.
#[derive(Default, Sequence)]
struct OaepParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    source: Option<AlgorithmIdentifierOwned>,
}

const RSAES_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
