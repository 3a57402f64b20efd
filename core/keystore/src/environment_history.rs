//! The environments of an account over time: the current one and those set aside beside it.
//!
//! An older environment is kept for ever under a dated name, `Ambiente_sicurezza_1547083116289`:
//! what was sealed for its key opens with no other.

use std::fs;
use std::path::Path;

use ceralacca_kernel::Explain;
use jiff::Timestamp;

use crate::certificate::Certificate;
use crate::disk;
use crate::enveloped_data;
use crate::environment::{EnvironmentFolder, UTEC, UTEK, UTENTE};
use crate::environment_summary::EnvironmentSummary;
use crate::error::KeystoreError;
use crate::jks;
use crate::pkcs12_read;
use crate::policy::Policy;
use crate::recipient::{Candidate, Recipient};

/// The current environment's folder and the set-aside ones, newest first.
#[derive(Clone, Debug)]
pub struct EnvironmentHistory {
    current: Option<EnvironmentFolder>,
    aside: Vec<EnvironmentFolder>,
}

impl EnvironmentHistory {
    /// Looks for `<name>` and `<name>_<digits>`, in any case, in the folder above `current`.
    ///
    /// The current one may be missing: a lost medium takes nothing else with it.
    ///
    /// # Errors
    /// `environment.disk_*` when the folder above cannot be read.
    pub fn beside(current: &Path) -> Result<EnvironmentHistory, KeystoreError> {
        let nothing = "nothing was changed";
        let current =
            std::path::absolute(current).map_err(disk::refused("looking for", current, nothing))?;
        let above = current.parent().unwrap_or(&current);
        let refused = disk::refused("reading", above, nothing);
        let name = disk::name(&current).to_lowercase();
        let mut aside = Vec::new();
        for entry in fs::read_dir(above).map_err(&refused)? {
            let path = entry.map_err(&refused)?.path();
            let digits = disk::name(&path).to_lowercase();
            let digits = digits.strip_prefix(&name).and_then(|rest| rest.strip_prefix('_'));
            if let Some(number) = digits.and_then(number)
                && path.is_dir()
            {
                aside.push((number, path));
            }
        }
        aside.sort_by(|one, other| other.cmp(one));
        Ok(EnvironmentHistory {
            current: current.is_dir().then(|| EnvironmentFolder::at(&current)),
            aside: aside.into_iter().map(|(_, path)| EnvironmentFolder::at(path)).collect(),
        })
    }

    /// The folders, and whether each is the current one; that comes first.
    pub fn folders(&self) -> impl Iterator<Item = (&EnvironmentFolder, bool)> {
        let current = self.current.iter().map(|folder| (folder, true));
        current.chain(self.aside.iter().map(|folder| (folder, false)))
    }

    /// What can be said of each without a password.
    pub fn summaries(&self, at: Timestamp, policy: &Policy) -> Vec<EnvironmentSummary> {
        let summary = |(folder, current)| EnvironmentSummary::of(folder, current, at, policy);
        self.folders().map(summary).collect()
    }

    /// Which environment a sealed file (CMS EnvelopedData, DER or BER) is for, by the recipient
    /// that it names.
    ///
    /// An environment whose certificates cannot be read without its password stays in question:
    /// [`Recipient::open`] tries the password on it.
    ///
    /// # Errors
    /// `keystore.no_recipient` with the recipients found and the folders looked at.
    pub fn recipient(&self, sealed: &[u8]) -> Result<Recipient, KeystoreError> {
        let environments = self.folders().map(|(folder, _)| folder.path().display().to_string());
        let environments: Vec<String> = environments.collect();
        let Some(recipients) = enveloped_data::recipients(sealed) else {
            return Err(KeystoreError::NoRecipient { recipients: Vec::new(), environments });
        };
        let mut unread = Vec::new();
        for (folder, current) in self.folders() {
            let candidate = Candidate { folder: folder.clone(), current };
            match stored(folder) {
                Ok(certificates) if certificates.iter().any(|one| recipients.include(one)) => {
                    let candidates = vec![candidate];
                    return Ok(Recipient { recipients, candidates, environments, certain: true });
                }
                Ok(_) => {}
                Err(_) if holds_cipher_key(folder) => unread.push(candidate),
                Err(_) => {}
            }
        }
        if unread.is_empty() {
            let recipients = recipients.names();
            return Err(KeystoreError::NoRecipient { recipients, environments });
        }
        Ok(Recipient { recipients, candidates: unread, environments, certain: false })
    }
}

/// The number at the end of a dated name; nobody writes more than twenty digits.
fn number(digits: &str) -> Option<u128> {
    let all = !digits.is_empty() && digits.len() <= 20;
    let all = all && digits.bytes().all(|digit| digit.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}

/// The certificates in UTENTE.KS, without a password; why not, in words.
fn stored(folder: &EnvironmentFolder) -> Result<Vec<Certificate>, String> {
    let words = |error: KeystoreError| error.explain().headline;
    let path = folder.find(UTENTE).map_err(words)?;
    let path = path.ok_or_else(|| format!("{UTENTE} is missing"))?;
    let bytes = disk::read(&path, pkcs12_read::MAX_LENGTH).map_err(words)?;
    jks::certificates(&disk::name(&path), &bytes).map_err(words)
}

fn holds_cipher_key(folder: &EnvironmentFolder) -> bool {
    [UTEC, UTEK, UTENTE].into_iter().any(|name| matches!(folder.find(name), Ok(Some(_))))
}

#[cfg(test)]
#[path = "environment_history_tests.rs"]
mod tests;
