//! Tests of `explain.rs`: every variant has its own code and answers all four questions.

use std::collections::BTreeSet;

use ceralacca_kernel::Error;

use super::*;
use crate::error::MissingPart;
use crate::fixtures::moment;
use crate::key::Utilizzo;

fn disk(condition: DiskCondition) -> KeystoreError {
    KeystoreError::Disk(DiskError {
        condition,
        doing: "writing".to_owned(),
        path: "/media/ambiente/UTEF.P12".to_owned(),
        on_disk: "the pending keys are safe in in-attesa".to_owned(),
        system: "as the system says".to_owned(),
    })
}

fn about_disks() -> Vec<KeystoreError> {
    use KeystoreError::*;
    vec![
        disk(DiskCondition::ReadOnly),
        disk(DiskCondition::Full),
        disk(DiskCondition::Permission),
        disk(DiskCondition::Missing),
        disk(DiskCondition::Exists),
        disk(DiskCondition::NotAFile),
        disk(DiskCondition::Other),
        PolicyInvalid { source: "norme.toml".to_owned(), reason: "x".to_owned() },
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
        TooCostly { container: container(), iterations: 2, limit: 1 },
        TooLarge { container: container(), limit: 1 },
        MissingEntry { container: container(), expected: text() },
        KeyMismatch { container: container(), key: text(), certificate: text() },
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
    ]
}

#[test]
fn every_variant_answers_all_questions() {
    let all = [about_disks(), about_containers(), about_exchange()].concat();
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
    assert_eq!(codes.len(), 41);
}
