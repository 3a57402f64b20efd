//! Runs that stopped before they sent anything: one line in `status`, given up together.

use std::fs;

use crate::stage::kill::killed_each_time;
use crate::stage::{Served, Stage, codice_fiscale, golden};
use serde_json::{Value, json};

/// Runs 1 and 2 are tries; 3 has sent and its receipt cannot be read; 4 waits for a person; 5 has made
/// keys; 6 is finished; 7 is a try; 8 was given up.
fn scene(served: &Served) -> Stage {
    let stage = Stage::by_hand(served);
    let account = served.account(&codice_fiscale(83_000));
    let send = |file: &str, code: i32| {
        let file = format!("file={file}");
        let sent = stage.run(&["run", "send_file", &file, "tipo_documento=IVA26", "--approve"]);
        assert_eq!(sent.code, Some(code), "{}{}", sent.stdout, sent.stderr);
    };
    send("manca.ccf", 1);
    send("manca.ccf", 1);
    fs::write(stage.path("uno.ccf"), [0x42; 3000]).unwrap();
    send("uno.ccf", 4);
    stage.run(&["confirm", "3", "--protocollo", "26112200000000777"]).expect_success();
    stage.deliver("26112200000000777.bin", b"\x01\x02 a format of its own");
    let secrets = account.secrets_file.display().to_string();
    assert_eq!(stage.run(&["resume", "3", "--secrets", &secrets]).code, Some(1));
    fs::write(stage.path("due.ccf"), [0x43; 3000]).unwrap();
    send("due.ccf", 4);
    fs::rename(stage.path("ca.cer"), stage.path("ca.via")).unwrap();
    assert_eq!(stage.setup(&account, &[]).code, Some(1), "its keys are made");
    fs::rename(stage.path("ca.via"), stage.path("ca.cer")).unwrap();
    fs::write(stage.path("fa.rhai"), DOES_NOTHING).unwrap();
    stage.run(&["run", "./fa.rhai"]).expect_success();
    send("manca.ccf", 1);
    send("manca.ccf", 1);
    stage.run(&["abandon", "8"]).expect_success();
    stage
}

const DOES_NOTHING: &str = r#"//! Niente.
const WORKFLOW = #{ summary: "Niente", uses: [], input: #{} };
fn run(input) { 1 }
"#;

#[test]
fn tries_are_one_line_and_are_given_up_together() {
    let served = Served::start();
    let stage = scene(&served);
    let before = statuses(&stage);
    let tries = todo(&stage, "run.unsent");
    assert_eq!((tries["count"].clone(), &tries["subject"]), (json!(3), &json!("7")), "{tries:#}");
    let next = status(&stage)["next"].as_array().unwrap().clone();
    let failed: Vec<_> = next.iter().filter(|todo| todo["code"] == "run.failed").collect();
    assert_eq!(failed.len(), 2, "what sent, and what has keys, is said by itself: {next:#?}");

    let refused = stage.run(&["abandon", "--all-unsent"]);
    assert_eq!(refused.code, Some(1), "{}{}", refused.stdout, refused.stderr);
    golden::check("tests/errors/run.abandon_not_approved.txt", &refused.stderr);
    assert_eq!(statuses(&stage), before, "nobody said yes");
    for wrong in
        [&["abandon"][..], &["abandon", "1", "--all-unsent"], &["abandon", "1", "--approve"]]
    {
        assert_eq!(stage.run(wrong).code, Some(2), "{wrong:?}");
    }

    let all = ["abandon", "--all-unsent", "--approve", "--reason", "prove"];
    let given_up = stage.run(&[&all[..], &["--json"]].concat()).json();
    assert_eq!(given_up, json!({ "abandoned": [1, 2, 7], "left": [] }));
    let mut expected = before;
    for run in [1, 2, 7] {
        expected[run - 1] = "abandoned".to_owned();
    }
    assert_eq!(statuses(&stage), expected, "those and no others");
    assert_eq!(todo(&stage, "run.unsent"), Value::Null);
    let nothing = stage.run(&all).expect_success();
    assert!(nothing.stdout.contains("nothing to give up"), "{}", nothing.stdout);
}

#[test]
fn a_kill_in_between_leaves_the_others_for_the_next_time() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    for _ in 0..3 {
        let arguments = ["run", "send_file", "file=manca.ccf", "tipo_documento=IVA26", "--approve"];
        assert_eq!(stage.run(&arguments).code, Some(1));
    }
    let all = ["abandon", "--all-unsent", "--approve"];
    let points = killed_each_time(&stage, &all, |point| {
        stage.run(&all).expect_success();
        assert_eq!(statuses(&stage), ["abandoned"; 3], "{point}");
        let entries = stage.journal().iter().filter(|e| !e["event"]["abandoned"].is_null()).count();
        assert_eq!(entries, 3, "{point}: each is given up once");
    });
    assert!(points.len() >= 4, "a sample of six: {points:?}");
}

fn statuses(stage: &Stage) -> Vec<String> {
    let mut runs = stage.run(&["runs", "--json"]).json().as_array().unwrap().clone();
    runs.sort_by_key(|run| run["run"].as_u64());
    runs.iter().map(|run| run["status"].as_str().unwrap().to_owned()).collect()
}

fn status(stage: &Stage) -> Value {
    serde_json::from_str(&stage.run(&["status", "--json"]).stdout).unwrap()
}

/// The thing to do with this code.
fn todo(stage: &Stage, code: &str) -> Value {
    let next = status(stage)["next"].as_array().unwrap().clone();
    next.into_iter().find(|todo| todo["code"] == code).unwrap_or(Value::Null)
}
