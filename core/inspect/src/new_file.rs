//! Files that are written whole or not at all, and never over another file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ceralacca_kernel::{atomic_file, crash_point};
use ceralacca_signing::DigestAlgorithm;

use crate::error::InspectError;
use crate::section::Section;

/// A file that takes its name when it is whole. Dropped before that, it leaves nothing.
pub(crate) struct NewFile {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Begins the file that will be `path`, in a folder that is there.
    pub(crate) fn create(path: PathBuf) -> Result<NewFile, InspectError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(atomic_file::TEMPORARY_PREFIX)
            .tempfile_in(folder)
            .map_err(InspectError::disk("writing", &path))?;
        Ok(NewFile { file, path })
    }

    /// As [`NewFile::create`], with all that `source` holds.
    pub(crate) fn copy_of(source: &Section, path: PathBuf) -> Result<NewFile, InspectError> {
        let mut file = NewFile::create(path)?;
        let copied = io::copy(&mut source.from_start(), &mut file);
        copied.map_err(InspectError::disk("writing", &file.path))?;
        Ok(file)
    }

    /// As [`NewFile::create`], with these bytes.
    pub(crate) fn of(bytes: &[u8], path: PathBuf) -> Result<NewFile, InspectError> {
        let mut file = NewFile::create(path)?;
        file.put(bytes)?;
        Ok(file)
    }

    /// Adds these bytes.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), InspectError> {
        let written = self.write_all(bytes);
        written.map_err(InspectError::disk("writing", &self.path))
    }

    /// Where it will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses when another file has the name already; one with the same content is no other.
    pub(crate) fn require_free(&self) -> Result<(), InspectError> {
        if std::fs::symlink_metadata(&self.path).is_err() || self.is_there()? {
            return Ok(());
        }
        Err(InspectError::Exists { path: self.path.display().to_string() })
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn persist(self) -> Result<PathBuf, InspectError> {
        let path = self.path.clone();
        let disk = InspectError::disk("writing", &path);
        self.file.as_file().sync_all().map_err(&disk)?;
        self.require_free()?;
        if path.exists() {
            return Ok(self.path);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        crash_point::reached(&format!("before rename to {name}"));
        match self.file.persist_noclobber(&path) {
            Ok(_) => {}
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(InspectError::Exists { path: path.display().to_string() });
            }
            Err(failed) => return Err(disk(failed.error)),
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        atomic_file::sync_folder(folder.unwrap_or(Path::new("."))).map_err(&disk)?;
        crash_point::reached(&format!("after rename to {name}"));
        Ok(self.path)
    }

    /// Whether the file of that name is a regular one with the same content.
    fn is_there(&self) -> Result<bool, InspectError> {
        let Ok(there) = Section::open(&self.path) else { return Ok(false) };
        let disk = InspectError::disk("reading", &self.path);
        let mine = self.file.reopen().and_then(Section::whole).map_err(&disk)?;
        if there.length() != mine.length() {
            return Ok(false);
        }
        let digest = |section| DigestAlgorithm::Sha256.digest_reader(section).map_err(&disk);
        Ok(digest(there)? == digest(mine)?)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_ever_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsr");
        assert_eq!(NewFile::of(b"one", path.clone()).unwrap().persist().unwrap(), path);
        NewFile::of(b"one", path.clone()).unwrap().persist().unwrap();
        for other in [&b"two"[..], b"longer"] {
            let other = NewFile::of(other, path.clone()).unwrap();
            assert!(matches!(other.persist(), Err(InspectError::Exists { .. })));
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert!(NewFile::of(b"", folder.path().to_owned()).unwrap().persist().is_err());
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("nowhere", &link).unwrap();
            assert!(NewFile::of(b"", link).unwrap().persist().is_err());
        }
        drop(NewFile::of(b"one", folder.path().join("b")).unwrap());
        let left = std::fs::read_dir(folder.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "a.tsr" || name == "link"), "{left:?}");
    }
}
