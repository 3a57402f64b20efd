//! Unmistakable secrets appear nowhere: journal, workspace, logs, errors, command lines, the sandbox.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use crate::stage::impronta::{ARCHIVE, Filing, run};
use crate::stage::kill::killed_at;
use crate::stage::person::Person;
use crate::stage::{
    self, Account, Finished, PASSWORD, PIN_DI_REVOCA, PROGRAM, Served, Stage, codice_fiscale,
};

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
    let resumed = watched(&stage, &account, "resume 1", 0);
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
        canaries.extend(canary(&format!("wrong {name}"), text));
    }
    let marks = served.marks();
    let resumed = watched(&stage, &account, "resume 1", 0);
    outputs.push(resumed.finished);
    assert_eq!((marks, served.marks(), served.communications()), (1, 1, 1));
    let outputs: Vec<&Finished> = outputs.iter().collect();
    let places = places(&stage, &served, &outputs, resumed.seen);
    for made in ["indice.xml.p7m.tsr", "comunicazione.dgn", "comunicazione.ccf", ".rel"] {
        assert!(places.iter().any(|(place, _)| place.ends_with(made)), "{made} is searched");
    }
    search_all("a filing", &places, &canaries);
}

/// The PINs and passwords of what comes after the first environment.
const LATER: [(&str, &str); 4] = [
    ("pin_di_revoca_esistente", PIN_DI_REVOCA),
    ("pin_di_revoca", "NuovaRevocaCanarino1"),
    ("password", "Passero77Beta"),
    ("password_precedente", PASSWORD),
];

#[test]
fn the_secrets_of_a_recovery_stay_where_they_belong() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(40_002));
    let stage = filing.stage();
    filing.file(&stage, 1).expect_success();
    let account = &mut filing.account;
    LATER.iter().for_each(|(name, text)| account.set(name, Some(text)));
    let mut canaries = canaries(account);
    let mut seen = Vec::new();
    let mut outputs = Vec::new();
    let mut go = |account: &Account, command: &str, code: i32| {
        let watched = watched(&stage, account, command, code);
        seen.extend(watched.seen);
        outputs.push(watched.finished);
    };

    // A wrong PIN, then the right one.
    canaries.extend(canary("wrong PIN", "SbagliataRevoca1"));
    account.set("pin_di_revoca_esistente", Some("SbagliataRevoca1"));
    go(account, &recover(account), 1);
    account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
    go(account, "resume 2", 0);

    // Another password, with a wrong one at first.
    canaries.extend(canary("third password", "Tortora55Gamma"));
    canaries.extend(canary("wrong password", "Corvo66Delta"));
    account.set("password", Some("Tortora55Gamma"));
    account.set("password_esistente", Some("Corvo66Delta"));
    go(account, "run change_password", 1);
    account.set("password_esistente", Some("Passero77Beta"));
    go(account, "resume 3", 0);

    // What was opened is lost; the receipt opens with the password of the environment set aside.
    for folder in ["Documenti/ricevute", "Documenti/esiti"] {
        fs::remove_dir_all(stage.path(folder)).unwrap();
    }
    account.set("password_esistente", Some("Tortora55Gamma"));
    account.set("password_precedente", Some("Corvo66Delta"));
    let collect = format!("run collect_receipts utente={}", account.utente);
    go(account, &collect, 1);
    account.set("password_precedente", Some(PASSWORD));
    go(account, &collect, 0);

    let outputs: Vec<&Finished> = outputs.iter().collect();
    let places = places(&stage, &served, &outputs, seen);
    assert_places(&places, &["scheda-di-recupero", "/revocations/", ".rel", "/ambiente_"]);
    search_all("a recovery", &places, &canaries);
}

fn recover(account: &Account) -> String {
    let Account { codice_fiscale, utente, numero_busta, .. } = account;
    format!(
        "run recover_environment codice_fiscale={codice_fiscale} utente={utente} \
         numero_busta={numero_busta} chiave_persa=no --patience 0s"
    )
}

