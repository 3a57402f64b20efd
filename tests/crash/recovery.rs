//! The workflows of an environment's life, killed at every journal write and every rename, then resumed:
//! nothing is sent twice, no key is lost, and what was there before still opens.

use std::fs;
use std::path::PathBuf;

use crate::stage::impronta::{Filing, copy};
use crate::stage::kill::{killed_at, killed_in_turn, sampled};
use crate::stage::person::Person;
use crate::stage::{self, Account, Finished, PASSWORD, Served, Stage, codice_fiscale};

const NEW_PASSWORD: &str = "Passero77Beta";

/// One renewal, killed at each of its points in turn.
#[test]
fn renewal() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), account(&served, 83_000));
    stage.setup(&account, &[]).expect_success();
    let old = fs::read(stage.path("ambiente/UTENTE.KS")).unwrap();
    let renew = workflow("renew_environment", &account, &["numero_busta", "utente"]);
    let kills = replaced(&served, &stage, &account, &renew);
    let set_aside = stage.set_aside();
    assert_eq!(set_aside.len(), 1);
    assert_eq!(fs::read(set_aside[0].join("UTENTE.KS")).unwrap(), old, "set aside whole");
    stage::say(&format!("renew_environment: one run killed {kills} times, at each point"));
}

/// The same for a lost medium.
#[test]
fn recovery() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), account(&served, 83_001));
    stage.setup(&account, &[]).expect_success();
    fs::remove_dir_all(stage.path("ambiente")).unwrap();
    let mut recover =
        workflow("recover_environment", &account, &["codice_fiscale", "numero_busta", "utente"]);
    recover.push("chiave_persa=yes".to_owned());
    let kills = replaced(&served, &stage, &account, &recover);
    stage::say(&format!("recover_environment: one run killed {kills} times, at each point"));
}

/// The same where the old keys still open: by the gateway and, in [`recovery_by_hand`], by a person.
#[test]
fn recovery_with_keys_that_open() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), account(&served, 83_010));
    stage.setup(&account, &[]).expect_success();
    let old = fs::read(stage.path("ambiente/UTENTE.KS")).unwrap();
    let mut recover =
        workflow("recover_environment", &account, &["codice_fiscale", "numero_busta", "utente"]);
    recover.push("chiave_persa=no".to_owned());
    let kills = replaced(&served, &stage, &account, &recover);
    assert_eq!(fs::read(stage.set_aside()[0].join("UTENTE.KS")).unwrap(), old, "set aside whole");
    stage::say(&format!("recover_environment, old keys: one run killed {kills} times"));
}

#[test]
fn recovery_by_hand() {
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), account(&served, 83_011));
    stage.setup(&account, &[]).expect_success();
    stage.hand_off(&served);
    let person = Person::new(&served, &account);
    let mut recover =
        workflow("recover_environment", &account, &["codice_fiscale", "numero_busta"]);
    recover.push("chiave_persa=no".to_owned());
    // Up to the sheet; up to req.ccc; to the end.
    let mut kills = killed_in_turn(&stage, &account, &recover, 2).count();
    assert!(stage.path("Documenti/da inviare/2/ISTRUZIONI-REVOCA.txt").exists());
    let pin = &account.secrets["pin_di_revoca_esistente"];
    assert!((200..300).contains(&person.revoke(pin)));
    stage.run(&["confirm", "2", "--in-force"]).expect_success();
    kills += killed_in_turn(&stage, &account, &recover, 2).count();
    let request = stage.path("Documenti/da inviare/2/req.ccc");
    let protocollo = person.upload(&request, "PKS10");
    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    let killed = killed_in_turn(&stage, &account, &recover, 2);
    assert_eq!(killed.ended, Some(0));
    kills += killed.count();
    check_environment(&stage, &account, "by hand, at the end");
    assert_eq!(stage.set_aside().len(), 1);
    assert_eq!((served.requests(), served.revocations()), (2, 1));
    assert_eq!(stage.leftovers(), [] as [PathBuf; 0]);
    stage::say(&format!("recover_environment by hand: one run killed {kills} times"));
}

/// Kills one run at each of its points, and counts what the Agency has received. Gives the kills.
fn replaced(served: &Served, stage: &Stage, account: &Account, arguments: &[String]) -> usize {
    let before = (served.requests(), served.revocations());
    let killed = killed_in_turn(stage, account, arguments, runs(stage) + 1);
    assert_eq!(killed.ended, Some(0));
    let after = (served.requests(), served.revocations());
    assert_eq!(after, (before.0 + 1, before.1 + 1), "requests and revocations");
    check_environment(stage, account, "at the end");
    assert_eq!(stage.leftovers(), [] as [PathBuf; 0]);
    for expected in ["before journal intent", "before rename to UTENTE.KS", "after journal ended"] {
        assert!(killed.was_at(expected), "{expected}");
    }
    killed.count()
}

