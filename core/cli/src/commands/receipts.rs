//! `ceralacca receipts`: *Ricerca ricevute* of this workspace, with the portal's columns and filters.

use std::collections::BTreeMap;

use ceralacca_journal::Journal;
use ceralacca_kernel::{Error, RunId, RunSummary, Store};
use ceralacca_submission::register::{ReceiptState, Register, RegisterFilter, Row};
use ceralacca_submission::{Counts, Protocollo};

use super::Context;
use super::confirm::day;
use super::runs::local;
use crate::arguments::Receipts;
use crate::output;

pub(super) fn carry_out(context: &Context, receipts: &Receipts) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let protocollo = receipts.protocollo.as_deref().map(|text| Protocollo::parse(text.trim()));
    let filter = RegisterFilter {
        protocollo: protocollo.transpose()?,
        dal: receipts.dal.as_deref().map(day).transpose()?,
        al: receipts.al.as_deref().map(day).transpose()?,
        unread: receipts.unread,
    };
    let register = Register::read(&workspace.folders()).filtered(&filter);
    let senders = senders(&Journal::open(&workspace.state())?.runs()?);
    if context.json {
        output::json(&as_json(&register, &senders));
        return Ok(());
    }
    output::text(&table(&register, &senders));
    Ok(())
}

/// Which run sent with which idempotency key.
///
/// A key is the run's own with the number of the step behind it.
pub(super) fn senders(runs: &[RunSummary]) -> BTreeMap<String, RunId> {
    runs.iter().map(|run| (run.key.clone(), run.run)).collect()
}

/// The run behind an idempotency key.
pub(super) fn sender(senders: &BTreeMap<String, RunId>, key: &str) -> Option<RunId> {
    let (run_key, _step) = key.rsplit_once('-')?;
    senders.get(run_key).copied()
}

fn as_json(register: &Register, senders: &BTreeMap<String, RunId>) -> serde_json::Value {
    let row = |row: &Row| {
        let mut value = serde_json::to_value(row).expect("rows are plain data");
        let run = row.key.as_deref().and_then(|key| sender(senders, key));
        value["run"] = serde_json::json!(run);
        value
    };
    serde_json::json!({
        "receipts": register.rows.iter().map(row).collect::<Vec<_>>(),
        "in_doubt": register.in_doubt,
        "problems": register.problems,
    })
}

fn table(register: &Register, senders: &BTreeMap<String, RunId>) -> String {
    let mut text = if register.rows.is_empty() {
        "No submissions here. `ceralacca run collect_receipts` asks the Agency.".to_owned()
    } else {
        let rows: Vec<_> = register.rows.iter().map(|row| cells(row, senders)).collect();
        output::table(&HEADINGS, &rows)
    };
    let unread = register.unread().count();
    if unread > 0 {
        text.push_str(&format!(
            "\n{unread} not read yet: ceralacca run collect_receipts opens any number at once"
        ));
    }
    for doubt in register.in_doubt.iter().filter(|one| !one.handed_over) {
        let run = sender(senders, &doubt.key).map_or_else(|| "RUN".to_owned(), |r| r.to_string());
        text.push_str(&format!(
            "\n{}: nobody knows whether it arrived; ceralacca resume {run} asks",
            doubt.file_name
        ));
    }
    for problem in &register.problems {
        text.push_str(&format!("\n{}: {}", problem.path.display(), problem.reason));
    }
    text
}

const HEADINGS: [&str; 9] = [
    "Protocollo",
    "Tipo documento",
    "Stato",
    "Motivo di scarto",
    "Nome file",
    "Data invio",
    "Tot/Acq/Sca",
    "Ricevuta",
    "Run",
];

fn cells(row: &Row, senders: &BTreeMap<String, RunId>) -> Vec<String> {
    let Counts { totale, acquisiti, scartati } = row.documenti;
    let motivo = row.motivo_di_scarto.as_ref().map(|why| {
        [why.code.as_str(), why.text.as_str()].into_iter().filter(|text| !text.is_empty())
    });
    let run = row.key.as_deref().and_then(|key| sender(senders, key));
    vec![
        row.protocollo.to_string(),
        row.tipo_documento.clone(),
        row.stato.as_str().to_owned(),
        motivo.map(|texts| texts.collect::<Vec<_>>().join(" ")).unwrap_or_default(),
        row.file_name.clone(),
        local(row.data_invio),
        format!("{totale}/{acquisiti}/{scartati}"),
        match row.receipt {
            ReceiptState::Attesa => "in attesa",
            ReceiptState::NonLetta => "DA LEGGERE",
            ReceiptState::Letta => "letta",
            ReceiptState::InChiaro => "in chiaro",
        }
        .to_owned(),
        run.map(|run| run.to_string()).unwrap_or_default(),
    ]
}
