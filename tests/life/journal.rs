//! The journal over the years: one of the release before goes on, old runs move to an archive, and a kill
//! at any point of either loses nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::stage::kill::killed_each_time;
use crate::stage::{Finished, Served, Stage, codice_fiscale, golden};
use rusqlite::{Connection, params};
use serde_json::json;
use sha2::{Digest, Sha256};

/// As the release before began a journal.
const LAYOUT_1: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE entries (
        sequence INTEGER PRIMARY KEY,
        run      INTEGER NOT NULL,
        at       INTEGER NOT NULL, -- microseconds since 1970, UTC
        kind     TEXT    NOT NULL, -- for people who look with sqlite3; the body decides
        body     BLOB    NOT NULL, -- the event, deterministic CBOR
        hash     BLOB    NOT NULL  -- see chain.rs
    ) STRICT;
    CREATE INDEX entries_by_run ON entries (run, sequence);
    CREATE TRIGGER entries_stay BEFORE UPDATE ON entries
        BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER entries_remain BEFORE DELETE ON entries
        BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
    PRAGMA user_version = 1;";

/// Writes the journal of a workspace as the release before would have: the events are the same.
fn as_the_release_before(stage: &Stage) {
    let path = stage.path(".ceralacca/journal.sqlite");
    let now = Connection::open(&path).unwrap();
    let written: Vec<(i64, i64, String, Vec<u8>)> = now
        .prepare("SELECT run, at, kind, body FROM run_entries ORDER BY at, run, number")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    now.close().unwrap();
    fs::remove_file(&path).unwrap();
    let before = Connection::open(&path).unwrap();
    before.execute_batch(LAYOUT_1).unwrap();
    let mut previous = vec![0; 32];
    for (sequence, (run, at, kind, body)) in (1_i64..).zip(written) {
        let mut hash = Sha256::new();
        hash.update(&previous);
        [sequence, run, at].iter().for_each(|number| hash.update(number.to_be_bytes()));
        hash.update(&body);
        previous = hash.finalize().to_vec();
        before
            .execute(
                "INSERT INTO entries (sequence, run, at, kind, body, hash) \
                 VALUES (?, ?, ?, ?, ?, ?)",
                params![sequence, run, at, kind, body, previous],
            )
            .unwrap();
    }
}

fn layout(stage: &Stage) -> i64 {
    let connection = Connection::open(stage.path(".ceralacca/journal.sqlite")).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// Every file of the workspace, with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

/// A workspace with runs that are finished, and one that failed and can be gone on with.
fn with_runs(finished: usize) -> Stage {
    let stage = Stage::embedded();
    let script = "const WORKFLOW = #{ summary: \"x\", uses: [\"prompt\"] };\n\
                  fn run(input) { stage(\"Uno\"); stage(\"Due\"); 42 }\n";
    fs::write(stage.path("bene.rhai"), script).unwrap();
    fs::write(stage.path("male.rhai"), script.replace("42", "prompt::secret(\"pincode\")"))
        .unwrap();
    for _ in 0..finished {
        stage.run(&["run", "./bene.rhai"]).expect_success();
    }
    assert_ne!(stage.run(&["run", "./male.rhai"]).code, Some(0));
    stage
}

#[test]
fn a_journal_of_the_release_before_is_read_and_goes_on() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(81_000));
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({ "receipt_delay_seconds": 3600 })));
    assert_eq!(stage.setup(&account, &["--patience", "0s"]).code, Some(4));
    let commands: [&[&str]; 5] =
        [&["status"], &["runs"], &["runs", "1"], &["journal", "export"], &["receipts"]];
    let say = || commands.map(|command| stage.run(command).stdout);
    let said = say();
    as_the_release_before(&stage);
    let before = files(stage.folder.path());
    assert_eq!(say(), said, "it reads the same");
    stage.run(&["journal", "verify"]).expect_success();
    assert_eq!(files(stage.folder.path()), before, "whoever looks writes nothing");
    assert_eq!(layout(&stage), 1);

    served.admin("PUT", "/sandbox/v1/clock", Some(&json!({ "offset_seconds": 3601 })));
    stage.resume(1, &account, &[]).expect_success();
    assert_eq!(layout(&stage), 2);
    assert_eq!(served.requests(), 1, "nothing was sent twice");
    stage.run(&["journal", "verify"]).expect_success();
    let runs = stage.run(&["runs", "--json"]).json();
    assert_eq!((&runs[0]["status"], runs.as_array().unwrap().len()), (&json!("finished"), 1));
    let shown = stage.run(&["runs", "1", "--json"]).json();
    let numbers = shown.as_array().unwrap().iter().map(|entry| entry["sequence"].as_u64().unwrap());
    assert!(numbers.eq(1..=shown.as_array().unwrap().len() as u64));
}

