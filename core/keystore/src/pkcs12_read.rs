//! Reads PKCS#12 files (RFC 7292) in the variants found in the wild.
//!
//! PBES2, and the old RC2-40 and 3DES encryption of Java and NSS; DER, and the BER that NSS writes.
//! The work and the memory that a file can ask for are bounded.

use aws_lc_rs::hmac;
use ceralacca_kernel::Secret;
use cms::content_info::ContentInfo;
use cms::encrypted_data::EncryptedData;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_ENCRYPTED_DATA};
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512};
use der::asn1::{BmpString, ContextSpecific, OctetString};
use der::{Any, Decode};
use pkcs12::cert_type::CertBag;
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use pkcs12::mac_data::MacData;
use pkcs12::pbe_params::{EncryptedPrivateKeyInfo, Pkcs12PbeParams};
use pkcs12::pfx::Pfx;
use pkcs12::safe_bag::{SafeBag, SafeContents};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attributes;
use zeroize::Zeroizing;

use crate::algorithm_name;
use crate::certificate::Certificate;
use crate::content_kind;
use crate::error::{KeystoreError, MissingPart};
use crate::jks;
use crate::key::KeyPair;
use crate::key_entry::{KeyEntry, chain_of};
use crate::pbes2::{self, Cipher, Effort, Refusal};
use crate::pkcs12::FRIENDLY_NAME;
use ceralacca_ber as ber;

/// Reads every private key of a PKCS#12 file of at most 1 MiB, with its chain.
///
/// `container` names the file in errors. `password` is used as it is given.
pub fn read(
    container: &str,
    bytes: &[u8],
    password: &Secret,
) -> Result<Vec<KeyEntry>, KeystoreError> {
    if bytes.len() as u64 > MAX_LENGTH {
        return Err(KeystoreError::TooLarge { container: container.to_owned(), limit: MAX_LENGTH });
    }
    // Whatever the file is called: Java's own key store is one, too.
    if bytes.starts_with(&JKS_MAGIC) {
        return jks::read(container, bytes, password);
    }
    let mut reader = Reader::new(password.expose());
    reader.read(bytes).map_err(|refusal| named(container, refusal))?;
    reader.into_entries(container)
}

/// As [`read`], and refuses a file with a key that is left out there: who writes the file anew would
/// lose it.
pub fn read_every(
    container: &str,
    bytes: &[u8],
    password: &Secret,
) -> Result<Vec<KeyEntry>, KeystoreError> {
    if bytes.starts_with(&JKS_MAGIC) || bytes.len() as u64 > MAX_LENGTH {
        return read(container, bytes, password);
    }
    let mut reader = Reader::new(password.expose());
    reader.read(bytes).map_err(|refusal| named(container, refusal))?;
    let (entries, left_out) = reader.sorted_out(container);
    left_out.map_or(Ok(entries), Err)
}

/// Whether a file looks like one with keys, as far as that is seen without the password.
pub fn look(container: &str, bytes: &[u8]) -> Result<(), KeystoreError> {
    if bytes.starts_with(&JKS_MAGIC) {
        return jks::certificates(container, bytes).map(drop);
    }
    let contents = |pfx: &[u8]| {
        let pfx = Pfx::from_der(pfx).map_err(|_| Refusal::Malformed("PFX"))?;
        let safe = data(&pfx.auth_safe, "authenticated safe")?;
        let safe = normalised(safe.as_bytes(), "authenticated safe")?;
        Vec::<ContentInfo>::from_der(&safe).map_err(|_| Refusal::Malformed("authenticated safe"))
    };
    let looked = whole(bytes).and_then(|pfx| contents(&pfx));
    looked.map(drop).map_err(|refusal| named(container, refusal))
}

/// The longest file that is read.
pub const MAX_LENGTH: u64 = 1024 * 1024;

