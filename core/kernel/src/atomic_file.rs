//! Files that are there whole or not at all: temporary file, sync, rename, sync of the folder.

use std::io::{self, Write};
use std::path::Path;

use crate::{crash_point, regular_file};

/// Temporary files start with this; what is left of them after a crash can be removed by name.
pub const TEMPORARY_PREFIX: &str = ".ceralacca-";

/// Writes `bytes` to `path`, replacing a file that is there. On Unix only the owner can read it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = staged(path, bytes)?;
    crash_point::reached(&format!("before rename to {}", name(path)));
    file.persist(path).map_err(|failed| failed.error)?;
    sync_folder(parent(path)?)?;
    crash_point::reached(&format!("after rename to {}", name(path)));
    Ok(())
}

/// As [`write`], for a file that only one call ever writes: what an interruption leaves behind is
/// written over when the call is repeated, also in a folder that others write into.
pub fn write_alone(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = parent(path)?.join(format!("{TEMPORARY_PREFIX}{}", name(path)));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = regular_file::open_with(&staged, &mut options)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    rename(&staged, path)
}

/// As [`write`], but fails with `AlreadyExists` when the file is there.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = staged(path, bytes)?;
    crash_point::reached(&format!("before rename to {}", name(path)));
    file.persist_noclobber(path).map_err(|failed| failed.error)?;
    sync_folder(parent(path)?)?;
    crash_point::reached(&format!("after rename to {}", name(path)));
    Ok(())
}

/// Renames a file or folder within one filesystem and makes the change durable.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    crash_point::reached(&format!("before rename to {}", name(to)));
    std::fs::rename(from, to)?;
    sync_folder(parent(to)?)?;
    if parent(from)? != parent(to)? {
        sync_folder(parent(from)?)?;
    }
    crash_point::reached(&format!("after rename to {}", name(to)));
    Ok(())
}

/// Removes a file and makes that durable; one that is gone already is well.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed?,
    }
    sync_folder(parent(path)?)?;
    crash_point::reached(&format!("after removal of {}", name(path)));
    Ok(())
}

/// Makes the creation or removal of names in `folder` durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder for syncing; its rename is already durable with the file's data.
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes temporary files that an interrupted write left in `folder`.
pub fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file that is written piece by piece and takes its name only when it is whole.
///
/// Dropped before [`Writer::persist`], it leaves nothing.
pub struct Writer {
    file: tempfile::NamedTempFile,
    path: std::path::PathBuf,
}

impl Writer {
    /// Begins a file that will be `path`. On Unix only the owner can read it.
    pub fn create(path: &Path) -> io::Result<Writer> {
        Ok(Writer { file: temporary(path)?, path: path.to_owned() })
    }

    /// Makes it durable and gives it its name, replacing a file that is there.
    pub fn persist(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        crash_point::reached(&format!("before rename to {}", name(&self.path)));
        self.file.persist(&self.path).map_err(|failed| failed.error)?;
        sync_folder(parent(&self.path)?)?;
        crash_point::reached(&format!("after rename to {}", name(&self.path)));
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let made = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(parent(path)?);
    made.map_err(|error| as_the_system_said(&error).unwrap_or(error))
}

/// An error without the name of a temporary file, which tells nobody anything, and with its code,
/// which tells a medium that is gone.
fn as_the_system_said(error: &io::Error) -> Option<io::Error> {
    let said = error.to_string();
    let code = said.split("(os error ").nth(1)?.split(')').next()?;
    code.parse().ok().map(io::Error::from_raw_os_error)
}

fn staged(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = temporary(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn parent(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(parent) => Ok(parent),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, "a path without a folder")),
    }
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_removed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"x").unwrap();
        for _ in 0..2 {
            remove(&path).unwrap();
            assert!(!path.exists());
        }
        let gone = folder.path().join("gone");
        remove(&gone.join("a")).unwrap();
        assert!(remove(folder.path()).is_err(), "a folder is not a file");
    }

    #[test]
    fn an_error_does_not_name_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = write(&missing.join("a"), b"").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.raw_os_error().is_some(), "{error}");
        assert!(!error.to_string().contains(TEMPORARY_PREFIX), "{error}");
    }
}
