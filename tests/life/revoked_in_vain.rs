//! What a revocation must not do: end an environment that another run has made, that is another
//! client's, or whose successor cannot be made.

use std::fs;

use serde_json::json;

use crate::stage::kill::killed_at;
use crate::stage::{
    self, Account, Finished, PASSWORD, PIN_DI_REVOCA, Served, Stage, codice_fiscale,
};

const NEW_PIN: &str = "NuovaRevoca67890abc";
const NEW_PASSWORD: &str = "Passero77Beta";

/// An account whose environment is set up, with the secrets of its successor beside the old ones.
fn set_up(served: &Served, stage: &Stage, number: u32) -> Account {
    let mut account = served.account(&codice_fiscale(number));
    stage.setup(&account, &[]).expect_success();
    successor(&mut account);
    account
}

fn successor(account: &mut Account) {
    account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
    account.set("pin_di_revoca", Some(NEW_PIN));
    account.set("password", Some(NEW_PASSWORD));
}

fn arguments(script: &str, account: &Account, more: &[&str]) -> Vec<String> {
    let secrets = account.secrets_file.display().to_string();
    let mut all = vec!["run".to_owned(), script.to_owned(), format!("utente={}", account.utente)];
    all.push(format!("numero_busta={}", account.numero_busta));
    if script == "recover_environment" {
        all.push(format!("codice_fiscale={}", account.codice_fiscale));
    }
    all.extend(["--json", "--secrets", &secrets].map(str::to_owned));
    all.extend(more.iter().map(|&one| one.to_owned()));
    all
}

fn run(stage: &Stage, script: &str, account: &Account, more: &[&str]) -> Finished {
    let all = arguments(script, account, more);
    stage.run(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

fn recover(stage: &Stage, account: &Account, more: &[&str]) -> Finished {
    run(stage, "recover_environment", account, &[&["--approve"], more].concat())
}

fn renew(stage: &Stage, account: &Account, more: &[&str]) -> Finished {
    run(stage, "renew_environment", account, &[&["--approve"], more].concat())
}

fn refused(finished: &Finished, code: &str) {
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.error_code(), code, "{said}");
    assert_eq!(finished.code, Some(1), "{said}");
}

/// What the error says is to be done next.
fn next(finished: &Finished) -> String {
    let said: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    said["error"]["next"].as_str().unwrap().to_owned()
}

fn opens(stage: &Stage, account: &Account, folder: &str, password: &str) {
    let mut account = account.clone();
    account.secrets_file = account.secrets_file.with_file_name("opens.toml");
    account.set("password_esistente", Some(password));
    let secrets = account.secrets_file.display().to_string();
    stage.run(&["certificates", folder, "--secrets", &secrets]).expect_success();
}

/// `status` speaks of a run that stopped before another one did its work: resuming it is harmless.
#[test]
fn a_run_that_was_overtaken_revokes_nothing() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = set_up(&served, &stage, 84_000);
    fs::rename(stage.path("ambiente"), stage.path("perso")).unwrap();
    refused(&recover(&stage, &account, &["chiave_persa=no"]), "environment.disk_missing");
    recover(&stage, &account, &["chiave_persa=yes"]).expect_success();
    account.set("password_esistente", Some(NEW_PASSWORD));
    account.set("pin_di_revoca_esistente", Some(NEW_PIN));
    let resumed = stage.resume(2, &account, &[]);
    refused(&resumed, "agency.revoked_since");
    assert!(next(&resumed).contains("abandon"), "{}", next(&resumed));
    assert_eq!(served.revocations(), 1);
    stage.run(&["abandon", "2"]).expect_success();

    // A renewal that was not approved, and another one that was.
    let waits = run(&stage, "renew_environment", &account, &[]);
    refused(&waits, "run.approval_needed");
    renew(&stage, &account, &[]).expect_success();
    account.set("password_esistente", Some(NEW_PASSWORD));
    refused(&stage.resume(4, &account, &[]), "agency.revoked_since");
    assert_eq!(served.revocations(), 2);
    opens(&stage, &account, "ambiente", NEW_PASSWORD);
}

/// By hand nobody refuses a second revocation: two sheets of instructions would lie there.
#[test]
fn only_one_run_waits_for_a_revocation_by_hand() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = set_up(&served, &stage, 84_001);
    stage.hand_off(&served);
    assert_eq!(recover(&stage, &account, &["chiave_persa=yes"]).code, Some(4));
    let second = recover(&stage, &account, &["chiave_persa=yes"]);
    refused(&second, "agency.revocation_open");
    assert!(next(&second).contains("ceralacca resume 2"), "{}", next(&second));
    assert!(!stage.path("Documenti/da inviare/3/ISTRUZIONI-REVOCA.txt").exists());
}

