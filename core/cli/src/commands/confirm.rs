//! `ceralacca confirm`: a person says what became of an upload.

use std::path::{Path, PathBuf};

use ceralacca_kernel::Error;
use ceralacca_submission::Protocollo;
use ceralacca_submission::hand_off::{self, Confirmation};
use jiff::Timestamp;
use jiff::civil::Date;

use super::Context;
use crate::arguments::Confirm;
use crate::error::CliError;
use crate::output;

pub(super) fn carry_out(context: &Context, confirm: &Confirm) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let protocollo = confirm.protocollo.as_deref().map(|text| Protocollo::parse(text.trim()));
    let confirmation = Confirmation {
        protocollo: protocollo.transpose()?,
        sent_on: confirm.date.as_deref().map(day).transpose()?,
        receipt: confirm.receipt.as_deref().map(absolute).transpose()?,
        rejected: confirm.rejected.clone(),
        accepted: confirm.accepted,
        in_force: confirm.in_force,
        not_sent: confirm.not_sent,
        at: Timestamp::now(),
    };
    let handed_over =
        hand_off::confirm(&workspace.folders(), &confirm.run.to_string(), &confirmation)?;
    if context.json {
        output::json(&handed_over);
    } else {
        let run = confirm.run;
        let said = handed_over.describe();
        output::text(&format!("{said}\nNext: ceralacca resume {run}, or ceralacca watch"));
    }
    Ok(())
}

/// Reads a day, `2026-11-20`.
///
/// # Errors
/// `input.day`.
pub(super) fn day(text: &str) -> Result<Date, Error> {
    text.trim().parse().map_err(|_| CliError::Day { text: text.to_owned() }.into())
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| CliError::io(path, &error).into())
}
