//! A sealed receipt that nothing here opens: why, for whom it is, and what was tried.

use std::path::Path;

use ceralacca_kernel::{Call, Report};
use ceralacca_keystore::enveloped_data;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::outbox::{read_at_most, sha256_hex};
use crate::records::printable;
use crate::right_key;

/// Kept with the outcome of a submission, until its receipt opens after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOpenable {
    /// Code of the error.
    pub code: String,
    /// What it says.
    pub reason: String,
    /// What can be done.
    #[serde(default)]
    pub next: String,
    /// Whom the receipt is for, by serial number and issuer or key identifier.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// SHA-256 of the receipt that did not open, hexadecimal.
    pub rcc_sha256: String,
    /// What was tried: a digest of the environments that were beside, and of this program's version.
    #[serde(default)]
    pub tried: String,
}

impl NotOpenable {
    pub(crate) fn new(report: &Report, rcc: &[u8], tried: String) -> NotOpenable {
        let recipients = enveloped_data::recipients(rcc);
        NotOpenable {
            code: report.code.clone(),
            reason: reason(report),
            next: report.next.clone(),
            recipients: recipients.map(|found| found.names()).unwrap_or_default(),
            rcc_sha256: sha256_hex(rcc),
            tried,
        }
    }
}

impl NotOpenable {
    /// Whether it is the receipt itself; otherwise an environment did not open, and another password
    /// may help.
    pub(crate) fn is_the_receipt(&self) -> bool {
        self.code.starts_with("receipt.")
    }
}

/// Headline and finding in one line.
pub(crate) fn reason(report: &Report) -> String {
    let found = report.found.as_deref().unwrap_or_default();
    let separator = if found.is_empty() { "" } else { ": " };
    printable(&format!("{}{separator}{found}", report.headline), 600)
}

/// A digest of what receipts are opened with: it changes when an environment is added, when one of
/// its files changes, and with the version of this program, which may read more.
pub(crate) fn tried(call: &Call<'_>, folder: &Path) -> String {
    let mut digest = Sha256::new();
    digest.update(env!("CARGO_PKG_VERSION"));
    let history = right_key::history(call, folder);
    for (environment, _) in history.iter().flat_map(|history| history.folders()) {
        let Ok(entries) = std::fs::read_dir(environment.path()) else { continue };
        let mut files: Vec<String> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?.to_uppercase();
                let ours = ["UTEF.P12", "UTEC.P12", "UTEK.P12", "UTENTE.KS"].contains(&&*name);
                let bytes = ours.then(|| read_at_most(&path, LARGEST).ok())??;
                Some(format!("{name} {}", sha256_hex(&bytes)))
            })
            .collect();
        files.sort();
        digest.update(files.join("\n"));
        digest.update("\n\n");
    }
    hex::encode(digest.finalize())
}

/// Key stores are smaller.
const LARGEST: u64 = 1 << 20;
