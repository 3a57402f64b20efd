//! Why a worker is gone, in words: its exit, and the last that it wrote to its error output.

use std::io::{self, Read};
use std::process::{ChildStderr, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ceralacca_kernel::Secret;
use zeroize::Zeroize;

use crate::connection::Broken;
use crate::limits::REFUSED_MEMORY;

/// How much of the error output is kept, in bytes.
const KEPT: usize = 4 << 10;
/// How much of it an error shows, in characters.
const SHOWN: usize = 300;
/// How long the end of the error output is waited for: where plugins may start programs, one of
/// those can hold it open.
const PATIENCE: Duration = Duration::from_millis(500);

/// The last of what a worker wrote to its error output.
///
/// A thread reads it as it comes, so that a plugin never waits for a full pipe, and whatever it
/// writes takes no more than this room. The thread sleeps in the system until something comes.
pub(crate) struct LastWords(Arc<Gathered>);

struct Gathered {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    tail: Vec<u8>,
    over: bool,
}

impl LastWords {
    /// Reads until the worker is gone.
    pub(crate) fn gather(mut errors: ChildStderr) -> io::Result<LastWords> {
        let gathered = Arc::new(Gathered { state: Mutex::default(), over: Condvar::new() });
        let kept = Arc::clone(&gathered);
        let builder = std::thread::Builder::new().name("plugin-errors".to_owned());
        builder.spawn(move || {
            let mut part = [0; KEPT];
            while let Ok(length) = errors.read(&mut part) {
                if length == 0 {
                    break;
                }
                let tail = &mut locked(&kept.state).tail;
                tail.extend_from_slice(&part[..length]);
                let surplus = tail.len().saturating_sub(KEPT);
                tail.drain(..surplus);
            }
            part.zeroize();
            locked(&kept.state).over = true;
            kept.over.notify_all();
        })?;
        Ok(LastWords(gathered))
    }

    /// All that was kept, with secrets cut out.
    fn text(&self, secrets: &[Secret]) -> String {
        let state = locked(&self.0.state);
        let waited = self.0.over.wait_timeout_while(state, PATIENCE, |state| !state.over);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from_utf8_lossy(&state.tail).into_owned();
        for secret in secrets.iter().filter(|secret| !secret.expose().is_empty()) {
            text = text.replace(secret.expose(), "[secret]");
        }
        text
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        locked(&self.state).tail.zeroize();
    }
}

/// What the exit of a worker means that should not have ended.
pub(crate) fn cause(
    status: ExitStatus,
    memory: u64,
    last_words: &LastWords,
    secrets: &[Secret],
) -> Broken {
    let text = last_words.text(secrets);
    let signal = signal(status);
    if signal == Some(SYSTEM_CALL) {
        let what = "a system call beyond its capabilities ended it (SIGSYS)".to_owned();
        return Broken::NotGranted { what };
    }
    let refused = text.contains(REFUSED_MEMORY.trim())
        || text.contains("std::bad_alloc")
        || (text.contains("memory allocation of") && text.contains("bytes failed"));
    if refused && !status.success() {
        return Broken::OutOfMemory { limit: memory };
    }
    // The second stands at the end, after a list of functions that may have pushed the first out.
    let panicked = text.contains("panicked at") || text.contains("non-unwinding panic");
    if panicked && (signal == Some(ABORT) || signal.is_none()) {
        return Broken::Panicked;
    }
    let how = match (signal, status.code()) {
        (Some(number), _) => in_words(number),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => status.to_string(),
    };
    let said = shown(&text);
    let said = if said.is_empty() { said } else { format!("; it last wrote: {said}") };
    Broken::Died { how: how + &said }
}

/// The end of a text, without control characters.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let words: String = text.chars().map(plain).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let surplus = words.chars().count().saturating_sub(SHOWN);
    let rest: String = words.chars().skip(surplus).collect();
    if surplus > 0 { format!("…{rest}") } else { rest }
}

#[cfg(unix)]
const SYSTEM_CALL: i32 = libc::SIGSYS;
#[cfg(unix)]
const ABORT: i32 = libc::SIGABRT;
#[cfg(not(unix))]
const SYSTEM_CALL: i32 = i32::MAX;
#[cfg(not(unix))]
const ABORT: i32 = i32::MAX;

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(unix)]
fn in_words(number: i32) -> String {
    let name = match number {
        libc::SIGSEGV => "SIGSEGV: it used memory that it does not have",
        libc::SIGBUS => "SIGBUS: it used memory that is not there",
        libc::SIGABRT => "SIGABRT: it gave up",
        libc::SIGILL => "SIGILL: an instruction that is none",
        libc::SIGFPE => "SIGFPE: a division that cannot be",
        libc::SIGTRAP => "SIGTRAP: it gave up",
        libc::SIGKILL => "SIGKILL: ended from outside, as the system does when memory runs out",
        libc::SIGTERM => "SIGTERM: ended from outside",
        libc::SIGXFSZ => "SIGXFSZ: a file grew too long",
        libc::SIGXCPU => "SIGXCPU: too much computing",
        _ => return format!("signal {number}"),
    };
    match name.split_once(": ") {
        Some((name, meaning)) => format!("signal {number} ({name}): {meaning}"),
        None => format!("signal {number}"),
    }
}

#[cfg(not(unix))]
fn in_words(number: i32) -> String {
    format!("signal {number}")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
