//! Every kind of bad input of the impronta: each has a typed error, finding or verdict; none
//! crashes, hangs, or reads without bound. Some of it is unusual and legal: that is accepted.

#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use serde_json::{Value, json};

use crate::crafted::Pieces;
use crate::spoiled::{Case, Expect, Worst, attempt, communication, container};
use crate::stage::impronta::Filing;
use crate::stage::{Served, Stage, codice_fiscale, say};

/// Tries all cases, and names all that fail.
fn all(stage: &Stage, name: &str, cases: &[Case]) {
    let mut worst = Worst::default();
    let mut wrong = Vec::new();
    for case in cases {
        match attempt(stage, case) {
            Ok(seen) => worst = worst.and(seen),
            Err(why) => wrong.push(why),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let Worst { cases, seconds, peak } = worst;
    say(&format!(
        "bad input, {name}: {cases} cases; the slowest {seconds:.2} s, {peak} KiB at most"
    ));
}

#[test]
fn communications() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(72_000));
    let stage = filing.stage();
    let pieces = Pieces::of(&filing, &stage, 0);
    all(&stage, "communications", &communication::cases(&stage, &served, &pieces));
}

#[test]
fn signed_and_marked_files() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(72_001));
    let stage = filing.stage();
    let pieces = Pieces::of(&filing, &stage, 0);
    let past = json!({ "valid_from": "2020-01-01T00:00:00Z", "valid_to": "2021-01-01T00:00:00Z" });
    let mut signer = |wanted: &Value, name: &str| filing.another_signer(wanted, &stage.path(name));
    signer(&json!({}), "buono.p12");
    signer(&json!({}), "secondo.p12");
    signer(&past, "scaduto.p12");
    let serial = signer(&json!({}), "revocato.p12");
    served.admin("POST", &format!("/sandbox/v1/signers/{serial}/revoke"), None);
    container::fetch_crl(&served, &stage);

    let mut cases = container::by_hand(&stage, &pieces);
    cases.extend(container::marks(&stage, &served, &pieces));
    cases.extend(container::m7m(&stage, &pieces));
    let signers = [
        ("buono", Expect::Valid),
        ("secondo", Expect::Valid),
        // Nothing shows that it was signed before: not known, which is not invalid (EN 319 102-1).
        ("scaduto", Expect::Verdict("indeterminate", "certificate.validity")),
        ("revocato", Expect::Verdict("invalid", "certificate.revocation")),
    ];
    let password = filing.account.secrets["signer_password"].clone();
    cases.extend(container::by_openssl(&stage, &password, &signers));
    all(&stage, "signed and marked files", &cases);
}

#[test]
fn archives_and_names() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(72_002));
    let stage = filing.stage();
    let odd = || OsString::from_vec(b"fattur\xe0.xml".to_vec());
    fs::create_dir(stage.path("vuoto")).unwrap();
    fs::create_dir(stage.path("strano")).unwrap();
    fs::write(stage.path("strano").join(odd()), "<a/>").unwrap();
    fs::write(stage.folder.path().join(odd()), "<a/>").unwrap();
    fs::write(stage.path("elenco-vuoto.txt"), "").unwrap();
    fs::write(stage.path("elenco-latino.txt"), b"fattur\xe0.xml\n").unwrap();
    fs::write(stage.path("elenco-fuori.txt"), "../ceralacca.toml\n").unwrap();
    let run = |what: &str, code, archive: &str| {
        let arguments = filing.arguments("file_impronta", 0, archive);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Case::new(what, Expect::Error(code), &arguments)
    };
    let mut cases = vec![
        run("an empty archive", "archive.empty", "vuoto"),
        run("a name that is not UTF-8", "archive.name", "strano"),
        run("an empty list", "archive.empty", "elenco-vuoto.txt"),
        run("a list that is not UTF-8", "archive.list", "elenco-latino.txt"),
        run("a list that leads out", "archive.list", "elenco-fuori.txt"),
        run("no archive", "archive.not_opened", "altrove"),
        run("a device", "archive.not_opened", "/dev/null"),
    ];
    for command in ["verify", "impronta", "controlla", "extract", "convert"] {
        let mut case = Case::new(
            &format!("{command}: a name that is not UTF-8"),
            match command {
                "verify" => Expect::Verdict("indeterminate", "file.signed"),
                "controlla" => Expect::Finding("controllo.not_a_communication"),
                "extract" => Expect::Error("inspect.nothing_to_extract"),
                "convert" => Expect::Error("inspect.no_mark"),
                _ => Expect::Clean,
            },
            &[command, "--json"],
        );
        case.arguments.push(odd());
        case.arguments.extend((command == "convert").then(|| "tsr".into()));
        cases.push(case);
    }
    all(&stage, "archives and names", &cases);
    assert_eq!(served.communications(), 0);
    assert_eq!(served.marks(), 0, "no mark was bought for any of them");
}
