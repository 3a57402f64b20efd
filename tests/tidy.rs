//! The repository's own rules, checked on its text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Crates that each crate may depend on: ARCHITECTURE.md, "Arrows".
const ARROWS: [(&str, &[&str]); 24] = [
    ("ber", &[]),
    ("kernel", &[]),
    ("archive", &["kernel"]),
    ("identity", &["kernel"]),
    ("journal", &["kernel"]),
    ("keystore", &["identity", "kernel", "ber"]),
    ("environment", &["keystore", "identity", "kernel"]),
    ("signing", &["keystore", "identity", "kernel", "ber"]),
    ("timestamp", &["signing", "keystore", "identity", "kernel", "ber"]),
    ("inspect", &["timestamp", "signing", "keystore", "identity", "kernel", "ber"]),
    ("xml", &["timestamp", "signing", "keystore", "identity", "kernel"]),
    ("submission", &["signing", "environment", "keystore", "identity", "kernel", "ber"]),
    ("hand-off", &["submission", "signing", "keystore", "identity", "kernel", "ber"]),
    ("net", &["submission", "timestamp", "signing", "keystore", "identity", "kernel"]),
    (
        "sandbox",
        &["submission", "xml", "timestamp", "signing", "keystore", "identity", "kernel", "ber"],
    ),
    ("sdk", &["kernel", "plugin-abi"]),
    ("codice-fiscale", &["plugin-sdk"]),
    ("pkcs11", &["plugin-sdk"]),
    ("sftp", &["plugin-sdk", "submission", "signing", "keystore", "identity", "kernel", "ber"]),
    ("plugin-abi", &[]),
    (
        "plugin-host",
        &[
            "plugin-abi",
            "submission",
            "xml",
            "timestamp",
            "signing",
            "keystore",
            "identity",
            "kernel",
        ],
    ),
    ("engine-rhai", &["kernel"]),
    ("engine-lua", &["kernel"]),
    (
        "cli",
        &[
            "engine-rhai",
            "engine-lua",
            "net",
            "hand-off",
            "plugin-host",
            "sandbox",
            "journal",
            "submission",
            "archive",
            "inspect",
            "xml",
            "timestamp",
            "signing",
            "environment",
            "keystore",
            "identity",
            "kernel",
        ],
    ),
];

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 60;
const LONGEST_WORKFLOW: usize = 60;
const MOST_LINES: usize = 8_000;
const MOST_FILES: usize = 40;

#[test]
fn crates_depend_only_along_the_arrows() {
    let allowed: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let mut problems = Vec::new();
    let plugins = files("plugins", "Cargo.toml");
    for manifest in files("core", "Cargo.toml").into_iter().chain(plugins) {
        let name = folder_name(&manifest);
        if manifest.starts_with("plugins/templates") {
            continue;
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            problems.push(format!("{name} has no arrows in this test"));
            continue;
        };
        let text = read(&manifest);
        let dependencies = text.split("[dev-dependencies]").next().unwrap_or_default();
        for line in dependencies.lines() {
            if let Some(rest) = line.strip_prefix("ceralacca-") {
                let used = rest.split(['.', ' ', '=']).next().unwrap_or_default();
                if !allowed.contains(&used) {
                    problems.push(format!("{name} → {used}"));
                }
            }
        }
    }
    none(&problems, "arrows that ARCHITECTURE.md does not have");
}

#[test]
fn every_dependency_says_what_it_saves() {
    let manifest = read(Path::new("Cargo.toml"));
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let silent: Vec<_> = section
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with("ceralacca-"))
        .filter(|line| !line.contains(" # "))
        .map(str::to_owned)
        .collect();
    none(&silent, "dependencies without a reason");
}

#[test]
fn files_and_functions_are_short_and_say_what_they_are() {
    let mut problems = Vec::new();
    for path in sources() {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") {
            problems.push(format!("{}: no `//!` on its first line", path.display()));
        }
        let lines = text.lines().count();
        let first_paragraph = text.split("\n//!\n").next().unwrap_or_default();
        if lines > LONGEST_FILE && !first_paragraph.contains("stays whole") {
            problems.push(format!("{}: {lines} lines", path.display()));
        }
        for (name, length) in functions(&text) {
            if length > LONGEST_FUNCTION {
                problems.push(format!("{}: fn {name} has {length} lines", path.display()));
            }
        }
    }
    none(&problems, "files or functions that are too long or say nothing");
}

