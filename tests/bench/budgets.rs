//! The budgets, measured: `cargo bench --bench budgets` prints ratios against the peer in the same run.
//!
//! Nothing here fails: a number out of its budget says so, and a person decides. Words after `--` choose
//! what is measured: `cargo bench --bench budgets -- hashing p7m`. It needs openssl, xmllint, and 4 GiB
//! of disk.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints and stops")]

#[path = "calls.rs"]
mod calls;
#[path = "communication.rs"]
mod communication;
#[path = "../filed/mod.rs"]
mod filed;
#[path = "filing.rs"]
mod filing;
#[path = "journal.rs"]
mod journal;
#[path = "large_files.rs"]
mod large_files;
#[path = "plugins.rs"]
mod plugins;
#[path = "register.rs"]
mod register;
#[path = "ricezione.rs"]
mod ricezione;
#[path = "signatures.rs"]
mod signatures;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ceralacca::keystore::KeyPair;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceralacca");

const MEASURES: [(&str, fn()); 14] = [
    // First: it measures what a process pays once.
    ("filing", filing::whole_workflow),
    ("keys", key_generation),
    ("start", start_up),
    ("calls", calls::measure),
    ("journal", journal::measure),
    ("plugins", plugins::round_trips),
    ("setup", whole_workflow),
    ("hashing", large_files::hashing),
    ("p7m", large_files::p7m),
    ("memory", large_files::memory),
    ("register", register::at_size),
    ("signatures", signatures::small_files),
    ("schema", communication::schema_check),
    ("ricezione", ricezione::many_unknown_files),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    println!("{:<52} {:>12} {:>14}  verdict", "what", "measured", "budget");
    for (name, measure) in MEASURES {
        if words.is_empty() || words.iter().any(|word| word == name) {
            measure();
        }
    }
}

/// A line of the table.
pub(crate) fn line(what: &str, measured: String, budget: &str, within: bool) {
    let verdict = if within { "within" } else { "OVER" };
    println!("{what:<52} {measured:>12} {budget:>14}  {verdict}");
}

/// Both RSA-4096 pairs against two `openssl genrsa 4096`, one after the other. The search for primes is
/// a matter of luck, so both sides get many rounds, taken in turns.
fn key_generation() {
    const ROUNDS: u32 = 12;
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        ours += timed(|| drop(KeyPair::generate_both().unwrap()));
        theirs += timed(|| (0..2).for_each(|_| genrsa()));
    }
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let what = "both RSA-4096 pairs / two openssl genrsa 4096";
    line(what, format!("{ratio:.2}"), "≤ 0.60", ratio <= 0.60);
    println!("  ({:.0} ms / {:.0} ms, mean of {ROUNDS})", mean(ours, ROUNDS), mean(theirs, ROUNDS));
}

fn genrsa() {
    let done = Command::new("openssl")
        .args(["genrsa", "4096"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "openssl is needed for the comparison");
}

/// From the start of the process to its end.
fn start_up() {
    const ROUNDS: u32 = 50;
    let folder = tempfile::tempdir().unwrap();
    run(&folder, &["init"]);
    for arguments in [&["--version"][..], &["workflows"]] {
        let total: Duration = (0..ROUNDS).map(|_| timed(|| run(&folder, arguments))).sum();
        let peer: Duration = (0..ROUNDS).map(|_| timed(openssl_version)).sum();
        let each = mean(total, ROUNDS);
        let what = format!("start: ceralacca {}", arguments.join(" "));
        line(&what, format!("{each:.1} ms"), "≤ 10 ms", each <= 10.0);
        println!("  ({:.2} × `openssl version`)", total.as_secs_f64() / peer.as_secs_f64());
    }
}

fn openssl_version() {
    let done = Command::new("openssl").arg("version").stdout(Stdio::null()).status();
    assert!(done.is_ok_and(|status| status.success()));
}

/// `setup_environment` from beginning to end on the embedded sandbox, against its key generation alone.
fn whole_workflow() {
    const ROUNDS: u32 = 6;
    let (mut workflow, mut keys) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        run(&folder, &["init"]);
        run(&folder, &["sandbox", "account", "RSSMRA85M01H501Q", "--secrets-file", "busta.toml"]);
        let arguments = [
            "run",
            "setup_environment",
            "codice_fiscale=RSSMRA85M01H501Q",
            "utente=RSSMRA85M01H501Q-000",
            "--secrets",
            "busta.toml",
            "--approve",
        ];
        workflow += timed(|| run(&folder, &arguments));
        keys += timed(|| drop(KeyPair::generate_both().unwrap()));
    }
    let ratio = workflow.as_secs_f64() / keys.as_secs_f64();
    println!(
        "{:<52} {ratio:>12.2}  (whole {:.0} ms, keys {:.0} ms, mean of {ROUNDS})",
        "setup_environment, sandbox included / its key pairs",
        mean(workflow, ROUNDS),
        mean(keys, ROUNDS),
    );
}

pub(crate) fn run(folder: &tempfile::TempDir, arguments: &[&str]) {
    let done = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(done.success(), "{arguments:?}");
}

/// How long something takes.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The shortest of some times: what the machine can do when nothing else disturbs it.
#[derive(Clone, Copy)]
pub(crate) struct Best(pub(crate) Duration);

impl Default for Best {
    fn default() -> Best {
        Best(Duration::MAX)
    }
}

impl Best {
    pub(crate) fn of(&mut self, time: Duration) {
        self.0 = self.0.min(time);
    }

    pub(crate) fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

/// `812 ms`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// A folder in memory, where syncing costs nothing, if there is such a place.
pub(crate) fn in_memory() -> Option<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm").ok()
}

/// A folder on the disk of the build, which has room for gibibytes.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn mean(total: Duration, rounds: u32) -> f64 {
    total.as_secs_f64() * 1000.0 / f64::from(rounds)
}
