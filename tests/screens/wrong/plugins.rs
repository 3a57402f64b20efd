//! Plugins that cannot be used, do what they must not, or are not what was pinned.

mod calls;
mod pinned;
mod vendors;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::{Place, check};
use crate::stage::{Finished, Stage};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/screens/wrong/plugins");
const HEADERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/sdk/include");

/// The plugin `prova` as it is, compiled once.
fn prova() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| built("prova", &[]))
}

/// The library of `prova`, with these definitions, in a folder of its own with its manifest.
fn built(variant: &str, defines: &[&str]) -> PathBuf {
    let folder = emptied(variant);
    let library = folder.join(format!("libprova{}", std::env::consts::DLL_SUFFIX));
    let mut command = Command::new("cc");
    command.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]);
    command.args(defines.iter().map(|define| format!("-D{define}")));
    command.args(["-I", HEADERS]).arg(format!("{SOURCES}/prova.c"));
    finish(command.arg("-o").arg(&library));
    library
}

/// An empty folder for what a test builds.
fn emptied(variant: &str) -> PathBuf {
    let folder = crate::stage::kept_folder("wrong-plugins").join(variant);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// What `prova` says of itself.
fn manifest() -> Value {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let stage = Stage::embedded();
        typed(&stage, &["manifest", shown(prova())]).expect_success().stdout
    });
    serde_json::from_str(text).unwrap()
}

/// Delivers a library to the workspace, in a folder `from` the vendor, with a manifest beside it.
fn deliver(stage: &Stage, library: &Path, manifest: &Value) {
    fs::create_dir_all(stage.path("vendor")).unwrap();
    fs::copy(library, stage.path("vendor").join(library.file_name().unwrap())).unwrap();
    let name = manifest["name"].as_str().unwrap();
    let text = serde_json::to_string_pretty(manifest).unwrap();
    fs::write(stage.path(&format!("vendor/{name}.json")), text).unwrap();
}

/// Installs what was delivered.
fn install(stage: &Stage) -> Finished {
    typed(stage, &["install", "vendor", "--approve"])
}

/// `ceralacca plugin` with these arguments.
fn typed(stage: &Stage, arguments: &[&str]) -> Finished {
    program(stage, &[&["plugin"], arguments].concat())
}

/// The program in the workspace, without what this user has beside it.
fn program(stage: &Stage, arguments: &[&str]) -> Finished {
    of_any_system(crate::stage::run(alone(stage, &mut stage.command(arguments))))
}

/// The user's own folder is in the workspace.
fn alone<'a>(stage: &Stage, command: &'a mut Command) -> &'a mut Command {
    let own = stage.path(".config");
    command.env("XDG_CONFIG_HOME", &own).env("APPDATA", &own)
}

/// A workspace with `prova` installed.
fn with_prova() -> Stage {
    let stage = Stage::embedded();
    deliver(&stage, prova(), &manifest());
    install(&stage).expect_success();
    stage
}

/// Adds lines to the settings.
fn set(stage: &Stage, settings: &str) {
    let path = stage.path("ceralacca.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n{settings}\n")).unwrap();
}

/// Runs a workflow with this body, as a person would.
fn run(stage: &Stage, body: &str) -> Finished {
    write(stage, body);
    program(stage, &RUN)
}

const RUN: [&str; 3] = ["run", "./prova.rhai", "--approve"];

/// Writes the workflow with this body.
fn write(stage: &Stage, body: &str) {
    let namespaces = ["prova", "panics", "keystore", "agency", "impronta"];
    let uses = namespaces.into_iter().filter(|name| body.contains(&format!("{name}::")));
    let uses: Vec<_> = uses.map(|name| format!("\"{name}\"")).collect();
    let text = format!(
        "const WORKFLOW = #{{ summary: \"Prova\", input: #{{}}, uses: [{}] }};\n\
         fn run(input) {{\n    {body}\n}}\n",
        uses.join(", ")
    );
    fs::write(stage.path("prova.rhai"), text).unwrap();
}

/// A case whose workflow stops.
fn stops(case: &str, exit: i32, stage: &Stage, body: &str) {
    check(case, exit, &run(stage, body), Place::new(stage));
}

/// Libraries are named otherwise on other systems.
fn of_any_system(finished: Finished) -> Finished {
    let ending = std::env::consts::DLL_SUFFIX;
    let stderr = finished.stderr.replace(&format!("libprova{ending}"), "LIBRARY");
    Finished { stderr: stderr.replace(&format!("*{ending}"), "*ENDING"), ..finished }
}

/// What is shown of a plugin before it is installed is no result, and no error.
fn after_its_description(finished: Finished) -> Finished {
    assert!(finished.stdout.starts_with("prova 1.0.0: "), "{}", finished.stdout);
    assert!(!finished.stdout.contains("installed"), "{}", finished.stdout);
    Finished { stdout: String::new(), ..finished }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}
