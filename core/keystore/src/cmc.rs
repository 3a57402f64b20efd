//! The request as a CMC Full PKI Request (RFC 5272), sealed for the CA.
//!
//! UNVERIFIED: the Agency's own bytes of `req.ccc` are not public.
//!
//! ```text
//! ContentInfo EnvelopedData (AES-256-CBC, for the CA)
//!   ContentInfo SignedData (SHA-256, RSA, by the new signature key)
//!     PKIData
//!       identification, identityProofV2, transactionId, senderNonce
//!       PKCS#10 of the signature key, PKCS#10 of the cipher key
//! ```

use aws_lc_rs::hmac;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::ID_SHA_256;
use der::asn1::{OctetString, SetOfVec, Uint};
use der::{Any, Choice, Decode, DecodeValue, Encode, Sequence};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::certification_request::{self, CertificationRequest};
use crate::enveloped_data;
use crate::error::KeystoreError;
use crate::key::{KeyPair, Utilizzo};
use crate::request_profile::{OpenedRequest, RequestParts, RequestProfile};
use crate::signed_data::{self, SignedContent};
use ceralacca_ber as ber;

/// CMC Full PKI Request inside EnvelopedData; see the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct CmcProfile;

impl RequestProfile for CmcProfile {
    fn name(&self) -> &'static str {
        "cmc"
    }

    fn build(&self, parts: &RequestParts<'_>) -> Result<Vec<u8>, KeystoreError> {
        let failed = || KeystoreError::Encoding { what: "req.ccc".to_owned() };
        let request = |utilizzo| {
            let key = parts.keys.of(utilizzo);
            certification_request::write(key, utilizzo, parts.common_name, parts.pin_di_revoca)
        };
        let requests = [request(Utilizzo::Firma)?, request(Utilizzo::Cifra)?];
        let data = encode(parts, &requests).map_err(|_| failed())?;
        let signed = signed_data::sign(ID_CCT_PKI_DATA, &data, &parts.keys.firma);
        let signed = Zeroizing::new(signed.map_err(|_| failed())?);
        enveloped_data::seal(&signed, parts.ca).ok_or_else(|| KeystoreError::RequestCaUnusable {
            reason: format!("an RSA key of {} bits", parts.ca.public().bits()),
        })
    }

    fn open(
        &self,
        request: &[u8],
        ca: &Certificate,
        ca_key: &KeyPair,
    ) -> Result<OpenedRequest, KeystoreError> {
        if request.len() > MAX_LENGTH {
            return Err(malformed("envelope", format!("{} bytes", request.len())));
        }
        let signed =
            enveloped_data::open(request, ca, ca_key).ok_or(KeystoreError::RequestUndecryptable)?;
        // What decrypts to nonsense was sealed for another key: not told apart from other damage.
        let signed =
            SignedContent::from_der(&signed).map_err(|_| KeystoreError::RequestUndecryptable)?;
        if signed.content_type() != ID_CCT_PKI_DATA {
            return Err(malformed("SignedData", format!("content {}", signed.content_type())));
        }
        let opened = decode(signed.content())?;
        if !signed.verifies(&opened.firma.public) {
            return Err(KeystoreError::RequestSignature { part: "PKIData".to_owned() });
        }
        Ok(opened)
    }
}

fn encode(
    parts: &RequestParts<'_>,
    requests: &[Zeroizing<Vec<u8>>; 2],
) -> der::Result<Zeroizing<Vec<u8>>> {
    let mut tagged = Vec::new();
    for (body_part_id, request) in (1..).zip(requests) {
        let certification_request = Any::from_der(request)?;
        tagged.push(TaggedRequest::Tcr(TaggedCertificationRequest {
            body_part_id,
            certification_request,
        }));
    }
    let requests = Zeroizing::new(tagged.to_der()?);
    let key = Sha256::digest(parts.pincode.expose().as_bytes());
    let witness = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &requests);
    let algorithm = |oid| AlgorithmIdentifierOwned { oid, parameters: None };
    let proof = IdentityProofV2 {
        hash_alg: algorithm(ID_SHA_256),
        mac_alg: algorithm(ID_HMAC_WITH_SHA256),
        witness: OctetString::new(witness.as_ref())?,
    };
    let controls = [
        (IDENTIFICATION, Any::encode_from(&parts.common_name.to_owned())?),
        (IDENTITY_PROOF_V2, Any::encode_from(&proof)?),
        (TRANSACTION_ID, Any::encode_from(&Uint::new(&parts.nonces.transaction_id)?)?),
        (SENDER_NONCE, Any::encode_from(&OctetString::new(parts.nonces.sender_nonce)?)?),
    ];
    let mut control_sequence = Vec::new();
    for (body_part_id, (attr_type, value)) in (3..).zip(controls) {
        let attr_values = SetOfVec::try_from(vec![value])?;
        control_sequence.push(TaggedAttribute { body_part_id, attr_type, attr_values });
    }
    let data = PkiData {
        control_sequence,
        req_sequence: Any::from_der(&requests)?,
        cms_sequence: Vec::new(),
        other_msg_sequence: Vec::new(),
    };
    Ok(Zeroizing::new(data.to_der()?))
}

