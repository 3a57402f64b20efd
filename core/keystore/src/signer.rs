//! The signer of a document, as scripts hold it: a person's key in a PKCS#12 file, or on a device.
//!
//! It is not the security environment: the index of an archive is signed by the responsabile della
//! conservazione, the file for the Agency by the environment's key. The two are never merged.

use std::path::{Path, PathBuf};

use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{Call, Error, InputType, SecretRef, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::certificate::Certificate;
use crate::device::{DeviceKey, Devices, scheme_of};
use crate::disk;
use crate::error::KeystoreError;
use crate::key::Utilizzo;
use crate::key_entry::KeyEntry;
use crate::pkcs12_read;

/// A handle to a key that signs documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:signer")]
pub struct SignerHandle(pub SignerId);

impl HandleKind for SignerHandle {
    const KIND: &'static str = "signer";
}

/// What a [`SignerHandle`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenId", into = "WrittenId")]
pub enum SignerId {
    /// A key in a PKCS#12 file.
    File {
        /// The file, absolute.
        path: PathBuf,
        /// What opens it.
        password: SecretRef,
        /// SHA-256 of the signer's certificate, hexadecimal: a run goes on with the same signer only.
        certificate: String,
        /// Subject of the certificate.
        subject: String,
    },
    /// A key on a device.
    Device {
        /// How the device's plugin names it: `pkcs11:serial=…;id=%01`.
        uri: String,
        /// As for a file.
        certificate: String,
        /// As for a file.
        subject: String,
    },
}

/// A [`SignerId`] as journals hold it: with a file and its password, or with a URI.
#[derive(Serialize, Deserialize, JsonSchema)]
struct WrittenId {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<SecretRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    certificate: String,
    subject: String,
}

impl From<SignerId> for WrittenId {
    fn from(id: SignerId) -> WrittenId {
        match id {
            SignerId::File { path, password, certificate, subject } => {
                let (path, password) = (Some(path), Some(password));
                WrittenId { path, password, uri: None, certificate, subject }
            }
            SignerId::Device { uri, certificate, subject } => {
                WrittenId { path: None, password: None, uri: Some(uri), certificate, subject }
            }
        }
    }
}

impl TryFrom<WrittenId> for SignerId {
    type Error = &'static str;

    fn try_from(written: WrittenId) -> Result<SignerId, &'static str> {
        let WrittenId { path, password, uri, certificate, subject } = written;
        match (path, password, uri) {
            (Some(path), Some(password), None) => {
                Ok(SignerId::File { path, password, certificate, subject })
            }
            (None, None, Some(uri)) => Ok(SignerId::Device { uri, certificate, subject }),
            _ => Err("a signer is a file with its password, or a key on a device"),
        }
    }
}

impl SignerId {
    fn certificate(&self) -> &str {
        let (SignerId::File { certificate, .. } | SignerId::Device { certificate, .. }) = self;
        certificate
    }

    /// Subject of the certificate.
    pub fn subject(&self) -> &str {
        let (SignerId::File { subject, .. } | SignerId::Device { subject, .. }) = self;
        subject
    }
}

/// A signer that is ready to sign.
pub enum OpenSigner {
    /// The key itself.
    File(KeyEntry),
    /// A way to the device that has it.
    Device(Box<dyn DeviceKey>),
}

impl OpenSigner {
    /// The certificate, then its issuers as far as they are known. Never empty.
    pub fn chain(&self) -> &[Certificate] {
        match self {
            OpenSigner::File(entry) => &entry.chain,
            OpenSigner::Device(key) => key.chain(),
        }
    }

    /// The certificate of the key.
    pub fn certificate(&self) -> &Certificate {
        &self.chain()[0]
    }
}

