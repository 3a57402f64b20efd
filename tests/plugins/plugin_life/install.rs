//! Installing, listing, locking and removing, to the end and interrupted anywhere.

use std::fs;

use serde_json::Value;

use crate::hostile::scene::{Scene, path};
use crate::hostile::{Fixture, build, manifests};
use crate::stage::kill::killed_at;
use crate::stage::{Stage, golden, say};

/// More points than any command passes.
const TOO_MANY: u32 = 100;

const GOOD: &str = r#"outside::good("still here")"#;

pub(crate) fn version(variant: &str, version: &str) -> Fixture {
    let mut manifest = manifests::outside();
    manifest["version"] = version.into();
    build(variant, &manifest, &[])
}

#[test]
fn a_life_as_it_is_typed() {
    let stage = Stage::embedded();
    let (first, second) = (version("typed-1", "1.0.0"), version("typed-2", "1.1.0"));
    let mut text = String::new();
    let mut types = |arguments: &[&str], code: i32| {
        let finished = stage.run(arguments);
        let said = format!("{}{}", finished.stderr, finished.stdout);
        assert_eq!(finished.code, Some(code), "{arguments:?}\n{said}\nso far:\n{text}");
        text.push_str(&format!("$ ceralacca {}\n{said}[exit {code}]\n\n", arguments.join(" ")));
    };
    let install = |fixture: &Fixture| fixture.library.to_str().unwrap().to_owned();
    let (old, new) = (install(&first), install(&second));
    types(&["plugin", "list"], 0);
    types(&["plugin", "install", &old], 1);
    types(&["plugin", "install", &old, "--approve"], 0);
    types(&["plugin", "list"], 0);
    types(&["api", "outside"], 0);
    types(&["plugin", "install", &new, "--approve"], 0);
    types(&["plugin", "list"], 0);
    fs::write(stage.path("plugins/outside/liboutside.so"), "something else").unwrap();
    types(&["plugin", "list"], 0);
    types(&["plugin", "lock", "outside"], 1);
    fs::copy(&new, stage.path("plugins/outside/liboutside.so")).unwrap();
    types(&["plugin", "lock", "outside"], 0);
    types(&["plugin", "remove", "outsite"], 2);
    types(&["plugin", "remove", "outside"], 0);
    types(&["plugin", "list"], 0);
    assert!(!stage.path("plugins/outside").exists());
    let confinement = stage.run(&["plugin", "list", "--json"]).json()["confinement"].clone();
    let confinement = confinement.as_str().unwrap();
    let folder = stage.folder.path();
    let canonical = folder.canonicalize().unwrap().display().to_string();
    let replace = [
        (confinement, "CONFINEMENT"),
        (canonical.as_str(), "WORKSPACE"),
        (path(folder), "WORKSPACE"),
        (path(&first.folder), "VENDOR/1.0.0"),
        (path(&second.folder), "VENDOR/1.1.0"),
    ];
    golden::check("tests/golden/plugin_life.transcript", &golden::steady(&text, &replace));
}

#[test]
fn what_is_pinned_is_in_the_lock_and_in_the_journal() {
    let scene = Scene::new(&version("pins", "1.0.0"), "");
    scene.script(GOOD).expect(0, "");
    let lock = fs::read_to_string(scene.stage.path("plugins.lock")).unwrap();
    let started = scene.stage.journal().first().unwrap()["event"]["started"].clone();
    let pins = started["plugins"].as_array().unwrap();
    assert_eq!(pins.len(), 1);
    for name in ["library_sha256", "manifest_sha256"] {
        let pinned = pins[0][name].as_str().unwrap();
        assert!(pinned.len() == 64 && lock.contains(&format!("{name} = \"{pinned}\"")), "{lock}");
    }
}

