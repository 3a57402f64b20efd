//! The wording of what goes wrong when an environment is revoked.

use ceralacca_kernel::Report;

use crate::SubmissionError;
use crate::records::printable;
use crate::revocation_guard::listed;

pub(crate) fn explain_revocation(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        BustaForm { numero, tipo } => {
            Report::usage("agency.busta_form", "the number of the busta does not have its form")
                .expected("numero: letters and digits, at most 30; tipo: A, or up to 3 letters")
                .found(match (1..=30).contains(numero) && (1..=3).contains(tipo) {
                    true => "other characters than letters and digits".to_owned(),
                    false => format!("numero of {numero} characters, tipo of {tipo}"),
                })
                .state("nothing was revoked")
                .next("copy numero busta from the sheet with the credentials")
        }
        PinDiRevocaLost => Report::refused(
            "agency.pin_di_revoca_lost",
            "without the PIN di revoca nobody can revoke the environment from here",
        )
        .expected("the PIN di revoca that was chosen when the environment was set up")
        .found("that it is lost")
        .state("nothing was revoked; the environment stays in force")
        .next(
            "go to an office of the Agenzia delle Entrate and ask for the revocation, then run \
             setup_environment",
        ),
        UnreadReceipts { protocolli } => Report::refused(
            "agency.unread_receipts",
            match protocolli.len() {
                1 => "a receipt is unread, and the environment's key may be needed for it".to_owned(),
                count => format!(
                    "{count} receipts are unread, and the environment's key may be needed for them"
                ),
            },
        )
        .expected("every receipt that it opens to be open before it is revoked")
        .found(listed(protocolli))
        .state("nothing was revoked")
        .next(
            "ceralacca run collect_receipts, which opens them or says what each needs, then ceralacca \
             resume; where its keys are lost: ceralacca abandon RUN, then ceralacca run \
             recover_environment chiave_persa=yes",
        ),
        RevocationLate { requested_at, timeout_seconds, last } => Report::waiting(
            "agency.revocation_late",
            "the revocation has not come into force in time",
        )
        .expected(format!("that it is in force within {timeout_seconds} seconds"))
        .found(printable(last, 300))
        .state(format!("the revocation was asked for at {requested_at} and is queued"))
        .next("ceralacca resume, later; do not ask for it again"),
        other => explain_others(other),
    }
}

/// What other runs, or another subject's access, have to do with it.
fn explain_others(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        RevokedSince { run, numero_busta, in_force } => Report::refused(
            "agency.revoked_since",
            format!("run {run} has asked for the revocation of busta {numero_busta} since"),
        )
        .expected("the environment that was in force when this run began")
        .found(match in_force {
            true => format!("that run {run} has had it revoked: what is in force now is newer"),
            false => format!("that run {run} has asked for it"),
        })
        .state("this run has revoked nothing")
        .next(format!("ceralacca abandon RUN: it has nothing left to do; run {run} goes on")),
        RevocationOpen { run, numero_busta } => Report::refused(
            "agency.revocation_open",
            format!("run {run} has asked for the revocation of busta {numero_busta} already"),
        )
        .expected("no revocation of that busta under way")
        .found("one that is not in force yet")
        .state("nothing was asked for a second time; what was asked for before stands")
        .next(format!("ceralacca resume {run}, and ceralacca abandon RUN")),
        RevocationBusy { holder } => Report::refused(
            "agency.revocation_open",
            "another process is asking for a revocation at this moment",
        )
        .expected("one revocation at a time")
        .found(holder.clone())
        .state("this run has revoked nothing")
        .next("wait for that process, then ceralacca status"),
        OtherSubject { account, access } => Report::refused(
            "agency.other_subject",
            "the access to the portal is another subject's than the environment",
        )
        .expected(format!("access of {account}, or on_behalf_of it"))
        .found(format!("access of {}", printable(access, 60)))
        .state("nothing was revoked")
        .next("a run keeps its inputs: ceralacca abandon RUN, then start with the right utente"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}
