//! The power is cut before and after every sync, and everything that was not synced is gone.
//!
//! A kill leaves what the system has not written yet; a power cut does not. Each time the next start sees
//! only what had reached the disk, and the end is the same: the Agency has received one submission, one
//! mark was bought, nothing that the outside knows of is lost (`power_cut/disk.c` says what survives).

#![cfg(target_os = "linux")]

mod disk;

use std::collections::BTreeMap;
use std::fs;

use crate::stage::impronta::{ARCHIVE, Filing, RHAI};
use crate::stage::kill::settled;
use crate::stage::person::Person;
use crate::stage::{self, Account, Served, Stage, codice_fiscale};
use disk::{Disk, Ended};

/// More moments than any run has; reaching it means that a run never comes to its end.
const TOO_MANY: usize = 600;

/// At each how-many-th moment the power is cut: a sample, or all of them. An odd number, since before and
/// after a sync take turns.
fn every() -> u32 {
    if std::env::var_os("CERALACCA_WHOLE_MATRIX").is_some() { 1 } else { 9 }
}

/// A run whose power is cut again and again.
struct Trial<'a> {
    stage: &'a Stage,
    account: &'a Account,
    disk: Disk,
    /// How often each moment was met.
    met: BTreeMap<String, u32>,
    cuts: usize,
    /// Who sells marks, and how many had been sold before the last cut.
    authority: Option<(&'a Served, u64)>,
    /// How many marks were sold whose answer a cut took along: nobody can ask for it again.
    lost_marks: u64,
}

impl<'a> Trial<'a> {
    fn of(stage: &'a Stage, account: &'a Account) -> Trial<'a> {
        let disk = Disk::under(stage.folder.path());
        Trial {
            stage,
            account,
            disk,
            met: BTreeMap::new(),
            cuts: 0,
            authority: None,
            lost_marks: 0,
        }
    }

    /// Cuts the power of the `run`-th run, which `arguments` begin, at its first moment (or the first
    /// of the sample), goes on with it, cuts at the next, and so on to its end. What it does over again after a cut it does at moments
    /// that were met before: then the cut comes one moment later the next time. Gives its exit code.
    fn run(&mut self, run: u64, arguments: &[String]) -> i32 {
        let (number, secrets) = (run.to_string(), self.account.secrets_file.display().to_string());
        let resume = ["resume", &number, "--approve", "--secrets", &secrets, "--patience", "0s"];
        let begin: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut further = every();
        loop {
            let begun = self.entries(run) > 0;
            let words = if begun { &resume[..] } else { &begin[..] };
            match self.disk.run_until(&mut self.stage.command(words), Some(further)) {
                Ended::Cut(moment) => further = self.after(run, &moment, further),
                Ended::Before(code, said) => {
                    let over = code == Some(2) && said.contains("run.finished");
                    let code = if over { 0 } else { code.unwrap_or(-1) };
                    assert!(code == 0 || code == 4, "run {run} ends with {code}: {said}");
                    return code;
                }
            }
        }
    }

    /// Looks at what is left after a cut. Gives the moment of the next one.
    fn after(&mut self, run: u64, moment: &str, further: u32) -> u32 {
        self.disk.cut();
        self.cuts += 1;
        self.count_lost_marks(run);
        assert!(self.cuts < TOO_MANY, "run {run} does not come to its end: {moment}");
        let verified = self.stage.run(&["journal", "verify"]);
        assert_eq!(verified.code, Some(0), "after a cut {moment}: {}", verified.stderr);
        let status = self.stage.run(&["status"]);
        assert_ne!(
            status.code,
            Some(2),
            "after a cut {moment}: {}{}",
            status.stdout,
            status.stderr
        );
        // What was looked at has left nothing that a cut would take.
        self.disk.settle();
        // Temporary files and what is set aside have names that nobody chose.
        let name: String = moment.chars().filter(|c| !c.is_ascii_digit()).collect();
        let name = if name.contains(".ceralacca-") { "a temporary file".to_owned() } else { name };
        let times = self.met.entry(format!("{name}, {}", settled(self.stage, run))).or_default();
        *times += 1;
        if *times == 1 { every() } else { further + 1 }
    }

    fn count_lost_marks(&mut self, run: u64) {
        let Some((served, before)) = self.authority else { return };
        let sold = served.marks();
        let answer = |ending: &str| {
            let name = format!("Documenti/impronte/{run}/indice.xml.p7m.tsr{ending}");
            fs::metadata(self.stage.path(&name)).is_ok_and(|found| found.len() > 0)
        };
        if sold > before && !answer("") && !answer(".part") {
            self.lost_marks += sold - before;
        }
        self.authority = Some((served, sold));
    }

    /// How many entries the journal has of a run.
    fn entries(&self, run: u64) -> usize {
        if !self.stage.path(".ceralacca/journal.sqlite").exists() {
            return 0;
        }
        self.stage.journal().iter().filter(|entry| entry["run"] == run).count()
    }

    /// Cuts the power of a command at each of its moments, from the state before it; said once more, it
    /// is done.
    fn command(&mut self, arguments: &[&str]) {
        let before = tempfile::tempdir().unwrap();
        let before = before.path().join("before");
        crate::stage::impronta::copy(self.stage.folder.path(), &before);
        for moment in (every()..).step_by(every() as usize) {
            self.disk.settle();
            let command = &mut self.stage.command(arguments);
            let Ended::Cut(moment) = self.disk.run_until(command, Some(moment)) else { break };
            self.disk.cut();
            self.cuts += 1;
            let again = self.stage.run(arguments);
            assert_eq!(again.code, Some(0), "again after a cut {moment}: {}", again.stderr);
            self.replace_with(&before);
        }
    }

    fn replace_with(&self, before: &std::path::Path) {
        let root = self.stage.folder.path();
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        for entry in fs::read_dir(before).unwrap().map(Result::unwrap) {
            let to = root.join(entry.file_name());
            if entry.path().is_dir() {
                crate::stage::impronta::copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }

    fn met(&self, name: &str) -> bool {
        self.met.keys().any(|moment| moment.starts_with(name))
    }
}

/// The shim does what it says: without a sync nothing survives.
#[test]
fn only_what_was_synced_survives() {
    if !stage::judge::called("a power cut over files written by sh") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old"), "old").unwrap();
    let disk = Disk::under(folder.path());
    let script = "echo new > old; echo lost > lost; echo kept > kept; mkdir empty; echo x > empty/x; \
                  sync kept; sync .; echo more >> kept; mv kept gone";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script]).current_dir(folder.path());
    assert!(matches!(disk.run_until(&mut shell, None), Ended::Before(Some(0), _)));
    disk.cut();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("old"), "old", "its new bytes were not synced");
    assert_eq!(read("kept"), "kept\n", "what was added, and the new name, were not");
    assert_eq!(read("lost"), "", "its name was, its bytes were not");
    assert_eq!(fs::read_dir(folder.path().join("empty")).unwrap().count(), 0);
    assert!(!folder.path().join("gone").exists());
}

