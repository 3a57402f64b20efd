//! Keys that wait for their certificates: the folder `in-attesa` inside an environment folder.
//!
//! ```text
//! in-attesa/richiesta.json  whose keys these are, and what was asked for
//! in-attesa/firma.p8        signature key: EncryptedPrivateKeyInfo (RFC 5208), opens in openssl
//! in-attesa/cifra.p8        cipher key
//! in-attesa/ca.p7b          the CA certificates of the request
//! ```
//!
//! Keys are never only in memory: they are here, encrypted and synced, before anybody gets them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Explain, Secret, atomic_file};
use ceralacca_keystore::certif_in::{self, CertifIn};
use ceralacca_keystore::{
    Certificate, KeyPair, KeyPairs, KeystoreError, Utilizzo, disk, encrypted_key,
};
use serde::{Deserialize, Serialize};

/// Name of the folder.
pub const FOLDER: &str = "in-attesa";

/// The pending keys of one environment.
#[derive(Debug)]
pub struct Pending {
    folder: PathBuf,
}

/// Whose the pending keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Unique to the run, wherever its workspace is.
    pub id: String,
    /// How people name the run.
    pub run: String,
}

/// What is known of a pending request: `richiesta.json`. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The run that the keys belong to.
    pub owner: Owner,
    /// The call that made the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// `<codice fiscale>-<sede>`, once the request was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// SHA-256 of the request, hexadecimal, once it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_sha256: Option<String>,
    /// Fingerprints of the two keys, Firma and Cifra, once the request was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprints: Option<(String, String)>,
}

impl Marker {
    /// The marker of a run that has not requested anything yet.
    pub fn new(owner: Owner) -> Marker {
        Marker { owner, call: None, common_name: None, request_sha256: None, fingerprints: None }
    }
}

impl Pending {
    /// The pending keys in an environment folder, whether there are any or not.
    pub fn of(environment: &Path) -> Pending {
        Pending { folder: environment.join(FOLDER) }
    }

    /// Who made the keys; `None` when nothing is pending.
    pub fn marker(&self) -> Result<Option<Marker>, KeystoreError> {
        let path = self.folder.join(MARKER);
        let bytes = match disk::read(&path, MAX_LENGTH) {
            Err(KeystoreError::Disk(error)) if error.is_missing() => return Ok(None),
            other => other?,
        };
        let marker = serde_json::from_slice(&bytes).map_err(|error| KeystoreError::Malformed {
            container: format!("{FOLDER}/{MARKER}"),
            reason: error.to_string(),
        })?;
        Ok(Some(marker))
    }

    /// Whether at least one key is there.
    pub fn has_keys(&self) -> bool {
        [Utilizzo::Firma, Utilizzo::Cifra].into_iter().any(|one| self.path(one).exists())
    }

    /// Whether both keys are there.
    pub fn has_both_keys(&self) -> bool {
        [Utilizzo::Firma, Utilizzo::Cifra].into_iter().all(|one| self.path(one).exists())
    }

    /// Makes the folder and says whose it is. Safe to repeat.
    pub fn begin(&self, owner: &Owner) -> Result<(), KeystoreError> {
        let nothing = "the folder is prepared; no key was generated, nothing was sent";
        disk::create_folder(&self.folder, nothing)?;
        self.write_marker(&Marker::new(owner.clone()), nothing)
    }

    /// Notes what was asked for, and of whom.
    pub fn record_request(
        &self,
        marker: &Marker,
        authorities: &[Certificate],
    ) -> Result<(), KeystoreError> {
        let keys_only = "both keys are in in-attesa; no request was written, nothing was sent";
        let path = self.folder.join(AUTHORITIES);
        atomic_file::write(&path, &certif_in::build(authorities)?)
            .map_err(disk::refused("writing", &path, keys_only))?;
        self.write_marker(marker, keys_only)
    }

    /// The CA certificates of the request; none before there is a request.
    pub fn authorities(&self) -> Result<Vec<Certificate>, KeystoreError> {
        let path = self.folder.join(AUTHORITIES);
        match disk::read(&path, MAX_LENGTH) {
            Err(KeystoreError::Disk(error)) if error.is_missing() => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(bytes) => CertifIn::from_der(&bytes)
                .map(|read| read.certificates().to_vec())
                .map_err(|error| KeystoreError::Malformed {
                    container: format!("{FOLDER}/{AUTHORITIES}"),
                    reason: error.explain().headline,
                }),
        }
    }

    /// Generates the keys that are not there yet, and reads those that are.
    ///
    /// Both are on disk, encrypted with `password` and synced, before this returns. Repeating it
    /// gives the same keys.
    pub fn generate(&self, password: &Secret) -> Result<KeyPairs, KeystoreError> {
        let (has_firma, has_cifra) =
            (self.path(Utilizzo::Firma).exists(), self.path(Utilizzo::Cifra).exists());
        if has_firma && has_cifra {
            return self.keys(password);
        }
        // A key that is there alone is kept: it may be shown somewhere already.
        let firma = has_firma.then(|| self.key(Utilizzo::Firma, password)).transpose()?;
        let cifra = has_cifra.then(|| self.key(Utilizzo::Cifra, password)).transpose()?;
        let pairs = match (firma, cifra) {
            (Some(firma), _) => KeyPairs { firma, cifra: KeyPair::generate()? },
            (_, Some(cifra)) => KeyPairs { firma: KeyPair::generate()?, cifra },
            (None, None) => KeyPair::generate_both()?,
        };
        if !has_firma {
            self.write_key(Utilizzo::Firma, &pairs.firma, password)?;
        }
        if !has_cifra {
            self.write_key(Utilizzo::Cifra, &pairs.cifra, password)?;
        }
        Ok(pairs)
    }

