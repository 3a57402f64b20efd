//! Turns the operating system's refusals into errors that say what is on disk.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_kernel::regular_file::NotAFile;
use ceralacca_kernel::{atomic_file, regular_file};

use crate::error::{DiskCondition, DiskError, KeystoreError};

/// Makes the error for a failed operation: `doing` is a participle, `on_disk` what is left behind.
pub fn refused<'a>(
    doing: &'a str,
    path: &'a Path,
    on_disk: &'a str,
) -> impl Fn(io::Error) -> KeystoreError + 'a {
    move |error| {
        KeystoreError::Disk(DiskError {
            condition: condition(&error),
            doing: doing.to_owned(),
            path: path.display().to_string(),
            on_disk: on_disk.to_owned(),
            system: system(&error),
        })
    }
}

/// Reads a file of at most `limit` bytes; a longer one is refused without being read.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, KeystoreError> {
    let refused = refused("reading", path, "nothing was changed");
    regular_file::read(path, limit).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => KeystoreError::TooLarge { container: name(path), limit },
        _ => refused(error),
    })
}

/// Creates a folder durably; on Unix only the owner can look into it. One that is there stays.
///
/// The folder above must be there: a medium that is not mounted is refused, not written beside.
pub fn create_folder(folder: &Path, on_disk: &str) -> Result<(), KeystoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    if !parent.exists() {
        let missing = io::Error::new(io::ErrorKind::NotFound, "no such folder");
        return Err(refused("looking for", parent, on_disk)(missing));
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => atomic_file::sync_folder(parent),
    }
    .map_err(refused("creating", folder, on_disk))
}

/// The entry of `folder` with this name, in whatever case it is written; an exact one first.
pub fn find(folder: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().eq_ignore_ascii_case(name) {
            found.push(entry.path());
        }
    }
    found.sort_by_key(|path| (path.file_name() != Some(name.as_ref()), path.clone()));
    Ok(found.into_iter().next())
}

/// The last part of a path, for errors and tables.
pub fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The system's words, without the passing name of a temporary file.
fn system(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" at path \"").next().unwrap_or(&text).to_owned()
}

fn condition(error: &io::Error) -> DiskCondition {
    use io::ErrorKind::{
        AlreadyExists, NotADirectory, NotFound, PermissionDenied, QuotaExceeded,
        ReadOnlyFilesystem, StaleNetworkFileHandle, StorageFull,
    };
    if NotAFile::in_error(error).is_some() {
        return DiskCondition::NotAFile;
    }
    match (error.kind(), error.raw_os_error()) {
        (ReadOnlyFilesystem, _) => DiskCondition::ReadOnly,
        (StorageFull | QuotaExceeded, _) => DiskCondition::Full,
        (PermissionDenied, _) => DiskCondition::Permission,
        (NotFound | NotADirectory | StaleNetworkFileHandle, _) => DiskCondition::Missing,
        (AlreadyExists, _) => DiskCondition::Exists,
        (_, Some(code)) if MEDIUM_GONE.contains(&code) => DiskCondition::Missing,
        _ => DiskCondition::Other,
    }
}

/// Codes of a medium that was pulled out.
#[cfg(unix)]
const MEDIUM_GONE: [i32; 4] = [5, 6, 19, 123]; // EIO, ENXIO, ENODEV, ENOMEDIUM
#[cfg(not(unix))]
const MEDIUM_GONE: [i32; 3] = [21, 55, 1167]; // not ready, no device, device not connected

#[cfg(test)]
mod tests {
    use super::*;

    fn condition_of(error: io::Error) -> DiskCondition {
        match refused("writing", Path::new("/x/y"), "nothing")(error) {
            KeystoreError::Disk(disk) => disk.condition,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn conditions_are_told_apart() {
        use DiskCondition::*;
        for (kind, expected) in [
            (io::ErrorKind::ReadOnlyFilesystem, ReadOnly),
            (io::ErrorKind::StorageFull, Full),
            (io::ErrorKind::QuotaExceeded, Full),
            (io::ErrorKind::PermissionDenied, Permission),
            (io::ErrorKind::NotFound, Missing),
            (io::ErrorKind::AlreadyExists, Exists),
            (io::ErrorKind::Interrupted, Other),
        ] {
            assert_eq!(condition_of(kind.into()), expected, "{kind:?}");
        }
        #[cfg(unix)]
        for (code, expected) in [(30, ReadOnly), (28, Full), (13, Permission), (123, Missing)] {
            assert_eq!(condition_of(io::Error::from_raw_os_error(code)), expected, "{code}");
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a");
        create_folder(&deep, "").unwrap();
        create_folder(&deep, "").unwrap();
        assert_eq!(find(&deep, "UTEF.P12").unwrap(), None);
        fs::write(deep.join("utef.p12"), "x").unwrap();
        assert_eq!(find(&deep, "UTEF.P12").unwrap(), Some(deep.join("utef.p12")));
        fs::write(deep.join("UTEF.P12"), "x").unwrap();
        assert_eq!(find(&deep, "UTEF.P12").unwrap(), Some(deep.join("UTEF.P12")));
        assert!(find(&folder.path().join("c"), "x").is_err());
        assert!(create_folder(&deep.join("utef.p12/d"), "").is_err());
        let Err(KeystoreError::Disk(missing)) = create_folder(&folder.path().join("b/c"), "")
        else {
            panic!("created beside a missing medium");
        };
        assert!(missing.is_missing() && missing.path.ends_with('b'));
    }

    #[test]
    fn long_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lungo");
        std::fs::write(&path, [0; 11]).unwrap();
        assert_eq!(read(&path, 11).unwrap().len(), 11);
        assert!(matches!(read(&path, 10), Err(KeystoreError::TooLarge { limit: 10, .. })));
    }
}
