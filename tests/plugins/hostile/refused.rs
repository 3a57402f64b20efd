//! Libraries that are refused before anything is asked of them, in words that people understand.

use serde_json::{Value, json};

use crate::hostile::scene::{Ended, Scene, path};
use crate::hostile::{Fixture, build, manifests};
use crate::stage::{Stage, say};

/// What differs in the library, the error's code, and a text of it.
const LIBRARIES: [(&str, &str, &str, &str); 13] = [
    ("other-magic", "MAGIC=0x1122334455667788", "plugin.not_loaded", ""),
    ("other-major", "MAJOR=2", "plugin.wrong_abi", "contract 2.0"),
    ("major-zero", "MAJOR=0", "plugin.wrong_abi", "contract 0.0"),
    ("newer-minor", "MINOR=9", "plugin.wrong_abi", "contract 1.9"),
    ("no-entry", "NO_ENTRY", "plugin.not_loaded", "ceralacca_plugin_entry"),
    ("entry-small", "ENTRY_SIZE=16", "plugin.not_loaded", "16"),
    ("entry-empty", "ENTRY_SIZE=0", "plugin.not_loaded", ""),
    ("plugin-small", "PLUGIN_SIZE=8", "plugin.not_loaded", "8"),
    ("plugin-large", "PLUGIN_SIZE=4096", "plugin.not_loaded", "4096"),
    ("create-fails", "CREATE_FAILS", "hostile.no_licence", "there is no licence"),
    ("constructor-socket", "CONSTRUCTOR=2", "plugin.not_granted", "SIGSYS"),
    ("constructor-exit", "CONSTRUCTOR=3", "plugin.died", "exit code 0"),
    ("constructor-crash", "CONSTRUCTOR=4", "plugin.died", "SIGSEGV"),
];

