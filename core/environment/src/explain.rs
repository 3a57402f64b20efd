//! The wording of errors about the folder of an environment and its life.

use ceralacca_kernel::{Explain, Report};
use ceralacca_keystore::Utilizzo;
use jiff::Timestamp;

use crate::error::EnvironmentError;
use crate::folder::{CIFRA_ALIAS, FIRMA_ALIAS};
use crate::key_choice::WrongKey;
use crate::request_outcome::PendingCase;

impl Explain for EnvironmentError {
    fn explain(&self) -> Report {
        use EnvironmentError as E;
        match self {
            E::NotAnEnvironment { folder, missing } => not_an_environment(folder, missing),
            E::NoFolder { folder } => {
                Report::refused("environment.no_folder", format!("{folder} is not there"))
                    .expected("the folder of a security environment")
                    .found("no such folder")
                    .state("nothing was changed")
                    .next(
                        "insert its medium, or give the right folder; ceralacca environments \
                         lists those that were set aside",
                    )
            }
            E::Locked { folder, holder } => locked(folder, holder),
            E::PendingRequest { folder, run, case } => pending_request(folder, run, *case),
            E::NoPendingKeys { folder } => no_pending_keys(folder),
            E::AlreadyComplete { folder } => already_complete(folder),
            E::PasswordChange { folder, run, unopened } => {
                password_change(folder, run, unopened.as_deref())
            }
            E::NoRecipient { recipients, environments } => no_recipient(recipients, environments),
            E::WrongKey { container, wanted, why, found } => {
                wrong_key((container, *wanted), why, found)
            }
            E::CertifInUnknown { path, sha256, length, kind } => {
                certif_in_unknown(path, sha256, *length, kind)
            }
            E::ReadBack { file, reason, on_disk } => read_back(file, reason, on_disk),
            E::OtherAccount { folder, expected, found } => other_account(folder, expected, found),
            E::ChangedMeanwhile { folder, before, now } => changed_meanwhile(folder, before, now),
            E::MediumMissing { folder, account, at } => medium_missing(folder, account, *at),
            E::SameMedium { copy, why } => same_medium(copy, why),
            E::Keystore(error) => error.explain(),
        }
    }
}
fn not_an_environment(folder: &str, missing: &[String]) -> Report {
    Report::refused(
        "environment.not_found",
        format!("{folder} holds no complete security environment"),
    )
    .expected("UTEF.P12, UTEC.P12 and UTENTE.KS")
    .found(format!("{} missing", missing.join(", ")))
    .state(NOTHING)
    .next(
        "give the folder of the environment; if there never was one, run setup_environment; if it \
         is lost, recover_environment with chiave_persa=yes",
    )
}

fn locked(folder: &str, holder: &str) -> Report {
    Report::refused("environment.locked", format!("{folder} is in use"))
        .expected("no other process working on this environment")
        .found(holder)
        .state(NOTHING)
        .next("wait for that process, then run ceralacca resume")
}

fn no_pending_keys(folder: &str) -> Report {
    Report::refused(
        "environment.no_pending_keys",
        format!("{folder} holds no keys that wait for certificates"),
    )
    .expected("firma.p8 and cifra.p8 in in-attesa")
    .found("no such files")
    .state("nothing was imported")
    .next("give the folder where the request was generated")
}

fn already_complete(folder: &str) -> Report {
    Report::refused(
        "environment.already_complete",
        format!("{folder} already holds a complete environment"),
    )
    .expected("a folder made by environment::create")
    .found("UTENTE.KS is there")
    .state(NOTHING)
    .next("call environment::create first: it sets the old environment aside")
}

fn pending_request(folder: &str, run: &str, case: PendingCase) -> Report {
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

fn password_change(folder: &str, run: &str, unopened: Option<&str>) -> Report {
    Report::refused(
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
        "ceralacca resume {run}, or ceralacca run change_password, with the same two passwords; if \
         one is lost, recover_environment with chiave_persa=yes"
    ))
}

