//! A short look before sleeping: waking a core that has gone to sleep costs more than a call.
//!
//! Whoever waits for the other side of a call looks a few times and lets others run in between; then
//! it sleeps. An idle plugin costs nothing, and a single core is given to the other side at once.
#![allow(unsafe_code, reason = "the standard library cannot ask whether a pipe has something")]

use std::fs::File;
use std::sync::mpsc::{Receiver, RecvError, TryRecvError};

/// How often it is looked: some 100 µs in all.
const LOOKS: u32 = 120;

/// Looks until there is something, at most [`LOOKS`] times.
fn look(mut is_there: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_there() {
            return;
        }
        std::thread::yield_now();
    }
}

/// Looks whether the pipe has something to read, or has come to its end.
#[cfg(unix)]
pub(crate) fn on_pipe(pipe: &File) {
    use std::os::fd::AsRawFd;
    let mut one = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    look(|| {
        // SAFETY: one structure, which lives here; nothing is waited for.
        let found = unsafe { libc::poll(&raw mut one, 1, 0) };
        // What cannot be asked is for the read to find out.
        found != 0
    });
}

/// Nothing: the read sleeps at once.
#[cfg(not(unix))]
pub(crate) fn on_pipe(_: &File) {}

/// Receives, after looking.
pub(crate) fn receive<T>(from: &Receiver<T>) -> Result<T, RecvError> {
    let mut found = None;
    look(|| {
        found = match from.try_recv() {
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => Some(Err(RecvError)),
            Ok(one) => Some(Ok(one)),
        };
        true
    });
    found.unwrap_or_else(|| from.recv())
}
