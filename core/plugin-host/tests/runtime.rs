//! Where plugins run: what a good one gets, and that no bad one takes the host down.
//!
//! This program is the host and, told `plugin-worker`, its worker; hence its own `main`. The plugins are
//! written for Linux.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

#[cfg(target_os = "linux")]
#[path = "runtime/judge.rs"]
mod judge;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    judge::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
