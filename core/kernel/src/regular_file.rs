//! The one place where files are opened: regular files alone, without waiting and up to a limit.
//!
//! Opening a FIFO waits for its other end, and a device may never end. So what a path leads to is
//! looked at before it is opened, opened without waiting, and looked at again when it is open. Links
//! are followed.

use std::fmt;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::text_encoding;

/// What lies where a file should be. In an [`io::Error`] of the kind `IsADirectory` or `InvalidInput`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAFile {
    /// A folder.
    Folder,
    /// A named pipe.
    Fifo,
    /// A socket of the local domain.
    Socket,
    /// A terminal, `/dev/zero`, a disk; on Windows a name such as `CON`, too.
    Device,
    /// What the system has besides.
    Other,
}

/// Opens a file for reading.
///
/// # Errors
/// What the system says; [`NotAFile`] for anything but a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, File::options().read(true))
}

/// As [`open`], in another way: a file that is written to in place.
///
/// # Errors
/// As [`open`].
pub fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(windows)]
    if windows_names::is_device(path) {
        return Err(NotAFile::Device.into());
    }
    match std::fs::metadata(path) {
        Ok(found) => require_file(found.file_type())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = open_at_once(path, options)?;
    require_file(file.metadata()?.file_type())?;
    Ok(file)
}

/// All bytes of a file that has at most `limit` of them; a longer one is not read.
///
/// # Errors
/// As [`open`]; of the kind `FileTooLarge` for a longer file.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    // A file may grow while it is read, and those of /proc have no length.
    if file.metadata()?.len() <= limit {
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 <= limit {
            return Ok(bytes);
        }
    }
    Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes")))
}

/// The text of a file that has at most `limit` bytes, as [`text_encoding::decode`] takes it.
///
/// # Errors
/// As [`read`]; of the kind `InvalidData` for what is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = text_encoding::decode(&read(path, limit)?)?.to_owned();
    Ok(text)
}

/// Opens a named pipe for reading, without waiting for its other end: a read gives nothing while
/// nobody writes there, and `WouldBlock` while somebody who could is silent.
///
/// # Errors
/// What the system says.
pub fn open_pipe(path: &Path) -> io::Result<File> {
    open_at_once(path, File::options().read(true))
}

#[cfg(unix)]
fn open_at_once(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    match options.open(path) {
        // A file server holds a lease on it, and gives it up to whoever waits a moment.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && path.is_file() => {
            options.custom_flags(libc::O_NOCTTY).open(path)
        }
        opened => opened,
    }
}

#[cfg(not(unix))]
fn open_at_once(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.open(path)
}

fn require_file(found: FileType) -> io::Result<()> {
    match NotAFile::of(found) {
        Some(other) => Err(other.into()),
        None => Ok(()),
    }
}

impl NotAFile {
    /// What it is instead, unless it is a regular file. A link is `Other`.
    pub fn of(found: FileType) -> Option<NotAFile> {
        if found.is_file() {
            return None;
        }
        if found.is_dir() {
            return Some(NotAFile::Folder);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            if found.is_fifo() {
                return Some(NotAFile::Fifo);
            }
            if found.is_socket() {
                return Some(NotAFile::Socket);
            }
            if found.is_char_device() || found.is_block_device() {
                return Some(NotAFile::Device);
            }
        }
        Some(NotAFile::Other)
    }

    /// What an error says, when it says that something is no file.
    pub fn in_error(error: &io::Error) -> Option<NotAFile> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl fmt::Display for NotAFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = match self {
            NotAFile::Folder => "a folder",
            NotAFile::Fifo => "a FIFO (named pipe)",
            NotAFile::Socket => "a socket",
            NotAFile::Device => "a device",
            NotAFile::Other => "something else",
        };
        write!(f, "{found}, not a regular file")
    }
}

impl std::error::Error for NotAFile {}

impl From<NotAFile> for io::Error {
    fn from(found: NotAFile) -> io::Error {
        let kind = match found {
            NotAFile::Folder => io::ErrorKind::IsADirectory,
            _ => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, found)
    }
}

/// Names that Windows opens as devices in whatever folder they stand ("Naming Files, Paths, and
/// Namespaces").
#[cfg(any(windows, test))]
mod windows_names {
    use std::path::{Component, Path, Prefix};

    pub(super) fn is_device(path: &Path) -> bool {
        let of_devices = |part: Component<'_>| match part {
            Component::Prefix(prefix) => matches!(prefix.kind(), Prefix::DeviceNS(_)),
            _ => false,
        };
        let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase());
        path.components().any(of_devices) || name.is_some_and(|name| is_reserved(&name))
    }

    /// `name` in upper case; what follows a dot or a colon does not count, nor spaces at the end.
    pub(super) fn is_reserved(name: &str) -> bool {
        let stem = name.split(['.', ':']).next().unwrap_or_default().trim_end();
        let numbered = ["COM", "LPT"].iter().find_map(|start| stem.strip_prefix(start));
        matches!(stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$")
            || numbered.is_some_and(|rest| {
                rest.chars().count() == 1 && rest.contains(|c| "0123456789¹²³".contains(c))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_their_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(open(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(&path, "\u{feff}ciao").unwrap();
        assert_eq!(read(&path, 7).unwrap().len(), 7);
        assert_eq!(read_text(&path, 7).unwrap(), "ciao");
        assert_eq!(read(&path, 6).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let error = open(folder.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert_eq!(NotAFile::in_error(&error), Some(NotAFile::Folder));
        assert_eq!(error.to_string(), "a folder, not a regular file");
        open_with(&folder.path().join("b"), File::options().write(true).create(true)).unwrap();
        #[cfg(unix)]
        {
            let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
            let found = |path: &Path| NotAFile::in_error(&read(path, 9).unwrap_err());
            assert_eq!(found(&folder.path().join("s")), Some(NotAFile::Socket));
            assert_eq!(found(Path::new("/dev/zero")), Some(NotAFile::Device));
            std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
            assert_eq!(read(&folder.path().join("link"), 7).unwrap().len(), 7);
        }
        #[cfg(target_os = "linux")]
        assert!(!read(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
    }

    #[test]
    fn names_of_devices_are_known() {
        for name in ["CON", "NUL.TXT", "COM1", "LPT9.X.Y", "COM¹", "AUX ", "CONIN$", "PRN:X"] {
            assert!(windows_names::is_reserved(name), "{name}");
        }
        for name in ["CONTO.TXT", "COM", "COM10", "NULLA", "A.CON", ""] {
            assert!(!windows_names::is_reserved(name), "{name}");
        }
        assert!(windows_names::is_device(Path::new("x/nul")));
        assert!(!windows_names::is_device(Path::new("nul/x")));
    }
}
