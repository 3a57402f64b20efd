//! A process that is killed at a point of its own: it announces the point and stands still.
//!
//! The points are in `core/kernel/src/crash_point.rs`; SIGKILL comes from here, from outside.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::impronta::copy;
use super::{Account, Stage, run};

/// Kills the process of `command` at its `point`-th crash point and gives the point's name; `None`
/// when the process ended before it, which it must do well (a run that waits does well, too).
pub fn killed_at(command: &mut Command, point: u32) -> Option<String> {
    command.env("CERALACCA_CRASH_POINT", point.to_string());
    let mut process =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mark = format!("crash point {point}: ");
    let mut name = None;
    let mut said = String::new();
    for line in BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok) {
        if let Some(found) = line.strip_prefix(&mark) {
            name = Some(found.to_owned());
            process.kill().unwrap();
            break;
        }
        said.push_str(&line);
        said.push('\n');
    }
    let status = process.wait().unwrap();
    assert!(
        name.is_some() || matches!(status.code(), Some(0 | 4)),
        "without a kill it finishes: {said}"
    );
    name
}

/// Set, every point is killed at and every request meets every fault; otherwise a sample of them.
pub const WHOLE: &str = "CERALACCA_WHOLE_MATRIX";

/// The points at which a command is killed, by their number.
pub struct Sample {
    pub points: Vec<u32>,
    /// How many the command passes.
    of: usize,
}

impl Sample {
    /// Every third of these and the last, for what another test tries in full: the twin in the other
    /// language, which passes the same points.
    pub fn thinned(mut self) -> Sample {
        if std::env::var_os(WHOLE).is_none() {
            let last = self.points.len() - 1;
            let mut places = 0..;
            self.points.retain(|_| places.next().is_some_and(|at| at % 3 == 0 || at == last));
        }
        self
    }

    /// How much of all this is.
    pub fn said(&self) -> String {
        match self.of - self.points.len() {
            0 => format!("all {} points", self.of),
            left_out => format!(
                "{} points; {left_out} were left out, {WHOLE}=1 tries all",
                self.points.len()
            ),
        }
    }
}

/// Lets a command go to its end, which must be a good one. Gives the names of the points that it passes.
pub fn passed(command: &mut Command) -> Vec<String> {
    let finished = run(command.env("CERALACCA_CRASH_POINT", "0"));
    assert!(matches!(finished.code, Some(0 | 4)), "{}{}", finished.stdout, finished.stderr);
    let announced = finished.stderr.lines().filter(|line| line.starts_with("crash point "));
    let names: Vec<String> =
        announced.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect();
    assert!(!names.is_empty(), "it passes points: {}", finished.stderr);
    names
}

/// Lets a command go to its end, which must be a good one, and chooses among the points that it passes:
/// of each kind the first and the last.
pub fn sampled(command: &mut Command) -> Sample {
    let kinds: Vec<String> = passed(command).iter().map(|name| kind(name)).collect();
    let is_chosen = |place: &usize| {
        let is_first = !kinds[..*place].contains(&kinds[*place]);
        let is_last = !kinds[place + 1..].contains(&kinds[*place]);
        is_first || is_last || std::env::var_os(WHOLE).is_some()
    };
    let chosen = (0..kinds.len()).filter(is_chosen);
    let points: Vec<u32> = chosen.map(|place| u32::try_from(place).unwrap() + 1).collect();
    Sample { points, of: kinds.len() }
}

