//! The command line: the only crate that prints, prompts or reads the clock.

mod agency;
mod arguments;
mod catalogue;
mod commands;
mod embedded;
mod error;
mod host;
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
