//! The environments of an account over time: the current one and those set aside beside it.
//!
//! An older environment is kept for ever under a dated name, `Ambiente_sicurezza_1547083116289`:
//! what was sealed for its key opens with no other. One that is elsewhere is named in the settings.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Call, Explain, Folders, Service, Touch};
use ceralacca_keystore::{
    Certificate, KeystoreError, Policy, Utilizzo, disk, enveloped_data, jks, pkcs12_read,
};
use jiff::Timestamp;

use crate::error::EnvironmentError;
use crate::folder::{EnvironmentFolder, UTEC, UTEF, UTEK, UTENTE};
use crate::recipient::{Candidate, Recipient};
use crate::seen::EnvironmentSeen;
use crate::summary::EnvironmentSummary;

/// The current environment's folder and the set-aside ones, newest first.
#[derive(Clone, Debug)]
pub struct EnvironmentHistory {
    current: Option<EnvironmentFolder>,
    aside: Vec<EnvironmentFolder>,
    /// Named in the settings, and not there.
    absent: Vec<PathBuf>,
    /// Where it is written down what opened, and when.
    state: Option<PathBuf>,
}

/// The folders of set-aside environments that the settings name; a service.
#[derive(Clone, Debug, Default)]
pub struct SetAside(pub Vec<PathBuf>);

impl Service for SetAside {
    const TOUCH: Option<Touch> = None;
}

impl EnvironmentHistory {
    /// Looks in the folder above `current` for `<name>_<digits>`, in any case, and for any other
    /// folder `…_<digits>` that holds a UTEC.P12 or UTEK.P12, unless `…` is itself an environment there.
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
        let own = disk::name(&current).to_lowercase();
        let (mut dated, mut plain) = (Vec::new(), BTreeSet::new());
        for entry in fs::read_dir(above).map_err(&refused)? {
            let path = entry.map_err(&refused)?.path();
            let name = disk::name(&path).to_lowercase();
            match name.rsplit_once('_').and_then(|(of, digits)| Some((of, number(digits)?))) {
                Some((of, number)) if path.is_dir() => dated.push((number, path, of.to_owned())),
                _ if name != own && is_environment(&path) => drop(plain.insert(name)),
                _ => {}
            }
        }
        dated.retain(|(_, path, of)| {
            // The environments of another account keep their own.
            *path != current && (*of == own || (has_cipher_file(path) && !plain.contains(of)))
        });
        dated.sort_by(|one, other| other.cmp(one));
        Ok(EnvironmentHistory {
            current: current.is_dir().then(|| EnvironmentFolder::at(&current)),
            aside: dated.into_iter().map(|(_, path, _)| EnvironmentFolder::at(path)).collect(),
            absent: Vec::new(),
            state: None,
        })
    }

    /// As [`EnvironmentHistory::beside`], with what the settings and the workspace know besides.
    pub fn known_to(call: &Call<'_>, current: &Path) -> Result<EnvironmentHistory, KeystoreError> {
        let named = call.service::<SetAside>().ok();
        let folders = call.service::<Folders>().ok();
        let history = EnvironmentHistory::beside(current)?;
        let history = history.with(named.as_deref().map_or(&[], |named| &named.0));
        Ok(match folders {
            Some(folders) => history.remembered_in(&folders.state),
            None => history,
        })
    }

    /// With set-aside environments that are elsewhere; one that is not there is only named.
    #[must_use]
    pub fn with(mut self, elsewhere: &[PathBuf]) -> EnvironmentHistory {
        for path in elsewhere {
            let known = self.folders().any(|(folder, _)| folder.path() == path);
            match path.is_dir() {
                _ if known => {}
                true => self.aside.push(EnvironmentFolder::at(path)),
                false => self.absent.push(path.clone()),
            }
        }
        self
    }

    /// With what the workspace remembers of environments that opened.
    #[must_use]
    pub fn remembered_in(self, state: &Path) -> EnvironmentHistory {
        EnvironmentHistory { state: Some(state.to_owned()), ..self }
    }

    /// The set-aside environments that the settings name and that are not there.
    pub fn absent(&self) -> &[PathBuf] {
        &self.absent
    }

    /// The folders, and whether each is the current one; that comes first.
    pub fn folders(&self) -> impl Iterator<Item = (&EnvironmentFolder, bool)> {
        let current = self.current.iter().map(|folder| (folder, true));
        current.chain(self.aside.iter().map(|folder| (folder, false)))
    }

    /// What can be said of each without a password.
    pub fn summaries(&self, at: Timestamp, policy: &Policy) -> Vec<EnvironmentSummary> {
        let summary = |(folder, current): (&EnvironmentFolder, bool)| {
            let state = self.state.as_deref();
            let seen = state.and_then(|state| EnvironmentSeen::read(state, folder.path()));
            EnvironmentSummary::of((folder, current), seen.as_ref(), at, policy)
        };
        self.folders().map(summary).collect()
    }

    /// Which environment a sealed file (CMS EnvelopedData, DER or BER) is for, by the recipient
    /// that it names.
    ///
    /// An environment whose cipher certificate cannot be read without its password stays in
    /// question: [`Recipient::open`] tries the password on it.
    ///
    /// # Errors
    /// `keystore.no_recipient` with the recipients found and the folders looked at.
    pub fn recipient(&self, sealed: &[u8]) -> Result<Recipient, EnvironmentError> {
        let there = self.folders().map(|(folder, _)| folder.path().display().to_string());
        let absent = self.absent.iter().map(|path| format!("{} (not there)", path.display()));
        let environments: Vec<String> = there.chain(absent).collect();
        let Some(recipients) = enveloped_data::recipients(sealed) else {
            return Err(EnvironmentError::NoRecipient { recipients: Vec::new(), environments });
        };
        let mut unread = Vec::new();
        for (folder, current) in self.folders() {
            let candidate = Candidate { folder: folder.clone(), current };
            match stored(folder) {
                Ok(certificates) if certificates.iter().any(|one| recipients.include(one)) => {
                    let candidates = vec![candidate];
                    return Ok(Recipient { recipients, candidates, environments, certain: true });
                }
                Ok(certificates) if shows_cipher_key(&certificates) => {}
                // What UTENTE.KS does not show may be in the file beside it.
                Ok(_) if has_cipher_file(folder.path()) => unread.push(candidate),
                Ok(_) => {}
                Err(_) if holds_cipher_key(folder) => unread.push(candidate),
                Err(_) => {}
            }
        }
        if unread.is_empty() {
            let recipients = recipients.names();
            return Err(EnvironmentError::NoRecipient { recipients, environments });
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

/// Whether the cipher certificate is among those of UTENTE.KS; it may hold the other one alone.
fn shows_cipher_key(certificates: &[Certificate]) -> bool {
    let only = |one: &Certificate| one.utilizzo() == [Utilizzo::Cifra];
    certificates.iter().any(only)
        || (certificates.len() > 1 && certificates.iter().any(|one| one.allows(Utilizzo::Cifra)))
}

fn has_cipher_file(folder: &Path) -> bool {
    [UTEC, UTEK].into_iter().any(|name| matches!(disk::find(folder, name), Ok(Some(_))))
}

fn is_environment(folder: &Path) -> bool {
    has_cipher_file(folder) && matches!(disk::find(folder, UTEF), Ok(Some(_)))
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
