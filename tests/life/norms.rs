//! Norms are dated data: a key that has not expired but is no longer accepted is reported, from the first
//! day of the norm on, and so is a receipt under an older cipher. Here the norms are made up.

use std::fs;

use crate::stage::impronta::Filing;
use crate::stage::{Served, Stage, codice_fiscale};

#[test]
fn a_key_that_is_not_accepted_any_more_is_reported() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(85_000)));
    stage.setup(&account, &[]).expect_success();
    let secrets = account.secrets_file.display().to_string();
    let said = |code: i32, arguments: &[&str]| {
        let finished = stage.run(arguments);
        assert_eq!(finished.code, Some(code), "{}{}", finished.stdout, finished.stderr);
        finished.stdout
    };
    let certificates = ["certificates", "--secrets", &secrets];
    let silent = "keys of 4096 bits are too short";
    assert!(!said(0, &["status"]).contains(silent));
    norms(&stage, "bit = [8192]", "2126-01-01");
    for (code, arguments) in [(0, &["status"][..]), (0, &["environments"]), (0, &certificates)] {
        assert!(!said(code, arguments).contains(silent), "a norm of the future says nothing yet");
    }
    norms(&stage, "bit = [8192]", "2026-01-01");
    for (code, arguments) in [(1, &["status"][..]), (0, &["environments"]), (0, &certificates)] {
        let said = said(code, arguments);
        let expected = format!("{silent} (since 2026-01-01: 8192 bits; here 4096 bits)");
        assert!(said.contains(&expected), "{arguments:?}: {said}");
    }
    assert!(said(1, &["status"]).contains("ceralacca run renew_environment"));
}

#[test]
fn a_receipt_under_an_older_cipher_is_reported_and_opens() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(85_001));
    let stage = filing.stage();
    norms(&stage, "cifra = [\"AES-256-GCM\"]", "2026-01-01");
    let filed = filing.file(&stage, 1).expect_success();
    let expected = "(since 2026-01-01: AES-256-GCM; here AES-256-CBC)";
    assert!(filed.stderr.contains(expected), "{}", filed.stderr);
}

/// Puts a norm in the place of those inside the program.
fn norms(stage: &Stage, asks: &str, since: &str) {
    let text = format!(
        "[[norma]]\nnome = \"prova\"\ndal = \"{since}\"\n{asks}\ncertezza = \"unverified\"\n\
         testo = \"keys of 4096 bits are too short\"\nfonte = \"made up for a test\"\n"
    );
    fs::write(stage.path("norme.toml"), text).unwrap();
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    if !settings.starts_with("norme") {
        fs::write(stage.path("ceralacca.toml"), format!("norme = \"norme.toml\"\n{settings}"))
            .unwrap();
    }
}
