//! Unmistakable secrets appear nowhere: journal, workspace, logs, errors, command lines, the sandbox.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;
use stage::impronta::{ARCHIVE, Filing, run};
use stage::{Account, Finished, PROGRAM, Served, Stage, codice_fiscale};

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

    // Resumed to the end, while the command lines and environments of its processes are read.
    let resumed = watched(&stage, &account);
    let places = places(&stage, &served, &[&failed, &resumed.finished], resumed.seen);
    search_all("an environment", &places, &canaries);
}

#[test]
fn the_secrets_of_a_filing_stay_where_they_belong() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(40_001));
    filing.account.set("tsa_password", Some("MarcaCanarino77Tau"));
    let access = json!({ "tsa_access": { "user": "studio", "password": "MarcaCanarino77Tau" } });
    served.admin("PUT", "/sandbox/v1/settings", Some(&access));
    let stage = filing.stage();
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    let with_user = settings.replacen("[timestamp]\n", "[timestamp]\nuser = \"studio\"\n", 1);
    assert_ne!(settings, with_user, "{settings}");
    fs::write(stage.path("ceralacca.toml"), with_user).unwrap();
    let mut canaries = canaries(&filing.account);

    // Each secret that can be wrong is wrong once: the signer's, the authority's, the portal's two.
    let mut outputs = vec![];
    let wrong = [
        ("signer_password", "FirmaSbagliataCanarino", "keystore.wrong_password"),
        ("tsa_password", "MarcaSbagliataCanarino", "tsa.access_denied"),
        ("password_esistente", "AmbienteSbagliato7", "keystore.wrong_password"),
        ("portal_password", "PortaleSbagliatoCanarino", "net.access_denied"),
        ("codice_pin", "9081726354", "net.access_denied"),
    ];
    let mut account = filing.account.clone();
    for (name, text, code) in wrong {
        let right = account.secrets[name].clone();
        account.set(name, Some(text));
        let failed = match outputs.is_empty() {
            true => run(&stage, &filing.arguments("file_impronta", 1, ARCHIVE)),
            false => stage.resume(1, &account, &[]),
        };
        assert_eq!(failed.error_code(), code, "{name}: {}{}", failed.stdout, failed.stderr);
        account.set(name, Some(&right));
        outputs.push(failed);
        let also =
            forms(text).into_iter().map(|(form, bytes)| (format!("wrong {name}"), form, bytes));
        canaries.extend(also);
    }
    let marks = served.marks();
    let resumed = watched(&stage, &account);
    outputs.push(resumed.finished);
    assert_eq!((marks, served.marks(), served.communications()), (1, 1, 1));
    let outputs: Vec<&Finished> = outputs.iter().collect();
    let places = places(&stage, &served, &outputs, resumed.seen);
    for made in ["indice.xml.p7m.tsr", "comunicazione.dgn", "comunicazione.ccf", ".rel"] {
        assert!(places.iter().any(|(place, _)| place.ends_with(made)), "{made} is searched");
    }
    search_all("a filing", &places, &canaries);
}

/// A run that was resumed to its end, and what other processes could see of it.
struct Watched {
    finished: Finished,
    seen: Vec<u8>,
}

fn watched(stage: &Stage, account: &Account) -> Watched {
    let secrets = account.secrets_file.display().to_string();
    let mut command = stage.command(&["resume", "1", "--approve", "--secrets", &secrets]);
    let mut process =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut seen = Vec::new();
    while process.try_wait().unwrap().is_none() {
        seen.extend(all_processes(process.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = process.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (code, stdout) = (output.status.code(), text(&output.stdout));
    let finished = Finished { code, stdout, stderr: text(&output.stderr) }.expect_success();
    if Path::new("/proc/self/cmdline").exists() {
        let itself = format!("resume\x001\x00--approve\x00--secrets\x00{secrets}");
        assert!(contains(&seen, itself.as_bytes()), "the process itself was seen");
    }
    Watched { finished, seen }
}

/// Everything that is searched, by name.
fn places(
    stage: &Stage,
    served: &Served,
    outputs: &[&Finished],
    seen: Vec<u8>,
) -> Vec<(String, Vec<u8>)> {
    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("command lines and environments".into(), seen),
        ("exported journal".into(), format!("{:?}", stage.journal()).into_bytes()),
    ];
    for (number, output) in outputs.iter().enumerate() {
        places.push((format!("standard output {number}"), output.stdout.clone().into_bytes()));
        places.push((format!("standard error {number}"), output.stderr.clone().into_bytes()));
    }
    for folder in [stage.folder.path(), served.folder.path()] {
        for path in files(folder) {
            let text = fs::read(&path).unwrap();
            places.push((path.display().to_string(), text));
        }
    }
    assert!(places.iter().any(|(place, _)| place.ends_with("journal.sqlite")), "the search looks");
    assert!(places.iter().any(|(place, _)| place.contains("SANDBOX.sqlite")), "the search looks");
    places
}

fn search_all(what: &str, places: &[(String, Vec<u8>)], canaries: &[Canary]) {
    let found = search(places, canaries);
    assert!(found.is_empty(), "{found:#?}");
    let (places, forms) = (places.len(), canaries.len());
    stage::say(&format!("{what}: {places} places searched for {forms} forms of secrets"));
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

/// The command lines and environments of every process of the program and of what `process` started,
/// where the system shows them. Others' tools may be given the same made-up passwords meanwhile.
fn all_processes(process: u32) -> Vec<u8> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ours = |path: &Path| {
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        let child = status.lines().any(|line| line == format!("PPid:\t{process}"));
        child || fs::read_link(path.join("exe")).is_ok_and(|exe| exe == Path::new(PROGRAM))
    };
    let read = |path: PathBuf| fs::read(path).unwrap_or_default();
    let paths = processes.flatten().map(|process| process.path()).filter(|path| ours(path));
    let lines = paths.flat_map(|path| {
        [read(path.join("cmdline")), b"\n".to_vec(), read(path.join("environ")), b"\n".to_vec()]
    });
    lines.flatten().collect()
}
