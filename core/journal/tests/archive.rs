//! Runs that are over move to a file of their own, and nothing of them is lost on the way.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod written;

use std::fs;
use std::path::Path;

use ceralacca_journal::{Journal, Moved};
use ceralacca_kernel::{RunId, Store};
use written::{
    all, append, at, code, ended, entries, finished, layout_1, path, stage, started, tamper,
    two_runs,
};

/// Six runs, of which the fourth goes on.
fn six_runs(folder: &Path) -> Journal {
    let journal = Journal::open(&folder.join("state")).unwrap_or_else(|_| {
        fs::create_dir_all(folder.join("state")).unwrap();
        Journal::open(&folder.join("state")).unwrap()
    });
    for number in 1..=6 {
        let held = journal.begin(at(number), &started(&format!("k{number}"))).unwrap();
        append(&*held, number, &stage(0));
        (1..20).for_each(|step| append(&*held, number, &ended(step)));
        if number != 4 {
            append(&*held, number, &finished());
        }
    }
    journal
}

#[test]
fn an_archived_run_reads_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let journal = six_runs(folder.path());
    let (runs, before) = (all(&journal), entries(&journal, 2));
    let to = folder.path().join("archive.sqlite");
    let moved = journal.archive(&to, Some(at(4)), at(9)).unwrap();
    assert_eq!(moved, Moved { runs: 3, entries: 66, earlier: 0 });

    let listed = all(&journal);
    let file = rusqlite::Connection::open(path(&folder.path().join("state"))).unwrap();
    let unused: i64 = file.query_row("PRAGMA freelist_count", [], |row| row.get(0)).unwrap();
    assert_eq!(unused, 0, "what was moved takes no room");
    let names: Vec<_> = listed.iter().map(|run| run.archive.as_deref()).collect();
    let name = Some("archive.sqlite");
    assert_eq!(names, [name, name, name, None, None, None], "relative to the workspace");
    assert!(listed.iter().zip(&runs).all(|(now, then)| now.status == then.status));
    assert_eq!(entries(&journal, 2), before);
    let verified = journal.verify().unwrap();
    assert_eq!((verified.runs, verified.entries), (6, 131));
    assert_eq!((verified.archives[0].runs, verified.archives[0].missing), (3, false));
    assert_eq!(journal.begin(at(10), &started("k7")).unwrap().id(), RunId(7));

    // What is over by now moves to the same file, or to another.
    assert_eq!(journal.archive(&to, Some(at(6)), at(9)).unwrap().runs, 1);
    let other = folder.path().join("other.sqlite");
    assert_eq!(journal.archive(&other, None, at(9)).unwrap().runs, 1);
    assert_eq!(journal.archive(&other, None, at(9)).unwrap(), Moved::default());
    let verified = journal.verify().unwrap();
    assert_eq!(verified.archives.iter().map(|one| one.runs).collect::<Vec<_>>(), [4, 1]);
    assert_eq!((verified.runs, verified.entries), (7, 132));

    // Gone, then back again.
    let away = folder.path().join("away");
    fs::rename(&to, &away).unwrap();
    let verified = journal.verify().unwrap();
    assert_eq!(verified.archives.iter().map(|one| one.missing).collect::<Vec<_>>(), [true, false]);
    assert_eq!(code(journal.entries(RunId(2))), "journal.archive_missing");
    assert_eq!(all(&journal).len(), 7, "they are still listed");
    fs::rename(&away, &to).unwrap();
    assert_eq!(entries(&journal, 2), before);
}

