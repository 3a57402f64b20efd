//! *Ripristino* in each of its cases and the guide's interruptions where a person carries the files: the
//! test moves them as one would, and asks the portal for the revocation.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::stage::person::Person;
use crate::stage::transcript::Transcript;
use crate::stage::{Account, PASSWORD, PIN_DI_REVOCA, Served, Stage, codice_fiscale};

/// The PIN and the password of the second environment.
const NEW_PIN: &str = "NuovaRevoca67890abc";
const NEW_PASSWORD: &str = "Passero77Beta";

#[test]
fn a_lost_medium_by_hand() {
    let served = Served::start();
    let (stage, account, person) = environment(&served, 85_000);
    fs::remove_dir_all(stage.path("ambiente")).unwrap();
    let mut told = Transcript::new(&stage, &account);
    told.note("the medium with the environment is lost");
    told.types("status", 1);
    told.note("without saying so, nothing is revoked");
    told.runs(&recover(&account, "chiave_persa=no"), 1);
    assert!(!stage.path("Documenti/da inviare/2").exists(), "nobody is asked to revoke anything");
    told.runs(&recover(&account, "chiave_persa=yes"), 4);
    told.shows("Documenti/da inviare/3/ISTRUZIONI-REVOCA.txt");
    asked_for_by_hand(&mut told, &person, &stage, 3);
    certified_by_hand(&mut told, &person, &stage, 3);
    told.types("environments", 0);
    told.note("the first attempt has nothing left to do");
    told.types("abandon 2 --reason supporto_smarrito", 0);
    told.types("status", 0);
    assert_eq!((served.requests(), served.revocations()), (2, 1));
    assert_eq!(stage.set_aside(), [] as [PathBuf; 0], "there was nothing to set aside");
    opens(&stage, "ambiente", &account, NEW_PASSWORD);
    told.check("by_hand_lost_medium");
}

#[test]
fn a_lost_password_by_hand() {
    let served = Served::start();
    let (stage, mut account, person) = environment(&served, 85_001);
    account.set("password_esistente", Some("Sbagliata1"));
    let mut told = Transcript::new(&stage, &account);
    told.note("the password is lost: none that is tried opens the environment");
    told.runs(&recover(&account, "chiave_persa=no"), 1);
    told.runs(&recover(&account, "chiave_persa=yes"), 4);
    assert!(stage.set_aside().is_empty(), "the old one is in its place while it is in force");
    asked_for_by_hand(&mut told, &person, &stage, 3);
    certified_by_hand(&mut told, &person, &stage, 3);
    told.types("environments", 0);
    assert_eq!((served.requests(), served.revocations()), (2, 1));
    opens(&stage, "ambiente", &account, NEW_PASSWORD);
    // The password may be remembered one day.
    let [aside] = &stage.set_aside()[..] else { panic!("set aside once") };
    opens(&stage, aside.to_str().unwrap(), &account, PASSWORD);
    told.check("by_hand_lost_password");
}

#[test]
fn expired_certificates_by_hand() {
    let served = Served::start();
    // Ended ones are not imported: they have to be valid first, for as long as a busy machine needs.
    let short = json!({ "certificate_seconds": 25 });
    served.admin("PUT", "/sandbox/v1/settings", Some(&short));
    let (stage, account, person) = environment(&served, 85_002);
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({})));
    wait_for_their_end(&stage, &account);
    let mut told = Transcript::new(&stage, &account);
    told.note("the certificates have ended");
    told.asks("certificates", 0);
    told.types("status", 1);
    told.runs(&recover(&account, "chiave_persa=no"), 4);
    asked_for_by_hand(&mut told, &person, &stage, 2);
    certified_by_hand(&mut told, &person, &stage, 2);
    told.types("environments", 0);
    told.types("status", 0);
    assert_eq!((served.requests(), served.revocations()), (2, 1));
    opens(&stage, "ambiente", &account, NEW_PASSWORD);
    told.check("by_hand_expired");
}

