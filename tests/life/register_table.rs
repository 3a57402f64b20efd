//! The register's table from outside: `receipts` and `status` say what the files say, whatever is done to it.

use std::fs;
use std::path::PathBuf;

use crate::filed::submission;
use crate::stage::Stage;
use serde_json::{Value, json};

/// Enough for a table to be kept.
const MANY: u32 = 120;
const NOTHING: &str = r#"//! Niente.
const WORKFLOW = #{ summary: "Niente", uses: [], input: #{} };
fn run(input) { 1 }
"#;

fn scene() -> Stage {
    let stage = Stage::embedded();
    (1..=MANY).for_each(|number| submission(stage.folder.path(), number));
    fs::write(stage.path("niente.rhai"), NOTHING).unwrap();
    stage
}

#[test]
fn receipts_and_status_say_the_same_with_the_table_as_without_it() {
    let stage = scene();
    let (first, looked) = (receipts(&stage), status(&stage));
    assert_eq!(first["receipts"].as_array().unwrap().len(), MANY as usize);
    assert!(table(&stage).is_file(), "`receipts` has made it");
    assert_eq!(receipts(&stage), first);
    assert_eq!(status(&stage), looked);
    let made = fs::read(table(&stage)).unwrap();
    fs::remove_file(table(&stage)).unwrap();
    assert_eq!(status(&stage), looked);
    assert!(!table(&stage).exists(), "`status` only looks");

    // What acts brings it into step again: also what a crash has left undone, or somebody has done by hand.
    submission(stage.folder.path(), MANY + 1);
    stage.run(&["run", "./niente.rhai"]).expect_success();
    let now = fs::read_to_string(table(&stage)).unwrap();
    assert!(now.contains(&format!("2612{:013}", MANY + 1)), "the new one is in it");
    assert_eq!(receipts(&stage)["receipts"].as_array().unwrap().len(), MANY as usize + 1);
    // An older one that was restored knows less than the disk, and is not believed.
    fs::write(table(&stage), made).unwrap();
    assert_eq!(receipts(&stage)["receipts"].as_array().unwrap().len(), MANY as usize + 1);
    let rel = stage.path(&format!("Documenti/ricevute/2612{0:013}/2612{0:013}.rel", 7));
    fs::remove_file(&rel).unwrap();
    let next = status(&stage)["next"].as_array().unwrap().clone();
    let said = next.iter().any(|todo| todo["code"] == "file.problem");
    assert!(said, "a receipt that is gone is missed at once: {next:#?}");
}

#[test]
fn a_damaged_table_is_said_and_made_again() {
    let stage = scene();
    let (first, looked) = (receipts(&stage), status(&stage));
    let whole = fs::read(table(&stage)).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let long = b"x".repeat(1 << 20);
    for (case, bytes) in [("cut", &whole[..200]), ("another", &long[..]), ("empty", b"")] {
        fs::write(table(&stage), bytes).unwrap();
        let found = stage.run(&["status", "--json"]);
        let found: Value = serde_json::from_str(&found.stdout).unwrap();
        let path = table(&stage).display().to_string();
        let next = found["next"].as_array().unwrap();
        assert!(next.iter().any(|todo| todo["subject"] == path.as_str()), "{case}: {next:#?}");
        let said = receipts(&stage);
        assert_eq!(said["receipts"], first["receipts"], "{case}: the files are read");
        assert_eq!(said["problems"][0]["path"], path, "{case}");
        assert_eq!(fs::read(table(&stage)).unwrap(), whole, "{case}: made again");
        assert_eq!((receipts(&stage), status(&stage)), (first.clone(), looked.clone()), "{case}");
    }
    fs::write(table(&stage), flipped).unwrap();
    stage.run(&["run", "./niente.rhai"]).expect_success();
    assert_eq!(fs::read(table(&stage)).unwrap(), whole, "what acts makes it again, too");
}

/// The one thing that names and times do not tell.
#[test]
fn what_was_changed_in_place_is_found_by_verifying() {
    let stage = scene();
    receipts(&stage);
    // The invented receipts are not what they were sealed as.
    assert_eq!(stage.run(&["receipts", "--verify"]).code, Some(1));
    let row = stage.path(&format!("Documenti/ricezione/2612{:013}/ricevuta.json", 9));
    let text = fs::read_to_string(&row).unwrap();
    fs::write(&row, text.replace("DA APRIRE", "ANNULLATO")).unwrap();
    let verified = stage.run(&["receipts", "--verify", "--json"]);
    let verified: Value = serde_json::from_str(&verified.stdout).unwrap();
    let problems = verified["problems"].as_array().unwrap();
    let of_table = |problem: &&Value| problem["path"] == table(&stage).display().to_string();
    assert_eq!(problems.iter().filter(of_table).count(), 1, "{problems:#?}");
}

fn table(stage: &Stage) -> PathBuf {
    stage.path(".ceralacca/register.table")
}

fn receipts(stage: &Stage) -> Value {
    serde_json::from_str(&stage.run(&["receipts", "--json"]).stdout).unwrap()
}

/// Without the moment.
fn status(stage: &Stage) -> Value {
    let mut status: Value = serde_json::from_str(&stage.run(&["status", "--json"]).stdout).unwrap();
    status["at"] = json!(null);
    status
}
