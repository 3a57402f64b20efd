//! Each error code of the program has its golden file, or stands in a list here with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ceralacca::environment::EnvironmentError;
use ceralacca::identity::Account;
use ceralacca::journal::JournalError;
use ceralacca::kernel::{Error, Registry};
use ceralacca::keystore::{KeystoreError, Utilizzo};
use ceralacca::net::NetError;
use ceralacca::sandbox::{Fault, NewAccount, Sandbox, SandboxError, Settings};
use ceralacca::submission::{Delivery, Protocollo, SubmissionError};

use crate::stage::golden;

/// Codes without a golden file, and why nobody outside can meet them.
const UNMET: [(&str, &str); 12] = [
    ("keystore.internal", "worded for a match arm that no variant reaches"),
    ("plugin.no_secret_in_test", "only in a hand-made host of the tests of core/plugin-host"),
    ("plugin.no_signer", "signer.no_device is said first, of the same list of plugins"),
    ("plugin.settings", "only a path of which the system makes no absolute one: it has no folder"),
    ("primitive.no_service", "a bug of ours: every service is offered; core/kernel/tests/run.rs"),
    ("primitive.panicked", "a bug of ours by definition; core/kernel/tests/run.rs"),
    ("primitive.result", "a bug of ours: results are plain data"),
    ("primitive.too_many_arguments", "both engines refuse first; core/kernel/tests/run.rs"),
    ("primitive.undeclared_touch", "a bug of ours by definition; core/kernel/tests/run.rs"),
    ("timestamp.internal", "worded for a match arm that no variant reaches"),
    ("script.engine_panicked", "a bug of an engine by definition; core/kernel/tests/run.rs"),
    (
        "workflow.undeclared_namespace",
        "no handle leads into another namespace yet; core/kernel/tests",
    ),
];

#[test]
fn every_code_has_its_golden_file() {
    let written: BTreeSet<String> = fs::read_dir(root().join("tests/errors"))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            Some(name.strip_suffix(".txt")?.to_owned())
        })
        .collect();
    let codes = codes();
    assert!(codes.len() > 150, "the search finds the codes: {}", codes.len());
    let is_of = |name: &str, code: &str| {
        name == code || name.strip_prefix(code).is_some_and(|rest| rest.starts_with('.'))
    };
    let unmet: BTreeMap<&str, &str> = UNMET.into_iter().collect();
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !written.iter().any(|name| is_of(name, code)))
        .filter(|code| !unmet.contains_key(code.as_str()))
        .collect();
    assert!(missing.is_empty(), "codes without a golden file: {missing:#?}");
    let stale: Vec<_> =
        written.iter().filter(|name| !codes.iter().any(|code| is_of(name, code))).collect();
    assert!(stale.is_empty(), "golden files without a code: {stale:#?}");
    for code in unmet.keys() {
        assert!(codes.contains(*code), "{code} is gone: take it out of the list");
        assert!(!written.iter().any(|name| is_of(name, code)), "{code} has a golden file by now");
    }
    let words: Vec<_> = UNMET.iter().map(|(code, why)| format!("{code}: {why}")).collect();
    crate::stage::say(&format!(
        "{} codes, {} golden files; without one:\n{}",
        codes.len(),
        written.len(),
        words.join("\n")
    ));
}

/// The words of errors that no command line leads to, and why. They are made from their variants.
#[test]
fn words_of_what_cannot_be_brought_about() {
    let all = [of_a_ca(), of_a_library(), of_another_agency(), of_a_submission(), of_a_sandbox()];
    for error in all.into_iter().flatten() {
        let text = golden::steady(&format!("{error}\n"), &[]);
        golden::check(&format!("tests/errors/{}.txt", error.code()), &text);
    }
}

/// What only the CA's side of `core/keystore` says; the sandbox turns it into a rejection.
fn of_a_ca() -> Vec<Error> {
    let text = str::to_owned;
    [
        KeystoreError::RequestMalformed {
            part: text("PKIData"),
            reason: text("not one DER element"),
        },
        KeystoreError::RequestOtherSubject { identification: text("RSSMRA85M01H501Q-000") },
        KeystoreError::RequestKeySize { bits: 2048 },
        KeystoreError::RequestUndecryptable,
        KeystoreError::RequestSignature { part: text("PKIData") },
        // An account is always short enough.
        KeystoreError::RequestSubject { limit: 64, length: 65 },
    ]
    .map(Error::from)
    .into()
}

/// What a cryptographic library, a disk or a clock of 60 seconds would have to do for us.
fn of_a_library() -> Vec<Error> {
    let text = str::to_owned;
    let path = || PathBuf::from("/home/anna/Entrate/.ceralacca/journal.sqlite");
    let own = [
        KeystoreError::KeyGeneration,
        KeystoreError::Signing,
        KeystoreError::Encoding { what: text("req.ccc") },
        // Only a PKCS#12 file that says which key a certificate is of, and lies.
        KeystoreError::KeyMismatch {
            container: text("UTENTE.KS"),
            key: "0a".repeat(32),
            certificate: "0b".repeat(32),
        },
    ];
    let folders = [
        EnvironmentError::ReadBack {
            file: text("UTEF.P12"),
            reason: text("other certificates"),
            on_disk: text("the pending keys are still in in-attesa; the import is not complete"),
        },
        // The submission says it in its own words, receipt.undecryptable.
        EnvironmentError::NoRecipient {
            recipients: vec![text("serial 0a0b, issued by CN=CA Agenzia delle Entrate")],
            environments: vec![text("/home/anna/Entrate/ambiente")],
        },
    ];
    let slow = NetError::Timeout {
        what: text("asking for the receipt 26112100000000001"),
        gateway: text("https://gateway.example.it/"),
        connecting: false,
        delivery: Delivery::NotDelivered,
    };
    // The chain holds, so another program than ours wrote it.
    let foreign = JournalError::Unreadable { path: path(), run: 3, sequence: 12 };
    // A million steps take longer than a test; core/journal/tests/journal.rs tries the limits.
    let full = JournalError::RunFull { run: 3, entries: 999_998, bytes: 481_203_115 };
    let unknown = Registry::new().primitive("environment", "creat").map(drop).unwrap_err();
    let mut errors: Vec<Error> = own.map(Error::from).into();
    errors.extend(folders.map(Error::from));
    errors.extend([slow.into(), foreign.into(), full.into(), unknown]);
    errors
}

