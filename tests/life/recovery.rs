//! The guide's interruptions, *Ripristino* in each of its cases, and what becomes of old receipts; each
//! as a transcript of what an operator types and reads.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::stage::impronta::{ARCHIVE, Filing};
use crate::stage::person::Person;
use crate::stage::transcript::Transcript;
use crate::stage::{self, Account, PIN_DI_REVOCA, Served, Stage, codice_fiscale};

/// The PIN and the password of the second environment.
const NEW_PIN: &str = "NuovaRevoca67890abc";
const NEW_PASSWORD: &str = "Passero77Beta";

#[test]
fn interrupted_before_the_send() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(82_000)));
    let mut told = Transcript::new(&stage, &account);
    served.faults(&json!([
        { "route": "POST /v1/submissions", "kind": "cut_before_read", "times": 100 },
        { "route": "GET /v1/submissions", "kind": "refuse", "times": 100 },
    ]));
    told.note("the line breaks before REQ.CCC is sent, and stays bad");
    told.runs(&setup(&account), 3);
    told.types("status", 3);
    told.note("setting up anew would orphan the request: error 88");
    told.runs(&setup(&account), 1);
    told.note("the line is good again");
    served.faults(&json!([]));
    told.runs("resume 1", 0);
    told.asks("certificates", 0);
    told.check("interrupted_before_the_send");
    assert_eq!(served.requests(), 1);
}

/// The guide's own way: the same file, uploaded by hand, its answer imported.
#[test]
fn interrupted_and_finished_by_hand() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(82_001)));
    let mut told = Transcript::new(&stage, &account);
    served.faults(&json!([
        { "route": "POST /v1/submissions", "kind": "cut_before_read", "times": 100 },
        { "route": "GET /v1/submissions", "kind": "refuse", "times": 100 },
    ]));
    told.runs(&setup(&account), 3);
    let person = Person::new(&served, &account);
    served.faults(&json!([]));
    told.note("the person uploads `da inviare/1/req.ccc` and fetches CERTIF.IN");
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    told.runs("run import_certificates certif_in=Documenti/ricezione/CERTIF.IN", 0);
    told.asks("certificates", 0);
    told.note("the first run finds what it has sent, and its environment complete");
    told.runs("resume 1", 0);
    told.check("interrupted_and_finished_by_hand");
    assert_eq!(served.requests(), 1);
}

#[test]
fn sent_but_no_answer() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(82_002)));
    let mut told = Transcript::new(&stage, &account);
    served.faults(&json!([
        { "route": "POST /v1/submissions", "kind": "cut_after_commit", "times": 100 },
        { "route": "GET /v1/submissions", "kind": { "status": { "code": 503 } }, "times": 100 },
    ]));
    told.note("REQ.CCC arrives, its answer does not (error 88)");
    told.runs(&setup(&account), 3);
    told.runs(&setup(&account), 1);
    told.types("runs", 0);
    served.faults(&json!([]));
    told.runs("resume 1", 0);
    told.types("receipts", 0);
    told.check("sent_but_no_answer");
    assert_eq!(served.requests(), 1);
}

#[test]
fn interrupted_during_the_import() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(82_003)));
    let mut told = Transcript::new(&stage, &account);
    served.faults(&json!([{
        "route": "GET /v1/receipts/{protocollo}/attachments/{name}", "kind": "truncated", "times": 1,
    }]));
    told.note("CERTIF.IN arrives cut in half");
    told.runs(&setup(&account), 1);
    assert!(!stage.path("ambiente/UTENTE.KS").exists(), "half a CERTIF.IN is not imported");
    told.runs("resume 1", 0);
    told.asks("certificates", 0);
    told.check("interrupted_during_the_import");
    assert_eq!(served.requests(), 1);
}

#[test]
fn a_lost_medium() {
    let served = Served::start();
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({ "revocation_delay_seconds": 15 })));
    let (stage, mut account) = (Stage::new(&served), served.account(&codice_fiscale(82_004)));
    stage.setup(&account, &[]).expect_success();
    fs::remove_dir_all(stage.path("ambiente")).unwrap();
    recovered(&mut account);
    let mut told = Transcript::new(&stage, &account);
    told.note("the medium with the environment is lost");
    told.types("status", 1);
    told.note("without saying so, nothing is revoked");
    told.runs(&recover(&account, ""), 2);
    told.runs(&recover(&account, " chiave_persa=no"), 1);
    told.note("the revocation is queued: the run waits until it shows");
    told.runs(&recover(&account, " chiave_persa=yes --patience 0s"), 4);
    std::thread::sleep(Duration::from_secs(15));
    told.runs("resume 3", 0);
    told.types("environments", 0);
    told.note("the first attempt has nothing left to do, whoever resumes it");
    account.set("password_esistente", Some(NEW_PASSWORD));
    told.runs("resume 2", 1);
    told.types("abandon 2 --reason supporto_smarrito", 0);
    told.types("status", 0);
    told.check("recovery_lost_medium");
    assert_eq!(served.requests(), 2);
}

#[test]
fn expired_certificates() {
    let served = Served::start();
    let short = json!({ "certificate_seconds": 25 });
    served.admin("PUT", "/sandbox/v1/settings", Some(&short));
    let (stage, mut account) = (Stage::new(&served), served.account(&codice_fiscale(82_005)));
    stage.setup(&account, &[]).expect_success();
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({})));
    std::thread::sleep(Duration::from_secs(26));
    recovered(&mut account);
    let mut told = Transcript::new(&stage, &account);
    told.note("the certificates have ended");
    told.asks("certificates", 0);
    told.types("status", 1);
    told.runs(&recover(&account, " chiave_persa=no"), 0);
    told.types("environments", 0);
    told.check("recovery_expired");
}

