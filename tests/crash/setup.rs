//! The process is killed at every journal write and every rename of `setup_environment`, then resumed.
//!
//! Each time the Agency has received one request and no more, the keys are those first generated, and
//! the three files open. The kill comes from outside: the program announces a point and stands still
//! (`core/kernel/src/crash_point.rs`), the test sends SIGKILL.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::stage::kill::{Sample, killed_at, sampled};
use crate::stage::{self, Served, Stage, codice_fiscale};

#[test]
fn killed_anywhere_rhai() {
    let seen = killed_everywhere("setup_environment", 0, |sample| sample);
    // The search went through the whole run: past the start, the renames and the end.
    for expected in ["before journal started", "before journal intent", "after journal finished"] {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
    for file in ["UTEF.P12", "UTEC.P12", "UTENTE.KS", "req.ccc"] {
        assert!(seen.contains(&format!("before rename to {file}")), "{file}: {seen:?}");
    }
}

#[test]
fn killed_anywhere_lua() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/setup_environment.lua");
    killed_everywhere(script, 10_000, Sample::thinned);
}

/// Kills the workflow at each point of the sample that `chosen` takes of all, and gives their names.
fn killed_everywhere(
    script: &str,
    first_account: u32,
    chosen: impl Fn(Sample) -> Sample,
) -> BTreeSet<String> {
    let name = script.rsplit('/').next().unwrap_or(script);
    let served = Served::start();
    let mut seen = BTreeSet::new();
    let account = served.account(&codice_fiscale(first_account));
    let sample = chosen(sampled(&mut setting_up(&Stage::new(&served), script, &account)));
    for point in &sample.points {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(first_account + point));
        let before = served.requests();
        let name = killed_at(&mut setting_up(&stage, script, &account), *point);
        let name = name.expect("each run passes as many points");
        let keys_before = recorded_keys(&stage);

        let place = format!("killed at point {point}, {name}");
        // A run that was killed before its first entry does not exist: it is begun again.
        let begun = stage.path(".ceralacca/journal.sqlite").exists() && !stage.journal().is_empty();
        let finished = if begun {
            stage.resume(1, &account, &[])
        } else {
            stage::run(&mut setting_up(&stage, script, &account))
        };
        let already_done = name == "after journal finished";
        if already_done {
            assert_eq!(finished.error_code(), "run.finished", "{place}");
        } else {
            assert_eq!(finished.code, Some(0), "{place}: {}{}", finished.stdout, finished.stderr);
        }
        assert_eq!(served.requests() - before, 1, "{place}: requests received");
        check_environment(&stage, &account, keys_before, &place);
        seen.insert(name);
    }
    stage::say(&format!("{name}: killed and resumed at {}", sample.said()));
    seen
}

fn setting_up(stage: &Stage, script: &str, account: &stage::Account) -> Command {
    let arguments = stage.setup_arguments(script, account);
    stage.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The fingerprints that `generate_keys` put into the journal, if it came that far.
fn recorded_keys(stage: &Stage) -> Option<Value> {
    if !stage.path(".ceralacca/journal.sqlite").exists() {
        return None;
    }
    keys(&stage.journal())
}

fn keys(journal: &[Value]) -> Option<Value> {
    let ended =
        |entry: &&Value| entry["event"]["ended"]["primitive"] == "environment::generate_keys";
    let entry = journal.iter().find(ended)?;
    Some(entry["event"]["ended"]["outcome"]["ok"].clone())
}

fn check_environment(
    stage: &Stage,
    account: &stage::Account,
    keys_before: Option<Value>,
    place: &str,
) {
    let folder = stage.path("ambiente");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["UTEC.P12", "UTEF.P12", "UTENTE.KS"], "{place}");

    let secrets = account.secrets_file.display().to_string();
    let shown = stage.run(&["certificates", "--json", "--secrets", &secrets]).json();
    let generated = keys(&stage.journal()).unwrap();
    assert_eq!(shown[0]["key_fingerprint"], generated["firma"], "{place}");
    assert_eq!(shown[1]["key_fingerprint"], generated["cifra"], "{place}");
    if let Some(before) = keys_before {
        assert_eq!(before, generated, "{place}: the keys are those first generated");
    }
    stage.run(&["journal", "verify"]).expect_success();
}

#[test]
fn two_processes_cannot_resume_one_run() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(20_000));
    let arguments = stage.setup_arguments("setup_environment", &account);
    let mut command = stage.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("CERALACCA_CRASH_POINT", "8");
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("crash point 8"))));

    let refused = stage.resume(1, &account, &[]);
    assert_eq!(refused.error_code(), "run.locked");
    assert!(refused.stdout.contains(&format!("process {}", process.id())), "{}", refused.stdout);
    process.kill().unwrap();
    process.wait().unwrap();
    stage.resume(1, &account, &[]).expect_success();
}
