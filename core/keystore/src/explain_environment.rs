//! The wording of errors about the folder of an environment and its life.

use ceralacca_kernel::Report;

use crate::error::KeystoreError;
use crate::explain::unreachable_wording;
use crate::request_outcome::PendingCase;

/// Explains an error about a folder.
pub(crate) fn explain(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    match error {
        E::NotAnEnvironment { folder, missing } => Report::refused(
            "environment.not_found",
            format!("{folder} holds no complete security environment"),
        )
        .expected("UTEF.P12, UTEC.P12 and UTENTE.KS")
        .found(format!("{} missing", missing.join(", ")))
        .state("nothing was changed")
        .next(
            "give the folder of the environment; if there never was one, run setup_environment; if \
             it is lost, recover_environment with chiave_persa=yes",
        ),
        E::Locked { folder, holder } => {
            Report::refused("environment.locked", format!("{folder} is in use"))
                .expected("no other process working on this environment")
                .found(holder.clone())
                .state("nothing was changed")
                .next("wait for that process, then run ceralacca resume")
        }
        E::PendingRequest { folder, run, case } => explain_pending(folder, run, *case),
        E::NoPendingKeys { folder } => Report::refused(
            "environment.no_pending_keys",
            format!("{folder} holds no keys that wait for certificates"),
        )
        .expected("firma.p8 and cifra.p8 in in-attesa")
        .found("no such files")
        .state("nothing was imported")
        .next("give the folder where the request was generated"),
        E::AlreadyComplete { folder } => Report::refused(
            "environment.already_complete",
            format!("{folder} already holds a complete environment"),
        )
        .expected("a folder made by environment::create")
        .found("UTENTE.KS is there")
        .state("nothing was changed")
        .next("call environment::create first: it sets the old environment aside"),
        other => explain_life(other),
    }
}

fn explain_pending(folder: &str, run: &str, case: PendingCase) -> Report {
    let keys = format!("keys made by run {run}, in {folder}/in-attesa");
    let (found, state, next) = match case {
        PendingCase::NotRequested => (
            format!("{keys}; it made no request for them yet"),
            "nothing of that run is with the Agency",
            format!(
                "ceralacca resume {run}; to give those keys up, ceralacca abandon {run}, then this \
                 again"
            ),
        ),
        PendingCase::NeverSent => (
            format!("{keys}; its req.ccc was not sent"),
            "that request was not sent from here",
            format!(
                "ceralacca resume {run}, or send its req.ccc by hand; to give those keys up, \
                 ceralacca abandon {run}, then this again"
            ),
        ),
        PendingCase::Waiting => (
            keys,
            "the request of that run may be with the Agency: new keys would orphan it (error 88)",
            format!(
                "ceralacca resume {run}; where a person uploads and the Agency rejected it: ceralacca \
                 confirm {run} --rejected MOTIVO, then this again"
            ),
        ),
        PendingCase::Accepted => (
            format!("{keys}; its CERTIF.IN has arrived"),
            "the Agency has certified those keys: new ones would orphan them",
            format!(
                "ceralacca resume {run}, or import its CERTIF.IN with import_certificates; if their \
                 password is lost, recover_environment with chiave_persa=yes"
            ),
        ),
    };
    Report::refused(
        "environment.pending_request",
        format!("{folder} holds the keys of a request that is still open"),
    )
    .expected("an empty folder, a complete environment, or keys of this run")
    .found(found)
    .state(format!("nothing was changed; {state}"))
    .next(next)
}

fn explain_life(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let nothing = "nothing was changed";
    match error {
        E::PasswordChange { folder, run, unopened } => Report::refused(
            "environment.password_change",
            format!("the password of {folder} is being changed by run {run}"),
        )
        .expected("an environment whose files all have one password")
        .found(match unopened {
            Some(file) => format!("{file} opens with neither of the two passwords"),
            None => "cambio-password.json: some files may have the new password already".to_owned(),
        })
        .state("each file opens with the old or with the new password; no key is lost")
        .next(format!(
            "ceralacca resume {run}, or ceralacca run change_password, with the same two passwords; \
             if one is lost, recover_environment with chiave_persa=yes"
        )),
        E::OtherAccount { .. }
        | E::ChangedMeanwhile { .. }
        | E::MediumMissing { .. }
        | E::SameMedium { .. } => explain_other(error),
        E::NoRecipient { recipients, environments } => Report::refused(
            "keystore.no_recipient",
            "the sealed file is for none of the environments here",
        )
        .expected(format!("a certificate of {}", listed(environments, "no environment")))
        .found(listed(recipients, "no recipient: it is not a CMS EnvelopedData"))
        .state("the file is kept as it was received; nothing was opened")
        .next(
            "put the environment of that certificate beside the current one, as a folder whose name \
             ends with _ and digits, or name it in the settings: environments_set_aside; then resume",
        ),
        E::CertifInUnknown { path, sha256, length, kind } => {
            Report::refused("certif_in.unknown_format", format!("{path} is no CERTIF.IN"))
                .expected("a certs-only CMS in DER, as the receipt holds it")
                .found(format!("{kind}, {length} bytes, SHA-256 {sha256}"))
                .state("nothing was imported; the file is where it was")
                .next("fetch the receipt again in Ricerca ricevute, and give its CERTIF.IN")
        }
        E::PolicyInvalid { source, reason } => {
            Report::usage("policy.invalid", format!("the rules in {source} cannot be used"))
                .expected("TOML of the form of norme.toml")
                .found(reason.clone())
                .state(nothing)
                .next("correct the file, or leave the setting out")
        }
        other => unreachable_wording(other),
    }
}

/// Another account, other keys or another medium than the operator means.
fn explain_other(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let nothing = "nothing was revoked, nothing was changed";
    match error {
        E::OtherAccount { folder, expected, found } => Report::refused(
            "environment.other_account",
            format!("{folder} holds the environment of another account"),
        )
        .expected(format!("the environment of {expected}"))
        .found(format!("that of {found}"))
        .state(nothing)
        .next("a run keeps its inputs: ceralacca abandon RUN, then start with the right folder"),
        E::ChangedMeanwhile { folder, before, now } => Report::refused(
            "environment.changed",
            format!("{folder} holds another environment than the one that was shown"),
        )
        .expected(format!("keys {}", listed(before, "none")))
        .found(format!("keys {}", listed(now, "none")))
        .state(nothing)
        .next("ceralacca abandon this run; start again only if that environment is to be revoked"),
        E::MediumMissing { folder, account, at } => Report::refused(
            "environment.medium_missing",
            format!("the medium of {folder} does not seem to be inserted"),
        )
        .expected(format!("another disk than the workspace's, as when {account} was seen at {at}"))
        .found("a folder on the workspace's own disk")
        .state("nothing was created, no key was generated")
        .next(
            "insert the medium (if it is lost, a new one in its place), then ceralacca resume; for \
             another place, abandon the run and start again with another folder, or with \
             setup_environment where the run has revoked already",
        ),
        E::SameMedium { copy, why } => Report::refused(
            "environment.no_second_medium",
            format!("{copy} is no second place for the environment"),
        )
        .expected("a folder on another medium, outside the environment")
        .found(why.clone())
        .state("the environment itself is unchanged; nothing was copied")
        .next("insert the second medium and give a folder on it as copy"),
        other => unreachable_wording(other),
    }
}

fn listed(names: &[String], none: &str) -> String {
    match names {
        [] => none.to_owned(),
        _ => names.join("; "),
    }
}