/// A [`Refusal`] with the name of the file it is about.
pub(crate) fn named(container: &str, refusal: Refusal) -> KeystoreError {
    let container = container.to_owned();
    match refusal {
        Refusal::Password => KeystoreError::WrongPassword { container, upper_case_tried: false },
        Refusal::Malformed(what) => {
            KeystoreError::Malformed { container, reason: format!("{what} cannot be read") }
        }
        Refusal::Unsupported(algorithm) => {
            let part = MissingPart::Encryption;
            KeystoreError::UnsupportedAlgorithm { container, algorithm, part }
        }
        Refusal::UnsupportedMac(algorithm) => {
            let part = MissingPart::Mac;
            KeystoreError::UnsupportedAlgorithm { container, algorithm, part }
        }
        Refusal::UnsupportedFormat(algorithm) => {
            let part = MissingPart::Format;
            KeystoreError::UnsupportedAlgorithm { container, algorithm, part }
        }
        Refusal::OtherKind(kind) => KeystoreError::OtherKind { container, kind },
        Refusal::TooCostly(iterations, limit) => {
            KeystoreError::TooCostly { container, iterations, limit }
        }
    }
}

struct Reader<'a> {
    password: &'a str,
    /// UTF-16 with a terminating zero, as the old key derivation takes it; characters beyond the
    /// Basic Multilingual Plane as pairs, as OpenSSL, Java and NSS write them.
    wide: Zeroizing<Vec<u8>>,
    effort: Effort,
    keys: Vec<(Zeroizing<Vec<u8>>, String)>,
    certificates: Vec<(Certificate, String)>,
}

type Read<T> = Result<T, Refusal>;

