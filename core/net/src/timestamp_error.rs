//! What can go wrong with a timestamp authority behind HTTP, and its wording.
//!
//! Apart from `error.rs`: there the question is whether a document was delivered, here whether a
//! mark was counted.

use ceralacca_kernel::{Exit, Explain, Report};
use serde::Serialize;

use crate::timestamp::REPLY;

/// What can go wrong with an authority behind HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum TsaError {
    /// The settings cannot be used.
    Settings {
        /// Why not.
        reason: String,
    },
    /// User and password would travel in clear.
    PlainHttp {
        /// The authority's address.
        tsa: String,
    },
    /// The question did not arrive.
    Unreachable {
        /// The authority's address.
        tsa: String,
        /// Why not.
        reason: String,
    },
    /// The question may have arrived, and the answer did not.
    Interrupted {
        /// The authority's address.
        tsa: String,
        /// What happened.
        reason: String,
    },
    /// It does not know us.
    Denied {
        /// The authority's address.
        tsa: String,
        /// The user that was given.
        user: Option<String>,
        /// HTTP status.
        status: u16,
    },
    /// It refuses over HTTP.
    Refused {
        /// The authority's address.
        tsa: String,
        /// HTTP status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// What came is something else.
    NotAReply {
        /// The authority's address.
        tsa: String,
        /// Its media type.
        content_type: String,
    },
}

impl Explain for TsaError {
    fn explain(&self) -> Report {
        match self {
            TsaError::Settings { reason } => {
                Report::usage("tsa.settings", "the timestamp authority's setting cannot be used")
                    .expected("an address such as https://tsa.example.it/tsr")
                    .found(reason)
                    .state(NOTHING)
                    .next("correct the timestamp authority in ceralacca.toml, then ceralacca resume")
            }
            TsaError::PlainHttp { tsa } => Report::usage(
                "tsa.plain_http",
                format!("user and password would travel in clear to {tsa}"),
            )
            .expected("https://, or no user")
            .found("http:// on another machine, and a user")
            .state(NOTHING)
            .next(
                "give the timestamp authority with https:// in ceralacca.toml, then ceralacca resume",
            ),
            TsaError::Unreachable { tsa, reason } => {
                Report::refused("tsa.unreachable", format!("no question reached {tsa}"))
                    .expected("an answer")
                    .found(reason)
                    .state(NOTHING)
                    .next("check the connection and the address, then ceralacca resume")
            }
            TsaError::Interrupted { tsa, reason } => {
                let headline = format!("no answer of {tsa} arrived whole");
                Report { exit: Exit::Unknown, ..Report::refused("tsa.interrupted", headline) }
                    .expected("a TimeStampResp")
                    .found(reason)
                    .state("the authority may have counted a mark that did not arrive")
                    .next("ceralacca resume RUN asks again, which may cost another mark")
            }
            other => explain_refusal(other),
        }
    }
}

fn explain_refusal(error: &TsaError) -> Report {
    match error {
        TsaError::Denied { tsa, user, status } => {
            Report::refused("tsa.access_denied", format!("{tsa} does not accept us"))
                .expected("a user and password that it knows")
                .found(match user {
                    Some(user) => format!("user {user}, refused with status {status}"),
                    None => format!("no user, refused with status {status}"),
                })
                .state(NOTHING)
                .next(
                    "correct the user in ceralacca.toml if it is wrong, then ceralacca resume and \
                     give its password again",
                )
        }
        TsaError::Refused { tsa, status, text } => {
            Report::refused("tsa.refused", format!("{tsa} refused the question"))
                .expected("status 200")
                .found(format!("status {status}: {text}"))
                .state(NOTHING)
                .next(
                    "check the address of the timestamp authority in ceralacca.toml, then \
                     ceralacca resume",
                )
        }
        TsaError::NotAReply { tsa, content_type } => {
            let headline = format!("what came from {tsa} is no answer to a question for a mark");
            Report { exit: Exit::Unknown, ..Report::refused("tsa.not_a_reply", headline) }
                .expected(REPLY)
                .found(if content_type.is_empty() { "no type at all" } else { content_type })
                .state("the authority, if it was reached, may have counted a mark")
                .next("check the address of the timestamp authority, then ceralacca resume RUN")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

const NOTHING: &str = "no mark was made";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ceralacca_kernel::Error;

    use super::*;

    #[test]
    fn every_variant_has_its_own_code_and_answers_all_questions() {
        let text = || "x".to_owned();
        let all = [
            TsaError::Settings { reason: text() },
            TsaError::PlainHttp { tsa: text() },
            TsaError::Unreachable { tsa: text(), reason: text() },
            TsaError::Interrupted { tsa: text(), reason: text() },
            TsaError::Denied { tsa: text(), user: None, status: 401 },
            TsaError::Refused { tsa: text(), status: 404, text: text() },
            TsaError::NotAReply { tsa: text(), content_type: String::new() },
        ];
        let mut codes = BTreeSet::new();
        for error in all {
            let error = Error::from(error);
            let report = error.report();
            assert!(codes.insert(report.code.clone()), "{} twice", report.code);
            assert!(report.expected.is_some() && report.found.is_some(), "{error}");
            assert!(!report.state.is_empty(), "{error}");
            assert!(report.next.contains("ceralacca resume"), "it names no command: {error}");
        }
        assert_eq!(codes.len(), 7);
    }
}
