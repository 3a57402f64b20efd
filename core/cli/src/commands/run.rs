//! `ceralacca run` and `resume`: carry out a workflow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ceralacca_journal::Journal;
use ceralacca_kernel::{
    Error, Exit, History, JournalEvent, Origin, RunId, Source, Value, Workflow,
};
use clap::CommandFactory;

use super::{Context, arriving, workflows};
use crate::arguments::{Arguments, Resume, Run, Unattended};
use crate::error::CliError;
use crate::host::Terminal;
use crate::output;
use crate::workspace::Workspace;

pub(super) fn carry_out(context: &Context, run: &Run) -> Result<(), Error> {
    let Some(name) = &run.workflow else { return help() };
    let program = &context.program;
    if run.help {
        return workflows::show(context, name);
    }
    let workspace = program.workspace()?;
    let catalogue = program.catalogue(Some(&workspace.root));
    let mut workflow = catalogue.find(name)?;
    require_utente(&workspace, &mut workflow);
    let terminal = terminal(&workspace, &run.unattended)?;
    let given = gather(context, &workspace, &workflow, &terminal, &run.inputs)?;
    let input = workflow.declaration.read_inputs(&workflow.name, &program.registry, &given)?;

    let options = program.run_options(&workspace, Rc::new(terminal), &workflow.declaration.uses)?;
    let engine = catalogue.engine_for(&workflow.source)?;
    let (id, outcome) = ceralacca_kernel::Run::start(options, engine, &workflow, input);
    report(context, id, outcome)
}

pub(super) fn resume(context: &Context, resume: &Resume) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let id = RunId(resume.run);
    let terminal = Rc::new(terminal(&workspace, &resume.unattended)?);
    arriving::wait(&workspace, id, &terminal);
    let accept = Accept { script: resume.recorded, plugins: resume.accept_plugins };
    let outcome = go_on(context, &workspace, id, accept, terminal.clone());
    if outcome.as_ref().is_err_and(|error| error.exit() == Exit::Waiting) {
        arriving::say_unused(&workspace, &terminal);
    }
    report(context, Some(id), outcome)
}

/// The operator's side; what a person has to bring is not waited for in this process.
fn terminal(workspace: &Workspace, unattended: &Unattended) -> Result<Terminal, Error> {
    let by_hand = workspace.settings.agency.hand_off.then(|| "0s".to_owned());
    let patience = unattended.patience.clone().or(by_hand);
    Terminal::new(&Unattended { patience, ..unattended.clone() })
}

/// What a run goes on with although it has changed since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Accept {
    /// The script of the journal, whatever its file holds by now.
    pub(super) script: bool,
    /// The plugins that are installed now.
    pub(super) plugins: bool,
}

/// Goes on with a run.
pub(super) fn go_on(
    context: &Context,
    workspace: &Workspace,
    id: RunId,
    accept: Accept,
    terminal: Rc<Terminal>,
) -> Result<Value, Error> {
    let program = &context.program;
    let catalogue = program.catalogue(Some(&workspace.root));
    let history = History::read(&Journal::open(&workspace.state())?, id)?;
    if !accept.plugins {
        program.same_plugins(&history)?;
    }
    let JournalEvent::Started {
        workflow: name,
        file,
        path,
        source,
        source_sha256,
        workspace: recorded,
        ..
    } = history.started()?.clone()
    else {
        return Err(ceralacca_kernel::Run::no_start());
    };
    same_folder(id, recorded.as_deref(), &workspace.root)?;
    let source = Source { name: file, text: source };
    let workflow = catalogue.understand(name.clone(), Origin::Journal, source)?;
    if !accept.script {
        let now = catalogue
            .find(path.as_ref().unwrap_or(&name))
            .ok()
            .map(|workflow| workflow.source_sha256());
        if now.as_ref() != Some(&source_sha256) {
            let (run, file) = (id.0, workflow.source.name);
            return Err(CliError::ScriptChanged { run, file, recorded: source_sha256, now }.into());
        }
    }
    let mut options = program.run_options(workspace, terminal, &workflow.declaration.uses)?;
    options.accept_other_plugins = accept.plugins;
    let engine = catalogue.engine_for(&workflow.source)?;
    ceralacca_kernel::Run::resume(options, engine, &workflow, id)
}

