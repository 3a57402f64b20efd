//! Algorithm identifiers as CMS names them, and what they mean for an RSA signature.

use ceralacca_ber::tag::{CONTEXT_0, CONTEXT_1, INTEGER, NULL, OID, SEQUENCE};
use ceralacca_ber::{Element, Reason, encode};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ID_MGF_1, ID_RSASSA_PSS, RSA_ENCRYPTION, SHA_1_WITH_RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};

use crate::digest::DigestAlgorithm;

/// ```text
/// AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }
/// ```
/// RFC 5280 §4.1.1.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// Its object identifier.
    pub oid: ObjectIdentifier,
    /// Its parameters as they came, if there are any.
    pub parameters: Option<Vec<u8>>,
}

impl Algorithm {
    pub(crate) fn from_element(element: &Element<'_>) -> Result<Algorithm, Reason> {
        if element.tag != SEQUENCE {
            return Err("no AlgorithmIdentifier where one belongs");
        }
        let mut inside = element.inside();
        let oid = inside.expect(OID, "an algorithm without an identifier")?.oid()?;
        let parameters = inside.next()?.map(|parameters| parameters.raw.to_vec());
        inside.end()?;
        Ok(Algorithm { oid, parameters })
    }

    /// Whether there are no parameters, or NULL stands for none.
    pub(crate) fn has_no_parameters(&self) -> bool {
        self.parameters.as_deref().is_none_or(|parameters| parameters == [NULL, 0])
    }

    /// How a signature by this algorithm is checked when its content was digested by `digest`.
    ///
    /// `None` when the two do not fit, or the algorithm is not read here.
    pub(crate) fn scheme(&self, digest: DigestAlgorithm) -> Option<Scheme> {
        let plain = [
            (SHA_1_WITH_RSA_ENCRYPTION, DigestAlgorithm::Sha1),
            (SHA_256_WITH_RSA_ENCRYPTION, DigestAlgorithm::Sha256),
            (SHA_384_WITH_RSA_ENCRYPTION, DigestAlgorithm::Sha384),
            (SHA_512_WITH_RSA_ENCRYPTION, DigestAlgorithm::Sha512),
            (RSA_ENCRYPTION, digest),
        ];
        if plain.contains(&(self.oid, digest)) && self.has_no_parameters() {
            return Some(Scheme::Pkcs1(digest));
        }
        let pss = self.oid == ID_RSASSA_PSS
            && digest != DigestAlgorithm::Sha1
            && [true, false].iter().any(|null| {
                self.parameters.as_deref() == Some(pss_parameters(digest, *null).as_slice())
            });
        pss.then_some(Scheme::Pss(digest))
    }
}

/// How an RSA signature is made (RFC 8017 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    Pkcs1(DigestAlgorithm),
    /// RSASSA-PSS, MGF1 with the same digest, salt as long as the digest.
    Pss(DigestAlgorithm),
}

/// AlgorithmIdentifier in DER; `null` writes NULL parameters.
pub(crate) fn identifier(oid: ObjectIdentifier, null: bool) -> Vec<u8> {
    let mut content = encode(OID, oid.as_bytes());
    if null {
        content.extend_from_slice(&[NULL, 0]);
    }
    encode(SEQUENCE, &content)
}

/// RSASSA-PSS-params (RFC 4055 §3.1) for one digest throughout.
fn pss_parameters(digest: DigestAlgorithm, null: bool) -> Vec<u8> {
    let hash = identifier(digest.oid(), null);
    let mut mask = encode(OID, ID_MGF_1.as_bytes());
    mask.extend_from_slice(&hash);
    let parts = [
        encode(CONTEXT_0, &hash),
        encode(CONTEXT_1, &encode(SEQUENCE, &mask)),
        encode(0xa2, &encode(INTEGER, &[digest.length() as u8])),
    ];
    encode(SEQUENCE, &parts.concat())
}
