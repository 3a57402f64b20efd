//! What a person types at a terminal: slips are forgiven three times, a no is a no.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Place, check, complete, resume, waits};
use crate::stage::{Account, Finished, PASSWORD, PIN_DI_REVOCA, PROGRAM, Served, Stage};
use crate::stage::{codice_fiscale, judge};

#[test]
fn a_person_who_says_no_sends_nothing() {
    if !judge::called("answers at a terminal, which `script` plays") {
        return;
    }
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(68_000));
    let place = Place::with(&stage, &served, &account);
    let inputs = [format!("codice_fiscale={}", account.codice_fiscale)];
    let secret = |name: &str| account.secrets[name].clone();

    // Everything is asked for, but what the settings and presets give; then the question, and a no.
    let typed = [
        account.utente.clone(),
        secret("pincode"),
        PIN_DI_REVOCA.to_owned(),
        PIN_DI_REVOCA.to_owned(),
        // A slip, forgiven; then a confirmation that differs, forgiven.
        "corta1".to_owned(),
        PASSWORD.to_owned(),
        "Canarino42Zetb".to_owned(),
        PASSWORD.to_owned(),
        PASSWORD.to_owned(),
        secret("portal_password"),
        secret("codice_pin"),
        "no".to_owned(),
    ];
    let refused = at_terminal(&stage, &inputs, &typed);
    assert!(refused.stderr.contains("error[secret.too_short]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("error[secret.confirmation]"), "{}", refused.stderr);
    let last = refused.stderr.rfind("error[").unwrap();
    let refused = Finished { stderr: refused.stderr[last..].to_owned(), ..refused };
    check("run.not_approved", 1, &refused, place);
    waits("run.not_approved", &stage.path("ambiente"));
    assert_eq!(served.requests(), 0);
    resume(&stage, &account).expect_success();
    complete("run.not_approved", &stage.path("ambiente"));
    assert_eq!(served.requests(), 1);
}

#[test]
fn three_slips_are_enough() {
    if !judge::called("answers at a terminal, which `script` plays") {
        return;
    }
    let served = Served::start();
    let stage = Stage::new(&served);
    let account: Account = served.account(&codice_fiscale(68_001));
    let inputs = [
        format!("codice_fiscale={}", account.codice_fiscale),
        format!("utente={}", account.utente),
    ];
    let typed = ["uno", "due", "tre"].map(str::to_owned);
    let refused = at_terminal(&stage, &inputs, &typed);
    assert_eq!(refused.stderr.matches("error[secret.pincode_length]").count(), 3);
    assert!(!stage.path("ambiente").exists());
    assert_eq!(served.requests(), 0);
}

/// Runs `setup_environment` at a terminal of its own; what appears there counts as standard error.
fn at_terminal(stage: &Stage, inputs: &[String], typed: &[String]) -> Finished {
    let command = format!("{PROGRAM} run setup_environment {}", inputs.join(" "));
    let mut process = Command::new("script")
        .args(["--quiet", "--return", "--echo", "never", "--command", &command, "/dev/null"])
        .current_dir(stage.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = process.stdin.take().unwrap();
    for line in typed {
        // `script` hands on what it reads; the terminal keeps it until it is asked for.
        writeln!(keyboard, "{line}").unwrap();
    }
    keyboard.flush().unwrap();
    let output = process.wait_with_output().unwrap();
    drop(keyboard);
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    Finished { code: output.status.code(), stdout: String::new(), stderr: text }
}
