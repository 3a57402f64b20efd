//! Every error has its own code and answers all questions.

use std::collections::BTreeSet;

use ceralacca_plugin_sdk::{Error, Exit, Timestamp, Value};

use crate::error::SftpError;

#[test]
fn every_variant_has_its_own_code_and_answers_all_questions() {
    let mut codes = BTreeSet::new();
    for error in one_of_each() {
        let shown = format!("{error:?}");
        let in_doubt = matches!(error, SftpError::InDoubt { .. });
        let error = Error::from(error);
        let report = error.report();
        assert!(codes.insert(report.code.clone()), "{} twice", report.code);
        assert!(report.code.starts_with("sftp."), "{shown}");
        assert!(report.found.is_some() && !report.next.is_empty(), "{shown}");
        assert!(!report.headline.ends_with('.') && !report.state.is_empty(), "{shown}");
        assert_eq!(report.exit == Exit::Unknown, in_doubt, "{shown}");
    }
    assert_eq!(codes.len(), 19);
}

#[test]
fn what_passes_says_so_in_its_fields() {
    let text = || "x".to_owned();
    let error = SftpError::Unreachable { server: text(), problem: text(), passing: true };
    let Value::Map(fields) = Error::from(error).report().fields.clone() else { panic!("a map") };
    assert_eq!(fields["passing"], Value::Bool(true));
}

fn one_of_each() -> Vec<SftpError> {
    use SftpError::*;
    let text = || "x".to_owned();
    let (server, problem, path, outcome) = (text, text, text, text);
    let (support, expected, found) = (text, text, text);
    let (at, passing) = (Timestamp::UNIX_EPOCH, true);
    vec![
        Settings { setting: text(), problem: problem() },
        HostKey { server: server(), expected: vec![text()], found: found() },
        Login { server: server(), user: text(), method: text(), allowed: text() },
        Unreachable { server: server(), problem: problem(), passing },
        Cut { server: server(), doing: text(), problem: problem(), passing },
        Remote { doing: text(), path: path(), answer: text() },
        InDoubt { support: support(), problem: problem(), mark: text(), passing },
        Document { problem: problem() },
        SignerNotValid { subject: text(), not_before: at, not_after: at, at },
        NoKey { setting: text(), purpose: text(), found: 0 },
        SupportName { support: support() },
        AnotherDocument { support: support(), expected: expected(), found: found() },
        State { path: path(), problem: problem() },
        OutcomeNotVerified { outcome: outcome(), path: path(), problem: problem() },
        OutcomeUnreadable { outcome: outcome(), path: path(), problem: problem() },
        OutcomeOfAnother {
            outcome: outcome(),
            path: path(),
            field: text(),
            expected: expected(),
            found: found(),
        },
        NoAttachment { protocollo: text(), name: text(), known: vec![] },
        NotOffered { what: text(), instead: text() },
        Question { operation: text(), problem: problem() },
    ]
}
