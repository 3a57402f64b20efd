//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::TimestampError;

impl Explain for TimestampError {
    fn explain(&self) -> Report {
        use TimestampError::*;
        match self {
            Malformed { .. } | TooLarge { .. } | OtherAlgorithm { .. } | ImprintLength { .. } => {
                explain_bytes(self)
            }
            Rejected { .. }
            | OtherNonce { .. }
            | OtherPolicy { .. }
            | Options { .. }
            | NotOneSignature { .. } => explain_answer(self),
            OtherImprint { .. } | NoEss | Future { .. } | Signature { .. } | Untrusted { .. } => {
                explain_mark(self)
            }
            _ => explain_files(self),
        }
    }
}

fn explain_bytes(error: &TimestampError) -> Report {
    use TimestampError as E;
    let report = match error {
        E::Malformed { what, reason } => {
            Report::refused("timestamp.malformed", format!("the {what} is not as RFC 3161 says"))
                .expected("a TimeStampResp (.tsr) or a TimeStampToken (.tst)")
                .found(reason)
        }
        E::TooLarge { limit, found } => {
            Report::refused("timestamp.too_large", "the mark is larger than any honest one")
                .expected(format!("at most {limit} bytes"))
                .found(format!("{found} bytes, or more"))
        }
        E::OtherAlgorithm { algorithm } => Report::refused(
            "timestamp.other_algorithm",
            "the imprint is under an algorithm that is not accepted",
        )
        .expected("SHA-256, SHA-384 or SHA-512")
        .found(algorithm),
        E::ImprintLength { algorithm, expected, found } => Report::refused(
            "timestamp.imprint_length",
            format!("the imprint is not a digest of {algorithm}"),
        )
        .expected(format!("{expected} bytes"))
        .found(format!("{found} bytes")),
        other => return internal(other),
    };
    report.state("nothing was taken from these bytes").next(
        "where an authority answered, ceralacca resume asks it again; where a file was named, name \
             the one that holds the mark",
    )
}

fn explain_answer(error: &TimestampError) -> Report {
    use TimestampError as E;
    match error {
        E::NotOneSignature { path, found } => Report::refused(
            "timestamp.not_one_signature",
            format!("{path} does not have the one signature that a mark goes into"),
        )
        .expected("one signature")
        .found(found.to_string())
        .state("no mark was asked for")
        .next("mark the whole file instead: timestamp::request(document)"),
        E::Rejected { status, failures, text } => {
            let failures = match failures.is_empty() {
                true => String::new(),
                false => format!(", {}", failures.join(", ")),
            };
            let text = if text.is_empty() { String::new() } else { format!(": {text}") };
            Report::refused("timestamp.rejected", "the timestamp authority refused the mark")
                .expected("status granted or grantedWithMods")
                .found(format!("{status}{failures}{text}"))
                .state("no mark was made")
                .next("correct what it names (digest, policy, account), then ceralacca resume")
        }
        E::OtherNonce { expected, found } => Report::refused(
            "timestamp.other_nonce",
            "the timestamp authority answered another question",
        )
        .expected(format!("nonce {expected}"))
        .found(found.as_ref().map_or("no nonce".to_owned(), |found| format!("nonce {found}")))
        .state(NOT_USED)
        .next("find out who stands between; then ceralacca resume asks for another mark"),
        E::OtherPolicy { expected, found } => Report::refused(
            "timestamp.other_policy",
            "the mark was made under another policy than was asked for",
        )
        .expected(expected)
        .found(found)
        .state(NOT_USED)
        .next("ask without a policy, or for one that this authority has"),
        E::Options { option, found, expected } => Report::usage(
            "timestamp.options",
            format!("the option `{option}` of timestamp::request has no such value"),
        )
        .expected(expected)
        .found(found)
        .state("no mark was asked for")
        .next("correct the workflow"),
        other => internal(other),
    }
}

fn explain_mark(error: &TimestampError) -> Report {
    use TimestampError as E;
    let report = match error {
        E::OtherImprint { document, expected, found } => Report::refused(
            "timestamp.other_imprint",
            format!("the mark does not cover {document}"),
        )
        .expected(expected)
        .found(found),
        E::NoEss => Report::refused(
            "timestamp.no_ess",
            "the mark does not say by which certificate it was signed",
        )
        .expected("the signed attribute signing-certificate or signing-certificate-v2")
        .found("neither, or one that names another certificate"),
        E::Future { gen_time, at } => {
            Report::refused("timestamp.future", "the mark is from a time that has not come")
                .expected(format!("at most 5 minutes after {at}"))
                .found(gen_time.to_string())
        }
        E::Signature { question, reason } => {
            Report::refused("timestamp.signature", "the mark is not soundly signed")
                .expected(format!("yes to: {question}"))
                .found(reason)
        }
        E::Untrusted { question, reason } => Report::refused(
            "timestamp.untrusted",
            "something speaks against the timestamp authority's certificate",
        )
        .expected(format!("yes to: {question}"))
        .found(reason),
        other => return internal(other),
    };
    report.state(NOT_USED).next("ask for another mark; ceralacca verify FILE shows every check")
}

