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
                1 => "a receipt is unread, and only this environment opens it".to_owned(),
                count => {
                    format!("{count} receipts are unread, and only this environment opens them")
                }
            },
        )
        .expected("every receipt opened before the environment is revoked")
        .found(listed(protocolli))
        .state("nothing was revoked")
        .next(
            "ceralacca run collect_receipts, then ceralacca resume; only where the keys are lost, \
             start again with chiave_persa",
        ),
        RevocationLate { requested_at, timeout_seconds, last } => Report::waiting(
            "agency.revocation_late",
            "the revocation has not come into force in time",
        )
        .expected(format!("that it is in force within {timeout_seconds} seconds"))
        .found(printable(last, 300))
        .state(format!("the revocation was asked for at {requested_at} and is queued"))
        .next("ceralacca resume, later; do not ask for it again"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}
