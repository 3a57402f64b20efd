//! `ceralacca receipts`: *Ricerca ricevute* of this workspace, with the portal's columns and filters.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use ceralacca_journal::Journal;
use ceralacca_kernel::{Error, Folders, RunId, RunStatus};
use ceralacca_submission::register::{ReceiptState, Register, RegisterFilter, Row};
use ceralacca_submission::register_table::{self, Known};
use ceralacca_submission::{Counts, Protocollo, Stato, printable};

use super::day::days;
use super::runs::local;
use super::{Context, judged};
use crate::arguments::Receipts;
use crate::output;

pub(super) fn carry_out(context: &Context, receipts: &Receipts) -> Result<ExitCode, Error> {
    let (dal, al) = days(receipts.dal.as_deref(), receipts.al.as_deref())?;
    let protocollo = receipts.protocollo.as_deref();
    let protocollo = protocollo.map(|text| Protocollo::try_from(text.trim().to_owned()));
    let filter = RegisterFilter {
        protocollo: protocollo.transpose()?,
        dal,
        al,
        unread: receipts.unread,
        not_openable: receipts.not_openable,
    };
    let workspace = context.program.workspace()?;
    let folders = workspace.folders();
    let register = match receipts.verify {
        true => verified(&folders),
        false => {
            let Known { mut register, damaged, .. } = Register::known_and_kept(&folders);
            register.problems.extend(damaged);
            register
        }
    };
    let all = register.rows.len();
    let register = register.filtered(&filter);
    let keys = register.rows.iter().filter_map(|row| row.key.as_deref());
    let in_doubt = register.in_doubt.iter().map(|doubt| doubt.key.as_str());
    let senders = Senders::of(&workspace.state(), keys.chain(in_doubt))?;
    let remarks = remarks(&register, &senders);
    if context.json {
        output::json(&as_json(&register, &senders));
    } else if register.rows.is_empty() {
        let none = nothing(all, workspace.settings.agency.hand_off);
        output::text(&format!("{none}{remarks}"));
    } else {
        let rows: Vec<_> = register.rows.iter().map(|row| cells(row, &senders)).collect();
        output::text(&format!("{}{remarks}", output::table(&HEADINGS, &rows)));
    }
    Ok(judged(!receipts.verify || register.problems.is_empty()))
}

/// What the files themselves hold. The table is made again; one that said something else is a problem.
fn verified(folders: &Folders) -> Register {
    let mut register = Register::verified(folders);
    register.problems.extend(register_table::make_again(folders));
    register
}

/// The runs behind idempotency keys: a key is the run's own with the number of the step behind it.
#[derive(Default)]
pub(super) struct Senders(BTreeMap<String, (RunId, RunStatus)>);

impl Senders {
    /// Looks up the runs behind these keys.
    pub(super) fn of<'a>(
        state: &Path,
        keys: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Senders, Error> {
        let found = Journal::look(state, |journal| Senders::in_journal(journal, keys.clone()))?;
        Ok(found.unwrap_or_default())
    }

    /// The same in a journal that is open.
    pub(super) fn in_journal<'a>(
        journal: &Journal,
        keys: impl Iterator<Item = &'a str>,
    ) -> Result<Senders, Error> {
        let run_keys = keys.filter_map(of_run).map(str::to_owned).collect();
        journal.behind_keys(&run_keys).map(Senders)
    }

    /// The run behind a key.
    pub(super) fn id(&self, key: &str) -> Option<RunId> {
        self.0.get(of_run(key)?).map(|(run, _)| *run)
    }

    /// Where it stands.
    pub(super) fn status(&self, key: &str) -> Option<RunStatus> {
        self.0.get(of_run(key)?).map(|(_, status)| *status)
    }
}

/// What the keys of the run begin with that this is a key of.
pub(super) fn of_run(key: &str) -> Option<&str> {
    key.rsplit_once('-').map(|(run_key, _step)| run_key)
}

fn as_json(register: &Register, senders: &Senders) -> serde_json::Value {
    let row = |row: &Row| {
        let mut value = serde_json::to_value(row).expect("rows are plain data");
        let run = row.key.as_deref().and_then(|key| senders.id(key));
        value["run"] = serde_json::json!(run);
        value
    };
    serde_json::json!({
        "receipts": register.rows.iter().map(row).collect::<Vec<_>>(),
        "in_doubt": register.in_doubt,
        "problems": register.problems,
    })
}

