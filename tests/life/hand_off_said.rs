//! What a person says of an upload, from outside: the same file twice, mistakes and their correction,
//! words against the evidence, and runs that are given up.

use std::fs;

use serde_json::Value;

use crate::stage::person::Person;
use crate::stage::transcript::Transcript;
use crate::stage::{Account, Finished, Served, Stage, codice_fiscale};

const FIRST: &str = "26112200000000771";
const SECOND: &str = "26112200000000772";
const PDF: &[u8] = b"%PDF-1.7\n% ricevuta\n%%EOF\n";

/// A workspace by hand with a file that other software prepared.
struct Desk {
    _served: Served,
    stage: Stage,
    account: Account,
}

impl Desk {
    fn new(number: u32) -> Desk {
        let served = Served::start();
        let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(number)));
        fs::write(stage.path("d.ccf"), [0x42; 3000]).unwrap();
        Desk { _served: served, stage, account }
    }

    fn send(&self) -> Finished {
        let secrets = self.account.secrets_file.display().to_string();
        let send =
            ["run", "send_file", "--approve", "--json", "file=d.ccf", "tipo_documento=IVA26"];
        self.stage.run(&[&send[..], &["--secrets", &secrets]].concat())
    }

    /// Says something with exit code 0.
    fn says(&self, said: &str) -> Finished {
        self.say(said).expect_success()
    }

    fn say(&self, said: &str) -> Finished {
        self.stage.run(&said.split(' ').collect::<Vec<_>>())
    }

    fn refused(&self, said: &str) -> String {
        let refused =
            self.stage.run(&[&said.split(' ').collect::<Vec<_>>()[..], &["--json"]].concat());
        assert_ne!(refused.code, Some(0), "{said}: {}", refused.stdout);
        refused.error_code()
    }

    fn resume(&self, run: u64) -> Finished {
        self.stage.resume(run, &self.account, &["--patience", "0s"])
    }

    /// The row with this number.
    fn row(&self, number: &str) -> Value {
        let rows = self.stage.run(&["receipts", "--json"]).json();
        let mut found = rows["receipts"].as_array().unwrap().iter();
        found.find(|row| row["protocollo"] == number).cloned().unwrap_or_default()
    }
}

#[test]
fn the_same_file_after_a_rejection_is_sent_again() {
    let desk = Desk::new(86_000);
    assert_eq!(desk.send().code, Some(4));
    let reject = ["confirm", "1", "--protocollo", FIRST, "--rejected", "Delega mancante"];
    desk.stage.run(&reject).expect_success();
    assert_eq!(desk.resume(1).code, Some(1));

    assert_eq!(desk.send().code, Some(4), "the person is asked");
    desk.says("confirm 2 --not-sent");
    let again = desk.resume(2);
    assert_eq!((again.code, again.error_code().as_str()), (Some(4), "hand_off.to_be_sent"));
    assert!(desk.stage.path("Documenti/da inviare/2/d.ccf").exists());
    desk.says(&format!("confirm 2 --protocollo {SECOND}"));
    assert_eq!(desk.resume(2).code, Some(4), "it waits for its own receipt");
    desk.stage.deliver(&format!("{SECOND}.pdf"), PDF);
    desk.says("confirm 2 --accepted");
    let finished = desk.resume(2).json();
    assert_eq!(finished["result"]["protocollo"], SECOND);
    assert_eq!(
        (&desk.row(FIRST)["stato"], &desk.row(FIRST)["run"]),
        (&"SCARTATO".into(), &1.into())
    );
    assert_eq!(desk.row(SECOND)["stato"], "ELABORATO");
}

#[test]
fn what_only_another_run_has_confirmed_is_not_sent() {
    let desk = Desk::new(86_001);
    for _ in 0..2 {
        assert_eq!(desk.send().code, Some(4));
    }
    desk.says(&format!("confirm 1 --protocollo {FIRST}"));
    for said in ["", "confirm 2 --not-sent"] {
        if !said.is_empty() {
            desk.says(said);
        }
        let waits = desk.resume(2);
        assert_eq!((waits.code, waits.error_code().as_str()), (Some(4), "hand_off.to_be_sent"));
    }
    // Whoever says that both are one submission may.
    desk.says(&format!("confirm 2 --protocollo {FIRST}"));
    desk.stage.deliver(&format!("{FIRST}.pdf"), PDF);
    desk.says("confirm 1 --accepted");
    desk.says("confirm 2 --accepted");
    desk.resume(1).expect_success();
    desk.resume(2).expect_success();
}

