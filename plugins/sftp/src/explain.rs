//! The wording of every error of this plugin: code, headline, expected, found, state, next.

use ceralacca_plugin_sdk::{Explain, Report};

use crate::error::SftpError;

impl Explain for SftpError {
    fn explain(&self) -> Report {
        use SftpError::*;
        let report = match self {
            HostKey { .. } | Login { .. } | Unreachable { .. } | Cut { .. } | Remote { .. } => {
                explain_server(self)
            }
            InDoubt { .. } | SupportName { .. } | AnotherDocument { .. } | State { .. } => {
                explain_records(self)
            }
            OutcomeNotVerified { .. }
            | OutcomeUnreadable { .. }
            | OutcomeOfAnother { .. }
            | NoAttachment { .. } => explain_outcome(self),
            _ => explain_before(self),
        };
        Report { exit: self.exit(), ..report }
    }
}

const NOTHING: &str = "nothing was delivered by this call";

fn explain_server(error: &SftpError) -> Report {
    let report = match error {
        SftpError::HostKey { server, expected, found } => Report::refused(
            "sftp.host_key",
            format!("{server} is not the server that is expected"),
        )
        .expected(format!("the key {}", expected.join(" or ")))
        .found(found)
        .next("ask whoever runs the server for its key; correct host_key only with the answer"),
        SftpError::Login { server, user, method, allowed } => {
            Report::refused("sftp.login", format!("{server} does not let {user} in"))
                .expected(format!("{method} that it accepts"))
                .found(format!("a refusal; it would accept: {allowed}"))
                .next("check user, identity and password with whoever runs the server")
        }
        SftpError::Unreachable { server, problem, .. } => {
            Report::refused("sftp.unreachable", format!("{server} is not reached"))
                .expected("an SSH server that answers in time")
                .found(problem)
                .next("check host, port and firewall, then run ceralacca resume")
        }
        SftpError::Cut { server, doing, problem, .. } => Report::refused(
            "sftp.cut",
            format!("the connection to {server} broke off while {doing}"),
        )
        .expected("an answer in time")
        .found(problem)
        .next("ceralacca resume, later"),
        SftpError::Remote { doing, path, answer } => {
            Report::refused("sftp.remote", format!("the server refuses {doing}"))
                .expected(format!("that {path} may be used so"))
                .found(answer)
                .next("check the folders in the settings with whoever runs the server")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.state(NOTHING)
}

fn explain_records(error: &SftpError) -> Report {
    match error {
        SftpError::InDoubt { support, problem, mark, .. } => Report::unknown(
            "sftp.in_doubt",
            format!("whether {support} was delivered is not known"),
        )
        .expected("the support, its outcome or its unfinished part on the server")
        .found(problem)
        .state(format!("{support} may or may not have been delivered"))
        .next(format!(
            "ceralacca resume, later; if the other side says that it never came, delete \
                     {mark} and resume: it is then sent under the same name"
        )),
        SftpError::SupportName { support } => Report::refused(
            "sftp.support_name",
            "every name for supports of this minute is taken".to_owned(),
        )
        .expected("a free number up to 999")
        .found(format!("{support} is taken too"))
        .state(NOTHING)
        .next("wait a minute, then run ceralacca resume"),
        SftpError::AnotherDocument { support, expected, found } => Report::refused(
            "sftp.another_document",
            format!("the key of this call already stands for the document in {support}"),
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {found}"))
        .state(NOTHING)
        .next("begin a new run for the other document"),
        SftpError::State { path, problem } => {
            Report::refused("sftp.state", format!("the record {path} cannot be used"))
                .expected("a file in the folder `state` that can be read and written")
                .found(problem)
                .state(NOTHING)
                .next("check that `write` grants the folder `state`, then run ceralacca resume")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_outcome(error: &SftpError) -> Report {
    let aside = |path: &str| format!("nothing of it was believed; it is kept in {path}");
    match error {
        SftpError::OutcomeNotVerified { outcome, path, problem } => {
            Report::refused("sftp.outcome_not_verified", format!("{outcome} cannot be trusted"))
                .expected("an outcome for our key, signed by one of `anchors`")
                .found(problem)
                .state(aside(path))
                .next("ask the other side who signs outcomes; correct anchors only with the answer")
        }
        SftpError::OutcomeUnreadable { outcome, path, problem } => {
            Report::refused("sftp.outcome_unreadable", format!("{outcome} makes no sense"))
                .expected("a zip with esito.json and the files that belong to it")
                .found(problem)
                .state(aside(path))
                .next("ask the other side for this outcome once more, then run ceralacca resume")
        }
        SftpError::OutcomeOfAnother { outcome, path, field, expected, found } => Report::refused(
            "sftp.outcome_of_another",
            format!("{outcome} is not the outcome of what was sent"),
        )
        .expected(format!("{field} {expected}"))
        .found(format!("{field} {found}"))
        .state(aside(path))
        .next("ask the other side for the outcome of this support, then run ceralacca resume"),
        SftpError::NoAttachment { protocollo, name, known } => Report::refused(
            "sftp.no_attachment",
            format!("the outcome of {protocollo} has no file {name}"),
        )
        .expected(match known.as_slice() {
            [] => "an outcome that has arrived".to_owned(),
            known => format!("one of {}", known.join(", ")),
        })
        .found(name)
        .state("nothing was changed")
        .next("ceralacca receipts lists what has arrived"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_before(error: &SftpError) -> Report {
    match error {
        SftpError::Settings { setting, problem } => Report::usage(
            "sftp.settings",
            format!("the setting `{setting}` of [plugins.sftp.settings] cannot be used"),
        )
        .found(problem)
        .state(NOTHING)
        .next(format!("correct `{setting}` in ceralacca.toml; `read` and `write` grant the files")),
        SftpError::Document { problem } => {
            Report::refused("sftp.document", "a document cannot go into a support")
                .expected("a plain file name and at most 10 MB")
                .found(problem)
                .state(NOTHING)
                .next("correct the name or the size of the document")
        }
        SftpError::SignerNotValid { subject, not_before, not_after, at } => Report::refused(
            "sftp.signer_not_valid",
            format!("the certificate of {subject} is not valid now"),
        )
        .expected(format!("{not_before} to {not_after}"))
        .found(at.to_string())
        .state(NOTHING)
        .next("name the node's current PKCS#12 in `signer`"),
        SftpError::NoKey { setting, purpose, found } => Report::usage(
            "sftp.no_key",
            format!("the PKCS#12 of `{setting}` has not one key that {purpose}"),
        )
        .expected("one")
        .found(found.to_string())
        .state(NOTHING)
        .next(format!("name another PKCS#12 in `{setting}`")),
        SftpError::NotOffered { what, instead } => {
            Report::refused("sftp.not_offered", format!("this channel does not offer {what}"))
                .expected("documents that are sent, and their outcomes")
                .found(what)
                .state("nothing was asked of anybody")
                .next(instead)
        }
        SftpError::Question { operation, problem } => Report::refused(
            "sftp.question",
            format!("{operation} was asked in a way that this plugin does not know"),
        )
        .found(problem)
        .state(NOTHING)
        .next("install the version of the plugin that belongs to this program"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
