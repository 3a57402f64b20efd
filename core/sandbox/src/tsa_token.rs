//! TimeStampTokens of the pretend authority: a TSTInfo in CMS SignedData (RFC 3161 §2.4.2).

use ceralacca_keystore::{Certificate, KeyPair};
use ceralacca_timestamp::TST_INFO;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::ID_SHA_256;
use der::asn1::{OctetString, SetOfVec};
use der::{Any, Encode, Sequence};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;

use crate::ca::failed;
use crate::error::SandboxError;

/// What goes into a token beside its content.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Whether the certificate is in it.
    pub(crate) certificate: bool,
    /// Whether the signature names its certificate, as it must.
    pub(crate) ess: bool,
}

/// Signs a TSTInfo; returns a ContentInfo in DER.
pub(crate) fn sign(
    info: &[u8],
    key: &KeyPair,
    certificate: &Certificate,
    form: Form,
) -> Result<Vec<u8>, SandboxError> {
    let signer = signer(info, key, certificate, form)?;
    encode(info, certificate, form, signer).map_err(failed)
}

fn signer(
    info: &[u8],
    key: &KeyPair,
    certificate: &Certificate,
    form: Form,
) -> Result<SignerInfo, SandboxError> {
    let attributes = attributes(info, certificate, form).map_err(failed)?;
    let refused = |_| SandboxError::Issuing { reason: "the authority's key".to_owned() };
    let signature = key.sign_sha256(&attributes.to_der().map_err(failed)?).map_err(refused)?;
    let tbs = &certificate.parsed().tbs_certificate;
    Ok(SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer.clone(),
            serial_number: tbs.serial_number.clone(),
        }),
        digest_alg: sha256(),
        signed_attrs: Some(attributes),
        signature_algorithm: ceralacca_keystore::key::sha256_with_rsa(),
        signature: OctetString::new(signature).map_err(failed)?,
        unsigned_attrs: None,
    })
}

fn attributes(
    info: &[u8],
    certificate: &Certificate,
    form: Form,
) -> der::Result<SetOfVec<Attribute>> {
    let one = |oid, value| -> der::Result<Attribute> {
        Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
    };
    let digest = |bytes: &[u8]| OctetString::new(Sha256::digest(bytes).as_slice());
    let mut attributes = vec![
        one(ID_CONTENT_TYPE, Any::from(TST_INFO))?,
        one(ID_MESSAGE_DIGEST, Any::encode_from(&digest(info)?)?)?,
    ];
    if form.ess {
        let named = EssCertId { hash: digest(certificate.as_der())? };
        let value = SigningCertificateV2 { certs: vec![named] };
        attributes.push(one(SIGNING_CERTIFICATE_V2, Any::encode_from(&value)?)?);
    }
    SetOfVec::try_from(attributes)
}

fn encode(
    info: &[u8],
    certificate: &Certificate,
    form: Form,
    signer: SignerInfo,
) -> der::Result<Vec<u8>> {
    let certificates = vec![CertificateChoices::Certificate(certificate.parsed().clone())];
    let signed = SignedData {
        // RFC 5652 §5.1: version 3, because the content is not id-data.
        version: CmsVersion::V3,
        digest_algorithms: SetOfVec::try_from(vec![sha256()])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: TST_INFO,
            econtent: Some(Any::encode_from(&OctetString::new(info)?)?),
        },
        certificates: match form.certificate {
            true => Some(CertificateSet(SetOfVec::try_from(certificates)?)),
            false => None,
        },
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&signed)? }.to_der()
}

/// ```text
/// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2 }
/// ```
/// RFC 5035 §3; without policies.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertId>,
}

/// ```text
/// ESSCertIDv2 ::= SEQUENCE { hashAlgorithm DEFAULT id-sha256, certHash OCTET STRING }
/// ```
/// RFC 5035 §4.
#[derive(Sequence)]
struct EssCertId {
    hash: OctetString,
}

fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None }
}

const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
