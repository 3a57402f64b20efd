//! Tests of `explain.rs`: every variant has its own code and answers all four questions.

use std::collections::BTreeSet;

use ceralacca_kernel::{Error, Value};
use ceralacca_keystore::KeystoreError;

use super::*;
use crate::fixtures::moment;

fn every_variant() -> Vec<EnvironmentError> {
    use EnvironmentError::*;
    let folder = || "/media/ambiente".to_owned();
    let text = || "x".to_owned();
    vec![
        NotAnEnvironment { folder: folder(), missing: vec!["UTEC.P12".to_owned()] },
        NoFolder { folder: folder() },
        Locked { folder: folder(), holder: "run 7, process 1".to_owned() },
        PendingRequest { folder: folder(), run: "7".to_owned(), case: PendingCase::Waiting },
        PasswordChange { folder: folder(), run: "7".to_owned(), unopened: None },
        NoRecipient { recipients: Vec::new(), environments: Vec::new() },
        NoPendingKeys { folder: folder() },
        AlreadyComplete { folder: folder() },
        WrongKey {
            container: "UTEF.P12".to_owned(),
            wanted: Utilizzo::Firma,
            why: crate::key_choice::WrongKey::Several,
            found: vec![text()],
        },
        CertifInUnknown { path: text(), sha256: text(), length: 1, kind: text() },
        ReadBack { file: text(), reason: text(), on_disk: text() },
        OtherAccount { folder: folder(), expected: text(), found: text() },
        ChangedMeanwhile { folder: folder(), before: vec![text()], now: Vec::new() },
        MediumMissing { folder: folder(), account: text(), at: moment() },
        SameMedium { copy: folder(), why: text() },
        Keystore(KeystoreError::TooLarge { container: text(), limit: 1 }),
    ]
}

#[test]
fn every_variant_answers_all_questions() {
    let mut codes = BTreeSet::new();
    for error in every_variant() {
        let error = Error::from(error);
        let report = error.report();
        assert!(codes.insert(report.code.clone()), "{} twice", report.code);
        assert!(!report.state.is_empty() && !report.next.is_empty(), "{error}");
        assert!(report.expected.is_some() || report.found.is_some(), "{error}");
        assert!(!report.headline.ends_with('.'), "{error}");
    }
    assert_eq!(codes.len(), 16);
}

#[test]
fn what_the_keystore_says_is_said_with_the_same_fields() {
    let lower = KeystoreError::TooLarge { container: "UTEF.P12".to_owned(), limit: 1 };
    let error = Error::from(EnvironmentError::from(lower.clone()));
    assert_eq!(error, Error::from(lower));
    assert!(matches!(&error.report().fields, Value::Map(fields) if fields.len() == 2));
}

#[test]
fn each_case_of_a_pending_request_has_its_next_step() {
    let mut seen = BTreeSet::new();
    for case in [
        PendingCase::NotRequested,
        PendingCase::NeverSent,
        PendingCase::Waiting,
        PendingCase::Accepted,
    ] {
        let (folder, run) = ("/media/ambiente".to_owned(), "7".to_owned());
        let report = EnvironmentError::PendingRequest { folder, run, case }.explain();
        assert!(report.next.starts_with("ceralacca resume 7"), "{case:?}");
        assert_eq!(report.state.contains("error 88"), case == PendingCase::Waiting);
        assert!(seen.insert(report.state + &report.next), "{case:?}");
    }
}
