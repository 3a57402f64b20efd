//! Requests that an honest client cannot make: opened with the CA's key, changed, sealed again.

use std::path::Path;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use aws_lc_rs::rsa::KeySize;
use ceralacca_keystore::{Certificate, KeyPair};
use cms::builder::{SignedDataBuilder, SignerInfoBuilder};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::ContentInfo;
use cms::enveloped_data::{EnvelopedData, RecipientInfo, RecipientInfos};
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerIdentifier};
use der::asn1::{OctetString, SetOfVec};
use der::{Any, Decode, Encode};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

/// Changes the SignedData inside a sealed request.
pub(crate) fn with_signed_data(
    request: &[u8],
    folder: &Path,
    change: impl FnOnce(&mut Vec<u8>),
) -> Vec<u8> {
    let key = std::fs::read(folder.join("ca-SANDBOX.p8")).unwrap();
    let key = KeyPair::from_pkcs8(Zeroizing::new(key)).unwrap();
    let info = ContentInfo::from_der(request).unwrap();
    let mut data: EnvelopedData = info.content.decode_as().unwrap();
    let content = &mut data.encrypted_content;
    let parameters = content.content_enc_alg.parameters.as_ref().unwrap();
    let iv: OctetString = parameters.decode_as().unwrap();
    let iv: [u8; 16] = iv.as_bytes().try_into().unwrap();
    let RecipientInfo::Ktri(recipient) = data.recip_infos.0.get(0).unwrap() else { panic!() };
    let content_key = key.decrypt_key(recipient.enc_key.as_bytes(), 32);
    let content_key: [u8; 32] = content_key.as_slice().try_into().unwrap();
    let sealed = content.encrypted_content.as_ref().unwrap().as_bytes();
    let mut opened = cbc::Decryptor::<aes::Aes256>::new(&content_key.into(), &iv.into())
        .decrypt_padded_vec_mut::<Pkcs7>(sealed)
        .unwrap();
    change(&mut opened);
    let sealed = cbc::Encryptor::<aes::Aes256>::new(&content_key.into(), &iv.into())
        .encrypt_padded_vec_mut::<Pkcs7>(&opened);
    content.encrypted_content = Some(OctetString::new(sealed).unwrap());
    encode(info, data)
}

/// Seals a request for a CA of the same name and serial number with another key.
pub(crate) fn for_another_ca(request: &[u8], other: &KeyPair) -> Vec<u8> {
    let info = ContentInfo::from_der(request).unwrap();
    let mut data: EnvelopedData = info.content.decode_as().unwrap();
    let RecipientInfo::Ktri(mut recipient) = data.recip_infos.0.get(0).unwrap().clone() else {
        panic!()
    };
    let sealed_key = other.public().encrypt_pkcs1(&[7; 32]).unwrap();
    recipient.enc_key = OctetString::new(sealed_key).unwrap();
    let recipients = SetOfVec::try_from(vec![RecipientInfo::Ktri(recipient)]).unwrap();
    data.recip_infos = RecipientInfos(recipients);
    encode(info, data)
}

/// Replaces the first `from` in the signed content by `to`, as long, and signs again.
pub(crate) fn signed_again(signed: &mut Vec<u8>, key: &KeyPair, (from, to): (&[u8], &[u8])) {
    let info = ContentInfo::from_der(signed).unwrap();
    let data: SignedData = info.content.decode_as().unwrap();
    let content = data.encap_content_info.econtent.unwrap();
    let mut content = content.decode_as::<OctetString>().unwrap().into_bytes();
    let at = content.windows(from.len()).position(|window| window == from).unwrap();
    content[at..at + to.len()].copy_from_slice(to);
    let content = EncapsulatedContentInfo {
        econtent_type: data.encap_content_info.econtent_type,
        econtent: Some(Any::encode_from(&OctetString::new(content).unwrap()).unwrap()),
    };
    let sha256 = const_oid::db::rfc5912::ID_SHA_256;
    let digest = AlgorithmIdentifierOwned { oid: sha256, parameters: None };
    let signer = SignerIdentifier::SubjectKeyIdentifier(key.public().key_identifier());
    let signer = SignerInfoBuilder::new(key, signer, digest.clone(), &content, None).unwrap();
    let mut builder = SignedDataBuilder::new(&content);
    builder.add_digest_algorithm(digest).unwrap();
    builder.add_signer_info::<KeyPair, rsa::pkcs1v15::Signature>(signer).unwrap();
    *signed = builder.build().unwrap().to_der().unwrap();
}

/// Plain CMS over `content` by these keys, which may be none that should sign.
pub(crate) fn signed_by(content: &[u8], signers: &[(&KeyPair, &Certificate)]) -> Vec<u8> {
    let content = EncapsulatedContentInfo {
        econtent_type: const_oid::db::rfc5911::ID_DATA,
        econtent: Some(Any::encode_from(&OctetString::new(content).unwrap()).unwrap()),
    };
    let sha256 = const_oid::db::rfc5912::ID_SHA_256;
    let digest = AlgorithmIdentifierOwned { oid: sha256, parameters: None };
    let mut builder = SignedDataBuilder::new(&content);
    builder.add_digest_algorithm(digest.clone()).unwrap();
    for (key, certificate) in signers {
        let parsed = certificate.parsed().clone();
        let named = SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: parsed.tbs_certificate.issuer.clone(),
            serial_number: parsed.tbs_certificate.serial_number.clone(),
        });
        let signer = SignerInfoBuilder::new(*key, named, digest.clone(), &content, None).unwrap();
        builder.add_certificate(CertificateChoices::Certificate(parsed)).unwrap();
        builder.add_signer_info::<KeyPair, rsa::pkcs1v15::Signature>(signer).unwrap();
    }
    builder.build().unwrap().to_der().unwrap()
}

/// A 2048-bit pair.
pub(crate) fn short_key() -> KeyPair {
    KeyPair::generate_of(KeySize::Rsa2048).unwrap()
}

/// A pair cannot be cloned.
pub(crate) fn copy(key: &KeyPair) -> KeyPair {
    KeyPair::from_pkcs8(key.pkcs8().clone()).unwrap()
}

/// Whether a certificate was signed by this CA, for readers of assertions.
pub(crate) fn issued_by(certificate: &Certificate, ca: &Certificate) -> bool {
    certificate.names_issuer(ca) && certificate.is_signed_by(ca)
}

fn encode(mut info: ContentInfo, data: EnvelopedData) -> Vec<u8> {
    info.content = Any::encode_from(&data).unwrap();
    info.to_der().unwrap()
}
