//! A watching process, what it says and what it costs; and the steps of a person beside it.

#![allow(unreachable_pub, reason = "tests are their own crate")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::stage::{Account, Served, Stage};

/// The watching process. Ended when dropped.
pub struct Watch {
    process: Child,
    said: Arc<Mutex<String>>,
}

impl Watch {
    /// Watches until no run waits, with the account's secrets.
    pub fn until_done(stage: &Stage, account: &Account) -> Watch {
        let secrets = account.secrets_file.display().to_string();
        Watch::start(stage, &["--until-done", "--approve", "--secrets", &secrets])
    }

    /// Watches, and has begun when this returns.
    pub fn start(stage: &Stage, arguments: &[&str]) -> Watch {
        let mut command = stage.command(&[&["watch"], arguments].concat());
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said = Arc::new(Mutex::new(String::new()));
        for output in [
            Box::new(process.stdout.take().unwrap()) as Box<dyn Read + Send>,
            Box::new(process.stderr.take().unwrap()),
        ] {
            let said = said.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    said.lock().unwrap().push_str(&format!("{line}\n"));
                }
            });
        }
        let watch = Watch { process, said };
        if !arguments.contains(&"--json") {
            wait_until(|| watch.said().contains("Watching"));
        }
        watch
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// User and system time, in hundredths of a second: proc_pid_stat(5), fields 14 and 15.
    pub fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// How often any of its threads was put to sleep, and so woken again.
    pub fn switches(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let count = |path: &Path| {
            let status = fs::read_to_string(path.join("status")).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
            line.and_then(|line| line.rsplit('\t').next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        threads.map(|thread| count(&thread.unwrap().path())).sum()
    }

    /// Waits for its end. Gives the exit code and what it said.
    pub fn wait(&mut self) -> (Option<i32>, String) {
        let mut status: Option<ExitStatus> = None;
        wait_until(|| {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        // The last lines are still on their way through the pipes.
        std::thread::sleep(Duration::from_millis(100));
        (status.and_then(|status| status.code()), self.said())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a file and waits for its receipt, whatever that says.
const SEND: &str = r#"
const WORKFLOW = #{
    summary: "Prova", uses: ["agency", "inspect"], input: #{ file: #{ type: "file", prompt: "File" } },
};
fn run(input) {
    let sent = agency::portal().submit(inspect::document(input.file, "IVA26"));
    sent.wait("30d");
}
"#;

/// A workspace by hand in which run 1 has handed over a file that other software prepared.
pub fn prepared(served: &Served) -> Stage {
    let stage = Stage::by_hand(served);
    hand_over(&stage, "dichiarazione.ccf");
    stage
}

/// Hands over a file of its own content.
pub fn hand_over(stage: &Stage, name: &str) {
    fs::write(stage.path("invia.rhai"), SEND).unwrap();
    hand_over_by(stage, "./invia.rhai", name);
}

/// As [`hand_over`], with another workflow.
pub fn hand_over_by(stage: &Stage, workflow: &str, name: &str) {
    fs::write(stage.path(name), name.repeat(50)).unwrap();
    let sent = stage.run(&["run", workflow, "--approve", &format!("file={name}")]);
    assert_eq!(sent.code, Some(4), "{}{}", sent.stdout, sent.stderr);
}

pub fn confirm(stage: &Stage, run: u64, protocollo: &str) {
    let run = run.to_string();
    stage.run(&["confirm", &run, "--protocollo", protocollo]).expect_success();
}

pub fn ricezione(stage: &Stage) -> PathBuf {
    stage.path("Documenti/ricezione")
}

impl Stage {
    /// When a run was resumed, each time.
    pub fn resumed(&self, run: u64) -> Vec<Timestamp> {
        let journal = self.journal();
        let resumed = journal
            .iter()
            .filter(|entry| entry["run"] == run && !entry["event"]["resumed"].is_null());
        resumed.map(|entry| entry["at"].as_str().unwrap().parse().unwrap()).collect()
    }

    /// `finished`, `waiting`, … and whether a process works on it.
    pub fn standing(&self, run: u64) -> (String, bool) {
        let runs = self.run(&["runs", "--json"]).json();
        let found = runs.as_array().unwrap().iter().find(|found| found["run"] == run).unwrap();
        (found["status"].as_str().unwrap().to_owned(), found["locked"] == true)
    }

    pub fn is_finished(&self, run: u64) -> bool {
        self.standing(run).0 == "finished"
    }
}

/// Waits until it is so. What has not come in ten minutes will not come; no busy machine takes that long.
pub fn wait_until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(600), "it does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}
