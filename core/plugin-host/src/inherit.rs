//! What a worker process gets from the program, and how the program learns of its end, on each
//! system.
#![allow(
    unsafe_code,
    reason = "descriptors and processes without a safe face in the standard library"
)]

use std::fs::File;
use std::process::{Child, Command, ExitStatus};
use std::sync::MutexGuard;

/// Leaves a descriptor open in the worker, under its number.
#[cfg(unix)]
pub(crate) fn pass_on(command: &mut Command, number: i32) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only `fcntl` is called, which may be; the flag is the child's
    // own.
    unsafe {
        command.pre_exec(move || match libc::fcntl(number, libc::F_SETFD, 0) {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
}

/// Nothing: here libraries are found by their path.
#[cfg(not(unix))]
pub(crate) fn pass_on(_: &mut Command, _: i32) {}

/// Keeps the terminal's interrupt from the worker: the program decides when it ends.
#[cfg(unix)]
pub(crate) fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// The same for consoles.
#[cfg(windows)]
pub(crate) fn own_group(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    std::os::windows::process::CommandExt::creation_flags(
        command,
        CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW,
    );
}

/// A pipe of a child as a file.
#[cfg(unix)]
pub(crate) fn file(pipe: impl Into<std::os::fd::OwnedFd>) -> File {
    File::from(pipe.into())
}

/// A pipe of a child as a file.
#[cfg(windows)]
pub(crate) fn file(pipe: impl Into<std::os::windows::io::OwnedHandle>) -> File {
    File::from(pipe.into())
}

/// Makes room in the pipes, so that an attachment does not go through in small portions.
#[cfg(target_os = "linux")]
pub(crate) fn widen(writer: &File, reader: &File) {
    use std::os::fd::AsRawFd;
    for pipe in [writer, reader] {
        // SAFETY: an open descriptor and a number. Where it is refused, the pipe stays as it was.
        unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) };
    }
}

/// Nothing: pipes have the room that the system gives them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn widen(_: &File, _: &File) {}

/// A worker's process.
pub(crate) struct Worker {
    child: Child,
    /// Its number may belong to somebody else now.
    gone: bool,
}

impl Worker {
    pub(crate) fn new(child: Child) -> Worker {
        Worker { child, gone: false }
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Ends it, and whatever it started: where plugins are not kept from that, a process that they
    /// leave behind would hold the pipes open.
    pub(crate) fn kill(&mut self) {
        if self.gone {
            return;
        }
        #[cfg(unix)]
        if let Ok(group) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: plain numbers. The group is the worker's own, and its number is taken as
            // long as the worker has not been waited for.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        // Killing fails when it has ended already.
        let _ = self.child.kill();
    }

    fn reap(&mut self) -> Option<ExitStatus> {
        self.kill();
        let status = self.child.wait().ok();
        self.gone = true;
        status
    }
}

/// Waits until the worker is gone. It may be killed from another thread meanwhile, which is why
/// the lock is not held.
#[cfg(unix)]
pub(crate) fn wait<'a>(
    process: u32,
    worker: impl Fn() -> MutexGuard<'a, Worker>,
) -> Option<ExitStatus> {
    while !worker().gone {
        // SAFETY: the structure is plain and lives while the call runs; nothing is reaped.
        let waited = unsafe {
            let mut about: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, process, &raw mut about, libc::WEXITED | libc::WNOWAIT)
        };
        let interrupted = std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted;
        if waited == 0 || !interrupted {
            break;
        }
    }
    worker().reap()
}

/// Waits until the worker is gone, looking from time to time, because it may have to be killed from
/// another thread meanwhile.
#[cfg(not(unix))]
pub(crate) fn wait<'a>(_: u32, worker: impl Fn() -> MutexGuard<'a, Worker>) -> Option<ExitStatus> {
    while let Ok(None) = worker().child.try_wait() {
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    worker().reap()
}
