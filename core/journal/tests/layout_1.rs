//! A journal of the release before: it is read and verified as it is, and goes on when somebody acts.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod written;

use std::fs;

use ceralacca_journal::Journal;
use ceralacca_kernel::{RunId, RunStatus, Store};
use rusqlite::Connection;
use written::{
    all, append, append_1, at, code, ended, entries, finished, layout_1, path, stage, started,
    tamper, two_runs,
};

#[test]
fn it_reads_the_same_before_and_after_going_on() {
    let folder = tempfile::tempdir().unwrap();
    drop(layout_1(folder.path()));
    let today = tempfile::tempdir().unwrap();
    let same = two_runs(today.path());
    let bytes = fs::read(path(folder.path())).unwrap();

    let journal = Journal::open(folder.path()).unwrap();
    let (runs, first) = (all(&journal), entries(&journal, 1));
    assert_eq!(runs, all(&same));
    assert_eq!(first, entries(&same, 1));
    let verified = journal.verify().unwrap();
    assert_eq!((verified.runs, verified.entries), (2, 5));
    assert_eq!(code(journal.entries(RunId(7))), "journal.no_such_run");
    let keys = ["k2".to_owned()].into();
    assert_eq!(journal.behind_keys(&keys).unwrap()["k2"], (RunId(2), RunStatus::Open));
    let looked = Journal::look(folder.path(), |journal| Ok(all(journal))).unwrap().unwrap();
    assert_eq!(looked, runs);
    drop(journal);
    assert_eq!(fs::read(path(folder.path())).unwrap(), bytes, "nothing was written");

    let journal = Journal::open(folder.path()).unwrap();
    let held = journal.lock(RunId(2), at(3)).unwrap();
    assert_eq!(all(&journal)[0], runs[0]);
    assert_eq!(entries(&journal, 1), first);
    append(&*held, 3, &ended(1));
    append(&*held, 4, &finished());
    drop(held);
    let second = entries(&journal, 2);
    assert_eq!(second.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(journal.begin(at(5), &started("k3")).unwrap().id(), RunId(3));
    let verified = journal.verify().unwrap();
    assert_eq!((verified.runs, verified.entries), (3, 8));
    let held = journal.lock(RunId(2), at(6)).unwrap();
    for entry in second.iter().chain(second.iter().rev()) {
        assert_eq!(held.entry(entry.sequence).unwrap(), *entry);
    }
}

#[test]
fn one_that_was_changed_does_not_go_on() {
    for statement in [
        "UPDATE entries SET body = x'a0' WHERE sequence = 2",
        "UPDATE entries SET run = 2 WHERE sequence = 5",
        "UPDATE entries SET at = at + 1 WHERE sequence = 1",
        "DELETE FROM entries WHERE sequence = 3",
        "DELETE FROM entries WHERE sequence = 1",
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(layout_1(folder.path()));
        tamper(&path(folder.path()), statement);
        let before = fs::read(path(folder.path())).unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(code(journal.verify()), "journal.broken_chain", "{statement}");
        assert_eq!(code(journal.entries(RunId(1))), "journal.broken_chain", "{statement}");
        assert_eq!(code(journal.begin(at(3), &started("k3"))), "journal.broken_chain");
        assert_eq!(code(journal.lock(RunId(2), at(3))), "journal.broken_chain", "{statement}");
        drop(journal);
        assert_eq!(fs::read(path(folder.path())).unwrap(), before, "{statement}");
    }
}

#[test]
fn what_was_changed_after_it_went_on_is_noticed() {
    for statement in [
        "UPDATE entries SET body = x'a0' WHERE sequence = 3",
        "DELETE FROM entries WHERE sequence = 5",
        "DELETE FROM entries WHERE run = 2",
        "DELETE FROM entries WHERE run = 1; DELETE FROM runs WHERE run = 1",
        "DROP TABLE entries",
        "UPDATE runs SET earlier = 1 WHERE run = 2",
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(layout_1(folder.path()));
        let journal = Journal::open(folder.path()).unwrap();
        append(&*journal.lock(RunId(2), at(3)).unwrap(), 3, &stage(1));
        assert!(journal.verify().is_ok());
        drop(journal);
        tamper(&path(folder.path()), statement);
        let outcome = Journal::open(folder.path()).unwrap().verify();
        assert!(
            ["journal.broken_chain", "journal.unusable"].contains(&code(outcome).as_str()),
            "{statement}"
        );
    }
}

/// A process of the release before has the journal open while this one goes on with it.
#[test]
fn the_release_before_can_add_nothing_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let earlier: Connection = layout_1(folder.path());
    let journal = Journal::open(folder.path()).unwrap();
    assert!(append_1(&earlier, 2, 3, &stage(1)).is_ok(), "until then it can");
    drop(journal.lock(RunId(2), at(4)).unwrap());
    assert!(append_1(&earlier, 2, 5, &stage(2)).is_err());
    assert_eq!(entries(&journal, 2).len(), 3);
    assert_eq!(journal.verify().unwrap().entries, 6);
    let version: i64 = earlier.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 2, "and it refuses to open it again");
}

#[test]
fn an_empty_one_goes_on_too() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(path(folder.path())).unwrap();
    connection.execute_batch(written::LAYOUT_1).unwrap();
    drop(connection);
    let journal = Journal::open(folder.path()).unwrap();
    assert_eq!((all(&journal).len(), journal.verify().unwrap().entries), (0, 0));
    assert_eq!(journal.begin(at(0), &started("k")).unwrap().id(), RunId(1));
    assert_eq!(journal.verify().unwrap().entries, 1);
}