fn decode(data: &[u8]) -> Result<OpenedRequest, KeystoreError> {
    let bad = |error: der::Error| malformed("PKIData", error.to_string());
    if !ber::is_der(data) {
        return Err(malformed("PKIData", "not one DER element"));
    }
    let data = PkiData::from_der(data).map_err(bad)?;
    let controls = &data.control_sequence;
    let identification: String = control(controls, IDENTIFICATION, "identification")?;
    let proof: IdentityProofV2 = control(controls, IDENTITY_PROOF_V2, "identityProofV2")?;
    if proof.hash_alg.oid != ID_SHA_256 || proof.mac_alg.oid != ID_HMAC_WITH_SHA256 {
        return Err(malformed("identityProofV2", "other algorithms than SHA-256, HMAC-SHA256"));
    }
    let transaction_id: Uint = control(controls, TRANSACTION_ID, "transactionId")?;
    let sender_nonce: OctetString = control(controls, SENDER_NONCE, "senderNonce")?;
    let [firma, cifra] = requests(&data.req_sequence, &identification)?;
    let (Some(pin_di_revoca), Some(other)) =
        (firma.challenge_password.clone(), &cifra.challenge_password)
    else {
        return Err(missing("challengePassword"));
    };
    if pin_di_revoca != *other {
        return Err(malformed("challengePassword", "not the same in both requests"));
    }
    let message = data.req_sequence.to_der().map_err(bad)?;
    Ok(OpenedRequest {
        firma,
        cifra,
        identification,
        transaction_id: transaction_id.as_bytes().to_vec(),
        sender_nonce: sender_nonce.into_bytes(),
        pin_di_revoca,
        proof: (message, proof.witness.into_bytes()),
    })
}

/// The two PKCS#10 requests, the one for the signature key first.
fn requests(
    sequence: &Any,
    identification: &str,
) -> Result<[CertificationRequest; 2], KeystoreError> {
    let bad = |error: der::Error| malformed("reqSequence", error.to_string());
    let tagged: Vec<TaggedRequest> = sequence.decode_as().map_err(bad)?;
    let Ok([TaggedRequest::Tcr(first), TaggedRequest::Tcr(second)]) =
        <[TaggedRequest; 2]>::try_from(tagged)
    else {
        return Err(malformed("reqSequence", "not exactly two requests"));
    };
    let read = |request: &TaggedCertificationRequest| {
        let der = Zeroizing::new(request.certification_request.to_der().map_err(bad)?);
        CertificationRequest::from_der(&der)
    };
    let (first, second) = (read(&first)?, read(&second)?);
    for request in [&first, &second] {
        if request.common_name() != identification {
            let identification = identification.to_owned();
            return Err(KeystoreError::RequestOtherSubject { identification });
        }
    }
    if first.public == second.public {
        return Err(malformed("reqSequence", "the same key twice"));
    }
    match (first.utilizzo, second.utilizzo) {
        (Some(Utilizzo::Firma), Some(Utilizzo::Cifra)) => Ok([first, second]),
        (Some(Utilizzo::Cifra), Some(Utilizzo::Firma)) => Ok([second, first]),
        _ => Err(malformed("reqSequence", "not one request for signing and one for ciphering")),
    }
}

