//! The words of errors of the impronta that nobody can bring about from outside: races, other
//! programs' files that only hostile hands make, what the sandbox never answers. Made from variants.

use ceralacca::archive::{ArchiveError, Offender, Offenders, Trouble};
use ceralacca::inspect::InspectError;
use ceralacca::kernel::Error;
use ceralacca::sandbox::SandboxError;
use ceralacca::signing::{DigestAlgorithm, SigningError};
use ceralacca::submission::{Protocollo, SubmissionError};
use ceralacca::timestamp::TimestampError;
use ceralacca::xml::{Finding, Severity, XmlError};

use crate::stage::golden;

#[test]
fn words_of_what_only_races_and_strangers_bring_about() {
    let all = [races(), encoding(), strangers(), agency(), callers()];
    let mut count = 0;
    for error in all.into_iter().flatten() {
        count += 1;
        let text = golden::steady(&format!("{error}\n"), &[]);
        golden::check(&format!("tests/errors/{}.txt", error.code()), &text);
    }
    crate::stage::say(&format!("{count} errors of the impronta are worded from their variants"));
}

/// What has to happen within a few milliseconds.
fn races() -> Vec<Error> {
    let changed = Offender { path: "03/fattura.xml".to_owned(), trouble: Trouble::Changed };
    let changed = Offenders { named: vec![changed], count: 1, others: 0 };
    vec![
        ArchiveError::Changed(changed).into(),
        SigningError::ContentLength { expected: 5000, found: 4096 }.into(),
    ]
}

/// Bugs of ours, by definition.
fn encoding() -> Vec<Error> {
    let what = || "TSTInfo".to_owned();
    vec![
        SigningError::Encoding { what: what() }.into(),
        TimestampError::Encoding { what: what() }.into(),
    ]
}

/// Marks and signatures that no authority and no program here makes.
fn strangers() -> Vec<Error> {
    let text = str::to_owned;
    let imprint = TimestampError::ImprintLength {
        algorithm: DigestAlgorithm::Sha256,
        expected: 32,
        found: 20,
    };
    let policy = TimestampError::OtherPolicy {
        expected: text("1.3.6.1.4.1.99999.3.1"),
        found: text("1.3.6.1.4.1.99999.3.2"),
    };
    vec![
        imprint.into(),
        policy.into(),
        TimestampError::NotOneSignature { path: text("indice.xml.p7m"), found: 2 }.into(),
        // The disk is full, or the folder closed, between the question and the answer.
        TimestampError::NotStored {
            path: text("impronte/1/indice.xml.p7m.tsr"),
            system: text("No space left on device (os error 28)"),
            answered: true,
        }
        .into(),
        TimestampError::OtherAlgorithm { algorithm: text("SHA-1") }.into(),
        XmlError::MarkAlgorithm { found: text("SHA-1") }.into(),
        SigningError::NotSignedData {
            file: text("indice.xml.p7m"),
            content_type: text("1.2.840.113549.1.7.3"),
        }
        .into(),
        SigningError::TooLarge {
            file: text("indice.xml.p7m"),
            part: text("certificates"),
            limit: 256,
        }
        .into(),
        InspectError::TooLarge {
            path: text("indice.xml.p7m.b64"),
            part: text("PEM or base64"),
            limit: 64 << 20,
        }
        .into(),
    ]
}

/// What the sandbox, as an Agency, does not do.
fn agency() -> Vec<Error> {
    let text = str::to_owned;
    let protocollo = || Protocollo::parse("26112100000000001").unwrap();
    let path = || text("ricezione/26112100000000001/26112100000000001.rcc");
    let at = |text: &str| text.parse().unwrap();
    [
        SubmissionError::SealCaKey { subject: text("CN=CA Agenzia delle Entrate"), bits: 1024 },
        SubmissionError::SealNotValid {
            common_name: text("RSSMRA85M01H501Q-000"),
            not_before: at("2023-11-21T09:00:00Z"),
            not_after: at("2026-11-21T09:00:00Z"),
            at: at("2026-12-01T10:00:00Z"),
        },
        SubmissionError::ReceiptSignature {
            protocollo: protocollo(),
            path: path(),
            problem: text("no to: Is the signature right?"),
        },
        SubmissionError::ReceiptMalformed {
            protocollo: protocollo(),
            path: path(),
            reason: text("line 3 has no colon"),
        },
        SubmissionError::ReceiptOfAnotherSend {
            protocollo: protocollo(),
            field: text("SHA-256"),
            expected: "0a".repeat(32),
            found: "0b".repeat(32),
        },
    ]
    .map(Error::from)
    .into()
}

/// What only programs that use the crates can ask for.
fn callers() -> Vec<Error> {
    let text = str::to_owned;
    let finding = Finding {
        severity: Severity::ScartoFornitura,
        code: text("struttura.missing"),
        text: text("Impronta is missing"),
        line: Some(2),
        column: Some(1),
        path: Some(text("/ComunicazioneImpronta")),
    };
    vec![
        // Inside a verdict it is one of the answers, and what is extracted has a note.
        InspectError::TooDeep { path: text("indice.xml.p7m"), limit: 8 }.into(),
        XmlError::NotACommunication { findings: vec![finding] }.into(),
        SigningError::MarkOfOtherSignature {
            file: text("indice.xml.p7m"),
            imprint: "0a".repeat(32),
            signatures: vec!["0b".repeat(32)],
        }
        .into(),
        SandboxError::SignerUnknown { serial: text("4a0b") }.into(),
    ]
}
