//! `ceralacca plugin`: what vendors ship, installed, listed, pinned, checked and begun.

use std::path::Path;
use std::process::ExitCode;

use ceralacca_kernel::Error;
use ceralacca_kernel::manifest::Manifest;
use ceralacca_plugin_host::conformance::{self, Answer, Question};
use ceralacca_plugin_host::{About, Listed, State, confinement, permissions_statement};
use serde_json::json;

use super::{Context, plugin_call, plugin_new};
use crate::arguments::Unattended;
use crate::arguments::plugin::{Install, Plugin};
use crate::error::CliError;
use crate::host::Terminal;
use crate::output;
use crate::program;

pub(super) fn carry_out(context: &Context, plugin: Plugin) -> Result<ExitCode, Error> {
    match plugin {
        Plugin::Install(install) => self::install(context, &install),
        Plugin::List => list(context),
        Plugin::Remove { name } => remove(context, &name),
        Plugin::Lock { names } => lock(context, &names),
        Plugin::New(new) => plugin_new::carry_out(context, &new),
        Plugin::Check { library } => return check(context, &library),
        Plugin::Manifest { library } => manifest(&library),
        Plugin::Call(call) => plugin_call::carry_out(context, &call),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn install(context: &Context, install: &Install) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let core = program::registry();
    let site = workspace.plugin_site(&core);
    let mut agree = |about: &About| {
        if !context.json {
            output::text(&described(about));
        }
        approve(about, install.approve)
    };
    let about = ceralacca_plugin_host::install_if(&install.library, &site, &mut agree)?;
    if context.json {
        output::json(&about);
    } else {
        output::text(&format!("installed and pinned in {}", ceralacca_plugin_host::LOCK_FILE));
        output::text(&confinement().to_string());
    }
    Ok(())
}

/// A plugin that asks for more than computing is installed by somebody who has seen what it asks for.
fn approve(about: &About, approved: bool) -> Result<(), Error> {
    if approved || about.capabilities.is_empty() && about.secrets.is_empty() {
        return Ok(());
    }
    let nobody = Unattended::default();
    let terminal = Terminal::new(&nobody)?;
    let secrets = about.secrets.iter().map(|name| format!("the secret {name}"));
    let what: Vec<String> = about.capabilities.iter().cloned().chain(secrets).collect();
    let refused = || CliError::PluginNotApproved { plugin: about.name.clone(), asks: what.clone() };
    if !terminal.is_interactive() {
        return Err(refused().into());
    }
    let answer = terminal.ask_line("Installare? (sì/no)").unwrap_or_default().to_lowercase();
    match answer.as_str() {
        "s" | "si" | "sì" | "y" | "yes" => Ok(()),
        _ => Err(refused().into()),
    }
}

fn list(context: &Context) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let core = program::registry();
    let listed = ceralacca_plugin_host::list(&workspace.plugin_site(&core))?;
    let confinement = confinement().to_string();
    if context.json {
        let plugins: Vec<_> = listed.iter().map(as_json).collect();
        output::json(&json!({ "plugins": plugins, "confinement": confinement }));
        return Ok(());
    }
    if listed.is_empty() {
        output::text("No plugins. ceralacca plugin install FILE");
    } else {
        let rows: Vec<_> = listed.iter().map(row).collect();
        output::text(&output::table(&["Plugin", "Version", "State", "Summary"], &rows));
        for one in &listed {
            if let State::Refused(error) = &one.state {
                output::text(&format!("\n{}: {error}", one.name));
            }
        }
    }
    output::text(&format!("\nWorkers: {confinement}"));
    if let Some(statement) = permissions_statement() {
        output::text(statement);
    }
    Ok(())
}

fn row(listed: &Listed) -> Vec<String> {
    let (version, summary) = match &listed.about {
        Some(about) => (about.version.clone(), about.summary.clone()),
        None => Default::default(),
    };
    vec![listed.name.clone(), version, state(&listed.state).to_owned(), summary]
}

fn state(state: &State) -> &'static str {
    match state {
        State::Ready => "ready",
        State::NotLocked => "not locked",
        State::Refused(_) => "refused",
    }
}

fn as_json(listed: &Listed) -> serde_json::Value {
    let error = match &listed.state {
        State::Refused(error) => Some(error.report()),
        _ => None,
    };
    json!({
        "name": listed.name, "folder": listed.folder.display().to_string(), "about": listed.about,
        "state": state(&listed.state), "error": error,
    })
}

fn remove(context: &Context, name: &str) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    ceralacca_plugin_host::remove(name, &workspace.plugin_site(&program::registry()))?;
    if context.json {
        output::json(&json!({ "removed": name }));
    } else {
        output::text(&format!("{name} removed"));
    }
    Ok(())
}

fn lock(context: &Context, names: &[String]) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let locked = ceralacca_plugin_host::lock(names, &workspace.plugin_site(&program::registry()))?;
    if context.json {
        output::json(&locked);
        return Ok(());
    }
    for about in &locked {
        output::text(&format!(
            "{}\npinned in {}",
            described(about),
            ceralacca_plugin_host::LOCK_FILE
        ));
    }
    Ok(())
}

/// What a plugin is and asks for, in lines.
fn described(about: &About) -> String {
    let mut text = format!("{} {}: {}", about.name, about.version, about.summary);
    let mut lines = |label: &str, entries: &[String]| {
        if !entries.is_empty() {
            text.push_str(&format!("\n  {label:<12} {}", entries.join(", ")));
        }
    };
    lines("primitives", &about.primitives);
    lines("stands in as", &about.seams);
    lines("asks for", &about.capabilities);
    lines("secrets", &about.secrets);
    text
}

fn check(context: &Context, library: &Path) -> Result<ExitCode, Error> {
    let nobody = Unattended::default();
    let terminal = Terminal::new(&nobody)?;
    let mut tell = |text: &str| {
        use ceralacca_kernel::{Host, Progress};
        terminal.advance(Progress { done: 0, total: None, text });
    };
    let questions = conformance::check(library, &mut tell)?;
    terminal.clear();
    let in_order = questions.iter().all(|question| question.answer != Answer::Failed);
    if context.json {
        output::json(&json!({ "passed": in_order, "questions": questions }));
    } else {
        let rows: Vec<_> = questions.iter().map(question_row).collect();
        output::text(&output::table(&["", "Question", "Found"], &rows));
        output::text(if in_order { "\npassed" } else { "\nnot passed" });
    }
    Ok(super::judged(in_order))
}

fn question_row(question: &Question) -> Vec<String> {
    let answer = match question.answer {
        Answer::Ok => "ok",
        Answer::Failed => "NO",
        Answer::NotAsked => "-",
    };
    vec![answer.to_owned(), question.question.clone(), question.detail.clone()]
}

fn manifest(library: &Path) -> Result<(), Error> {
    let manifest: Manifest = ceralacca_plugin_host::described(library)?;
    output::text(&manifest.to_text());
    Ok(())
}
