//! Reads and copies a complete environment, ours or the Agency's own programs'.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Secret, atomic_file};

use crate::certificate::Certificate;
use crate::disk;
use crate::environment::{EnvironmentFolder, UTEC, UTEF, UTEK, UTENTE};
use crate::error::KeystoreError;
use crate::jks;
use crate::key_entry::KeyEntry;
use crate::pkcs12_read;

/// How the password was written that opened an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordForm {
    /// As it was typed.
    AsTyped,
    /// In upper case: what some programs make of it before they write.
    UpperCase,
}

/// An environment with its private keys.
#[derive(Debug)]
pub struct OpenEnvironment {
    /// The signature key pair.
    pub firma: KeyEntry,
    /// The cipher key pair.
    pub cifra: KeyEntry,
    /// Which form of the password opened UTEF.P12.
    pub password_form: PasswordForm,
}

impl EnvironmentFolder {
    /// Opens UTEF.P12 and UTEC.P12 (or UTEK.P12), whose names may be in any case.
    ///
    /// The password is tried as typed, then upper-cased.
    pub fn open(&self, password: &Secret) -> Result<OpenEnvironment, KeystoreError> {
        let files = self.files()?;
        let (firma, password_form) = open_one(&files.utef, password)?;
        let (cifra, _) = open_one(&files.utec, password)?;
        Ok(OpenEnvironment { firma, cifra, password_form })
    }

    /// The certificates of the two keys, read from UTENTE.KS without a password.
    ///
    /// A store of another kind than JKS needs the password: use [`EnvironmentFolder::open`] then.
    pub fn certificates(&self) -> Result<Vec<Certificate>, KeystoreError> {
        let path = self.files()?.utente;
        jks::certificates(&disk::name(&path), &disk::read(&path, pkcs12_read::MAX_LENGTH)?)
    }

    /// Copies the three files to another folder; files there are never overwritten.
    ///
    /// Repeating it changes nothing.
    ///
    /// # Errors
    /// `environment.disk_exists` when the folder holds another file of that name.
    pub fn copy_to(&self, backup: &Path) -> Result<(), KeystoreError> {
        let files = self.files()?;
        disk::create_folder(backup, NOT_COPIED)?;
        for file in [&files.utef, &files.utec, &files.utente] {
            let bytes = disk::read(file, pkcs12_read::MAX_LENGTH)?;
            let copy = backup.join(disk::name(file));
            match atomic_file::write_new(&copy, &bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    if disk::read(&copy, pkcs12_read::MAX_LENGTH)? != bytes {
                        return Err(disk::refused("writing", &copy, NOT_COPIED)(error));
                    }
                }
                other => other.map_err(disk::refused("writing", &copy, NOT_COPIED))?,
            }
            if disk::read(&copy, pkcs12_read::MAX_LENGTH)? != bytes {
                let reason = "other bytes than were written".to_owned();
                return Err(KeystoreError::ReadBack { file: disk::name(&copy), reason });
            }
        }
        Ok(())
    }

    /// The three files, or which of them are missing.
    fn files(&self) -> Result<Files, KeystoreError> {
        let find = |name| {
            disk::find(&self.path, name).map_err(disk::refused(
                "reading",
                &self.path,
                "nothing was changed",
            ))
        };
        let utec = match find(UTEC)? {
            None => find(UTEK)?,
            found => found,
        };
        match (find(UTEF)?, utec, find(UTENTE)?) {
            (Some(utef), Some(utec), Some(utente)) => Ok(Files { utef, utec, utente }),
            (utef, utec, utente) => {
                let found = [(UTEF, utef), (UTEC, utec), (UTENTE, utente)];
                let missing = found.into_iter().filter(|(_, found)| found.is_none());
                Err(KeystoreError::NotAnEnvironment {
                    folder: self.path.display().to_string(),
                    missing: missing.map(|(name, _)| name.to_owned()).collect(),
                })
            }
        }
    }
}

struct Files {
    utef: PathBuf,
    utec: PathBuf,
    utente: PathBuf,
}

fn open_one(path: &Path, password: &Secret) -> Result<(KeyEntry, PasswordForm), KeystoreError> {
    let bytes = disk::read(path, pkcs12_read::MAX_LENGTH)?;
    let name = disk::name(path);
    let upper = Secret::new(password.expose().to_uppercase());
    let (entries, form) = match pkcs12_read::read(&name, &bytes, password) {
        Err(KeystoreError::WrongPassword { .. }) if upper != *password => {
            let entries =
                pkcs12_read::read(&name, &bytes, &upper).map_err(|error| match error {
                    KeystoreError::WrongPassword { container, .. } => {
                        KeystoreError::WrongPassword { container, upper_case_tried: true }
                    }
                    other => other,
                })?;
            (entries, PasswordForm::UpperCase)
        }
        other => (other?, PasswordForm::AsTyped),
    };
    // The reader never returns an empty list.
    let none = KeystoreError::MissingEntry { container: name, expected: "a key".to_owned() };
    Ok((entries.into_iter().next().ok_or(none)?, form))
}

const NOT_COPIED: &str = "the environment itself is unchanged; the copy is not complete";
