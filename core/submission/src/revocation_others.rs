//! Other runs that asked for the same revocation: a busta revokes whatever is in force now.
//!
//! A run that stopped before its revocation may be resumed long after another one has set up the
//! successor. The order of the runs decides, and no clock.

use std::fs;

use ceralacca_identity::{Account, CodiceFiscale};
use ceralacca_kernel::lock::{FileLock, LockError};
use ceralacca_kernel::{Call, Error, Exit, Folders, document_archive};

use crate::outbox::{not_stored, read_at_most};
use crate::revocation::REVOCATIONS;
use crate::{Access, Busta, PortalId, RevocationMark, SendChannel, SubmissionError};

/// Lets one run at a time ask, until the result is dropped.
pub(crate) fn alone(call: &Call<'_>) -> Result<FileLock, Error> {
    let state = &call.service::<Folders>()?.state;
    document_archive::create(state).map_err(not_stored(state))?;
    let path = state.join("revocations.lock");
    let holder = format!("run {}, process {}", call.run(), std::process::id());
    FileLock::acquire(&path, &holder).map_err(|error| match error {
        LockError::Held(holder) => SubmissionError::RevocationBusy { holder }.into(),
        LockError::Io(error) => not_stored(&path)(error),
    })
}

/// Refuses what a later run has asked for already, and what an earlier one is still asking for.
pub(crate) fn require_no_other(
    call: &Call<'_>,
    channel: &SendChannel,
    access: &Access,
    busta: &Busta,
) -> Result<(), Error> {
    let ours = call.run().0;
    for mark in marks(&*call.service::<Folders>()?) {
        let of_another = !mark.idempotency_key.starts_with(&format!("{}-", call.run_key()));
        if mark.busta != *busta || !of_another {
            continue;
        }
        let later = mark.run.parse().is_ok_and(|run: u64| run > ours);
        let answer = match mark.requested.clone() {
            Some(answer) if later || answer.effective_at.is_some() => Some(answer),
            _ => match channel.find_revocation(access, &mark.idempotency_key) {
                // It was never asked for.
                Ok(None) => continue,
                Ok(answer) => answer,
                Err(failure) if failure.error.exit() == Exit::Waiting => None,
                Err(failure) => return Err(failure.error),
            },
        };
        let in_force = answer.is_some_and(|answer| answer.effective_at.is_some());
        let (run, numero_busta) = (mark.run, mark.busta.numero);
        match (later, in_force) {
            (true, _) => {
                return Err(SubmissionError::RevokedSince { run, numero_busta, in_force }.into());
            }
            (false, false) => {
                return Err(SubmissionError::RevocationOpen { run, numero_busta }.into());
            }
            (false, true) => {}
        }
    }
    Ok(())
}

/// Refuses when the access to the portal is another subject's than the environment.
///
/// UNVERIFIED: that the user of the portal is a codice fiscale, alone or with its sede; a user of
/// another form says nothing.
pub(crate) fn require_same_subject(portal: &PortalId, account: &str) -> Result<(), Error> {
    let found = match &portal.on_behalf_of {
        Some(subject) => subject.common_name(),
        None => portal.utente.clone(),
    };
    let differs = match (Account::parse_joined(&found), CodiceFiscale::parse(&found)) {
        (Ok(whole), _) => whole.common_name() != account,
        (_, Ok(codice_fiscale)) => {
            account.split_once('-').map_or(account, |(first, _)| first)
                != codice_fiscale.to_string()
        }
        _ => false,
    };
    if differs {
        let account = account.to_owned();
        return Err(SubmissionError::OtherSubject { account, access: found }.into());
    }
    Ok(())
}

/// Whether the run with this key has asked for a revocation, and it is in force.
pub fn revoked_by(folders: &Folders, run_key: &str) -> bool {
    let of_run = format!("{run_key}-");
    marks(folders).iter().any(|mark| {
        let in_force = mark.requested.as_ref().is_some_and(|one| one.effective_at.is_some());
        in_force && mark.idempotency_key.starts_with(&of_run)
    })
}

/// The marks that can be read.
fn marks(folders: &Folders) -> Vec<RevocationMark> {
    let entries = fs::read_dir(folders.state.join(REVOCATIONS)).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let json = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    json.filter_map(|path| serde_json::from_slice(&read_at_most(&path, 64 << 10).ok()?).ok())
        .collect()
}
