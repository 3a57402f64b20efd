//! The manual channel, killed at every journal write and every rename: handing over, confirming, going on
//! with what has arrived. The person uploads one file, once.

use std::fs;

use serde_json::Value;

use crate::stage::kill::{Killed, killed_in_turn};
use crate::stage::person::Person;
use crate::stage::{self, Served, Stage, codice_fiscale};

/// A receipt in a form that is not known, which says where it ends.
const RECEIPT: &[u8] = b"%PDF-1.7\n% una ricevuta\n%%EOF\n";

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
    let sheet = |point: &String| point.starts_with("before rename to ISTRUZIONI");
    assert!(confirming.iter().any(sheet), "{confirming:?}");
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
    let (not_sent, confirming) = (not_sent.len(), confirming.len());
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
    stage.deliver("26112200000000777.pdf", RECEIPT);
    let accepted = killed_confirming(&stage, &["--accepted"]);
    let ending = killed_in_turn(&stage, &account, &send, 1);
    assert_eq!(ending.ended, Some(0));
    let rows = stage.run(&["receipts", "--json"]).json();
    assert_eq!(rows["receipts"].as_array().unwrap().len(), 1, "{rows:#}");
    assert_eq!(rows["receipts"][0]["stato"], "ELABORATO");
    let kept = fs::read(stage.path("Documenti/ricezione/26112200000000777.pdf")).unwrap();
    assert_eq!(kept, RECEIPT);
    assert_eq!(stage.leftovers(), [] as [std::path::PathBuf; 0]);
    // Not said again in the same words: what is known is whole all the same.
    let refused = ["confirm", "1", "--correct", "--rejected", "File errato"];
    let rejecting = stage::kill::killed_each_time(&stage, &refused, |point| {
        let stato = stage.run(&["receipts", "--json"]).json()["receipts"][0]["stato"].clone();
        assert!(stato == "ELABORATO" || stato == "SCARTATO", "{point}: {stato}");
        let other_words = ["confirm", "1", "--correct", "--rejected", "file errato"];
        stage.run(&other_words).expect_success();
        let row = stage.run(&["receipts", "--json"]).json()["receipts"][0].clone();
        assert_eq!(row["stato"], "SCARTATO", "{point}: {row:#}");
    });
    let kills = [&handing, &ending].map(Killed::count);
    let (accepted, rejecting) = (accepted.len(), rejecting.len());
    stage::say(&format!(
        "send_file by hand: killed {kills:?} times; confirm {accepted} and {rejecting} times"
    ));
}

/// A rejection with its receipt, taken back, and the run given up: what was said before counts, or what
/// was said then, and never half of it.
#[test]
fn killed_anywhere_while_somebody_corrects_himself() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(84_002)));
    fs::write(stage.path("d.ccf"), [0x42; 3000]).unwrap();
    fs::write(stage.path("r.pdf"), b"%PDF-1.7\n%%EOF\n").unwrap();
    let secrets = account.secrets_file.display().to_string();
    let send = ["run", "send_file", "--approve", "--secrets", &secrets, "file=d.ccf"];
    let send = [&send[..], &["tipo_documento=IVA26"]].concat();
    assert_eq!(stage.run(&send).code, Some(4));
    let (wrong, right) = ("26112200000000771", "26112200000000772");
    let rejected = ["--protocollo", wrong, "--rejected", "scarto", "--receipt", "r.pdf"];
    let mut kills = vec![killed_confirming(&stage, &rejected).len()];
    assert_eq!(stage.resume(1, &account, &[]).code, Some(1));
    kills.push(killed_confirming(&stage, &["--correct", "--protocollo", right]).len());
    kills.push(killed_confirming(&stage, &["--correct", "--accepted"]).len());
    stage.resume(1, &account, &[]).expect_success();
    let rows = stage.run(&["receipts", "--json"]).json();
    assert_eq!(rows["receipts"].as_array().unwrap().len(), 1, "{rows:#}");
    assert_eq!(rows["receipts"][0]["protocollo"], right);
    assert_eq!(rows["receipts"][0]["stato"], "ELABORATO", "{rows:#}");

    fs::write(stage.path("d.ccf"), [0x43; 3000]).unwrap();
    assert_eq!(stage.run(&send).code, Some(4));
    stage.run(&["confirm", "2", "--not-sent"]).expect_success();
    let given_up = killed_giving_up(&stage);
    let status = stage.run(&["status"]).stdout;
    assert!(!status.contains("run 2"), "{status}");
    assert_eq!(stage.leftovers(), [] as [std::path::PathBuf; 0]);
    let given_up = given_up.len();
    stage::say(&format!("corrections: confirm killed {kills:?} times, abandon {given_up} times"));
}

/// `abandon 2`, killed at each of its points; a repetition finds it done or does it, and nothing is
/// left to upload.
fn killed_giving_up(stage: &Stage) -> Vec<String> {
    let arguments = ["abandon", "2", "--reason", "sbagliato"];
    let is_over = || {
        let runs = stage.run(&["runs", "--json"]).json();
        let over = |run: &Value| run["run"] == 2 && run["status"] == "abandoned";
        assert!(runs.as_array().unwrap().iter().any(over), "{runs:#}");
        assert!(!stage.path("Documenti/da inviare/2/d.ccf").exists());
    };
    let points = stage::kill::killed_each_time(stage, &arguments, |_| {
        let again = stage.run(&arguments);
        let is_done = again.code == Some(0) || again.stderr.contains("run.abandoned");
        assert!(is_done, "{}", again.stderr);
        is_over();
    });
    is_over();
    points
}

/// A revocation that somebody asks for at the portal.
#[test]
fn killed_anywhere_while_a_revocation_comes_into_force() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    let revoke = "agency::portal().revoke(#{ numero: \"12345678\" }).wait_in_force(\"30d\")";
    let workflow = format!(
        "const WORKFLOW = #{{ summary: \"Prova\", input: #{{}}, uses: [\"agency\"] }};\n\
         fn run(input) {{\n    {revoke};\n}}\n"
    );
    fs::write(stage.path("prova.rhai"), workflow).unwrap();
    assert_eq!(stage.run(&["run", "./prova.rhai", "--approve"]).code, Some(4));
    let said: [&[&str]; 5] =
        [&["--not-sent"], &["--correct"], &["--in-force"], &["--correct"], &["--in-force"]];
    let kills = said.map(|said| killed_confirming(&stage, said).len());
    stage.run(&["resume", "1", "--approve"]).expect_success();
    assert_eq!(stage.leftovers(), [] as [std::path::PathBuf; 0]);
    stage::say(&format!("a revocation by hand: confirm killed {kills:?} times"));
}

/// Kills `confirm` at each of its points; said once more, it is known.
fn killed_confirming(stage: &Stage, said: &[&str]) -> Vec<String> {
    let arguments = [&["confirm", "1"], said].concat();
    let points = stage::kill::killed_each_time(stage, &arguments, |_| {
        stage.run(&arguments).expect_success();
    });
    assert!(points.iter().any(|point| point.starts_with("after rename to")), "{points:?}");
    points
}
