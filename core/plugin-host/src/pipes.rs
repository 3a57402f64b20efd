//! The pipes of a worker, moved to where a plugin that prints does not meet them.
#![allow(unsafe_code, reason = "descriptors without a safe face in the standard library")]

use std::fs::File;
use std::io;

use crate::image::Found;

/// Takes standard input and output for the protocol. Whatever a plugin reads there from now on is
/// empty, and what it prints goes where its errors go.
#[cfg(unix)]
pub(crate) fn protocol() -> io::Result<(File, File)> {
    use std::os::fd::FromRawFd;
    let nothing = File::open("/dev/null")?;
    let moved = |from: i32| -> io::Result<File> {
        // SAFETY: a plain number; what comes back is new and nobody else's.
        let number = unsafe { libc::fcntl(from, libc::F_DUPFD_CLOEXEC, 3) };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        Ok(unsafe { File::from_raw_fd(number) })
    };
    let pipes = (moved(0)?, moved(1)?);
    replace(std::os::fd::AsRawFd::as_raw_fd(&nothing), 0)?;
    replace(2, 1)?;
    Ok(pipes)
}

#[cfg(unix)]
fn replace(with: i32, number: i32) -> io::Result<()> {
    // SAFETY: plain numbers; nothing in this process holds standard input or output.
    match unsafe { libc::dup2(with, number) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Takes standard input and output for the protocol. A plugin that prints garbles it, and that is
/// said.
#[cfg(windows)]
pub(crate) fn protocol() -> io::Result<(File, File)> {
    use std::os::windows::io::AsHandle;
    let input = io::stdin().as_handle().try_clone_to_owned()?;
    let output = io::stdout().as_handle().try_clone_to_owned()?;
    Ok((input.into(), output.into()))
}

/// Closes whatever else the worker may have inherited.
#[cfg(target_os = "linux")]
pub(crate) fn close_all_but(wire: [&File; 2], image: &Found) {
    let mut keep = vec![2];
    keep.extend(wire.map(std::os::fd::AsRawFd::as_raw_fd));
    if let Found::Descriptor { number, .. } = image {
        keep.push(*number);
    }
    keep.sort_unstable();
    keep.push(i32::MAX);
    for pair in keep.windows(2) {
        let (first, last) = (pair[0].saturating_add(1), pair[1].saturating_sub(1));
        if first <= last {
            // SAFETY: nothing in this process holds a descriptor between those that are kept.
            // Where the system call is missing, descriptors were closed when the program was
            // started.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}

/// Nothing: what this program opens is not inherited.
#[cfg(not(target_os = "linux"))]
pub(crate) fn close_all_but(_: [&File; 2], _: &Found) {}
