//! One process at a time for each run.

use std::path::{Path, PathBuf};

use ceralacca_kernel::RunId;
use ceralacca_kernel::lock::{FileLock, LockError};
use jiff::Timestamp;

use crate::JournalError;

pub(crate) fn acquire(folder: &Path, run: RunId, at: Timestamp) -> Result<FileLock, JournalError> {
    let path = path(folder, run);
    let unusable =
        |error| JournalError::Unusable { path: path.clone(), problem: format!("{error}") };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let holder = format!("process {}, since {:.0}", std::process::id(), at);
    FileLock::acquire(&path, &holder).map_err(|error| match error {
        LockError::Held(holder) => JournalError::Locked { run: run.0, holder },
        LockError::Io(error) => unusable(error),
    })
}

pub(crate) fn is_held(folder: &Path, run: RunId) -> bool {
    FileLock::is_held(&path(folder, run))
}

pub(crate) fn wait_until_free(folder: &Path, run: RunId) {
    // A lock that is not there holds nobody up.
    let _ = FileLock::wait_until_free(&path(folder, run));
}

fn path(folder: &Path, run: RunId) -> PathBuf {
    folder.join(format!("run-{run}.lock"))
}