/// The value of a control that is there once, with one value.
fn control<'a, T: Choice<'a> + DecodeValue<'a>>(
    controls: &'a [TaggedAttribute],
    oid: ObjectIdentifier,
    name: &str,
) -> Result<T, KeystoreError> {
    let mut found = controls.iter().filter(|control| control.attr_type == oid);
    let value = match (found.next(), found.next()) {
        (Some(one), None) if one.attr_values.len() == 1 => one.attr_values.get(0),
        _ => None,
    };
    value.and_then(|value| value.decode_as().ok()).ok_or_else(|| missing(name))
}

fn malformed(part: &str, reason: impl Into<String>) -> KeystoreError {
    KeystoreError::RequestMalformed { part: part.to_owned(), reason: reason.into() }
}

fn missing(part: &str) -> KeystoreError {
    malformed(part, "not there exactly once")
}

/// ```text
/// PKIData ::= SEQUENCE {
///     controlSequence   SEQUENCE SIZE (0..MAX) OF TaggedAttribute,
///     reqSequence       SEQUENCE SIZE (0..MAX) OF TaggedRequest,
///     cmsSequence       SEQUENCE SIZE (0..MAX) OF TaggedContentInfo,
///     otherMsgSequence  SEQUENCE SIZE (0..MAX) OF OtherMsg }
/// ```
/// RFC 5272 §3.2.1. The requests are kept as they came, because the proof is computed over them.
#[derive(Sequence)]
struct PkiData {
    control_sequence: Vec<TaggedAttribute>,
    req_sequence: Any,
    cms_sequence: Vec<Any>,
    other_msg_sequence: Vec<Any>,
}

/// ```text
/// TaggedAttribute ::= SEQUENCE {
///     bodyPartID  BodyPartID,
///     attrType    OBJECT IDENTIFIER,
///     attrValues  SET OF AttributeValue }
/// ```
/// RFC 5272 §3.2.1.1.
#[derive(Sequence)]
struct TaggedAttribute {
    body_part_id: u32,
    attr_type: ObjectIdentifier,
    attr_values: SetOfVec<Any>,
}

/// ```text
/// TaggedRequest ::= CHOICE {
///     tcr [0] TaggedCertificationRequest,
///     crm [1] CertReqMsg, orm [2] ... }
/// ```
/// RFC 5272 §3.2.1.2, IMPLICIT TAGS. Only PKCS#10 is used.
#[derive(Choice)]
enum TaggedRequest {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    Tcr(TaggedCertificationRequest),
}

/// ```text
/// TaggedCertificationRequest ::= SEQUENCE {
///     bodyPartID            BodyPartID,
///     certificationRequest  CertificationRequest }
/// ```
/// RFC 5272 §3.2.1.2.1.
#[derive(Sequence)]
struct TaggedCertificationRequest {
    body_part_id: u32,
    certification_request: Any,
}

/// ```text
/// IdentifyProofV2 ::= SEQUENCE {
///     hashAlgID  AlgorithmIdentifier {DIGEST-ALGORITHM, ...},
///     macAlgID   AlgorithmIdentifier {MAC-ALGORITHM, ...},
///     witness    OCTET STRING }
/// ```
/// RFC 5272 §6.2.1: the witness is the MAC, keyed with the hash of the shared secret, over the
/// reqSequence with its tag and length.
#[derive(Sequence)]
struct IdentityProofV2 {
    hash_alg: AlgorithmIdentifierOwned,
    mac_alg: AlgorithmIdentifierOwned,
    witness: OctetString,
}

/// An honest request takes about 6 KiB.
const MAX_LENGTH: usize = 64 * 1024;
const ID_CCT_PKI_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.12.2");
const IDENTIFICATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.2");
const TRANSACTION_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.5");
const SENDER_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.6");
const IDENTITY_PROOF_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.34");
const ID_HMAC_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");

#[cfg(test)]
mod tests {
    use ceralacca_kernel::Secret;

    use super::*;
    use crate::fixtures::{COMMON_NAME, ca, keys, other_ca};
    use crate::request_profile::Nonces;

    const PINCODE: &str = "ABCDEFGHJKLMNPQR1234";

    fn request() -> Vec<u8> {
        let (pincode, pin) = (Secret::new(PINCODE), Secret::new("PINdirevoca12345"));
        let parts = RequestParts {
            keys: keys(),
            common_name: COMMON_NAME,
            pincode: &pincode,
            pin_di_revoca: &pin,
            ca: &ca().certificate,
            nonces: Nonces { transaction_id: [0x81; 16], sender_nonce: [7; 16] },
        };
        CmcProfile.build(&parts).unwrap()
    }