/// What stands in the place of a table without rows.
fn nothing(all: usize, by_hand: bool) -> String {
    match all {
        0 if by_hand => "No submissions here yet: what is sent by hand is listed once it is \
                         confirmed (ceralacca confirm RUN)."
            .to_owned(),
        0 => "No submissions here. `ceralacca run collect_receipts` asks the Agency.".to_owned(),
        1 => "The one submission here does not match.".to_owned(),
        all => format!("None of the {all} submissions here match."),
    }
}

/// What the table has no column for, a line each.
fn remarks(register: &Register, senders: &Senders) -> String {
    let run = |key: Option<&str>| key.and_then(|key| senders.id(key));
    let named = |run: Option<RunId>| run.map_or_else(|| "RUN".to_owned(), |run| run.to_string());
    let mut lines = Vec::new();
    let (by_person, unread): (Vec<&Row>, Vec<&Row>) =
        register.unread().partition(|row| row.by_person);
    if !unread.is_empty() {
        let unread = unread.len();
        lines.push(format!(
            "{unread} not read yet: ceralacca run collect_receipts opens any number at once"
        ));
    }
    for row in by_person {
        let run = named(run(row.key.as_deref()));
        lines.push(format!(
            "{}: its receipt has a form that is not known here; read it, then ceralacca confirm {run} \
             --accepted, or --rejected MOTIVO",
            row.protocollo
        ));
    }
    let closed: Vec<&Row> = register.not_openable().collect();
    for row in closed.iter().take(SHOWN) {
        if let Some(why) = &row.not_openable {
            lines.push(format!(
                "{}: NON APRIBILE: {}; {}",
                row.protocollo,
                printable(&why.reason, 400),
                printable(&why.next, 400)
            ));
        }
    }
    if let Some(more) = closed.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more that nothing here opens: --not-openable --json"));
    }
    for doubt in register.in_doubt.iter().filter(|one| !one.handed_over) {
        let run = named(run(Some(&doubt.key)));
        lines.push(format!(
            "{}: nobody knows whether it arrived; ceralacca resume {run} asks",
            doubt.name()
        ));
    }
    for problem in &register.problems {
        let (reason, next) = (printable(&problem.reason, 300), &problem.next);
        lines.push(format!("{}: {reason}; {next}", problem.path.display()));
    }
    lines.iter().map(|line| format!("\n{line}")).collect()
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

fn cells(row: &Row, senders: &Senders) -> Vec<String> {
    let Counts { totale, acquisiti, scartati } = row.documenti;
    let motivo = row.motivo_di_scarto.as_ref().map(|why| {
        [why.code.as_str(), why.text.as_str()].into_iter().filter(|text| !text.is_empty())
    });
    let run = row.key.as_deref().and_then(|key| senders.id(key));
    let day = local(row.data_invio);
    let texts = [
        row.protocollo.to_string(),
        row.tipo_documento.clone(),
        stato(row).to_owned(),
        motivo.map(|texts| texts.collect::<Vec<_>>().join(" ")).unwrap_or_default(),
        row.file_name.clone(),
        if row.data_presunta { format!("dal {}", &day[..10.min(day.len())]) } else { day },
        format!("{totale}/{acquisiti}/{scartati}"),
        match row.receipt {
            ReceiptState::Attesa => "in attesa",
            ReceiptState::NonLetta => "DA LEGGERE",
            ReceiptState::NonApribile => "NON APRIBILE",
            ReceiptState::Letta => "letta",
            ReceiptState::InChiaro => "in chiaro",
        }
        .to_owned(),
        run.map(|run| run.to_string()).unwrap_or_default(),
    ];
    // The whole is in --json.
    texts.map(|text| printable(&text, WIDTH)).into()
}

/// By hand nobody knows whether the Agency is processing it.
fn stato(row: &Row) -> &'static str {
    match row.stato {
        Stato::InElaborazione if row.handed_over => "IN ATTESA DI RICEVUTA",
        stato => stato.as_str(),
    }
}

/// Characters of a cell.
const WIDTH: usize = 60;
/// Receipts that are explained one by one.
const SHOWN: usize = 20;
