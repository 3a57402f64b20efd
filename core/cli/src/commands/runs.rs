//! `ceralacca runs`: what was run, and what became of it.

use ceralacca_hand_off as hand_off;
use ceralacca_journal::Journal;
use ceralacca_kernel::{
    Entry, Error, JournalEvent, Outcome, PluginPin, Run, RunId, RunStatus, RunSummary, Store,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Context, unsent};
use crate::arguments::abandon::Abandon;
use crate::output;
use crate::workspace::Workspace;

pub(super) fn list(context: &Context) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let runs = Journal::open(&workspace.state())?.runs()?;
    if context.json {
        output::json(&runs);
    } else if runs.is_empty() {
        output::text("No runs yet. `ceralacca workflows` lists what can be run.");
    } else {
        let rows: Vec<_> = runs.iter().map(row).collect();
        let headings = ["Run", "Workflow", "Started", "Last", "Status", "Stage"];
        output::text(&output::table(&headings, &rows));
    }
    Ok(())
}

/// `ceralacca abandon`: gives a run up, or all that sent nothing.
pub(super) fn abandon(context: &Context, abandon: &Abandon) -> Result<(), Error> {
    let Abandon { run, all_unsent, approve, reason } = abandon;
    let Some(run) = run.filter(|_| !all_unsent) else {
        return unsent::abandon(context, reason, *approve);
    };
    let workspace = context.program.workspace()?;
    let journal = Journal::open(&workspace.state())?;
    give_up(&workspace, &journal, RunId(run), reason, Timestamp::now())?;
    if context.json {
        output::json(&serde_json::json!({ "run": run, "status": "abandoned" }));
    } else {
        output::text(&format!("Run {run} is given up; what it made and sent stays as it is"));
    }
    Ok(())
}

/// Gives one run up.
pub(super) fn give_up(
    workspace: &Workspace,
    journal: &Journal,
    run: RunId,
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let folders = workspace.folders();
    let not_done = |key: &str| hand_off::was_not_sent(&folders, key, now);
    let given_up = Run::abandon(journal, run, now, reason.to_owned(), &not_done);
    // Also where the machine died in between: nobody shall upload what was given up.
    if given_up.as_ref().err().is_none_or(|error| error.code() == "run.abandoned") {
        hand_off::put_away(&folders, &run.to_string());
    }
    given_up
}

pub(super) fn show(context: &Context, run: u64) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let entries = Journal::open(&workspace.state())?.entries(RunId(run))?;
    if context.json {
        output::json(&entries.iter().map(super::journal::line).collect::<Vec<_>>());
    } else {
        let rows: Vec<_> = entries.iter().map(step).collect();
        output::text(&output::table(&["Entry", "When", "What", ""], &rows));
    }
    Ok(())
}

fn row(run: &RunSummary) -> Vec<String> {
    let status = match run.status {
        RunStatus::Finished => "finished",
        RunStatus::Abandoned => "abandoned",
        RunStatus::Failed => "failed, can be resumed",
        RunStatus::Waiting => "waiting",
        RunStatus::OutcomeUnknown => "outcome unknown: resume asks",
        RunStatus::Open if run.locked => "running",
        RunStatus::Open => "interrupted, can be resumed",
    };
    vec![
        run.run.to_string(),
        run.workflow.clone(),
        local(run.started),
        local(run.last),
        status.to_owned(),
        run.stage.clone().unwrap_or_default(),
    ]
}

fn step(entry: &Entry) -> Vec<String> {
    let (what, detail) = match &entry.event {
        JournalEvent::Started { file, source_sha256, version, plugins, .. } => (
            "started".to_owned(),
            format!(
                "{file}, SHA-256 {}…, ceralacca {version}{}",
                &source_sha256[..16.min(source_sha256.len())],
                with(plugins)
            ),
        ),
        JournalEvent::Stage { title, .. } => (format!("• {title}"), String::new()),
        JournalEvent::Intent(call) => (call.primitive.clone(), "intended".to_owned()),
        JournalEvent::Ended { call, outcome: Outcome::Ok(_) } => {
            (call.primitive.clone(), "done".to_owned())
        }
        JournalEvent::Ended { call, outcome: Outcome::Error(error) } => {
            (call.primitive.clone(), format!("error[{}]", error.code))
        }
        JournalEvent::Waiting { call, what } => (call.primitive.clone(), format!("waits: {what}")),
        JournalEvent::Resumed { version, plugins } => {
            ("resumed".to_owned(), format!("ceralacca {version}{}", with(plugins)))
        }
        JournalEvent::Stopped { error } => {
            ("stopped".to_owned(), format!("error[{}]: {}", error.code, error.headline))
        }
        JournalEvent::Abandoned { reason } => ("abandoned".to_owned(), reason.clone()),
        JournalEvent::Finished { result } => {
            ("finished".to_owned(), serde_json::to_string(result).unwrap_or_default())
        }
    };
    vec![entry.sequence.to_string(), local(entry.at), what, detail]
}

/// Plugins with their versions, for the end of a line.
fn with(plugins: &[PluginPin]) -> String {
    plugins.iter().map(|plugin| format!(", {} {}", plugin.name, plugin.version)).collect()
}

/// Date and time as the Agency writes them, in Italian time.
pub(crate) fn local(at: Timestamp) -> String {
    let zone = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%d/%m/%Y %H:%M:%S").to_string()
}
