//! `ceralacca status`: one screen for people and for monitoring. It only looks: nothing is written.

mod environment;
mod filings;
mod runs;
mod todo;
mod workspace;

use std::process::ExitCode;

use ceralacca_environment::{EnvironmentSeen, EnvironmentSummary};
use ceralacca_hand_off::{self as hand_off, HandOver, Unused, arrivals};
use ceralacca_journal::Journal;
use ceralacca_kernel::{Error, Page, Report, RunFilter, RunSummary, Store};
use ceralacca_plugin_host::{self as plugin_host, State};
use ceralacca_submission::register::Problem;
use ceralacca_submission::register_table::{Known, Rows};
use ceralacca_submission::{Register, RevocationMark, Stato};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::receipts::Senders;
use super::unsent::tries;
pub(super) use environment::revoked;
use todo::{Todo, Urgency};

use crate::workspace::Workspace;
use crate::{output, program};

/// What there is to know, and what to do.
#[derive(Serialize)]
struct Status {
    /// The exit code: of the most urgent that there is to do.
    exit: u8,
    /// When it was looked.
    at: Timestamp,
    /// The workspace's folder.
    workspace: String,
    /// The environment in use.
    environment: Option<EnvironmentSummary>,
    /// What is remembered of the one that should be there, when it last opened.
    environment_seen: Option<Seen>,
    /// When it was revoked, where no other has followed.
    revoked: Option<String>,
    /// How many were set aside.
    set_aside: usize,
    /// Runs that are not finished.
    runs: Vec<RunSummary>,
    /// Uploads that a person has in hand.
    hand_overs: Vec<HandOver>,
    /// What lies in `ricezione` and is used for nothing.
    unused: Vec<Unused>,
    /// Submissions of which nobody knows whether they arrived.
    in_doubt: Vec<String>,
    /// Numbers of the receipts that are not read.
    unread: Vec<String>,
    /// Numbers of the receipts that cannot be opened here.
    not_openable: Vec<String>,
    /// Revocations that were asked for.
    revocations: Vec<RevocationMark>,
    /// Files that cannot be read.
    problems: Vec<Problem>,
    /// What to do, the most urgent first.
    next: Vec<Todo>,
}

/// The part of what is remembered of an environment that others have a use for.
#[derive(Serialize)]
struct Seen {
    account: String,
    fingerprints: Vec<String>,
    not_after: Option<Timestamp>,
    at: Timestamp,
}

pub(super) fn carry_out(context: &Context) -> Result<ExitCode, Error> {
    let at = Timestamp::now();
    let status = context.program.workspace_as_it_is().and_then(|workspace| {
        let status = Status::of(&workspace, at)?;
        let text = if context.json { String::new() } else { status.to_text(&workspace) };
        Ok((status, text))
    });
    Ok(match status {
        Ok((status, text)) => {
            if context.json {
                output::json(&status);
            } else {
                output::text(&text);
            }
            ExitCode::from(status.exit)
        }
        // Of the same form, so that who reads it need not guess what it is.
        Err(error) if context.json => {
            let next = [Todo::could_not_look("workspace", error.report())];
            let exit = Urgency::NotLooked.code();
            output::json(&json!({ "exit": exit, "at": at, "error": error.report(), "next": next }));
            ExitCode::from(exit)
        }
        Err(error) => {
            output::error(&error, false);
            ExitCode::from(Urgency::NotLooked.code())
        }
    })
}

impl Status {
    fn of(workspace: &Workspace, at: Timestamp) -> Result<Status, Error> {
        let policy = workspace.policy()?;
        let folder = workspace.environment();
        let folders = workspace.folders();
        let Known { mut register, rows, damaged } = Register::known(&folders, Rows::Open);
        register.problems.extend(damaged);
        let mut next = Vec::new();
        let environments = environment::summaries(workspace, at, &policy, &mut next);
        let (mut current, aside): (Vec<_>, Vec<_>) =
            environments.into_iter().partition(|environment| environment.current);
        let (runs, senders) = match journaled(workspace, &register) {
            Ok(known) => {
                workspace::todo(workspace, rows, known.is_some(), &mut next);
                known.unwrap_or_default()
            }
            Err(error) => {
                next.push(Todo::could_not_look("journal", error.report()));
                Default::default()
            }
        };
        let tries: Vec<RunSummary> =
            tries(workspace, &register, &runs).into_iter().cloned().collect();
        let seen = EnvironmentSeen::read(&workspace.state(), &folder);
        let look = arrivals(&folders, at);
        let mut status = Status {
            exit: 0,
            at,
            workspace: workspace.root.display().to_string(),
            environment: current.pop(),
            environment_seen: seen.as_ref().map(|seen| Seen {
                account: seen.account.clone(),
                fingerprints: seen.fingerprints.clone(),
                not_after: seen.not_after,
                at: seen.at,
            }),
            revoked: None,
            set_aside: aside.len(),
            runs,
            hand_overs: register.hand_overs.iter().filter(|o| o.is_waiting()).cloned().collect(),
            unused: hand_off::unused(&folders, &register.hand_overs, &look),
            in_doubt: Vec::new(),
            unread: register.unread().map(|row| row.protocollo.to_string()).collect(),
            not_openable: register.not_openable().map(|row| row.protocollo.to_string()).collect(),
            revocations: register.revocations.clone(),
            problems: register.problems.clone(),
            next,
        };
        status.doubts(&register, &senders);
        status.revocation_todo(&register, seen.as_ref());
        status.environment_todo(&folder, seen.as_ref());
        status.runs_todo(&register, &tries);
        status.receipts_todo(&register, &senders);
        status.rejections_todo(&register, &senders, &filings::settled(&workspace.state()));
        status.unused_todo();
        status.plugins_todo(workspace);
        status.next.sort_by_key(|todo| todo.exit);
        status.exit = status.next.first().map_or(0, |todo| todo.exit.code());
        Ok(status)
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
        for (subject, error) in refused {
            let Report { code, headline, next, .. } = error.report();
            let what = format!("{subject}: {headline}");
            self.next.push(Todo::new(Urgency::NeedsDoing, code, subject, what, next.as_str()));
        }
    }

    fn to_text(&self, workspace: &Workspace) -> String {
        let mut rows = vec![("Ambiente", self.environment_line())];
        rows.push(("Agenzia", workspace.channel()));
        rows.push(("Run in corso", self.runs.len().to_string()));
        rows.push(("Esito ignoto", self.in_doubt.len().to_string()));
        rows.push(("Ricevute da leggere", self.unread.len().to_string()));
        if !self.not_openable.is_empty() {
            rows.push(("Ricevute non apribili", self.not_openable.len().to_string()));
        }
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
}

/// The runs that are not over, and those that sent what the register has something to say of; `None` when
/// there is no journal.
fn journaled(
    workspace: &Workspace,
    register: &Register,
) -> Result<Option<(Vec<RunSummary>, Senders)>, Error> {
    let rows = register.rows.iter();
    let said = rows.filter(|row| row.by_person || (row.sent && row.stato == Stato::Scartato));
    let keys = said.filter_map(|row| row.key.as_deref());
    let keys = keys.chain(register.in_doubt.iter().map(|doubt| doubt.key.as_str()));
    let open = RunFilter { open: true, ..RunFilter::default() };
    Journal::look(&workspace.state(), |journal| {
        let runs = journal.runs(&open, Page::ALL)?.runs;
        Ok((runs, Senders::in_journal(journal, keys.clone())?))
    })
}
