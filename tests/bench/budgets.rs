//! The budgets, measured: `cargo bench --bench budgets` prints ratios against the peer in the same run.
//!
//! Nothing here fails: a number out of its budget says so, and a person decides.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints and stops")]

#[path = "calls.rs"]
mod calls;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ceralacca::keystore::KeyPair;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ceralacca");

fn main() {
    println!("{:<52} {:>12} {:>14}  verdict", "what", "measured", "budget");
    key_generation();
    start_up();
    calls::measure();
    whole_workflow();
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

fn run(folder: &tempfile::TempDir, arguments: &[&str]) {
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

fn mean(total: Duration, rounds: u32) -> f64 {
    total.as_secs_f64() * 1000.0 / f64::from(rounds)
}
