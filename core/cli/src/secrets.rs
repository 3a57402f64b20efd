//! Secrets for unattended runs: a file that only its owner can read, or a file descriptor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, Secret};
use zeroize::Zeroizing;

use crate::error::CliError;

/// A secrets file is small; more is not read.
const LONGEST: u64 = 64 << 10;

/// Reads `FILE` or `fd:N`: TOML, `name = "text"` each. A confirmation may be given as `name_conferma`.
///
/// # Errors
/// `secrets.readable_by_others`, `secrets.unreadable`.
pub(crate) fn read(source: &str) -> Result<BTreeMap<String, Secret>, Error> {
    let unreadable =
        |problem: String| CliError::SecretsUnreadable { source: source.to_owned(), problem };
    let mut file = open(source)?;
    let mut text = Zeroizing::new(String::new());
    file.by_ref()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(error.to_string()))?;
    // The parser's own message would show the line.
    let table: BTreeMap<String, String> =
        toml::from_str(&text).map_err(|_| unreadable("something else".to_owned()))?;
    Ok(table.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
}

fn open(source: &str) -> Result<File, Error> {
    let unreadable = |error: std::io::Error| CliError::SecretsUnreadable {
        source: source.to_owned(),
        problem: error.to_string(),
    };
    if let Some(number) = source.strip_prefix("fd:") {
        let path = descriptor(number).ok_or_else(|| CliError::SecretsUnreadable {
            source: source.to_owned(),
            problem: "no such file descriptor on this system".to_owned(),
        })?;
        return Ok(File::open(path).map_err(unreadable)?);
    }
    let file = File::open(source).map_err(unreadable)?;
    require_private(Path::new(source), &file)?;
    Ok(file)
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
