//! The environment in use: whether it is there, whole, valid, not revoked, and what it was before.

use std::collections::BTreeSet;
use std::path::Path;

use ceralacca_environment::{EnvironmentSeen, EnvironmentState, EnvironmentSummary};
use ceralacca_hand_off::State;
use ceralacca_kernel::Error;
use ceralacca_keystore::{DiskCondition, KeystoreError, Policy};
use ceralacca_submission::{Register, RevocationMark, Stato};
use jiff::Timestamp;

use super::Status;
use super::todo::{Todo, Urgency};
use crate::commands::runs::local;
use crate::workspace::Workspace;

/// The environments as far as they can be looked at; why not is something to do.
pub(super) fn summaries(
    workspace: &Workspace,
    at: Timestamp,
    policy: &Policy,
    next: &mut Vec<Todo>,
) -> Vec<EnvironmentSummary> {
    match workspace.environments() {
        Ok(history) => history.summaries(at, policy),
        // A medium that is not there; what is remembered of it says more.
        Err(KeystoreError::Disk(disk)) if disk.condition == DiskCondition::Missing => Vec::new(),
        Err(error) => {
            let error = Error::from(error);
            next.push(Todo::could_not_look("environment", error.report()));
            Vec::new()
        }
    }
}

/// A revocation that is in force, and has no successor yet.
pub(in crate::commands) struct Revoked<'a> {
    mark: &'a RevocationMark,
    since: Timestamp,
}

impl Revoked<'_> {
    /// `revoked on 22/11/2026 09:12:44 (busta 1234567890)`.
    pub(in crate::commands) fn describe(&self) -> String {
        format!("revoked on {} (busta {})", local(self.since), self.mark.busta.numero)
    }
}

/// The last revocation in force that no environment has followed.
pub(in crate::commands) fn revoked<'a>(
    register: &'a Register,
    current: Option<&EnvironmentSummary>,
    seen: Option<&EnvironmentSeen>,
) -> Option<Revoked<'a>> {
    let in_force = register.revocations.iter().rev().filter_map(|mark| {
        let since = effective_at(register, mark)?;
        Some(Revoked { mark, since })
    });
    in_force.into_iter().find(|one| !has_successor(register, one.mark, current, seen))
}

fn effective_at(register: &Register, mark: &RevocationMark) -> Option<Timestamp> {
    let answered = mark.requested.as_ref().and_then(|answer| answer.effective_at);
    let by_hand = register.hand_overs.iter().find(|one| one.key == mark.idempotency_key);
    answered.or_else(|| match by_hand.map(|one| &one.state) {
        Some(State::InForce { since, .. }) => Some(*since),
        _ => None,
    })
}

/// Whether there is an environment that is not the revoked one.
fn has_successor(
    register: &Register,
    mark: &RevocationMark,
    current: Option<&EnvironmentSummary>,
    seen: Option<&EnvironmentSeen>,
) -> bool {
    let certificates = current.map_or(&[][..], |current| &current.certificates);
    if !mark.fingerprints.is_empty() && !certificates.is_empty() {
        return !certificates.iter().any(|one| mark.fingerprints.contains(&one.key_fingerprint));
    }
    let later = |text: &str| text.parse::<Timestamp>().is_ok_and(|begin| begin > mark.at);
    let certified = register.rows.iter().any(|row| {
        row.tipo_documento == "PKS10" && row.stato == Stato::Elaborato && row.data_invio > mark.at
    });
    certified
        || certificates.iter().any(|one| later(&one.inizio_validita))
        || seen.and_then(|seen| seen.since).is_some_and(|since| since > mark.at)
}

impl Status {
    /// Revocations that nobody knows the end of, and one that has no successor.
    pub(super) fn revocation_todo(&mut self, register: &Register, seen: Option<&EnvironmentSeen>) {
        let open: BTreeSet<String> = self.runs.iter().map(|run| run.run.to_string()).collect();
        let is_open = |mark: &RevocationMark| open.contains(&mark.run);
        let by_hand = |mark: &RevocationMark| {
            register.hand_overs.iter().any(|one| one.key == mark.idempotency_key)
        };
        let mut found = Vec::new();
        // An open run says it better.
        for mark in register.revocations.iter().filter(|mark| !is_open(mark)) {
            let busta = mark.busta.numero.as_str();
            let asked = local(mark.at);
            if mark.requested.is_none() && !by_hand(mark) {
                let what = format!(
                    "the revocation for busta {busta}, run {}, {asked}: nobody knows whether it was \
                     asked for",
                    mark.run
                );
                let next = "ask at the portal or at an office whether the environment is revoked";
                let exit = Urgency::OutcomeUnknown;
                found.push(Todo::new(exit, "revocation.in_doubt", busta, what, next));
            } else if mark.requested.is_some()
                && effective_at(register, mark).is_none()
                && !has_successor(register, mark, self.environment.as_ref(), seen)
            {
                let what = format!(
                    "the revocation for busta {busta} was asked for on {asked}; whether it is in \
                     force was not seen here, and run {} is over",
                    mark.run
                );
                let next = "when the portal shows it: ceralacca run setup_environment";
                let exit = Urgency::NeedsDoing;
                found.push(Todo::new(exit, "revocation.not_in_force", busta, what, next));
            }
        }
        let revoked = revoked(register, self.environment.as_ref(), seen);
        if let Some(revoked) = &revoked {
            self.revoked = Some(revoked.describe());
            if !is_open(revoked.mark) {
                let what = format!("the security environment was {}", revoked.describe());
                let next = "ceralacca run setup_environment";
                let busta = revoked.mark.busta.numero.as_str();
                let exit = Urgency::NeedsDoing;
                found.push(Todo::new(exit, "environment.revoked", busta, what, next));
            }
        }
        self.next.extend(found);
    }