/// Certified keys whose password is lost: they end with the revocation, and are kept.
#[test]
fn keys_that_wait_are_set_aside_once_the_environment_is_revoked() {
    let served = Served::start();
    served.faults(&json!([{
        "route": "GET /v1/receipts/{protocollo}/attachments/{name}", "kind": "truncated",
    }]));
    let (stage, mut account) = (Stage::new(&served), served.account(&codice_fiscale(84_010)));
    assert_eq!(stage.setup(&account, &[]).code, Some(1), "CERTIF.IN is not imported");
    served.faults(&json!([]));
    successor(&mut account);
    let found = recover(&stage, &account, &["chiave_persa=no"]);
    refused(&found, "environment.not_found");
    assert!(next(&found).contains("chiave_persa=yes"), "{}", next(&found));
    recover(&stage, &account, &["chiave_persa=yes"]).expect_success();
    assert_eq!((served.revocations(), served.requests()), (1, 2));
    opens(&stage, &account, "ambiente", NEW_PASSWORD);
    let aside = stage.set_aside();
    assert!(aside[0].join("in-attesa/firma.p8").exists(), "nothing is deleted");
    let note = fs::read_to_string(aside[0].join("messa-da-parte.txt")).unwrap();
    assert!(note.contains("revocato"), "{note}");
}

/// A request that may be with the Agency is waited for: nothing is revoked before.
#[test]
fn an_open_request_stands_before_the_revocation() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = set_up(&served, &stage, 84_011);
    // The keys of a later setup whose request is in doubt.
    let doubt = json!([
        { "route": "POST /v1/submissions", "kind": "cut_before_read", "times": 100 },
        { "route": "GET /v1/submissions", "kind": "refuse", "times": 100 },
    ]);
    served.faults(&doubt);
    assert_eq!(stage.setup(&account, &[]).code, Some(3));
    served.faults(&json!([]));
    let found = recover(&stage, &account, &["chiave_persa=yes"]);
    refused(&found, "environment.pending_request");
    assert!(next(&found).contains("resume 2"), "{}", next(&found));
    assert_eq!(served.revocations(), 0);
}

/// Keys for which nothing was sent go with their run.
#[test]
fn keys_of_an_abandoned_run_give_way() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(84_012)));
    served.faults(&json!([{ "route": "GET /v1/ca/certificates", "kind": "refuse" }]));
    assert_eq!(stage.setup(&account, &[]).code, Some(1), "its keys are made");
    served.faults(&json!([]));
    let second = stage.setup(&account, &[]);
    refused(&second, "environment.pending_request");
    assert!(next(&second).contains("ceralacca abandon 1"), "{}", next(&second));
    stage.run(&["abandon", "1"]).expect_success();
    stage.resume(2, &account, &[]).expect_success();
    let aside = stage.set_aside();
    assert!(aside[0].join("in-attesa/firma.p8").exists(), "nothing is deleted");
    assert!(aside[0].join("messa-da-parte.txt").exists());
}

#[test]
fn a_change_of_the_password_is_finished_by_running_it_again_or_ends_with_the_environment() {
    let served = Served::start();
    let first = Stage::new(&served);
    let mut account = set_up(&served, &first, 84_013);
    let secrets = account.secrets_file.display().to_string();
    let change = ["run", "change_password", "--json", "--secrets", &secrets];
    let half_done = || {
        (1..).find_map(|point| {
            let stage = Stage::new(&served);
            stage::impronta::copy(&first.path("ambiente"), &stage.path("ambiente"));
            let killed = killed_at(&mut stage.command(&change), point).unwrap();
            (killed == "after rename to UTEF.P12").then_some(stage)
        })
    };
    let stage = half_done().unwrap();
    stage.run(&["abandon", "1"]).expect_success();
    stage.run(&change).expect_success();
    opens(&stage, &account, "ambiente", NEW_PASSWORD);

    // The new password is forgotten.
    let stage = half_done().unwrap();
    account.set("password", Some("Tortora55Gamma"));
    refused(&recover(&stage, &account, &["chiave_persa=no"]), "environment.password_change");
    assert_eq!(served.revocations(), 0);
    recover(&stage, &account, &["chiave_persa=yes"]).expect_success();
    opens(&stage, &account, "ambiente", "Tortora55Gamma");
    assert!(stage.set_aside()[0].join("cambio-password.json").exists());
}