/// What is done to a manifest, and how.
type Change = (&'static str, fn(&mut Value));

#[test]
fn libraries_that_are_no_plugin_of_this_program() {
    let stage = Stage::embedded();
    for (variant, define, code, text) in LIBRARIES {
        let fixture = build(&format!("refused-{variant}"), &manifests::hostile(), &[define]);
        refused(&stage, &fixture, code, text);
        say(&format!("install: {variant:<20} → {code} → 1"));
    }
}

#[test]
fn a_library_that_is_none() {
    let stage = Stage::embedded();
    let fixture = build("refused-text", &manifests::hostile(), &[]);
    for content in [&b"#!/bin/sh\necho owned\n"[..], b"", b"\x7fELF"] {
        std::fs::remove_file(&fixture.library).unwrap();
        std::fs::write(&fixture.library, content).unwrap();
        refused(&stage, &fixture, "plugin.not_loaded", "");
    }
}

#[test]
fn larger_structures_work() {
    let scene = Scene::new(&build("larger", &manifests::hostile(), &["LARGER"]), "");
    assert_eq!(scene.script(r#"hostile::good("a")"#).expect(0, "").result(), "a");
}

/// A manifest beside the library that says otherwise than the library.
#[test]
fn manifests_that_lie() {
    let stage = Stage::embedded();
    let fixture = build("refused-lies", &manifests::hostile(), &[]);
    let changes: [fn(&mut Value); 6] = [
        |it| it["version"] = json!("1.0.1"),
        |it| it["capabilities"] = json!({ "network": true }),
        |it| it["secrets"] = json!([]),
        |it| it["namespaces"][0]["primitives"][1]["effect"] = json!("pure"),
        |it| it["namespaces"][0]["primitives"][0]["doc"] = json!("Does better."),
        |it| it["seams"] = json!({ "agency": {} }),
    ];
    for change in changes {
        let mut manifest = manifests::hostile();
        change(&mut manifest);
        fixture.describe(&manifest);
        refused(&stage, &fixture, "plugin.manifest_differs", "");
    }
}

#[test]
fn manifests_that_are_none() {
    let stage = Stage::embedded();
    let fixture = build("refused-manifests", &manifests::hostile(), &[]);
    let changes: [Change; 9] = [
        ("form", |it| it["ceralacca_plugin"] = json!(2)),
        ("path", |it| it["name"] = json!("../hostile")),
        ("empty", |it| it["name"] = json!("")),
        ("unknown member", |it| it["trusted"] = json!(true)),
        ("capability", |it| it["capabilities"] = json!({ "root": true })),
        ("sends", |it| it["namespaces"][0]["primitives"][1]["touches"] = json!(["sends"])),
        ("pure", |it| it["namespaces"][0]["primitives"][0]["touches"] = json!(["reads"])),
        ("reconcile", |it| it["namespaces"][0]["primitives"][1]["reconcile"] = json!(true)),
        ("namespace", |it| it["namespaces"][0]["name"] = json!("a::b")),
    ];
    for (what, change) in changes {
        let mut manifest = manifests::hostile();
        change(&mut manifest);
        fixture.describe(&manifest);
        refused(&stage, &fixture, "plugin.manifest", "");
        say(&format!("manifest: {what:<20} → plugin.manifest"));
    }
    for text in ["", "{", "[]", "null", &"[".repeat(100_000), &" ".repeat(2 << 20)] {
        std::fs::write(&fixture.manifest, text).unwrap();
        refused(&stage, &fixture, "plugin.manifest", "");
    }
    std::fs::write(&fixture.manifest, b"{\"name\": \"\xff\xfe\"}").unwrap();
    refused(&stage, &fixture, "plugin.manifest", "");
    std::fs::remove_file(&fixture.manifest).unwrap();
    refused(&stage, &fixture, "plugin.no_manifest", "");
}

#[test]
fn names_that_are_taken() {
    let stage = Stage::embedded();
    let taken = [
        ("namespace", "plugin.namespace_taken", with_namespace("agency")),
        ("secret", "plugin.secret_taken", with_secret("password_esistente")),
        ("kind", "plugin.kind_taken", with_kind("environment")),
        ("kind-document", "plugin.kind_taken", with_kind("document")),
    ];
    for (what, code, manifest) in taken {
        let fixture = build(&format!("taken-{what}"), &manifest, &[]);
        refused(&stage, &fixture, code, "the program");
        say(&format!("install: taken {what:<14} → {code} → 1"));
    }
    let scene = Scene::new(&build("taken-first", &manifests::hostile(), &[]), "");
    let mut second = manifests::hostile();
    second["name"] = json!("second");
    let fixture = build("taken-second", &second, &[]);
    refused(&scene.stage, &fixture, "plugin.namespace_taken", "the plugin hostile");
    assert_eq!(scene.script(r#"hostile::good("a")"#).expect(0, "").result(), "a");
}

/// What a terminal would obey makes no manifest, wherever it stands, and is not printed.
#[test]
fn manifests_that_terminals_would_obey() {
    let places = [
        "/version",
        "/summary",
        "/namespaces/0/doc",
        "/namespaces/0/primitives/0/doc",
        "/namespaces/0/primitives/0/since",
        "/secrets/0/label",
        "/secrets/0/rule",
    ];
    let stage = Stage::embedded();
    let fixture = build("obeyed", &manifests::hostile(), &[]);
    for place in places {
        for evil in ["\u{1b}[2Jcleared", "\u{1b}]0;owned\u{7}", "a\rb", "\u{202e}txet", "\u{9b}2J"]
        {
            let mut manifest = manifests::hostile();
            *manifest.pointer_mut(place).unwrap() = json!(evil);
            fixture.describe(&manifest);
            refused(&stage, &fixture, "plugin.manifest", "");
        }
    }
    let mut manifest = manifests::hostile();
    manifest["summary"] = json!("\u{1b}[2Jcleared");
    let fixture = build("obeyed-described", &manifest, &[]);
    let asked = stage.run(&["plugin", "manifest", path(&fixture.library), "--json"]);
    Ended::of(asked).expect(1, "plugin.manifest");
}

fn with_namespace(namespace: &str) -> Value {
    let mut manifest = manifests::hostile();
    manifest["namespaces"][0]["name"] = json!(namespace);
    manifest
}

fn with_secret(secret: &str) -> Value {
    let mut manifest = manifests::hostile();
    manifest["secrets"][0]["name"] = json!(secret);
    manifest
}

fn with_kind(kind: &str) -> Value {
    let mut manifest = manifests::hostile();
    let handle = json!({ "title": format!("handle:{kind}") });
    let mut method = manifests::primitive("steal", "recorded", &[("it", handle)], &json!(true));
    method["form"] = json!("method");
    manifest["namespaces"][0]["primitives"].as_array_mut().unwrap().push(method);
    manifest
}

/// The install fails with this code and text, and leaves nothing behind.
fn refused(stage: &Stage, fixture: &Fixture, code: &str, text: &str) {
    let lock = std::fs::read(stage.path("plugins.lock")).ok();
    let folder = || -> Vec<_> {
        let entries = std::fs::read_dir(stage.path("plugins")).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.retain(|name| name != ".lock");
        names
    };
    let before = folder();
    let install = ["plugin", "install", path(&fixture.library), "--approve", "--json"];
    let ended = Ended::of(stage.run(&install)).expect(1, code);
    let said = ended.text();
    assert!(said.contains(text), "{text} is not in {said}");
    assert_eq!(folder(), before, "{said}");
    assert_eq!(std::fs::read(stage.path("plugins.lock")).ok(), lock, "{said}");
}