#[test]
fn crates_are_small_or_say_why_they_stay_whole() {
    let mut reasons = reasons_to_stay_whole(&read(Path::new("ARCHITECTURE.md")));
    let mut problems = Vec::new();
    for manifest in files("core", "Cargo.toml") {
        let name = format!("core/{}", folder_name(&manifest));
        let sources = files(&name, ".rs");
        let lines: usize = sources.iter().map(|path| read(path).lines().count()).sum();
        let large = lines > MOST_LINES || sources.len() > MOST_FILES;
        let size = format!("{name}: {lines} lines in {} files", sources.len());
        match (large, reasons.remove(&name)) {
            (true, None) => problems.push(format!("{size}, and no reason in ARCHITECTURE.md")),
            (false, Some(_)) => problems.push(format!("{size}, which needs no reason any more")),
            _ => {}
        }
    }
    problems.extend(reasons.into_keys().map(|name| format!("{name} is no crate")));
    none(&problems, "crates too large, or reasons too many");
}

/// The rows of the one table that gives reasons; a reason is a sentence.
fn reasons_to_stay_whole(text: &str) -> BTreeMap<String, String> {
    let table = text.split("| crate | why it stays whole |\n|---|---|\n").nth(1);
    let rows = table.unwrap_or_default().lines().take_while(|line| line.starts_with('|'));
    let rows = rows.filter_map(|row| {
        let (name, reason) = row.trim_matches('|').split_once('|')?;
        let is_sentence = reason.split_whitespace().count() >= 8;
        is_sentence.then(|| (name.trim().trim_matches('`').to_owned(), reason.trim().to_owned()))
    });
    rows.collect()
}

#[test]
fn workflows_are_short() {
    let long: Vec<_> = ["scripts", "examples"]
        .into_iter()
        .flat_map(|folder| files(folder, ".rhai").into_iter().chain(files(folder, ".lua")))
        .filter(|path| !path.ends_with("ceralacca.d.rhai"))
        .filter(|path| read(path).lines().count() >= LONGEST_WORKFLOW)
        .map(|path| path.display().to_string())
        .collect();
    none(&long, "workflows of 60 lines or more");
}

#[test]
fn names_explain() {
    let empty = ["util", "utils", "common", "misc", "helper", "helpers", "manager"];
    let bad: Vec<_> = sources()
        .into_iter()
        .filter(|path| {
            path.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                empty.contains(&part.trim_end_matches(".rs"))
            })
        })
        .map(|path| path.display().to_string())
        .collect();
    none(&bad, "names that explain nothing");
}

/// Text that may stand only in the crates named, and why.
const ONLY_IN: [(&[&str], &[&str], &str); 6] = [
    (&["println!(", "eprintln!(", "print!(", "std::io::stdout"], &["cli"], "printing"),
    (&["Timestamp::now(", "SystemTime::now(", "Instant::now("], &["cli"], "the clock"),
    (&["TcpStream::connect", "UdpSocket", "reqwest::"], &["net"], "client sockets"),
    (&["TcpListener"], &["net", "sandbox", "cli"], "listening"),
    (&["RsaPrivateKey"], &[], "private-key operations of the rsa crate (RUSTSEC-2023-0071)"),
    (&["todo!(", "unimplemented!(", "dbg!(", "allow(dead_code", "#[ignore"], &[], "stubs"),
];

#[test]
fn the_world_is_reached_only_where_it_may_be() {
    let mut problems = Vec::new();
    for path in sources().into_iter().filter(|path| is_product(path)) {
        let name = crate_of(&path);
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (words, allowed, what) in ONLY_IN {
            for word in words {
                let used = code
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(word));
                if used && !allowed.contains(&name.as_str()) {
                    problems.push(format!("{}: {what} ({word})", path.display()));
                }
            }
        }
    }
    none(&problems, "doors to the world where none may be");
}

/// Where files are opened besides `core/kernel/src/regular_file.rs`, and why.
const OPENED_ELSEWHERE: [(&str, &str); 5] = [
    ("core/kernel/src/atomic_file.rs", "folders are synced"),
    ("core/cli/src/secrets.rs", "descriptors that this process was given, pipes too"),
    ("core/plugin-host/src/pipes.rs", "/dev/null for a worker"),
    ("core/plugin-host/src/image.rs", "its own copy in a folder of its own"),
    ("plugins/sdk/src/harness.rs", "the files of a test"),
];

