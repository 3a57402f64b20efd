//! Password-based encryption as PKCS#8 and PKCS#12 use it today: PBES2 (RFC 8018 §6.2).
//!
//! Written with one choice, AES-256-CBC under PBKDF2-HMAC-SHA256; read with the variants found in
//! the wild. The work that an opened file may ask for is bounded by [`Effort`].

use std::num::NonZeroU32;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, InnerIvInit, KeyIvInit};
use aws_lc_rs::{pbkdf2, rand};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_AES_128_CBC, ID_AES_192_CBC, ID_AES_256_CBC};
use der::asn1::OctetString;
use der::{Any, Decode, Sequence};
use pkcs12::pbe_params::{EncryptedPrivateKeyInfo, Pbes2Params, Pbkdf2Params};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::algorithm_name;

/// Iterations in everything that is written.
pub(crate) const ITERATIONS: u32 = 200_000;

/// Why something did not open.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The padding is wrong: another password, or damage.
    Password,
    /// The parameters do not parse.
    Malformed(&'static str),
    /// An encryption that is not read here: its name or identifier.
    Unsupported(String),
    /// Another authentication code than those read here, or none.
    UnsupportedMac(String),
    /// Another format.
    UnsupportedFormat(String),
    /// Another kind of file altogether: what it looks like.
    OtherKind(String),
    /// More iterations than allowed: asked for in all, allowed in all.
    TooCostly(u64, u64),
}

impl Refusal {
    /// Of an algorithm that is not read, by its name where it has one here.
    pub(crate) fn unsupported(oid: ObjectIdentifier) -> Refusal {
        Refusal::Unsupported(algorithm_name::with_identifier(oid))
    }
}

/// Counts key-derivation iterations, so that a hostile file cannot ask for hours of work.
pub(crate) struct Effort(u64);

impl Effort {
    /// About five seconds of one core; honest files stay under half of it.
    const LIMIT: u64 = 10_000_000;

    pub(crate) fn new() -> Effort {
        Effort(0)
    }

    /// Adds what one derivation asks for.
    pub(crate) fn spend(&mut self, iterations: u64) -> Result<(), Refusal> {
        self.0 = self.0.saturating_add(iterations);
        if self.0 > Effort::LIMIT {
            return Err(Refusal::TooCostly(self.0, Effort::LIMIT));
        }
        Ok(())
    }
}

/// Encrypts `plain` under `password`: the algorithm identifier and the ciphertext.
pub(crate) fn encrypt(
    password: &str,
    plain: &[u8],
    iterations: u32,
) -> der::Result<(AlgorithmIdentifierOwned, Vec<u8>)> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rand::fill(&mut salt).expect("the system's random source works");
    rand::fill(&mut iv).expect("the system's random source works");
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        &salt,
        password.as_bytes(),
        key.as_mut_slice(),
    );
    let sealed = cbc::Encryptor::<aes::Aes256>::new((&*key).into(), &iv.into())
        .encrypt_padded_vec_mut::<Pkcs7>(plain);
    let kdf = Pbkdf2Params {
        salt: OctetString::new(salt)?,
        iteration_count: iterations.get(),
        key_length: None,
        prf: AlgorithmIdentifierOwned { oid: ID_HMAC_WITH_SHA256, parameters: Some(Any::null()) },
    };
    let parameters = Pbes2Params {
        kdf: AlgorithmIdentifierOwned { oid: ID_PBKDF2, parameters: Some(Any::encode_from(&kdf)?) },
        encryption: AlgorithmIdentifierOwned {
            oid: ID_AES_256_CBC,
            parameters: Some(Any::encode_from(&OctetString::new(iv)?)?),
        },
    };
    let algorithm = AlgorithmIdentifierOwned {
        oid: ID_PBES2,
        parameters: Some(Any::encode_from(&parameters)?),
    };
    Ok((algorithm, sealed))
}

