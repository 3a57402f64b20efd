//! The journal keeps what it was told, in order, and notices what was done to it afterwards.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;

use ceralacca_journal::Journal;
use ceralacca_kernel::{JournalEvent, RunId, RunStatus, Store, Value};
use jiff::Timestamp;
use rusqlite::Connection;

fn started() -> JournalEvent {
    JournalEvent::Started {
        workflow: "w".into(),
        file: "w.rhai".into(),
        path: None,
        source: "fn run(input) {}".into(),
        source_sha256: "00".into(),
        input: Value::from([("bytes", Value::Bytes(vec![1, 2, 3]))]),
        key: "k".into(),
        version: "0".into(),
        workspace: None,
        plugins: Vec::new(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn two_runs(folder: &Path) -> Journal {
    let journal = Journal::open(folder).unwrap();
    for _ in 0..2 {
        let run = journal.begin(at(0), &started()).unwrap();
        let stage = JournalEvent::Stage { step: 0, title: "Genera ambiente".into() };
        journal.append(run, at(1), &stage).unwrap();
    }
    let finished = JournalEvent::Finished { result: Value::Null };
    journal.append(RunId(1), at(2), &finished).unwrap();
    journal
}

#[test]
fn entries_come_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let journal = two_runs(folder.path());
    let entries = journal.entries(RunId(1)).unwrap();
    assert_eq!(entries[0].event, started());
    assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 5]);
    let runs = journal.runs().unwrap();
    assert_eq!((runs[0].status, runs[1].status), (RunStatus::Finished, RunStatus::Open));
    assert_eq!(runs[1].stage.as_deref(), Some("Genera ambiente"));
    assert_eq!(journal.verify().unwrap().entries, 5);
    assert_eq!(journal.entries(RunId(9)).unwrap_err().code(), "journal.no_such_run");
}

#[test]
fn any_change_behind_its_back_is_noticed() {
    let tamper = [
        "UPDATE entries SET body = x'a0' WHERE sequence = 2",
        "UPDATE entries SET run = 2 WHERE sequence = 5",
        "UPDATE entries SET at = at + 1 WHERE sequence = 1",
        "DELETE FROM entries WHERE sequence = 3",
        "DELETE FROM entries WHERE sequence = 1",
    ];
    for statement in tamper {
        let folder = tempfile::tempdir().unwrap();
        drop(two_runs(folder.path()));
        let connection = Connection::open(folder.path().join("journal.sqlite")).unwrap();
        assert!(connection.execute(statement, []).is_err(), "triggers stop an honest mistake");
        connection
            .execute_batch("DROP TRIGGER entries_stay; DROP TRIGGER entries_remain;")
            .unwrap();
        connection.execute(statement, []).unwrap();
        drop(connection);
        let error = Journal::open(folder.path()).unwrap().verify().unwrap_err();
        assert_eq!(error.code(), "journal.broken_chain", "{statement}");
    }
}

#[test]
fn a_newer_journal_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(two_runs(folder.path()));
    let path = folder.path().join("journal.sqlite");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    let error = Journal::open(folder.path()).map(drop).expect_err("refused");
    assert_eq!(error.code(), "journal.newer_version");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_run_has_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let journal = two_runs(folder.path());
    let guard = journal.lock(RunId(2), at(3)).unwrap();
    let error = journal.lock(RunId(2), at(4)).map(drop).expect_err("refused");
    assert_eq!(error.code(), "run.locked");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(journal.runs().unwrap()[1].locked);
    drop(guard);
    assert!(journal.lock(RunId(2), at(5)).is_ok());
}

/// Whoever only looks leaves everything as it is, and sees what is being written at the moment.
#[test]
fn looking_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let look = || Journal::runs_read_only(folder.path());
    assert_eq!(look().unwrap(), None);
    fs::write(folder.path().join("journal.sqlite"), "").unwrap();
    assert_eq!(look().unwrap(), None);
    assert_eq!(fs::metadata(folder.path().join("journal.sqlite")).unwrap().len(), 0);
    fs::remove_file(folder.path().join("journal.sqlite")).unwrap();

    let journal = two_runs(folder.path());
    assert_eq!(look().unwrap().unwrap(), journal.runs().unwrap(), "while somebody has it open");
    let expected = journal.runs().unwrap();
    drop(journal);
    let before = (names(), fs::read(folder.path().join("journal.sqlite")).unwrap());
    assert_eq!(look().unwrap().unwrap(), expected);
    assert_eq!((names(), fs::read(folder.path().join("journal.sqlite")).unwrap()), before);
    // A name that means something in a URI.
    let odd = folder.path().join("a?b=1#c %41");
    fs::create_dir(&odd).unwrap();
    fs::copy(folder.path().join("journal.sqlite"), odd.join("journal.sqlite")).unwrap();
    assert_eq!(Journal::runs_read_only(&odd).unwrap().unwrap(), expected);

    for (damage, code) in [
        (&b"this is no database, whatever its name says"[..], "journal.unusable"),
        (&before.1[..before.1.len() / 2], "journal.unusable"),
    ] {
        fs::write(odd.join("journal.sqlite"), damage).unwrap();
        assert_eq!(Journal::runs_read_only(&odd).unwrap_err().code(), code);
    }
}
