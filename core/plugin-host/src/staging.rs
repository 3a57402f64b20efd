//! Folders of plugins exchanged as a whole: what an interruption leaves behind is put in order here.
//!
//! A new version is made in a folder beside, then the old one is set aside, the new one takes its name,
//! and `plugins.lock` says which of the two is meant: when it still says the old one, that one comes
//! back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, atomic_file, crash_point, regular_file};

use crate::error::PluginError;
use crate::image::Image;
use crate::lock::{self, Lock, Locked, plugins_folder};

/// The folder in which a new version is made.
pub(crate) fn new_folder(root: &Path, name: &str) -> PathBuf {
    plugins_folder(root).join(format!("{}new-{name}", atomic_file::TEMPORARY_PREFIX))
}

/// The folder of a version that was set aside.
fn old_folder(root: &Path, name: &str) -> PathBuf {
    plugins_folder(root).join(format!("{}old-{name}", atomic_file::TEMPORARY_PREFIX))
}

/// Gives the new version its name, and locks it.
pub(crate) fn exchange(root: &Path, lock: &mut Lock, locked: Locked) -> Result<(), Error> {
    let name = locked.name.clone();
    let (folder, old) = (plugins_folder(root).join(&name), old_folder(root, &name));
    let unwritable = |error| Error::from(PluginError::not_written(&folder, &error));
    if folder.exists() {
        atomic_file::rename(&folder, &old).map_err(unwritable)?;
    }
    atomic_file::rename(&new_folder(root, &name), &folder).map_err(unwritable)?;
    lock.set(locked);
    lock.write(root)?;
    remove_folder(&old).map_err(unwritable)
}

/// Takes a plugin out of the lock, then its folder away.
pub(crate) fn take_away(root: &Path, lock: &mut Lock, name: &str) -> Result<(), Error> {
    let (folder, old) = (plugins_folder(root).join(name), old_folder(root, name));
    let unwritable = |error| Error::from(PluginError::not_written(&folder, &error));
    lock.remove(name);
    lock.write(root)?;
    if folder.exists() {
        atomic_file::rename(&folder, &old).map_err(unwritable)?;
    }
    remove_folder(&old).map_err(unwritable)
}

/// Puts in order what an interruption left, for whoever holds the lock of the folder.
pub(crate) fn settle(root: &Path, lock: &Lock) -> Result<(), Error> {
    for (name, old) in left(root) {
        let folder = plugins_folder(root).join(&name);
        let unwritable = |error| Error::from(PluginError::not_written(&folder, &error));
        let new = new_folder(root, &name);
        let meant = |folder: &Path| lock.find(&name).is_some_and(|locked| is(folder, locked));
        if old.exists() && !meant(&folder) && meant(&old) {
            remove_folder(&new).map_err(unwritable)?;
            if folder.exists() {
                atomic_file::rename(&folder, &new).map_err(unwritable)?;
            }
            atomic_file::rename(&old, &folder).map_err(unwritable)?;
        }
        remove_folder(&old).map_err(unwritable)?;
        remove_folder(&new).map_err(unwritable)?;
    }
    Ok(())
}

/// As [`settle`], when something is left and nobody is at work. What cannot be mended now shows as an
/// error of the plugin, and the next `plugin` command mends it.
pub(crate) fn settle_if_left(root: &Path, lock: &Lock) {
    if left(root).is_empty() {
        return;
    }
    if let Ok(_held) = lock::take(root) {
        let _ = settle(root, lock);
    }
}

/// Names of plugins of which an interruption left something, and where the set aside version is.
fn left(root: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(plugins_folder(root)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| {
            let rest = name.strip_prefix(atomic_file::TEMPORARY_PREFIX)?;
            let name = rest.strip_prefix("old-").or_else(|| rest.strip_prefix("new-"))?;
            Some(name.to_owned())
        })
        .collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| (name.clone(), old_folder(root, &name))).collect()
}

/// Whether a folder holds what is locked.
fn is(folder: &Path, locked: &Locked) -> bool {
    let manifest = folder.join(format!("{}.json", locked.name));
    let manifest = regular_file::read(&manifest, ceralacca_kernel::manifest::LONGEST as u64)
        .unwrap_or_default();
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&manifest));
    let library = folder.join(&locked.library);
    sha256 == locked.manifest_sha256 && Image::read(&library, &locked.library_sha256).is_ok()
}

/// Removes a folder that may not be there.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => {
            crash_point::reached(&format!("after removal of {}", folder.display()));
            Ok(())
        }
    }
}
