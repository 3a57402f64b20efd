//! Runs, their journal and their locks: what was changed, removed or held behind their back.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use ceralacca::journal::Journal;
use ceralacca::kernel::{Durable, JournalEvent, RunId, Store, Value};
use rusqlite::Connection;
use serde_json::json;

use super::answers::changed;
use super::{Place, Snapshot, check, complete, resume, run_script, setup, untouched, waits};
use crate::stage::impronta;
use crate::stage::{Account, Served, Stage, codice_fiscale};

#[test]
fn journals_that_cannot_be_trusted() {
    let served = Served::start();
    let account = served.account(&codice_fiscale(66_000));
    for (case, damage) in [
        ("journal.newer_version", "PRAGMA user_version = 99"),
        (
            "journal.broken_chain",
            "DROP TRIGGER run_entries_stay; UPDATE run_entries SET at = at + 1 WHERE number = 2",
        ),
        (
            "journal.broken_chain.removed",
            "DROP TRIGGER run_entries_remain; DELETE FROM run_entries WHERE number = 2",
        ),
        (
            "journal.broken_chain.ends",
            "DROP TRIGGER run_entries_remain; DELETE FROM run_entries WHERE number > 2",
        ),
        ("journal.broken_chain.summary", "UPDATE runs SET head = x'00'"),
    ] {
        let stage = interrupted(&served, &account);
        let path = stage.path(".ceralacca/journal.sqlite");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(&format!("{damage}; PRAGMA wal_checkpoint(TRUNCATE)")).unwrap();
        drop(connection);
        let before = Snapshot::of(stage.folder.path());
        let place = Place::with(&stage, &served, &account);
        check(case, 1, &resume(&stage, &account), place);
        for command in [&["journal", "verify"][..], &["runs", "1"], &["journal", "export"]] {
            check(case, 1, &stage.run(command), place);
        }
        untouched(case, stage.folder.path(), &before);
    }
    let stage = interrupted(&served, &account);
    let path = stage.path(".ceralacca/journal.sqlite");
    fs::write(&path, "this is no database, whatever its name says").unwrap();
    let refused = setup(&stage, &account, &[]);
    check("journal.unusable", 1, &refused, Place::with(&stage, &served, &account));
    assert!(!stage.path("ambiente").exists());
    assert_eq!(served.requests(), 0);
}

#[test]
fn journals_that_hold_but_make_no_sense() {
    let stage = Stage::embedded();
    let at = "2026-11-21T09:00:00Z".parse().unwrap();
    let journal = Journal::open(&stage.path(".ceralacca")).unwrap();
    drop(journal.begin(at, &JournalEvent::Finished { result: Value::Null }).unwrap());
    check("journal.no_start", 1, &stage.run(&["resume", "1"]), Place::new(&stage));

    // A run of a script that now takes another way than the journal says it took.
    let script = "const WORKFLOW = #{ summary: \"x\", uses: [\"prompt\"] };\n\
                  fn run(input) { stage(\"Genera ambiente\"); prompt::secret(\"pincode\"); }\n";
    fs::write(stage.path("mio.rhai"), script).unwrap();
    assert_eq!(stage.run(&["run", "./mio.rhai"]).code, Some(1));
    let title = "Genera richiesta".to_owned();
    let held = journal.lock(RunId(2), at).unwrap();
    held.append(at, &JournalEvent::Stage { step: 0, title }, Durable::Synced).unwrap();
    drop(held);
    check("run.diverged", 1, &stage.run(&["resume", "2"]), Place::new(&stage));
    check("journal.no_such_run", 2, &stage.run(&["resume", "7"]), Place::new(&stage));
}

