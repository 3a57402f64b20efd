//! Bad CERTIF.INs, each wrong in one way, for clients to refuse.

use aws_lc_rs::rsa::KeySize;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_keystore::{KeyPair, PublicKey, Utilizzo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ca::{Ca, Certified};
use crate::error::SandboxError;
use crate::processing::certif_in;
use crate::settings::Settings;

/// What is wrong with a CERTIF.IN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoil {
    /// It certifies two other keys.
    OtherRequest,
    /// It ends in the middle.
    Truncated,
    /// It is PEM text.
    Pem,
    /// More follows after its end.
    Trailing,
    /// The signature key is certified for ciphering, and the other way round.
    Swapped,
    /// The signature certificate is for a key of 2048 bits.
    ShortKey,
    /// A CA of another name issued it.
    OtherCa,
    /// A CA with the right name and another key issued it.
    Forged,
    /// The cipher certificate is not there.
    MissingOne,
}

/// The keys of the request that is being answered.
#[derive(Clone, Copy)]
pub(crate) struct RequestedKeys<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) firma: &'a PublicKey,
    pub(crate) cifra: &'a PublicKey,
}

/// Makes a CERTIF.IN that is wrong in this way. `good` is the right one.
pub(crate) fn spoiled(
    spoil: Spoil,
    ca: &Ca,
    keys: RequestedKeys<'_>,
    good: &[u8],
    (settings, at): (&Settings, Timestamp),
) -> Result<Vec<u8>, SandboxError> {
    let swapped = RequestedKeys { firma: keys.cifra, cifra: keys.firma, ..keys };
    let issued_by = |ca: &Ca, keys| issue(ca, keys, (settings, at), true);
    match spoil {
        Spoil::Truncated => Ok(good[..good.len() / 2].to_vec()),
        Spoil::Pem => Ok(pem(good)),
        Spoil::Trailing => Ok([good, b"\r\n"].concat()),
        Spoil::Swapped => issued_by(ca, swapped),
        Spoil::OtherCa => issued_by(&Ca::stranger(false)?, keys),
        Spoil::Forged => issued_by(&Ca::stranger(true)?, keys),
        Spoil::MissingOne => issue(ca, keys, (settings, at), false),
        Spoil::ShortKey => issued_by(ca, RequestedKeys { firma: &short_key()?, ..keys }),
        Spoil::OtherRequest => {
            let other = KeyPair::generate_both().map_err(|_| failed())?;
            let (firma, cifra) = (other.firma.public(), other.cifra.public());
            issued_by(ca, RequestedKeys { firma, cifra, ..keys })
        }
    }
}

fn issue(
    ca: &Ca,
    keys: RequestedKeys<'_>,
    (settings, at): (&Settings, Timestamp),
    with_cifra: bool,
) -> Result<Vec<u8>, SandboxError> {
    let certified =
        |public, utilizzo| Certified { common_name: keys.common_name, public, utilizzo };
    let cifra = certified(keys.cifra, Utilizzo::Cifra);
    let firma = certified(keys.firma, Utilizzo::Firma);
    let [cifra, firma] = ca.issue_both(cifra, firma, settings, at)?;
    if with_cifra { certif_in(ca, &[&cifra, &firma]) } else { certif_in(ca, &[&firma]) }
}

fn pem(der: &[u8]) -> Vec<u8> {
    let mut text = "-----BEGIN PKCS7-----\n".to_owned();
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    text.push_str("-----END PKCS7-----\n");
    text.into_bytes()
}

fn short_key() -> Result<PublicKey, SandboxError> {
    let key = KeyPair::generate_of(KeySize::Rsa2048).map_err(|_| failed())?;
    Ok(key.public().clone())
}

fn failed() -> SandboxError {
    SandboxError::Issuing { reason: "a key for a fault could not be made".to_owned() }
}
