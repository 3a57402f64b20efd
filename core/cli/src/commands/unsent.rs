//! Tries: runs that stopped before anything of theirs left, and how they are given up together.

use std::collections::BTreeSet;

use ceralacca_environment::pending::Pending;
use ceralacca_journal::Journal;
use ceralacca_kernel::{
    Error, Page, Run, RunFilter, RunStatus, RunSummary, Store, document_archive,
};
use ceralacca_submission::Register;
use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::receipts::of_run;
use super::runs::give_up;
use crate::arguments::Unattended;
use crate::error::CliError;
use crate::host::Terminal;
use crate::output;
use crate::workspace::Workspace;

/// The runs that nobody misses when they are given up: stopped with an error, nothing was sent or may
/// have been, nothing of them lies in `da inviare`, and no keys wait for what they would send.
pub(super) fn tries<'a>(
    workspace: &Workspace,
    register: &Register,
    all: &'a [RunSummary],
) -> Vec<&'a RunSummary> {
    // A note that cannot be read may be anybody's.
    let waits = Pending::of(&workspace.environment()).marker();
    let has_keys = |key: &str| match &waits {
        Ok(marker) => marker.as_ref().is_some_and(|marker| marker.owner.id == key),
        Err(_) => true,
    };
    let rows = register.rows.iter().filter_map(|row| row.key.as_deref());
    let keys = rows.chain(register.in_doubt.iter().map(|doubt| doubt.key.as_str()));
    let sent: BTreeSet<&str> = keys.filter_map(of_run).collect();
    let mut left: BTreeSet<String> = BTreeSet::new();
    left.extend(register.hand_overs.iter().map(|one| one.run.clone()));
    left.extend(register.revocations.iter().map(|mark| mark.run.clone()));
    left.extend(in_hand(workspace));
    let is_try = |run: &&RunSummary| {
        let stopped = run.error.as_ref().filter(|_| run.status == RunStatus::Failed && !run.locked);
        stopped.is_some_and(|stopped| Run::sent_nothing(run.run, stopped))
            && !sent.contains(run.key.as_str())
            && !left.contains(&run.run.to_string())
            && !has_keys(&run.key)
    };
    all.iter().filter(is_try).collect()
}

/// The runs that have something in `da inviare`: somebody may have uploaded it.
fn in_hand(workspace: &Workspace) -> Vec<String> {
    let folder = document_archive::existing(&workspace.documents(), "da inviare");
    let entries =
        folder.into_iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.map(|name| name.split('-').next().unwrap_or_default().to_owned()).collect()
}

/// `ceralacca abandon --all-unsent`: shows them, asks, gives them up one by one. What a kill leaves is
/// there for the next time.
pub(super) fn abandon(context: &Context, reason: &str, approved: bool) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let journal = Journal::open(&workspace.state())?;
    let failed = RunFilter { status: Some(RunStatus::Failed), ..RunFilter::default() };
    let all = journal.runs(&failed, Page::ALL)?.runs;
    let tries = tries(&workspace, &Register::read(&workspace.folders()), &all);
    if tries.is_empty() && !context.json {
        output::text("No run has stopped before it sent anything: there is nothing to give up");
        return Ok(());
    }
    if !tries.is_empty() && !approved {
        ask(&tries)?;
    }
    let (mut given_up, mut left) = (Vec::new(), Vec::new());
    for run in tries {
        match give_up(&workspace, &journal, run.run, reason, Timestamp::now()) {
            Ok(()) => given_up.push(run.run),
            // Somebody works on it by now, or has finished it: it is left to them.
            Err(error) => left.push((run.run, error)),
        }
    }
    if context.json {
        let left: Vec<_> = left
            .iter()
            .map(|(run, error)| json!({ "run": run, "error": error.report() }))
            .collect();
        output::json(&json!({ "abandoned": given_up, "left": left }));
        return Ok(());
    }
    let mut text = format!("{} given up; what they made stays as it is", counted(given_up.len()));
    for (run, error) in left {
        text.push_str(&format!("\nRun {run} is left as it was: {}", error.report().headline));
    }
    output::text(&text);
    Ok(())
}

fn ask(tries: &[&RunSummary]) -> Result<(), Error> {
    let terminal = Terminal::new(&Unattended::default())?;
    let runs = || tries.iter().map(|run| run.run.0).collect();
    if !terminal.is_interactive() {
        return Err(CliError::AbandonNotApproved { runs: runs() }.into());
    }
    let headings = ["Run", "Workflow", "Stopped with"];
    let headline = |run: &RunSummary| run.error.as_ref().map(|error| error.headline.clone());
    let rows: Vec<_> = tries
        .iter()
        .map(|run| {
            vec![run.run.to_string(), run.workflow.clone(), headline(run).unwrap_or_default()]
        })
        .collect();
    let question = format!("{}\nDare per abbandonati? (sì/no)", output::table(&headings, &rows));
    match terminal.ask_yes(&question) {
        true => Ok(()),
        false => Err(CliError::AbandonNotApproved { runs: runs() }.into()),
    }
}

/// `1 run is`, `3 runs are`.
fn counted(runs: usize) -> String {
    if runs == 1 { "1 run is".to_owned() } else { format!("{runs} runs are") }
}
