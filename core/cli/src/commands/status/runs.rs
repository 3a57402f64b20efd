//! Runs that are not finished, and submissions of which nobody knows whether they arrived.

use ceralacca_hand_off::{HandOver, State};
use ceralacca_kernel::{RunId, RunStatus, RunSummary};
use ceralacca_submission::Register;

use super::Status;
use super::todo::{Todo, Urgency};
use crate::commands::receipts::Senders;
use crate::commands::run::name_run;

impl Status {
    pub(super) fn doubts(&mut self, register: &Register, senders: &Senders) {
        for doubt in register.in_doubt.iter().filter(|one| !one.handed_over) {
            self.in_doubt.push(doubt.file_name.clone());
            let run = senders.id(&doubt.key);
            // The run says it better, where it is known.
            if !run.is_some_and(|run| self.runs.iter().any(|open| open.run == run)) {
                let what = format!("{}: nobody knows whether it arrived", doubt.name());
                self.next.push(Todo::new(
                    Urgency::OutcomeUnknown,
                    "submission.in_doubt",
                    doubt.folder.display().to_string(),
                    what,
                    "look for it in Ricerca ricevute",
                ));
            }
        }
    }

    /// `tries` are the runs that stopped before anything was sent: many of them are one thing to do.
    pub(super) fn runs_todo(&mut self, register: &Register, tries: &[RunSummary]) {
        let together = if tries.len() > 1 { tries } else { &[] };
        if let Some(last) = together.last() {
            let (RunId(id), count) = (last.run, together.len());
            let headline = last.error.as_ref().map(|error| error.headline.clone());
            let what = format!(
                "{count} runs stopped before they sent anything, the last of them run {id} ({}): {}",
                last.workflow,
                headline.unwrap_or_default()
            );
            let next = format!(
                "ceralacca resume {id} goes on with it; ceralacca abandon --all-unsent gives all of \
                 them up"
            );
            let exit = Urgency::NeedsDoing;
            self.next.push(Todo::new(exit, "run.unsent", id.to_string(), what, next).count(count));
        }
        let alone = |run: &RunSummary| !together.iter().any(|one| one.run == run.run);
        for run in self.runs.iter().filter(|run| alone(run)).cloned().collect::<Vec<_>>() {
            let RunId(id) = run.run;
            let named = format!("run {id} ({})", run.workflow);
            let resume = format!("ceralacca resume {id}");
            let (exit, code, what, next) = match run.status {
                RunStatus::OutcomeUnknown => {
                    let what = format!("{named}: the outcome of a step is unknown");
                    (Urgency::OutcomeUnknown, "run.outcome_unknown", what, resume)
                }
                RunStatus::Waiting => {
                    let (code, what, next) = waiting(id, &named, register);
                    (Urgency::Waiting, code, what, next)
                }
                RunStatus::Failed => {
                    let (what, next) = stopped(&run, &named);
                    (Urgency::NeedsDoing, "run.failed", what, next)
                }
                RunStatus::Open if !run.locked => {
                    let what = format!("{named} was interrupted");
                    (Urgency::NeedsDoing, "run.interrupted", what, resume)
                }
                RunStatus::Open | RunStatus::Finished | RunStatus::Abandoned => continue,
            };
            self.next.push(Todo::new(exit, code, id.to_string(), what, next));
        }
    }
}

/// What a run stopped with, and what its error said to do next: going on blindly may be wrong.
fn stopped(run: &RunSummary, named: &str) -> (String, String) {
    let RunId(id) = run.run;
    let Some(report) = run.error.clone() else {
        let next = format!("ceralacca resume {id}, or ceralacca abandon {id}");
        return (format!("{named} stopped with an error"), next);
    };
    let report = name_run(&report.into(), run.run).report().clone();
    let what = format!("{named} stopped: {}", report.headline);
    if report.next.contains("ceralacca abandon") {
        return (what, report.next);
    }
    (what, format!("{}; or give it up: ceralacca abandon {id}", report.next))
}

/// What a run waits for: a person, an answer that a person fetches, or the Agency.
fn waiting(id: u64, named: &str, register: &Register) -> (&'static str, String, String) {
    let run = id.to_string();
    let of_run: Vec<&HandOver> = register.hand_overs.iter().filter(|o| o.run == run).collect();
    if let Some(waits) = of_run.iter().find(|one| one.is_waiting()) {
        let next = format!("then ceralacca confirm {id}");
        return ("hand_off.to_be_done", waits.describe(), next);
    }
    if let Some(not_sent) = of_run.iter().rev().find(|one| one.is_not_sent()) {
        let next = format!(
            "ceralacca resume {id} hands it over again; ceralacca abandon {id} gives it up"
        );
        return ("hand_off.not_sent", not_sent.describe(), next);
    }
    let confirmed = |one: &&&HandOver| matches!(one.state, State::Confirmed { .. });
    match of_run.iter().rev().find(confirmed) {
        Some(sent) if sent.file().is_none() => {
            let next = format!("when the portal shows it: ceralacca confirm {id} --in-force");
            ("hand_off.not_in_force", sent.describe(), next)
        }
        Some(sent) if sent.receipt.is_none() => {
            let next = format!(
                "fetch its receipt in Ricerca ricevute and put it into ricezione, then ceralacca \
                 resume {id}; a file that does not say what it is: ceralacca confirm {id} --receipt \
                 FILE"
            );
            (
                "hand_off.receipt_awaited",
                format!("{}: its receipt is awaited", sent.describe()),
                next,
            )
        }
        _ => {
            let next = format!("ceralacca resume {id}");
            ("run.waits", format!("{named} waits for an answer"), next)
        }
    }
}
