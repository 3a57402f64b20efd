//! Writes and reads JKS key stores (Java's own format): UTENTE.KS.
//!
//! JKS protects keys weakly whatever program writes it: one SHA-1 per guess. UTENTE.KS is written
//! because the environment must have it. The `jks` crate trusts the bytes that it reads (lengths it
//! allocates, indices it does not check), so everything is walked through here before it decrypts.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use ceralacca_kernel::Secret;
use const_oid::ObjectIdentifier;
use der::Decode;
use jiff::Timestamp;
use jks::common::{SystemRandom, password_bytes};
use jks::encoder::Encoder;
use jks::{PrivateKeyEntry, keyprotector};
use pkcs12::pbe_params::EncryptedPrivateKeyInfo;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::error::KeystoreError;
use crate::key::KeyPair;
use crate::key_entry::KeyEntry;
use crate::pbes2::Refusal;
use crate::pkcs12_read::{self, MAX_LENGTH, named};

/// A key to be written: its alias, the key, and its chain with its own certificate first.
pub type Entry<'a> = (&'a str, &'a KeyPair, &'a [Certificate]);

/// Writes the keys under their aliases (Java lower-cases them), each protected by `password`.
///
/// `created` is the creation date that keytool shows.
pub fn write(
    entries: &[Entry<'_>],
    password: &Secret,
    created: Timestamp,
) -> Result<Vec<u8>, KeystoreError> {
    let failed = |_| KeystoreError::Encoding { what: "UTENTE.KS".to_owned() };
    let password = password.expose().as_bytes();
    let count = u32::try_from(entries.len()).expect("an environment has two keys");
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    encoder.update_digest(&Zeroizing::new(java_password(password)));
    encoder.update_digest(jks::common::WHITENER_MESSAGE);
    for number in [jks::common::MAGIC, jks::common::VERSION_02, count] {
        encoder.write_u32(number).map_err(failed)?;
    }
    for (alias, key, chain) in entries {
        let certificate_chain = chain
            .iter()
            .map(|certificate| jks::Certificate {
                cert_type: "X.509".to_owned(),
                content: certificate.as_der().to_vec(),
            })
            .collect();
        let private_key =
            keyprotector::encrypt(&mut SystemRandom, key.pkcs8(), password, java_password)
                .map_err(failed)?;
        let creation_time = created.into();
        let entry = PrivateKeyEntry { creation_time, private_key, certificate_chain };
        encoder.write_private_key_entry(&alias.to_lowercase(), &entry).map_err(failed)?;
    }
    encoder.write_digest().map_err(failed)?;
    Ok(bytes)
}

/// Reads every private key of a JKS file of at most 1 MiB; PKCS#12 under that name is read too.
///
/// `container` names the file in errors. `password` is used as it is given.
pub fn read(
    container: &str,
    bytes: &[u8],
    password: &Secret,
) -> Result<Vec<KeyEntry>, KeystoreError> {
    if bytes.first() == Some(&0x30) {
        return pkcs12_read::read(container, bytes, password);
    }
    if bytes.len() as u64 > MAX_LENGTH {
        return Err(KeystoreError::TooLarge { container: container.to_owned(), limit: MAX_LENGTH });
    }
    let refused = |refusal| named(container, refusal);
    let stored = walk(bytes, Some(password.expose().as_bytes())).map_err(refused)?;
    let mut entries = Vec::new();
    for stored in stored {
        let key = decrypt(stored.protected, password.expose().as_bytes()).map_err(refused)?;
        let chain = stored
            .chain
            .iter()
            .map(|der| Certificate::from_der(der))
            .collect::<Result<Vec<_>, _>>()?;
        entries.push(KeyEntry::new(container, stored.alias, KeyPair::from_pkcs8(key)?, chain)?);
    }
    if entries.is_empty() {
        return Err(KeystoreError::MissingEntry {
            container: container.to_owned(),
            expected: "a private key with its certificate".to_owned(),
        });
    }
    Ok(entries)
}

/// The certificates of the private keys, without the password: JKS keeps them in clear.
///
/// Nothing vouches for them but the file they are in.
pub fn certificates(container: &str, bytes: &[u8]) -> Result<Vec<Certificate>, KeystoreError> {
    let stored = walk(bytes, None).map_err(|refusal| named(container, refusal))?;
    let first = stored.iter().filter_map(|stored| stored.chain.first());
    first.map(|der| Certificate::from_der(der)).collect()
}

/// One private key entry, still in the file's bytes.
struct Stored<'a> {
    alias: &'a str,
    protected: &'a [u8],
    chain: Vec<&'a [u8]>,
}