#[test]
fn any_change_in_an_archive_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = six_runs(folder.path());
    let to = folder.path().join("archive.sqlite");
    journal.archive(&to, None, at(9)).unwrap();
    let whole = fs::read(&to).unwrap();
    for statement in [
        "UPDATE run_entries SET body = x'a0' WHERE run = 2 AND number = 5",
        "UPDATE run_entries SET at = at + 1 WHERE run = 6 AND number = 1",
        "DELETE FROM run_entries WHERE run = 3",
        "DELETE FROM run_entries WHERE run = 3; DELETE FROM runs WHERE run = 3",
        "DELETE FROM heads WHERE run = 3",
        "UPDATE runs SET workflow = 'v' WHERE run = 1",
        "UPDATE runs SET entries = 5 WHERE run = 1",
    ] {
        tamper(&to, statement);
        assert_eq!(code(journal.verify()), "journal.broken_chain", "{statement}");
        fs::write(&to, &whole).unwrap();
        assert!(journal.verify().is_ok());
    }
    // A byte of an entry, wherever the file has it: pages that were split leave copies behind.
    let needle = b"world::count";
    let places = (0..whole.len() - needle.len()).filter(|at| whole[*at..].starts_with(needle));
    let noticed = places.filter(|place| {
        let mut changed = whole.clone();
        changed[*place] ^= 1;
        fs::write(&to, &changed).unwrap();
        code(journal.verify()) == "journal.broken_chain"
    });
    assert_eq!(noticed.count(), 5 * 19, "each call of five runs");
    fs::write(&to, &whole).unwrap();

    // Another archive in its place holds by itself, and is not the one.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = six_runs(elsewhere.path());
    append(&*other.lock(RunId(4), at(7)).unwrap(), 7, &finished());
    let its = elsewhere.path().join("archive.sqlite");
    other.archive(&its, Some(at(3)), at(9)).unwrap();
    fs::copy(&its, &to).unwrap();
    assert_eq!(code(journal.verify()), "journal.archive_differs");
    assert_eq!(code(journal.entries(RunId(5))), "journal.archive_differs");
}

#[test]
fn only_an_archive_is_moved_to() {
    let folder = tempfile::tempdir().unwrap();
    let journal = six_runs(folder.path());
    let elsewhere = tempfile::tempdir().unwrap();
    drop(two_runs(elsewhere.path()));
    let sheet = folder.path().join("sheet.sqlite");
    rusqlite::Connection::open(&sheet).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let own = path(&folder.path().join("state"));
    for to in [&own, &path(elsewhere.path()), &sheet] {
        let before = fs::read(to).unwrap();
        assert_eq!(code(journal.archive(to, None, at(9))), "journal.not_an_archive", "{to:?}");
        assert_eq!(fs::read(to).unwrap(), before);
    }
    let text = folder.path().join("text");
    fs::write(&text, "not a database, and longer than the header of one would be: 100 bytes.....")
        .unwrap();
    assert_eq!(code(journal.archive(&text, None, at(9))), "journal.unusable");
    assert_eq!(
        code(journal.archive(&folder.path().join("no/where"), None, at(9))),
        "journal.unusable"
    );
    // Of another workspace: its runs of these numbers are others.
    let other = six_runs(elsewhere.path());
    let its = elsewhere.path().join("archive.sqlite");
    append(&*other.lock(RunId(4), at(7)).unwrap(), 7, &finished());
    other.archive(&its, None, at(9)).unwrap();
    append(&*journal.lock(RunId(4), at(8)).unwrap(), 8, &stage(20));
    append(&*journal.lock(RunId(4), at(8)).unwrap(), 8, &finished());
    assert_eq!(code(journal.archive(&its, None, at(9))), "journal.archive_differs");
    assert_eq!(journal.verify().unwrap().entries, 133, "nothing was taken out");
    // Not even what it has no run of that number for is added to it.
    let third = tempfile::tempdir().unwrap();
    let its = third.path().join("archive.sqlite");
    assert_eq!(two_runs(third.path()).archive(&its, None, at(9)).unwrap().runs, 1);
    let before = fs::read(&its).unwrap();
    assert_eq!(code(journal.archive(&its, None, at(9))), "journal.archive_differs");
    assert_eq!(fs::read(&its).unwrap(), before);
}

#[test]
fn runs_that_an_earlier_release_began_stay() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    drop(layout_1(&state));
    let journal = Journal::open(&state).unwrap();
    append(&*journal.begin(at(5), &started("k3")).unwrap(), 5, &finished());
    let to = folder.path().join("archive.sqlite");
    let moved = journal.archive(&to, None, at(9)).unwrap();
    assert_eq!(moved, Moved { runs: 1, entries: 2, earlier: 1 });
    assert_eq!((journal.verify().unwrap().entries, all(&journal).len()), (7, 3));
}
