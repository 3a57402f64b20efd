//! Things that go wrong, by where they go wrong; and the one check that all of them pass through.

#![allow(unreachable_pub, reason = "tests are their own crate")]

mod answers;
mod by_hand;
mod codes;
mod faults;
mod files;
mod filing;
mod inputs;
mod life;
mod network;
mod plugins;
mod runs;
mod scripts;
mod stores;
mod terminal;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::stage::{Account, Finished, Served, Stage, golden};

/// Where a case takes place: what is different in every run gets a name there.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub stage: &'a Stage,
    pub served: Option<&'a Served>,
    pub account: Option<&'a Account>,
}

impl<'a> Place<'a> {
    pub fn new(stage: &'a Stage) -> Place<'a> {
        Place { stage, served: None, account: None }
    }

    pub fn with(stage: &'a Stage, served: &'a Served, account: &'a Account) -> Place<'a> {
        Place { stage, served: Some(served), account: Some(account) }
    }

    /// Text with names in place of paths, addresses and people.
    fn steady(&self, text: &str) -> String {
        let mut names = vec![(self.stage.folder.path().display().to_string(), "WORKSPACE")];
        if let Some(account) = self.account {
            names.push((account.secrets_file.display().to_string(), "SECRETS"));
            names.push((account.utente.clone(), "UTENTE"));
        }
        if let Some(served) = self.served {
            names.push((served.url.clone(), "GATEWAY"));
            names.push((served.address.clone(), "GATEWAY"));
            names.push((served.folder.path().display().to_string(), "SANDBOX-FOLDER"));
        }
        let names: Vec<_> = names.iter().map(|(found, name)| (found.as_str(), *name)).collect();
        let text = numbers(&golden::steady(text, &names), "process ", "N");
        let shipped = [
            "setup_environment.rhai:",
            "import_certificates.rhai:",
            "change_password.lua:",
            "file_impronta.lua:",
            "file_impronta.rhai:",
        ];
        let text = shipped.iter().fold(text, |text, script| numbers(&text, script, "LINE"));
        let text = numbers(&text, "127.0.0.1:", "PORT");
        four_digits(&without_protocollo(&text), " bytes")
    }
}

/// The name of a receipt begins with its protocollo.
fn without_protocollo(text: &str) -> String {
    let mut parts: Vec<String> = text.split(".rcc").map(str::to_owned).collect();
    let last = parts.len() - 1;
    for part in &mut parts[..last] {
        let bare = part.trim_end_matches(|character: char| character.is_ascii_digit()).len();
        if bare < part.len() {
            part.replace_range(bare.., "NUMBER");
        }
    }
    parts.join(".rcc")
}

/// Replaces the number behind each `mark` by a name.
fn numbers(text: &str, mark: &str, name: &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| {
        let bare = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        let name = if bare.len() < rest.len() { name } else { "" };
        format!("{text}{mark}{name}{bare}")
    })
}

/// Lengths of generated files differ by a byte or two: four digits before `mark` become `NNNN`.
fn four_digits(text: &str, mark: &str) -> String {
    let mut parts: Vec<String> = text.split(mark).map(str::to_owned).collect();
    let last = parts.len() - 1;
    for part in &mut parts[..last] {
        let bare = part.trim_end_matches(|character: char| character.is_ascii_digit()).len();
        if part.len() - bare == 4 {
            part.replace_range(bare.., "NNNN");
        }
    }
    parts.join(mark)
}

/// Goes through all cases and names all that fail, not only the first.
pub fn each<C>(cases: impl IntoIterator<Item = C>, try_out: impl Fn(C)) {
    let tried = cases.into_iter().map(|case| catch_unwind(AssertUnwindSafe(|| try_out(case))));
    let failed = tried.filter(Result::is_err).count();
    assert_eq!(failed, 0, "so many cases failed; each says why above");
}

/// Holds an error against its golden file, and checks what is true of every error.
pub fn check(case: &str, exit: i32, finished: &Finished, place: Place<'_>) {
    let printed = &finished.stderr;
    // What is only waited for is no error to those who read it.
    let mark = if exit == 4 { "waiting[" } else { "error[" };
    let start = printed.find(mark).unwrap_or_else(|| {
        panic!("{case}: no error; code {:?}\n{}{printed}", finished.code, finished.stdout)
    });
    let (error, said) = (&printed[start..], printed.lines().any(|line| line.starts_with(mark)));
    assert!(said, "{case}: an error stands on a line of its own\n{printed}");
    let code = error[mark.len()..].split(']').next().unwrap_or_default();
    let named = case == code || case.strip_prefix(code).is_some_and(|rest| rest.starts_with('.'));
    assert!(named, "{case}: another error came\n{error}");
    assert_eq!(finished.code, Some(exit), "{case}: exit code\n{error}");
    assert_eq!(finished.stdout, "", "{case}: results go to standard output, errors do not");
    for line in ["\n  state     ", "\n  next      "] {
        assert!(error.contains(line), "{case}: no{line}\n{error}");
    }
    if let Some(account) = place.account {
        for (name, secret) in account.secrets.iter().filter(|(_, secret)| secret.len() > 3) {
            assert!(!printed.contains(secret.as_str()), "{case}: {name} was printed\n{printed}");
        }
    }
    golden::check(&format!("tests/errors/{case}.txt"), &place.steady(error));
}

/// `setup_environment` as a person would type it, without `--json`.
pub fn setup(stage: &Stage, account: &Account, extra: &[&str]) -> Finished {
    run_script(stage, "setup_environment", account, extra)
}

/// A workflow with the inputs of `setup_environment`; later inputs win.
pub fn run_script(stage: &Stage, script: &str, account: &Account, extra: &[&str]) -> Finished {
    let mut arguments = stage.setup_arguments(script, account);
    let name = |argument: &str| argument.split_once('=').map(|(name, _)| name.to_owned());
    arguments.retain(|argument| {
        let replaced = name(argument).is_some_and(|known| {
            extra.iter().any(|extra| name(extra).is_some_and(|given| given == known))
        });
        argument != "--json" && !replaced
    });
    arguments.extend(extra.iter().map(|&argument| argument.to_owned()));
    stage.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `resume` as a person would type it.
pub fn resume(stage: &Stage, account: &Account) -> Finished {
    let secrets = account.secrets_file.display().to_string();
    stage.run(&["resume", "1", "--approve", "--secrets", &secrets])
}

/// The three files and nothing else.
pub fn complete(case: &str, folder: &Path) {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["UTEC.P12", "UTEF.P12", "UTENTE.KS"], "{case}");
}

/// The keys wait, and nothing was written that could be taken for an environment.
pub fn waits(case: &str, folder: &Path) {
    for name in ["UTEC.P12", "UTEF.P12", "UTENTE.KS"] {
        assert!(!folder.join(name).exists(), "{case}: {name} was written");
    }
    for name in ["in-attesa/firma.p8", "in-attesa/cifra.p8"] {
        assert!(folder.join(name).is_file(), "{case}: {name} is gone");
    }
}

/// Every file below a folder.
#[derive(Debug, PartialEq)]
pub struct Snapshot(BTreeMap<PathBuf, Vec<u8>>);

impl Snapshot {
    pub fn of(folder: &Path) -> Snapshot {
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
                }
            }
        }
        Snapshot(found)
    }

    /// The first file whose name ends so.
    pub fn first(&self, ending: &str) -> PathBuf {
        let found = self.0.keys().find(|path| path.to_string_lossy().ends_with(ending));
        found.unwrap_or_else(|| panic!("no {ending} among {:?}", self.0.keys())).clone()
    }

    /// What differs from a later one, by name.
    pub fn differs(&self, later: &Snapshot) -> Vec<PathBuf> {
        let names = self.0.keys().chain(later.0.keys());
        let mut differ: Vec<PathBuf> =
            names.filter(|name| self.0.get(*name) != later.0.get(*name)).cloned().collect();
        differ.sort();
        differ.dedup();
        differ
    }
}

/// Checks that a folder is as it was, byte for byte.
pub fn untouched(case: &str, folder: &Path, before: &Snapshot) {
    let differ = before.differs(&Snapshot::of(folder));
    assert!(differ.is_empty(), "{case}: changed {differ:#?}");
}
