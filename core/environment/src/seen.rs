//! What is remembered of an environment that was last seen whole: so that it can be missed.
//!
//! `<state>/environments/<digest of the folder>.json`. It holds no secret, and no key. By it `status`
//! can say which environment is missing, and that a file is no longer what it was when it opened.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{atomic_file, document_archive};
use ceralacca_keystore::{Certificate, disk, pkcs12_read};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::folder::EnvironmentFolder;

/// An environment as it was when it last opened, or when its certificates were imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentSeen {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Whose it is: `<codice fiscale>-<sede>`.
    pub account: String,
    /// SHA-256 of its public keys, Firma and Cifra.
    pub fingerprints: Vec<String>,
    /// When the first of its certificates ends.
    #[serde(default)]
    pub not_after: Option<Timestamp>,
    /// When it was seen.
    pub at: Timestamp,
    /// Whether the folder was on another device than the workspace; `None` where nobody can say.
    #[serde(default)]
    pub other_device: Option<bool>,
    /// When these keys were seen there for the first time.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// SHA-256 of its files, by their names in upper case.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Its certificates, Firma and Cifra, DER in hexadecimal.
    #[serde(default)]
    pub certificates: Vec<String>,
}

impl EnvironmentSeen {
    /// What is remembered of the environment in `folder`, absolute.
    pub fn read(state: &Path, folder: &Path) -> Option<EnvironmentSeen> {
        read(&place(state, folder)).filter(|seen| seen.folder == folder)
    }

    /// All that were ever seen, the latest first.
    pub fn all(state: &Path) -> Vec<EnvironmentSeen> {
        let entries = fs::read_dir(state.join(FOLDER)).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.filter_map(|entry| read(&entry.path())).collect();
        all.sort_by(|one, other| other.at.cmp(&one.at).then(one.folder.cmp(&other.folder)));
        all
    }

    /// Remembers what is in `folder` now. Failing harms nothing but the memory.
    pub fn remember(state: &Path, folder: &Path, certificates: &[&Certificate], at: Timestamp) {
        let Some(first) = certificates.first() else { return };
        // A workspace is not begun by this.
        if !state.is_dir() {
            return;
        }
        let fingerprints: Vec<String> =
            certificates.iter().map(|one| one.public().fingerprint()).collect();
        let earlier = EnvironmentSeen::read(state, folder);
        let earlier = earlier.filter(|earlier| earlier.fingerprints == fingerprints);
        let seen = EnvironmentSeen {
            folder: folder.to_owned(),
            account: first.common_name(),
            fingerprints,
            not_after: certificates.iter().map(|one| one.not_after()).min(),
            at,
            other_device: on_another_device(folder, state),
            since: earlier.map_or(Some(at), |earlier| earlier.since.or(Some(earlier.at))),
            files: digests(folder),
            certificates: certificates.iter().map(|one| hex::encode(one.as_der())).collect(),
        };
        let place = place(state, folder);
        if let (Ok(text), Some(above)) = (serde_json::to_vec_pretty(&seen), place.parent()) {
            let _ = document_archive::create(above)
                .and_then(|()| atomic_file::write_alone(&place, &text));
        }
    }

    /// Its certificates, Firma and Cifra, as far as they were written down.
    pub fn certificates(&self) -> Vec<Certificate> {
        let read = |text: &String| Certificate::from_der(&hex::decode(text).ok()?).ok();
        self.certificates.iter().filter_map(read).collect()
    }

    /// The files that are there and are no longer what they were; names in upper case.
    pub(crate) fn changed(&self) -> Vec<String> {
        let mut now = digests(&self.folder);
        now.retain(|name, digest| self.files.get(name).is_some_and(|before| before != digest));
        now.into_keys().collect()
    }

    /// Whether one of these certificates is of its keys.
    pub(crate) fn knows(&self, certificates: &[Certificate]) -> bool {
        certificates.iter().any(|one| self.fingerprints.contains(&one.public().fingerprint()))
    }
}

