//! Reads and hashes one document, and notices when it is not what it was a moment ago.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ceralacca_kernel::regular_file;

use crate::walk::{on_disk, special, unreadable};
use crate::{Algorithm, DigestBytes, Hasher, Trouble};

/// Measured: larger reads are no faster, and leave the cache of a core.
const PIECE: usize = 256 << 10;

/// Where documents are looked for.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    /// Free of links, to see whether a link stays inside.
    canonical: PathBuf,
}

impl Root {
    pub(crate) fn new(path: &Path) -> io::Result<Root> {
        Ok(Root { path: path.to_owned(), canonical: path.canonicalize()? })
    }

    /// Opens a document. A `link` is followed once it is known to lead to a document inside.
    pub(crate) fn open(&self, path: &str, link: bool) -> Result<Opened, Trouble> {
        let named = on_disk(&self.path, path);
        let path = if link { self.target(path, &named)? } else { named };
        let file = regular_file::open(&path).map_err(|error| unreadable(&error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&error))?;
        if !metadata.is_file() {
            // A moment ago it was one.
            return Err(Trouble::Changed);
        }
        Ok(Opened { path, file, metadata })
    }

    /// Only the last part of a path may be a link: a document has one path, the one of the walk.
    fn target(&self, path: &str, named: &Path) -> Result<PathBuf, Trouble> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let reached = on_disk(&self.path, folder).canonicalize();
        let reached = reached.map_err(|error| unreadable(&error))?;
        if reached != on_disk(&self.canonical, folder) {
            let inside = reached.starts_with(&self.canonical);
            return Err(if inside { Trouble::LinkToFolder } else { Trouble::LinkOutside });
        }
        let own = fs::symlink_metadata(named).map_err(|error| unreadable(&error))?;
        let link = own.is_symlink();
        let target = match named.canonicalize() {
            Ok(target) => target,
            Err(error) if link && error.kind() == io::ErrorKind::NotFound => {
                return Err(Trouble::LinkToNothing);
            }
            Err(error) => return Err(unreadable(&error)),
        };
        if !target.starts_with(&self.canonical) {
            return Err(Trouble::LinkOutside);
        }
        let metadata = fs::symlink_metadata(&target).map_err(|error| unreadable(&error))?;
        match metadata.file_type() {
            kind if kind.is_file() => Ok(target),
            kind if kind.is_dir() && link => Err(Trouble::LinkToFolder),
            kind if kind.is_dir() => Err(Trouble::Folder),
            kind => Err(special(kind)),
        }
    }
}

/// A document that is open and not yet read.
pub(crate) struct Opened {
    path: PathBuf,
    file: File,
    metadata: Metadata,
}

impl Opened {
    pub(crate) fn size(&self) -> u64 {
        self.metadata.len()
    }

    /// Size and digest; `None` when `stop` was set meanwhile. `bytes` counts along.
    pub(crate) fn hash(
        mut self,
        algorithm: Algorithm,
        buffer: &mut Buffer,
        bytes: &AtomicU64,
        stop: &AtomicBool,
    ) -> Result<Option<(u64, DigestBytes)>, Trouble> {
        let mut hasher = Hasher::new(algorithm);
        let mut size = 0;
        loop {
            let length = match self.file.read(&mut buffer.0) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Trouble::Unreadable { system: error.to_string() }),
            };
            hasher.update(&buffer.0[..length]);
            size += length as u64;
            bytes.fetch_add(length as u64, Ordering::Relaxed);
            if size > self.metadata.len() {
                // Growing; without this a file that grows for ever is read for ever.
                return Err(Trouble::Changed);
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        let now = fs::symlink_metadata(&self.path).map_err(|error| unreadable(&error))?;
        if size != self.metadata.len() || !same(&self.metadata, &now) {
            return Err(Trouble::Changed);
        }
        Ok(Some((size, hasher.finish())))
    }
}

/// What a document is read into.
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn new() -> Buffer {
        Buffer(vec![0; PIECE])
    }
}

#[cfg(unix)]
fn same(before: &Metadata, now: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &Metadata| {
        (
            (metadata.dev(), metadata.ino(), metadata.mode(), metadata.size()),
            (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()),
        )
    };
    identity(before) == identity(now)
}

#[cfg(not(unix))]
fn same(before: &Metadata, now: &Metadata) -> bool {
    now.is_file()
        && before.len() == now.len()
        && before.modified().ok() == now.modified().ok()
        && before.created().ok() == now.created().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(opened: Opened) -> Result<Option<u64>, Trouble> {
        let (bytes, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let hashed = opened.hash(Algorithm::Sha256, &mut Buffer::new(), &bytes, &stop)?;
        Ok(hashed.map(|(size, _)| size))
    }

    #[test]
    fn a_document_that_changes_while_it_is_read_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path()).unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "abc").unwrap();
        let open = || root.open("a", false).unwrap();
        assert_eq!(hashed(open()), Ok(Some(3)));

        let opened = open();
        fs::write(&path, "abcd").unwrap();
        assert_eq!(hashed(opened), Err(Trouble::Changed), "it grew");
        let opened = open();
        fs::write(&path, "ab").unwrap();
        assert_eq!(hashed(opened), Err(Trouble::Changed), "it shrank");
        let opened = open();
        fs::write(folder.path().join("b"), "ab").unwrap();
        fs::rename(folder.path().join("b"), &path).unwrap();
        assert_eq!(hashed(opened), Err(Trouble::Changed), "another took its name");
        let opened = open();
        fs::remove_file(&path).unwrap();
        assert_eq!(hashed(opened), Err(Trouble::Disappeared));
        assert_eq!(root.open("a", false).err(), Some(Trouble::Disappeared));
        fs::create_dir(&path).unwrap();
        assert!(root.open("a", false).is_err());
    }
}
