//! The journal keeps what it was told, in order, and notices what was done to it afterwards.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod written;

use std::fs;

use ceralacca_journal::{Journal, MAX_BYTES, MAX_ENTRIES};
use ceralacca_kernel::{JournalEvent, Page, Room, RunFilter, RunId, RunStatus, Store, Value};
use rusqlite::Connection;
use written::{all, append, at, code, entries, finished, path, stage, started, tamper, two_runs};

#[test]
fn entries_come_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let journal = two_runs(folder.path());
    let first = entries(&journal, 1);
    assert_eq!(first[0].event, started("k1"));
    assert_eq!(first.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    let runs = all(&journal);
    assert_eq!((runs[0].status, runs[1].status), (RunStatus::Finished, RunStatus::Open));
    assert_eq!(runs[1].stage.as_deref(), Some("Genera ambiente"));
    let verified = journal.verify().unwrap();
    assert_eq!((verified.runs, verified.entries), (2, 5));
    assert_eq!(code(journal.entries(RunId(9))), "journal.no_such_run");
    assert_eq!(code(journal.lock(RunId(9), at(3))), "journal.no_such_run");
    let held = journal.lock(RunId(2), at(3)).unwrap();
    assert_eq!(held.entry(2).unwrap(), entries(&journal, 2)[1]);
    assert_eq!(code(held.entry(3)), "journal.broken_chain");
}

#[test]
fn any_change_behind_its_back_is_noticed() {
    let of_entries = [
        "UPDATE run_entries SET body = x'a0' WHERE run = 1 AND number = 2",
        "UPDATE run_entries SET run = 3 WHERE run = 2",
        "UPDATE run_entries SET at = at + 1 WHERE run = 1 AND number = 1",
        "DELETE FROM run_entries WHERE run = 2 AND number = 1",
        "DELETE FROM run_entries WHERE run = 1 AND number = 3",
        // With the hashes that follow from it the last head still says otherwise.
        "DELETE FROM run_entries WHERE run = 1 AND number = 3; UPDATE runs SET entries = 2, \
         head = (SELECT hash FROM run_entries WHERE run = 1 AND number = 2) WHERE run = 1",
    ];
    let of_lists = [
        "DELETE FROM run_entries WHERE run = 2; DELETE FROM runs WHERE run = 2",
        "DELETE FROM run_entries WHERE run = 1; DELETE FROM runs WHERE run = 1; \
         DELETE FROM heads WHERE run = 1",
        "DELETE FROM heads WHERE number = 2",
        "UPDATE heads SET at = at + 1 WHERE number = 3",
        "UPDATE runs SET status = 'finished' WHERE run = 2",
        "UPDATE runs SET stage = NULL WHERE run = 2",
        "UPDATE runs SET workflow = 'v' WHERE run = 2",
        "UPDATE runs SET last = last - 1 WHERE run = 1",
        "UPDATE runs SET bytes = bytes + 1 WHERE run = 1",
        "UPDATE runs SET key = 'k3' WHERE run = 1",
        "UPDATE runs SET earlier = 1 WHERE run = 1",
    ];
    for statement in of_entries.iter().chain(&of_lists) {
        let folder = tempfile::tempdir().unwrap();
        drop(two_runs(folder.path()));
        tamper(&path(folder.path()), statement);
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(code(journal.verify()), "journal.broken_chain", "{statement}");
    }
    // Whoever reads a run alone notices what was done to it.
    for statement in of_entries {
        let folder = tempfile::tempdir().unwrap();
        drop(two_runs(folder.path()));
        tamper(&path(folder.path()), statement);
        let journal = Journal::open(folder.path()).unwrap();
        let read = [1, 2].map(|run| code(journal.entries(RunId(run))));
        assert!(read.contains(&"journal.broken_chain".to_owned()), "{statement}: {read:?}");
    }
    // An archive that is not there is said, whoever claims that there is one.
    let folder = tempfile::tempdir().unwrap();
    drop(two_runs(folder.path()));
    let claim = "UPDATE runs SET archive = 'gone.sqlite' WHERE run = 1; \
                 DELETE FROM run_entries WHERE run = 1";
    tamper(&path(folder.path()), claim);
    let verified = Journal::open(folder.path()).unwrap().verify().unwrap();
    assert_eq!(verified.archives.iter().map(|one| one.missing).collect::<Vec<_>>(), [true]);
}

#[test]
fn an_honest_mistake_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    drop(two_runs(folder.path()));
    let connection = Connection::open(path(folder.path())).unwrap();
    for statement in [
        "UPDATE run_entries SET at = 0",
        "DELETE FROM run_entries",
        "UPDATE heads SET at = 0",
        "DELETE FROM heads",
        "DELETE FROM runs",
    ] {
        assert!(connection.execute(statement, []).is_err(), "{statement}");
    }
}

