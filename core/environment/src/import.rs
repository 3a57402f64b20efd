//! Imports CERTIF.IN: writes UTEF.P12, UTEC.P12 and, last, UTENTE.KS.
//!
//! Every file appears whole or not at all and is opened again before the next is written. The
//! pending keys go only when all three are there, so that a crash at any point loses nothing.

use std::path::Path;

use ceralacca_kernel::{Explain, Secret, atomic_file};
use ceralacca_keystore::certif_in::{CertifIn, Certified, Expected};
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, KeyPairs, KeystoreError, disk, jks, pkcs12, pkcs12_read};
use jiff::Timestamp;

use crate::error::EnvironmentError;
use crate::folder::{CIFRA_ALIAS, EnvironmentFolder, FIRMA_ALIAS, UTEC, UTEF, UTENTE};
use crate::open::Read;
use crate::pending::Owner;

impl EnvironmentFolder {
    /// Imports the certificates of the pending keys and completes the environment.
    ///
    /// `password` protects the three files, as it protected the pending keys. Any run may import
    /// what another has requested: the keys say whose answer it is, and the lock keeps others out.
    /// Repeating it after it succeeded changes nothing.
    ///
    /// # Errors
    /// `certif_in.*` when CERTIF.IN is not the answer to the pending request; nothing is written
    /// then.
    pub fn import_certificates(
        &self,
        owner: &Owner,
        password: &Secret,
        certif_in: &[u8],
        at: Timestamp,
    ) -> Result<(), EnvironmentError> {
        let certif_in = CertifIn::from_der(certif_in)?;
        let pending = self.pending();
        if self.holds(&certif_in, password) {
            let lock = self.lock(owner)?;
            self.remove_leftovers()?;
            pending.remove()?;
            self.remove_lock(lock);
            return Ok(());
        }
        let marker = self.require_any_pending()?;
        let lock = self.lock(owner)?;
        self.remove_leftovers()?;
        if !pending.has_both_keys() {
            return Err(self.no_pending_keys());
        }
        let keys = pending.keys(password)?;
        let certified = certif_in.match_to(&Expected {
            firma: keys.firma.public(),
            cifra: keys.cifra.public(),
            common_name: marker.as_ref().and_then(|marker| marker.common_name.as_deref()),
            authorities: &pending.authorities()?,
            at,
        })?;
        self.write_all(&keys, &certified, password, at)?;
        pending.remove()?;
        self.remove_lock(lock);
        Ok(())
    }

    /// What a write left that was interrupted before its rename.
    fn remove_leftovers(&self) -> Result<(), KeystoreError> {
        let state = "the pending keys are safe in in-attesa; no file was written";
        atomic_file::remove_leftovers(self.path()).map_err(disk::refused(
            "tidying",
            self.path(),
            state,
        ))
    }

    fn write_all(
        &self,
        keys: &KeyPairs,
        certified: &Certified,
        password: &Secret,
        at: Timestamp,
    ) -> Result<(), EnvironmentError> {
        let utef = pkcs12::write(FIRMA_ALIAS, &keys.firma, &certified.firma, password)?;
        self.write(UTEF, &utef, "the pending keys are safe in in-attesa; no file was written")?;
        self.reopen(UTEF, pkcs12_read::read, password, &[&certified.firma])?;
        let utec = pkcs12::write(CIFRA_ALIAS, &keys.cifra, &certified.cifra, password)?;
        self.write(UTEC, &utec, "the pending keys are safe in in-attesa; UTEF.P12 is written")?;
        self.reopen(UTEC, pkcs12_read::read, password, &[&certified.cifra])?;
        let entries: [jks::Entry<'_>; 2] = [
            (FIRMA_ALIAS, &keys.firma, &certified.firma),
            (CIFRA_ALIAS, &keys.cifra, &certified.cifra),
        ];
        let utente = jks::write(&entries, password, at)?;
        let state = "the pending keys are safe in in-attesa; UTEF.P12 and UTEC.P12 are written";
        self.write(UTENTE, &utente, state)?;
        self.reopen(UTENTE, jks::read, password, &[&certified.firma, &certified.cifra])
    }

    fn write(&self, name: &str, bytes: &[u8], on_disk: &str) -> Result<(), KeystoreError> {
        let path = self.path().join(name);
        atomic_file::write(&path, bytes).map_err(disk::refused("writing", &path, on_disk))
    }

    /// Reads a file back from the disk and holds it against what was written.
    fn reopen(
        &self,
        name: &str,
        read: Read,
        password: &Secret,
        chains: &[&Vec<Certificate>],
    ) -> Result<(), EnvironmentError> {
        let failed = |reason: String| EnvironmentError::ReadBack {
            file: name.to_owned(),
            reason,
            on_disk: NOT_COMPLETE.to_owned(),
        };
        let entries = load(&self.path().join(name), read, password)
            .map_err(|error| failed(error.explain().headline))?;
        let found: Vec<&Vec<Certificate>> = entries.iter().map(|entry| &entry.chain).collect();
        if found != chains {
            return Err(failed("other certificates".to_owned()));
        }
        Ok(())
    }

    /// Whether the environment is complete with exactly these certificates.
    fn holds(&self, certif_in: &CertifIn, password: &Secret) -> bool {
        let holds = |name: &str, read: Read| {
            load(&self.path().join(name), read, password).is_ok_and(|entries| {
                entries.iter().all(|one| certif_in.certificates().contains(one.certificate()))
            })
        };
        holds(UTENTE, jks::read) && holds(UTEF, pkcs12_read::read) && holds(UTEC, pkcs12_read::read)
    }
}

fn load(path: &Path, read: Read, password: &Secret) -> Result<Vec<KeyEntry>, KeystoreError> {
    let bytes = disk::read(path, pkcs12_read::MAX_LENGTH)?;
    read(&disk::name(path), &bytes, password)
}

const NOT_COMPLETE: &str = "the pending keys are still in in-attesa; the import is not complete";