/// Decrypts what `parameters` (the parameters of a PBES2 algorithm identifier) describe.
pub(crate) fn decrypt(
    parameters: Option<&Any>,
    password: &[u8],
    sealed: &[u8],
    effort: &mut Effort,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let malformed = |_| Refusal::Malformed("PBES2 parameters");
    let parameters: Pbes2Params =
        parameters.ok_or(Refusal::Malformed("PBES2 parameters"))?.decode_as().map_err(malformed)?;
    // The cipher first: others have other parameters than an initialisation vector.
    let cipher = Cipher::by_oid(parameters.encryption.oid)?;
    let iv: OctetString = parameters
        .encryption
        .parameters
        .as_ref()
        .ok_or(Refusal::Malformed("initialisation vector"))?
        .decode_as()
        .map_err(malformed)?;
    let key = derive(&parameters.kdf, password, cipher.key_length(), effort)?;
    cipher.decrypt(&key, iv.as_bytes(), sealed)
}

/// Encrypts a PKCS#8 private key: EncryptedPrivateKeyInfo (RFC 5208 §6) in DER.
pub(crate) fn encrypt_private_key(
    password: &str,
    pkcs8: &[u8],
    iterations: u32,
) -> der::Result<Vec<u8>> {
    let (algorithm, sealed) = encrypt(password, pkcs8, iterations)?;
    let info = EncryptedPrivateKeyInfo {
        encryption_algorithm: algorithm,
        encrypted_data: OctetString::new(sealed)?,
    };
    der::Encode::to_der(&info)
}

/// Decrypts an EncryptedPrivateKeyInfo with PBES2 inside.
pub(crate) fn decrypt_private_key(
    password: &str,
    info: &[u8],
    effort: &mut Effort,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let info = EncryptedPrivateKeyInfo::from_der(info)
        .map_err(|_| Refusal::Malformed("EncryptedPrivateKeyInfo"))?;
    let algorithm = &info.encryption_algorithm;
    if algorithm.oid != ID_PBES2 {
        return Err(Refusal::unsupported(algorithm.oid));
    }
    let sealed = info.encrypted_data.as_bytes();
    decrypt(algorithm.parameters.as_ref(), password.as_bytes(), sealed, effort)
}

/// Block ciphers in CBC mode, PKCS#7 padding.
#[derive(Clone, Copy)]
pub(crate) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    TripleDes,
    Rc2With40Bits,
    Rc2With128Bits,
}

impl Cipher {
    /// The cipher of a PBES2 encryption scheme or of a CMS content encryption.
    pub(crate) fn by_oid(oid: ObjectIdentifier) -> Result<Cipher, Refusal> {
        match oid {
            ID_AES_128_CBC => Ok(Cipher::Aes128),
            ID_AES_192_CBC => Ok(Cipher::Aes192),
            ID_AES_256_CBC => Ok(Cipher::Aes256),
            DES_EDE3_CBC => Ok(Cipher::TripleDes),
            other => Err(Refusal::unsupported(other)),
        }
    }

    /// Bytes of key.
    pub(crate) fn key_length(self) -> usize {
        match self {
            Cipher::Aes128 | Cipher::Rc2With128Bits => 16,
            Cipher::Aes192 | Cipher::TripleDes => 24,
            Cipher::Aes256 => 32,
            Cipher::Rc2With40Bits => 5,
        }
    }

    /// Decrypts; a wrong key shows as wrong padding, most of the time.
    pub(crate) fn decrypt(
        self,
        key: &[u8],
        iv: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        match self {
            Cipher::Aes128 => open(cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv), sealed),
            Cipher::Aes192 => open(cbc::Decryptor::<aes::Aes192>::new_from_slices(key, iv), sealed),
            Cipher::Aes256 => open(cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv), sealed),
            Cipher::TripleDes => {
                open(cbc::Decryptor::<des::TdesEde3>::new_from_slices(key, iv), sealed)
            }
            Cipher::Rc2With40Bits | Cipher::Rc2With128Bits => {
                let cipher = rc2::Rc2::new_with_eff_key_len(key, key.len() * 8);
                let mode = cbc::Decryptor::inner_iv_slice_init(cipher, iv);
                open(mode, sealed)
            }
        }
    }
}

