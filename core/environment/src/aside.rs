//! Setting aside what a folder holds: nothing is deleted, and a note says why it was done.

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::atomic_file;
use ceralacca_keystore::{KeystoreError, disk};
use jiff::Timestamp;

use crate::error::EnvironmentError;
use crate::folder::{EnvironmentFolder, HOLDER, LOCK, REQUEST_NAME};
use crate::pending::{self, Marker, Owner};
use crate::request_outcome::{PendingCase, RequestOutcome, RequestOutcomes};

/// What may be done with keys that another run has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They are set aside; the Agency has rejected their request.
    Rejected { protocollo: String, reason: String },
    /// They are set aside: nobody has sent a request for them, and their run was given up.
    GivenUp,
    /// They stay.
    Open(PendingCase),
}

impl Standing {
    /// Of pending keys; without a marker nobody knows whose they are.
    pub(crate) fn of(marker: Option<&Marker>, known: &RequestOutcomes) -> Standing {
        let Some(marker) = marker else { return Standing::Open(PendingCase::Waiting) };
        let unsent = |case| match known.given_up(&marker.owner) {
            true => Standing::GivenUp,
            false => Standing::Open(case),
        };
        match &marker.request_sha256 {
            None => unsent(PendingCase::NotRequested),
            Some(sha256) => match known.of(sha256) {
                RequestOutcome::NeverSent => unsent(PendingCase::NeverSent),
                RequestOutcome::Waiting => Standing::Open(PendingCase::Waiting),
                RequestOutcome::Accepted => Standing::Open(PendingCase::Accepted),
                RequestOutcome::Rejected { protocollo, reason } => {
                    Standing::Rejected { protocollo, reason }
                }
            },
        }
    }
}

impl EnvironmentFolder {
    /// Sees that what the folder holds may be set aside, and writes down beside it why.
    ///
    /// Once the run that asks has revoked the environment, whatever is here was certified for
    /// nothing, or cannot be certified before that run ends.
    pub(crate) fn let_go(
        &self,
        asking: &Owner,
        known: &RequestOutcomes,
        at: Timestamp,
    ) -> Result<(), EnvironmentError> {
        let revoked = known.revoked_by(asking);
        let pending = self.pending();
        let marker = match pending.marker() {
            // What cannot be read is kept with the rest.
            Err(_) if revoked => None,
            other => other?,
        };
        if pending.has_keys() {
            match Standing::of(marker.as_ref(), known) {
                Standing::Rejected { protocollo, reason } => {
                    self.write_rejection(marker.as_ref(), &protocollo, &reason)?;
                }
                Standing::GivenUp => {
                    let why = "nessuna richiesta è stata inviata per le chiavi in attesa, e la loro \
                               esecuzione è stata abbandonata";
                    self.write_note(asking, marker.as_ref(), why, at)?;
                }
                Standing::Open(_) if revoked => {
                    let why = "le chiavi in attesa non servono più: l'ambiente di sicurezza è stato \
                               revocato";
                    self.write_note(asking, marker.as_ref(), why, at)?;
                }
                Standing::Open(case) => {
                    let run = marker.map_or("unknown".to_owned(), |marker| marker.owner.run);
                    return Err(self.pending_request(&run, case));
                }
            }
        }
        match self.password_change() {
            Ok(None) => Ok(()),
            _ if revoked => {
                let why = "un cambio di password non è stato completato: ogni file si apre con la \
                           vecchia o con la nuova password";
                Ok(self.write_note(asking, None, why, at)?)
            }
            Ok(Some(_)) => self.require_no_password_change(),
            Err(error) => Err(error.into()),
        }
    }

    /// Renames the folder to `<name>_<milliseconds of at>`.
    pub(crate) fn set_aside(&self, at: Timestamp) -> Result<PathBuf, KeystoreError> {
        let name = disk::name(&self.path);
        let above = self.path.parent().unwrap_or(Path::new(""));
        let aside = free_name(above, at, |millis| format!("{name}_{millis}"));
        let nothing = "the old content is where it was; nothing was created";
        atomic_file::rename(&self.path, &aside)
            .map_err(disk::refused("renaming", &self.path, nothing))?;
        for name in [LOCK, HOLDER] {
            let _ = fs::remove_file(aside.join(name));
        }
        Ok(aside)
    }

    fn write_rejection(
        &self,
        marker: Option<&Marker>,
        protocollo: &str,
        reason: &str,
    ) -> Result<(), KeystoreError> {
        let sha256 = marker.and_then(|marker| marker.request_sha256.as_deref()).unwrap_or_default();
        let text = format!(
            "Richiesta di certificati scartata\n\n  Protocollo        {}\n  \
             Motivo di scarto  {}\n  File              {REQUEST_NAME}, SHA-256 {sha256}\n  \
             Utente            {}\n  Esecuzione        {}\n\n\
             Le chiavi in {} non saranno certificate: la cartella si conserva con questo motivo.\n",
            one_line(protocollo),
            one_line(reason),
            marker.and_then(|marker| marker.common_name.as_deref()).unwrap_or_default(),
            marker.map(|marker| marker.owner.run.as_str()).unwrap_or_default(),
            pending::FOLDER,
        );
        let state = "the rejected request's keys are where they were; nothing was set aside";
        self.write_text(REJECTION, &text, state)
    }

    fn write_note(
        &self,
        asking: &Owner,
        marker: Option<&Marker>,
        why: &str,
        at: Timestamp,
    ) -> Result<(), KeystoreError> {
        let of = marker.map_or("", |marker| marker.owner.run.as_str());
        let text = format!(
            "Cartella messa da parte\n\n  Motivo            {why}\n  Messa da parte    {at}, \
             esecuzione {}\n  Chiavi in attesa  {}\n\nNulla è stato cancellato: la cartella si \
             conserva.\n",
            asking.run,
            if of.is_empty() { "nessuna nota".to_owned() } else { format!("esecuzione {of}") },
        );
        self.write_text(NOTE, &text, "what the folder held is where it was; nothing was set aside")
    }

    fn write_text(&self, name: &str, text: &str, state: &str) -> Result<(), KeystoreError> {
        let path = self.path.join(name);
        atomic_file::write(&path, text.as_bytes()).map_err(disk::refused("writing", &path, state))
    }
}

/// The first name that nothing has yet, from the milliseconds of `at` on.
pub(crate) fn free_name(folder: &Path, at: Timestamp, name: impl Fn(i64) -> String) -> PathBuf {
    let mut names = (at.as_millisecond()..).map(|millis| folder.join(name(millis)));
    names.find(|path| !path.exists()).expect("there are more milliseconds than files")
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Why the request of a folder that was set aside was rejected.
pub(crate) const REJECTION: &str = "rifiuto.txt";
/// Why a folder was set aside otherwise.
pub(crate) const NOTE: &str = "messa-da-parte.txt";
