//! A security environment: a folder, from its first key to UTEF.P12, UTEC.P12 and UTENTE.KS.
//!
//! Every step can be repeated after a crash at any point and then goes on from where it was. What
//! the folder holds is never overwritten: an older environment in it is set aside under a dated
//! name. Importing is in `import.rs`, reading in `open.rs`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_kernel::lock::{FileLock, LockError};
use ceralacca_kernel::{Secret, atomic_file, regular_file};
use ceralacca_keystore::public_key::REQUIRED_BITS;
use ceralacca_keystore::request_profile::{Nonces, RequestParts, RequestProfile};
use ceralacca_keystore::{Certificate, KeyPairs, KeystoreError, disk, pkcs12_read};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::aside::free_name;
use crate::error::EnvironmentError;
use crate::pending::{self, Marker, Owner, Pending};
use crate::request_outcome::{PendingCase, RequestOutcomes};

/// The signature key pair.
pub const UTEF: &str = "UTEF.P12";
/// The cipher key pair.
pub const UTEC: &str = "UTEC.P12";
/// The cipher key pair as the Agency's guide once misspells it: read, never written.
pub const UTEK: &str = "UTEK.P12";
/// Both key pairs for Java programs; written last, so that it marks a complete environment.
pub const UTENTE: &str = "UTENTE.KS";
/// Alias of the signature key pair, as the Agency's programs use it.
pub const FIRMA_ALIAS: &str = "sign_keypair0";
/// Alias of the cipher key pair. UNVERIFIED: the Agency's own alias is not public.
pub const CIFRA_ALIAS: &str = "cipher_keypair0";

/// The folder of a security environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFolder {
    pub(crate) path: PathBuf,
}

/// What a request says, and to whom.
#[derive(Clone, Copy)]
pub struct RequestDetails<'a> {
    /// `<codice fiscale>-<sede>`.
    pub common_name: &'a str,
    /// Proves who asks.
    pub pincode: &'a Secret,
    /// For revoking later.
    pub pin_di_revoca: &'a Secret,
    /// The CA's certificates; the request is sealed for the first.
    pub authorities: &'a [Certificate],
    /// Fresh random numbers.
    pub nonces: Nonces,
    /// Which call asks: the same again when it is repeated after an interruption.
    pub call: &'a str,
}

