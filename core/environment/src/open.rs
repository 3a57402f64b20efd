//! Reads a complete environment, ours or the Agency's own programs'.

use std::path::{Path, PathBuf};

use ceralacca_kernel::Secret;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, KeystoreError, disk, jks, pkcs12_read};

use crate::error::EnvironmentError;
use crate::folder::{EnvironmentFolder, UTEC, UTEF, UTEK, UTENTE};
use crate::key_choice;

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
    /// The password is tried as typed, then upper-cased. Of several keys in a file the one that its
    /// certificate names for the use is taken.
    ///
    /// # Errors
    /// `environment.wrong_key` when a file does not hold the key that it should; and
    /// `environment.password_change` while a change of the password is not finished.
    pub fn open(&self, password: &Secret) -> Result<OpenEnvironment, EnvironmentError> {
        let files = self.files()?;
        self.require_no_password_change()?;
        let (firma, password_form) = open_all(&files.utef, pkcs12_read::read, password)?;
        let (cifra, _) = open_all(&files.utec, pkcs12_read::read, password)?;
        let (utef, utec) = (disk::name(&files.utef), disk::name(&files.utec));
        let (firma, cifra) = key_choice::choose_both((&utef, firma), (&utec, cifra))?;
        Ok(OpenEnvironment { firma, cifra, password_form })
    }

    /// The certificates of the two keys, read from UTENTE.KS without a password.
    ///
    /// A store of another kind than JKS needs the password: use [`EnvironmentFolder::open`] then.
    pub fn certificates(&self) -> Result<Vec<Certificate>, EnvironmentError> {
        let path = self.files()?.utente;
        let bytes = disk::read(&path, pkcs12_read::MAX_LENGTH)?;
        Ok(jks::certificates(&disk::name(&path), &bytes)?)
    }

    /// The three files, or which of them are missing.
    pub(crate) fn files(&self) -> Result<Files, EnvironmentError> {
        let utec = match self.find(UTEC)? {
            None => self.find(UTEK)?,
            found => found,
        };
        match (self.find(UTEF)?, utec, self.find(UTENTE)?) {
            (Some(utef), Some(utec), Some(utente)) => Ok(Files { utef, utec, utente }),
            (utef, utec, utente) => {
                let found = [(UTEF, utef), (UTEC, utec), (UTENTE, utente)];
                let missing = found.into_iter().filter(|(_, found)| found.is_none());
                Err(EnvironmentError::NotAnEnvironment {
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