    /// Reads both keys.
    pub fn keys(&self, password: &Secret) -> Result<KeyPairs, KeystoreError> {
        Ok(KeyPairs {
            firma: self.key(Utilizzo::Firma, password)?,
            cifra: self.key(Utilizzo::Cifra, password)?,
        })
    }

    /// Removes the folder, once the keys are in UTEF.P12, UTEC.P12 and UTENTE.KS. Safe to repeat.
    pub fn remove(&self) -> Result<(), KeystoreError> {
        let done = "the environment is complete: UTEF.P12, UTEC.P12 and UTENTE.KS are written; \
                    in-attesa is not needed any more";
        let remove = || -> io::Result<()> {
            if !self.folder.exists() {
                return Ok(());
            }
            atomic_file::remove_leftovers(&self.folder)?;
            // The marker goes last: what is left by a crash still says whose it is.
            for name in [FIRMA, CIFRA, AUTHORITIES, MARKER] {
                atomic_file::remove(&self.folder.join(name))?;
            }
            fs::remove_dir(&self.folder)?;
            self.folder.parent().map_or(Ok(()), atomic_file::sync_folder)
        };
        remove().map_err(disk::refused("removing", &self.folder, done))
    }

    fn path(&self, utilizzo: Utilizzo) -> PathBuf {
        self.folder.join(match utilizzo {
            Utilizzo::Firma => FIRMA,
            Utilizzo::Cifra => CIFRA,
        })
    }

    fn key(&self, utilizzo: Utilizzo, password: &Secret) -> Result<KeyPair, KeystoreError> {
        let path = self.path(utilizzo);
        let bytes = disk::read(&path, MAX_LENGTH)?;
        let name = format!("{FOLDER}/{}", disk::name(&path));
        encrypted_key::read(&name, &bytes, password)
    }

    fn write_key(
        &self,
        utilizzo: Utilizzo,
        key: &KeyPair,
        password: &Secret,
    ) -> Result<(), KeystoreError> {
        let encrypted = encrypted_key::write(key, password)?;
        let path = self.path(utilizzo);
        let state = match utilizzo {
            Utilizzo::Firma => "no key was written; nothing was sent",
            Utilizzo::Cifra => "firma.p8 is written, cifra.p8 is not; nothing was sent",
        };
        atomic_file::write(&path, &encrypted).map_err(disk::refused("writing", &path, state))
    }

    fn write_marker(&self, marker: &Marker, on_disk: &str) -> Result<(), KeystoreError> {
        let path = self.folder.join(MARKER);
        let bytes = serde_json::to_vec_pretty(marker)
            .map_err(|_| KeystoreError::Encoding { what: MARKER.to_owned() })?;
        atomic_file::write(&path, &bytes).map_err(disk::refused("writing", &path, on_disk))
    }
}

const MARKER: &str = "richiesta.json";
const FIRMA: &str = "firma.p8";
const CIFRA: &str = "cifra.p8";
const AUTHORITIES: &str = "ca.p7b";
const MAX_LENGTH: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::ca;

    fn owner() -> Owner {
        Owner { id: "a1b2".to_owned(), run: "7".to_owned() }
    }

    #[test]
    fn keys_are_on_disk_and_stay_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let pending = Pending::of(folder.path());
        let password = Secret::new("Abcd1234");
        assert_eq!(pending.marker().unwrap(), None);
        pending.begin(&owner()).unwrap();
        assert_eq!(pending.marker().unwrap().unwrap().owner, owner());
        let first = pending.generate(&password).unwrap();
        assert!(pending.has_both_keys());
        let again = pending.generate(&password).unwrap();
        assert_eq!(again.firma.fingerprint(), first.firma.fingerprint());
        assert_eq!(again.cifra.fingerprint(), first.cifra.fingerprint());
        let refused = pending.keys(&Secret::new("abcd1234")).unwrap_err();
        assert!(matches!(refused, KeystoreError::WrongPassword { .. }));

        // A key whose twin was lost before it was written is kept.
        fs::remove_file(folder.path().join("in-attesa/cifra.p8")).unwrap();
        let third = pending.generate(&password).unwrap();
        assert_eq!(third.firma.fingerprint(), first.firma.fingerprint());
        assert_ne!(third.cifra.fingerprint(), first.cifra.fingerprint());
        assert_eq!(pending.keys(&password).unwrap().cifra.fingerprint(), third.cifra.fingerprint());

        pending.remove().unwrap();
        pending.remove().unwrap();
        assert!(!folder.path().join(FOLDER).exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let pending = Pending::of(folder.path());
        pending.begin(&owner()).unwrap();
        let key = crate::fixtures::keys();
        pending.write_key(Utilizzo::Firma, &key.firma, &Secret::new("Abcd1234")).unwrap();
        let mode = |name: &str| {
            let path = folder.path().join(FOLDER).join(name);
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("firma.p8"), mode("richiesta.json"), mode("")), (0o600, 0o600, 0o700));
    }

    #[test]
    fn the_request_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let pending = Pending::of(folder.path());
        pending.begin(&owner()).unwrap();
        assert_eq!(pending.authorities().unwrap(), []);
        let marker = Marker {
            common_name: Some("X-000".to_owned()),
            request_sha256: Some("00".to_owned()),
            ..Marker::new(owner())
        };
        pending.record_request(&marker, &[ca().certificate.clone()]).unwrap();
        assert_eq!(pending.marker().unwrap(), Some(marker));
        assert_eq!(pending.authorities().unwrap(), [ca().certificate.clone()]);
        fs::write(folder.path().join("in-attesa/richiesta.json"), "{").unwrap();
        assert!(matches!(pending.marker(), Err(KeystoreError::Malformed { .. })));
    }
}
