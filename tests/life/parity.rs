//! The Rhai and the Lua script leave the same journal, hashes of source aside.

use serde_json::Value;

use crate::stage::impronta::{ARCHIVE, Filing, RHAI, day, run};
use crate::stage::{self, Account, Served, Stage, codice_fiscale, golden};

#[test]
fn both_languages_leave_the_same_journal() {
    let served = Served::start();
    let lua = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/setup_environment.lua");
    let journals = [("setup_environment", 1), (lua, 2)].map(|(script, number)| {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(30_000 + number));
        let arguments = stage.setup_arguments(script, &account);
        stage.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).expect_success();
        steady(&stage, &account, &[])
    });
    alike("setup_environment", journals);
}

#[test]
fn both_languages_file_alike() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(30_010));
    let journals = [("file_impronta", 1), (RHAI, 2)].map(|(script, period)| {
        let stage = filing.stage();
        run(&stage, &filing.arguments(script, period, ARCHIVE)).expect_success();
        steady(&stage, &filing.account, &[(&day(period), "DAY"), (ARCHIVE, "ARCHIVE")])
    });
    alike("file_impronta", journals);
}

fn alike(name: &str, journals: [String; 2]) {
    assert_eq!(journals[0], journals[1]);
    golden::check(&format!("tests/golden/{name}.journal"), &journals[0]);
    let steps = journals[0].matches("\"step\": ").count();
    stage::say(&format!("{name}: both languages leave the same {steps} steps"));
}

/// The journal as text, without what differs from run to run.
fn steady(stage: &Stage, account: &Account, more: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let journal = stage.journal();
    for mut entry in journal.clone() {
        let event = entry["event"].take();
        let event = without_random(without_source(event));
        text.push_str(&serde_json::to_string_pretty(&event).unwrap());
        text.push('\n');
    }
    let folder = stage.folder.path().canonicalize().unwrap().display().to_string();
    let protocollo = journal.last().unwrap()["event"]["finished"]["result"]["protocollo"].as_str();
    let mut names = vec![
        (protocollo.unwrap(), "PROTOCOLLO"),
        (stage.folder.path().to_str().unwrap(), "WORKSPACE"),
        (&folder, "WORKSPACE"),
        (&account.codice_fiscale, "CODICE_FISCALE"),
        (&account.utente, "UTENTE"),
    ];
    names.extend(more);
    golden::steady(&text, &names)
}

/// The script's own text and place, in which the two differ.
fn without_source(mut event: Value) -> Value {
    if let Some(started) = event.get_mut("started") {
        for name in ["source", "source_sha256", "file", "path", "key"] {
            started[name] = Value::from("-");
        }
    }
    event
}

/// Leaves out the certificates and hashes that are random by nature.
fn without_random(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            for name in ["arguments_sha256"] {
                if let Some(value) = map.get_mut(name) {
                    *value = Value::from("-");
                }
            }
            for (_, inner) in map.iter_mut() {
                *inner = without_random(inner.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without_random(item.take());
            }
        }
        // A deadline is told with the day it is held against.
        Value::String(text) if text.contains("(today ") => {
            let start = text.split("(today ").next().unwrap_or_default();
            *text = format!("{start}(today DAY)");
        }
        Value::String(text) if text.starts_with("hex:") => *text = "BYTES".to_owned(),
        _ => {}
    }
    value
}
