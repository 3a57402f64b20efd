//! What is looked at before an environment is revoked: whose it is, and that its successor can be made.
//!
//! A revocation cannot be undone. Whatever would stop `environment::create` afterwards stops the
//! run before, and the operator reads what is about to end.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_identity::Account;
use ceralacca_kernel::lock::FileLock;
use ceralacca_kernel::{Call, Error, Folders, atomic_file, regular_file};
use ceralacca_keystore::{Certificate, KeystoreError, disk};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aside::Standing;
use crate::error::EnvironmentError;
use crate::folder::{EnvironmentFolder, LOCK};
use crate::handle::{Environment, located, owner, stored_certificates};
use crate::pending::Owner;
use crate::request_outcome::{PendingCase, RequestOutcomes};
use crate::seen::{EnvironmentSeen, on_another_device};

/// An environment that is about to be revoked, as its folder was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeforeRevocation {
    /// The folder, absolute: where the new environment will be.
    pub folder: PathBuf,
    /// Whose it is: `<codice fiscale>-<sede>`.
    pub account: String,
    /// Whether its keys are lost.
    pub lost: bool,
    /// SHA-256 of the public keys in the folder; none where there is no environment in it.
    pub fingerprints: Vec<String>,
    /// The page for the operator: label and text of each line.
    pub lines: Vec<(String, String)>,
}

pub(crate) fn before_revocation(
    call: &mut Call<'_>,
    folder: String,
    account: Account,
    lost: Option<bool>,
) -> Result<BeforeRevocation, Error> {
    let environment = EnvironmentFolder::at(located(call, &folder)?);
    let asked = Asked { account: &account.common_name(), lost: lost.unwrap_or_default() };
    look(call, &environment, &asked)
}

impl BeforeRevocation {
    /// Looks again, now that it is about to be revoked: the same environment, and still ready.
    ///
    /// # Errors
    /// What stands in the way of a new environment; `environment.changed` when the folder holds
    /// other keys than before.
    pub fn look_again(&self, call: &mut Call<'_>) -> Result<(), Error> {
        let environment = EnvironmentFolder::at(&self.folder);
        let now = look(call, &environment, &Asked { account: &self.account, lost: self.lost })?;
        if now.fingerprints != self.fingerprints {
            return Err(EnvironmentError::ChangedMeanwhile {
                folder: self.folder.display().to_string(),
                before: self.fingerprints.clone(),
                now: now.fingerprints,
            }
            .into());
        }
        Ok(())
    }
}

/// What the operator has said of the environment.
struct Asked<'a> {
    account: &'a str,
    lost: bool,
}

fn look(
    call: &mut Call<'_>,
    environment: &EnvironmentFolder,
    asked: &Asked<'_>,
) -> Result<BeforeRevocation, Error> {
    let known = call.service::<RequestOutcomes>().ok();
    let unknown = RequestOutcomes::unknown();
    environment.require_ready(&owner(call), known.as_deref().unwrap_or(&unknown), asked.lost)?;
    let seen = require_medium(call, environment.path())?;
    let certificates = match environment.certificates() {
        // With lost keys there may be nothing; a store that wants its password says nothing here.
        Err(EnvironmentError::Keystore(KeystoreError::UnsupportedAlgorithm { .. })) => Vec::new(),
        Err(_) if asked.lost => Vec::new(),
        other => other?,
    };
    require_account(environment.path(), &certificates, asked.account)?;
    Ok(BeforeRevocation {
        folder: environment.path().to_owned(),
        account: asked.account.to_owned(),
        lost: asked.lost,
        fingerprints: certificates.iter().map(|one| one.public().fingerprint()).collect(),
        lines: lines(environment, asked, &certificates, seen.as_ref()),
    })
}

/// Refuses while the medium that the environment was on is not there; gives what is remembered.
pub(crate) fn require_medium(
    call: &Call<'_>,
    folder: &Path,
) -> Result<Option<EnvironmentSeen>, Error> {
    let state = &call.service::<Folders>()?.state;
    let Some(seen) = EnvironmentSeen::read(state, folder) else { return Ok(None) };
    let was_elsewhere = seen.other_device == Some(true);
    if was_elsewhere && on_another_device(folder, state) == Some(false) {
        return Err(EnvironmentError::MediumMissing {
            folder: folder.display().to_string(),
            account: seen.account,
            at: seen.at,
        }
        .into());
    }
    Ok(Some(seen))
}

pub(crate) fn require_account_of(
    call: &mut Call<'_>,
    env: Environment,
    account: Account,
) -> Result<(), Error> {
    let certificates = stored_certificates(call, &env)?;
    Ok(require_account(&env.0.folder, &certificates, &account.common_name())?)
}

fn require_account(
    folder: &Path,
    certificates: &[Certificate],
    account: &str,
) -> Result<(), EnvironmentError> {
    match certificates.first().map(Certificate::common_name) {
        Some(found) if found != account => Err(EnvironmentError::OtherAccount {
            folder: folder.display().to_string(),
            expected: account.to_owned(),
            found,
        }),
        _ => Ok(()),
    }
}