/// Walks through the file and, when there is a password, checks its digest.
///
/// ```text
/// magic u4 = FEEDFEED, version u4 = 2, count u4,
/// count × ( tag u4, alias UTF, created u8,
///           tag 1: key u4+bytes, chain u4 × ( type UTF, certificate u4+bytes )
///           tag 2: type UTF, certificate u4+bytes ),
/// SHA-1 of password, "Mighty Aphrodite" and everything above
/// ```
fn walk<'a>(bytes: &'a [u8], password: Option<&[u8]>) -> Result<Vec<Stored<'a>>, Refusal> {
    let body = bytes.len().checked_sub(DIGEST).ok_or(Refusal::Malformed("the end of the file"))?;
    let (body, digest) = bytes.split_at(body);
    let mut walker = Walker(body);
    match walker.number()? {
        jks::common::MAGIC => {}
        JCEKS_MAGIC => return Err(Refusal::UnsupportedFormat("JCEKS".to_owned())),
        magic if magic >> 24 == 0x30 => {
            return Err(Refusal::UnsupportedFormat("PKCS#12".to_owned()));
        }
        _ => return Err(Refusal::Malformed("the first four bytes")),
    }
    if walker.number()? != jks::common::VERSION_02 {
        return Err(Refusal::UnsupportedFormat("JKS of a version other than 2".to_owned()));
    }
    let mut entries = Vec::new();
    for _ in 0..walker.count(MAX_ENTRIES)? {
        let tag = walker.number()?;
        let alias = walker.text()?;
        walker.take(8)?;
        match tag {
            jks::common::PRIVATE_KEY_TAG => {
                let protected = walker.block()?;
                let count = walker.count(MAX_CHAIN)?;
                let chain = (0..count).map(|_| walker.certificate()).collect::<Result<_, _>>()?;
                entries.push(Stored { alias, protected, chain });
            }
            jks::common::TRUSTED_CERT_TAG => drop(walker.certificate()?),
            _ => return Err(Refusal::Malformed("an entry")),
        }
    }
    if !walker.0.is_empty() {
        return Err(Refusal::Malformed("the end of the file"));
    }
    let Some(password) = password else { return Ok(entries) };
    let mut hasher = Sha1::new();
    hasher.update(&*Zeroizing::new(java_password(password)));
    hasher.update(jks::common::WHITENER_MESSAGE);
    hasher.update(body);
    verify_slices_are_equal(&hasher.finalize(), digest).map_err(|_| Refusal::Password)?;
    Ok(entries)
}

/// Decrypts a protected key, once it is certain that the crate will find what it takes for granted.
fn decrypt(protected: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let malformed = Refusal::Malformed("a private key");
    let Ok(info) = EncryptedPrivateKeyInfo::from_der(protected) else { return Err(malformed) };
    if info.encryption_algorithm.oid != KEY_PROTECTOR {
        return Err(Refusal::unsupported(info.encryption_algorithm.oid));
    }
    if info.encrypted_data.as_bytes().len() < 2 * DIGEST {
        return Err(malformed);
    }
    let key = keyprotector::decrypt(protected, password, java_password);
    key.map(Zeroizing::new).map_err(|_| Refusal::Password)
}

/// Java hashes passwords as UTF-16, big-endian; `password` is UTF-8.
fn java_password(password: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(password) {
        Ok(text) => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Err(_) => password_bytes(password),
    }
}

struct Walker<'a>(&'a [u8]);