impl<'a> Reader<'a> {
    fn new(password: &'a str) -> Reader<'a> {
        // Room for all of it at once: what grows leaves copies behind.
        let mut wide = Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
        wide.extend(password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
        let (keys, certificates) = (Vec::new(), Vec::new());
        Reader { password, wide, effort: Effort::new(), keys, certificates }
    }

    fn read(&mut self, bytes: &[u8]) -> Read<()> {
        let pfx = whole(bytes)?;
        let pfx = Pfx::from_der(&pfx).map_err(|_| Refusal::Malformed("PFX"))?;
        let safe = data(&pfx.auth_safe, "authenticated safe")?;
        let mac = pfx.mac_data.ok_or(Refusal::UnsupportedMac("no MAC".to_owned()))?;
        self.check(&mac, safe.as_bytes())?;
        let safe = normalised(safe.as_bytes(), "authenticated safe")?;
        let parts = Vec::<ContentInfo>::from_der(&safe)
            .map_err(|_| Refusal::Malformed("authenticated safe"))?;
        for part in &parts {
            match part.content_type {
                ID_DATA => self.bags(data(part, "safe contents")?.as_bytes(), 0)?,
                ID_ENCRYPTED_DATA => {
                    let contents = self.decrypted(part)?;
                    self.bags(&contents, 0)?;
                }
                other => return Err(unsupported_format(other)),
            }
        }
        Ok(())
    }

    /// Compares the MAC: the first thing that tells a wrong password from a right one.
    fn check(&mut self, mac: &MacData, content: &[u8]) -> Read<()> {
        let rounds = u64::try_from(mac.iterations).unwrap_or(0).max(1);
        self.effort.spend(rounds)?;
        let (salt, rounds) = (mac.mac_salt.as_bytes(), mac.iterations);
        let wide = self.wide.as_slice();
        let id = || Pkcs12KeyType::Mac;
        let (algorithm, key) = match mac.mac.algorithm.oid {
            ID_SHA_1 => (
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                derive_key::<Sha1>(wide, salt, id(), rounds, 20),
            ),
            ID_SHA_256 => (hmac::HMAC_SHA256, derive_key::<Sha256>(wide, salt, id(), rounds, 32)),
            ID_SHA_384 => (hmac::HMAC_SHA384, derive_key::<Sha384>(wide, salt, id(), rounds, 48)),
            ID_SHA_512 => (hmac::HMAC_SHA512, derive_key::<Sha512>(wide, salt, id(), rounds, 64)),
            other => {
                return Err(Refusal::UnsupportedMac(algorithm_name::with_identifier(other)));
            }
        };
        let key = hmac::Key::new(algorithm, &Zeroizing::new(key));
        hmac::verify(&key, content, mac.mac.digest.as_bytes()).map_err(|_| Refusal::Password)
    }

    fn decrypted(&mut self, part: &ContentInfo) -> Read<Zeroizing<Vec<u8>>> {
        let malformed = Refusal::Malformed("encrypted data");
        let Ok(data) = part.content.decode_as::<EncryptedData>() else { return Err(malformed) };
        let info = data.enc_content_info;
        let sealed = info.encrypted_content.ok_or(malformed)?;
        self.decrypt(&info.content_enc_alg, sealed.as_bytes())
    }

    fn bags(&mut self, contents: &[u8], depth: usize) -> Read<()> {
        let contents = Zeroizing::new(normalised(contents, "safe contents")?);
        let bags =
            SafeContents::from_der(&contents).map_err(|_| Refusal::Malformed("safe contents"))?;
        for bag in bags {
            self.bag(bag, depth)?;
        }
        Ok(())
    }

    fn bag(&mut self, bag: SafeBag, depth: usize) -> Read<()> {
        // The type keeps the [0] EXPLICIT around the value when it reads.
        let value = ContextSpecific::<Any>::from_der(&bag.bag_value)
            .map_err(|_| Refusal::Malformed("safe bag"))?
            .value;
        let name = friendly_name(bag.bag_attributes.as_ref());
        let malformed = |_| Refusal::Malformed("safe bag");
        match bag.bag_id {
            pkcs12::PKCS_12_PKCS8_KEY_BAG_OID => {
                let shrouded: EncryptedPrivateKeyInfo = value.decode_as().map_err(malformed)?;
                let sealed = shrouded.encrypted_data.as_bytes();
                let key = self.decrypt(&shrouded.encryption_algorithm, sealed)?;
                self.keys.push((key, name));
            }
            pkcs12::PKCS_12_KEY_BAG_OID => {
                let key = der::Encode::to_der(&value).map_err(malformed)?;
                self.keys.push((Zeroizing::new(key), name));
            }
            pkcs12::PKCS_12_CERT_BAG_OID => {
                let bag: CertBag = value.decode_as().map_err(malformed)?;
                // A certificate of another kind of key belongs to no key that is read here.
                if let Ok(certificate) = Certificate::from_der(bag.cert_value.as_bytes()) {
                    self.certificates.push((certificate, name));
                }
            }
            pkcs12::PKCS_12_SAFE_CONTENTS_BAG_OID if depth < 4 => {
                let nested = Zeroizing::new(der::Encode::to_der(&value).map_err(malformed)?);
                self.bags(&nested, depth + 1)?;
            }
            _ => {}
        }
        if self.keys.len() + self.certificates.len() > MAX_BAGS {
            return Err(Refusal::Malformed("more than 64 keys and certificates"));
        }
        Ok(())
    }

    fn decrypt(
        &mut self,
        algorithm: &AlgorithmIdentifierOwned,
        sealed: &[u8],
    ) -> Read<Zeroizing<Vec<u8>>> {
        let parameters = algorithm.parameters.as_ref();
        let (cipher, derived) = match algorithm.oid {
            pbes2::ID_PBES2 => {
                let password = self.password.as_bytes();
                return pbes2::decrypt(parameters, password, sealed, &mut self.effort);
            }
            pkcs12::PKCS_12_PBE_WITH_SHAAND3_KEY_TRIPLE_DES_CBC => (Cipher::TripleDes, 24),
            pkcs12::PKCS_12_PBE_WITH_SHAAND2_KEY_TRIPLE_DES_CBC => (Cipher::TripleDes, 16),
            pkcs12::PKCS_12_PBE_WITH_SHAAND128_BIT_RC2_CBC => (Cipher::Rc2With128Bits, 16),
            pkcs12::PKCS_12_PBEWITH_SHAAND40_BIT_RC2_CBC => (Cipher::Rc2With40Bits, 5),
            other => return Err(Refusal::unsupported(other)),
        };
        let malformed = Refusal::Malformed("encryption parameters");
        let Some(Ok(parameters)) = parameters.map(Any::decode_as::<Pkcs12PbeParams>) else {
            return Err(malformed);
        };
        let rounds = parameters.iterations;
        // Triple DES takes two digests of key material, each with all the iterations.
        self.effort.spend(u64::try_from(rounds).map_err(|_| malformed)?.saturating_mul(3))?;
        let (wide, salt) = (self.wide.as_slice(), parameters.salt.as_bytes());
        let key = derive_key::<Sha1>(wide, salt, Pkcs12KeyType::EncryptionKey, rounds, derived);
        let mut key = Zeroizing::new(key);
        if derived < cipher.key_length() {
            key.extend_from_within(..8);
        }
        let iv = derive_key::<Sha1>(wide, salt, Pkcs12KeyType::Iv, rounds, 8);
        cipher.decrypt(&key, &iv, sealed)
    }

    /// The keys that can be used. Others in the file do not matter then.
    fn into_entries(self, container: &str) -> Result<Vec<KeyEntry>, KeystoreError> {
        match self.sorted_out(container) {
            (entries, Some(refused)) if entries.is_empty() => Err(refused),
            (entries, None) if entries.is_empty() => Err(KeystoreError::MissingEntry {
                container: container.to_owned(),
                expected: "a private key with its certificate".to_owned(),
            }),
            (entries, _) => Ok(entries),
        }
    }

    /// The keys that can be used, and why the first of the others cannot.
    fn sorted_out(self, container: &str) -> (Vec<KeyEntry>, Option<KeystoreError>) {
        let others: Vec<Certificate> =
            self.certificates.iter().map(|(certificate, _)| certificate.clone()).collect();
        let (mut entries, mut left_out) = (Vec::new(), None);
        for (pkcs8, name) in self.keys {
            match entry(container, (pkcs8, &name), &self.certificates, &others) {
                Ok(entry) => entries.push(entry),
                Err(refused) => left_out = left_out.or(Some(refused)),
            }
        }
        (entries, left_out)
    }
}

fn entry(
    container: &str,
    (pkcs8, name): (Zeroizing<Vec<u8>>, &str),
    certificates: &[(Certificate, String)],
    others: &[Certificate],
) -> Result<KeyEntry, KeystoreError> {
    let key = KeyPair::from_pkcs8(pkcs8).map_err(|refused| match refused {
        KeystoreError::KeyRejected { reason, .. } => {
            KeystoreError::KeyRejected { container: Some(container.to_owned()), reason }
        }
        other => other,
    })?;
    let leaf = certificates.iter().find(|(one, _)| one.public() == key.public());
    let chain = leaf.map_or_else(Vec::new, |(leaf, _)| chain_of(leaf, others));
    let alias = match leaf {
        Some((_, certified)) if name.is_empty() => certified,
        _ => name,
    };
    KeyEntry::new(container, alias, key, chain)
}

/// The file as one structure in DER. What is not even the beginning of one is said to be what it is.
fn whole(bytes: &[u8]) -> Read<Vec<u8>> {
    match bytes.first() {
        Some(0x30) => normalised(bytes, "PFX"),
        _ => Err(Refusal::OtherKind(content_kind::of(bytes).to_owned())),
    }
}

fn unsupported_format(oid: ObjectIdentifier) -> Refusal {
    Refusal::UnsupportedFormat(algorithm_name::with_identifier(oid))
}

fn normalised(bytes: &[u8], what: &'static str) -> Read<Vec<u8>> {
    match ber::to_der(bytes) {
        Ok((der, taken)) if taken == bytes.len() => Ok(der),
        _ => Err(Refusal::Malformed(what)),
    }
}

fn data(part: &ContentInfo, what: &'static str) -> Read<OctetString> {
    if part.content_type != ID_DATA {
        return Err(unsupported_format(part.content_type));
    }
    part.content.decode_as().map_err(|_| Refusal::Malformed(what))
}

fn friendly_name(attributes: Option<&Attributes>) -> String {
    let is_name = |oid: ObjectIdentifier| oid == FRIENDLY_NAME;
    let attribute = attributes.and_then(|all| all.iter().find(|one| is_name(one.oid)));
    let value = attribute.and_then(|attribute| attribute.values.get(0));
    value
        .and_then(|value| value.decode_as::<BmpString>().ok())
        .map(|text| text.to_string())
        .unwrap_or_default()
}

const MAX_BAGS: usize = 64;
/// How Java's own key stores begin.
const JKS_MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

#[cfg(test)]
#[path = "pkcs12_read_tests.rs"]
mod tests;