impl EnvironmentFolder {
    /// A dry run of [`EnvironmentFolder::create`], for a folder whose environment is still in force.
    ///
    /// With lost keys, those that the Agency has certified and a change of password that nobody
    /// finishes are no obstacle: they end with the environment.
    ///
    /// # Errors
    /// What `create` would say.
    pub fn require_ready(
        &self,
        asking: &Owner,
        known: &RequestOutcomes,
        lost: bool,
    ) -> Result<(), EnvironmentError> {
        self.require_writable()?;
        if !self.path.is_dir() {
            return Ok(());
        }
        if FileLock::is_held(&self.path.join(LOCK)) {
            drop(self.lock(asking)?);
        }
        let marker = self.pending().marker()?;
        let ours = marker.as_ref().is_some_and(|marker| marker.owner == *asking);
        if self.pending().has_keys() && !ours {
            match Standing::of(marker.as_ref(), known) {
                Standing::Rejected { .. } | Standing::GivenUp => {}
                Standing::Open(PendingCase::Accepted) if lost => {}
                Standing::Open(case) => {
                    let run = marker.map_or("unknown".to_owned(), |marker| marker.owner.run);
                    return Err(self.pending_request(&run, case));
                }
            }
        }
        match lost {
            true => Ok(()),
            false => self.require_no_password_change(),
        }
    }

    /// The folder above must be there, and be one that can be written.
    fn require_writable(&self) -> Result<(), KeystoreError> {
        let nothing = "nothing was changed";
        let above = self.path.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        if !above.is_dir() {
            let missing = io::Error::new(io::ErrorKind::NotFound, "no such folder");
            return Err(disk::refused("looking for", above, nothing)(missing));
        }
        let inside = self.path.is_dir().then_some(self.path.as_path());
        for folder in [Some(above), inside].into_iter().flatten() {
            let name = format!("{}prova-{}", atomic_file::TEMPORARY_PREFIX, std::process::id());
            let probe = folder.join(name);
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            let tried = regular_file::open_with(&probe, &mut options);
            tried.and_then(|_| fs::remove_file(&probe)).map_err(disk::refused(
                "writing to",
                folder,
                nothing,
            ))?;
        }
        Ok(())
    }
}

fn lines(
    environment: &EnvironmentFolder,
    asked: &Asked<'_>,
    certificates: &[Certificate],
    seen: Option<&EnvironmentSeen>,
) -> Vec<(String, String)> {
    let folder = environment.path().display().to_string();
    let mut lines = vec![
        ("Utente e sede".to_owned(), asked.account.to_owned()),
        ("Ambiente di sicurezza".to_owned(), folder),
        ("Contenuto della cartella".to_owned(), content(environment, certificates)),
    ];
    for (label, certificate) in ["Chiave di firma", "Chiave di cifra"].iter().zip(certificates) {
        let fingerprint = certificate.public().fingerprint();
        lines.push(((*label).to_owned(), format!("SHA-256 {fingerprint}")));
    }
    if let Some(end) = certificates.iter().map(Certificate::not_after).min() {
        lines.push(("Fine validità".to_owned(), end.to_string()));
    }
    if let Some(seen) = seen.filter(|seen| remembered(seen, certificates)) {
        let end = seen.not_after.map(|end| format!(", fine validità {end}")).unwrap_or_default();
        let key = seen.fingerprints.first().map_or("", String::as_str);
        let text = format!("{}, {}{end}, chiave di firma SHA-256 {key}", seen.at, seen.account);
        lines.push(("Visto l'ultima volta".to_owned(), text));
    }
    if asked.lost && !certificates.is_empty() {
        let text =
            "nella cartella c'è un ambiente completo: se la password è nota, chiave_persa=no";
        lines.push(("Attenzione".to_owned(), text.to_owned()));
    }
    let text = "è definitiva: l'ambiente in vigore presso l'Agenzia non potrà più essere usato";
    lines.push(("La revoca".to_owned(), text.to_owned()));
    lines
}

/// What was seen last says something only where other keys, or none, are there now.
fn remembered(seen: &EnvironmentSeen, certificates: &[Certificate]) -> bool {
    let now: Vec<String> = certificates.iter().map(|one| one.public().fingerprint()).collect();
    seen.fingerprints != now
}

fn content(environment: &EnvironmentFolder, certificates: &[Certificate]) -> String {
    let kept = "resta, con un nome datato";
    match (environment.path().is_dir(), environment.pending().has_keys()) {
        (false, _) => "la cartella non c'è".to_owned(),
        (true, true) => format!("chiavi in attesa di certificati; {kept}"),
        (true, false) if !certificates.is_empty() => format!("un ambiente completo; {kept}"),
        (true, false) if environment.is_complete() => format!("un ambiente; {kept}"),
        (true, false) => "nessun ambiente completo".to_owned(),
    }
}
