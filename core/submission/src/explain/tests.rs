//! Every error of this crate has its own code and answers all questions.

use std::collections::BTreeSet;

use ceralacca_kernel::Error;

use super::*;
use crate::{NotOpened, Protocollo};

#[test]
fn every_variant_has_its_own_code_and_answers_all_questions() {
    let mut codes = BTreeSet::new();
    for error in before_sending().into_iter().chain(afterwards()).chain(sealed()).chain(revoking())
    {
        let shown = format!("{error:?}");
        let error = Error::from(error);
        let report = error.report();
        assert!(codes.insert(report.code.clone()), "{} twice", report.code);
        assert!(report.found.is_some() && !report.next.is_empty(), "{shown}");
        assert!(!report.headline.ends_with('.') && !report.state.is_empty(), "{shown}");
    }
    assert_eq!(codes.len(), 39);
}

fn before_sending() -> Vec<SubmissionError> {
    use SubmissionError::*;
    let text = || "x".to_owned();
    vec![
        DocumentUnreadable { path: text(), system: text() },
        DocumentChanged { path: text(), expected: text(), found: text() },
        DocumentTooLarge { path: text(), limit: 1 },
        DocumentName { length: 1 },
        AnotherDocument { document: text(), attempted_sha256: text(), sha256: text() },
        NotStored { path: text(), system: text() },
        Timeout { text: text() },
        Utente { length: 0 },
        NoCaCertificate,
        PinForm { length: 1 },
        CaNotPinned { expected: text(), found: vec![text()] },
    ]
}

fn afterwards() -> Vec<SubmissionError> {
    use SubmissionError::*;
    let text = || "x".to_owned();
    let protocollo = Protocollo::parse("26112100000000001").unwrap();
    let number = || protocollo.clone();
    vec![
        AcknowledgementNotKept { protocollo: number(), path: text(), system: text() },
        AnswerForAnother {
            document: text(),
            protocollo: number(),
            expected: text(),
            found: text(),
        },
        StillUnknown { document: text(), why: text() },
        ReceiptLate { protocollo: number(), timeout_seconds: 1, last: text() },
        ReceiptOfAnother {
            protocollo: number(),
            expected: text(),
            found_protocollo: number(),
            found: text(),
        },
        Rejected { protocollo: number(), code: text(), text: text() },
        Annulled { protocollo: number(), by: Some(number()) },
        NotProcessed { protocollo: number() },
        NoSuchAttachment { protocollo: number(), name: text(), known: Vec::new() },
        AttachmentName { protocollo: number() },
        AttachmentDamaged {
            protocollo: number(),
            name: text(),
            expected: text(),
            expected_length: 1,
            found: text(),
            found_length: 2,
        },
        AttachmentNotSaved { protocollo: number(), path: text(), system: text() },
    ]
}

fn sealed() -> Vec<SubmissionError> {
    use SubmissionError::*;
    let text = || "x".to_owned();
    let number = || Protocollo::parse("26112100000000001").unwrap();
    let time = jiff::Timestamp::UNIX_EPOCH;
    vec![
        SealTooLarge { path: text(), length: 2, limit: 1, checked: true },
        SealNotValid { common_name: text(), not_before: time, not_after: time, at: time },
        SealOtherCa { issuer: text(), serial: text(), found: vec![text()] },
        SealCaKey { subject: text(), bits: 1024 },
        ReceiptUndecryptable {
            protocollo: number(),
            path: text(),
            recipients: vec![text()],
            environments: vec![text()],
        },
        ReceiptOpaque {
            protocollo: number(),
            path: text(),
            sha256: text(),
            length: 1,
            run: Some(text()),
        },
        ReceiptAlgorithm {
            protocollo: number(),
            path: text(),
            algorithm: text(),
            ambiente: text(),
        },
        ReceiptSealed { protocollo: number() },
        NotAllOpened {
            opened: 1,
            not_opened: vec![NotOpened {
                protocollo: number(),
                code: text(),
                reason: text(),
                next: text(),
            }],
        },
        ReceiptSignature { protocollo: number(), path: text(), problem: text() },
        ReceiptMalformed { protocollo: number(), path: text(), reason: text() },
        ReceiptOfAnotherSend {
            protocollo: number(),
            field: text(),
            expected: text(),
            found: text(),
        },
    ]
}

fn revoking() -> Vec<SubmissionError> {
    use SubmissionError::*;
    let number = || Protocollo::parse("26112100000000001").unwrap();
    vec![
        BustaForm { numero: 0, tipo: 1 },
        PinDiRevocaLost,
        UnreadReceipts { protocolli: vec![number()] },
        RevocationLate {
            requested_at: jiff::Timestamp::UNIX_EPOCH,
            timeout_seconds: 1,
            last: "x".to_owned(),
        },
    ]
}
