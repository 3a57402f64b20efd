//! The commands, one file each.

mod api;
mod certificates;
mod init;
mod journal;
mod run;
mod runs;
pub(crate) mod sandbox;
mod tour;
mod workflows;

use ceralacca_kernel::Error;
use clap::CommandFactory;

use crate::arguments::{Arguments, Command};
use crate::program::Program;

/// What every command is given.
pub(crate) struct Context {
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// The program's engines, registry and workspace.
    pub(crate) program: Program,
}

/// Carries out what was typed.
pub(crate) fn carry_out(arguments: Arguments) -> Result<(), Error> {
    let context =
        Context { json: arguments.json, program: Program::new(arguments.workspace.clone()) };
    match arguments.command {
        Command::Init(init) => init::carry_out(&context, &init),
        Command::Run(run) => run::carry_out(&context, &run),
        Command::Resume(resume) => run::resume(&context, &resume),
        Command::Runs { run: None } => runs::list(&context),
        Command::Runs { run: Some(run) } => runs::show(&context, run),
        Command::Journal(journal) => journal::carry_out(&context, &journal),
        Command::Certificates(certificates) => certificates::carry_out(&context, &certificates),
        Command::Workflows { name: None } => workflows::list(&context),
        Command::Workflows { name: Some(name) } => workflows::show(&context, &name),
        Command::Api(api) => api::carry_out(&context, &api),
        Command::Sandbox(sandbox) => sandbox::carry_out(&context, &sandbox),
        Command::Tour { folder } => tour::carry_out(&context, folder),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "ceralacca", &mut std::io::stdout());
            Ok(())
        }
    }
}