#[test]
fn an_environment_is_set_up_over_power_cuts() {
    if !stage::judge::called("power cuts while an environment is set up") {
        return;
    }
    let served = Served::start();
    let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(95_000)));
    let mut trial = Trial::of(&stage, &account);
    let setup = stage.setup_arguments("setup_environment", &account);
    assert_eq!(trial.run(1, &setup), 0);
    assert_eq!(served.requests(), 1, "requests received");
    let secrets = account.secrets_file.display().to_string();
    let shown = stage.run(&["certificates", "--json", "--secrets", &secrets]).json();
    assert_eq!(shown.as_array().unwrap().len(), 2, "{shown}");
    for name in ["before sync of journal.sqlite-wal", "after sync of ambiente"] {
        assert!(trial.met(name), "{name} is not among {:?}", trial.met.keys());
    }
    stage::say(&format!("setup_environment: power cut {} times, one request", trial.cuts));
}

#[test]
fn an_impronta_is_filed_over_power_cuts() {
    if !stage::judge::called("power cuts while an impronta is filed") {
        return;
    }
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(95_001));
    for (period, script) in [(1, "file_impronta"), (2, RHAI)] {
        let stage = filing.stage();
        let (sent, marks) = (served.communications(), served.marks());
        let mut trial = Trial::of(&stage, &filing.account);
        trial.authority = Some((&served, marks));
        let arguments = filing.arguments(script, period, ARCHIVE);
        assert_eq!(trial.run(1, &arguments), 0);
        assert_eq!(served.communications() - sent, 1, "communications received");
        let bought = served.marks() - marks;
        assert_eq!(
            bought,
            1 + trial.lost_marks,
            "a mark whose answer was on disk is not bought again"
        );
        let rows = stage.run(&["receipts", "--json"]).json();
        assert_eq!(rows["receipts"][0]["stato"], "ELABORATO", "{rows:#}");
        let index = stage.path("Documenti/impronte/1/indice.xml.p7m").display().to_string();
        stage.run(&["verify", &index]).expect_success();
        stage::say(&format!("{script}: power cut {} times, {bought} marks", trial.cuts));
    }
}

#[test]
fn a_request_goes_by_hand_over_power_cuts() {
    if !stage::judge::called("power cuts while a person carries the files") {
        return;
    }
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(95_002)));
    let person = Person::new(&served, &account);
    let mut trial = Trial::of(&stage, &account);
    let setup = stage.setup_arguments("setup_environment", &account);
    assert_eq!(trial.run(1, &setup), 4, "it waits for the person");
    let request = stage.path("Documenti/da inviare/1/req.ccc");
    let protocollo = person.upload(&request, "PKS10");
    trial.command(&["confirm", "1", "--protocollo", &protocollo]);
    stage.run(&["confirm", "1", "--protocollo", &protocollo]).expect_success();
    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    trial.disk.settle();
    assert_eq!(trial.run(1, &setup), 0);
    let secrets = account.secrets_file.display().to_string();
    let shown = stage.run(&["certificates", "--json", "--secrets", &secrets]).json();
    assert_eq!(shown.as_array().unwrap().len(), 2, "{shown}");
    assert_eq!(served.requests(), 1);
    stage::say(&format!("by hand: power cut {} times", trial.cuts));
}