#[test]
fn a_script_that_changed_meanwhile_is_not_used() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = served.account(&codice_fiscale(66_100));
    let place_of = |account| Place::with(&stage, &served, account);
    let script = changed(&stage, &[]);
    let right = account.secrets["portal_password"].clone();
    account.set("portal_password", Some("PortaleSbagliato"));
    assert_eq!(run_script(&stage, &script, &account, &[]).code, Some(1));
    account.set("portal_password", Some(&right));

    let before = Snapshot::of(&stage.path("ambiente"));
    changed(&stage, &[("stage(\"Genera richiesta\");", "")]);
    check("workflow.script_changed", 1, &resume(&stage, &account), place_of(&account));
    fs::remove_file(stage.path("mio.rhai")).unwrap();
    check("workflow.script_changed.gone", 1, &resume(&stage, &account), place_of(&account));
    untouched("workflow.script_changed", &stage.path("ambiente"), &before);
    assert_eq!(served.requests(), 0);

    let secrets = account.secrets_file.display().to_string();
    let recorded = ["resume", "1", "--recorded", "--approve", "--secrets", &secrets];
    stage.run(&recorded).expect_success();
    complete("workflow.script_changed", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
}

/// What a run wrote down names files where it began: elsewhere it would work on those of another.
#[test]
fn a_workspace_that_is_elsewhere_now_is_not_gone_on_with() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = served.account(&codice_fiscale(66_400));
    let right = account.secrets["portal_password"].clone();
    account.set("portal_password", Some("PortaleSbagliato"));
    assert_eq!(setup(&stage, &account, &[]).code, Some(1));
    account.set("portal_password", Some(&right));

    let copy = Stage { folder: tempfile::tempdir().unwrap() };
    fs::remove_dir(copy.folder.path()).unwrap();
    impronta::copy(stage.folder.path(), copy.folder.path());
    let refused = resume(&copy, &account);
    let text = refused.stderr.replace(&stage.folder.path().display().to_string(), "ORIGINAL");
    let refused = crate::stage::Finished { stderr: text, ..refused };
    check("workspace.moved", 1, &refused, Place::with(&copy, &served, &account));

    let before = copy.folder.path().join("elsewhere");
    fs::rename(stage.folder.path(), &before).unwrap();
    let moved = copy.run(&["-C", before.to_str().unwrap(), "resume", "1", "--approve"]);
    let text = moved.stderr.replace(&stage.folder.path().display().to_string(), "ORIGINAL");
    let moved = crate::stage::Finished { stderr: text, ..moved };
    check("workspace.moved.away", 1, &moved, Place::with(&copy, &served, &account));

    fs::rename(&before, stage.folder.path()).unwrap();
    resume(&stage, &account).expect_success();
    complete("workspace.moved", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
}

