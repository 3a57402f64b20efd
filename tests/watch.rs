//! `ceralacca watch`: a run that waits for a person uses no processor, and goes on within a second of
//! the arrival of its answer.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod stage;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stage::person::Person;
use stage::{Account, Served, Stage, codice_fiscale};

#[test]
fn waits_without_work_and_goes_on_at_once() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(81_000)));
    let person = Person::new(&served, &account);
    assert_eq!(stage.setup(&account, &[]).code, Some(4));
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    let answer = person.fetch(&protocollo, "CERTIF.IN");
    stage.run(&["confirm", "1", "--protocollo", &protocollo]).expect_success();

    let mut watch = Watch::start(&stage, &account);
    // It goes on once, as far as the receipt that is not there.
    wait_until(|| resumed(&stage).len() == 1 && !stage.runs_locked());
    let refused = stage.run(&["watch", "--json"]);
    assert_eq!(refused.error_code(), "watch.running");

    std::thread::sleep(Duration::from_millis(500));
    let (before, woken_before) = (watch.processor_ticks(), watch.switches());
    std::thread::sleep(Duration::from_secs(30));
    let (ticks, woken) = (watch.processor_ticks() - before, watch.switches() - woken_before);
    assert_eq!(ticks, 0, "processor time while it waits, in hundredths of a second");
    assert!(woken <= 3, "it is not woken while nothing arrives: {woken} times");
    assert_eq!(resumed(&stage).len(), 1, "nothing is tried meanwhile");

    let half = stage.path("Documenti/ricezione/CERTIF.IN");
    fs::write(&half, &answer[..answer.len() / 2]).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(resumed(&stage).len(), 1, "half a file is not taken for the answer");
    let arrived = Timestamp::now();
    fs::write(&half, &answer).unwrap();
    wait_until(|| resumed(&stage).len() == 2);
    let took = resumed(&stage)[1].duration_since(arrived);
    assert!(took.as_millis() < 1000, "it went on {took:?} after the arrival");
    let said = watch.wait();
    assert!(said.contains("UTENTE.KS") || stage.path("ambiente/UTENTE.KS").exists(), "{said}");
    let text = format!("30 s of watching: {ticks} ticks, {woken} wake-ups; resumed in {took:?}");
    stage::say(&text);
    assert_eq!(served.requests(), 1);
}

/// The watching process, with what it costs.
struct Watch(Child);

impl Watch {
    fn start(stage: &Stage, account: &Account) -> Watch {
        let secrets = account.secrets_file.display().to_string();
        let arguments = ["watch", "--until-done", "--approve", "--secrets", &secrets];
        let mut command = stage.command(&arguments);
        Watch(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// User and system time, in hundredths of a second: proc_pid_stat(5), fields 14 and 15.
    fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// How often any of its threads was put to sleep, and so woken again.
    fn switches(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap();
        let count = |path: &Path| {
            let status = fs::read_to_string(path.join("status")).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
            line.and_then(|line| line.rsplit('\t').next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        threads.map(|thread| count(&thread.unwrap().path())).sum()
    }

    fn wait(&mut self) -> String {
        wait_until(|| self.0.try_wait().unwrap().is_some());
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.0.stdout.take().unwrap(), &mut said).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stage {
    fn runs_locked(&self) -> bool {
        let runs = self.run(&["runs", "--json"]).json();
        runs.as_array().unwrap().iter().any(|run| run["locked"] == true)
    }
}

/// When the run was resumed.
fn resumed(stage: &Stage) -> Vec<Timestamp> {
    let journal = stage.journal();
    let resumed = journal.iter().filter(|entry| !entry["event"]["resumed"].is_null());
    resumed.map(|entry| entry["at"].as_str().unwrap().parse().unwrap()).collect()
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it takes too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}