#[test]
fn nothing_is_revoked_before_all_is_there_that_the_successor_needs() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = set_up(&served, &stage, 84_020);
    fs::create_dir(stage.path("usb")).unwrap();
    for (name, text) in [("pincode", ""), ("password", NEW_PASSWORD), ("pin_di_revoca", NEW_PIN)] {
        let before = account.secrets[name].clone();
        account.set(name, None);
        refused(&renew(&stage, &account, &[]), "secret.not_given");
        account.set(name, Some(if text.is_empty() { &before } else { text }));
    }
    let gone = ["chiave_persa=yes", "folder=via/ambiente"];
    refused(&recover(&stage, &account, &gone), "environment.disk_missing");
    let ca = json!([{ "route": "GET /v1/ca/certificates", "kind": "refuse", "times": 9 }]);
    served.faults(&ca);
    refused(&renew(&stage, &account, &[]), "net.refused_by_gateway");
    served.faults(&json!([]));
    // What was last seen on a medium is missed when its folder is on our own disk.
    let seen = stage.path(".ceralacca/environments");
    let seen = fs::read_dir(seen).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&seen).unwrap();
    assert!(text.contains("\"other_device\": false"), "{text}");
    fs::write(&seen, text.replace("\"other_device\": false", "\"other_device\": true")).unwrap();
    let missing = recover(&stage, &account, &["chiave_persa=yes"]);
    refused(&missing, "environment.medium_missing");
    assert_eq!(served.revocations(), 0);
    fs::write(&seen, text).unwrap();

    // What cannot be known before: the way out is named.
    let pincode = account.secrets["pincode"].clone();
    account.set("pincode", Some("ABCDEFGHJKLMNPQR1234"));
    let rejected = recover(&stage, &account, &["chiave_persa=yes"]);
    refused(&rejected, "agency.rejected");
    assert!(next(&rejected).contains("setup_environment"), "{}", next(&rejected));
    account.set("pincode", Some(&pincode));
    stage.setup(&account, &[]).expect_success();
    opens(&stage, &account, "ambiente", NEW_PASSWORD);
    assert_eq!(served.revocations(), 1);
}

/// Two clients mixed up.
#[test]
fn the_environment_of_another_client_is_not_revoked() {
    let served = Served::start();
    let (stage, other) = (Stage::new(&served), Stage::new(&served));
    let mine = set_up(&served, &stage, 84_030);
    let theirs = set_up(&served, &other, 84_031);
    refused(&recover(&stage, &theirs, &["chiave_persa=no"]), "environment.other_account");
    refused(&recover(&stage, &theirs, &["chiave_persa=yes"]), "environment.other_account");
    refused(&renew(&stage, &theirs, &[]), "agency.other_subject");
    assert_eq!(served.revocations(), 0);
    opens(&stage, &mine, "ambiente", PASSWORD);
}

/// The operator reads what ends, before it is approved.
#[test]
fn what_is_to_be_revoked_is_shown_before_it_is_approved() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = set_up(&served, &stage, 84_040);
    let waits = run(&stage, "recover_environment", &account, &["chiave_persa=yes"]);
    refused(&waits, "run.approval_needed");
    let name = format!("{}-000", account.codice_fiscale);
    let shown = fs::read_to_string(stage.path("Documenti/riepiloghi/2-ambiente-da-revocare.txt"));
    let shown = shown.unwrap();
    for text in [&name, "SHA-256", "Fine validità", "definitiva", "se la password è nota"] {
        assert!(shown.contains(text) && waits.stderr.contains(text), "{text}: {shown}");
    }
    // Without being asked, nobody says that the key is lost.
    let mut unsaid = arguments("recover_environment", &account, &["--approve"]);
    unsaid.retain(|argument| argument != "--json");
    let unsaid = stage.run(&unsaid.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(unsaid.code, Some(2), "{}", unsaid.stderr);
    assert!(unsaid.stderr.contains("chiave_persa"), "{}", unsaid.stderr);
    assert_eq!(served.revocations(), 0);
}

#[test]
fn a_second_medium_is_not_the_first() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = set_up(&served, &stage, 84_050);
    let secrets = account.secrets_file.display().to_string();
    let copy = |to: &str| {
        let to = format!("copy={to}");
        stage.run(&["run", "copy_environment", &to, "--json", "--secrets", &secrets])
    };
    for wrong in ["ambiente", "./ambiente/", "ambiente/copia", ".", "ambiente_2"] {
        refused(&copy(wrong), "environment.no_second_medium");
    }
    let copied = copy("copia").json();
    let note = copied["result"]["note"].as_str().unwrap().to_owned();
    assert!(note.contains("stesso disco") || !cfg!(unix), "{note}");
    assert!(copied["result"].as_object().unwrap().len() == 3, "{copied}");
}
