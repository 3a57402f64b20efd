//! An exclusive lock on a file, released by the operating system when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::regular_file;

/// What a holder says of itself is short.
const LONGEST_HOLDER: u64 = 4 << 10;

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
    holder: PathBuf,
}

/// Why a lock was not had.
#[derive(Debug)]
pub enum LockError {
    /// Somebody else has it; the text is what they said of themselves.
    Held(String),
    /// The lock file cannot be used.
    Io(io::Error),
}

impl FileLock {
    /// Locks `path`, which is created when missing. `holder` says who we are, for the others.
    pub fn acquire(path: &Path, holder: &str) -> Result<FileLock, LockError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = regular_file::open_with(path, &mut options).map_err(LockError::Io)?;
        // Beside the lock, because Windows lets nobody read a locked file.
        let holder_path = path.with_extension("holder");
        match file.try_lock() {
            Ok(()) => {
                let mut options = OpenOptions::new();
                options.create(true).truncate(true).write(true);
                let mut file_holder =
                    regular_file::open_with(&holder_path, &mut options).map_err(LockError::Io)?;
                file_holder.write_all(holder.as_bytes()).map_err(LockError::Io)?;
                Ok(FileLock { _file: file, holder: holder_path })
            }
            Err(TryLockError::WouldBlock) => {
                let holder =
                    regular_file::read_text(&holder_path, LONGEST_HOLDER).unwrap_or_default();
                let unnamed = "another process".to_owned();
                Err(LockError::Held(if holder.is_empty() { unnamed } else { holder }))
            }
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }

    /// Sleeps until nobody holds `path`; who was killed holds nothing. Asks for no processor time.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn wait_until_free(path: &Path) -> io::Result<()> {
        regular_file::open_with(path, OpenOptions::new().write(true))?.lock_shared()
    }

    /// Whether somebody holds `path` right now.
    pub fn is_held(path: &Path) -> bool {
        // Whoever may only read can ask, too.
        let opened = regular_file::open_with(path, OpenOptions::new().write(true))
            .or_else(|_| regular_file::open(path));
        let Ok(file) = opened else { return false };
        matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Only tidiness: who holds the lock is decided by the lock itself.
        let _ = std::fs::remove_file(&self.holder);
    }
}
