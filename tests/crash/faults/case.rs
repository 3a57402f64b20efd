//! One case: a workflow meets one fault, stops or goes on, is killed once more, and comes to its end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::door::Door;
use super::rewind::number;
use super::table::Cell;
use super::{Kind, PATIENT, Request};
use crate::stage::{self, Account, Finished, Served, Stage};

/// How a workflow is begun and what counts as its end.
pub struct Play<'a> {
    pub served: &'a Served,
    pub stage: &'a Stage,
    /// Whose secrets are given.
    pub account: Account,
    /// The first command.
    pub start: Vec<String>,
    /// The run that it begins or goes on with.
    pub run: u64,
    /// The error that counts as the end; without one it is exit code 0.
    pub until: Option<&'static str>,
    /// What an error asks for before the run can go on: collect_receipts.
    pub collect: Option<Vec<String>>,
}

/// What comes after a program has ended.
enum Next {
    Nothing,
    Resume(u64),
    /// The same command: it had not begun its run, or did what it could and said what is left.
    Again,
    Collect,
}

/// A command that was typed, and how it ended; nothing when it was killed.
struct Typed {
    arguments: Vec<String>,
    /// How many runs there were before it.
    runs_before: usize,
    finished: Option<Finished>,
}

/// More commands than any case may take.
const STUCK: u32 = 6;

