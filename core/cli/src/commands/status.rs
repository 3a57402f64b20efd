//! `ceralacca status`: one screen for people and for monitoring.

use std::collections::BTreeMap;
use std::process::ExitCode;

use ceralacca_journal::Journal;
use ceralacca_kernel::{Error, Exit, RunId, RunStatus, RunSummary, Store};
use ceralacca_keystore::{EnvironmentHistory, EnvironmentState, EnvironmentSummary};
use ceralacca_plugin_host::{self as plugin_host, State};
use ceralacca_submission::Register;
use ceralacca_submission::hand_off::HandOver;
use jiff::Timestamp;
use serde::Serialize;

use super::Context;
use super::receipts::{sender, senders};
use crate::workspace::Workspace;
use crate::{output, program};

/// What there is to know, and what to do.
#[derive(Serialize)]
struct Status {
    /// The environment in use.
    environment: Option<EnvironmentSummary>,
    /// How many were set aside.
    set_aside: usize,
    /// Runs that are not finished.
    runs: Vec<RunSummary>,
    /// Uploads that a person has in hand.
    hand_overs: Vec<HandOver>,
    /// Submissions of which nobody knows whether they arrived.
    in_doubt: Vec<String>,
    /// Numbers of the receipts that are not read.
    unread: Vec<String>,
    /// What to do, the most urgent first.
    next: Vec<Todo>,
}

/// One thing to do.
#[derive(Serialize)]
struct Todo {
    /// What it is about: the exit code follows from the first.
    exit: Urgency,
    /// What is the matter.
    what: String,
    /// The command, or the act.
    next: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Urgency {
    OutcomeUnknown,
    NeedsDoing,
    Waiting,
}

pub(super) fn carry_out(context: &Context) -> Result<ExitCode, Error> {
    let workspace = context.program.workspace()?;
    let status = Status::of(&workspace, Timestamp::now())?;
    if context.json {
        output::json(&status);
    } else {
        output::text(&status.to_text(&workspace));
    }
    Ok(match status.next.first().map(|todo| todo.exit) {
        None => ExitCode::SUCCESS,
        Some(Urgency::OutcomeUnknown) => ExitCode::from(Exit::Unknown.code()),
        Some(Urgency::NeedsDoing) => ExitCode::from(Exit::Refused.code()),
        Some(Urgency::Waiting) => ExitCode::from(Exit::Waiting.code()),
    })
}

impl Status {
    fn of(workspace: &Workspace, now: Timestamp) -> Result<Status, Error> {
        let folder = workspace.root.join(&workspace.settings.environment);
        let environments =
            EnvironmentHistory::beside(&folder)?.summaries(now, &workspace.policy()?);
        let (mut current, aside): (Vec<_>, Vec<_>) =
            environments.into_iter().partition(|environment| environment.current);
        let environment = current.pop();
        let register = Register::read(&workspace.folders());
        let runs = Journal::open(&workspace.state())?.runs()?;
        let senders = senders(&runs);
        let open = runs.into_iter().filter(|run| !run.status.is_over());
        let mut status = Status {
            environment,
            set_aside: aside.len(),
            runs: open.collect(),
            hand_overs: register.hand_overs.iter().filter(|o| o.is_waiting()).cloned().collect(),
            in_doubt: Vec::new(),
            unread: register.unread().map(|row| row.protocollo.to_string()).collect(),
            next: Vec::new(),
        };
        status.doubts(&register, &senders);
        status.environment_todo();
        status.runs_todo();
        status.receipts_todo(&register);
        status.plugins_todo(workspace);
        status.next.sort_by_key(|todo| todo.exit);
        Ok(status)
    }

    fn todo(&mut self, exit: Urgency, what: impl Into<String>, next: impl Into<String>) {
        self.next.push(Todo { exit, what: what.into(), next: next.into() });
    }

    fn doubts(&mut self, register: &Register, senders: &BTreeMap<String, RunId>) {
        for doubt in register.in_doubt.iter().filter(|one| !one.handed_over) {
            self.in_doubt.push(doubt.file_name.clone());
            let run = sender(senders, &doubt.key);
            // The run says it better, where it is known.
            if !run.is_some_and(|run| self.runs.iter().any(|open| open.run == run)) {
                let what = format!("{}: nobody knows whether it arrived", doubt.file_name);
                self.todo(Urgency::OutcomeUnknown, what, "look for it in Ricerca ricevute");
            }
        }
    }

