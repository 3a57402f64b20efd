//! Plugins in C that tests build: fixtures that describe themselves well and misbehave when asked to.

#![allow(unreachable_pub, reason = "each test file has fixtures of its own")]
#![allow(dead_code, reason = "each test file uses its own part of the fixtures")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub mod manifests;
pub mod scene;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plugins/hostile/fixtures");
const HEADERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/sdk/include");

/// Everything but `entry.c`, which differs from fixture to fixture.
const ACTS: [&str; 8] = ["contract", "values", "crash", "reach", "process", "wire", "once", "life"];

/// A library with its manifest beside it, in a folder of its own.
pub struct Fixture {
    pub folder: PathBuf,
    pub library: PathBuf,
    pub manifest: PathBuf,
}

/// Builds the library of a manifest; `variant` names the folder, `defines` change `entry.c`.
pub fn build(variant: &str, manifest: &Value, defines: &[&str]) -> Fixture {
    let name = manifest["name"].as_str().unwrap();
    let fixture = Fixture::new(variant, name, manifest);
    // What a JSON text of plain ASCII needs to be a C string is what JSON itself does.
    let text = in_ascii(&serde_json::to_string(manifest).unwrap());
    let literal = serde_json::to_string(&text).unwrap();
    fs::write(fixture.folder.join("manifest.inc"), literal).unwrap();
    let entry = fixture.folder.join("entry.o");
    let mut command = compiler();
    command.args(defines.iter().map(|define| format!("-D{define}")));
    command.arg("-I").arg(&fixture.folder).arg("-c").arg(format!("{SOURCES}/entry.c"));
    finish(command.arg("-o").arg(&entry));
    let mut link = Command::new("cc");
    link.args(["-shared", "-pthread", "-o"]).arg(&fixture.library).arg(&entry).args(acts());
    finish(&mut link);
    fixture
}

/// Builds a library from one Rust file, without the SDK and so without its barrier against panics.
pub fn build_rust(variant: &str, manifest: &Value, source: &str) -> Fixture {
    let name = manifest["name"].as_str().unwrap();
    let fixture = Fixture::new(variant, name, manifest);
    let text = fixture.folder.join("manifest.txt");
    fs::write(&text, serde_json::to_string(manifest).unwrap()).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", "fixture"]);
    command.arg(format!("{SOURCES}/{source}"));
    command.env("MANIFEST", &text).arg("-o").arg(&fixture.library);
    finish(&mut command);
    fixture
}

impl Fixture {
    fn new(variant: &str, name: &str, manifest: &Value) -> Fixture {
        let folder = folder().join(variant);
        fs::create_dir_all(&folder).unwrap();
        let bare = name.replace('-', "_");
        let fixture = Fixture {
            library: folder.join(format!("lib{bare}{}", std::env::consts::DLL_SUFFIX)),
            manifest: folder.join(format!("{name}.json")),
            folder,
        };
        fixture.describe(manifest);
        fixture
    }

    /// Writes another manifest beside the library.
    pub fn describe(&self, manifest: &Value) {
        fs::write(&self.manifest, serde_json::to_string_pretty(manifest).unwrap()).unwrap();
    }
}

/// Where this test's fixtures are built: emptied once, then shared by its threads. A test that has a
/// process of its own, as cargo-nextest runs it, has a folder of its own.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let test = test.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = crate::stage::kept_folder(&test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// The acts, compiled once.
fn acts() -> &'static [PathBuf] {
    static OBJECTS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let object = |name: &&str| {
            let object = folder().join(format!("{name}.o"));
            let mut command = compiler();
            command.arg("-c").arg(format!("{SOURCES}/{name}.c")).arg("-o").arg(&object);
            finish(&mut command);
            object
        };
        ACTS.iter().map(object).collect()
    })
}

/// Without optimisation: what is wrong on purpose stays as it is written.
fn compiler() -> Command {
    let mut command = Command::new("cc");
    command.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-O0", "-fPIC", "-I", HEADERS]);
    command
}

/// The same JSON without letters beyond ASCII.
fn in_ascii(json: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii() => c.to_string(),
        c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    json.chars().map(letter).collect()
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}
