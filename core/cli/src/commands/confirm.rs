//! `ceralacca confirm`: a person says what became of an upload.

use std::path::{Path, PathBuf};

use ceralacca_hand_off::{self as hand_off, Confirmation, HandOver};
use ceralacca_journal::Journal;
use ceralacca_kernel::{Error, Page, Report, RunFilter, RunId, RunStatus, Store};
use ceralacca_submission::Protocollo;
use jiff::Timestamp;

use super::Context;
use super::day::day;
use crate::arguments::Confirm;
use crate::error::CliError;
use crate::output;
use crate::workspace::Workspace;

pub(super) fn carry_out(context: &Context, confirm: &Confirm) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let confirmation = Confirmation {
        protocollo: confirm.protocollo.as_deref().map(number).transpose()?,
        sent_on: confirm.date.as_deref().map(day).transpose()?,
        receipt: confirm.receipt.as_deref().map(absolute).transpose()?,
        rejected: confirm.rejected.clone(),
        accepted: confirm.accepted,
        in_force: confirm.in_force,
        not_sent: confirm.not_sent,
        correct: confirm.correct,
        at: Timestamp::now(),
    };
    let handed_over =
        hand_off::confirm(&workspace.folders(), &confirm.run.to_string(), &confirmation)?;
    let warning = hand_off::altered_copy(&handed_over);
    if context.json {
        let mut value = serde_json::to_value(&handed_over).expect("records are plain data");
        if let Some(warning) = warning {
            value["warning"] = warning.into();
        }
        output::json(&value);
        return Ok(());
    }
    let mut lines = vec![handed_over.describe()];
    lines.extend(warning.map(|warning| format!("warning: {warning}")));
    lines.push(next(status(&workspace, confirm.run)?, &handed_over));
    output::text(&lines.join("\n"));
    Ok(())
}

fn status(workspace: &Workspace, run: u64) -> Result<Option<RunStatus>, Error> {
    let wanted = RunFilter { run: Some(RunId(run)), ..RunFilter::default() };
    let found = Journal::look(&workspace.state(), |journal| journal.runs(&wanted, Page::ALL))?;
    Ok(found.and_then(|page| page.runs.first().map(|one| one.status)))
}

/// What is left to do once this is known.
fn next(status: Option<RunStatus>, one: &HandOver) -> String {
    let run = &one.run;
    match status {
        Some(RunStatus::Finished) => format!(
            "Run {run} is finished and its journal stays as it was; ceralacca receipts shows what is known now"
        ),
        Some(RunStatus::Abandoned) => {
            format!("Run {run} was given up: to send the file again, start a new run")
        }
        _ if one.is_not_sent() => format!(
            "Next: ceralacca resume {run} hands it over again; ceralacca abandon {run} gives it up"
        ),
        _ => format!("Next: ceralacca resume {run}, or ceralacca watch"),
    }
}

/// Reads the number on the confirmation page.
fn number(text: &str) -> Result<Protocollo, Error> {
    Protocollo::parse(text.trim()).map_err(|error| {
        let report = Report {
            state: "nothing was recorded".to_owned(),
            next: "copy the protocollo from the confirmation page, or from Ricerca ricevute"
                .to_owned(),
            ..Error::from(error).report().clone()
        };
        report.into()
    })
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| CliError::io(path, &error).into())
}
