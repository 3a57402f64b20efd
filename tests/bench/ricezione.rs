//! `status` where very many files lie in `ricezione` that are of no use.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{PROGRAM, line};

const FILES: usize = 100_000;

/// Each of the files is new to it: it is read, and nothing of it was kept.
pub(crate) fn many_unknown_files() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
        command.output().unwrap()
    };
    assert!(run(&["init", "--hand-off"]).status.success());
    let ricezione = folder.path().join("Documenti/ricezione");
    fs::create_dir_all(&ricezione).unwrap();
    for count in 0..FILES {
        let name = format!("{count:017}.pdf");
        fs::write(ricezione.join(name), format!("%PDF-1.4 {count} %%EOF")).unwrap();
    }
    let begun = Instant::now();
    run(&["status"]);
    let took = begun.elapsed();
    let within = took <= Duration::from_secs(2);
    line("status, 100,000 unknown files", format!("{:.2} s", took.as_secs_f64()), "2 s", within);
}