/// What a change of the password leaves wherever it is killed.
#[test]
fn a_killed_change_of_the_password_leaves_no_secret() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(40_003));
    filing.account.set("password", Some("Passero77Beta"));
    let canaries = canaries(&filing.account);
    let secrets = filing.account.secrets_file.display().to_string();
    let arguments = ["run", "change_password", "--secrets", &secrets];
    let mut points = 0;
    let mut searched = 0;
    for point in 1.. {
        let stage = filing.stage();
        if killed_at(&mut stage.command(&arguments), point).is_none() {
            break;
        }
        points += 1;
        let mut left: Vec<(String, Vec<u8>)> = files(stage.folder.path())
            .into_iter()
            .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
            .collect();
        searched += left.len();
        left.push(("journal".into(), format!("{:?}", stage.journal()).into_bytes()));
        let found = search(&left, &canaries);
        assert!(found.is_empty(), "point {point}: {found:#?}");
    }
    assert!(points > 8, "{points}");
    stage::say(&format!("change_password: {searched} files searched after {points} kills"));
}

#[test]
fn the_secrets_of_a_hand_off_stay_where_they_belong() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    let mut account = served.account(&codice_fiscale(40_004));
    let person = Person::new(&served, &account);
    let mut canaries = canaries(&account);
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    let mut go = |account: &Account, command: &str, code: i32| {
        let watched = watched(&stage, account, command, code);
        // Sheets come and go.
        found.extend(places(&stage, &served, &[&watched.finished], watched.seen));
    };
    let upload = |run: u32, account: &mut Account, go: &mut dyn FnMut(&Account, &str, i32)| {
        let request = stage.path(&format!("Documenti/da inviare/{run}/req.ccc"));
        let protocollo = person.upload(&request, "PKS10");
        stage.run(&["confirm", &run.to_string(), "--protocollo", &protocollo]).expect_success();
        go(account, &format!("resume {run} --patience 0s"), 4);
        stage.deliver(&format!("{run}-CERTIF.IN"), &person.fetch(&protocollo, "CERTIF.IN"));
        go(account, &format!("resume {run}"), 0);
    };
    let setup = format!("run setup_environment codice_fiscale={}", account.codice_fiscale);
    go(&account, &setup, 4);
    upload(1, &mut account, &mut go);

    LATER.iter().for_each(|(name, text)| account.set(name, Some(text)));
    canaries.extend(self::canaries(&account));
    go(&account, &recover(&account), 4);
    assert_eq!(person.revoke(PIN_DI_REVOCA), 202);
    stage.run(&["confirm", "2"]).expect_success();
    go(&account, "resume 2 --patience 0s", 4);
    stage.run(&["confirm", "2", "--in-force"]).expect_success();
    go(&account, "resume 2 --patience 0s", 4);
    upload(2, &mut account, &mut go);

    assert_places(
        &found,
        &[
            "1/ISTRUZIONI.txt",
            "ISTRUZIONI-REVOCA.txt",
            "ricezione/ISTRUZIONI-1.txt",
            "scheda-di-recupero",
            "/hand-off/",
            "/revocations/",
        ],
    );
    found.sort();
    found.dedup();
    search_all("a hand-off", &found, &canaries);
}

/// A run to its end or its rest, and what other processes could see of it.
struct Watched {
    finished: Finished,
    seen: Vec<u8>,
}

fn watched(stage: &Stage, account: &Account, command: &str, code: i32) -> Watched {
    let secrets = account.secrets_file.display().to_string();
    let mut arguments: Vec<&str> = command.split(' ').collect();
    arguments.extend(["--approve", "--secrets", &secrets]);
    let mut process = stage
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut seen = Vec::new();
    while process.try_wait().unwrap().is_none() {
        seen.extend(all_processes(process.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = process.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let finished = Finished {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    assert_eq!(finished.code, Some(code), "{command}\n{}{}", finished.stdout, finished.stderr);
    if Path::new("/proc/self/cmdline").exists() {
        let itself = arguments.join("\0");
        assert!(contains(&seen, itself.as_bytes()), "the process itself was seen");
    }
    Watched { finished, seen }
}

/// Checks that files of these names are among what is searched.
fn assert_places(places: &[(String, Vec<u8>)], wanted: &[&str]) {
    for wanted in wanted {
        assert!(places.iter().any(|(place, _)| place.contains(wanted)), "{wanted} is searched");
    }
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
    for (name, text) in secrets {
        canaries.extend(canary(&name, &text));
    }
    canaries
}

fn canary(name: &str, text: &str) -> Vec<Canary> {
    assert!(text.len() >= 8, "{name} is too short to be unmistakable");
    forms(text).into_iter().map(|(form, bytes)| (name.to_owned(), form, bytes)).collect()
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
