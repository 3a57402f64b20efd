//! The folders of the document archive, by the Agency's names whatever their case.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file;

/// The folder `name` of the archive: the one that is there in any case, or else a new one.
pub fn folder(documents: &Path, name: &str) -> io::Result<PathBuf> {
    if let Some(found) = existing(documents, name) {
        return Ok(found);
    }
    let exact = documents.join(name);
    create(&exact)?;
    Ok(exact)
}

/// The folder `name` of the archive in any case, if it is there; reading makes none.
pub fn existing(documents: &Path, name: &str) -> Option<PathBuf> {
    let exact = documents.join(name);
    if exact.is_dir() {
        return Some(exact);
    }
    let mut alike: Vec<PathBuf> = fs::read_dir(documents)
        .ok()?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let found = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
            found.as_deref() == Some(&name.to_lowercase()) && path.is_dir()
        })
        .collect();
    alike.sort();
    alike.into_iter().next()
}

/// Creates a folder and those above it, durably.
pub fn create(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        return atomic_file::sync_folder(parent);
    }
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_found_in_any_case() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("Da Inviare")).unwrap();
        fs::write(root.path().join("INVIATI"), "a file, not a folder").unwrap();
        let found = folder(root.path(), "da inviare").unwrap();
        assert!(found.ends_with("Da Inviare") || found.ends_with("da inviare"));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
        let deep = root.path().join("a/b");
        assert!(folder(&deep, "ricezione").unwrap().is_dir());
    }
}