/// Killed at every rename and write of an update: the old version or the new one, never a mixture.
#[test]
fn an_update_that_is_killed_anywhere() {
    let (first, second) = (version("killed-1", "1.0.0"), version("killed-2", "2.0.0"));
    let mut seen = Vec::new();
    let mut versions = Vec::new();
    for point in 1.. {
        assert!(point < TOO_MANY, "it never finishes: {seen:?}");
        let scene = Scene::new(&first, "");
        let install = ["plugin", "install", path(&second.library), "--approve"];
        let Some(name) = killed_at(&mut scene.command(&install), point) else { break };
        let place = format!("killed at point {point}, {name}");
        let ended = scene.script(GOOD).expect(0, "");
        assert_eq!(ended.result(), "still here", "{place}");
        let found = ready(&scene, &place);
        // Given again, the command finishes its work.
        scene.install(&second).expect_success();
        assert_eq!(ready(&scene, &place), "2.0.0", "{place}");
        assert_eq!(in_folder(&scene), ["liboutside.so", "outside.json"], "{place}");
        assert_eq!(beside(&scene), ["outside"], "{place}");
        versions.push(found);
        seen.push(name);
    }
    assert!(versions.windows(2).all(|pair| pair[0] <= pair[1]), "{versions:?}");
    assert!(versions.contains(&"1.0.0".to_owned()) && versions.contains(&"2.0.0".to_owned()));
    say(&format!("an update was killed at {} points: {seen:#?}", seen.len()));
}

#[test]
fn a_first_install_that_is_killed_anywhere() {
    let fixture = version("killed-first", "1.0.0");
    let mut count = 0;
    for point in 1.. {
        assert!(point < TOO_MANY, "it never finishes");
        let stage = Stage::embedded();
        let install = ["plugin", "install", path(&fixture.library), "--approve"];
        let Some(name) = killed_at(&mut stage.command(&install), point) else { break };
        let scene = Scene { stage, namespace: "outside".to_owned() };
        let ended = scene.script(GOOD);
        let place = format!("killed at point {point}, {name}: {}", ended.text());
        let unknown = ["workflow.unknown_namespace", "plugin.not_locked"].contains(&ended.error());
        assert!(ended.code == Some(0) || unknown, "{place}");
        scene.install(&fixture).expect_success();
        assert_eq!(ready(&scene, &place), "1.0.0", "{place}");
        assert_eq!(beside(&scene), ["outside"], "{place}");
        count += 1;
    }
    say(&format!("a first install was killed at {count} points"));
}

#[test]
fn a_removal_that_is_killed_anywhere() {
    let fixture = version("killed-removal", "1.0.0");
    let mut count = 0;
    for point in 1.. {
        assert!(point < TOO_MANY, "it never finishes");
        let scene = Scene::new(&fixture, "");
        let remove = ["plugin", "remove", "outside"];
        let Some(name) = killed_at(&mut scene.command(&remove), point) else { break };
        let place = format!("killed at point {point}, {name}");
        let again = scene.stage.run(&remove);
        let gone = again.stderr.contains("plugin.unknown");
        assert!(again.code == Some(0) || gone, "{place}: {}", again.stderr);
        assert!(!scene.stage.path("plugins/outside").exists(), "{place}");
        assert_eq!(beside(&scene), [""; 0], "{place}");
        let listed = scene.stage.run(&["plugin", "list", "--json"]).json();
        assert_eq!(listed["plugins"], serde_json::json!([]), "{place}");
        count += 1;
    }
    say(&format!("a removal was killed at {count} points"));
}

#[test]
fn two_commands_at_once() {
    let fixture = version("at-once", "1.0.0");
    let scene = Scene::new(&fixture, "");
    let install = ["plugin", "install", path(&fixture.library), "--approve", "--json"];
    let mut command = scene.command(&install);
    command.env("CERALACCA_CRASH_POINT", "2");
    let mut held = crate::hostile::scene::spawned(&mut command);
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(held.stderr.take().unwrap()));
    assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("crash point 2"))));
    let second = scene.install(&fixture);
    assert_eq!((second.code, second.error_code().as_str()), (Some(1), "plugin.busy"));
    held.kill().unwrap();
    held.wait().unwrap();
    scene.install(&fixture).expect_success();
}

/// The one plugin of the list, which is ready; gives its version.
fn ready(scene: &Scene, place: &str) -> String {
    let listed = scene.stage.run(&["plugin", "list", "--json"]).json();
    let plugins = listed["plugins"].as_array().unwrap();
    assert_eq!(plugins.len(), 1, "{place}: {listed}");
    assert_eq!(plugins[0]["state"], "ready", "{place}: {listed}");
    let version = &plugins[0]["about"]["version"];
    matches!(version, Value::String(_)).then(|| version.as_str().unwrap().to_owned()).unwrap()
}

fn in_folder(scene: &Scene) -> Vec<String> {
    names(scene, "plugins/outside")
}

/// What is in the folder of plugins, but for the file that commands hold.
fn beside(scene: &Scene) -> Vec<String> {
    names(scene, "plugins").into_iter().filter(|name| name != ".lock").collect()
}

fn names(scene: &Scene, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(scene.stage.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