#[test]
fn a_lost_pin_by_hand() {
    let served = Served::start();
    let (stage, account, person) = environment(&served, 85_003);
    let mut told = Transcript::new(&stage, &account);
    told.note("the PIN is lost: there is one way left, and nobody is sent to the portal");
    told.runs(&recover(&account, "chiave_persa=no pin_perso=yes"), 1);
    assert!(!stage.path("Documenti/da inviare/2").exists());
    told.note("the office has revoked the environment");
    revoked_by_the_office(&served, &account);
    let setup = format!("run setup_environment codice_fiscale={}", account.codice_fiscale);
    told.runs(&setup, 4);
    certified_by_hand(&mut told, &person, &stage, 3);
    assert_eq!(served.requests(), 2);
    opens(&stage, "ambiente", &account, NEW_PASSWORD);
    assert_eq!(stage.set_aside().len(), 1, "the old one is kept");
    told.check("by_hand_lost_pin");
}

/// That the PIN is lost is noticed at the portal, when the run waits already.
#[test]
fn a_pin_that_is_missed_at_the_portal() {
    let served = Served::start();
    let (stage, account, person) = environment(&served, 85_004);
    let mut told = Transcript::new(&stage, &account);
    told.runs(&recover(&account, "chiave_persa=no"), 4);
    told.note("the portal does not take the PIN that was thought to be right");
    assert_eq!(person.revoke("UnAltroPin1234567"), 403);
    told.types("confirm 2 --not-sent", 0);
    told.note("the sheet is there again: an office can be asked, too");
    told.runs("resume 2", 4);
    told.shows("Documenti/da inviare/2/ISTRUZIONI-REVOCA.txt");
    revoked_by_the_office(&served, &account);
    told.types("confirm 2", 0);
    told.types("confirm 2 --in-force", 0);
    told.runs("resume 2", 4);
    certified_by_hand(&mut told, &person, &stage, 2);
    assert_eq!(served.requests(), 2);
    opens(&stage, "ambiente", &account, NEW_PASSWORD);
    told.check("by_hand_pin_missed");
}

#[test]
fn sent_but_no_answer_by_hand() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    let (account, person) = for_a_person(&served, &served.account(&codice_fiscale(85_005)));
    let mut told = Transcript::new(&stage, &account);
    let setup = format!("run setup_environment codice_fiscale={}", account.codice_fiscale);
    told.runs(&setup, 4);
    let request = stage.path("Documenti/da inviare/1/req.ccc");
    let handed_over = fs::read(&request).unwrap();
    told.note("the person uploads; the portal goes away before the page of confirmation");
    let protocollo = person.upload(&request, "PKS10");
    told.note("nobody knows yet: nothing is made anew (error 88), and nothing goes on");
    told.runs(&setup, 1);
    told.runs("resume 1", 4);
    assert_eq!(fs::read(&request).unwrap(), handed_over, "the same request, the same keys");
    told.note("Ricerca ricevute shows the row, and its protocollo");
    told.types(&format!("confirm 1 --protocollo {protocollo}"), 0);
    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    told.runs("resume 1", 0);
    assert_eq!(served.requests(), 1);
    opens(&stage, "ambiente", &account, NEW_PASSWORD);
    told.check("by_hand_no_answer");
}

#[test]
fn interrupted_during_the_import_by_hand() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    let (account, person) = for_a_person(&served, &served.account(&codice_fiscale(85_006)));
    let mut told = Transcript::new(&stage, &account);
    told.runs(&format!("run setup_environment codice_fiscale={}", account.codice_fiscale), 4);
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    told.types(&format!("confirm 1 --protocollo {protocollo}"), 0);
    told.note("CERTIF.IN is cut in half on its way into ricezione");
    let whole = person.fetch(&protocollo, "CERTIF.IN");
    stage.deliver("CERTIF.IN", &whole[..whole.len() / 2]);
    told.runs("resume 1", 4);
    assert!(!stage.path("ambiente/UTENTE.KS").exists(), "half a CERTIF.IN is not imported");
    assert_eq!(
        fs::read_dir(stage.path("ambiente/in-attesa")).unwrap().count(),
        4,
        "no key is lost"
    );
    told.hide(&format!("({} bytes", whole.len() / 2), "(HALF bytes");
    told.hide(&format!("{} of {} bytes", whole.len() / 2, whole.len()), "HALF of WHOLE bytes");
    let status = told.types("status", 1);
    assert!(status.stdout.contains("not whole"), "{}", status.stdout);
    told.note("it is fetched again");
    stage.deliver("CERTIF.IN", &whole);
    told.runs("resume 1", 0);
    assert_eq!(served.requests(), 1);
    opens(&stage, "ambiente", &account, NEW_PASSWORD);
    told.check("by_hand_interrupted_import");
}