#[test]
fn a_newer_journal_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(two_runs(folder.path()));
    let path = path(folder.path());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(code(Journal::open(folder.path())), "journal.newer_version");
    assert_eq!(code(Journal::look(folder.path(), |_| Ok(()))), "journal.newer_version");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_run_has_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let journal = two_runs(folder.path());
    let held = journal.lock(RunId(2), at(3)).unwrap();
    let error = journal.lock(RunId(2), at(4)).map(drop).expect_err("refused");
    assert_eq!(error.code(), "run.locked");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(all(&journal)[1].locked);
    drop(held);
    assert!(journal.lock(RunId(2), at(5)).is_ok());
    let begun = journal.begin(at(6), &started("k3")).unwrap();
    assert_eq!(code(journal.lock(begun.id(), at(7))), "run.locked", "from its beginning on");
}

#[test]
fn runs_are_listed_by_page_and_filter() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    for number in 1..=10 {
        let held = journal.begin(at(number), &started(&format!("k{number}"))).unwrap();
        if number % 2 == 0 {
            append(&*held, number, &finished());
        }
    }
    let numbers = |wanted: &RunFilter, number, limit| {
        let page = journal.runs(wanted, Page { number, limit }).unwrap();
        (page.runs.iter().map(|run| run.run.0).collect::<Vec<_>>(), page.total)
    };
    let everything = RunFilter::default();
    assert_eq!(numbers(&everything, 1, 4), (vec![7, 8, 9, 10], 10));
    assert_eq!(numbers(&everything, 3, 4), (vec![1, 2], 10));
    assert_eq!(numbers(&everything, 4, 4), (vec![], 10));
    let open = RunFilter { open: true, ..RunFilter::default() };
    assert_eq!(numbers(&open, 1, 2), (vec![7, 9], 5));
    let status = Some(RunStatus::Finished);
    let finished = RunFilter { status, ..RunFilter::default() };
    assert_eq!(numbers(&finished, 1, 100), (vec![2, 4, 6, 8, 10], 5));
    let other = RunFilter { workflow: Some("other".into()), ..RunFilter::default() };
    assert_eq!(numbers(&other, 1, 100), (vec![], 0));
    let key = RunFilter { key: Some("k7".into()), ..RunFilter::default() };
    assert_eq!(numbers(&key, 1, 100), (vec![7], 1));
    let keys = ["k7", "k8", "nobody"].map(str::to_owned).into();
    let behind = journal.behind_keys(&keys).unwrap();
    assert_eq!(behind["k7"], (RunId(7), RunStatus::Open));
    assert_eq!((behind["k8"], behind.len()), ((RunId(8), RunStatus::Finished), 2));
}

/// The limits hold for what was counted, however it came to be so much.
#[test]
fn a_run_that_is_full_can_only_end() {
    for (column, nearly) in [("entries", MAX_ENTRIES - 2), ("bytes", MAX_BYTES - (66 << 20))] {
        let folder = tempfile::tempdir().unwrap();
        let journal = two_runs(folder.path());
        let held = journal.lock(RunId(2), at(3)).unwrap();
        let statement = format!("UPDATE runs SET {column} = {nearly} WHERE run = 2");
        tamper(&path(folder.path()), &statement);
        let one = Room { entries: 1, bytes: 1 };
        assert_eq!(code(held.require_room(one)), "journal.run_full", "{column}");
        let step = held.append(at(3), &stage(1), ceralacca_kernel::Durable::Committed);
        assert_eq!(code(step), "journal.run_full", "{column}");
        let stopped = JournalEvent::Finished { result: Value::Null };
        append(&*held, 4, &stopped);
        append(&*held, 5, &JournalEvent::Abandoned { reason: String::new() });
        assert_eq!(all(&journal)[1].status, RunStatus::Abandoned);
    }
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
    let look_in = |folder: &std::path::Path| Journal::look(folder, |journal| Ok(all(journal)));
    let look = || look_in(folder.path());
    assert_eq!(look().unwrap(), None);
    fs::write(path(folder.path()), "").unwrap();
    assert_eq!(look().unwrap(), None);
    assert_eq!(fs::metadata(path(folder.path())).unwrap().len(), 0);
    fs::remove_file(path(folder.path())).unwrap();

    let journal = two_runs(folder.path());
    assert_eq!(look().unwrap().unwrap(), all(&journal), "while somebody has it open");
    let expected = all(&journal);
    drop(journal);
    let before = (names(), fs::read(path(folder.path())).unwrap());
    assert_eq!(look().unwrap().unwrap(), expected);
    assert_eq!((names(), fs::read(path(folder.path())).unwrap()), before);
    // A name that means something in a URI.
    let odd = folder.path().join("a?b=1#c %41");
    fs::create_dir(&odd).unwrap();
    fs::copy(path(folder.path()), path(&odd)).unwrap();
    assert_eq!(look_in(&odd).unwrap().unwrap(), expected);

    // A summary is where the second half of such a small file is.
    for damage in [&b"this is no database, whatever its name says"[..], &before.1[..4096 + 2048]] {
        fs::write(path(&odd), damage).unwrap();
        assert_eq!(code(look_in(&odd)), "journal.unusable");
    }
}
