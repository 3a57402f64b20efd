//! The manual channel, killed at every journal write and every rename: handing over, confirming, going on
//! with what has arrived. The person uploads one file, once.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod stage;

use std::fs;

use stage::kill::{Killed, killed_in_turn};
use stage::person::Person;
use stage::{Served, Stage, codice_fiscale};

#[test]
fn killed_anywhere_by_hand() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(84_000)));
    let person = Person::new(&served, &account);
    let setup = stage.setup_arguments("setup_environment", &account);
    let request = stage.path("Documenti/da inviare/1/req.ccc");

    let handing = killed_in_turn(&stage, &account, &setup, 1);
    assert_eq!(handing.ended, Some(4), "it waits for the person");
    let handed_over = fs::read(&request).unwrap();
    assert!(stage.path("Documenti/da inviare/1/ISTRUZIONI.txt").exists());

    let not_sent = killed_confirming(&stage, &["--not-sent"]);
    let again = killed_in_turn(&stage, &account, &setup, 1);
    assert_eq!(again.ended, Some(4), "it is handed over again");
    assert_eq!(fs::read(&request).unwrap(), handed_over, "the same request, the same keys");

    let protocollo = person.upload(&request, "PKS10");
    let confirming = killed_confirming(&stage, &["--protocollo", &protocollo]);
    let waiting = killed_in_turn(&stage, &account, &setup, 1);
    assert_eq!(waiting.ended, Some(4), "it waits for the receipt");

    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    let importing = killed_in_turn(&stage, &account, &setup, 1);
    assert_eq!(importing.ended, Some(0));
    assert!(stage.path("ambiente/UTENTE.KS").exists());
    let kept = stage.path(&format!("Documenti/inviati/{protocollo}-req.ccc"));
    assert_eq!(fs::read(kept).unwrap(), handed_over);
    let secrets = account.secrets_file.display().to_string();
    stage.run(&["certificates", "--secrets", &secrets]).expect_success();
    stage.run(&["journal", "verify"]).expect_success();
    assert_eq!(stage.leftovers(), [] as [std::path::PathBuf; 0]);
    assert_eq!(served.requests(), 1);
    let kills = [&handing, &again, &waiting, &importing].map(Killed::count);
    stage::say(&format!(
        "by hand: killed {kills:?} times while it handed over, handed over again, waited and imported; \
         confirm {not_sent} and {confirming} times"
    ));
}

/// A file that other software prepared, and a receipt in no known format.
#[test]
fn killed_anywhere_with_a_prepared_file() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(84_001)));
    fs::write(stage.path("dichiarazione.ccf"), [0x42; 3000]).unwrap();
    let send = ["run", "send_file", "--approve", "file=dichiarazione.ccf", "tipo_documento=IVA26"];
    let send = send.map(str::to_owned);
    let handing = killed_in_turn(&stage, &account, &send, 1);
    assert_eq!(handing.ended, Some(4), "it waits for the person");
    let copy = fs::read(stage.path("Documenti/da inviare/1/dichiarazione.ccf")).unwrap();
    assert_eq!(copy, [0x42; 3000]);
    stage.run(&["confirm", "1", "--protocollo", "26112200000000777"]).expect_success();
    stage.deliver("26112200000000777.bin", b"a format of its own");
    let ending = killed_in_turn(&stage, &account, &send, 1);
    assert_eq!(ending.ended, Some(0));
    let accepted = killed_confirming(&stage, &["--accepted"]);
    let rows = stage.run(&["receipts", "--json"]).json();
    assert_eq!(rows["receipts"].as_array().unwrap().len(), 1, "{rows:#}");
    assert_eq!(rows["receipts"][0]["stato"], "ELABORATO");
    let kept = fs::read(stage.path("Documenti/ricezione/26112200000000777.bin")).unwrap();
    assert_eq!(kept, b"a format of its own");
    assert_eq!(stage.leftovers(), [] as [std::path::PathBuf; 0]);
    let kills = [&handing, &ending].map(Killed::count);
    stage::say(&format!("send_file by hand: killed {kills:?} times; confirm {accepted} times"));
}

/// Kills `confirm` at each of its points, one after the other, then lets it say the same again.
fn killed_confirming(stage: &Stage, said: &[&str]) -> u32 {
    let arguments = [&["confirm", "1"], said].concat();
    let mut point = 1;
    while stage::kill::killed_at(&mut stage.command(&arguments), point).is_some() {
        point += 1;
    }
    point - 1
}
