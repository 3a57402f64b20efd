//! `ceralacca settle`: a rejected filing is no longer something to do.

use ceralacca_kernel::{Error, atomic_file, document_archive};
use ceralacca_submission::{Protocollo, Register, Stato};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::error::CliError;
use crate::output;

/// `<state>/settled/<protocollo>.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Settled {
    /// The number of the filing.
    protocollo: Protocollo,
    /// When this was said.
    at: Timestamp,
    /// Why, for whoever asks.
    reason: String,
}

pub(super) fn carry_out(context: &Context, number: &str, reason: &str) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let protocollo = Protocollo::try_from(number.trim().to_owned())?;
    let register = Register::read(&workspace.folders());
    let row = register.rows.iter().find(|row| row.protocollo == protocollo);
    match row.map(|row| row.stato) {
        Some(Stato::Scartato) => {}
        found => {
            let found = found.map(|stato| stato.as_str().to_owned());
            return Err(CliError::NotRejected { protocollo: protocollo.to_string(), found }.into());
        }
    }
    let folder = workspace.state().join(SETTLED);
    let path = folder.join(format!("{protocollo}.json"));
    let settled = Settled { protocollo, at: Timestamp::now(), reason: reason.to_owned() };
    let bytes = serde_json::to_vec_pretty(&settled).expect("the record is plain data");
    document_archive::create(&folder)
        .and_then(|()| atomic_file::write(&path, &bytes))
        .map_err(|error| CliError::io(&path, &error))?;
    if context.json {
        output::json(&settled);
    } else {
        let text = "is settled: status does not speak of it any more; its files stay";
        output::text(&format!("{} {text}", settled.protocollo));
    }
    Ok(())
}

/// The folder of these records in the workspace's state.
pub(super) const SETTLED: &str = "settled";
