//! A plugin on the SDK under the real program: answers, errors, panics, secrets, waiting, doubts.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use ceralacca_plugin_sdk::harness::{Finished, Harness, HarnessError, library};
use serde_json::Value;

type Tested = Result<(), HarnessError>;

fn harness() -> Result<Harness, HarnessError> {
    Harness::new(library("attempts")?)
}

fn run(harness: &Harness, code: &str) -> Result<Finished, HarnessError> {
    let script = format!(
        "const WORKFLOW = #{{ summary: \"Attempts\", uses: [\"attempts\"] }};\n\
         fn run(input) {{ {code} }}\n"
    );
    harness.run("attempts.rhai", &script, &[])
}

/// The result of a script that succeeds.
fn result(harness: &Harness, code: &str) -> Result<Value, HarnessError> {
    let finished = run(harness, code)?;
    assert_eq!(finished.code, 0, "{code}: {finished:?}");
    Ok(finished.json()?["result"].clone())
}

/// The error, and the exit code, of a script that fails.
fn error(finished: &Finished) -> Result<(String, i32), HarnessError> {
    let json = finished.json()?;
    let code = json["error"]["code"].as_str().unwrap_or_else(|| panic!("{finished:?}"));
    Ok((code.to_owned(), finished.code))
}

fn failed(harness: &Harness, code: &str) -> Result<(String, i32), HarnessError> {
    error(&run(harness, code)?)
}

fn said(code: &str, exit: i32) -> (String, i32) {
    (code.to_owned(), exit)
}

#[test]
fn state_time_and_keys_come_through() -> Tested {
    let harness = harness()?;
    assert_eq!(result(&harness, "attempts::colour()")?, "red");
    assert_eq!(result(&harness, "attempts::count(); attempts::count()")?, 2);
    let moments = result(&harness, "[attempts::moment(), attempts::moment()]")?;
    let at = |call: usize, what: usize| moments[call][what].as_str().unwrap().to_owned();
    assert!(at(0, 0).starts_with("20") && at(0, 0) <= at(1, 0), "{moments}");
    assert_ne!(at(0, 1), at(1, 1), "each call has a key of its own");
    let finished = run(&harness, "attempts::moment()")?;
    assert!(finished.stderr.contains("looking at the clock"), "{finished:?}");
    let finished = run(&harness, "attempts::page()")?;
    let shown = format!("{}{}", finished.stderr, finished.stdout);
    assert!(shown.contains("Riepilogo") && shown.contains("rosso"), "{finished:?}");
    Ok(())
}

#[test]
fn settings_are_read_or_refused() -> Tested {
    let harness = harness()?;
    harness.settings("[plugins.attempts.settings]\ncolour = \"blue\"\n")?;
    assert_eq!(result(&harness, "attempts::colour()")?, "blue");
    let harness = self::harness()?;
    harness.settings("[plugins.attempts.settings]\ncolor = \"blue\"\n")?;
    let finished = run(&harness, "attempts::colour()")?;
    assert_eq!(error(&finished)?, said("attempts.settings", 2));
    assert!(finished.stdout.contains("did you mean `colour`"), "{finished:?}");
    Ok(())
}

#[test]
fn a_secret_is_given_when_the_manifest_names_it() -> Tested {
    let mut harness = harness()?;
    harness.secrets("attempts_pin = \"Canarino42\"\npin_di_revoca = \"RevocaCanarino12345\"\n")?;
    assert_eq!(result(&harness, "attempts::pin_length()")?, 10);
    assert_eq!(
        failed(&harness, "attempts::foreign_secret()")?,
        said("plugin.secret_not_granted", 1)
    );
    Ok(())
}

#[test]
fn a_panic_is_an_error_and_the_plugin_goes_on() -> Tested {
    let harness = harness()?;
    assert_eq!(failed(&harness, "attempts::panic()")?, said("attempts.panicked", 1));
    let caught = "attempts::count(); try { attempts::panic(); } catch (e) {} attempts::count()";
    assert_eq!(result(&harness, caught)?, 2, "the same process serves on");
    Ok(())
}

#[test]
fn what_is_too_large_is_an_error() -> Tested {
    let harness = harness()?;
    let large = failed(&harness, "attempts::bytes(70000000)")?;
    assert_eq!(large, said("attempts.result_too_large", 1));
    Ok(())
}

#[test]
fn what_waits_can_be_resumed() -> Tested {
    let harness = harness()?;
    let finished = run(&harness, "attempts::waits()")?;
    assert_eq!(finished.code, 4, "{finished:?}");
    assert!(finished.stdout.contains("the end of days"), "{finished:?}");
    assert_eq!(harness.resume(1)?.code, 4);
    Ok(())
}

#[test]
fn a_deposit_is_done_or_refused() -> Tested {
    let harness = harness()?;
    assert_eq!(result(&harness, "attempts::deposit(\"done\")")?, "deposited");
    let finished = run(&harness, "attempts::deposit(\"refused\")")?;
    assert_eq!(error(&finished)?, said("attempts.refused", 1));
    assert_eq!(finished.json()?["error"]["fields"]["how"], "refused");
    Ok(())
}

#[test]
fn a_deposit_in_doubt_is_asked_about_and_never_repeated_blindly() -> Tested {
    let harness = harness()?;
    let in_doubt = failed(&harness, "attempts::deposit(\"in doubt\")")?;
    assert_eq!(in_doubt, said("attempts.in_doubt", 3));
    let resumed = harness.resume(1)?;
    assert_eq!(resumed.json()?["result"], "found deposited", "{resumed:?}");

    let panicked = failed(&harness, "attempts::deposit(\"panic, then nobody knows\")")?;
    assert_eq!(panicked, said("attempts.panicked", 3));
    let resumed = harness.resume(2)?;
    assert_eq!(resumed.code, 3, "{resumed:?}");
    assert!(resumed.stdout.contains("the register is shut"), "{resumed:?}");

    // Not done: it is done again, and panics again.
    failed(&harness, "attempts::deposit(\"panic, then not done\")")?;
    assert_eq!(error(&harness.resume(3)?)?, said("attempts.panicked", 3));

    // A reconcile that panics leaves it in doubt.
    failed(&harness, "attempts::deposit(\"panic, then panic\")")?;
    assert_eq!(harness.resume(4)?.code, 3);
    Ok(())
}
