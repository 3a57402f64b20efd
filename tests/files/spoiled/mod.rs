//! Input that nobody should have made, as a table: what it is, the command, and the typed answer.
//! Every command ends by itself, with little processor time and memory, and with an exit code of its own.

#![allow(unreachable_pub, reason = "tests are their own crate")]

pub mod communication;
pub mod container;

use std::ffi::OsString;
use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::{PROGRAM, Stage, processor};

/// What the program has to say.
pub enum Expect {
    /// An error of this code, and nothing else; exit code 1 or 2.
    Error(&'static str),
    /// A finding that would reject the communication; exit code 1, no checked file.
    Finding(&'static str),
    /// A finding that does not: the communication is clean; exit code 0.
    Noted(&'static str),
    /// A communication without any finding, but for those on the period; exit code 0.
    Clean,
    /// A verdict, and the check whose answer is the reason; exit code 1.
    Verdict(&'static str, &'static str),
    /// Valid: the form is unusual, and legal; exit code 0.
    Valid,
}

/// A case: what it is, what is to be said, and the arguments after the program's name.
pub struct Case {
    pub what: String,
    pub expect: Expect,
    pub arguments: Vec<OsString>,
}

impl Case {
    pub fn new(what: &str, expect: Expect, arguments: &[&str]) -> Case {
        let arguments = arguments.iter().map(OsString::from).collect();
        Case { what: what.to_owned(), expect, arguments }
    }
}

/// The worst that was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worst {
    pub cases: u32,
    /// Of the processor.
    pub seconds: f64,
    /// Resident memory, KiB.
    pub peak: u64,
}

impl Worst {
    pub fn and(self, other: Worst) -> Worst {
        Worst {
            cases: self.cases + other.cases,
            seconds: self.seconds.max(other.seconds),
            peak: self.peak.max(other.peak),
        }
    }
}

/// Tries one case; says what is wrong with the answer.
pub fn attempt(stage: &Stage, case: &Case) -> Result<Worst, String> {
    let done = bounded(stage, &case.arguments);
    let said = format!("{}: {}{}", case.what, in_short(&done.stdout), done.stderr);
    let code = done.code.ok_or_else(|| format!("killed: {said}"))?;
    if done.stderr.contains("panicked") || !(0..=2).contains(&code) {
        return Err(format!("exit code {code}: {said}"));
    }
    if done.peak > MOST_KIB {
        return Err(format!("{} KiB: {said}", done.peak));
    }
    let json: Value = serde_json::from_str(&done.stdout).map_err(|_| format!("no JSON: {said}"))?;
    match answered(&case.expect, &json) {
        Ok(expected) if (code == 0) == expected => {}
        Ok(_) => return Err(format!("exit code {code}: {said}")),
        Err(found) => return Err(format!("{found}: {said}")),
    }
    Ok(Worst { cases: 1, seconds: done.seconds, peak: done.peak })
}

/// Whether the exit code is to be 0; or what was answered instead of what was expected.
fn answered(expect: &Expect, json: &Value) -> Result<bool, String> {
    let findings = json["findings"].as_array().cloned().unwrap_or_default();
    let finding = |code: &str, blocks: bool| {
        let found = findings.iter().find(|finding| finding["code"] == code);
        let found = found.ok_or_else(|| format!("no {code}"))?;
        let text = found["text"].as_str().unwrap_or_default();
        match (found["severity"] == "***") == blocks && !text.is_empty() {
            true => Ok(!blocks),
            false => Err(format!("another severity: {found}")),
        }
    };
    match expect {
        Expect::Error(code) if json["error"]["code"] == *code => Ok(false),
        Expect::Error(code) => Err(format!("no {code}")),
        Expect::Finding(code) => {
            let whole = json["clean"] == false && json["dcm"].is_null();
            finding(code, true).and_then(|exit| whole.then_some(exit).ok_or("clean".to_owned()))
        }
        Expect::Noted(code) => finding(code, false),
        Expect::Clean => {
            let unexpected = findings
                .iter()
                .find(|one| !one["code"].as_str().unwrap_or_default().starts_with("termine."));
            unexpected.map_or(Ok(true), |one| Err(format!("unexpected {one}")))
        }
        Expect::Valid if json["verdict"] == "valid" => Ok(true),
        Expect::Valid => Err("not valid".to_owned()),
        Expect::Verdict(verdict, check) => {
            let answer = if *verdict == "invalid" { "no" } else { "unknown" };
            let asked = json["reports"].as_array().cloned().unwrap_or_default();
            let reason = asked.iter().any(|report| has(report, check, answer));
            let same = json["verdict"] == *verdict && reason;
            same.then_some(false).ok_or(format!("not {verdict} for {check}"))
        }
    }
}

/// Codes without their words, so that many wrong answers can be read at once.
fn in_short(stdout: &str) -> String {
    let words = ["\"code\"", "\"severity\"", "\"answer\"", "\"verdict\"", "\"found\""];
    let lines = stdout.lines().filter(|line| words.iter().any(|word| line.contains(word)));
    lines.map(str::trim).take(60).collect::<Vec<_>>().join(" ")
}

fn has(report: &Value, check: &str, answer: &str) -> bool {
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    let own = checks
        .iter()
        .any(|one| one["code"] == check && one["answer"] == answer && one["detail"] != "");
    let parts = report["parts"].as_array().cloned().unwrap_or_default();
    own || parts.iter().any(|part| has(part, check, answer))
}

struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    seconds: f64,
    peak: u64,
}

/// Runs the program with limits on its memory and its processor time, which the system holds it to.
fn bounded(stage: &Stage, arguments: &[OsString]) -> Done {
    let limited = format!("ulimit -v {MOST_VIRTUAL_KIB}; ulimit -t {LONGEST}; exec \"$@\"");
    let (out, err) = (stage.path(".stdout"), stage.path(".stderr"));
    let start = Instant::now();
    let mut process = Command::new("sh")
        .args(["-c", &limited, "sh", PROGRAM])
        .args(arguments)
        .current_dir(stage.folder.path())
        .stdin(std::process::Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let (mut peak, mut used) = (0, Duration::ZERO);
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        peak = resident_kib(process.id()).unwrap_or(0).max(peak);
        used = processor::of(process.id()).unwrap_or_default().max(used);
        // It uses no processor and does not end: no busy machine takes that long.
        if start.elapsed() > Duration::from_secs(600) {
            process.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let (stdout, stderr) = (text(out), text(err));
    Done { code: status.code(), stdout, stderr, seconds: used.as_secs_f64(), peak }
}

/// The most memory that a process has had so far, where the system tells.
fn resident_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().split(' ').next()?.parse().ok()
}

/// Seconds of the processor.
const LONGEST: u32 = 30;
/// Resident.
const MOST_KIB: u64 = 256 << 10;
/// Of address space; threads and libraries count there too.
const MOST_VIRTUAL_KIB: u64 = 2 << 20;
