//! Plugins of a workspace: installed, locked, called and misbehaving, with libraries built here; and where
//! they run: what a good one gets, and that no bad one takes the host down.
//!
//! This program is the host and, told `plugin-worker`, its worker; hence its own `main`. The plugins are
//! written for Linux.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says how it went")]

#[cfg(target_os = "linux")]
#[path = "plugins/harness.rs"]
mod harness;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    harness::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
