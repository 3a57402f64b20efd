//! RSA signatures checked with a public key (RFC 8017 §8), through aws-lc-rs.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    UnparsedPublicKey,
};
use ceralacca_ber::Element;
use ceralacca_ber::tag::SEQUENCE;
use ceralacca_keystore::PublicKey;

use crate::algorithm::{Algorithm, Scheme};
use crate::digest::DigestAlgorithm;

/// What was signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signed<'a> {
    /// The bytes themselves.
    Message(&'a [u8]),
    /// Their digest, by the algorithm of the scheme.
    Digest(&'a [u8]),
}

/// Whether `signature` is `key`'s over what was signed.
///
/// Short keys and SHA-1 are computed like others: that they are too weak is a question of its own.
pub(crate) fn verifies(
    key: &PublicKey,
    scheme: Scheme,
    signed: Signed<'_>,
    signature: &[u8],
) -> bool {
    let Some(parameters) = parameters(scheme) else { return false };
    let public = UnparsedPublicKey::new(parameters, key.as_der());
    match signed {
        Signed::Message(message) => public.verify(message, signature).is_ok(),
        Signed::Digest(digest) => Digest::import_less_safe(digest, digest_of(scheme))
            .is_ok_and(|digest| public.verify_digest(&digest, signature).is_ok()),
    }
}

/// Whether `der`, a certificate or a revocation list, is signed by `key`.
///
/// ```text
/// SIGNED ::= SEQUENCE { toBeSigned ANY, algorithm AlgorithmIdentifier, signature BIT STRING }
/// ```
/// RFC 5280 §4.1. `None` when the algorithm is too weak or not read here.
pub(crate) fn is_signed_by(der: &[u8], key: &PublicKey) -> Option<bool> {
    let whole = Element::whole(der).ok()?;
    let mut inside = whole.inside();
    let to_be_signed = inside.expect(SEQUENCE, "").ok()?;
    let algorithm = Algorithm::from_element(&inside.next().ok()??).ok()?;
    let signature = inside.expect(BIT_STRING, "").ok()?;
    inside.end().ok()?;
    let (unused, signature) = signature.content.split_first()?;
    let accepted = DigestAlgorithm::ALL.into_iter().filter(|digest| digest.is_accepted());
    let mut schemes = accepted.filter_map(|digest| {
        // `rsaEncryption` alone does not say which digest; certificates do not use it.
        algorithm.scheme(digest).filter(|_| algorithm.oid != const_oid::db::rfc5912::RSA_ENCRYPTION)
    });
    let scheme = schemes.next()?;
    Some(*unused == 0 && verifies(key, scheme, Signed::Message(to_be_signed.raw), signature))
}

fn parameters(scheme: Scheme) -> Option<&'static RsaParameters> {
    use DigestAlgorithm::{Sha1, Sha256, Sha384, Sha512};
    match scheme {
        Scheme::Pkcs1(Sha1) => Some(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
        Scheme::Pkcs1(Sha256) => Some(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
        Scheme::Pkcs1(Sha384) => Some(&RSA_PKCS1_2048_8192_SHA384),
        Scheme::Pkcs1(Sha512) => Some(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
        Scheme::Pss(Sha1) => None,
        Scheme::Pss(Sha256) => Some(&RSA_PSS_2048_8192_SHA256),
        Scheme::Pss(Sha384) => Some(&RSA_PSS_2048_8192_SHA384),
        Scheme::Pss(Sha512) => Some(&RSA_PSS_2048_8192_SHA512),
    }
}

fn digest_of(scheme: Scheme) -> &'static digest::Algorithm {
    let (Scheme::Pkcs1(digest) | Scheme::Pss(digest)) = scheme;
    match digest {
        DigestAlgorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        DigestAlgorithm::Sha256 => &digest::SHA256,
        DigestAlgorithm::Sha384 => &digest::SHA384,
        DigestAlgorithm::Sha512 => &digest::SHA512,
    }
}

const BIT_STRING: u8 = 0x03;
