//! The Rhai and the Lua script leave the same journal, hashes of source aside.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod stage;

use serde_json::Value;
use stage::{Served, Stage, codice_fiscale, golden};

#[test]
fn both_languages_leave_the_same_journal() {
    let served = Served::start();
    let lua = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/setup_environment.lua");
    let journals = [("setup_environment", 1), (lua, 2)].map(|(script, number)| {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(30_000 + number));
        let arguments = stage.setup_arguments(script, &account);
        stage.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).expect_success();
        steady(&stage, &account)
    });
    assert_eq!(journals[0], journals[1]);
    golden::check("tests/golden/setup_environment.journal", &journals[0]);
}

/// The journal as text, without what differs from run to run.
fn steady(stage: &Stage, account: &stage::Account) -> String {
    let mut text = String::new();
    for mut entry in stage.journal() {
        let event = entry["event"].take();
        text.push_str(&serde_json::to_string_pretty(&without_random(event)).unwrap());
        text.push('\n');
    }
    let folder = stage.folder.path().canonicalize().unwrap().display().to_string();
    golden::steady(
        &text,
        &[
            (&stage.folder.path().display().to_string(), "WORKSPACE"),
            (&folder, "WORKSPACE"),
            (&account.codice_fiscale, "CODICE_FISCALE"),
            (&account.utente, "UTENTE"),
        ],
    )
}

/// Leaves out the source, and the certificates and hashes that are random by nature.
fn without_random(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            for name in ["source", "source_sha256", "file", "path", "key", "arguments_sha256"] {
                if let Some(text) = map.get_mut(name) {
                    *text = Value::from("-");
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
        Value::String(text) if text.starts_with("hex:") => *text = "BYTES".to_owned(),
        _ => {}
    }
    value
}
