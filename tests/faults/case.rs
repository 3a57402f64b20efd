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
    Resume,
    /// The same workflow as a new run: the last one did what it could and said what is left.
    Again,
    Collect,
}

/// More commands than any case may take.
const STUCK: u32 = 6;

impl Play<'_> {
    /// Meets the fault, then does what the errors ask for until the end. `case` varies the place of
    /// the second kill.
    pub fn through(&self, request: &Request, kind: Kind, case: u32, place: &str) -> Cell {
        let before = self.kept();
        let met = self.meet(&self.start, request, kind, place);
        let exit = met.as_ref().and_then(|finished| finished.code);
        if request.changes() && exit == Some(1) {
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
        let exit = lost.as_ref().and_then(|finished| finished.code);
        assert_eq!(exit, Some(3), "{place}: it is in doubt: {}", shown(lost.as_ref()));
        let taken_in = self.kept();
        let met = self.meet(&self.resume(), &request.look_up(), kind, place);
        let cell = self.to_the_end(met, case, place);
        if self.until.is_some() {
            assert_eq!(self.kept(), taken_in, "{place}: nothing more is sent");
        }
        cell
    }

    /// Does what the program says until there is nothing left to do.
    fn to_the_end(&self, met: Option<Finished>, case: u32, place: &str) -> Cell {
        let exit = met.as_ref().and_then(|finished| finished.code);
        let mut cell = Cell { exit, commands: 0, kills: u32::from(met.is_none()) };
        let (mut last, mut collected) = (met, false);
        loop {
            let next = match &last {
                Some(finished) if collected && finished.code == Some(0) => Next::Resume,
                _ => self.next(last.as_ref(), place),
            };
            collected = matches!(next, Next::Collect);
            let arguments = match next {
                // Where the end is an error, it was reached nevertheless.
                Next::Nothing if cell.commands == 0 => return Cell { exit: Some(0), ..cell },
                Next::Nothing => return cell,
                Next::Resume => self.resume(),
                Next::Again => self.start.clone(),
                Next::Collect => self.collect.clone().unwrap(),
            };
            cell.commands += 1;
            assert!(cell.commands < STUCK, "{place}: no end: {}", shown(last.as_ref()));
            let mut command = self.command(&arguments);
            let kill = cell.commands == 1 && arguments[0] == "resume";
            last = match kill {
                true => killed_at(&mut command, 1 + case % 12),
                false => Some(stage::run(&mut command)),
            };
            cell.kills += u32::from(last.is_none());
        }
    }

    /// Runs the first command to the end, without a fault.
    pub fn undisturbed(&self) {
        let finished = stage::run(&mut self.command(&self.start));
        let ended = matches!(self.next(Some(&finished), "undisturbed"), Next::Nothing);
        assert!(ended, "undisturbed: {}", shown(Some(&finished)));
    }

    fn resume(&self) -> Vec<String> {
        ["resume", &self.run.to_string()].map(str::to_owned).into()
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

    /// A command under the fault; nothing is given when it was killed.
    fn meet(
        &self,
        arguments: &[String],
        request: &Request,
        kind: Kind,
        place: &str,
    ) -> Option<Finished> {
        if let Some(fault) = kind.fault() {
            self.served.faults(&json!([
                { "route": request.route, "kind": fault, "skip": request.earlier },
            ]));
        }
        let mut command = self.command(arguments);
        let finished = match kind {
            Kind::NobodyListens => {
                let door = Door::shut_after(request.index, &self.served.address);
                self.with_settings(&self.served.url, &door.url, || stage::run(&mut command))
            }
            Kind::Slow => {
                let impatient = format!("[agency]\ntimeout = \"{PATIENT}\"\n");
                self.with_settings("[agency]\n", &impatient, || stage::run(&mut command))
            }
            Kind::Killed => {
                self.kill_while_it_waits(&mut command, place);
                return None;
            }
            _ => stage::run(&mut command),
        };
        let left = self.served.admin("GET", "/sandbox/v1/faults", None);
        assert_eq!(left["faults"], json!([]), "{place}: the fault was not met");
        Some(finished)
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
            assert!(start.elapsed() < Duration::from_secs(60), "{place}: the fault was not met");
            assert_eq!(process.try_wait().unwrap(), None, "{place}: it ended before the fault");
            std::thread::sleep(Duration::from_millis(10));
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Reads what a program said as a person would: its exit code, and what to do next.
    fn next(&self, last: Option<&Finished>, place: &str) -> Next {
        let Some(finished) = last else { return Next::Resume };
        let said = shown(last);
        assert!(!finished.stderr.contains("panicked"), "{place}: {said}");
        let printed: Value = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|_| panic!("{place}: no JSON: {said}"));
        match finished.code {
            Some(0) => {
                assert_eq!(self.until, None, "{place}: {said}");
                let left = printed["result"]["non_aperte"].as_array();
                return if left.is_none_or(Vec::is_empty) { Next::Nothing } else { Next::Again };
            }
            Some(1 | 3 | 4) => {}
            _ => panic!("{place}: {said}"),
        }
        let error = &printed["error"];
        for field in ["code", "headline", "state", "next"] {
            let text = error[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{place}: no {field}: {said}");
        }
        let code = error["code"].as_str();
        match code {
            _ if code.is_some() && code == self.until => Next::Nothing,
            // It was killed after its last entry.
            Some("run.finished") if self.until.is_none() => Next::Nothing,
            Some("agency.unread_receipts") => {
                let next = error["next"].as_str().unwrap();
                assert!(next.contains("collect_receipts"), "{place}: {next}");
                Next::Collect
            }
            _ => Next::Resume,
        }
    }
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

fn shown(finished: Option<&Finished>) -> String {
    match finished {
        None => "it was killed".to_owned(),
        Some(it) => format!("exit {:?}\nstdout: {}\nstderr: {}", it.code, it.stdout, it.stderr),
    }
}
