//! Plugins of a workspace: installed, locked, called and misbehaving, with libraries built here.
//!
//! This program is the host and, told `plugin-worker`, its worker; hence its own `main`.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "a test says how it went")]

use std::process::ExitCode;

#[path = "plugins/calling.rs"]
mod calling;
#[path = "plugins/keeping.rs"]
mod keeping;
#[path = "plugins/scene.rs"]
mod scene;

type Case = (&'static str, fn());

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "plugin-worker") {
        return ExitCode::from(u8::try_from(ceralacca_plugin_host::worker_main()).unwrap_or(1));
    }
    if let [first, root, library] = arguments.as_slice()
        && first == keeping::INSTALL
    {
        keeping::install_in(root.as_ref(), library.as_ref());
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<_> = arguments.iter().filter(|word| !word.starts_with("--")).collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(*word));
    let cases = keeping::CASES.iter().chain(calling::CASES).filter(|(name, _)| chosen(name));
    if arguments.iter().any(|word| word == "--list") {
        cases.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, case) in cases {
        let outcome = std::panic::catch_unwind(case);
        println!("test {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
        failed += u32::from(outcome.is_err());
    }
    println!("\ntest result: {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