fn no_recipient(recipients: &[String], environments: &[String]) -> Report {
    Report::refused("keystore.no_recipient", "the sealed file is for none of the environments here")
        .expected(format!("a certificate of {}", listed(environments, "no environment")))
        .found(listed(recipients, "no recipient: it is not a CMS EnvelopedData"))
        .state("the file is kept as it was received; nothing was opened")
        .next(
            "put the environment of that certificate beside the current one, as a folder whose name \
             ends with _ and digits, or name it in the settings: environments_set_aside; then resume",
        )
}

fn wrong_key((container, wanted): (&str, Utilizzo), why: &WrongKey, found: &[String]) -> Report {
    let label = wanted.label();
    let use_of = match wanted {
        Utilizzo::Firma => "digitalSignature",
        Utilizzo::Cifra => "keyEncipherment",
    };
    let headline = match why {
        WrongKey::None => format!("{container} holds no key for {label}"),
        WrongKey::Several => format!("{container} holds several keys for {label}"),
        WrongKey::SwappedWith(other) => format!("{container} and {other} are swapped"),
        WrongKey::SameAs(other) => format!("{container} holds the same key as {other}"),
    };
    let next = match why {
        WrongKey::SwappedWith(other) => {
            format!("exchange the names of {container} and {other}; no key is lost")
        }
        WrongKey::Several => format!(
            "export the key in use alone, under the alias {}, with the program that made the file",
            match wanted {
                Utilizzo::Firma => FIRMA_ALIAS,
                Utilizzo::Cifra => CIFRA_ALIAS,
            }
        ),
        WrongKey::None | WrongKey::SameAs(_) => {
            format!("restore {container} from the copy of the environment")
        }
    };
    Report::refused("environment.wrong_key", headline)
        .expected(format!("one key whose certificate is for {label} ({use_of})"))
        .found(found.join("; "))
        .state("nothing was changed, signed or opened")
        .next(next)
}

fn certif_in_unknown(path: &str, sha256: &str, length: u64, kind: &str) -> Report {
    Report::refused("certif_in.unknown_format", format!("{path} is no CERTIF.IN"))
        .expected("a certs-only CMS in DER, as the receipt holds it")
        .found(format!("{kind}, {length} bytes, SHA-256 {sha256}"))
        .state("nothing was imported; the file is where it was")
        .next("fetch the receipt again in Ricerca ricevute, and give its CERTIF.IN")
}

fn read_back(file: &str, reason: &str, on_disk: &str) -> Report {
    Report::refused("environment.read_back", format!("{file} does not open after it was written"))
        .expected("the keys and certificates just written")
        .found(reason)
        .state(on_disk)
        .next("check the disk, then run ceralacca resume")
}

fn other_account(folder: &str, expected: &str, found: &str) -> Report {
    Report::refused(
        "environment.other_account",
        format!("{folder} holds the environment of another account"),
    )
    .expected(format!("the environment of {expected}"))
    .found(format!("that of {found}"))
    .state(NOTHING_REVOKED)
    .next("a run keeps its inputs: ceralacca abandon RUN, then start with the right folder")
}

fn changed_meanwhile(folder: &str, before: &[String], now: &[String]) -> Report {
    Report::refused(
        "environment.changed",
        format!("{folder} holds another environment than the one that was shown"),
    )
    .expected(format!("keys {}", listed(before, "none")))
    .found(format!("keys {}", listed(now, "none")))
    .state(NOTHING_REVOKED)
    .next("ceralacca abandon this run; start again only if that environment is to be revoked")
}

fn medium_missing(folder: &str, account: &str, at: Timestamp) -> Report {
    Report::refused(
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
    )
}

fn same_medium(copy: &str, why: &str) -> Report {
    Report::refused(
        "environment.no_second_medium",
        format!("{copy} is no second place for the environment"),
    )
    .expected("a folder on another medium, outside the environment")
    .found(why)
    .state("the environment itself is unchanged; nothing was copied")
    .next("insert the second medium and give a folder on it as copy")
}

fn listed(names: &[String], none: &str) -> String {
    match names {
        [] => none.to_owned(),
        _ => names.join("; "),
    }
}

const NOTHING: &str = "nothing was changed";
const NOTHING_REVOKED: &str = "nothing was revoked, nothing was changed";

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
