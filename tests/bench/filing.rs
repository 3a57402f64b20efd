//! `file_impronta` from beginning to end, against the cryptography in it.

use std::fs;
use std::path::Path;

use ceralacca::kernel::Secret;
use ceralacca::keystore::{KeyPair, pkcs12_read};
use tempfile::TempDir;

use crate::{Best, line, run, seconds, timed};

const ROUNDS: u32 = 8;
const CODICE_FISCALE: &str = "RSSMRA85M01H501Q";
const UTENTE: &str = "utente=RSSMRA85M01H501Q-000";
/// How often the workflow opens each of the three PKCS#12 files.
const OPENINGS: usize = 3;
/// Signatures and decryptions with RSA-4096, the sandbox's included; those with RSA-2048 count for nothing.
const PRIVATE_OPERATIONS: usize = 4;

/// The whole workflow on the embedded sandbox, which receives, marks and answers in the same process.
///
/// Cryptography is the opening of its PKCS#12 files (PBKDF2), what its RSA-4096 keys do, and the start of
/// aws-lc's random generator, which gathers entropy once per process: hence this is measured first.
pub(crate) fn whole_workflow() {
    let (folder, in_memory) = workspace();
    let key = open(folder.path());
    let [first, second] = [(); 2].map(|()| timed(|| sign(&key)));
    let entropy = first.saturating_sub(second);
    let [mut whole, mut cryptography] = [Best::default(); 2];
    for month in 1..=ROUNDS {
        whole.of(timed(|| file_impronta(&folder, month)));
        cryptography.of(timed(|| {
            (0..OPENINGS).for_each(|_| drop(open(folder.path())));
            (0..PRIVATE_OPERATIONS).for_each(|_| sign(&key));
        }));
    }
    let known = cryptography.0 + entropy;
    let beyond = whole.0.saturating_sub(known).as_secs_f64() * 1000.0;
    let what = "file_impronta, sandbox included, beyond cryptography";
    line(what, format!("{beyond:.0} ms"), "≤ 60 ms", beyond <= 60.0);
    println!(
        "  (whole {}, cryptography {}, best of {ROUNDS}, files {})",
        seconds(whole.0),
        seconds(known),
        if in_memory { "in memory: syncing costs nothing" } else { "on disk: with its syncs" }
    );
}

/// A workspace with its environment and its signer, where syncing costs nothing if there is such a place.
fn workspace() -> (TempDir, bool) {
    let in_memory = crate::in_memory();
    let is_in_memory = in_memory.is_some();
    let folder = in_memory.unwrap_or_else(|| tempfile::tempdir().unwrap());
    run(&folder, &["init"]);
    run(&folder, &["sandbox", "account", CODICE_FISCALE, "--secrets-file", "busta.toml"]);
    let codice_fiscale = format!("codice_fiscale={CODICE_FISCALE}");
    let secrets = ["--secrets", "busta.toml"];
    let setup = ["run", "setup_environment", &codice_fiscale, UTENTE, "--approve"];
    run(&folder, &[&setup[..], &secrets].concat());
    let signer = ["sandbox", "signer", CODICE_FISCALE, "--file", "responsabile.p12"];
    run(&folder, &[&signer[..], &secrets].concat());
    (folder, is_in_memory)
}

fn file_impronta(folder: &TempDir, month: u32) {
    let archive = concat!("archive=", env!("CARGO_MANIFEST_DIR"), "/examples/archive");
    let codice_fiscale = format!("codice_fiscale={CODICE_FISCALE}");
    let (dal, al) = (format!("dal=2024-{month:02}-01"), format!("al=2024-{month:02}-28"));
    let start = ["run", "file_impronta", archive, &dal, &al, &codice_fiscale, UTENTE];
    let rest = ["denominazione=ESEMPIO S.R.L.", "tipi_documento=D01", "signer=responsabile.p12"];
    run(folder, &[&start[..], &rest, &["--secrets", "busta.toml", "--approve"]].concat());
}

/// Opens the three files; gives the key that signs what is sent.
fn open(folder: &Path) -> KeyPair {
    let secrets = fs::read_to_string(folder.join("busta.toml")).unwrap();
    let secret = |name: &str| {
        let line = secrets.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        Secret::new(line.unwrap().trim_matches('"'))
    };
    let files = [
        ("responsabile.p12", "signer_password"),
        ("ambiente/UTEC.P12", "password_esistente"),
        ("ambiente/UTEF.P12", "password_esistente"),
    ];
    let keys = files.map(|(file, password)| {
        let bytes = fs::read(folder.join(file)).unwrap();
        pkcs12_read::read(file, &bytes, &secret(password)).unwrap().remove(0).key
    });
    let [_, _, key] = keys;
    key
}

fn sign(key: &KeyPair) {
    key.sign_sha256(&[7; 200]).unwrap();
}
