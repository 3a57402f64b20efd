//! Libraries and manifests that are swapped or could be swapped after they were locked.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::cases::hostile;
use crate::hostile::scene::{Ended, Scene, kill, spawned, until, workers};
use crate::hostile::{build, manifests};
use crate::stage::say;

const GOOD: &str = r#"hostile::good("a")"#;

#[test]
fn a_library_that_was_renamed_into_place() {
    let scene = hostile("pinned-renamed", "");
    let library = installed(&scene, "libhostile.so");
    let other = build("pinned-other", &manifests::hostile(), &["CONSTRUCTOR=3"]);
    let copy = library.with_extension("copy");
    fs::copy(&other.library, &copy).unwrap();
    fs::rename(&copy, &library).unwrap();
    refused(&scene, "plugin.changed", "library renamed into place");
}

#[test]
fn a_library_that_was_written_in_place() {
    let scene = hostile("pinned-written", "");
    let library = installed(&scene, "libhostile.so");
    let mut file = fs::OpenOptions::new().write(true).open(&library).unwrap();
    file.seek(SeekFrom::End(-1)).unwrap();
    file.write_all(b"!").unwrap();
    drop(file);
    refused(&scene, "plugin.changed", "library written in place");
}

#[test]
fn a_library_that_is_a_link_or_has_company() {
    let scene = hostile("pinned-link", "");
    let library = installed(&scene, "libhostile.so");
    let elsewhere = scene.stage.path("elsewhere.so");
    fs::rename(&library, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &library).unwrap();
    refused(&scene, "plugin.layout", "library behind a link");
    fs::remove_file(&library).unwrap();
    fs::copy(&elsewhere, &library).unwrap();
    fs::copy(&elsewhere, library.with_file_name("another.so")).unwrap();
    refused(&scene, "plugin.layout", "two libraries");
    fs::remove_file(library.with_file_name("another.so")).unwrap();
    fs::rename(&library, library.with_file_name("renamed.so")).unwrap();
    refused(&scene, "plugin.layout", "library under another name");
}

#[test]
fn a_manifest_that_was_swapped() {
    let scene = hostile("pinned-manifest", "");
    let manifest = installed(&scene, "hostile.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut other = manifests::hostile();
    other["capabilities"] = serde_json::json!({ "network": true });
    fs::write(&manifest, serde_json::to_string_pretty(&other).unwrap()).unwrap();
    refused(&scene, "plugin.changed", "manifest with more capabilities");
    // Not even a space: the file is what was pinned.
    fs::write(&manifest, format!("{text} ")).unwrap();
    refused(&scene, "plugin.changed", "manifest with a space more");
    fs::write(&manifest, &text).unwrap();
    scene.script(GOOD).expect(0, "");
}

/// Locking it anew asks the library: a manifest that lies does not get past it.
#[test]
fn a_lock_on_a_manifest_that_lies() {
    let scene = hostile("pinned-lying", "");
    let mut other = manifests::hostile();
    other["capabilities"] = serde_json::json!({ "network": true });
    let text = serde_json::to_string_pretty(&other).unwrap();
    fs::write(installed(&scene, "hostile.json"), text).unwrap();
    let locked = scene.stage.run(&["plugin", "lock", "hostile", "--json"]);
    assert_eq!(locked.error_code(), "plugin.manifest_differs");
    refused(&scene, "plugin.changed", "manifest that lies, locked anew");
}

#[test]
fn what_others_can_write_to_is_not_loaded() {
    let scene = hostile("pinned-modes", "");
    let places = [
        "plugins/hostile/libhostile.so",
        "plugins/hostile/hostile.json",
        "plugins.lock",
        "plugins/hostile",
        "plugins",
        "",
    ];
    for place in places {
        let path = scene.stage.path(place);
        let before = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        // A workspace may be shared with a group, which may change its scripts as well.
        let wider: &[u32] = if place.is_empty() { &[0o002] } else { &[0o002, 0o020] };
        for wider in wider {
            set(&path, before | wider);
            let ended = refused(&scene, "plugin.writable_by_others", &format!("mode of {place:?}"));
            assert!(ended.contains("chmod go-w"), "{ended}");
            set(&path, before);
        }
    }
    scene.script(GOOD).expect(0, "");
}

#[test]
fn locks_that_are_none() {
    let scene = hostile("pinned-locks", "");
    let path = scene.stage.path("plugins.lock");
    let text = fs::read_to_string(&path).unwrap();
    let wrong = [
        "\0".to_owned(),
        "[[plugin]]\nname = 1\n".to_owned(),
        text.replace("libhostile.so", "../../elsewhere.so"),
        text.replace("name = \"hostile\"", "name = \"../hostile\""),
        format!("{text}{text}"),
        "x".repeat(2 << 20),
    ];
    for lock in wrong {
        fs::write(&path, &lock).unwrap();
        let shown: String = lock.chars().take(20).collect();
        refused(&scene, "plugin.lock_unreadable", &format!("lock {shown:?}"));
    }
    fs::write(&path, "").unwrap();
    // Nothing is locked, so the namespace is unknown; the folder alone is no trust.
    let ended = scene.script(GOOD);
    assert_ne!(ended.code, Some(0), "{}", ended.text());
    say(&format!("empty lock → {} → {:?}", ended.error(), ended.code));
    let listed = scene.stage.run(&["plugin", "list", "--json"]).json();
    assert_eq!(listed["plugins"][0]["state"], "not locked");
}

/// The library is swapped while the program runs: what was hashed is loaded, again and again.
#[test]
fn a_library_that_is_swapped_while_a_script_runs() {
    let fixture = build("pinned-running", &manifests::outside(), &[]);
    let scene = Scene::with_folder(&fixture, "");
    let body = r#"let met = "";
        try { outside::holds_secret() } catch (e) { met = e.code; }
        #{ met: met, good: outside::good("the same") }"#;
    let program = spawned(&mut scene.script_command(body, &[]));
    let folder = scene.stage.path("outside");
    until("it holds", || folder.join("holds").exists());
    fs::write(scene.stage.path("plugins/outside/liboutside.so"), "swapped").unwrap();
    let workers = workers(program.id());
    assert_eq!(workers.len(), 1);
    kill(workers[0]);
    let ended = Ended::of_child(program).expect(0, "");
    assert_eq!(ended.result()["met"], "plugin.died");
    assert_eq!(ended.result()["good"], "the same");
    refused(&scene, "plugin.changed", "library swapped while running");
}

fn installed(scene: &Scene, file: &str) -> PathBuf {
    scene.stage.path("plugins").join(&scene.namespace).join(file)
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A script that uses the plugin is refused with this code; `list` says the same, where it can.
fn refused(scene: &Scene, code: &str, what: &str) -> String {
    let good = format!(r#"{}::good("a")"#, scene.namespace);
    let ended = scene.script(&good);
    assert_eq!((ended.code, ended.error()), (Some(1), code), "{what}: {}", ended.text());
    let listed = scene.stage.run(&["plugin", "list", "--json"]);
    let said = listed.stdout.clone();
    assert!(said.contains(code), "{what}: {said}");
    say(&format!("{what:<32} → {code} → 1"));
    ended.text()
}