#[test]
fn killed_while_it_goes_on_to_this_layout() {
    let stage = with_runs(2);
    as_the_release_before(&stage);
    let exported = stage.run(&["journal", "export"]).expect_success().stdout;
    let points = killed_each_time(&stage, &["abandon", "3"], |point| {
        stage.run(&["journal", "verify"]).expect_success();
        let now = stage.run(&["journal", "export"]).expect_success().stdout;
        assert!(now.starts_with(&exported), "after {point}");
        let again = stage.run(&["abandon", "3"]);
        let done = point == "after journal abandoned";
        assert_eq!(again.code, Some(if done { 2 } else { 0 }), "after {point}: {}", again.stderr);
        stage.run(&["journal", "verify"]).expect_success();
        assert_eq!(layout(&stage), 2);
    });
    assert_eq!(
        points,
        [
            "before journal layout 2",
            "during journal layout 2",
            "after journal layout 2",
            "before journal abandoned",
            "after journal abandoned",
        ]
    );
}

#[test]
fn killed_while_runs_are_moved_to_an_archive() {
    let stage = with_runs(3);
    let shown = |stage: &Stage| {
        (1..=4)
            .map(|run| stage.run(&["runs", &format!("{run}")]).expect_success().stdout)
            .collect::<Vec<_>>()
    };
    let before = shown(&stage);
    let points = killed_each_time(&stage, &["journal", "archive"], |point| {
        assert_eq!(shown(&stage), before, "after {point}: each run is in one of the files");
        stage.run(&["journal", "verify"]).expect_success();
        stage.run(&["journal", "archive"]).expect_success();
        assert_eq!(shown(&stage), before, "after {point}");
        let verified = stage.run(&["journal", "verify", "--json"]).json();
        let archive = &verified["archives"][0];
        assert_eq!((&archive["runs"], &archive["missing"]), (&json!(3), &json!(false)), "{point}");
    });
    assert_eq!(points.len(), 6, "{points:?}");
}

#[test]
fn archived_runs_are_listed_checked_and_missed() {
    let stage = with_runs(3);
    let none = stage.run(&["journal", "archive", "--before", "2020-01-01"]).expect_success();
    assert_eq!(none.stdout, "No run was moved\n");
    let moved = stage.run(&["journal", "archive", "--to", "vecchi.sqlite"]).expect_success();
    assert!(moved.stdout.starts_with("3 runs, 12 entries, were moved to "), "{}", moved.stdout);
    let runs = stage.run(&["runs"]).expect_success().stdout;
    assert_eq!(runs.matches("finished, archived").count(), 3, "{runs}");
    let exported = stage.journal().len();
    let verified = stage.run(&["journal", "verify"]).expect_success().stdout;
    assert!(verified.contains("vecchi.sqlite: 3 runs, as they were moved there"), "{verified}");
    stage.run(&["run", "./bene.rhai"]).expect_success();
    assert!(stage.run(&["runs", "5"]).expect_success().stdout.contains("finished"));
    assert_eq!(stage.run(&["resume", "1"]).code, Some(2), "it is finished, wherever it is");

    let check = |code: &str, refused: &Finished| {
        let folder = stage.folder.path().display().to_string();
        let text = golden::steady(&refused.stderr, &[(&folder, "WORKSPACE")]);
        golden::check(&format!("tests/errors/{code}.txt"), &text);
        assert_eq!(refused.code, Some(1), "{code}");
    };
    let archive = stage.path("vecchi.sqlite");
    let whole = fs::read(&archive).unwrap();
    let changed = Connection::open(&archive).unwrap();
    changed
        .execute_batch("DROP TRIGGER run_entries_stay; UPDATE run_entries SET at = at + 1")
        .unwrap();
    drop(changed);
    check("journal.broken_chain.archive", &stage.run(&["journal", "verify"]));
    fs::write(&archive, &whole).unwrap();
    stage.run(&["journal", "verify"]).expect_success();

    fs::remove_file(&archive).unwrap();
    let verified = stage.run(&["journal", "verify"]);
    assert_eq!(verified.code, Some(1), "what was not checked is not called good");
    let verified = verified.stdout;
    assert!(verified.contains("vecchi.sqlite is not there: 3 runs were not checked"), "{verified}");
    check("journal.archive_missing", &stage.run(&["runs", "2"]));
    let rest = stage.run(&["journal", "export"]);
    assert_eq!(rest.code, Some(1));
    assert!(rest.stdout.lines().count() < exported && rest.stderr.contains("archive_missing"));

    let journal = stage.path(".ceralacca/journal.sqlite");
    let own = journal.display().to_string();
    check("journal.not_an_archive", &stage.run(&["journal", "archive", "--to", &own]));
    let other = with_runs(2);
    other.run(&["journal", "archive", "--to", "vecchi.sqlite"]).expect_success();
    fs::copy(other.path("vecchi.sqlite"), &archive).unwrap();
    check("journal.archive_differs", &stage.run(&["journal", "verify"]));
}

