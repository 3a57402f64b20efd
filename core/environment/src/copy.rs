//! Copies an environment to a second medium, and sees that the copy opens.

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Explain, Secret, atomic_file};
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{KeystoreError, disk, pkcs12_read};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::EnvironmentError;
use crate::folder::EnvironmentFolder;
use crate::history::EnvironmentHistory;
use crate::seen::on_another_device;

/// A copy of an environment, and what it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Copied {
    /// Where it is, absolute.
    pub folder: PathBuf,
    /// Whether it is on another disk than the environment; nothing where nobody can say.
    pub other_disk: Option<bool>,
    /// Environments that were set aside beside it, and were not copied.
    pub not_copied: Vec<String>,
    /// The same in a sentence.
    pub note: String,
}

impl EnvironmentFolder {
    /// Copies the three files to another folder; files there are never overwritten.
    ///
    /// The environment must open with `password`, and so must the copy, to the same keys. Repeating
    /// it changes nothing.
    ///
    /// # Errors
    /// `environment.disk_exists` when the folder holds another file of that name, in any case;
    /// `environment.no_second_medium` when it is the environment's own, inside it or around it, or
    /// would be taken for one that was set aside.
    pub fn copy_to(&self, backup: &Path, password: &Secret) -> Result<(), EnvironmentError> {
        self.require_elsewhere(backup)?;
        let ours = self.open(password)?;
        let files = self.files()?;
        disk::create_folder(backup, NOT_COPIED)?;
        for file in [&files.utef, &files.utec, &files.utente] {
            copy(file, backup)?;
        }
        let copy = EnvironmentFolder::at(backup);
        let failed = |reason: String| EnvironmentError::ReadBack {
            file: backup.display().to_string(),
            reason,
            on_disk: NOT_COPIED.to_owned(),
        };
        let theirs = copy.open(password).map_err(|error| failed(error.explain().headline))?;
        let same = |one: &KeyEntry, other: &KeyEntry| {
            one.chain == other.chain && one.key.public() == other.key.public()
        };
        if !same(&ours.firma, &theirs.firma) || !same(&ours.cifra, &theirs.cifra) {
            return Err(failed("it opens to other keys".to_owned()));
        }
        Ok(())
    }

    /// What there is to say of the copy in `backup`.
    pub(crate) fn copied(&self, backup: &Path) -> Copied {
        let other_disk = on_another_device(backup, &self.path);
        let history = EnvironmentHistory::beside(&self.path);
        let aside = |history: EnvironmentHistory| {
            let folders = history.folders().filter(|(_, current)| !current);
            folders.map(|(folder, _)| disk::name(folder.path())).collect()
        };
        let not_copied: Vec<String> = history.map(aside).unwrap_or_default();
        let mut note = match other_disk {
            Some(true) => "la copia è su un altro disco e si apre".to_owned(),
            Some(false) => "attenzione: la copia è sullo stesso disco dell'ambiente: se doveva \
                            essere su un supporto, questo non è inserito"
                .to_owned(),
            None => "la copia si apre".to_owned(),
        };
        if !not_copied.is_empty() {
            let list = not_copied.join(", ");
            note.push_str(&format!("; non copiati gli ambienti messi da parte: {list}"));
        }
        Copied { folder: backup.to_owned(), other_disk, not_copied, note }
    }

    /// Refuses what is no second place, by whatever path it is named.
    fn require_elsewhere(&self, backup: &Path) -> Result<(), EnvironmentError> {
        let no = |why: &str| {
            let copy = backup.display().to_string();
            Err(EnvironmentError::SameMedium { copy, why: why.to_owned() })
        };
        let (ours, theirs) = (resolved(&self.path), resolved(backup));
        if ours == theirs {
            return no("the environment's own folder");
        }
        if theirs.starts_with(&ours) {
            return no("a folder inside the environment");
        }
        if ours.starts_with(&theirs) {
            return no("a folder around the environment");
        }
        let dated = disk::name(&theirs).to_lowercase();
        let dated = dated.strip_prefix(&format!("{}_", disk::name(&ours).to_lowercase()));
        let digits = dated.is_some_and(|rest| rest.bytes().all(|digit| digit.is_ascii_digit()));
        if digits && ours.parent() == theirs.parent() {
            return no("a name that is given to environments that were set aside");
        }
        Ok(())
    }
}

/// The path without links, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for there in path.ancestors() {
        if let Ok(real) = fs::canonicalize(there) {
            let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path
}

/// Copies one file, unless it is there already.
fn copy(file: &Path, backup: &Path) -> Result<(), KeystoreError> {
    let bytes = disk::read(file, pkcs12_read::MAX_LENGTH)?;
    let name = disk::name(file);
    let refused = |path: &Path, error| disk::refused("writing", path, NOT_COPIED)(error);
    // A medium may tell cases apart or not: another case of the name is the same file.
    let found = disk::find(backup, &name).map_err(|error| refused(backup, error))?;
    let copy = found.unwrap_or_else(|| backup.join(&name));
    match atomic_file::write_new(&copy, &bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            if disk::read(&copy, pkcs12_read::MAX_LENGTH)? != bytes {
                return Err(refused(&copy, error));
            }
            Ok(())
        }
        other => other.map_err(|error| refused(&copy, error)),
    }
}

const NOT_COPIED: &str = "the environment itself is unchanged; the copy is not complete";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Scene, answer, password};

    #[test]
    fn what_is_no_second_place_is_refused() {
        let scene = Scene::requested();
        scene.import(&answer()).unwrap();
        let folder = scene.environment.path().to_owned();
        let above = folder.parent().unwrap().to_owned();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let before = scene.names();
        let mut wrong = vec![
            folder.clone(),
            above.join(".").join(&name).join("."),
            folder.join("copia"),
            above.clone(),
            above.join(format!("{name}_2")),
            above.join(format!("{}_17", name.to_uppercase())),
        ];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&folder, above.join("legame")).unwrap();
            wrong.push(above.join("legame"));
            wrong.push(above.join("legame/copia"));
        }
        for copy in wrong {
            let refused = scene.environment.copy_to(&copy, &password()).unwrap_err();
            assert!(matches!(refused, EnvironmentError::SameMedium { .. }), "{}", copy.display());
            assert_eq!(scene.names(), before, "{}", copy.display());
        }
        let copy = above.join(format!("{name}_copia"));
        scene.environment.copy_to(&copy, &password()).unwrap();
        fs::create_dir(above.join(format!("{name}_1547083116289"))).unwrap();
        let copied = scene.environment.copied(&copy);
        assert_eq!(copied.other_disk, cfg!(unix).then_some(false));
        assert_eq!(copied.not_copied, [format!("{name}_1547083116289")]);
        assert!(copied.note.contains("messi da parte"), "{}", copied.note);
    }
}
