//! `ceralacca runs`: what was run, and what became of it.

use ceralacca_hand_off as hand_off;
use ceralacca_journal::Journal;
use ceralacca_kernel::{
    Entry, Error, JournalEvent, Outcome, Page, PluginPin, Run, RunFilter, RunId, RunPage,
    RunStatus, RunSummary, Store,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Context, unsent};
use crate::arguments::abandon::Abandon;
use crate::arguments::{Runs, Standing};
use crate::output;
use crate::workspace::Workspace;

pub(super) fn list(context: &Context, runs: &Runs) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let wanted = RunFilter {
        open: runs.open,
        status: runs.status.map(Standing::status),
        workflow: runs.workflow.clone(),
        ..RunFilter::default()
    };
    let asked = runs.page.is_some() || runs.limit.is_some();
    let page = Page { number: runs.page.unwrap_or(1), limit: runs.limit.unwrap_or(SHOWN) };
    // A program is given all unless it asks for a page.
    let page = if context.json && !asked { Page::ALL } else { page };
    let found = Journal::look(&workspace.state(), |journal| journal.runs(&wanted, page))?;
    let found = found.unwrap_or_default();
    if context.json {
        output::json(&found.runs);
    } else if found.runs.is_empty() {
        output::text(match (found.total, wanted == RunFilter::default()) {
            (0, true) => "No runs yet. `ceralacca workflows` lists what can be run.",
            (0, false) => "No runs match.",
            _ => "No runs on this page.",
        });
    } else {
        let rows: Vec<_> = found.runs.iter().map(row).collect();
        let headings = ["Run", "Workflow", "Started", "Last", "Status", "Stage"];
        output::text(&format!("{}{}", output::table(&headings, &rows), more(&found, page)));
    }
    Ok(())
}

/// What is not on the page, where there is more.
fn more(found: &RunPage, page: Page) -> String {
    let (shown, total) = (found.runs.len() as u64, found.total);
    let older = total.saturating_sub(page.limit.saturating_mul(page.number));
    match older {
        0 if shown == total => String::new(),
        0 => format!("\n{shown} of {total} runs, the oldest"),
        _ => format!("\n{shown} of {total} runs; {older} older: --page {}", page.number + 1),
    }
}

/// How many runs are shown at once.
const SHOWN: u64 = 100;

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
        RunStatus::Finished if run.archive.is_some() => "finished, archived",
        RunStatus::Abandoned if run.archive.is_some() => "abandoned, archived",
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

/// The Agency's time.
pub(super) fn zone() -> TimeZone {
    TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC)
}

/// Date and time as the Agency writes them, in Italian time.
pub(crate) fn local(at: Timestamp) -> String {
    at.to_zoned(zone()).strftime("%d/%m/%Y %H:%M:%S").to_string()
}