impl SignerHandle {
    /// Reads the key with its chain, or finds it on its device.
    ///
    /// # Errors
    /// `signer.changed` when there is another certificate now, and those of reading a file or of the
    /// device.
    pub fn open(&self, call: &Call<'_>) -> Result<OpenSigner, Error> {
        let (name, opened) = match &self.0 {
            SignerId::File { path, password, .. } => {
                let entries = read(path, call, password)?.into_iter().map(OpenSigner::File);
                (disk::name(path), entries.collect())
            }
            SignerId::Device { uri, .. } => {
                let devices = call.service::<Devices>()?;
                (uri.clone(), vec![OpenSigner::Device(devices.open(call, uri)?)])
            }
        };
        let found = opened.iter().map(|one| one.certificate().subject()).collect();
        let same = |one: &OpenSigner| fingerprint(one.certificate()) == self.0.certificate();
        Ok(opened.into_iter().find(same).ok_or_else(|| KeystoreError::SignerChanged {
            file: name,
            expected: self.0.subject().to_owned(),
            found,
        })?)
    }
}

/// The input type `signer`: a PKCS#12 file, or a key on a device.
pub fn input_types() -> Vec<InputType> {
    vec![InputType {
        name: "signer",
        rule: "path of a PKCS#12 file, or a key on a device such as pkcs11:serial=…",
        check: |text| match scheme_of(text) {
            Some(_) => Ok(without_pin(text)?.into()),
            None => {
                let path = absolute(Path::new(text))?;
                Ok(Value::Str(path.to_string_lossy().into_owned()))
            }
        },
    }]
}

pub(crate) fn open_pkcs12(
    call: &mut Call<'_>,
    path: String,
    password: SecretRef,
    alias: Option<String>,
) -> Result<SignerHandle, Error> {
    let nothing = "nothing was signed";
    let refused = disk::refused("looking for", Path::new(&path), nothing);
    let path = call.located(&path).map_err(refused)?;
    let entries = read(&path, call, &password)?;
    let entry = choose(&disk::name(&path), &entries, alias.as_deref())?;
    let certificate = entry.certificate();
    let (certificate, subject) = (fingerprint(certificate), certificate.subject());
    Ok(SignerHandle(SignerId::File { path, password, certificate, subject }))
}

pub(crate) fn open_signer(
    call: &mut Call<'_>,
    signer: String,
    alias: Option<String>,
) -> Result<SignerHandle, Error> {
    if scheme_of(&signer).is_none() {
        return open_pkcs12(call, signer, SecretRef(PASSWORD.to_owned()), alias);
    }
    without_pin(&signer)?;
    let key = call.service::<Devices>()?.open(call, &signer)?;
    let certificate = &key.chain()[0];
    Ok(SignerHandle(SignerId::Device {
        certificate: fingerprint(certificate),
        subject: certificate.subject(),
        uri: signer,
    }))
}

/// Names of keys are journaled: a PIN in one would be, too (RFC 7512 §2.4, `pin-value`, `pin-source`).
fn without_pin(uri: &str) -> Result<&str, KeystoreError> {
    let uri = uri.trim();
    let names = uri.split([':', ';', '?', '&']).filter_map(|part| part.split_once('='));
    match names.map(|(name, _)| name).find(|name| name.starts_with("pin")) {
        Some(attribute) => Err(KeystoreError::PinInUri { attribute: attribute.to_owned() }),
        None => Ok(uri),
    }
}

/// What opens a PKCS#12 file, where the script does not say.
const PASSWORD: &str = "signer_password";

fn absolute(given: &Path) -> Result<PathBuf, Error> {
    let refused = disk::refused("looking for", given, "nothing was signed");
    Ok(std::path::absolute(given).map_err(refused)?)
}

