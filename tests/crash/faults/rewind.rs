//! A workspace and the sandbox's state that are set back, in place, before each case.
//!
//! Keys take seconds to make and can be certified once: what they were used for is undone instead.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::stage::{Served, Stage};

/// A moment that can be returned to.
pub struct Rewind<'a> {
    served: &'a Served,
    stage: &'a Stage,
    kept: TempDir,
}

impl<'a> Rewind<'a> {
    /// Keeps this moment. No program is at work in the workspace, and no request on its way.
    pub fn here(served: &'a Served, stage: &'a Stage) -> Rewind<'a> {
        let kept = tempfile::tempdir().unwrap();
        copy(stage.folder.path(), &kept.path().join(WORKSPACE));
        let state = Connection::open(state(served)).unwrap();
        let target = kept.path().join(STATE).display().to_string();
        state.execute("VACUUM INTO ?1", [target]).unwrap();
        Rewind { served, stage, kept }
    }

    /// Returns to it.
    pub fn restore(&self) {
        let workspace = self.stage.folder.path();
        for entry in fs::read_dir(workspace).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => fs::remove_dir_all(&path).unwrap(),
                false => fs::remove_file(&path).unwrap(),
            }
        }
        copy(&self.kept.path().join(WORKSPACE), workspace);
        self.restore_state();
    }

    /// The sandbox keeps its database open meanwhile: all tables are set back in one transaction.
    fn restore_state(&self) {
        let mut state = Connection::open(state(self.served)).unwrap();
        state.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
        state.pragma_update(None, "foreign_keys", "OFF").unwrap();
        let kept = self.kept.path().join(STATE).display().to_string();
        state.execute("ATTACH ?1 AS kept", [kept]).unwrap();
        let transaction = state.transaction().unwrap();
        let mut query = transaction
            .prepare("SELECT name FROM kept.sqlite_schema WHERE type = 'table'")
            .unwrap();
        let names = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let names: Vec<String> = names.map(Result::unwrap).collect();
        drop(query);
        for name in names {
            let set_back = format!(
                "DELETE FROM main.{name}; INSERT INTO main.{name} SELECT * FROM kept.{name};"
            );
            transaction.execute_batch(&set_back).unwrap();
        }
        transaction.commit().unwrap();
    }

    /// A folder of the workspace as it was at that moment.
    pub fn kept(&self, name: &str) -> std::path::PathBuf {
        self.kept.path().join(WORKSPACE).join(name)
    }
}

/// A number that a query of the sandbox's state gives.
pub fn number(served: &Served, query: &str) -> i64 {
    let state = Connection::open(state(served)).unwrap();
    state.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    state.query_row(query, [], |row| row.get(0)).unwrap()
}

const WORKSPACE: &str = "workspace";
const STATE: &str = "stato.sqlite";

fn state(served: &Served) -> std::path::PathBuf {
    served.folder.path().join("stato-SANDBOX.sqlite")
}

/// Copies a folder with everything in it; `to` may be there.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
        fs::set_permissions(&target, fs::metadata(&path).unwrap().permissions()).unwrap();
    }
}
