//! The environment that a sealed file is for, and its key once the password is given.

use std::path::{Path, PathBuf};

use ceralacca_kernel::Secret;
use ceralacca_keystore::enveloped_data::Recipients;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{KeystoreError, jks};

use crate::error::EnvironmentError;
use crate::folder::{EnvironmentFolder, UTEC, UTEF, UTEK, UTENTE};
use crate::open::{PasswordForm, open_all};

/// Which environment a sealed file is for, or which it may be for.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub(crate) recipients: Recipients,
    /// Never empty; one when it is certain.
    pub(crate) candidates: Vec<Candidate>,
    /// All folders that were looked at, for the error.
    pub(crate) environments: Vec<String>,
    pub(crate) certain: bool,
}

/// An environment that may hold the key.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) folder: EnvironmentFolder,
    pub(crate) current: bool,
}

/// The key of a sealed file's recipient.
#[derive(Debug)]
pub struct OpenRecipient {
    /// The key and its certificate: what `enveloped_data::open` takes.
    pub entry: KeyEntry,
    /// How the password was written that opened it.
    pub password_form: PasswordForm,
    /// The environment's folder.
    pub folder: PathBuf,
    /// Whether it is the current environment.
    pub current: bool,
}

impl Recipient {
    /// The environment's folder; the first in question when it is not certain.
    pub fn folder(&self) -> &Path {
        self.candidates.first().map_or(Path::new(""), |one| one.folder.path())
    }

    /// Whether a certificate read without a password names this environment.
    pub fn is_certain(&self) -> bool {
        self.certain
    }

    /// Whether only the current environment comes into question: another password than its own
    /// need not be asked for.
    pub fn is_current(&self) -> bool {
        self.candidates.iter().all(|one| one.current)
    }

    /// Whom the file is for, and under which cipher it is sealed.
    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// Opens the key with `password`, as typed, then upper-cased.
    ///
    /// # Errors
    /// `keystore.wrong_password` when the password opens none of those in question;
    /// `keystore.no_recipient` when what it opens is not the recipient.
    pub fn open(&self, password: &Secret) -> Result<OpenRecipient, EnvironmentError> {
        let mut refusal = None;
        for candidate in &self.candidates {
            match self.open_one(candidate, password) {
                Ok(Some(open)) => return Ok(open),
                Ok(None) => {}
                // A wrong password can be typed again: it says more than any other refusal.
                Err(error @ EnvironmentError::Keystore(KeystoreError::WrongPassword { .. })) => {
                    refusal = Some(error)
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or_else(|| EnvironmentError::NoRecipient {
            recipients: self.recipients.names(),
            environments: self.environments.clone(),
        }))
    }

    /// The key among all files of an environment: one that is damaged does not hide the others.
    fn open_one(
        &self,
        candidate: &Candidate,
        password: &Secret,
    ) -> Result<Option<OpenRecipient>, EnvironmentError> {
        let folder = &candidate.folder;
        folder.require_no_password_change()?;
        let mut refusal = None;
        for name in [UTEC, UTEK, UTENTE, UTEF] {
            let Some(path) = folder.find(name)? else { continue };
            match open_all(&path, jks::read, password) {
                Ok((entries, password_form)) => {
                    let named = |entry: &KeyEntry| self.recipients.include(entry.certificate());
                    if let Some(entry) = entries.into_iter().find(named) {
                        let folder = folder.path().to_owned();
                        let current = candidate.current;
                        return Ok(Some(OpenRecipient { entry, password_form, folder, current }));
                    }
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        refusal.map_or(Ok(None), |error| Err(error.into()))
    }
}
