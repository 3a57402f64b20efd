//! Changes the password of a complete environment: each file anew, one after the other.
//!
//! While it goes on, `cambio-password.json` names the run, and every file opens with the old or
//! with the new password: a new file is written beside the old one, opened from the disk, and only
//! then takes its name. Repeating the change with both passwords finishes it.

use std::fs;
use std::io;
use std::path::Path;

use ceralacca_kernel::{Explain, Secret, atomic_file};
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{KeystoreError, disk, jks, pkcs12, pkcs12_read};
use jiff::Timestamp;

use crate::error::EnvironmentError;
use crate::folder::{CIFRA_ALIAS, EnvironmentFolder, FIRMA_ALIAS, UTEC, UTEF, UTEK, UTENTE};
use crate::open::{Read, open_all};
use crate::pending::Owner;
use crate::request_outcome::PendingCase;

/// The two passwords of a change.
#[derive(Clone, Copy)]
pub struct PasswordChange<'a> {
    /// Opens the files as they are, as typed or upper-cased.
    pub old: &'a Secret,
    /// Opens them afterwards, exactly as it is given.
    pub new: &'a Secret,
}

impl EnvironmentFolder {
    /// Writes UTEF.P12, UTEC.P12 and UTENTE.KS with a new password. UTEK.P12 gives way to UTEC.P12.
    ///
    /// Repeating it after an interruption, or after it succeeded, finishes it or changes nothing.
    ///
    /// # Errors
    /// `keystore.wrong_password` before anything is changed; `environment.password_change` when a
    /// file opens with neither password, because a change was begun with others.
    pub fn change_password(
        &self,
        owner: &Owner,
        passwords: PasswordChange<'_>,
        at: Timestamp,
    ) -> Result<(), EnvironmentError> {
        self.files()?;
        let lock = self.lock(owner)?;
        if self.pending().has_keys() {
            let run = self.pending().marker()?.map_or("unknown".to_owned(), |one| one.owner.run);
            return Err(self.pending_request(&run, PendingCase::Waiting));
        }
        let begun = self.password_change()?;
        if begun.is_none() {
            if self.opens_throughout(passwords.new) {
                self.remove_lock(lock);
                return Ok(());
            }
            self.require_openable(passwords.old)?;
            self.note_change(owner)?;
        }
        let run = begun.map_or(owner.run.clone(), |begun| begun.run);
        let change = Change { folder: self, passwords, run: &run };
        change.rewrite_p12(UTEF, FIRMA_ALIAS)?;
        change.rewrite_p12(UTEC, CIFRA_ALIAS)?;
        change.rewrite_utente(at)?;
        self.forget_change()?;
        self.remove_lock(lock);
        Ok(())
    }

    /// Who is changing the password, when a change is not finished.
    pub(crate) fn password_change(&self) -> Result<Option<Owner>, KeystoreError> {
        let bytes = match disk::read(&self.path.join(MARKER), MARKER_LENGTH) {
            Err(KeystoreError::Disk(error)) if error.is_missing() => return Ok(None),
            other => other?,
        };
        let owner = serde_json::from_slice(&bytes).map_err(|error| KeystoreError::Malformed {
            container: MARKER.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Some(owner))
    }

    /// Refuses while files may have two different passwords.
    pub(crate) fn require_no_password_change(&self) -> Result<(), EnvironmentError> {
        match self.password_change()? {
            None => Ok(()),
            Some(owner) => Err(self.unfinished(owner.run, None)),
        }
    }

    fn unfinished(&self, run: String, unopened: Option<String>) -> EnvironmentError {
        let folder = self.path.display().to_string();
        EnvironmentError::PasswordChange { folder, run, unopened }
    }

    /// Whether the change has been done: all three files open with exactly this password.
    fn opens_throughout(&self, password: &Secret) -> bool {
        let opens = |path: &Path, read: Read| load(path, read, password).is_ok();
        self.files().is_ok_and(|files| {
            opens(&files.utef, pkcs12_read::read)
                && opens(&files.utec, pkcs12_read::read)
                && opens(&files.utente, jks::read)
        })
    }

    /// Everything that will be written is read once before anything is: nothing is begun in vain.
    fn require_openable(&self, old: &Secret) -> Result<(), EnvironmentError> {
        let files = self.files()?;
        only_key(&files.utef, open_all(&files.utef, pkcs12_read::read_every, old)?.0)?;
        only_key(&files.utec, open_all(&files.utec, pkcs12_read::read_every, old)?.0)?;
        open_all(&files.utente, jks::read, old)?;
        Ok(())
    }

    fn note_change(&self, owner: &Owner) -> Result<(), KeystoreError> {
        let path = self.path.join(MARKER);
        let bytes = serde_json::to_vec_pretty(owner)
            .map_err(|_| KeystoreError::Encoding { what: MARKER.to_owned() })?;
        atomic_file::write(&path, &bytes).map_err(disk::refused(
            "writing",
            &path,
            "the password is the old one; nothing was changed",
        ))
    }

    fn forget_change(&self) -> Result<(), KeystoreError> {
        let path = self.path.join(MARKER);
        let done = "all files have the new password";
        let remove = || {
            atomic_file::remove_leftovers(&self.path)?;
            atomic_file::remove(&path)
        };
        remove().map_err(disk::refused("removing", &path, done))
    }
}

/// A change that has begun.
struct Change<'a> {
    folder: &'a EnvironmentFolder,
    passwords: PasswordChange<'a>,
    run: &'a str,
}

