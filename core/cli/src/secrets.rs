//! Secrets for unattended runs: a file that only its owner can read, or a file descriptor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ceralacca_kernel::regular_file::NotAFile;
use ceralacca_kernel::{Error, Secret, regular_file, text_encoding};
use zeroize::Zeroizing;

use crate::error::CliError;

/// A secrets file is small; more is not read.
const LONGEST: usize = 64 << 10;

/// How often a named pipe is looked at before somebody has opened it for writing.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(10);

/// Reads `FILE` or `fd:N`: TOML, `name = "text"` each. A confirmation may be given as `name_conferma`.
///
/// # Errors
/// `secrets.readable_by_others`, `secrets.unreadable`.
pub(crate) fn read(source: &str) -> Result<BTreeMap<String, Secret>, Error> {
    let unreadable =
        |problem: String| CliError::SecretsUnreadable { source: source.to_owned(), problem };
    let bytes = bytes_of(source)?;
    let text = text_encoding::decode(&bytes).map_err(|error| unreadable(error.to_string()))?;
    // The parser's own message would show the line.
    let table: BTreeMap<String, String> =
        toml::from_str(text).map_err(|_| unreadable("something else".to_owned()))?;
    Ok(table.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
}

/// What a file, a descriptor or a pipe holds.
fn bytes_of(source: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let unreadable = |problem: String| {
        Error::from(CliError::SecretsUnreadable { source: source.to_owned(), problem })
    };
    let failed = |error: io::Error| unreadable(error.to_string());
    // All that is read fits in it, so that no copy stays behind when it grows.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    if let Some(number) = source.strip_prefix("fd:") {
        let path = descriptor(number)
            .ok_or_else(|| unreadable("no such file descriptor on this system".to_owned()))?;
        read_all(&File::open(path).map_err(failed)?, 0, &mut bytes).map_err(failed)?;
    } else {
        let (file, looks) = open(Path::new(source)).map_err(failed)?;
        require_private(Path::new(source), &file)?;
        read_all(&file, looks, &mut bytes).map_err(failed)?;
    }
    if bytes.len() > LONGEST {
        return Err(unreadable(format!("more than {LONGEST} bytes")));
    }
    Ok(bytes)
}

/// A regular file, a named pipe, or what this process was given open: `/dev/stdin`, `/dev/fd/63`;
/// and how often to look for its first bytes.
fn open(path: &Path) -> io::Result<(File, u32)> {
    let given = ["/dev/fd/", "/dev/stdin", "/proc/self/fd/"];
    if cfg!(unix) && given.iter().any(|start| path.to_string_lossy().starts_with(start)) {
        return Ok((File::open(path)?, 0));
    }
    match regular_file::open(path) {
        Err(error) if NotAFile::in_error(&error) == Some(NotAFile::Fifo) => {
            Ok((regular_file::open_pipe(path)?, LOOKS))
        }
        opened => Ok((opened?, 0)),
    }
}

/// Reads to the end or one byte over the limit. Who writes into a named pipe may be slow, but must
/// have opened it, or do so in a moment.
fn read_all(mut file: &File, looks: u32, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut looked = 0;
    let mut part = Zeroizing::new([0; 4096]);
    while bytes.len() <= LONGEST {
        let room = part.len().min(LONGEST + 1 - bytes.len());
        match file.read(&mut part[..room]) {
            Ok(0) if bytes.is_empty() && looked < looks => {
                looked += 1;
                thread::sleep(PAUSE);
            }
            Ok(0) if bytes.is_empty() && looks > 0 => {
                return Err(io::Error::other("a FIFO (named pipe) into which nobody writes"));
            }
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// `/dev/fd/N`, where the system has it.
fn descriptor(number: &str) -> Option<PathBuf> {
    let number: u32 = number.parse().ok()?;
    cfg!(unix).then(|| PathBuf::from(format!("/dev/fd/{number}")))
}

#[cfg(unix)]
fn require_private(path: &Path, file: &File) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|error| CliError::io(path, &error))?;
    let mode = metadata.permissions().mode() & 0o777;
    // A pipe or process substitution is nobody else's.
    if metadata.is_file() && mode & 0o077 != 0 {
        let mode = format!("{mode:04o}");
        return Err(CliError::SecretsReadable { path: path.to_owned(), mode }.into());
    }
    Ok(())
}

/// Windows guards files by access lists, which the owner's profile folder restricts already.
#[cfg(not(unix))]
fn require_private(_: &Path, _: &File) -> Result<(), Error> {
    Ok(())
}
