//! Reading a journal without writing anything: not to it, and not beside it.
//!
//! A journal that nobody has open has no `-wal` file, and is read as it lies there. While somebody works on
//! it, its `-wal` and `-shm` files are there and are used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ceralacca_kernel::Error;
use rusqlite::{Connection, OpenFlags};

use crate::{JournalError, VERSION, require_file};

/// How a journal's files were at a moment: what changed meanwhile is read again.
#[derive(PartialEq, Eq)]
struct Seen([Option<(u64, Option<SystemTime>)>; 2]);

impl Seen {
    fn of(path: &Path) -> Seen {
        let of =
            |path: &Path| fs::metadata(path).ok().map(|found| (found.len(), found.modified().ok()));
        Seen([of(path), of(&beside(path, "-wal"))])
    }

    fn is_quiet(&self) -> bool {
        self.0[1].is_none_or(|(length, _)| length == 0)
    }
}

/// Opens the journal, and gives it to `work`; `None` when there is none, or nothing in it.
///
/// # Errors
/// Those of `work`, once the journal has not changed meanwhile; `journal.unusable`.
pub(crate) fn with<T>(
    path: &Path,
    work: impl Fn(Connection) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match fs::metadata(path) {
        Ok(_) => require_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, error.to_string())),
    }
    if fs::metadata(path).is_ok_and(|found| found.len() == 0) {
        return Ok(None);
    }
    let mut tries = 0;
    loop {
        let before = Seen::of(path);
        let done = opened(path, before.is_quiet()).and_then(&work);
        let undisturbed = Seen::of(path) == before;
        tries += 1;
        match done {
            Err(error) if undisturbed || tries == TRIES => return Err(error),
            Ok(done) if undisturbed || !before.is_quiet() || tries == TRIES => {
                return Ok(Some(done));
            }
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn opened(path: &Path, quiet: bool) -> Result<Connection, Error> {
    let refused = |error: rusqlite::Error| unusable(path, error.to_string());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = match quiet {
        // Otherwise SQLite would make the files beside it, or refuse where it may not.
        true => Connection::open_with_flags(format!("{}?immutable=1", uri(path)), flags),
        false => Connection::open_with_flags(path, flags - OpenFlags::SQLITE_OPEN_URI),
    }
    .map_err(refused)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(refused)?;
    let version: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(refused)?;
    if version > VERSION {
        let path = path.to_owned();
        return Err(JournalError::NewerVersion { path, found: version, known: VERSION }.into());
    }
    if version == 0 {
        return Err(unusable(path, "no journal was begun in it".to_owned()));
    }
    Ok(connection)
}

/// `file:` and the path; what would mean something there is written as `%xx`.
fn uri(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let mut text = "file:".to_owned();
    // `C:\…` is written `/C:/…`.
    if cfg!(windows) {
        text.push_str("///");
    }
    for byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => text.push('/'),
            b':' if cfg!(windows) => text.push(':'),
            byte if plain(*byte) => text.push(char::from(*byte)),
            byte => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn unusable(path: &Path, problem: String) -> Error {
    JournalError::Unusable { path: path.to_owned(), problem }.into()
}

const TRIES: usize = 10;