    fn environment_todo(&mut self) {
        let Some(environment) = &self.environment else {
            let next = "insert its medium; if it is lost, ceralacca run recover_environment; if there \
                        never was one, ceralacca run setup_environment";
            return self.todo(Urgency::NeedsDoing, "there is no security environment", next);
        };
        let renew = "ceralacca run renew_environment";
        let todo = match environment.state {
            EnvironmentState::InAttesa => None,
            EnvironmentState::Corrente | EnvironmentState::MessoDaParte => {
                let days = environment.certificates.iter().map(|one| one.days_left).min();
                let soon = environment.certificates.iter().any(|one| one.expires_soon);
                let policy = environment.certificates.iter().flat_map(|one| &one.policy).next();
                match (days, policy) {
                    (Some(days), _) if days < 0 => Some((
                        "the certificates have ended".to_owned(),
                        "ceralacca run recover_environment",
                    )),
                    (_, Some(finding)) => Some((finding.in_words(), renew)),
                    (Some(days), _) if soon => {
                        Some((format!("the certificates end in {days} days"), renew))
                    }
                    _ => None,
                }
            }
            EnvironmentState::Incompleto | EnvironmentState::Illeggibile => Some((
                format!("the environment {} is {}", environment.path, environment.state.label()),
                "ceralacca environments",
            )),
        };
        if let Some((what, next)) = todo {
            self.todo(Urgency::NeedsDoing, what, next);
        }
    }

    fn runs_todo(&mut self) {
        for run in self.runs.clone() {
            let RunId(id) = run.run;
            let named = format!("run {id} ({})", run.workflow);
            let waits = self.hand_overs.iter().find(|one| one.run == id.to_string());
            let resume = format!("ceralacca resume {id}");
            match (run.status, waits.map(HandOver::describe)) {
                (RunStatus::OutcomeUnknown, _) => {
                    let what = format!("{named}: the outcome of a step is unknown");
                    self.todo(Urgency::OutcomeUnknown, what, resume);
                }
                (RunStatus::Waiting, Some(what)) => {
                    let next = format!("then ceralacca confirm {id}");
                    self.todo(Urgency::Waiting, what, next);
                }
                (RunStatus::Waiting, None) => {
                    self.todo(Urgency::Waiting, format!("{named} waits for an answer"), resume);
                }
                (RunStatus::Failed, _) => {
                    let next = format!("{resume}, or ceralacca abandon {id}");
                    self.todo(Urgency::NeedsDoing, format!("{named} stopped with an error"), next);
                }
                (RunStatus::Open, _) if !run.locked => {
                    self.todo(Urgency::NeedsDoing, format!("{named} was interrupted"), resume);
                }
                (RunStatus::Open | RunStatus::Finished | RunStatus::Abandoned, _) => {}
            }
        }
    }

    fn receipts_todo(&mut self, register: &Register) {
        if !self.unread.is_empty() {
            let what = format!("{} receipts are not read", self.unread.len());
            self.todo(Urgency::NeedsDoing, what, "ceralacca run collect_receipts");
        }
        for problem in &register.problems {
            let what = format!("{}: {}", problem.path.display(), problem.reason);
            self.todo(Urgency::NeedsDoing, what, "restore the file from a backup");
        }
    }

    /// A plugin that cannot be used is found out before a run needs it.
    fn plugins_todo(&mut self, workspace: &Workspace) {
        let core = program::registry();
        let refused: Vec<(String, Error)> = match plugin_host::list(&workspace.plugin_site(&core)) {
            Err(error) => vec![(plugin_host::LOCK_FILE.to_owned(), error)],
            Ok(listed) => {
                let refused = listed.into_iter().filter_map(|one| match one.state {
                    State::Refused(error) => Some((format!("plugin {}", one.name), error)),
                    State::Ready | State::NotLocked => None,
                });
                refused.collect()
            }
        };
        for (what, error) in refused {
            let report = error.report();
            self.todo(Urgency::NeedsDoing, format!("{what}: {}", report.headline), &*report.next);
        }
    }

    fn to_text(&self, workspace: &Workspace) -> String {
        let mut rows = vec![("Ambiente", self.environment_line())];
        rows.push(("Agenzia", workspace.channel()));
        rows.push(("Run in corso", self.runs.len().to_string()));
        rows.push(("Esito ignoto", self.in_doubt.len().to_string()));
        rows.push(("Ricevute da leggere", self.unread.len().to_string()));
        let rows: Vec<_> = rows.into_iter().map(|(name, t)| vec![name.to_owned(), t]).collect();
        let mut text = output::rows(&rows);
        if self.next.is_empty() {
            text.push_str("\nNothing to do.");
        } else {
            text.push_str("\n\nTo do:");
        }
        for todo in &self.next {
            text.push_str(&format!("\n  {}\n    {}", todo.what, todo.next));
        }
        text
    }

    fn environment_line(&self) -> String {
        let Some(environment) = &self.environment else { return "nessuno".to_owned() };
        let mut line = format!("{}: {}", environment.path, environment.state.label());
        if let Some(one) = environment.certificates.first() {
            line.push_str(&format!(", {}", one.nome));
        }
        if let Some(days) = environment.certificates.iter().map(|one| one.days_left).min() {
            line.push_str(&match days {
                days if days < 0 => ", scaduto".to_owned(),
                days => format!(", scade tra {days} giorni"),
            });
        }
        if self.set_aside > 0 {
            line.push_str(&format!("; {} messi da parte", self.set_aside));
        }
        line
    }
}