#[test]
fn import_of_what_came_by_hand() {
    let served = Served::start();
    let (first, account) = (Stage::by_hand(&served), account(&served, 83_002));
    assert_eq!(first.setup(&account, &[]).code, Some(4));
    let person = Person::new(&served, &account);
    let protocollo = person.upload(&first.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    let certif_in = person.fetch(&protocollo, "CERTIF.IN");
    let mut import = workflow("import_certificates", &account, &[]);
    import.push("certif_in=CERTIF.IN".to_owned());
    let ready = || {
        let stage = copied(&served, &first);
        fs::write(stage.path("CERTIF.IN"), &certif_in).unwrap();
        stage
    };
    killed_everywhere(ready, &account, &import, |stage, place| {
        check_environment(stage, &account, place);
    });
}

#[test]
fn change_of_the_password() {
    let served = Served::start();
    let (first, mut account) = (Stage::new(&served), account(&served, 83_003));
    first.setup(&account, &[]).expect_success();
    account.set("password", Some(NEW_PASSWORD));
    let change = workflow("change_password", &account, &[]);
    let mut afterwards = served.account(&codice_fiscale(83_004));
    afterwards.set("password_esistente", Some(NEW_PASSWORD));
    killed_everywhere(
        || copied(&served, &first),
        &account,
        &change,
        |stage, place| {
            check_environment(stage, &afterwards, place);
            assert_eq!(certificates(stage, &account).error_code(), "keystore.wrong_password");
        },
    );
}

#[test]
fn copy_to_a_second_medium() {
    let served = Served::start();
    let (first, account) = (Stage::new(&served), account(&served, 83_005));
    first.setup(&account, &[]).expect_success();
    let mut arguments = workflow("copy_environment", &account, &[]);
    arguments.push("copy=copia".to_owned());
    killed_everywhere(
        || copied(&served, &first),
        &account,
        &arguments,
        |stage, place| {
            for name in ["UTEF.P12", "UTEC.P12", "UTENTE.KS"] {
                let [original, copied] = ["ambiente", "copia"]
                    .map(|folder| fs::read(stage.path(folder).join(name)).unwrap());
                assert_eq!(original, copied, "{place}: {name}");
            }
        },
    );
}

#[test]
fn collection_of_receipts() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(83_006));
    let first = filing.stage();
    for period in 1..=2 {
        filing.file(&first, period).expect_success();
    }
    // However few one answer lists, all are found.
    let few = serde_json::json!({ "receipts_per_answer": 1 });
    served.admin("PUT", "/sandbox/v1/settings", Some(&few));
    let collect = workflow("collect_receipts", &filing.account, &["utente"]);
    killed_everywhere(
        || filing.stage(),
        &filing.account,
        &collect,
        |stage, place| {
            let listed = stage.run(&["receipts", "--json"]).json();
            let read = listed["receipts"].as_array().unwrap().iter();
            let read = read.filter(|row| row["receipt"] == "letta").count();
            assert_eq!(read, 2, "{place}: {listed:#}");
        },
    );
}

/// A workspace with a copy of another one's environment.
fn copied(served: &Served, first: &Stage) -> Stage {
    let stage = Stage::new(served);
    copy(&first.path("ambiente"), &stage.path("ambiente"));
    stage
}

/// Kills a run at each point that is tried, each time where all is `ready`, and resumes it.
fn killed_everywhere(
    ready: impl Fn() -> Stage,
    account: &Account,
    arguments: &[String],
    check: impl Fn(&Stage, &str),
) {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sample = sampled(&mut ready().command(&words));
    for point in &sample.points {
        let stage = ready();
        check(&stage, &killed(&stage, account, &words, *point));
    }
    stage::say(&format!("{}: killed and resumed at {}", words[1], sample.said()));
}

/// Kills a run at the point and resumes it; says where it was.
fn killed(stage: &Stage, account: &Account, arguments: &[&str], point: u32) -> String {
    let runs_before = runs(stage);
    let name = killed_at(&mut stage.command(arguments), point);
    let name = name.expect("each run passes as many points");
    let place = format!("{} killed at point {point}, {name}", arguments[1]);
    // A run that was killed before its first entry does not exist: it is begun again.
    let finished = match runs(stage) {
        now if now > runs_before => stage.resume(now, account, &[]),
        _ => stage.run(arguments),
    };
    if name == "after journal finished" {
        assert_eq!(finished.error_code(), "run.finished", "{place}");
    } else {
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert_eq!(finished.code, Some(0), "{place}: {said}");
    }
    place
}

fn runs(stage: &Stage) -> u64 {
    stage.run(&["runs", "--json"]).json().as_array().unwrap().len() as u64
}

fn workflow(name: &str, account: &Account, inputs: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["run", name, "--approve", "--json", "--secrets"].map(str::to_owned).into();
    arguments.push(account.secrets_file.display().to_string());
    for input in inputs {
        let text = match *input {
            "codice_fiscale" => &account.codice_fiscale,
            "numero_busta" => &account.numero_busta,
            "utente" => &account.utente,
            other => panic!("{other}"),
        };
        arguments.push(format!("{input}={text}"));
    }
    arguments
}

/// An account whose environments all have one PIN and one password.
fn account(served: &Served, number: u32) -> Account {
    let mut account = served.account(&codice_fiscale(number));
    let pin = account.secrets["pin_di_revoca"].clone();
    account.set("pin_di_revoca_esistente", Some(&pin));
    account.set("password_precedente", Some(PASSWORD));
    account
}

fn check_environment(stage: &Stage, account: &Account, place: &str) {
    let entries = fs::read_dir(stage.path("ambiente")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["UTEC.P12", "UTEF.P12", "UTENTE.KS"], "{place}");
    let shown = certificates(stage, account).json();
    assert_eq!(shown.as_array().unwrap().len(), 2, "{place}");
    stage.run(&["journal", "verify"]).expect_success();
}

fn certificates(stage: &Stage, account: &Account) -> Finished {
    let secrets = account.secrets_file.display().to_string();
    stage.run(&["certificates", "--json", "--secrets", &secrets])
}
