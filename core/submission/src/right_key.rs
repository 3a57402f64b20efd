//! The key that opens a sealed receipt: of the current environment, or of one that was set aside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ceralacca_ber as ber;
use ceralacca_environment::{
    Environment, EnvironmentError, EnvironmentHistory, OpenRecipient, PasswordForm,
};
use ceralacca_kernel::{Call, Error, SecretRef};
use ceralacca_keystore::{KeystoreError, Policy, enveloped_data};

use enveloped_data::Unopened;

/// The keys of one firm: those that were opened are kept while many receipts are read.
pub(crate) struct Keys {
    folder: PathBuf,
    password: SecretRef,
    open: Vec<OpenRecipient>,
    /// Environments that did not open, so that nobody is asked again for each receipt.
    refused: BTreeMap<PathBuf, Error>,
}

/// A receipt that opened.
pub(crate) struct Decrypted {
    pub(crate) content: Vec<u8>,
    /// The environment whose key it was.
    pub(crate) ambiente: PathBuf,
}

/// Why a receipt did not open.
pub(crate) enum NoKey {
    /// It is no EnvelopedData.
    Opaque,
    /// It is for none of the environments, or damaged (then nobody is named).
    Nobody { recipients: Vec<String>, environments: Vec<String> },
    /// It is for one of them, and sealed with an algorithm that is not read here.
    Unsupported { algorithm: String, ambiente: PathBuf },
    /// The environment that was set aside, which it is for, does not open.
    SetAside(Error),
    /// The current environment does not open.
    Current(Error),
}

impl Keys {
    /// The keys of this environment and of those beside it.
    pub(crate) fn new(env: &Environment) -> Keys {
        Keys {
            folder: env.0.folder.clone(),
            password: env.0.password.clone(),
            open: Vec::new(),
            refused: BTreeMap::new(),
        }
    }

    pub(crate) fn decrypt(&mut self, call: &Call<'_>, rcc: &[u8]) -> Result<Decrypted, NoKey> {
        let der = match ber::to_der(rcc) {
            Ok((der, taken)) if taken == rcc.len() => der,
            _ => return Err(NoKey::Opaque),
        };
        note_cipher(call, &der);
        for key in &self.open {
            match decrypt(&der, key) {
                Err(NoKey::Nobody { .. }) => {}
                other => return other,
            }
        }
        let key = self.find(call, &der)?;
        let decrypted = decrypt(&der, &key);
        self.open.push(key);
        decrypted
    }

    /// The environment that the receipt names, opened.
    fn find(&mut self, call: &Call<'_>, der: &[u8]) -> Result<OpenRecipient, NoKey> {
        let history = history(call, &self.folder).map_err(current)?;
        let recipient = history.recipient(der).map_err(nobody)?;
        let folder = recipient.folder().to_owned();
        if let Some(error) = self.refused.get(&folder) {
            return Err(NoKey::SetAside(error.clone()));
        }
        let password = call.secret(&self.password).map_err(NoKey::Current)?;
        let opened = match recipient.open(&password) {
            Err(error @ EnvironmentError::Keystore(KeystoreError::WrongPassword { .. }))
                if recipient.is_current() =>
            {
                return Err(current(error));
            }
            // An environment that was set aside may have had another password.
            Err(EnvironmentError::Keystore(KeystoreError::WrongPassword { .. })) => call
                .secret(&SecretRef(PASSWORD_PRECEDENTE.to_owned()))
                .and_then(|earlier| Ok(recipient.open(&earlier)?)),
            Err(error @ EnvironmentError::NoRecipient { .. }) => return Err(nobody(error)),
            other => other.map_err(Error::from),
        };
        match opened {
            Ok(key) => {
                report(call, &key);
                Ok(key)
            }
            Err(error) if recipient.is_current() => Err(NoKey::Current(error)),
            Err(error) => {
                let error = named(&error, &folder.display().to_string());
                self.refused.insert(folder, error.clone());
                Err(NoKey::SetAside(error))
            }
        }
    }
}

/// Says when a cipher is none of those that the norms name today; what is sealed with it still opens.
fn note_cipher(call: &Call<'_>, der: &[u8]) {
    let Some(recipients) = enveloped_data::recipients(der) else { return };
    let set = call.service::<Policy>().ok();
    let policy = set.as_deref().unwrap_or(Policy::embedded());
    for finding in policy.cipher_findings(recipients.cipher(), call.now()) {
        call.progress(&finding.in_words());
    }
}

fn decrypt(der: &[u8], key: &OpenRecipient) -> Result<Decrypted, NoKey> {
    let ambiente = key.folder.clone();
    match enveloped_data::open_named(der, key.entry.certificate(), &key.entry.key) {
        Ok(opened) => Ok(Decrypted { content: opened.to_vec(), ambiente }),
        Err(Unopened::Unsupported(algorithm)) => Err(NoKey::Unsupported { algorithm, ambiente }),
        Err(Unopened::Closed) => Err(NoKey::Nobody {
            recipients: Vec::new(),
            environments: vec![ambiente.display().to_string()],
        }),
    }
}

/// The environment that receipts are opened with, and those beside it.
pub(crate) fn history(call: &Call<'_>, folder: &Path) -> Result<EnvironmentHistory, KeystoreError> {
    EnvironmentHistory::known_to(call, folder)
}

fn report(call: &Call<'_>, key: &OpenRecipient) {
    if !key.current {
        let folder = key.folder.display();
        call.progress(&format!("sealed for the environment that was set aside in {folder}"));
    }
    if key.password_form == PasswordForm::UpperCase {
        call.progress("the password was accepted in upper case");
    }
}

fn current(error: impl Into<Error>) -> NoKey {
    NoKey::Current(error.into())
}

fn nobody(error: EnvironmentError) -> NoKey {
    match error {
        EnvironmentError::NoRecipient { recipients, .. } if recipients.is_empty() => NoKey::Opaque,
        EnvironmentError::NoRecipient { recipients, environments } => {
            NoKey::Nobody { recipients, environments }
        }
        other => current(other),
    }
}

/// Says which environment it is whose password is wanted.
fn named(error: &Error, folder: &str) -> Error {
    let mut report = error.report().clone();
    report.headline = format!("{} ({folder})", report.headline);
    if report.code == "keystore.wrong_password" {
        report.next = format!("give the password that {folder} had: secret {PASSWORD_PRECEDENTE}");
    }
    report.into()
}

/// The secret with the password of an environment that was set aside.
const PASSWORD_PRECEDENTE: &str = "password_precedente";
