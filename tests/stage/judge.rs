//! Other people's tools. `tests/run` installs them and sets `CERALACCA_JUDGES`.

use std::process::Command;

use super::Finished;

/// Whether the judges are to be called. Without them a test says what it leaves out.
pub fn called(what: &str) -> bool {
    let called = std::env::var_os("CERALACCA_JUDGES").is_some();
    if !called {
        super::say(&format!("not judged: {what}: tests/run calls other people's tools"));
    }
    called
}

/// Runs a judge and expects it to agree.
pub fn agrees(program: &str, arguments: &[&str]) -> Finished {
    let finished = super::run(Command::new(program).args(arguments));
    assert_eq!(
        finished.code,
        Some(0),
        "{program} {}\nstdout: {}\nstderr: {}",
        arguments.join(" "),
        finished.stdout,
        finished.stderr
    );
    finished
}