#[test]
fn a_lost_password() {
    let served = Served::start();
    let (stage, mut account) = (Stage::new(&served), served.account(&codice_fiscale(82_006)));
    stage.setup(&account, &[]).expect_success();
    recovered(&mut account);
    account.set("password_esistente", Some("Sbagliata1"));
    let mut told = Transcript::new(&stage, &account);
    told.note("the password is lost: none that is tried opens the environment");
    told.runs(&recover(&account, " chiave_persa=no"), 1);
    told.runs(&recover(&account, " chiave_persa=yes"), 0);
    told.types("environments", 0);
    told.note("the old folder is kept: the password may be remembered one day");
    account.set("password_esistente", Some(stage::PASSWORD));
    told.check("recovery_lost_password");
    let aside = stage.set_aside();
    let arguments = ["certificates", aside[0].to_str().unwrap(), "--secrets"];
    let secrets = account.secrets_file.display().to_string();
    stage.run(&[&arguments[..], &[&secrets]].concat()).expect_success();
}

#[test]
fn a_lost_pin() {
    let served = Served::start();
    let (stage, mut account) = (Stage::new(&served), served.account(&codice_fiscale(82_007)));
    stage.setup(&account, &[]).expect_success();
    recovered(&mut account);
    account.set("pin_di_revoca_esistente", Some("UnAltroPin1234567"));
    let mut told = Transcript::new(&stage, &account);
    told.note("a PIN that is not the right one");
    told.runs(&recover(&account, " chiave_persa=no"), 1);
    told.note("the PIN is lost: there is one way left");
    told.runs(&recover(&account, " chiave_persa=no pin_perso=yes"), 1);
    told.note("the office has revoked the environment");
    let path = format!("/sandbox/v1/environments/{}/000/revoke", account.codice_fiscale);
    served.admin("POST", &path, Some(&json!({})));
    told.runs(&setup(&account), 0);
    told.check("recovery_lost_pin");
}

/// A receipt for the old cipher key that was not read opens after the renewal, and before it the
/// renewal is refused.
#[test]
fn old_receipts_open_after_the_renewal() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(82_008));
    let stage = filing.stage();
    let filed = filing.file(&stage, 1).json();
    let protocollo = filed["result"]["protocollo"].as_str().unwrap().to_owned();
    recovered(&mut filing.account);
    let mut told = Transcript::new(&stage, &filing.account);
    told.types("receipts", 0);
    told.runs(&renew(&filing.account), 0);
    told.types("environments", 0);
    told.note("the receipt as it came is all that is left of it: it opens with the key set aside");
    for folder in ["ricevute", "esiti"] {
        let folder = stage.path("Documenti").join(folder);
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
    }
    told.types("receipts --unread", 0);
    filing.account.set("password_esistente", Some(NEW_PASSWORD));
    filing.account.set("password_precedente", Some(stage::PASSWORD));
    told.secrets(&filing.account);
    told.runs(&format!("run collect_receipts utente={}", filing.account.utente), 0);
    told.types("receipts", 0);
    told.check("renewal");
    assert!(stage.path(&format!("Documenti/ricevute/{protocollo}/{protocollo}.rel")).exists());
    let _ = ARCHIVE;
}

/// Unread receipts hold a revocation back, until they are read.
#[test]
fn unread_receipts_hold_a_revocation_back() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(82_010));
    filing.file(&filing.stage(), 1).expect_success();
    recovered(&mut filing.account);
    // Another workspace of the same account, with the same environment: it has never seen that receipt.
    let stage = filing.stage();
    let mut told = Transcript::new(&stage, &filing.account);
    told.note("the receipt does not come as it should");
    served.faults(&json!([{
        "route": "GET /v1/receipts/{protocollo}/attachments/{name}", "kind": "garbage", "times": 100,
    }]));
    told.runs(&renew(&filing.account), 1);
    assert_eq!(served.revocations(), 0);
    told.note("now it does");
    served.faults(&json!([]));
    told.runs(&format!("run collect_receipts utente={}", filing.account.utente), 0);
    told.runs("resume 1", 0);
    told.types("receipts", 0);
    told.check("unread_receipts");
    assert_eq!(served.revocations(), 1);
}

/// With a lost key they are named, and lost too.
#[test]
fn receipts_of_a_lost_key_hold_nothing_back() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(82_009));
    let first = filing.stage();
    filing.file(&first, 1).expect_success();
    recovered(&mut filing.account);
    // Another workspace of the same account: it has never seen that receipt, and cannot open it.
    let stage = Stage::new(&served);
    let mut told = Transcript::new(&stage, &filing.account);
    told.runs(&recover(&filing.account, " chiave_persa=no"), 1);
    told.runs(&recover(&filing.account, " chiave_persa=yes"), 0);
    told.check("receipts_of_a_lost_key");
}

fn setup(account: &Account) -> String {
    let Account { codice_fiscale, utente, .. } = account;
    format!("run setup_environment codice_fiscale={codice_fiscale} utente={utente}")
}

fn renew(account: &Account) -> String {
    let Account { utente, numero_busta, .. } = account;
    format!("run renew_environment numero_busta={numero_busta} utente={utente}")
}

fn recover(account: &Account, more: &str) -> String {
    let Account { codice_fiscale, utente, numero_busta, .. } = account;
    format!(
        "run recover_environment codice_fiscale={codice_fiscale} utente={utente} \
         numero_busta={numero_busta}{more}"
    )
}

/// The secrets of a recovery: those of the old environment beside the new ones.
fn recovered(account: &mut Account) {
    account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
    account.set("pin_di_revoca", Some(NEW_PIN));
    account.set("password", Some(NEW_PASSWORD));
}
