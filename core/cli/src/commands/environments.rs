//! `ceralacca environments`: the environment in use and those set aside, without any password.

use std::path::Path;

use ceralacca_environment::{
    EnvironmentHistory, EnvironmentSeen, EnvironmentSummary, PendingSummary,
};
use ceralacca_kernel::Error;
use ceralacca_keystore::{CertificateDetails, Finding};
use ceralacca_submission::Register;
use jiff::Timestamp;

use super::Context;
use super::certificates::{place, utilizzo, when};
use super::status::revoked;
use crate::output;
use crate::workspace::Workspace;

pub(super) fn carry_out(context: &Context, folder: Option<&Path>) -> Result<(), Error> {
    let (path, policy) = place(context, folder)?;
    // A folder that is named may be anywhere; what the workspace knows is of its own.
    let workspace = context.program.workspace_if_any()?;
    let own = workspace.filter(|workspace| path == workspace.environment());
    let history = match &own {
        Some(workspace) => workspace.environments()?,
        None => EnvironmentHistory::beside(&path)?,
    };
    let mut environments = history.summaries(Timestamp::now(), &policy);
    if let Some(workspace) = &own {
        say_what_is_revoked(workspace, &mut environments);
    }
    if context.json {
        output::json(&environments);
        return Ok(());
    }
    let rows: Vec<_> = environments.iter().flat_map(rows).collect();
    let headings =
        ["Ambiente", "Stato", "Nome", "Fine validità", "Validità", "Utilizzo", "Impronta"];
    output::text(&output::table(&headings, &rows));
    for environment in &environments {
        for note in notes(environment) {
            output::text(&format!("{}: {note}", name(environment)));
        }
    }
    for absent in history.absent() {
        output::text(&format!("{}: is not there; the settings name it", absent.display()));
    }
    Ok(())
}

fn say_what_is_revoked(workspace: &Workspace, environments: &mut [EnvironmentSummary]) {
    let Some(current) = environments.iter_mut().find(|one| one.current) else { return };
    let register = Register::read(&workspace.folders());
    let seen = EnvironmentSeen::read(&workspace.state(), &workspace.environment());
    let revoked = revoked(&register, Some(current), seen.as_ref()).map(|one| one.describe());
    if let Some(revoked) = revoked {
        current.note = Some(format!("it was {revoked}: ceralacca run setup_environment"));
    }
}

/// One line for each certificate, and one for an environment without any.
fn rows(environment: &EnvironmentSummary) -> Vec<Vec<String>> {
    let first = [name(environment), environment.state.label().to_owned()];
    let of = |one: &CertificateDetails| {
        vec![
            one.nome.clone(),
            when(&one.fine_validita),
            one.validita.label().to_owned(),
            utilizzo(one),
            format!("{}…", &one.key_fingerprint[..16.min(one.key_fingerprint.len())]),
        ]
    };
    let mut rest: Vec<Vec<String>> = environment.certificates.iter().map(of).collect();
    if rest.is_empty() {
        let nome = environment.pending.as_ref().and_then(|pending| pending.common_name.clone());
        rest.push(vec![nome.unwrap_or_default()]);
    }
    rest.into_iter().map(|rest| [&first[..], &rest].concat()).collect()
}

/// What the table has no column for.
pub(super) fn notes(environment: &EnvironmentSummary) -> Vec<String> {
    let mut notes: Vec<String> = environment.note.iter().cloned().collect();
    if environment.rejected {
        notes.push("its request was rejected: see rifiuto.txt in it".to_owned());
    } else if let Some(PendingSummary { run, requested, .. }) = &environment.pending {
        let what = if *requested { "a request waits for its answer" } else { "keys are generated" };
        notes.push(format!("{what} (run {run})"));
    }
    notes.extend(environment.doubts.iter().map(|doubt| doubt.what.clone()));
    if environment.needs_password {
        notes.push("its certificates are only shown with the password: certificates".to_owned());
    }
    let policy = environment.certificates.iter().flat_map(|one| &one.policy);
    let mut found: Vec<String> = policy.map(Finding::in_words).collect();
    found.dedup();
    notes.extend(found);
    notes
}

fn name(environment: &EnvironmentSummary) -> String {
    let path = Path::new(&environment.path);
    path.file_name().map_or_else(|| environment.path.clone(), |n| n.to_string_lossy().into_owned())
}
