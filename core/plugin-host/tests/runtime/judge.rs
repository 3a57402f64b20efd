//! What the cases of `ways.rs` have in common: the plugins that are built for them, and how they are called.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ceralacca_plugin_host::testing::{Operator, Place, Running, start};

#[path = "ways.rs"]
mod ways;

pub(super) use ways::{CASES, waiting_host};

/// What tells this program to be the host that a case kills.
pub(super) const HOST_THAT_WAITS: &str = "a_host_that_waits";

type Case = (&'static str, fn(&Workshop));

/// Where plugins are built.
pub(super) struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    pub(super) fn open() -> Workshop {
        Workshop { folder: tempfile::tempdir().expect("a folder") }
    }

    /// The trial plugin, built with these definitions.
    fn trial(&self, definitions: &[&str]) -> PathBuf {
        let name: String =
            definitions.concat().chars().filter(char::is_ascii_alphanumeric).collect();
        let library = self.folder.path().join(format!("libtrial{name}.so"));
        if library.exists() {
            return library;
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Command::new("cc")
            .args([
                "-std=gnu11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-Wno-nonnull",
                "-Wno-array-bounds",
            ])
            .args(["-shared", "-fPIC", "-O0", "-pthread", "-o"])
            .arg(&library)
            .args(definitions.iter().map(|definition| format!("-D{definition}")))
            .arg("-I")
            .arg(here.join("../../plugins/sdk/include"))
            .arg(here.join("tests/runtime/trial.c"))
            .status();
        assert!(built.expect("cc runs").success(), "the trial plugin builds with {definitions:?}");
        library
    }
}

/// The plugin in Rust that has no barrier against panics.
fn rust_trial(workshop: &Workshop) -> PathBuf {
    let library = workshop.folder.path().join("libtrial_rust.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runtime/trial.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut build = Command::new(rustc);
    build.args(["--edition", "2024", "--crate-type", "cdylib", "--cap-lints", "allow", "-o"]);
    let built = build.arg(&library).arg(source).status();
    assert!(built.expect("rustc runs").success(), "the trial plugin builds");
    library
}

fn place() -> Place {
    Place {
        in_process: false,
        timeout: Duration::from_secs(60),
        memory: 1 << 30,
        larger: false,
        file_itself: false,
        network: false,
        local_sockets: false,
        read: Vec::new(),
        write: Vec::new(),
        environment: Vec::new(),
    }
}

fn running(workshop: &Workshop, place: &Place) -> Running {
    start(&workshop.trial(&[]), place).expect("the trial plugin starts")
}

/// A call to which nobody answers questions.
fn call(plugin: &mut Running, name: &str) -> Result<String, String> {
    let answer = plugin.call(name, b"\x80", &mut Operator::default());
    answer.map(|(status, value)| format!("{status} {}", String::from_utf8_lossy(&value)))
}

/// What becomes of a call of a fresh worker; the next one starts and works all the same.
fn fate(workshop: &Workshop, place: &Place, name: &str) -> String {
    let mut plugin = running(workshop, place);
    let fate = call(&mut plugin, name).expect_err("it does not end well");
    assert_eq!(call(&mut plugin, "echo"), Err(fate.clone()), "what is broken stays so");
    assert!(plugin.close().is_err());
    assert_eq!(call(&mut running(workshop, place), "echo"), Ok("0 \u{fffd}".to_owned()));
    fate
}

/// Waits until a condition holds, for things that the system does in its own time. What has not come in
/// ten minutes will not come; no busy machine takes that long.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(600), "{what}");
        std::thread::yield_now();
    }
}

/// A plugin that several threads call, one after the other.
fn shared(plugin: Running) -> Arc<std::sync::Mutex<Running>> {
    Arc::new(std::sync::Mutex::new(plugin))
}
