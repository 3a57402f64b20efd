//! The command line: the only crate that prints, prompts or reads the clock.

mod agency;
mod arguments;
mod catalogue;
mod commands;
mod embedded;
mod error;
mod error_plugin;
mod host;
mod network_folder;
mod output;
mod program;
mod random;
mod secrets;
mod settings;
mod trust;
mod tsa;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // A worker gets what it needs from its host, and nothing from the command line.
    if std::env::args_os().nth(1).is_some_and(|word| word == WORKER) {
        return ExitCode::from(u8::try_from(ceralacca_plugin_host::worker_main()).unwrap_or(1));
    }
    let arguments = Arguments::parse();
    let json = arguments.json;
    match commands::carry_out(arguments) {
        Ok(exit) => exit,
        Err(error) => {
            output::error(&error, json);
            ExitCode::from(error.exit().code())
        }
    }
}

/// How the program is started to be a plugin's worker.
const WORKER: &str = "plugin-worker";
