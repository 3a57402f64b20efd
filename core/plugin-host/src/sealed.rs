//! Files in memory that nobody can write any more, for libraries that were checked (Linux).
#![allow(unsafe_code, reason = "system calls without a safe face in the standard library")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

/// `MFD_EXEC`, from Linux 6.3 on.
const EXECUTABLE: libc::c_uint = 0x10;

/// A new file in memory that libraries can be loaded from.
pub(crate) fn memory_file() -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    match create(flags | EXECUTABLE) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => create(flags),
        other => other,
    }
}

fn create(flags: libc::c_uint) -> io::Result<File> {
    // SAFETY: the name is a constant text with its zero byte.
    let number = unsafe { libc::memfd_create(c"ceralacca-plugin".as_ptr(), flags) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else's.
    Ok(unsafe { File::from_raw_fd(number) })
}

/// Nobody writes, shortens, lengthens or unseals the file from now on.
pub(crate) fn seal(file: &File) -> io::Result<()> {
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: an open descriptor and plain numbers.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