impl<'a> Walker<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let short = Refusal::Malformed("an entry longer than the file");
        let (taken, rest) = self.0.split_at_checked(length).ok_or(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, Refusal> {
        let bytes = self.take(4)?.try_into().expect("four bytes were taken");
        Ok(u32::from_be_bytes(bytes))
    }

    fn count(&mut self, limit: u32) -> Result<u32, Refusal> {
        let count = self.number()?;
        if count > limit { Err(Refusal::Malformed("a count")) } else { Ok(count) }
    }

    fn block(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| Refusal::Malformed("a length"))?)
    }

    fn text(&mut self) -> Result<&'a str, Refusal> {
        let length = self.take(2)?.try_into().expect("two bytes were taken");
        let bytes = self.take(u16::from_be_bytes(length).into())?;
        std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed("an alias"))
    }

    fn certificate(&mut self) -> Result<&'a [u8], Refusal> {
        self.text()?;
        self.block()
    }
}

const DIGEST: usize = 20;
const MAX_ENTRIES: u32 = 64;
const MAX_CHAIN: u32 = 16;
const JCEKS_MAGIC: u32 = 0xcece_cece;
const KEY_PROTECTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.17.1.1");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{self, ca, keys, moment};

    fn file() -> Vec<u8> {
        let firma = [fixtures::certificates().firma.clone(), ca().certificate.clone()];
        let cifra = [fixtures::certificates().cifra.clone(), ca().certificate.clone()];
        let entries: [Entry<'_>; 2] =
            [("sign_keypair0", &keys().firma, &firma), ("cipher_keypair0", &keys().cifra, &cifra)];
        write(&entries, &Secret::new("Abcd1234"), moment()).unwrap()
    }

    fn refused(bytes: &[u8], password: &str) -> KeystoreError {
        read("UTENTE.KS", bytes, &Secret::new(password)).unwrap_err()
    }

    #[test]
    fn round_trip() {
        let entries = read("UTENTE.KS", &file(), &Secret::new("Abcd1234")).unwrap();
        let [firma, cifra] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((&*firma.alias, &*cifra.alias), ("sign_keypair0", "cipher_keypair0"));
        assert_eq!(firma.key.fingerprint(), keys().firma.fingerprint());
        let listed = certificates("UTENTE.KS", &file()).unwrap();
        assert_eq!(listed, [firma.certificate().clone(), cifra.certificate().clone()]);
        assert_eq!(cifra.chain, [fixtures::certificates().cifra.clone(), ca().certificate.clone()]);
    }

    #[test]
    fn refusals_are_told_apart() {
        let whole = file();
        assert!(matches!(refused(&whole, "abcd1234"), KeystoreError::WrongPassword { .. }));
        let jceks = [&[0xce; 4], &whole[4..]].concat();
        assert!(matches!(refused(&jceks, "Abcd1234"), KeystoreError::UnsupportedAlgorithm { .. }));
    }

    #[test]
    fn damage_gives_errors() {
        let whole = file();
        for cut in (0..whole.len()).step_by(5) {
            refused(&whole[..cut], "Abcd1234");
        }
        for at in (0..whole.len()).step_by(3) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            refused(&damaged, "Abcd1234");
        }
    }

    #[test]
    fn protected_keys_are_guarded() {
        let whole = file();
        let stored = walk(&whole, Some(b"Abcd\x001234".as_slice()));
        assert!(stored.is_err());
        let stored = walk(&whole, Some(b"Abcd1234")).unwrap();
        let protected = stored[0].protected;
        for cut in 0..protected.len() {
            assert!(decrypt(&protected[..cut], b"Abcd1234").is_err());
        }
        for at in 0..60 {
            let mut damaged = protected.to_vec();
            damaged[at] ^= 0x7f;
            let _ = decrypt(&damaged, b"Abcd1234");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_errors(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let headed = [&0xfeed_feed_u32.to_be_bytes(), &2_u32.to_be_bytes(), &bytes[..]];
            refused(&headed.concat(), "x");
            prop_assert!(decrypt(&bytes, b"x").is_err());
        }
    }
}
