//! What can be said of an environment's folder without its password: state, keys, certificates.

use ceralacca_kernel::Explain;
use ceralacca_keystore::{
    Certificate, CertificateDetails, KeystoreError, Policy, disk, jks, pkcs12_read,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aside::REJECTION;
use crate::folder::{EnvironmentFolder, UTEC, UTEF, UTEK, UTENTE};
use crate::seen::EnvironmentSeen;

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
    /// When it last opened here, RFC 3339 in UTC.
    #[serde(default)]
    pub last_opened: Option<String>,
    /// What keeps the rest of this from being believed.
    #[serde(default)]
    pub doubts: Vec<EnvironmentDoubt>,
}

/// Why it is not certain what an environment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentDoubt {
    /// `environment.validity_unknown`, `environment.files_changed` or `environment.other_keystore`.
    pub code: String,
    /// What is the matter.
    pub what: String,
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
    pub(crate) fn of(
        (folder, current): (&EnvironmentFolder, bool),
        seen: Option<&EnvironmentSeen>,
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
            last_opened: seen.map(|seen| seen.at.to_string()),
            doubts: Vec::new(),
        };
        let mut certificates = Vec::new();
        match summary.look(folder) {
            Ok(found) => certificates = found,
            Err(error) => summary.unreadable(&error),
        }
        let complete = [EnvironmentState::Corrente, EnvironmentState::MessoDaParte];
        if complete.contains(&summary.state) {
            summary.doubt(&mut certificates, seen);
        }
        let details = |one: &Certificate| CertificateDetails::under(one, at, policy);
        summary.certificates = certificates.iter().map(details).collect();
        summary
    }

    fn unreadable(&mut self, error: &KeystoreError) {
        self.state = EnvironmentState::Illeggibile;
        let report = error.explain();
        let found = report.found.map(|found| format!(": {found}"));
        self.note = Some(report.headline + &found.unwrap_or_default());
    }

    /// The certificates of UTENTE.KS.
    fn look(&mut self, folder: &EnvironmentFolder) -> Result<Vec<Certificate>, KeystoreError> {
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
        // What is there in part is called so.
        let whole = missing.is_empty() && self.pending.is_none();
        for name in [UTEF, UTEC, UTEK].into_iter().filter(|_| whole) {
            let Some(path) = folder.find(name)? else { continue };
            let bytes = disk::read(&path, pkcs12_read::MAX_LENGTH);
            if let Err(error) = bytes.and_then(|one| pkcs12_read::look(&disk::name(&path), &one)) {
                self.unreadable(&error);
            }
        }
        let Some(path) = folder.find(UTENTE)? else { return Ok(Vec::new()) };
        let bytes = disk::read(&path, pkcs12_read::MAX_LENGTH)?;
        match jks::certificates(&disk::name(&path), &bytes) {
            Err(KeystoreError::UnsupportedAlgorithm { algorithm, .. }) => {
                self.needs_password = true;
                self.note.get_or_insert(format!(
                    "{UTENTE} is {algorithm}: the certificates can only be read with the password, \
                     from UTEF.P12 and UTEC.P12"
                ));
                Ok(Vec::new())
            }
            other => other,
        }
    }

    /// Holds what the files show against what opened here before.
    fn doubt(&mut self, certificates: &mut Vec<Certificate>, seen: Option<&EnvironmentSeen>) {
        let changed = seen.map(EnvironmentSeen::changed).unwrap_or_default();
        if certificates.is_empty() {
            let before = seen.filter(|seen| changed.is_empty() && !seen.files.is_empty());
            *certificates = before.map(EnvironmentSeen::certificates).unwrap_or_default();
            match before.filter(|_| !certificates.is_empty()) {
                Some(seen) => {
                    self.needs_password = false;
                    self.note = Some(format!("as it opened here on {:.0}", seen.at));
                }
                None if self.needs_password => self.doubts_that(
                    "validity_unknown",
                    "its validity is not known without its password",
                ),
                None => self.doubts_that(
                    "validity_unknown",
                    "its validity is not known: UTENTE.KS holds no key",
                ),
            }
            return;
        }
        let Some(seen) = seen else { return };
        let opened = format!("{:.0}", seen.at);
        if !seen.knows(certificates) {
            let what = format!(
                "UTENTE.KS shows other certificates than UTEF.P12 and UTEC.P12 had when they opened \
                 on {opened}"
            );
            self.doubts_that("other_keystore", &what);
        }
        let changed: Vec<String> = changed.into_iter().filter(|name| name != UTENTE).collect();
        if !changed.is_empty() {
            let names = changed.join(" and ");
            let what = format!("{names} changed since the environment opened on {opened}");
            self.doubts_that("files_changed", &what);
        }
    }

    fn doubts_that(&mut self, code: &str, what: &str) {
        let (code, what) = (format!("environment.{code}"), what.to_owned());
        self.doubts.push(EnvironmentDoubt { code, what });
    }
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
