//! What a plugin does wrong in the middle of a call, and what is wrong with the call itself.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::{
    RUN, SOURCES, alone, deliver, emptied, finish, install, set, stops, with_prova, write,
};
use crate::stage::{Finished, PROGRAM, Stage, run as run_command, say};
use crate::wrong::{Place, check, each, numbers};

/// Golden file, exit code, what is asked for, and the setting that it meets.
const CALLS: [(&str, i32, &str, &str); 20] = [
    ("plugin.argument", 2, "prova::act(7)", ""),
    ("plugin.died", 1, "prova::act(\"exits\")", ""),
    ("plugin.died.signal", 1, "prova::act(\"crashes\")", ""),
    ("plugin.died.once", 3, "prova::send(\"exits\")", ""),
    ("plugin.timed_out", 1, "prova::act(\"loops\")", "timeout = \"1s\""),
    ("plugin.timed_out.once", 3, "prova::send(\"loops\")", "timeout = \"1s\""),
    ("plugin.out_of_memory", 1, "prova::act(\"takes memory\")", "memory = \"256 MiB\""),
    ("plugin.never_replied", 1, "prova::act(\"does nothing\")", ""),
    ("plugin.replied_twice", 1, "prova::act(\"replies twice\")", ""),
    ("plugin.replied_late", 1, "prova::act(\"is over\"); prova::act(\"replies late\")", ""),
    ("plugin.wrong_thread", 1, "prova::act(\"replies elsewhere\")", ""),
    ("plugin.malformed_reply", 1, "prova::act(\"replies nothing\")", ""),
    ("plugin.malformed_reply.once", 3, "prova::send(\"replies nothing\")", ""),
    ("plugin.result", 1, "prova::act(\"replies a number\")", ""),
    ("plugin.foreign_handle", 1, "prova::act(\"replies a secret\")", ""),
    ("plugin.secret_not_granted", 1, "prova::act(\"asks for a password\")", ""),
    ("plugin.status", 1, "prova::act(\"waits\")", ""),
    ("plugin.error_form", 1, "prova::act(\"refuses in a number\")", ""),
    ("signer.no_device", 2, "keystore::open_signer(\"pkcs11:serial=1\", ())", ""),
    ("signer.pin_in_uri", 2, "keystore::open_signer(\"prova:id=1?pin-value=1234\", ())", ""),
];

#[test]
fn calls_without_a_proper_end() {
    each(CALLS, |(case, exit, body, setting)| {
        let stage = with_prova();
        set(&stage, &format!("[plugins.prova]\n{setting}"));
        stops(case, exit, &stage, body);
    });
}

#[test]
fn a_plugin_that_always_breaks_off_is_given_up() {
    let stage = with_prova();
    let body = "for at in 0..5 { try { prova::act(\"exits\") } catch { } }\n    prova::act(\"x\")";
    stops("plugin.gave_up", 1, &stage, body);
}

/// What keeps plugins from the network exists on Linux.
#[test]
#[cfg(target_os = "linux")]
fn what_was_not_granted() {
    stops("plugin.not_granted", 1, &with_prova(), "prova::act(\"connects\")");
}

/// Where the descriptors of the line are is known for Linux.
#[test]
#[cfg(target_os = "linux")]
fn a_line_that_is_broken() {
    stops("plugin.garbled", 1, &with_prova(), "prova::act(\"babbles\")");
}

/// Rust without the SDK: nothing stops the panic before it leaves the plugin.
#[test]
fn a_panic_past_every_barrier() {
    let folder = emptied("panics");
    let primitive = |name: &str| {
        json!({
            "name": name, "doc": "Acts.", "returns": { "type": "string" }, "since": "1.0.0",
            "effect": "recorded",
        })
    };
    let manifest = json!({
        "ceralacca_plugin": 1, "name": "panics", "version": "1.0.0", "summary": "Panics",
        "namespaces": [{
            "name": "panics", "doc": "Panics.", "primitives": [primitive("good"), primitive("bad")],
        }],
    });
    fs::write(folder.join("manifest.txt"), manifest.to_string()).unwrap();
    let library = folder.join(format!("libpanics{}", std::env::consts::DLL_SUFFIX));
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", "fixture"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plugins/hostile/fixtures/panics.rs"));
    finish(command.env("MANIFEST", folder.join("manifest.txt")).arg("-o").arg(&library));
    let stage = Stage::embedded();
    deliver(&stage, &library, &manifest);
    install(&stage).expect_success();
    stops("plugin.panicked", 1, &stage, "panics::bad()");
}

/// A shell allows the program fewer and fewer open files, until it cannot start a worker.
#[test]
#[cfg(unix)]
fn a_worker_that_cannot_be_started() {
    let stage = with_prova();
    write(&stage, "prova::act(\"x\")");
    let with = |files: u32| {
        let script = format!("ulimit -n {files}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", PROGRAM]).args(RUN).current_dir(stage.folder.path());
        run_command(alone(&stage, &mut command))
    };
    let mut tried = (8..40).rev().map(with);
    let finished = tried.find(|finished| finished.stderr.contains("not_started")).unwrap();
    let stderr = numbers(&finished.stderr, "run ", "N");
    check("plugin.not_started", 1, &Finished { stderr, ..finished }, Place::new(&stage));
}

/// A program that runs under so many rules of others that no more can be added.
#[test]
#[cfg(target_os = "linux")]
fn a_worker_that_cannot_be_confined() {
    let launcher = emptied("layers").join("layers");
    let mut command = Command::new("cc");
    finish(command.arg(format!("{SOURCES}/layers.c")).arg("-o").arg(&launcher));
    let stage = with_prova();
    write(&stage, "prova::act(\"x\")");
    let mut command = Command::new(&launcher);
    command.arg(PROGRAM).args(RUN).current_dir(stage.folder.path());
    let finished = run_command(alone(&stage, &mut command));
    if finished.code == Some(77) {
        return say("not tried: plugin.unconfined: this kernel has no Landlock");
    }
    let stderr = numbers(&finished.stderr, "Landlock ", "N");
    check("plugin.unconfined", 1, &Finished { stderr, ..finished }, Place::new(&stage));
}

/// Settings that name a plugin for what it is not for.
#[test]
fn a_plugin_is_asked_for_what_it_is_not_for() {
    let agency = with_prova();
    let path = agency.path("ceralacca.toml");
    let settings = fs::read_to_string(&path).unwrap();
    fs::write(&path, settings.replace("[agency]\n", "[agency]\nplugin = \"prova\"\n")).unwrap();
    stops("plugin.no_seam", 2, &agency, "agency::ca_certificates()");
    let check = with_prova();
    set(&check, "[impronta]\nchecks = [\"prova\"]");
    stops("plugin.no_seam.check", 2, &check, "impronta::control_file(\"x.xml\")");
}
