//! Tests of `explain.rs`: every variant has its own code and answers all four questions.

use std::collections::BTreeSet;

use ceralacca_kernel::Error;

use super::*;
use crate::error::MissingPart;
use crate::fixtures::moment;
use crate::key::Utilizzo;
use crate::request_outcome::PendingCase;

fn disk(condition: DiskCondition) -> KeystoreError {
    KeystoreError::Disk(DiskError {
        condition,
        doing: "writing".to_owned(),
        path: "/media/ambiente/UTEF.P12".to_owned(),
        on_disk: "the pending keys are safe in in-attesa".to_owned(),
        system: "as the system says".to_owned(),
    })
}

fn about_environments() -> Vec<KeystoreError> {
    use KeystoreError::*;
    let folder = || "/media/ambiente".to_owned();
    vec![
        disk(DiskCondition::ReadOnly),
        disk(DiskCondition::Full),
        disk(DiskCondition::Permission),
        disk(DiskCondition::Missing),
        disk(DiskCondition::Exists),
        disk(DiskCondition::Other),
        NotAnEnvironment { folder: folder(), missing: vec!["UTEC.P12".to_owned()] },
        Locked { folder: folder(), holder: "run 7, process 1".to_owned() },
        PendingRequest { folder: folder(), run: "7".to_owned(), case: PendingCase::Waiting },
        PasswordChange { folder: folder(), run: "7".to_owned(), unopened: None },
        NoRecipient { recipients: Vec::new(), environments: Vec::new() },
        PolicyInvalid { source: folder(), reason: "x".to_owned() },
        NoPendingKeys { folder: folder() },
        AlreadyComplete { folder: folder() },
    ]
}

fn about_containers() -> Vec<KeystoreError> {
    use KeystoreError::*;
    let container = || "UTEF.P12".to_owned();
    let text = || "x".to_owned();
    vec![
        WrongPassword { container: container(), upper_case_tried: true },
        Malformed { container: container(), reason: text() },
        UnsupportedAlgorithm { container: container(), algorithm: text(), part: MissingPart::Mac },
        WrongKey {
            container: container(),
            wanted: Utilizzo::Firma,
            why: crate::key_choice::WrongKey::Several,
            found: vec![text()],
        },
        TooCostly { container: container(), iterations: 2, limit: 1 },
        TooLarge { container: container(), limit: 1 },
        MissingEntry { container: container(), expected: text() },
        KeyMismatch { container: container(), key: text(), certificate: text() },
        ReadBack { file: container(), reason: text(), on_disk: text() },
        KeyGeneration,
        KeyRejected { container: Some(container()), reason: text() },
        Signing,
        Encoding { what: text() },
        CertificateMalformed { reason: text() },
    ]
}

fn about_exchange() -> Vec<KeystoreError> {
    use KeystoreError::*;
    let text = || "x".to_owned();
    let utilizzo = Utilizzo::Firma;
    vec![
        RequestCaUnusable { reason: text() },
        RequestSubject { limit: 64, length: 65 },
        RequestOtherSubject { identification: text() },
        RequestMalformed { part: text(), reason: text() },
        RequestKeySize { bits: 1024 },
        RequestUndecryptable,
        RequestSignature { part: text() },
        CertifInTruncated { expected_bytes: 2, found_bytes: 1 },
        CertifInPem { label: text() },
        CertifInTrailingBytes { expected_bytes: 1, found_bytes: 2 },
        CertifInMalformed { reason: text() },
        CertifInTooLarge { limit: 1, found_bytes: 2 },
        CertifInOtherRequest { pending: vec![text()], certified: vec![text()] },
        CertifInMissing { utilizzo, pending: text() },
        CertifInSwapped { firma_key_usage: text(), cifra_key_usage: text() },
        CertifInKeyUsage { utilizzo, key_usage: text() },
        CertifInKeySize { utilizzo, bits: 2048 },
        CertifInOtherCa { utilizzo, expected: vec![text()], found: text() },
        CertifInForged { utilizzo, issuer: text() },
        CertifInNotValid {
            utilizzo: None,
            not_before: moment(),
            not_after: moment(),
            at: moment(),
        },
        CertifInOtherSubject { expected: text(), found: text() },
        CertifInUnknown { path: text(), sha256: text(), length: 1, kind: text() },
    ]
}

#[test]
fn every_variant_answers_all_questions() {
    let all = [about_environments(), about_containers(), about_exchange()].concat();
    let mut codes = BTreeSet::new();
    for error in &all {
        let error = Error::from(error.clone());
        let report = error.report();
        assert!(codes.insert(report.code.clone()), "{} twice", report.code);
        assert_ne!(report.code, "keystore.internal", "{error}");
        assert!(!report.state.is_empty() && !report.next.is_empty(), "{error}");
        assert!(report.expected.is_some() || report.found.is_some(), "{error}");
        assert!(!report.headline.ends_with('.'), "{error}");
    }
    assert_eq!(codes.len(), 50);
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
        let report = KeystoreError::PendingRequest { folder, run, case }.explain();
        assert!(report.next.starts_with("ceralacca resume 7"), "{case:?}");
        assert_eq!(report.state.contains("error 88"), case == PendingCase::Waiting);
        assert!(seen.insert(report.state + &report.next), "{case:?}");
    }
}