fn explain_files(error: &TimestampError) -> Report {
    use TimestampError as E;
    match error {
        E::DocumentUnreadable { path, system } => {
            Report::refused("timestamp.document_unreadable", format!("{path} cannot be read"))
                .found(system)
                .state("no mark was asked for")
                .next("make the file readable, then ceralacca resume")
        }
        E::DocumentChanged { path, expected, found } => Report::refused(
            "timestamp.document_changed",
            format!("{path} is not the document that was made"),
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {found}"))
        .state("no mark was asked for")
        .next("put the document back as it was, or start a new run"),
        E::MarkUnreadable { path, system } => {
            Report::refused("timestamp.mark_unreadable", format!("{path} cannot be read"))
                .expected("a file with a mark")
                .found(system)
                .state("no mark was asked for; nothing was changed")
                .next("make the file readable, then ceralacca resume")
        }
        E::MarkChanged { path, expected, found } => {
            Report::refused("timestamp.mark_changed", format!("{path} is not the mark received"))
                .expected(format!("SHA-256 {expected}"))
                .found(format!("SHA-256 {found}"))
                .state("the mark was received earlier; nothing else has happened")
                .next("put the file back as it was, then ceralacca resume")
        }
        E::NotStored { path, system, answered } => {
            Report::refused("timestamp.not_stored", format!("{path} cannot be written"))
                .found(system)
                .state(match answered {
                    true => "the timestamp authority has answered and may have counted a mark",
                    false => "no mark was asked for",
                })
                .next("make room or make the folder writable, then ceralacca resume")
        }
        E::InTheWay { path, reason } => {
            Report::refused("timestamp.in_the_way", format!("{path} is no mark of the document"))
                .expected("no file, or a mark of this very document")
                .found(reason)
                .state("no mark was asked for; the file was left as it is")
                .next("move the file away, then ceralacca resume")
        }
        E::Encoding { what } => {
            Report::refused("timestamp.encoding", format!("a {what} could not be written"))
                .found("a part that is not DER")
                .state("nothing was written")
                .next("report this as a bug")
        }
        other => internal(other),
    }
}

/// Says so, instead of panicking, should a variant ever be sent to the wrong group above.
fn internal(error: &TimestampError) -> Report {
    Report::refused("timestamp.internal", format!("{error:?}"))
        .state("unknown to this message")
        .next("report this as a bug")
}

const NOT_USED: &str = "the mark was not used";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ceralacca_kernel::Error;
    use ceralacca_signing::DigestAlgorithm;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_variant_has_its_own_code_and_answers_all_questions() {
        let mut codes = BTreeSet::new();
        for error in one_of_each() {
            let shown = format!("{error:?}");
            let error = Error::from(error);
            let report = error.report();
            assert!(codes.insert(report.code.clone()), "{} twice", report.code);
            assert!(report.code != "timestamp.internal", "{shown}");
            assert!(report.found.is_some() && !report.next.is_empty(), "{shown}");
            assert!(!report.headline.ends_with('.') && !report.state.is_empty(), "{shown}");
        }
        assert_eq!(codes.len(), 21);
    }

    fn one_of_each() -> Vec<TimestampError> {
        use TimestampError::*;
        let text = || "x".to_owned();
        let at = Timestamp::UNIX_EPOCH;
        let algorithm = DigestAlgorithm::Sha256;
        vec![
            Malformed { what: text(), reason: text() },
            TooLarge { limit: 1, found: 2 },
            Rejected { status: text(), failures: vec![text()], text: text() },
            OtherAlgorithm { algorithm: text() },
            ImprintLength { algorithm, expected: 32, found: 20 },
            OtherImprint { document: text(), expected: text(), found: text() },
            OtherNonce { expected: text(), found: None },
            OtherPolicy { expected: text(), found: text() },
            NoEss,
            Future { gen_time: at, at },
            Signature { question: text(), reason: text() },
            Untrusted { question: text(), reason: text() },
            Encoding { what: text() },
            Options { option: text(), found: text(), expected: text() },
            DocumentUnreadable { path: text(), system: text() },
            DocumentChanged { path: text(), expected: text(), found: text() },
            MarkUnreadable { path: text(), system: text() },
            MarkChanged { path: text(), expected: text(), found: text() },
            NotStored { path: text(), system: text(), answered: true },
            NotOneSignature { path: text(), found: 2 },
            InTheWay { path: text(), reason: text() },
        ]
    }
}
