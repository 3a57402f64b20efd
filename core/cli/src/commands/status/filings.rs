//! Receipts that are not read, filings that were rejected, and files that nothing is done with.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ceralacca_kernel::{RunId, RunStatus};
use ceralacca_submission::register::Row;
use ceralacca_submission::{Register, Stato, printable};

use super::Status;
use super::todo::{Todo, Urgency};
use crate::commands::receipts::Senders;
use crate::commands::settle::SETTLED;

impl Status {
    pub(super) fn receipts_todo(&mut self, register: &Register, senders: &Senders) {
        // Nothing here can read those; a person says what they say.
        let by_person = |row: &&Row| row.by_person;
        for row in register.unread().filter(by_person) {
            let run = row.key.as_deref().and_then(|key| senders.id(key));
            // Its run has stopped for that and says it better.
            if run.is_some_and(|run| self.runs.iter().any(|open| open.run == run)) {
                continue;
            }
            let run = run.map_or_else(|| "RUN".to_owned(), |RunId(run)| run.to_string());
            let file = row.paths.opaque.as_deref().unwrap_or(Path::new("")).display().to_string();
            let what = format!(
                "the receipt of {} ({}) is of a form that this program cannot read: {file}",
                row.protocollo,
                printable(&row.file_name, 60)
            );
            let next = format!(
                "read it, then ceralacca confirm {run} --accepted, or --rejected with its reason"
            );
            let protocollo = row.protocollo.to_string();
            let exit = Urgency::NeedsDoing;
            self.next.push(Todo::new(exit, "receipts.opaque", protocollo, what, next));
        }
        let sealed: Vec<&Row> = register.unread().filter(|row| !by_person(row)).collect();
        if let Some(first) = sealed.first() {
            let what = match sealed.len() {
                1 => "1 receipt is not read".to_owned(),
                count => format!("{count} receipts are not read"),
            };
            let next = "ceralacca run collect_receipts";
            let subject = first.protocollo.to_string();
            let todo = Todo::new(Urgency::NeedsDoing, "receipts.unread", subject, what, next);
            self.next.push(todo.count(sealed.len()));
        }
        for problem in &register.problems {
            let path = problem.path.display().to_string();
            let what = format!("{path}: {}", problem.reason);
            let next = problem.next.as_str();
            self.next.push(Todo::new(Urgency::NeedsDoing, "file.problem", path, what, next));
        }
    }

    /// A filing that this workspace sent and the Agency rejected is something to do until one in its
    /// place was accepted, its run was given up, or somebody says that it is settled.
    pub(super) fn rejections_todo(
        &mut self,
        register: &Register,
        senders: &Senders,
        settled: &BTreeSet<String>,
    ) {
        for row in register.rows.iter().filter(|row| row.stato == Stato::Scartato && row.sent) {
            let status = row.key.as_deref().and_then(|key| senders.status(key));
            // An open run says it better.
            let said = status.is_some_and(|status| status != RunStatus::Finished);
            let protocollo = row.protocollo.to_string();
            if said || settled.contains(&protocollo) || is_replaced(row, &register.rows) {
                continue;
            }
            let motivo = row.motivo_di_scarto.as_ref().map(|why| printable(&why.words(), 100));
            let what = format!(
                "{} ({}), {protocollo}: SCARTATO: {}",
                printable(&row.file_name, 60),
                printable(&row.tipo_documento, 20),
                motivo.unwrap_or_default()
            );
            let next = format!(
                "correct and send it again; if that is done or not needed: ceralacca settle \
                 {protocollo}"
            );
            let exit = Urgency::NeedsDoing;
            self.next.push(Todo::new(exit, "filing.rejected", protocollo, what, next));
        }
    }

    pub(super) fn unused_todo(&mut self) {
        const SHOWN: usize = 5;
        let count = self.unused.len();
        for one in self.unused.iter().take(SHOWN) {
            let path = one.path.display().to_string();
            let what = format!("{}: {}", printable(&path, 300), one.why);
            let next = one.next.as_str();
            self.next.push(Todo::new(Urgency::NeedsDoing, "ricezione.unused", path, what, next));
        }
        if let Some(more) = count.checked_sub(SHOWN).filter(|more| *more > 0) {
            let what = format!("and {more} more files in ricezione that are used for nothing");
            let next = "ceralacca status --json lists them";
            let todo = Todo::new(Urgency::NeedsDoing, "ricezione.unused", "ricezione", what, next);
            self.next.push(todo.count(more));
        }
    }
}

/// Whether a later one in its place was accepted: of the same type and file name. An account has one
/// request for certificates, whatever it is called.
fn is_replaced(rejected: &Row, rows: &[Row]) -> bool {
    rows.iter().any(|row| {
        row.stato == Stato::Elaborato
            && row.data_invio >= rejected.data_invio
            && row.tipo_documento == rejected.tipo_documento
            && (row.tipo_documento == REQUEST
                || row.file_name.eq_ignore_ascii_case(&rejected.file_name))
    })
}

/// The Agency's type of a request for certificates.
const REQUEST: &str = "PKS10";

/// Numbers of the rejected filings that somebody has called settled.
pub(super) fn settled(state: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(state.join(SETTLED)) else { return BTreeSet::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect()
}
