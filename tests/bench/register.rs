//! `status` and `receipts` where much was sent: 500, 5,000 and 50,000 submissions, each with its receipt.

use std::fs;
use std::process::{Command, Stdio};

use ceralacca::kernel::Folders;
use ceralacca::submission::register_table;
use tempfile::TempDir;

use crate::filed::submission;
use crate::{Best, PROGRAM, line, run, timed};

const ROUNDS: u32 = 10;
const SIZES: [u32; 3] = [500, 5_000, 50_000];
/// What the budget is for.
const BUDGET: u32 = 5_000;
const MILLISECONDS: f64 = 50.0;
const MEBIBYTES: f64 = 32.0;

/// Time from start to end, and memory at most, with the register's table in step and without it.
pub(crate) fn at_size() {
    for many in SIZES {
        let folder = crate::in_memory().unwrap_or_else(crate::scratch);
        run(&folder, &["init"]);
        let root = folder.path();
        (1..=many).for_each(|number| submission(root, number));
        let folders = Folders { documents: root.join("Documenti"), state: root.join(".ceralacca") };
        let kept = timed(|| register_table::keep(&folders));
        let table = folders.state.join("register.table");
        println!(
            "  ({many} submissions: the table is made in {:.0} ms)",
            kept.as_secs_f64() * 1000.0
        );
        for command in ["status", "receipts"] {
            measure(&folder, command, many, "");
        }
        fs::remove_file(table).unwrap();
        measure(&folder, "status", many, ", no table");
    }
}

fn measure(folder: &TempDir, command: &str, many: u32, remark: &str) {
    let mut best = Best::default();
    (0..ROUNDS).for_each(|_| {
        best.of(timed(|| {
            outcome(folder, command);
        }))
    });
    let what = format!("{command}, {many} submissions{remark}");
    let milliseconds = best.seconds() * 1000.0;
    let counts = many <= BUDGET && remark.is_empty();
    let budget = if counts { "≤ 50 ms" } else { "" };
    line(&what, format!("{milliseconds:.1} ms"), budget, !counts || milliseconds <= MILLISECONDS);
    if let Some(memory) = memory(folder, command) {
        let budget = if counts { "≤ 32 MiB" } else { "" };
        let within = !counts || memory <= MEBIBYTES;
        line(&format!("  {what}"), format!("{memory:.1} MiB"), budget, within);
    }
}

/// `status` exits with what there is to do.
fn outcome(folder: &TempDir, command: &str) -> Option<i32> {
    let mut command = program(folder, command);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
}

fn program(folder: &TempDir, command: &str) -> Command {
    let mut program = Command::new(PROGRAM);
    program.arg(command).current_dir(folder.path());
    program
}

/// The most memory that was resident, in MiB, as `time` says it.
fn memory(folder: &TempDir, command: &str) -> Option<f64> {
    let mut time = Command::new("time");
    time.args(["-f", "%M", PROGRAM, command]).current_dir(folder.path()).stdout(Stdio::null());
    let said = String::from_utf8(time.output().ok()?.stderr).ok()?;
    let kibibytes: f64 = said.lines().last()?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}