pub(crate) fn require_valid_now(
    call: &mut Call<'_>,
    signer: SignerHandle,
) -> Result<SignerHandle, Error> {
    let opened = signer.open(call)?;
    let (certificate, at) = (opened.certificate(), call.now());
    if !certificate.is_valid_at(at) {
        return Err(KeystoreError::SignerNotValid {
            subject: certificate.subject(),
            serial: certificate.serial(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            at,
        }
        .into());
    }
    Ok(signer)
}

pub(crate) fn subject(_: &mut Call<'_>, signer: SignerHandle) -> Result<String, Error> {
    Ok(signer.0.subject().to_owned())
}

pub(crate) fn expires(call: &mut Call<'_>, signer: SignerHandle) -> Result<String, Error> {
    Ok(signer.open(call)?.certificate().not_after().to_string())
}

fn read(path: &Path, call: &Call<'_>, password: &SecretRef) -> Result<Vec<KeyEntry>, Error> {
    let bytes = disk::read(path, pkcs12_read::MAX_LENGTH)?;
    Ok(pkcs12_read::read(&disk::name(path), &bytes, &call.secret(password)?)?)
}

/// The key with that alias, or the only one whose certificate allows signatures.
fn choose<'a>(
    file: &str,
    entries: &'a [KeyEntry],
    alias: Option<&str>,
) -> Result<&'a KeyEntry, KeystoreError> {
    let wanted = |entry: &&KeyEntry| match alias {
        Some(alias) => entry.alias == alias,
        None => entry.certificate().allows(Utilizzo::Firma),
    };
    let mut found = entries.iter().filter(wanted);
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry),
        (first, _) => Err(KeystoreError::SignerNotChosen {
            file: file.to_owned(),
            several: first.is_some(),
            aliases: entries.iter().map(|entry| entry.alias.clone()).collect(),
        }),
    }
}

fn fingerprint(certificate: &Certificate) -> String {
    hex::encode(Sha256::digest(certificate.as_der()))
}

#[cfg(test)]
mod tests {
    use ceralacca_kernel::Secret;

    use super::*;
    use crate::fixtures::{ca, certificates, keys};
    use crate::pkcs12;

    fn entries(pairs: &[(&str, Utilizzo)]) -> Vec<KeyEntry> {
        let entry = |&(alias, utilizzo): &(&str, Utilizzo)| {
            let (key, certificate) = match utilizzo {
                Utilizzo::Firma => (&keys().firma, &certificates().firma),
                Utilizzo::Cifra => (&keys().cifra, &certificates().cifra),
            };
            let chain = [certificate.clone(), ca().certificate.clone()];
            let password = Secret::new("Abcd1234");
            let file = pkcs12::write(alias, key, &chain, &password).unwrap();
            pkcs12_read::read("firma.p12", &file, &password).unwrap().remove(0)
        };
        pairs.iter().map(entry).collect()
    }

    #[test]
    fn the_key_that_signs_is_chosen() {
        let both = entries(&[("cifra", Utilizzo::Cifra), ("firma", Utilizzo::Firma)]);
        assert_eq!(choose("f", &both, None).unwrap().alias, "firma");
        assert_eq!(choose("f", &both, Some("cifra")).unwrap().alias, "cifra");
        let two = entries(&[("uno", Utilizzo::Firma), ("due", Utilizzo::Firma)]);
        for (entries, alias, several) in
            [(&two, None, true), (&both, Some("tre"), false), (&two, Some(""), false)]
        {
            let refused = choose("f", entries, alias).unwrap_err();
            assert!(
                matches!(&refused, KeystoreError::SignerNotChosen { several: found, .. } if *found == several),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn handles_of_files_and_of_devices_are_read_back() {
        let file = SignerId::File {
            path: "/keys/firma.p12".into(),
            password: SecretRef("signer_password".into()),
            certificate: "ab".into(),
            subject: "CN=Mario Rossi".into(),
        };
        let device = SignerId::Device {
            uri: "pkcs11:serial=1".into(),
            certificate: "ab".into(),
            subject: "CN=Mario Rossi".into(),
        };
        for id in [file, device] {
            let value = ceralacca_kernel::typed::to_value(&SignerHandle(id.clone())).unwrap();
            let back: SignerHandle = ceralacca_kernel::typed::from_value(value).unwrap();
            assert_eq!(back.0, id);
        }
    }
}
