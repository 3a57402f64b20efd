//! What the README promises: the tour, and the commands around a run.

use std::process::Command;

use serde_json::Value;

use crate::stage::{PROGRAM, Stage, golden, run};

#[test]
fn the_tour_ends_with_the_three_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tour");
    let finished = run(Command::new(PROGRAM).arg("tour").arg(&place)).expect_success();
    for file in ["UTEF.P12", "UTEC.P12", "UTENTE.KS"] {
        assert!(place.join("ambiente").join(file).is_file(), "{}", finished.stdout);
    }
    assert!(finished.stdout.contains(&place.join("ambiente").display().to_string()));
    let filed = run(Command::new(PROGRAM).args(["runs", "2", "--json", "-C"]).arg(&place)).json();
    let protocollo = find_protocollo(&filed).expect("the second run has a protocollo");
    assert!(protocollo.len() == 17 && protocollo.bytes().all(|byte| byte.is_ascii_digit()));
    let shown = golden::steady(
        &finished.stdout.replace(&protocollo, "PROTOCOLLO"),
        &[(&place.display().to_string(), "TOUR")],
    );
    golden::check("tests/golden/tour.txt", &steady_words(&shown));
}

/// The last protocollo in a run's entries.
fn find_protocollo(value: &Value) -> Option<String> {
    match value {
        Value::Object(map) => match map.get("protocollo").and_then(Value::as_str) {
            Some(protocollo) => Some(protocollo.to_owned()),
            None => map.values().rev().find_map(find_protocollo),
        },
        Value::Array(items) => items.iter().rev().find_map(find_protocollo),
        _ => None,
    }
}

/// Dates as the Agency writes them, and made-up names.
fn steady_words(text: &str) -> String {
    let date =
        |word: &str| word.len() == 10 && word.as_bytes()[2] == b'/' && word.as_bytes()[5] == b'/';
    let time =
        |word: &str| word.len() == 8 && word.as_bytes()[2] == b':' && word.as_bytes()[5] == b':';
    let lines = text.lines().map(|line| {
        let words = line.split(' ').map(|word| match word {
            word if date(word) => "DD/MM/YYYY",
            // Three years have one leap day or none.
            "1095" | "1096" => "DAYS",
            word if time(word) => "HH:MM:SS",
            word => word,
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn workflows_are_listed_shown_and_shadowed() {
    let stage = Stage::embedded();
    let listed = stage.run(&["workflows", "--json"]).json();
    assert_eq!(listed[0]["origin"], "built in");
    std::fs::create_dir(stage.path("scripts")).unwrap();
    let mine = stage.path("scripts/setup_environment.lua");
    std::fs::copy("examples/setup_environment.lua", &mine).unwrap();
    let listed = stage.run(&["workflows", "--json"]).json();
    let rows: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["name"] == "setup_environment")
        .collect();
    assert_eq!(rows[0]["wins"], true);
    assert!(rows[0]["origin"].as_str().unwrap().ends_with("setup_environment.lua"));
    assert_eq!(rows[1]["wins"], false);
    let help = stage.run(&["run", "setup_environment", "--help"]).expect_success();
    for expected in ["codice_fiscale", "Progressivo sede", "pin_di_revoca", "15 to 20"] {
        assert!(help.stdout.contains(expected), "{expected}: {}", help.stdout);
    }
}

#[test]
fn the_smallest_examples_run() {
    let stage = Stage::embedded();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/check_account.rhai");
    let done = stage.run(&["run", example, "--json", "codice_fiscale=RSSMRA85M01H501Q"]).json();
    assert_eq!(done["result"]["codice_fiscale"], "RSSMRA85M01H501Q");
    let refused = stage.run(&["run", example, "--json", "codice_fiscale=RSSMRA85M01H501Z"]);
    assert_eq!(refused.code, Some(2));
    let runs = stage.run(&["runs"]).expect_success();
    assert!(runs.stdout.contains("failed, can be resumed"), "{}", runs.stdout);
    let shown = stage.run(&["runs", "1"]).expect_success();
    assert!(shown.stdout.contains("• Controlla"), "{}", shown.stdout);
}

#[test]
fn the_examples_of_archives_and_signatures_run() {
    let stage = Stage::embedded();
    let example = |name: &str| format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let secrets = ["--secrets", "busta.toml", "--json"];
    let account = ["sandbox", "account", "RSSMRA85M01H501Q", "--secrets-file", "busta.toml"];
    stage.run(&account).expect_success();
    let file = ["sandbox", "signer", "RSSMRA85M01H501Q", "--file", "firma.p12"];
    stage.run(&[&file[..], &secrets].concat()).expect_success();
    let (index, sign) = (example("index_archive.lua"), example("sign_and_mark.lua"));
    let archive = format!("archive={}", example("archive"));
    stage.run(&["run", &index, &archive]).expect_success();
    let document = format!("document={}", example("archive/2025-01-1/fattura-001.xml"));
    let signing = ["run", &sign, &document, "signer=firma.p12", "--approve"];
    let signed = stage.run(&[&signing[..], &secrets].concat()).json();
    let path = |name: &str| signed["result"][name]["id"]["path"].as_str().unwrap().to_owned();
    for name in ["signed", "marked"] {
        let (verify, file) = (example("verify_signed.rhai"), format!("file={}", path(name)));
        stage.run(&["run", &verify, &file]).expect_success();
        stage.run(&["verify", &path(name)]).expect_success();
    }
}

#[test]
fn the_files_for_editors_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(PROGRAM).args(["api", "--write"]).arg(folder.path())).expect_success();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name();
        let made = std::fs::read_to_string(folder.path().join(&name)).unwrap();
        golden::check(&format!("scripts/api/{}", name.to_string_lossy()), &made);
    }
}

#[test]
fn completions_and_help_are_there() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let made = run(Command::new(PROGRAM).args(["completions", shell])).expect_success();
        assert!(made.stdout.contains("ceralacca"), "{shell}");
    }
    let help = run(Command::new(PROGRAM).arg("--help")).expect_success();
    assert!(help.stdout.contains("ceralacca tour"), "{}", help.stdout);
}