fn wait_for_their_end(stage: &Stage, account: &Account) {
    let secrets = account.secrets_file.display().to_string();
    let shown = stage.run(&["certificates", "--json", "--secrets", &secrets]).json();
    let end: Timestamp = shown[0]["fine_validita"].as_str().unwrap().parse().unwrap();
    while Timestamp::now() <= end {
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The person asks for the revocation that the run waits for; some days later it is in force. The run
/// then waits with its new request.
fn asked_for_by_hand(told: &mut Transcript<'_>, person: &Person<'_>, stage: &Stage, run: u64) {
    let folder = stage.path(&format!("Documenti/da inviare/{run}"));
    let there = |name: &str| folder.join(name).exists();
    told.note("the person asks for the revocation at the portal");
    assert!(there("ISTRUZIONI-REVOCA.txt"));
    assert_eq!(person.revoke(PIN_DI_REVOCA), 202);
    told.types(&format!("confirm {run}"), 0);
    told.runs(&format!("resume {run}"), 4);
    assert!(there("ISTRUZIONI-REVOCA.txt"), "it says what is still to be said");
    assert!(!there("req.ccc"), "nothing is asked for while the old one is in force");
    told.note("some days later the portal shows no environment any more");
    told.types(&format!("confirm {run} --in-force"), 0);
    told.runs(&format!("resume {run}"), 4);
    assert!(!there("ISTRUZIONI-REVOCA.txt"), "there is nothing left to be revoked");
    assert!(there("req.ccc") && there("ISTRUZIONI.txt"), "the new request waits");
}

/// The request that waits is uploaded, and its answer fetched: the run ends.
fn certified_by_hand(told: &mut Transcript<'_>, person: &Person<'_>, stage: &Stage, run: u64) {
    told.note("the person uploads req.ccc, and fetches CERTIF.IN");
    let request = stage.path(&format!("Documenti/da inviare/{run}/req.ccc"));
    let protocollo = person.upload(&request, "PKS10");
    told.types(&format!("confirm {run} --protocollo {protocollo}"), 0);
    let (first, second) = (
        stage.path(&format!("Documenti/da inviare/{run}/ISTRUZIONI.txt")),
        stage.path(&format!("Documenti/ricezione/ISTRUZIONI-{run}.txt")),
    );
    assert!(!first.exists() && second.exists(), "the sheet says what to fetch, and not to upload");
    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    told.runs(&format!("resume {run}"), 0);
    assert!(!first.exists() && !second.exists(), "there is nothing left to be done");
}

fn revoked_by_the_office(served: &Served, account: &Account) {
    let path = format!("/sandbox/v1/environments/{}/000/revoke", account.codice_fiscale);
    served.admin("POST", &path, Some(&json!({})));
}

/// A workspace with an environment, whose agency is a person from now on.
fn environment(served: &Served, number: u32) -> (Stage, Account, Person<'_>) {
    let stage = Stage::new(served);
    let first = served.account(&codice_fiscale(number));
    stage.setup(&first, &[]).expect_success();
    stage.hand_off(served);
    let (account, person) = for_a_person(served, &first);
    (stage, account, person)
}

/// What the program is given when a person goes to the portal, neither its keys nor the old PIN di
/// revoca; and that person, who knows them.
fn for_a_person<'a>(served: &'a Served, whole: &Account) -> (Account, Person<'a>) {
    let mut known = whole.clone();
    for secret in ["portal_password", "codice_pin"] {
        known.set(secret, None);
    }
    known.set("pin_di_revoca", Some(NEW_PIN));
    known.set("password", Some(NEW_PASSWORD));
    (known, Person::new(served, whole))
}

fn recover(account: &Account, more: &str) -> String {
    let Account { codice_fiscale, numero_busta, .. } = account;
    format!(
        "run recover_environment codice_fiscale={codice_fiscale} numero_busta={numero_busta} {more}"
    )
}

/// Expects that the environment opens with a password.
fn opens(stage: &Stage, folder: &str, account: &Account, password: &str) {
    let mut account = Account {
        secrets_file: stage.folder.path().join("segreti-di-prova.toml"),
        ..account.clone()
    };
    account.set("password_esistente", Some(password));
    let secrets = account.secrets_file.display().to_string();
    let shown = stage.run(&["certificates", folder, "--json", "--secrets", &secrets]).json();
    assert_eq!(shown.as_array().unwrap().len(), 2, "{folder}: {shown:#}");
}
