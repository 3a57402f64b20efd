//! Reads and copies a complete environment, ours or the Agency's own programs'.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Explain, Secret, atomic_file};

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
    ///
    /// # Errors
    /// `environment.password_change` while a change of the password is not finished.
    pub fn open(&self, password: &Secret) -> Result<OpenEnvironment, KeystoreError> {
        let files = self.files()?;
        self.require_no_password_change()?;
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
    /// The environment must open with `password`, and so must the copy, to the same keys. Repeating
    /// it changes nothing.
    ///
    /// # Errors
    /// `environment.disk_exists` when the folder holds another file of that name, in any case.
    pub fn copy_to(&self, backup: &Path, password: &Secret) -> Result<(), KeystoreError> {
        let ours = self.open(password)?;
        let files = self.files()?;
        disk::create_folder(backup, NOT_COPIED)?;
        for file in [&files.utef, &files.utec, &files.utente] {
            copy(file, backup)?;
        }
        let copy = EnvironmentFolder::at(backup);
        let failed = |reason: String| KeystoreError::ReadBack {
            file: backup.display().to_string(),
            reason,
            on_disk: NOT_COPIED.to_owned(),
        };
        let theirs = copy.open(password).map_err(|error| failed(error.explain().headline))?;
        let same = |one: &KeyEntry, other: &KeyEntry| {
            one.chain == other.chain && one.key.public() == other.key.public()
        };
        if !same(&ours.firma, &theirs.firma) || !same(&ours.cifra, &theirs.cifra) {
            return Err(failed("it opens to other keys".to_owned()));
        }
        Ok(())
    }

    /// The three files, or which of them are missing.
    pub(crate) fn files(&self) -> Result<Files, KeystoreError> {
        let utec = match self.find(UTEC)? {
            None => self.find(UTEK)?,
            found => found,
        };
        match (self.find(UTEF)?, utec, self.find(UTENTE)?) {
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

    /// A file of the environment by its name in any case, where it is there.
    pub(crate) fn find(&self, name: &str) -> Result<Option<PathBuf>, KeystoreError> {
        let refused = disk::refused("reading", &self.path, "nothing was changed");
        disk::find(&self.path, name).map_err(refused)
    }
}

/// The files of a complete environment.
pub(crate) struct Files {
    pub(crate) utef: PathBuf,
    pub(crate) utec: PathBuf,
    pub(crate) utente: PathBuf,
}

/// Reads every key of a container.
pub(crate) type Read = fn(&str, &[u8], &Secret) -> Result<Vec<KeyEntry>, KeystoreError>;

/// Every key of a file, opened with the password as typed, then upper-cased.
pub(crate) fn open_all(
    path: &Path,
    read: Read,
    password: &Secret,
) -> Result<(Vec<KeyEntry>, PasswordForm), KeystoreError> {
    let bytes = disk::read(path, pkcs12_read::MAX_LENGTH)?;
    let name = disk::name(path);
    let upper = Secret::new(password.expose().to_uppercase());
    match read(&name, &bytes, password) {
        Err(KeystoreError::WrongPassword { .. }) if upper != *password => {
            let entries = read(&name, &bytes, &upper).map_err(|error| match error {
                KeystoreError::WrongPassword { container, .. } => {
                    KeystoreError::WrongPassword { container, upper_case_tried: true }
                }
                other => other,
            })?;
            Ok((entries, PasswordForm::UpperCase))
        }
        other => Ok((other?, PasswordForm::AsTyped)),
    }
}

fn open_one(path: &Path, password: &Secret) -> Result<(KeyEntry, PasswordForm), KeystoreError> {
    let (entries, form) = open_all(path, pkcs12_read::read, password)?;
    // The reader never returns an empty list.
    let container = disk::name(path);
    let none = KeystoreError::MissingEntry { container, expected: "a key".to_owned() };
    Ok((entries.into_iter().next().ok_or(none)?, form))
}

/// Copies one file, unless it is there already.
fn copy(file: &Path, backup: &Path) -> Result<(), KeystoreError> {
    let bytes = disk::read(file, pkcs12_read::MAX_LENGTH)?;
    let name = disk::name(file);
    let refused = |path: &Path, error| disk::refused("writing", path, NOT_COPIED)(error);
    // A medium may tell cases apart or not: another case of the name is the same file.
    let found = disk::find(backup, &name).map_err(|error| refused(backup, error))?;
    let copy = found.unwrap_or_else(|| backup.join(&name));
    match atomic_file::write_new(&copy, &bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            if disk::read(&copy, pkcs12_read::MAX_LENGTH)? != bytes {
                return Err(refused(&copy, error));
            }
            Ok(())
        }
        other => other.map_err(|error| refused(&copy, error)),
    }
}

const NOT_COPIED: &str = "the environment itself is unchanged; the copy is not complete";