#[test]
fn a_refused_word_leaves_no_receipt_behind() {
    let desk = Desk::new(86_002);
    assert_eq!(desk.send().code, Some(4));
    desk.says(&format!("confirm 1 --protocollo {FIRST}"));
    fs::write(desk.stage.path("r.pdf"), PDF).unwrap();
    let said = format!("confirm 1 --protocollo {SECOND} --receipt r.pdf");
    assert_eq!(desk.refused(&said), "hand_off.already_confirmed");
    assert!(!desk.stage.path("Documenti/ricezione/ricevuta-1-d.ccf.pdf").exists());
    assert_eq!(desk.resume(1).code, Some(4));
    // The page of the confirmation, printed, is no receipt.
    desk.stage.deliver(&format!("conferma {FIRST}.pdf"), PDF);
    assert_eq!(desk.resume(1).code, Some(4));
}

#[test]
fn a_mistyped_number_is_corrected() {
    let desk = Desk::new(86_003);
    let mut told = Transcript::new(&desk.stage, &desk.account);
    told.runs("run send_file file=d.ccf tipo_documento=IVA26", 4);
    told.types("confirm 1 --protocollo 123", 2);
    told.types("confirm 1 --in-force", 2);
    told.types(&format!("confirm 1 --protocollo {FIRST}"), 0);
    told.runs("resume 1", 4);
    told.note("it was the number of the row above");
    told.types(&format!("confirm 1 --protocollo {SECOND}"), 1);
    told.types(&format!("confirm 1 --correct --protocollo {SECOND}"), 0);
    told.runs("resume 1", 4);
    desk.stage.deliver(&format!("{SECOND}.pdf"), PDF);
    told.note("the wrong one is free for the run that it belongs to");
    fs::write(desk.stage.path("altro.ccf"), [0x43; 3000]).unwrap();
    told.runs("run send_file file=altro.ccf tipo_documento=IVA26", 4);
    told.types(&format!("confirm 2 --protocollo {FIRST}"), 0);
    told.types("confirm 1 --accepted", 0);
    told.runs("resume 1", 0);
    told.types("confirm 1", 0);
    told.types("receipts", 0);
    told.check("hand_off_corrected");
    assert_eq!(desk.row(SECOND)["run"], 1);
}

#[test]
fn a_rejection_that_was_of_another_run_is_taken_back() {
    let desk = Desk::new(86_004);
    assert_eq!(desk.send().code, Some(4));
    let reject = ["confirm", "1", "--protocollo", FIRST, "--rejected", "di un altro"];
    desk.stage.run(&reject).expect_success();
    let rejected = desk.resume(1);
    assert_eq!((rejected.code, rejected.error_code().as_str()), (Some(1), "agency.rejected"));
    assert_eq!(desk.row(FIRST)["stato"], "SCARTATO");
    desk.says("confirm 1 --correct");
    assert_ne!(desk.row(FIRST)["stato"], "SCARTATO");
    assert_eq!(desk.resume(1).code, Some(4), "it waits for its receipt again");
    desk.stage.deliver(&format!("{FIRST}.pdf"), PDF);
    desk.says("confirm 1 --accepted");
    desk.resume(1).expect_success();
    assert_eq!(desk.row(FIRST)["stato"], "ELABORATO");
    let record = fs::read_dir(desk.stage.path(".ceralacca/hand-off")).unwrap();
    let record = record.flatten().find(|entry| entry.path().extension().is_some()).unwrap();
    let record: Value = serde_json::from_slice(&fs::read(record.path()).unwrap()).unwrap();
    assert_eq!(record["corrections"].as_array().unwrap().len(), 1, "{record:#}");
}