#[test]
fn files_are_opened_in_one_place() {
    let openings =
        ["File::open(", "File::create(", "fs::read(", "fs::read_to_string(", "fs::copy("];
    let options = ["options.open(", "File::options("];
    let mut problems = Vec::new();
    let product =
        |path: &PathBuf| is_product(path) || path.starts_with("plugins") && !is_of_tests(path);
    for path in sources().into_iter().filter(product) {
        let allowed = OPENED_ELSEWHERE.iter().any(|(file, _)| path == Path::new(file));
        if allowed || path.ends_with("regular_file.rs") {
            continue;
        }
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if code.contains("OpenOptions::new()") && !code.contains("regular_file::open_with(") {
            problems.push(format!("{}: OpenOptions::new()", path.display()));
        }
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            // `NewFile` is a type of its own, which never takes a name that is there.
            let line = line.replace("regular_file::", "").replace("NewFile::", "");
            for word in openings.iter().chain(&options).filter(|word| line.contains(**word)) {
                problems.push(format!("{}: {word}", path.display()));
            }
        }
    }
    none(&problems, "files opened elsewhere than in core/kernel/src/regular_file.rs");
}

#[test]
fn every_error_code_is_in_one_place_and_well_formed() {
    let mut seen: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in sources().into_iter().filter(|path| is_product(path)) {
        for code in error_codes(&read(&path)) {
            seen.entry(code).or_default().insert(path.clone());
        }
    }
    assert!(seen.len() > 40, "the search finds error codes: {}", seen.len());
    let shared: Vec<_> = seen
        .iter()
        .filter(|(_, paths)| paths.len() > 1)
        .map(|(code, paths)| format!("{code}: {paths:?}"))
        .collect();
    none(&shared, "error codes worded in two places");
}

/// What only tests may switch on, the one file that knows it, and what keeps it out of release builds.
const SEAMS: [(&str, &str, &str, &str); 2] = [
    (
        "CERALACCA_CRASH_POINT",
        "core/kernel/src/crash_point.rs",
        "core/kernel/src/crash_point.rs",
        "#[cfg(debug_assertions)]\nmod armed {",
    ),
    (
        "CERALACCA_TEST_KEYS",
        "core/keystore/src/made_before.rs",
        "core/keystore/src/lib.rs",
        "#[cfg(debug_assertions)]\nmod made_before;",
    ),
];

#[test]
fn what_tests_switch_on_is_in_no_release_build() {
    let product: Vec<PathBuf> = sources().into_iter().filter(|path| is_product(path)).collect();
    for (variable, file, declared_in, guard) in SEAMS {
        let know = product.iter().filter(|path| read(path).contains(variable));
        assert_eq!(know.collect::<Vec<_>>(), [Path::new(file)], "{variable}");
        assert!(read(Path::new(declared_in)).contains(guard), "{declared_in}: {guard}");
    }
    let armed = read(Path::new("core/kernel/src/crash_point.rs"));
    let (before, _) = armed.split_once("mod armed {").unwrap();
    assert!(!before.contains("env::var"), "nothing is asked outside of it");
    assert!(!read(Path::new("Cargo.toml")).contains("debug-assertions"), "a profile turns them on");
}

/// Text literals that follow `Report::refused(` and its siblings.
fn error_codes(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    ["Report::refused(", "Report::usage(", "Report::unknown(", "Report::waiting("]
        .into_iter()
        .flat_map(|start| code.split(start).skip(1))
        .filter_map(|rest| {
            rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)
        })
        .filter(|code| code.contains('.') && !code.contains(' '))
        .collect()
}

/// Name and length in lines of each function, by its indentation.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let is_function = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "async fn ",
            "pub(crate) async fn ",
            "pub async fn ",
            "const fn ",
            "pub const fn ",
        ]
        .iter()
        .any(|keyword| trimmed.starts_with(keyword));
        let mut signature = lines[start..].iter().map(|line| line.trim_end());
        let has_body = signature
            .find(|line| line.ends_with(['{', ';', '}']))
            .is_some_and(|line| !line.ends_with(';'));
        if !is_function || !has_body {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|line| *line == close);
        if let Some(length) = end {
            let name = trimmed.split("fn ").nth(1).unwrap_or_default();
            let name = name.split(['(', '<']).next().unwrap_or_default();
            found.push((name.to_owned(), length + 1));
        }
    }
    found
}

fn sources() -> Vec<PathBuf> {
    ["core", "tests", "plugins"].into_iter().flat_map(|folder| files(folder, ".rs")).collect()
}

/// Whether a source file is part of the program, not of its tests.
fn is_product(path: &Path) -> bool {
    path.starts_with("core") && !is_of_tests(path)
}

fn is_of_tests(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part == "tests"
            || part == "tests.rs"
            || part.ends_with("_tests.rs")
            || part == "fixtures.rs"
    })
}

fn crate_of(path: &Path) -> String {
    path.components()
        .nth(1)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn folder_name(manifest: &Path) -> String {
    let folder = manifest.parent().and_then(Path::file_name);
    folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Files below `folder` whose name ends so.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn none(problems: &[String], what: &str) {
    assert!(problems.is_empty(), "{what}:\n  {}", problems.join("\n  "));
}