impl EnvironmentFolder {
    /// The environment in `path`; nothing is looked at yet.
    pub fn at(path: impl Into<PathBuf>) -> EnvironmentFolder {
        EnvironmentFolder { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What waits for certificates in it.
    pub fn pending(&self) -> Pending {
        Pending::of(&self.path)
    }

    /// Whether UTENTE.KS is there, in any case.
    pub fn is_complete(&self) -> bool {
        matches!(disk::find(&self.path, UTENTE), Ok(Some(_)))
    }

    /// Prepares the folder for the keys of `owner`.
    ///
    /// The folder above it must be there. A folder that holds something is first renamed to
    /// `<name>_<milliseconds of at>`; returns where it is now. `known` says what became of keys of
    /// another run that wait there: those of a rejected request, those of a run that was given up
    /// before it sent any, and whatever is there once `owner` has revoked the environment, are set
    /// aside with the reason; others stay. Repeating it for the same owner changes nothing.
    ///
    /// # Errors
    /// `environment.pending_request` when the folder holds keys of another run that are to stay.
    pub fn create(
        &self,
        owner: &Owner,
        at: Timestamp,
        known: &RequestOutcomes,
    ) -> Result<Option<PathBuf>, EnvironmentError> {
        self.create_folder()?;
        let lock = self.lock(owner)?;
        let marker = self.pending().marker().ok().flatten();
        if marker.is_some_and(|marker| marker.owner == *owner) {
            return Ok(None);
        }
        self.let_go(owner, known, at)?;
        if !self.pending().has_keys() && self.holds_nothing()? {
            self.pending().begin(owner)?;
            return Ok(None);
        }
        drop(lock);
        let aside = self.set_aside(at)?;
        self.create_folder()?;
        let _lock = self.lock(owner)?;
        self.pending().begin(owner)?;
        Ok(Some(aside))
    }

    /// Generates the two key pairs into the folder, encrypted with `password`.
    ///
    /// Repeating it gives the same keys.
    pub fn generate_keys(
        &self,
        owner: &Owner,
        password: &Secret,
    ) -> Result<KeyPairs, EnvironmentError> {
        self.require_pending(owner)?;
        let _lock = self.lock(owner)?;
        Ok(self.pending().generate(password)?)
    }

    /// Makes the bytes of `req.ccc` for the pending keys, and remembers what was asked.
    pub fn request(
        &self,
        owner: &Owner,
        password: &Secret,
        profile: &dyn RequestProfile,
        details: &RequestDetails<'_>,
    ) -> Result<Vec<u8>, EnvironmentError> {
        self.require_pending(owner)?;
        let _lock = self.lock(owner)?;
        if !self.pending().has_both_keys() {
            return Err(self.no_pending_keys());
        }
        let keys = self.pending().keys(password)?;
        let none = || KeystoreError::RequestCaUnusable { reason: "no certificate".to_owned() };
        let request = profile.build(&RequestParts {
            keys: &keys,
            common_name: details.common_name,
            pincode: details.pincode,
            pin_di_revoca: details.pin_di_revoca,
            ca: details.authorities.first().ok_or_else(none)?,
            nonces: details.nonces,
        })?;
        let marker = Marker {
            fingerprints: Some((keys.firma.fingerprint(), keys.cifra.fingerprint())),
            owner: owner.clone(),
            call: Some(details.call.to_owned()),
            common_name: Some(details.common_name.to_owned()),
            request_sha256: Some(hex::encode(Sha256::digest(&request))),
        };
        self.pending().record_request(&marker, details.authorities)?;
        Ok(request)
    }

    /// The *Riepilogo* of the pending request: label and text of each line, without secrets.
    pub fn request_summary(&self) -> Result<Vec<(String, String)>, EnvironmentError> {
        let marker = self.pending().marker()?.ok_or_else(|| self.no_pending_keys())?;
        let (Some(common_name), Some(sha256), Some((firma, cifra))) =
            (marker.common_name, marker.request_sha256, marker.fingerprints)
        else {
            return Err(self.no_pending_keys());
        };
        let (codice_fiscale, sede) = common_name.rsplit_once('-').unwrap_or((&common_name, ""));
        let mut lines = vec![
            ("Utente".to_owned(), codice_fiscale.to_owned()),
            ("Sede".to_owned(), sede.to_owned()),
            ("Ambiente di sicurezza".to_owned(), self.path.display().to_string()),
            ("Chiave di firma".to_owned(), format!("RSA {REQUIRED_BITS}, SHA-256 {firma}")),
            ("Chiave di cifra".to_owned(), format!("RSA {REQUIRED_BITS}, SHA-256 {cifra}")),
        ];
        for ca in self.pending().authorities()? {
            let fingerprint = hex::encode(Sha256::digest(ca.as_der()));
            let text = format!("{}, SHA-256 {fingerprint}", ca.subject());
            lines.push(("Autorità di certificazione".to_owned(), text));
        }
        lines.push(("File".to_owned(), format!("{REQUEST_NAME}, SHA-256 {sha256}")));
        Ok(lines)
    }

    /// Puts a request where it waits to be sent, `folder/req.ccc`, and says where that is.
    ///
    /// Another file of that name is set aside under a dated name.
    pub fn save_request(
        &self,
        folder: &Path,
        request: &[u8],
        at: Timestamp,
    ) -> Result<PathBuf, KeystoreError> {
        let state = "the keys are in in-attesa; req.ccc is not written; nothing was sent";
        let path = folder.join(REQUEST_NAME);
        let found = regular_file::read(&path, request.len() as u64);
        if path.exists() && !found.is_ok_and(|found| found == request) {
            let aside = free_name(folder, at, |millis| format!("req_{millis}.ccc"));
            atomic_file::rename(&path, &aside).map_err(disk::refused("renaming", &path, state))?;
        }
        atomic_file::write(&path, request).map_err(disk::refused("writing", &path, state))?;
        Ok(path)
    }

    /// The request that `call` made before it was interrupted, when it is in `folder`.
    pub fn saved_request(&self, folder: &Path, call: &str) -> Option<Vec<u8>> {
        let marker = self.pending().marker().ok()??;
        let expected = marker.request_sha256.filter(|_| marker.call.as_deref() == Some(call))?;
        let request = disk::read(&folder.join(REQUEST_NAME), pkcs12_read::MAX_LENGTH).ok()?;
        (hex::encode(Sha256::digest(&request)) == expected).then_some(request)
    }

    /// Locks the folder against other processes until the result is dropped.
    pub(crate) fn lock(&self, owner: &Owner) -> Result<FileLock, EnvironmentError> {
        let path = self.path.join(LOCK);
        let holder = format!("run {}, process {}", owner.run, std::process::id());
        FileLock::acquire(&path, &holder).map_err(|error| match error {
            LockError::Held(holder) => {
                EnvironmentError::Locked { folder: self.path.display().to_string(), holder }
            }
            LockError::Io(error) => {
                disk::refused("locking", &path, "nothing was changed")(error).into()
            }
        })
    }

    /// Removes the lock's file, once nothing is pending any more.
    pub(crate) fn remove_lock(&self, lock: FileLock) {
        // Only tidiness: a file that stays disturbs nobody.
        let _ = fs::remove_file(self.path.join(LOCK));
        drop(lock);
    }

    pub(crate) fn require_pending(&self, owner: &Owner) -> Result<Marker, EnvironmentError> {
        match self.pending().marker()? {
            Some(marker) if marker.owner == *owner => Ok(marker),
            Some(marker) => {
                let case = match marker.request_sha256 {
                    Some(_) => PendingCase::Waiting,
                    None => PendingCase::NotRequested,
                };
                Err(self.pending_request(&marker.owner.run, case))
            }
            None if self.is_complete() => {
                Err(EnvironmentError::AlreadyComplete { folder: self.path.display().to_string() })
            }
            // A medium that was pulled out is not an environment without keys.
            None if !self.path.is_dir() => {
                let missing = io::Error::new(io::ErrorKind::NotFound, "no such folder");
                Err(disk::refused("looking for", &self.path, "nothing was changed")(missing).into())
            }
            None => Err(self.no_pending_keys()),
        }
    }

    /// Pending keys of whatever run; the marker is gone when somebody removed it by hand.
    pub(crate) fn require_any_pending(&self) -> Result<Option<Marker>, EnvironmentError> {
        if !self.path.is_dir() {
            let missing = io::Error::new(io::ErrorKind::NotFound, "no such folder");
            return Err(
                disk::refused("looking for", &self.path, "nothing was changed")(missing).into()
            );
        }
        let marker = self.pending().marker()?;
        if marker.is_none() && !self.pending().has_keys() {
            return Err(match self.is_complete() {
                true => {
                    EnvironmentError::AlreadyComplete { folder: self.path.display().to_string() }
                }
                false => self.no_pending_keys(),
            });
        }
        Ok(marker)
    }

    pub(crate) fn no_pending_keys(&self) -> EnvironmentError {
        EnvironmentError::NoPendingKeys { folder: self.path.display().to_string() }
    }

    pub(crate) fn pending_request(&self, run: &str, case: PendingCase) -> EnvironmentError {
        let (folder, run) = (self.path.display().to_string(), run.to_owned());
        EnvironmentError::PendingRequest { folder, run, case }
    }

    fn create_folder(&self) -> Result<(), KeystoreError> {
        disk::create_folder(&self.path, "nothing was created; no key was generated")
    }

    /// Whether there is nothing but what an interrupted [`EnvironmentFolder::create`] left.
    fn holds_nothing(&self) -> Result<bool, KeystoreError> {
        let nothing = "nothing was changed";
        let look = || -> io::Result<bool> {
            for entry in fs::read_dir(&self.path)? {
                let name = entry?.file_name();
                let name = name.to_string_lossy();
                let ours = name == LOCK
                    || name == HOLDER
                    || name == pending::FOLDER
                    || name.starts_with(atomic_file::TEMPORARY_PREFIX);
                if !ours {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        look().map_err(disk::refused("reading", &self.path, nothing))
    }
}

/// Name of the request, as the Agency's programs give it.
pub const REQUEST_NAME: &str = "req.ccc";
pub(crate) const LOCK: &str = ".ambiente.lock";
pub(crate) const HOLDER: &str = ".ambiente.holder";

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