#[test]
fn another_receipt_takes_the_place_of_a_page_that_was_taken_for_it() {
    let desk = Desk::new(86_005);
    assert_eq!(desk.send().code, Some(4));
    desk.says(&format!("confirm 1 --protocollo {FIRST}"));
    desk.stage.deliver(&format!("{FIRST}.pdf"), PDF);
    let sealed = desk.resume(1);
    assert_eq!((sealed.code, sealed.error_code().as_str()), (Some(1), "receipt.opaque"));
    fs::write(desk.stage.path("vera.pdf"), b"%PDF-1.7\n% vera\n%%EOF\n").unwrap();
    desk.says("confirm 1 --receipt vera.pdf --accepted");
    desk.resume(1).expect_success();
    let row = desk.row(FIRST);
    let kept = fs::read(row["paths"]["opaque"].as_str().unwrap()).unwrap();
    assert_eq!(kept, b"%PDF-1.7\n% vera\n%%EOF\n");
    let noted = desk.stage.path(&format!("Documenti/ricezione/{FIRST}/ricevuta.json"));
    assert!(fs::read_to_string(noted).unwrap().contains("ricevuta-1-d.ccf.pdf"));
    assert!(desk.stage.path(&format!("Documenti/ricezione/{FIRST}.pdf")).exists());
    let said = desk.says("confirm 1").stdout;
    assert!(said.contains("finished") && !said.contains("Next: ceralacca resume"), "{said}");
}

#[test]
fn a_certificate_counts_for_more_than_a_word() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(86_006)));
    let person = Person::new(&served, &account);
    assert_eq!(stage.setup(&account, &[]).code, Some(4));
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    stage.deliver("certif (1).in", &person.fetch(&protocollo, "CERTIF.IN"));
    let rejected = ["confirm", "1", "--rejected", "sbaglio", "--json"];
    assert_eq!(stage.run(&rejected).error_code(), "hand_off.against_evidence");
    stage.resume(1, &account, &[]).expect_success();
    fs::remove_file(stage.path("Documenti/ricezione/certif (1).in")).unwrap();
    let rejected = [&rejected[..], &["--correct"]].concat();
    assert_eq!(stage.run(&rejected).error_code(), "hand_off.against_evidence");
    let not_sent = ["confirm", "1", "--correct", "--not-sent", "--json"];
    assert_eq!(stage.run(&not_sent).error_code(), "hand_off.against_evidence");
}

#[test]
fn what_was_not_sent_can_be_given_up() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    let mistyped = served.account(&codice_fiscale(86_007));
    let account = served.account(&codice_fiscale(86_008));
    let mut told = Transcript::new(&stage, &mistyped);
    told.hide(&mistyped.codice_fiscale, "MISTYPED");
    told.hide(&account.codice_fiscale, "RIGHT");
    told.runs(&format!("run setup_environment codice_fiscale={}", mistyped.codice_fiscale), 4);
    told.note("it is the codice fiscale of somebody else: nothing is uploaded");
    told.types("abandon 1 --reason sbagliato", 1);
    told.types("confirm 1 --not-sent", 0);
    told.types("status", 4);
    told.types("abandon 1 --reason sbagliato", 0);
    assert!(!stage.path("Documenti/da inviare/1/req.ccc").exists(), "nobody uploads it");
    told.types("confirm 1 --not-sent", 0);
    told.secrets(&account);
    told.runs(&format!("run setup_environment codice_fiscale={}", account.codice_fiscale), 4);
    told.types("status", 4);
    told.check("hand_off_given_up");
}

#[test]
fn a_copy_that_was_changed_is_told_and_a_folder_in_its_place_too() {
    let desk = Desk::new(86_009);
    assert_eq!(desk.send().code, Some(4));
    let copy = desk.stage.path("Documenti/da inviare/1/d.ccf");
    fs::remove_file(&copy).unwrap();
    fs::create_dir(&copy).unwrap();
    let refused = desk.resume(1);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(1), "hand_off.not_stored"));
    fs::remove_dir(&copy).unwrap();
    fs::write(&copy, "another").unwrap();
    let said = desk.says(&format!("confirm 1 --protocollo {FIRST}")).stdout;
    assert!(said.contains("warning:") && said.contains("--correct --not-sent"), "{said}");
}