impl Play<'_> {
    /// Meets the fault, then does what the errors ask for until the end. `case` varies the place of
    /// the second kill.
    pub fn through(&self, request: &Request, kind: Kind, case: u32, place: &str) -> Cell {
        let before = self.kept();
        let met = self.meet(&self.start, request, kind, place);
        if request.changes() && met.exit() == Some(1) {
            // What the same command had asked for before is not this request's.
            let of = |(submissions, revocations): (i64, i64)| {
                if request.route.ends_with("revocations") { revocations } else { submissions }
            };
            assert_eq!(of(self.kept()), of(before), "{place}: refused, and yet it was taken in");
        }
        self.to_the_end(met, case, place)
    }

    /// The request is taken in and its answer lost; then the look-up for it meets the fault.
    pub fn in_doubt(&self, request: &Request, kind: Kind, case: u32, place: &str) -> Cell {
        let lost = self.meet(&self.start, request, Kind::CutAfter, place);
        assert_eq!(lost.exit(), Some(3), "{place}: it is in doubt: {}", lost.shown());
        let taken_in = self.kept();
        let met = self.meet(&resume(self.run), &request.look_up(), kind, place);
        let cell = self.to_the_end(met, case, place);
        if self.until.is_some() {
            assert_eq!(self.kept(), taken_in, "{place}: nothing more is sent");
        }
        cell
    }

    /// Does what the program says until there is nothing left to do.
    fn to_the_end(&self, met: Typed, case: u32, place: &str) -> Cell {
        let mut cell = Cell { exit: met.exit(), commands: 0, killed_again: false };
        let mut last = met;
        loop {
            let arguments = match self.next(&last, place) {
                // Where the end is an error, it was reached nevertheless.
                Next::Nothing if cell.commands == 0 => return Cell { exit: Some(0), ..cell },
                Next::Nothing => return cell,
                Next::Resume(run) => resume(run),
                Next::Again => last.arguments.clone(),
                Next::Collect => self.collect.clone().unwrap(),
            };
            cell.commands += 1;
            assert!(cell.commands < STUCK, "{place}: no end: {}", last.shown());
            let runs_before = self.runs().len();
            let mut command = self.command(&arguments);
            let finished = match cell.commands {
                1 => killed_at(&mut command, 1 + case % 12),
                _ => Some(stage::run(&mut command)),
            };
            cell.killed_again |= finished.is_none();
            last = Typed { arguments, runs_before, finished };
        }
    }

    /// Runs the first command to the end, without a fault.
    pub fn undisturbed(&self) {
        let runs_before = self.runs().len();
        let finished = Some(stage::run(&mut self.command(&self.start)));
        let typed = Typed { arguments: self.start.clone(), runs_before, finished };
        let ended = matches!(self.next(&typed, "undisturbed"), Next::Nothing);
        assert!(ended, "undisturbed: {}", typed.shown());
    }

    /// Number and status of each run, as `ceralacca runs` lists them.
    fn runs(&self) -> Vec<(u64, String)> {
        let listed = self.stage.run(&["runs", "--json"]).json();
        let run = |run: &Value| {
            (run["run"].as_u64().unwrap(), run["status"].as_str().unwrap().to_owned())
        };
        listed.as_array().unwrap().iter().map(run).collect()
    }

    fn command(&self, arguments: &[String]) -> Command {
        let secrets = self.account.secrets_file.display().to_string();
        let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
        all.extend(["--approve", "--json", "--patience", "0s", "--secrets", &secrets]);
        self.stage.command(&all)
    }

    /// What the Agency has taken in so far.
    fn kept(&self) -> (i64, i64) {
        let count = |table: &str| number(self.served, &format!("SELECT count(*) FROM {table}"));
        (count("submissions"), count("revocations"))
    }

    /// A command under the fault.
    fn meet(&self, arguments: &[String], request: &Request, kind: Kind, place: &str) -> Typed {
        let runs_before = self.runs().len();
        if let Some(fault) = kind.fault() {
            self.served.faults(&json!([
                { "route": request.route, "kind": fault, "skip": request.earlier },
            ]));
        }
        let mut command = self.command(arguments);
        let finished = match kind {
            Kind::NobodyListens => {
                let door = Door::shut_after(request.index, &self.served.address);
                let finished =
                    self.with_settings(&self.served.url, &door.url, || stage::run(&mut command));
                assert!(door.is_shut(), "{place}: the door was never shut");
                Some(finished)
            }
            Kind::Slow => {
                let impatient = format!("[agency]\ntimeout = \"{PATIENT}\"\n");
                Some(self.with_settings("[agency]\n", &impatient, || stage::run(&mut command)))
            }
            Kind::Killed => {
                self.kill_while_it_waits(&mut command, place);
                None
            }
            _ => Some(stage::run(&mut command)),
        };
        let left = self.served.admin("GET", "/sandbox/v1/faults", None);
        assert_eq!(left["faults"], json!([]), "{place}: the fault was not met");
        Typed { arguments: arguments.to_vec(), runs_before, finished }
    }

    /// Does `work` with other settings, then puts the settings back.
    fn with_settings<T>(&self, found: &str, instead: &str, work: impl FnOnce() -> T) -> T {
        let path = self.stage.path("ceralacca.toml");
        let settings = fs::read_to_string(&path).unwrap();
        assert!(settings.contains(found), "{found} is in the settings");
        fs::write(&path, settings.replace(found, instead)).unwrap();
        let done = work();
        fs::write(&path, settings).unwrap();
        done
    }

    /// SIGKILL once the request was taken in and while the program waits for its answer.
    fn kill_while_it_waits(&self, command: &mut Command, place: &str) {
        let slow = "SELECT count(*) FROM log WHERE fault = 'slow'";
        let before = number(self.served, slow);
        let mut process =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let start = Instant::now();
        while number(self.served, slow) == before {
            assert!(start.elapsed() < Duration::from_secs(600), "{place}: the fault was not met");
            assert_eq!(process.try_wait().unwrap(), None, "{place}: it ended before the fault");
            std::thread::sleep(Duration::from_millis(10));
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Reads what a program said as a person would: its exit code, and what to do next.
    fn next(&self, last: &Typed, place: &str) -> Next {
        let Some(finished) = &last.finished else { return self.after_a_kill(last) };
        let said = last.shown();
        assert!(!finished.stderr.contains("panicked"), "{place}: {said}");
        let printed: Value = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|_| panic!("{place}: no JSON: {said}"));
        let error = &printed["error"];
        match finished.code {
            Some(0) => return self.after_success(&printed, place),
            // It was killed after its last entry.
            Some(2) if error["code"] == "run.finished" => {
                return self.after_success(&json!({ "run": last.resumed() }), place);
            }
            Some(1 | 3 | 4) => {}
            _ => panic!("{place}: {said}"),
        }
        for field in ["code", "headline", "state", "next"] {
            let text = error[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{place}: no {field}: {said}");
        }
        if error["code"].as_str() == self.until && self.until.is_some() {
            return Next::Nothing;
        }
        let run = last.resumed().unwrap_or_else(|| self.runs().last().unwrap().0);
        let next = error["next"].as_str().unwrap();
        let (collect, resume) = (next.contains("collect_receipts"), names_resume(next, run));
        match (collect, resume) {
            (true, true) if self.collect.is_some() => Next::Collect,
            (_, true) => Next::Resume(run),
            // What it could not open it says; the same again is what it asks for.
            (true, false) if last.arguments.iter().any(|it| it == "collect_receipts") => {
                Next::Again
            }
            _ => panic!("{place}: what is to be done with run {run}? {said}"),
        }
    }

    /// A run that has ended well: the one that matters, or what had to be done before it.
    fn after_success(&self, printed: &Value, place: &str) -> Next {
        let run = printed["run"].as_u64();
        if self.collect.is_some() && run != Some(self.run) {
            return Next::Resume(self.run);
        }
        assert_eq!(self.until, None, "{place}: {printed:#}");
        let left = printed["result"]["non_aperte"].as_array();
        if left.is_none_or(Vec::is_empty) { Next::Nothing } else { Next::Again }
    }

    /// Nothing was said: `ceralacca runs` shows what is open, the newest first.
    fn after_a_kill(&self, last: &Typed) -> Next {
        let runs = self.runs();
        if last.resumed().is_none() && runs.len() == last.runs_before {
            return Next::Again;
        }
        match runs.iter().rev().find(|(_, status)| status != "finished") {
            Some((run, _)) => Next::Resume(*run),
            None => Next::Nothing,
        }
    }
}

impl Typed {
    fn exit(&self) -> Option<i32> {
        self.finished.as_ref().and_then(|finished| finished.code)
    }

    /// The run that it went on with.
    fn resumed(&self) -> Option<u64> {
        match &self.arguments[..] {
            [resume, run, ..] if resume == "resume" => run.parse().ok(),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        let typed = self.arguments.join(" ");
        match &self.finished {
            None => format!("{typed}: it was killed"),
            Some(Finished { code, stdout, stderr }) => {
                format!("{typed}: exit {code:?}\nstdout: {stdout}\nstderr: {stderr}")
            }
        }
    }
}

fn resume(run: u64) -> Vec<String> {
    ["resume", &run.to_string()].map(str::to_owned).into()
}

/// Whether a text says how to go on with that run, and with no other one whose number begins so.
fn names_resume(next: &str, run: u64) -> bool {
    let command = format!("ceralacca resume {run}");
    next.split(&command).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Runs to the crash point and kills there (nothing is given then), or to the end.
fn killed_at(command: &mut Command, point: u32) -> Option<Finished> {
    command.env("CERALACCA_CRASH_POINT", point.to_string());
    let mut process =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mark = format!("crash point {point}: ");
    let mut stderr = String::new();
    for line in BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok) {
        if line.starts_with(&mark) {
            process.kill().unwrap();
            process.wait().unwrap();
            return None;
        }
        stderr.push_str(&line);
        stderr.push('\n');
    }
    let mut stdout = String::new();
    process.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    Some(Finished { code: process.wait().unwrap().code(), stdout, stderr })
}
