//! The signer of a document: a person's key in a PKCS#12 file, as scripts hold it.
//!
//! It is not the security environment: the index of an archive is signed by the responsabile della
//! conservazione, the file for the Agency by the environment's key. The two are never merged.

use std::path::{Path, PathBuf};

use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{Call, Error, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::certificate::Certificate;
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
pub struct SignerId {
    /// The PKCS#12 file, absolute.
    pub path: PathBuf,
    /// What opens it.
    pub password: SecretRef,
    /// SHA-256 of the signer's certificate, hexadecimal: a run goes on with the same signer only.
    pub certificate: String,
    /// Subject of the certificate.
    pub subject: String,
}

impl SignerHandle {
    /// Reads the key with its chain.
    ///
    /// # Errors
    /// `signer.changed` when the file now holds another certificate, and those of reading a file.
    pub fn open(&self, call: &Call<'_>) -> Result<KeyEntry, Error> {
        let entries = read(&self.0.path, call, &self.0.password)?;
        let same = |entry: &KeyEntry| fingerprint(entry.certificate()) == self.0.certificate;
        let found = entries.iter().map(|entry| entry.certificate().subject()).collect();
        Ok(entries.into_iter().find(same).ok_or_else(|| KeystoreError::SignerChanged {
            file: disk::name(&self.0.path),
            expected: self.0.subject.clone(),
            found,
        })?)
    }
}

pub(crate) fn open_pkcs12(
    call: &mut Call<'_>,
    path: String,
    password: SecretRef,
    alias: Option<String>,
) -> Result<SignerHandle, Error> {
    let given = Path::new(&path);
    let path = std::path::absolute(given).map_err(disk::refused(
        "looking for",
        given,
        "nothing was signed",
    ))?;
    let entries = read(&path, call, &password)?;
    let entry = choose(&disk::name(&path), &entries, alias.as_deref())?;
    let certificate = entry.certificate();
    let (fingerprint, subject) = (fingerprint(certificate), certificate.subject());
    Ok(SignerHandle(SignerId { path, password, certificate: fingerprint, subject }))
}

pub(crate) fn require_valid_now(
    call: &mut Call<'_>,
    signer: SignerHandle,
) -> Result<SignerHandle, Error> {
    let entry = signer.open(call)?;
    let (certificate, at) = (entry.certificate(), call.now());
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
    Ok(signer.0.subject)
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
}
