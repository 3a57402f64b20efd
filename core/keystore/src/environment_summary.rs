//! What can be said of an environment's folder without its password: state, keys, certificates.

use std::path::Path;

use ceralacca_kernel::Explain;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::certificate_details::CertificateDetails;
use crate::disk;
use crate::environment::{EnvironmentFolder, REJECTION, UTEC, UTEF, UTEK, UTENTE};
use crate::error::KeystoreError;
use crate::jks;
use crate::pkcs12_read;
use crate::policy::Policy;

/// An environment, current or set aside, as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentSummary {
    /// The folder.
    pub path: String,
    /// Whether it is the current one, by its name.
    pub current: bool,
    /// Its state.
    pub state: EnvironmentState,
    /// Why it is `incompleto` or `illeggibile`, or what else there is to know.
    pub note: Option<String>,
    /// Keys that wait for their certificates.
    pub pending: Option<PendingSummary>,
    /// Whether the Agency rejected its request: `rifiuto.txt` says why.
    pub rejected: bool,
    /// Whether the certificates can only be read with the password.
    pub needs_password: bool,
    /// Its certificates, from UTENTE.KS, with validity and fingerprints.
    pub certificates: Vec<CertificateDetails>,
}

/// What an environment's folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EnvironmentState {
    /// The current one, complete.
    #[serde(rename = "corrente")]
    Corrente,
    /// An older one, complete, under its dated name.
    #[serde(rename = "messo da parte")]
    MessoDaParte,
    /// Its keys wait for their certificates.
    #[serde(rename = "in attesa")]
    InAttesa,
    /// Files are missing.
    #[serde(rename = "incompleto")]
    Incompleto,
    /// Files are there and cannot be read.
    #[serde(rename = "illeggibile")]
    Illeggibile,
}

impl EnvironmentState {
    /// The words of the list.
    pub fn label(self) -> &'static str {
        match self {
            EnvironmentState::Corrente => "corrente",
            EnvironmentState::MessoDaParte => "messo da parte",
            EnvironmentState::InAttesa => "in attesa",
            EnvironmentState::Incompleto => "incompleto",
            EnvironmentState::Illeggibile => "illeggibile",
        }
    }
}

/// Keys that wait for their certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingSummary {
    /// The run that made them; empty when it is not known.
    pub run: String,
    /// Whether a request was made for them.
    pub requested: bool,
    /// `<codice fiscale>-<sede>`, once a request was made.
    pub common_name: Option<String>,
    /// SHA-256 of the request, hexadecimal, once it was made.
    pub request_sha256: Option<String>,
    /// SHA-256 of the public keys, Firma and Cifra, once a request was made.
    pub fingerprints: Vec<String>,
}

impl EnvironmentSummary {
    /// Looks at a folder; what cannot be read is said, never an error.
    pub fn of(
        folder: &EnvironmentFolder,
        current: bool,
        at: Timestamp,
        policy: &Policy,
    ) -> EnvironmentSummary {
        let mut summary = EnvironmentSummary {
            path: folder.path().display().to_string(),
            current,
            state: match current {
                true => EnvironmentState::Corrente,
                false => EnvironmentState::MessoDaParte,
            },
            note: None,
            pending: None,
            rejected: folder.path().join(REJECTION).exists(),
            needs_password: false,
            certificates: Vec::new(),
        };
        if let Err(error) = summary.look(folder, at, policy) {
            summary.state = EnvironmentState::Illeggibile;
            let report = error.explain();
            let found = report.found.map(|found| format!(": {found}"));
            summary.note = Some(report.headline + &found.unwrap_or_default());
        }
        summary
    }

    fn look(
        &mut self,
        folder: &EnvironmentFolder,
        at: Timestamp,
        policy: &Policy,
    ) -> Result<(), KeystoreError> {
        let missing = missing(folder)?;
        let pending = folder.pending();
        if pending.has_keys() {
            self.state = EnvironmentState::InAttesa;
            self.pending = Some(pending_summary(folder)?);
        } else if !missing.is_empty() {
            self.state = EnvironmentState::Incompleto;
            self.note = Some(format!("{} missing", missing.join(", ")));
        }
        if let Some(marker) = folder.password_change()? {
            let run = marker.run;
            self.note = Some(format!("the password is being changed by run {run}: resume it"));
        }
        let Some(path) = folder.find(UTENTE)? else { return Ok(()) };
        match certificates(&path, at, policy) {
            Ok(certificates) => self.certificates = certificates,
            Err(KeystoreError::UnsupportedAlgorithm { .. }) => {
                self.needs_password = true;
                let note = "the certificates can only be read with the password".to_owned();
                self.note.get_or_insert(note);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn certificates(
    utente: &Path,
    at: Timestamp,
    policy: &Policy,
) -> Result<Vec<CertificateDetails>, KeystoreError> {
    let bytes = disk::read(utente, pkcs12_read::MAX_LENGTH)?;
    let certificates = jks::certificates(&disk::name(utente), &bytes)?;
    Ok(certificates.iter().map(|one| CertificateDetails::under(one, at, policy)).collect())
}

fn missing(folder: &EnvironmentFolder) -> Result<Vec<&'static str>, KeystoreError> {
    let mut missing = Vec::new();
    for name in [UTEF, UTEC, UTENTE] {
        let there = folder.find(name)?.is_some() || (name == UTEC && folder.find(UTEK)?.is_some());
        if !there {
            missing.push(name);
        }
    }
    Ok(missing)
}

fn pending_summary(folder: &EnvironmentFolder) -> Result<PendingSummary, KeystoreError> {
    let marker = folder.pending().marker()?;
    let run = marker.as_ref().map(|marker| marker.owner.run.clone()).unwrap_or_default();
    let marker = marker.as_ref();
    let fingerprints = marker.and_then(|marker| marker.fingerprints.clone());
    Ok(PendingSummary {
        run,
        requested: marker.is_some_and(|marker| marker.request_sha256.is_some()),
        common_name: marker.and_then(|marker| marker.common_name.clone()),
        request_sha256: marker.and_then(|marker| marker.request_sha256.clone()),
        fingerprints: fingerprints.map_or_else(Vec::new, |(firma, cifra)| vec![firma, cifra]),
    })
}
