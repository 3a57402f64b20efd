//! What kind of private key a PKCS#8 structure holds, for those that cannot be used here.

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Reader, SliceReader};
use spki::AlgorithmIdentifierRef;

/// `an EC key on P-256`; `None` for RSA, and for what cannot be read.
///
/// ```text
/// PrivateKeyInfo ::= SEQUENCE { version, privateKeyAlgorithm AlgorithmIdentifier, … }  (RFC 5208 §5)
/// ```
pub(crate) fn other_than_rsa(pkcs8: &[u8]) -> Option<String> {
    let mut reader = SliceReader::new(pkcs8).ok()?;
    let algorithm = reader
        .sequence(|inside| {
            let _version: u8 = inside.decode()?;
            let algorithm: AlgorithmIdentifierRef<'_> = inside.decode()?;
            let _key: OctetStringRef<'_> = inside.decode()?;
            while !inside.is_finished() {
                let _: AnyRef<'_> = inside.decode()?;
            }
            Ok(algorithm)
        })
        .ok()?;
    let curve = || algorithm.parameters.and_then(|one| one.decode_as::<ObjectIdentifier>().ok());
    match algorithm.oid.to_string().as_str() {
        RSA => None,
        EC => Some(match curve() {
            Some(curve) => format!("an EC key on {}", named(curve)),
            None => "an EC key".to_owned(),
        }),
        other => Some(format!("a key that is not RSA: {}", named(other.parse().ok()?))),
    }
}

fn named(oid: ObjectIdentifier) -> String {
    let identifier = oid.to_string();
    let found = NAMES.iter().find(|(known, _)| *known == identifier);
    found.map_or(identifier, |(_, name)| (*name).to_owned())
}

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";

const NAMES: [(&str, &str); 14] = [
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.33", "P-224"),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.113549.1.1.7", "RSA-OAEP"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];