impl Change<'_> {
    /// UTEF.P12 or UTEC.P12, whose name may be in any case; UTEK.P12 becomes UTEC.P12.
    fn rewrite_p12(&self, name: &str, alias: &str) -> Result<(), EnvironmentError> {
        let misspelt = if name == UTEC { self.folder.find(UTEK)? } else { None };
        let (from, to) = match (self.folder.find(name)?, &misspelt) {
            (Some(found), _) => (found.clone(), found),
            (None, Some(misspelt)) => (misspelt.clone(), self.folder.path.join(name)),
            (None, None) => return self.folder.files().map(drop),
        };
        let entry = only_key(&from, self.read(&from, pkcs12_read::read_every)?)?;
        // Under its new name it is not there yet, whatever opens the other.
        if from != to || load(&from, pkcs12_read::read, self.passwords.new).is_err() {
            let alias = if entry.alias.is_empty() { alias } else { &entry.alias };
            let bytes = pkcs12::write(alias, &entry.key, &entry.chain, self.passwords.new)?;
            self.replace(&to, &bytes, pkcs12_read::read, std::slice::from_ref(&entry))?;
        }
        match misspelt {
            Some(misspelt) => Ok(self.remove_same(&misspelt, &entry)?),
            None => Ok(()),
        }
    }

    /// Both keys under their aliases, in Java's own format whatever it was before.
    fn rewrite_utente(&self, at: Timestamp) -> Result<(), EnvironmentError> {
        let Some(path) = self.folder.find(UTENTE)? else {
            return self.folder.files().map(drop);
        };
        if load(&path, jks::read, self.passwords.new).is_ok() {
            return Ok(());
        }
        let entries = self.read(&path, jks::read)?;
        let stored: Vec<jks::Entry<'_>> = entries
            .iter()
            .map(|one| (one.alias.as_str(), &one.key, one.chain.as_slice()))
            .collect();
        let bytes = jks::write(&stored, self.passwords.new, at)?;
        self.replace(&path, &bytes, jks::read, &entries)
    }

    /// The keys of a file, which one of the two passwords opens.
    fn read(&self, path: &Path, read: Read) -> Result<Vec<KeyEntry>, EnvironmentError> {
        match load(path, read, self.passwords.new) {
            Err(KeystoreError::WrongPassword { .. }) => {}
            other => return Ok(other?),
        }
        open_all(path, read, self.passwords.old).map(|(entries, _)| entries).map_err(|error| {
            match error {
                KeystoreError::WrongPassword { container, .. } => {
                    self.folder.unfinished(self.run.to_owned(), Some(container))
                }
                other => other.into(),
            }
        })
    }

    /// Gives `bytes` the name of the file, once they were read back from the disk beside it.
    fn replace(
        &self,
        path: &Path,
        bytes: &[u8],
        read: Read,
        expected: &[KeyEntry],
    ) -> Result<(), EnvironmentError> {
        let staged = path.with_file_name(format!("{STAGED}{}", disk::name(path)));
        let state = format!("{} still has the old password", disk::name(path));
        let refused = |error| disk::refused("writing", path, &state)(error);
        atomic_file::write(&staged, bytes).map_err(refused)?;
        let failed = |reason: String| EnvironmentError::ReadBack {
            file: disk::name(path),
            reason,
            on_disk: state.clone(),
        };
        let found = load(&staged, read, self.passwords.new)
            .map_err(|error| failed(error.explain().headline))?;
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|(one, other)| {
                one.chain == other.chain && one.key.public() == other.key.public()
            });
        if !same {
            return Err(failed("it opens to other keys".to_owned()));
        }
        Ok(atomic_file::rename(&staged, path).map_err(refused)?)
    }

    /// Removes UTEK.P12 when it holds the key that UTEC.P12 now has; another one stays.
    fn remove_same(&self, misspelt: &Path, entry: &KeyEntry) -> Result<(), KeystoreError> {
        let Ok(entries) = self.read(misspelt, pkcs12_read::read) else { return Ok(()) };
        if !entries.iter().all(|one| one.key.public() == entry.key.public()) {
            return Ok(());
        }
        let state = "UTEC.P12 has the new password; UTEK.P12 is not needed any more";
        match fs::remove_file(misspelt) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => atomic_file::sync_folder(&self.folder.path),
        }
        .map_err(disk::refused("removing", misspelt, state))
    }
}

/// A file of one key: what is written anew holds one, and none may be lost.
fn only_key(path: &Path, entries: Vec<KeyEntry>) -> Result<KeyEntry, KeystoreError> {
    let count = entries.len();
    match <[KeyEntry; 1]>::try_from(entries) {
        Ok([entry]) => Ok(entry),
        Err(_) => Err(KeystoreError::MissingEntry {
            container: disk::name(path),
            expected: format!("one key; there are {count}"),
        }),
    }
}

fn load(path: &Path, read: Read, password: &Secret) -> Result<Vec<KeyEntry>, KeystoreError> {
    let bytes = disk::read(path, pkcs12_read::MAX_LENGTH)?;
    read(&disk::name(path), &bytes, password)
}

const MARKER: &str = "cambio-password.json";
const MARKER_LENGTH: u64 = 64 * 1024;
const STAGED: &str = "cambio-password-";

#[cfg(test)]
#[path = "change_password_tests.rs"]
mod tests;