#[test]
fn what_another_process_works_on_is_left_alone() {
    let served = Served::start();
    let account = served.account(&codice_fiscale(66_200));
    let (stage, mut process) = held(&served, &account, "before rename to firma.p8", 17);
    let before = Snapshot::of(&stage.path("ambiente"));
    check("run.locked", 1, &resume(&stage, &account), Place::with(&stage, &served, &account));

    // From another workspace, into the same folder.
    let other = Stage::new(&served);
    let folder = format!("folder={}", stage.path("ambiente").display());
    let refused = setup(&other, &account, &[&folder]);
    let text = refused.stderr.replace(&stage.folder.path().display().to_string(), "OTHER");
    let refused = crate::stage::Finished { stderr: text, ..refused };
    check("environment.locked", 1, &refused, Place::with(&other, &served, &account));
    untouched("environment.locked", &stage.path("ambiente"), &before);
    process.kill().unwrap();
    process.wait().unwrap();
    resume(&stage, &account).expect_success();
    complete("run.locked", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
}

#[test]
fn an_answer_that_cannot_be_kept_is_asked_for_again() {
    let served = Served::start();
    let account = served.account(&codice_fiscale(66_300));
    let (stage, mut process) = held(&served, &account, "before rename to attempt.json", 48);
    process.kill().unwrap();
    process.wait().unwrap();
    let outbox = fs::read_dir(stage.path(".ceralacca/outbox")).unwrap().next().unwrap().unwrap();
    let in_the_way = outbox.path().join("acknowledgement.json");
    fs::create_dir(&in_the_way).unwrap();
    let place = Place::with(&stage, &served, &account);
    let stopped = resume(&stage, &account);
    let key = outbox.file_name().to_string_lossy().into_owned();
    let stopped = crate::stage::Finished { stderr: stopped.stderr.replace(&key, "KEY"), ..stopped };
    check("submission.acknowledgement_not_kept", 3, &stopped, place);
    waits("submission.acknowledgement_not_kept", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
    fs::remove_dir(in_the_way).unwrap();
    resume(&stage, &account).expect_success();
    complete("submission.acknowledgement_not_kept", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
}

#[test]
fn folders_that_something_stands_in_the_way_of() {
    let served = Served::start();
    for (number, case, path) in [
        (66_400, "prompt.summary_not_saved", "Documenti/riepiloghi"),
        (66_401, "submission.not_stored", ".ceralacca/outbox"),
    ] {
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(number));
        let before = served.requests();
        fs::write(stage.path(path), "in the way").unwrap();
        let refused = setup(&stage, &account, &[]);
        let text = steady_outbox(&refused.stderr);
        let refused = crate::stage::Finished { stderr: text, ..refused };
        check(case, 1, &refused, Place::with(&stage, &served, &account));
        waits(case, &stage.path("ambiente"));
        assert_eq!(served.requests(), before);
        fs::remove_file(stage.path(path)).unwrap();
        resume(&stage, &account).expect_success();
        complete(case, &stage.path("ambiente"));
        assert_eq!(served.requests(), before + 1);
    }
}

#[test]
fn a_receipt_that_cannot_be_saved_stays_with_the_agency() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(66_500));
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({ "receipt_delay_seconds": 3600 })));
    assert_eq!(setup(&stage, &account, &["--patience", "0s"]).code, Some(4));
    let sent = fs::read_dir(stage.path("Documenti/inviati")).unwrap().next().unwrap().unwrap();
    let protocollo = sent.file_name().to_string_lossy()[..17].to_owned();
    let in_the_way = stage.path("Documenti/ricezione").join(protocollo);
    fs::remove_dir_all(&in_the_way).unwrap();
    fs::write(&in_the_way, "in the way").unwrap();
    served.admin("PUT", "/sandbox/v1/clock", Some(&json!({ "offset_seconds": 3601 })));
    let refused = resume(&stage, &account);
    check("agency.attachment_not_saved", 1, &refused, Place::with(&stage, &served, &account));
    waits("agency.attachment_not_saved", &stage.path("ambiente"));
    fs::remove_file(in_the_way).unwrap();
    resume(&stage, &account).expect_success();
    complete("agency.attachment_not_saved", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
}

/// A workspace with a run that stopped early.
fn interrupted(served: &Served, account: &Account) -> Stage {
    let stage = Stage::new(served);
    let mut wrong = account.clone();
    wrong.secrets_file = stage.path("wrong.toml");
    wrong.set("pincode", Some("short"));
    assert_eq!(setup(&stage, &wrong, &[]).code, Some(2));
    stage
}

/// A workspace and the process that stands still in it, just where `point` says; it is looked for
/// from the number on where it was when this was written.
fn held(served: &Served, account: &Account, point: &str, first: u32) -> (Stage, Child) {
    for number in (first..first + 20).chain(1..first) {
        let stage = Stage::new(served);
        let arguments = stage.setup_arguments("setup_environment", account);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = stage.command(&arguments);
        command.env("CERALACCA_CRASH_POINT", number.to_string());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mark = format!("crash point {number}: ");
        let reached = lines.map_while(Result::ok).find(|line| line.starts_with(&mark));
        if reached.is_some_and(|line| line.ends_with(point)) {
            return (stage, process);
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }
    panic!("{point} is never reached");
}

/// The name of a folder in the outbox is random.
fn steady_outbox(text: &str) -> String {
    let mut parts = text.split(".ceralacca/outbox/");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| {
        let bare = rest.trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '-');
        format!("{text}.ceralacca/outbox/KEY{bare}")
    })
}