/// A run goes on where it began; older journals do not say where that was.
fn same_folder(run: RunId, recorded: Option<&str>, now: &Path) -> Result<(), Error> {
    let Some(recorded) = recorded.map(PathBuf::from) else { return Ok(()) };
    let real = |path: &Path| path.canonicalize().ok();
    if recorded == now || real(&recorded).is_some_and(|found| Some(found) == real(now)) {
        return Ok(());
    }
    Err(CliError::WorkspaceMoved { run: run.0, recorded, now: now.to_owned() }.into())
}

/// Through a gateway a run cannot go on without the portal's user, and inputs are given only once:
/// better asked for now than missed when the keys are made. By hand, or through a plugin, nobody needs one.
fn require_utente(workspace: &Workspace, workflow: &mut Workflow) {
    if !workspace.settings.agency.wants_keys() {
        return;
    }
    let declaration = &mut workflow.declaration;
    if declaration.uses.iter().any(|namespace| namespace == "agency") {
        let utente = declaration.inputs.iter_mut().find(|input| input.name == "utente");
        utente.into_iter().for_each(|input| input.optional = false);
    }
}

/// Inputs from the command line, then from the settings, then from the operator.
fn gather(
    context: &Context,
    workspace: &Workspace,
    workflow: &Workflow,
    terminal: &Terminal,
    typed: &[String],
) -> Result<BTreeMap<String, String>, Error> {
    let mut given = BTreeMap::new();
    for text in typed {
        let (name, value) =
            text.split_once('=').ok_or_else(|| CliError::InputSyntax { text: text.clone() })?;
        given.insert(name.trim().to_owned(), value.to_owned());
    }
    for input in &workflow.declaration.inputs {
        if given.contains_key(&input.name) {
            continue;
        }
        let setting = input.setting.as_deref();
        if let Some(text) = setting.and_then(|s| workspace.settings.by_name(&workspace.root, s)) {
            given.insert(input.name.clone(), text);
        } else if input.preset.is_none() && !input.optional && terminal.is_interactive() {
            let kind = context.program.registry.input_type(&input.kind);
            let rule = kind.map_or("", |kind| kind.rule);
            if let Some(text) = terminal.ask_line(&format!("{} ({rule})", input.prompt)) {
                given.insert(input.name.clone(), text);
            }
        }
    }
    Ok(given)
}

fn report(
    context: &Context,
    run: Option<RunId>,
    outcome: Result<Value, Error>,
) -> Result<(), Error> {
    let result = outcome.map_err(|error| match run {
        Some(run) => name_run(&error, run),
        None => error,
    })?;
    finished(context, run, &result);
    Ok(())
}

/// Says that a run is finished, and with what.
pub(super) fn finished(context: &Context, run: Option<RunId>, result: &Value) {
    if context.json {
        output::json(&serde_json::json!({ "run": run, "status": "finished", "result": result }));
        return;
    }
    let mut text = format!("Run {} finished", run.map_or(0, |run| run.0));
    if let Value::Map(map) = result {
        let width = map.keys().map(|key| key.chars().count()).max().unwrap_or(0);
        for (key, value) in map {
            text.push_str(&format!("\n  {key:<width$}  {}", in_words(value)));
        }
    } else if *result != Value::Null {
        text.push_str(&format!("\n  {}", in_words(result)));
    }
    output::text(&text);
}

/// The advice of an error names the run: `RUN` and a bare `ceralacca resume` become what can be typed.
pub(super) fn name_run(error: &Error, run: RunId) -> Error {
    let mut report = error.report().clone();
    let advice = report.next.replace("RUN", &run.to_string());
    let mut parts = advice.split(RESUME);
    let mut next = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        next.push_str(RESUME);
        if !rest.trim_start().starts_with(|character: char| character.is_ascii_digit()) {
            next.push_str(&format!(" {run}"));
        }
        next.push_str(rest);
    }
    report.next = next;
    report.into()
}

const RESUME: &str = "ceralacca resume";

fn in_words(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        // A file: where it is.
        Value::Handle(handle) => match handle.id.as_ref() {
            Value::Map(id) if id.contains_key("path") => in_words(&id["path"]),
            _ => serde_json::to_string(value).unwrap_or_default(),
        },
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn help() -> Result<(), Error> {
    let mut command = Arguments::command();
    let run = command.find_subcommand_mut("run").expect("it is declared");
    output::text(&run.render_long_help().to_string());
    Ok(())
}
