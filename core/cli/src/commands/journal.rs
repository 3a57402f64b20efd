//! `ceralacca journal`: check the chains, export the entries, move old runs to a file of their own.

use std::io;
use std::process::ExitCode;

use ceralacca_journal::{InArchive, Journal as Store, Verified};
use ceralacca_kernel::{Entry, Error, RunId, Store as _};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::day::day;
use super::runs::zone;
use super::{Context, judged};
use crate::arguments::{Archive, Journal};
use crate::error::CliError;
use crate::output;
use crate::workspace::Workspace;

pub(super) fn carry_out(context: &Context, journal: &Journal) -> Result<ExitCode, Error> {
    let workspace = context.program.workspace()?;
    let store = Store::open(&workspace.state())?;
    match journal {
        Journal::Verify => {
            let verified = store.verify()?;
            if context.json {
                output::json(&verified);
            } else {
                output::text(&in_words(&verified));
            }
            // What was not checked is not called good.
            Ok(judged(verified.archives.iter().all(|archive| !archive.missing)))
        }
        Journal::Export { run } => export(&store, run.map(RunId)),
        Journal::Archive(archive) => {
            move_runs(context, &workspace, &store, archive)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn in_words(verified: &Verified) -> String {
    let mut text = format!(
        "The journal holds: {} entries, each carries the hash of the one before\n  last hash  {}",
        verified.entries, verified.head
    );
    for InArchive { archive, runs, missing } in &verified.archives {
        text.push_str(&match missing {
            false => format!("\n  archive    {archive}: {runs} runs, as they were moved there"),
            true => format!("\n  archive    {archive} is not there: {runs} runs were not checked"),
        });
    }
    text
}

/// One line for each entry, run by run; nothing of a journal that does not hold. Fails when an archive is
/// not there, after what is there was printed.
fn export(store: &Store, run: Option<RunId>) -> Result<ExitCode, Error> {
    match run {
        Some(run) => store.read(run, &mut |_| Ok(()))?,
        None => drop(store.verify()?),
    }
    let mut print = |entry: Entry| {
        output::text(&line(&entry).to_string());
        Ok(())
    };
    if let Some(run) = run {
        return store.read(run, &mut print).map(|()| ExitCode::SUCCESS);
    }
    let mut whole = true;
    let last = store.last_run()?.map_or(0, |RunId(last)| last);
    for run in 1..=last {
        match store.read(RunId(run), &mut print) {
            // What is not there cannot be printed; the rest can.
            Err(error) if error.code() == "journal.archive_missing" => {
                output::error(&error, false);
                whole = false;
            }
            done => done?,
        }
    }
    Ok(judged(whole))
}

fn move_runs(
    context: &Context,
    workspace: &Workspace,
    store: &Store,
    archive: &Archive,
) -> Result<(), Error> {
    let before = archive.before.as_deref().map(day).transpose()?;
    let before = before.and_then(|day| day.to_zoned(zone()).ok());
    let before = before.map(|day| day.timestamp());
    let to = match &archive.to {
        Some(to) => std::path::absolute(to).map_err(|error| CliError::io(to, &error))?,
        None => workspace.state().join("journal-archive.sqlite"),
    };
    // The journal keeps the name as text.
    if to.to_str().is_none() {
        let problem = io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8");
        return Err(CliError::io(&to, &problem).into());
    }
    let moved = store.archive(&to, before, Timestamp::now())?;
    if context.json {
        output::json(&json!({ "archive": to, "moved": moved }));
        return Ok(());
    }
    let mut text = match moved.runs {
        0 => "No run was moved".to_owned(),
        runs => format!("{runs} runs, {} entries, were moved to {}", moved.entries, to.display()),
    };
    if moved.earlier > 0 {
        let stay = "stay: an earlier release began them";
        text.push_str(&format!("\n{} runs that are over {stay}", moved.earlier));
    }
    output::text(&text);
    Ok(())
}

/// An entry as one line of JSON.
pub(super) fn line(entry: &Entry) -> Value {
    json!({
        "sequence": entry.sequence,
        "run": entry.run,
        "at": entry.at,
        "event": entry.event,
    })
}