    fn opened(request: &[u8]) -> Result<OpenedRequest, KeystoreError> {
        CmcProfile.open(request, &ca().certificate, &ca().key)
    }

    #[test]
    fn round_trip() {
        let opened = opened(&request()).unwrap();
        assert_eq!(opened.identification, COMMON_NAME);
        assert_eq!(&opened.firma.public, keys().firma.public());
        assert_eq!(&opened.cifra.public, keys().cifra.public());
        assert_eq!(opened.pin_di_revoca.expose(), "PINdirevoca12345");
        assert_eq!(opened.transaction_id, [0x81; 16]);
        assert_eq!(opened.sender_nonce, [7; 16]);
        let hash = |text: &str| -> [u8; 32] { Sha256::digest(text.as_bytes()).into() };
        assert!(opened.proves(&hash(PINCODE)));
        assert!(!opened.proves(&hash("ABCDEFGHJKLMNPQR1235")));
    }

    #[test]
    fn no_secret_travels_in_clear() {
        let request = request();
        for secret in [PINCODE, "PINdirevoca12345", COMMON_NAME] {
            assert!(!request.windows(secret.len()).any(|part| part == secret.as_bytes()));
        }
        let signed = enveloped_data::open(&request, &ca().certificate, &ca().key).unwrap();
        assert!(!signed.windows(PINCODE.len()).any(|part| part == PINCODE.as_bytes()));
    }

    #[test]
    fn only_the_ca_opens_it() {
        let other = other_ca();
        let refused = CmcProfile.open(&request(), &other.certificate, &other.key).unwrap_err();
        assert_eq!(refused, KeystoreError::RequestUndecryptable);
        let refused = CmcProfile.open(&request(), &ca().certificate, &other.key).unwrap_err();
        assert_eq!(refused, KeystoreError::RequestUndecryptable);
    }

    #[test]
    fn damage_gives_errors() {
        let request = request();
        for cut in (0..request.len()).step_by(11) {
            assert!(opened(&request[..cut]).is_err());
        }
        for at in (0..request.len()).step_by(13) {
            let mut damaged = request.clone();
            damaged[at] ^= 0x08;
            let _ = opened(&damaged);
        }
        let signed = enveloped_data::open(&request, &ca().certificate, &ca().key).unwrap();
        let signed = SignedContent::from_der(&signed).unwrap();
        let data = signed.content();
        for cut in 0..data.len() {
            assert!(decode(&data[..cut]).is_err());
        }
        for at in 0..data.len() {
            let mut damaged = data.to_vec();
            damaged[at] ^= 0x08;
            let _ = decode(&damaged);
        }
    }

    #[test]
    fn a_changed_inside_is_refused() {
        let request = request();
        let signed = enveloped_data::open(&request, &ca().certificate, &ca().key).unwrap();
        let (pincode, pin) = (Secret::new("x"), Secret::new("y"));
        let parts = RequestParts {
            keys: keys(),
            common_name: "VRDGPP80A01H501X-000",
            pincode: &pincode,
            pin_di_revoca: &pin,
            ca: &ca().certificate,
            nonces: Nonces::random(),
        };
        // The content of one request under the signature of another.
        let request = |utilizzo| {
            certification_request::write(keys().of(utilizzo), utilizzo, parts.common_name, &pin)
        };
        let requests = [request(Utilizzo::Firma).unwrap(), request(Utilizzo::Cifra).unwrap()];
        let data = encode(&parts, &requests).unwrap();
        let by_other = signed_data::sign(ID_CCT_PKI_DATA, &data, &keys().cifra).unwrap();
        let sealed = enveloped_data::seal(&by_other, &ca().certificate).unwrap();
        let refused = opened(&sealed).unwrap_err();
        assert_eq!(refused, KeystoreError::RequestSignature { part: "PKIData".to_owned() });
        let other_type = signed_data::sign(SENDER_NONCE, &data, &keys().firma).unwrap();
        let sealed = enveloped_data::seal(&other_type, &ca().certificate).unwrap();
        assert!(matches!(opened(&sealed), Err(KeystoreError::RequestMalformed { .. })));
        assert!(!signed.is_empty());
    }
}
