//! Unmistakable secrets appear nowhere: journal, workspace, logs, errors, command lines, the sandbox.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use stage::{Account, Served, Stage, codice_fiscale};

#[test]
fn secrets_stay_where_they_belong() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = served.account(&codice_fiscale(40_000));
    let canaries = canaries(&account);

    // A run with a wrong portal password: its error, its log, its journal.
    let right = account.secrets["portal_password"].clone();
    account.set("portal_password", Some("PortaleSbagliatoCanarino"));
    let failed = stage.setup(&account, &[]);
    assert_ne!(failed.code, Some(0));
    account.set("portal_password", Some(&right));

    // Resumed to the end, while the command lines of all processes are read.
    let mut command = stage.command(&[
        "resume",
        "1",
        "--approve",
        "--secrets",
        &account.secrets_file.display().to_string(),
    ]);
    let mut process =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut command_lines = Vec::new();
    while process.try_wait().unwrap().is_none() {
        command_lines.extend(all_command_lines());
        std::thread::sleep(Duration::from_millis(20));
    }
    let resumed = process.wait_with_output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));

    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("standard output".into(), [failed.stdout.as_bytes(), &resumed.stdout].concat()),
        ("standard error".into(), [failed.stderr.as_bytes(), &resumed.stderr].concat()),
        ("command lines".into(), command_lines),
        ("exported journal".into(), format!("{:?}", stage.journal()).into_bytes()),
    ];
    for folder in [stage.folder.path(), served.folder.path()] {
        for path in files(folder) {
            let text = fs::read(&path).unwrap();
            places.push((path.display().to_string(), text));
        }
    }
    assert!(places.iter().any(|(place, _)| place.ends_with("journal.sqlite")), "the search looks");
    assert!(places.iter().any(|(place, _)| place.contains("SANDBOX.sqlite")), "the search looks");

    let found = search(&places, &canaries);
    assert!(found.is_empty(), "{found:#?}");
    stage::say(&format!(
        "{} places searched for {} forms of secrets",
        places.len(),
        canaries.len()
    ));
}

type Canary = (String, &'static str, Vec<u8>);

/// Every canary that is somewhere, in words.
fn search(places: &[(String, Vec<u8>)], canaries: &[Canary]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in places {
        for (name, form, canary) in canaries {
            if contains(bytes, canary) {
                found.push(format!("{name} as {form} in {place}"));
            }
        }
    }
    found
}

/// The search finds each form where it is.
#[test]
fn the_search_finds_what_it_looks_for() {
    for shift in 0..3 {
        let padded = [&b"xyz"[..shift], b"Canarino42Zeta", b"tail"].concat();
        let written = STANDARD.encode(&padded);
        let forms = forms("Canarino42Zeta");
        assert!(forms.iter().any(|(_, form)| contains(written.as_bytes(), form)), "{written}");
    }
    let wide: Vec<u8> = "Canarino42Zeta".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(forms("Canarino42Zeta").iter().any(|(_, form)| contains(&wide, form)));
}

fn canaries(account: &Account) -> Vec<Canary> {
    let mut canaries = Vec::new();
    let mut secrets = account.secrets.clone();
    secrets.insert("wrong portal password".into(), "PortaleSbagliatoCanarino".into());
    secrets.remove("password_esistente");
    for (name, text) in secrets {
        assert!(text.len() >= 8, "{name} is too short to be unmistakable");
        for (form, bytes) in forms(&text) {
            canaries.push((name.clone(), form, bytes));
        }
    }
    canaries
}

/// A text as it may be written: UTF-8, UTF-16, hexadecimal, base64 at each of the three offsets.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("UTF-8", text.as_bytes().to_vec()),
        ("UTF-16LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("hex", hex::encode(text).into_bytes()),
        ("HEX", hex::encode_upper(text).into_bytes()),
    ];
    for engine in [&STANDARD as &dyn EncodeText, &URL_SAFE] {
        for shift in 0..3_usize {
            let padded = [vec![0; shift], text.as_bytes().to_vec()].concat();
            let encoded = engine.text(&padded);
            // The first and last characters depend on what stands beside the secret.
            let first = if shift == 0 { 0 } else { shift + 1 };
            let last = padded.len() / 3 * 4;
            forms.push(("base64", encoded.as_bytes()[first..last].to_vec()));
        }
    }
    forms
}

trait EncodeText {
    fn text(&self, bytes: &[u8]) -> String;
}

impl<E: Engine> EncodeText for E {
    fn text(&self, bytes: &[u8]) -> String {
        self.encode(bytes)
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

/// The command lines of every process, where the system shows them.
fn all_command_lines() -> Vec<u8> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .flat_map(|process| {
            let mut text = fs::read(process.path().join("cmdline")).unwrap_or_default();
            text.push(b'\n');
            text
        })
        .collect()
}