/// What the sandbox never answers.
fn of_another_agency() -> Vec<Error> {
    let text = str::to_owned;
    let utilizzo = Utilizzo::Firma;
    [
        KeystoreError::CertifInTooLarge { limit: 65_536, found_bytes: 70_000 },
        KeystoreError::CertifInKeyUsage { utilizzo, key_usage: text("keyAgreement") },
        KeystoreError::CertifInOtherSubject {
            expected: text("RSSMRA85M01H501Q-000"),
            found: text("VRDLGI80A01F205X-000"),
        },
    ]
    .map(Error::from)
    .into()
}

/// What the gateway's client or the shipped primitives rule out before it comes to this.
fn of_a_submission() -> Vec<Error> {
    let text = str::to_owned;
    let protocollo = || Protocollo::parse("26112100000000001").unwrap();
    let unsendable = NetError::Unsendable { header: text("ceralacca-file-name"), length: 9 };
    let mut errors: Vec<Error> = [
        SubmissionError::NotProcessed { protocollo: protocollo() },
        SubmissionError::AnswerForAnother {
            document: text("req.ccc"),
            protocollo: protocollo(),
            expected: "0a".repeat(32),
            found: "0b".repeat(32),
        },
        SubmissionError::AnotherDocument {
            document: text("req.ccc"),
            attempted_sha256: "0a".repeat(32),
            sha256: "0b".repeat(32),
        },
        SubmissionError::StillUnknown {
            document: text("req.ccc"),
            why: text("nobody answers at https://gateway.example.it/ (net.refused)"),
        },
        SubmissionError::DocumentName { length: 12 },
        SubmissionError::DocumentTooLarge { path: text("da inviare/1/a.ccf"), limit: 5 << 20 },
    ]
    .map(Error::from)
    .into();
    errors.push(unsendable.into());
    errors
}

/// What the sandbox says only to programs that carry it inside; over HTTP it is a refusal.
fn of_a_sandbox() -> Vec<Error> {
    let folder = tempfile::tempdir().unwrap();
    let at = || "2026-11-21T09:00:00Z".parse().unwrap();
    let sandbox = Sandbox::open(folder.path(), at).unwrap();
    let account = Account::parse("RSSMRA85M01H501Q", "000").unwrap();
    let mut bad = NewAccount::of(account.clone());
    bad.numero_busta = Some("senza cifre".to_owned());
    let settings = Settings { session_seconds: 0, ..Settings::default() };
    let fault: Fault =
        serde_json::from_str(r#"{"route": "GET /nowhere", "kind": "refuse"}"#).unwrap();
    let unknown = sandbox.revoke_environment(&account).map(drop).unwrap_err();
    sandbox.create_account(NewAccount::of(account.clone())).unwrap();
    assert!(matches!(sandbox.set_faults(&[fault]), Err(SandboxError::Setting { .. })));
    [
        unknown,
        sandbox.revoke_environment(&account).map(drop).unwrap_err(),
        sandbox.create_account(bad).map(drop).unwrap_err(),
        sandbox.set_settings(&settings).unwrap_err(),
        SandboxError::Issuing { reason: "the CA's key did not sign".to_owned() },
    ]
    .map(Error::from)
    .into()
}

/// Every code in the program's text: literals after `Report::refused(` and its siblings, and after
/// the closures `wrong(` and `bug(` that put a prefix before them.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for path in sources(&root().join("core")) {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for function in text.split("\nfn ") {
            let prefix = function.split("Report::").find_map(|rest| {
                let form = rest.split_once("format!(\"")?.1.split_once("{code}\"")?.0;
                (!form.contains(['"', '\n'])).then_some(form)
            });
            for call in
                ["Report::refused(", "Report::usage(", "Report::unknown(", "Report::waiting("]
            {
                codes.extend(literals(function, call).map(str::to_owned));
            }
            for call in ["wrong(", "bug(", "broke("] {
                let found =
                    literals(function, call).map(|code| format!("{}{code}", prefix.unwrap_or("")));
                codes.extend(found);
            }
        }
    }
    codes.retain(|code| code.contains('.') && !code.contains(' '));
    codes
}

fn literals<'a>(text: &'a str, call: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(call)
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

/// The program's own source files, without those of its tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                true if !["tests", "target", "benches"].contains(&name.as_str()) => {
                    folders.push(path)
                }
                true => {}
                false if name.ends_with(".rs") && !name.ends_with("tests.rs") => found.push(path),
                false => {}
            }
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