fn open<M: BlockDecryptMut>(
    mode: Result<M, aes::cipher::InvalidLength>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mode = mode.map_err(|_| Refusal::Malformed("initialisation vector"))?;
    let plain = mode.decrypt_padded_vec_mut::<Pkcs7>(sealed).map_err(|_| Refusal::Password)?;
    Ok(Zeroizing::new(plain))
}

fn derive(
    kdf: &AlgorithmIdentifierOwned,
    password: &[u8],
    length: usize,
    effort: &mut Effort,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    if kdf.oid != ID_PBKDF2 {
        return Err(Refusal::unsupported(kdf.oid));
    }
    let malformed = Refusal::Malformed("PBKDF2 parameters");
    let Some(Ok(parameters)) = kdf.parameters.as_ref().map(Any::decode_as::<ReadPbkdf2Params>)
    else {
        return Err(malformed);
    };
    let prf = parameters.prf.map_or(ID_HMAC_WITH_SHA1, |prf| prf.oid);
    let algorithm = match prf {
        ID_HMAC_WITH_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
        ID_HMAC_WITH_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
        ID_HMAC_WITH_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
        ID_HMAC_WITH_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
        other => return Err(Refusal::unsupported(other)),
    };
    if parameters.key_length.is_some_and(|asked| usize::from(asked) != length) {
        return Err(malformed);
    }
    let iterations = NonZeroU32::new(parameters.iteration_count).ok_or(malformed)?;
    effort.spend(iterations.get().into())?;
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(algorithm, iterations, parameters.salt.as_bytes(), password, &mut key);
    Ok(key)
}

/// ```text
/// PBKDF2-params ::= SEQUENCE {
///     salt CHOICE { specified OCTET STRING, ... },
///     iterationCount INTEGER (1..MAX),
///     keyLength INTEGER (1..MAX) OPTIONAL,
///     prf AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 }
/// ```
/// RFC 8018 A.2; unlike the type of the `pkcs12` crate, with the default.
#[derive(Sequence)]
struct ReadPbkdf2Params {
    salt: OctetString,
    iteration_count: u32,
    key_length: Option<u16>,
    prf: Option<AlgorithmIdentifierOwned>,
}

pub(crate) const ID_PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const ID_PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const ID_HMAC_WITH_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const ID_HMAC_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const ID_HMAC_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const ID_HMAC_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_wrong_password() {
        let info = encrypt_private_key("Abcd1234", b"chiave", 1000).unwrap();
        let open = |password| decrypt_private_key(password, &info, &mut Effort::new());
        assert_eq!(open("Abcd1234").unwrap().as_slice(), b"chiave");
        assert_ne!(open("abcd1234"), Ok(Zeroizing::new(b"chiave".to_vec())));
    }

    #[test]
    fn damage_gives_errors_and_bounded_work() {
        let info = encrypt_private_key("Abcd1234", b"chiave", 1000).unwrap();
        for cut in 0..info.len() {
            assert!(decrypt_private_key("x", &info[..cut], &mut Effort::new()).is_err());
        }
        for at in 0..info.len() {
            let mut damaged = info.clone();
            damaged[at] ^= 0x55;
            let opened = decrypt_private_key("x", &damaged, &mut Effort::new());
            assert_ne!(opened.map(|key| key.to_vec()), Ok(b"chiave".to_vec()));
        }
    }

    #[test]
    fn effort_is_limited() {
        let mut effort = Effort::new();
        assert!(effort.spend(Effort::LIMIT).is_ok());
        assert!(matches!(effort.spend(1), Err(Refusal::TooCostly(..))));
        assert!(matches!(effort.spend(u64::MAX), Err(Refusal::TooCostly(u64::MAX, _))));
    }
}