/// The name of a point without what differs from run to run: numbers and digests.
fn kind(name: &str) -> String {
    let word = |word: &str| match word.bytes().filter(u8::is_ascii_digit).count() {
        0..4 => word.to_owned(),
        _ => word.split(|c: char| !c.is_ascii_alphanumeric()).skip(1).collect::<Vec<_>>().join("."),
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A run that was killed at one point after the other.
pub struct Killed {
    /// Name of the point, and how many steps were settled by then.
    points: Vec<(String, usize)>,
    /// With what exit code it ended.
    pub ended: Option<i32>,
}

impl Killed {
    pub fn count(&self) -> usize {
        self.points.len()
    }

    pub fn was_at(&self, point: &str) -> bool {
        self.points.iter().any(|(name, _)| name == point)
    }
}

/// Kills one run at its first point, resumes it, kills it at the next, and so on to its end. What a run
/// does over again after a kill it does at points that it has passed before: then it is killed one point
/// further the next time. By default every other point is left out. `arguments` begin the run, which will
/// be the `run`-th.
pub fn killed_in_turn(stage: &Stage, account: &Account, arguments: &[String], run: u64) -> Killed {
    let secrets = account.secrets_file.display().to_string();
    let number = run.to_string();
    let patience = ["--patience", "0s"];
    let resume = [&["resume", &number, "--approve", "--secrets", &secrets][..], &patience].concat();
    let begin: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut points, mut seen) = (Vec::new(), BTreeSet::new());
    // The next point each time, or the one after the next.
    let next = if std::env::var_os(WHOLE).is_some() { 1 } else { 2 };
    let mut further = 1;
    loop {
        let begun = stage.journal().iter().any(|entry| entry["run"] == run);
        // A process that resumes passes two points of its own before it goes on.
        let (command, own) = if begun { (&resume, 2) } else { (&begin, 0) };
        let Some(name) = killed_at(&mut stage.command(command), own + further) else { break };
        assert!(points.len() < 1000, "it does not come to its end: {:?}", points.last());
        // What is set aside has the time in its name.
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let point = (name, settled(stage, run));
        further = if seen.insert(point.clone()) { next } else { further + 1 };
        let over = point.0 == "after journal finished";
        points.push(point);
        if over {
            return Killed { points, ended: Some(0) };
        }
    }
    let ended = stage.run(&resume);
    // One that has ended well is not resumed.
    let finished = ended.code == Some(2) && ended.stderr.contains("run.finished");
    Killed { points, ended: if finished { Some(0) } else { ended.code } }
}

/// Kills a command at each of its points that are tried, each time with everything on disk as it was before; `again`
/// is what somebody does after a kill. Gives the names of the points; in the end the command is done.
pub fn killed_each_time(stage: &Stage, arguments: &[&str], again: impl Fn(&str)) -> Vec<String> {
    let before = tempfile::tempdir().unwrap();
    let before = before.path().join("before");
    copy(stage.folder.path(), &before);
    // What an earlier kill has left goes with the next writing there.
    let there = stage.leftovers();
    let mut points = Vec::new();
    for point in sampled(&mut stage.command(arguments)).points {
        put_back(stage, &before);
        let name = killed_at(&mut stage.command(arguments), point).expect("it is not over yet");
        again(&name);
        assert_eq!(stage.leftovers(), there, "after {name}");
        points.push(name);
    }
    put_back(stage, &before);
    let finished = stage.run(arguments);
    assert!(matches!(finished.code, Some(0 | 4)), "{}{}", finished.stdout, finished.stderr);
    points
}

/// Makes the workspace what it was.
fn put_back(stage: &Stage, before: &Path) {
    for entry in fs::read_dir(stage.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    for entry in fs::read_dir(before).unwrap().map(Result::unwrap) {
        let to = stage.folder.path().join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// How many steps of a run have their outcome.
pub fn settled(stage: &Stage, run: u64) -> usize {
    let journal = stage.journal();
    let of_run = journal.iter().filter(|entry| entry["run"] == run);
    let settled = |entry: &&serde_json::Value| {
        ["stage", "ended", "finished"].iter().any(|kind| !entry["event"][kind].is_null())
    };
    of_run.filter(settled).count()
}

impl Stage {
    /// Temporary files that are left anywhere among the user's own.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        leftovers(self.folder.path())
    }
}

fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != ".ceralacca" {
            found.extend(leftovers(&path));
        } else if name.starts_with(".ceralacca-") {
            found.push(path);
        }
    }
    found
}