#[test]
fn runs_are_listed_page_by_page() {
    let stage = with_runs(4);
    let page = |more: &[&str]| stage.run(&[&["runs"], more].concat()).expect_success().stdout;
    assert_eq!(page(&[]).lines().count(), 6, "all of a small workspace");
    let last = page(&["--limit", "2"]);
    assert!(last.ends_with("2 of 5 runs; 3 older: --page 2\n"), "{last}");
    assert!(last.contains("bene") && last.contains("male"), "{last}");
    let first = page(&["--limit", "2", "--page", "3"]);
    assert!(first.ends_with("1 of 5 runs, the oldest\n"), "{first}");
    assert_eq!(page(&["--limit", "2", "--page", "4"]), "No runs on this page.\n");
    assert_eq!(page(&["--open"]).lines().count(), 2);
    assert_eq!(page(&["--status", "finished"]).lines().count(), 5);
    assert_eq!(page(&["--workflow", "no_such"]), "No runs match.\n");
    let all = stage.run(&["runs", "--json"]).json();
    assert_eq!(all.as_array().unwrap().len(), 5);
    let two = stage.run(&["runs", "--json", "--limit", "2"]).json();
    assert_eq!((two[0]["run"].as_u64(), two[1]["run"].as_u64()), (Some(4), Some(5)));
}

/// A FIFO in the place of the journal or of an archive is an error at once, and never an empty journal.
#[cfg(unix)]
#[test]
fn a_fifo_is_neither_a_journal_nor_an_archive() {
    let stage = with_runs(2);
    let fifo = |name: &str| {
        fs::remove_file(stage.path(name)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(stage.path(name)).status().unwrap();
        assert!(made.success());
    };
    stage.run(&["journal", "archive", "--to", "vecchi.sqlite"]).expect_success();
    fifo("vecchi.sqlite");
    for command in [&["journal", "verify"][..], &["journal", "export"], &["runs", "1"]] {
        let refused = stage.run(command);
        assert_eq!(refused.code, Some(1), "{command:?}: {}", refused.stdout);
        assert!(refused.stderr.contains("a FIFO"), "{command:?}: {}", refused.stderr);
    }
    fifo(".ceralacca/journal.sqlite");
    for command in [&["runs"][..], &["journal", "verify"], &["resume", "1"]] {
        let refused = stage.run(command);
        assert_eq!(refused.code, Some(1), "{command:?}: {}", refused.stdout);
        assert!(refused.stderr.contains("a FIFO"), "{command:?}: {}", refused.stderr);
    }
    assert_eq!(stage.run(&["status"]).code, Some(2), "it could not be looked at");
}

/// A name that is no text: nothing is moved to it, and what has one in `ricezione` is shown all the same.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let stage = with_runs(1);
    let name = OsStr::from_bytes(b"bad\xff");
    let mut archive = stage.command(&["--json", "journal", "archive", "--to"]);
    let refused = crate::stage::run(archive.arg(name));
    assert_eq!(refused.code, Some(1), "{}{}", refused.stdout, refused.stderr);
    let verified = stage.run(&["journal", "verify", "--json"]).json();
    assert_eq!(verified["archives"], json!([]), "nothing was moved");

    let by_hand = Stage::by_hand(&Served::start());
    fs::write(by_hand.path("Documenti/ricezione").join(name), "x").unwrap();
    let status = by_hand.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let path = status["unused"][0]["path"].as_str().unwrap();
    assert!(path.ends_with("bad\u{fffd}"), "{status:#}");
}