    pub(super) fn environment_todo(&mut self, folder: &Path, seen: Option<&EnvironmentSeen>) {
        // What is revoked needs neither renewing nor restoring.
        if self.revoked.is_some() {
            return;
        }
        let Some(environment) = &self.environment else {
            let path = folder.display().to_string();
            let looked = self.next.iter().all(|todo| todo.subject != "environment");
            return self.next.extend(looked.then(|| missing(path, seen)));
        };
        let path = environment.path.clone();
        let mut found: Vec<Todo> = environment
            .doubts
            .iter()
            .map(|doubt| {
                let what = format!("the environment {path}: {}", doubt.what);
                let next = "ceralacca certificates opens it with its password, and says what it is";
                Todo::new(Urgency::NeedsDoing, &doubt.code, path.clone(), what, next)
            })
            .collect();
        found.extend(validity(environment));
        self.next.extend(found);
    }

    pub(super) fn environment_line(&self) -> String {
        let Some(environment) = &self.environment else {
            let revoked = self.revoked.as_ref().map(|revoked| format!(": {revoked}"));
            return format!("nessuno{}", revoked.unwrap_or_default());
        };
        let mut line = format!("{}: {}", environment.path, environment.state.label());
        if let Some(one) = environment.certificates.first() {
            line.push_str(&format!(", {}", one.nome));
        }
        let is_pending = environment.state == EnvironmentState::InAttesa;
        if let Some(revoked) = &self.revoked {
            let whose = if is_pending { "; il precedente: " } else { ", REVOCATO: " };
            line.push_str(&format!("{whose}{revoked}"));
        } else if let Some(days) = environment.certificates.iter().map(|one| one.days_left).min() {
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

/// The environment is not there: which one it is, as far as that is remembered.
fn missing(path: String, seen: Option<&EnvironmentSeen>) -> Todo {
    let (what, next) = match seen {
        Some(seen) => {
            let end = seen.not_after.map(|end| format!(", valid until {}", local(end)));
            let what = format!(
                "the security environment of {} is not in {path}; it last opened on {}{}",
                seen.account,
                local(seen.at),
                end.unwrap_or_default()
            );
            (what, "insert its medium; if it is lost, ceralacca run recover_environment")
        }
        None => (
            "there is no security environment".to_owned(),
            "insert its medium; if it is lost, ceralacca run recover_environment; if there never \
             was one, ceralacca run setup_environment",
        ),
    };
    Todo::new(Urgency::NeedsDoing, "environment.missing", path, what, next)
}

fn validity(environment: &EnvironmentSummary) -> Option<Todo> {
    let renew = "ceralacca run renew_environment";
    let (code, what, next) = match environment.state {
        EnvironmentState::InAttesa => return None,
        EnvironmentState::Corrente | EnvironmentState::MessoDaParte => {
            let days = environment.certificates.iter().map(|one| one.days_left).min()?;
            let soon = environment.certificates.iter().any(|one| one.expires_soon);
            let policy = environment.certificates.iter().flat_map(|one| &one.policy).next();
            match policy {
                _ if days < 0 => {
                    let what = "the certificates have ended".to_owned();
                    ("environment.ended", what, "ceralacca run recover_environment")
                }
                Some(finding) => ("environment.policy", finding.in_words(), renew),
                None if soon => {
                    let what = format!("the certificates end in {days} days");
                    ("environment.ends_soon", what, renew)
                }
                None => return None,
            }
        }
        EnvironmentState::Incompleto | EnvironmentState::Illeggibile => {
            let note = environment.note.as_ref().map(|note| format!(": {note}"));
            let what = format!(
                "the environment {} is {}{}",
                environment.path,
                environment.state.label(),
                note.unwrap_or_default()
            );
            let code = match environment.state {
                EnvironmentState::Incompleto => "environment.incomplete",
                _ => "environment.unreadable",
            };
            (code, what, "restore its files from the copy of the environment")
        }
    };
    Some(Todo::new(Urgency::NeedsDoing, code, environment.path.clone(), what, next))
}
