//! The commands, one file each.

mod api;
mod arriving;
mod certificates;
mod confirm;
mod controlla;
mod day;
mod environments;
mod files;
mod init;
mod journal;
mod plugin;
mod plugin_call;
mod plugin_new;
mod receipts;
mod run;
mod runs;
pub(crate) mod sandbox;
mod settle;
mod status;
mod tour;
mod tour_archive;
mod unsent;
mod verify;
mod watch;
mod workflows;

use std::process::ExitCode;

use ceralacca_kernel::{Error, Exit};
use clap::CommandFactory;

use crate::arguments::{Arguments, Command, Runs};
use crate::program::Program;

/// What every command is given.
pub(crate) struct Context {
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// The program's engines, registry and workspace.
    pub(crate) program: Program,
}

/// Carries out what was typed. A command that judges something exits with what it found.
pub(crate) fn carry_out(arguments: Arguments) -> Result<ExitCode, Error> {
    let context =
        Context { json: arguments.json, program: Program::new(arguments.workspace.clone()) };
    let acts = acts(&arguments.command);
    let done = dispatch(&context, arguments.command);
    if acts {
        context.program.keep_register();
    }
    done
}

/// Whether a command may leave something for the register: what it has written, what it has fetched.
fn acts(command: &Command) -> bool {
    matches!(
        command,
        Command::Run(_)
            | Command::Resume(_)
            | Command::Abandon(_)
            | Command::Confirm(_)
            | Command::Watch(_)
    )
}

fn dispatch(context: &Context, command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Verify(verify) => return verify::carry_out(context, &verify),
        Command::Controlla(controlla) => return controlla::carry_out(context, &controlla),
        Command::Extract(extract) => files::extract(context, &extract),
        Command::Convert(convert) => files::convert(context, &convert),
        Command::Impronta(impronta) => files::impronta(context, &impronta),
        Command::Abandon(abandon) => runs::abandon(context, &abandon),
        Command::Plugin(plugin) => return plugin::carry_out(context, plugin),
        Command::Settle { protocollo, reason } => settle::carry_out(context, &protocollo, &reason),
        Command::Status => return status::carry_out(context),
        Command::Confirm(confirm) => confirm::carry_out(context, &confirm),
        Command::Watch(watch) => return watch::carry_out(context, &watch),
        Command::Receipts(receipts) => return receipts::carry_out(context, &receipts),
        Command::Environments { folder } => environments::carry_out(context, folder.as_deref()),
        Command::Init(init) => init::carry_out(context, &init),
        Command::Run(run) => run::carry_out(context, &run),
        Command::Resume(resume) => run::resume(context, &resume),
        Command::Runs(Runs { run: Some(run), .. }) => runs::show(context, run),
        Command::Runs(runs) => runs::list(context, &runs),
        Command::Journal(journal) => return journal::carry_out(context, &journal),
        Command::Certificates(certificates) => certificates::carry_out(context, &certificates),
        Command::Workflows { name: None } => workflows::list(context),
        Command::Workflows { name: Some(name) } => workflows::show(context, &name),
        Command::Api(api) => api::carry_out(context, &api),
        Command::Sandbox(sandbox) => sandbox::carry_out(context, &sandbox),
        Command::Tour { folder } => tour::carry_out(context, folder),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "ceralacca", &mut std::io::stdout());
            Ok(())
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The exit code of a command that judges something and has printed why.
fn judged(in_order: bool) -> ExitCode {
    if in_order { ExitCode::SUCCESS } else { ExitCode::from(Exit::Refused.code()) }
}