fn digests(folder: &Path) -> BTreeMap<String, String> {
    let Ok(files) = EnvironmentFolder::at(folder).files() else { return BTreeMap::new() };
    let digest = |path: &PathBuf| {
        let bytes = disk::read(path, pkcs12_read::MAX_LENGTH).ok()?;
        Some((disk::name(path).to_uppercase(), hex::encode(Sha256::digest(bytes))))
    };
    [files.utef, files.utec, files.utente].iter().filter_map(digest).collect()
}

fn place(state: &Path, folder: &Path) -> PathBuf {
    let digest = hex::encode(Sha256::digest(folder.as_os_str().as_encoded_bytes()));
    state.join(FOLDER).join(format!("{}.json", &digest[..16]))
}

fn read(path: &Path) -> Option<EnvironmentSeen> {
    serde_json::from_slice(&disk::read(path, LARGEST).ok()?).ok()
}

/// Whether `folder`, or what of the path to it is there, is on another device than the workspace.
#[cfg(unix)]
pub fn on_another_device(folder: &Path, state: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = fs::metadata(state).ok()?.dev();
    let there = folder.ancestors().find_map(|path| fs::metadata(path).ok())?;
    Some(there.dev() != ours)
}

/// Elsewhere the standard library does not tell devices apart.
#[cfg(not(unix))]
pub fn on_another_device(_: &Path, _: &Path) -> Option<bool> {
    None
}

const FOLDER: &str = "environments";
const LARGEST: u64 = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{certificates, moment};

    #[test]
    fn what_was_seen_is_remembered_by_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let (state, folder) = (root.path().join("state"), root.path().join("ambiente"));
        fs::create_dir(&state).unwrap();
        assert_eq!(EnvironmentSeen::read(&state, &folder), None);
        let pair = [&certificates().firma, &certificates().cifra];
        EnvironmentSeen::remember(&state, &folder, &pair, moment());
        let seen = EnvironmentSeen::read(&state, &folder).unwrap();
        assert_eq!(seen.account, pair[0].common_name());
        assert_eq!(seen.fingerprints.len(), 2);
        assert_eq!(EnvironmentSeen::all(&state), std::slice::from_ref(&seen));
        assert_eq!(EnvironmentSeen::read(&state, root.path()), None);
        assert!(seen.knows(&seen.certificates()) && seen.since == Some(moment()));
        assert!(seen.files.is_empty() && seen.changed().is_empty());
        // Seen again with other files: the same keys since the first time.
        fs::create_dir(&folder).unwrap();
        for name in ["utef.p12", "UTEC.P12", "UTENTE.KS"] {
            fs::write(folder.join(name), name).unwrap();
        }
        let later: Timestamp = "2026-04-01T00:00:00Z".parse().unwrap();
        EnvironmentSeen::remember(&state, &folder, &pair, later);
        let again = EnvironmentSeen::read(&state, &folder).unwrap();
        assert_eq!((again.at, again.since, again.files.len()), (later, Some(moment()), 3));
        fs::write(folder.join("utef.p12"), "x").unwrap();
        assert_eq!(again.changed(), ["UTEF.P12"]);
        EnvironmentSeen::remember(&root.path().join("nessuno"), &folder, &pair, later);
        assert!(!root.path().join("nessuno").exists(), "no workspace is begun");
        assert_eq!(on_another_device(&folder.join("a/b"), &state), cfg!(unix).then_some(false));
        // A record of an older version, and one that is damaged.
        let place = place(&state, &folder);
        let mut old: serde_json::Value =
            serde_json::from_slice(&fs::read(&place).unwrap()).unwrap();
        old.as_object_mut().unwrap().remove("other_device");
        fs::write(&place, old.to_string()).unwrap();
        assert_eq!(EnvironmentSeen::read(&state, &folder).unwrap().other_device, None);
        fs::write(&place, "{").unwrap();
        assert_eq!(EnvironmentSeen::read(&state, &folder), None);
    }
}
