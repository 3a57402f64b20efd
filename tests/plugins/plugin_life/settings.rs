//! Settings of plugins: what is granted, what is a mistake, where else plugins may be, and in-process.

use std::fs;

use super::install::version;
use crate::hostile::scene::{Ended, Scene, path};
use crate::hostile::{build, manifests};
use crate::stage::{self, Stage};

#[test]
fn mistakes_are_said_before_anything_is_loaded() {
    let scene = Scene::new(&build("settings-hostile", &manifests::hostile(), &[]), "");
    let cases = [
        ("read = [\"in\"]", "plugin.not_asked_for"),
        ("write = [\"out\"]", "plugin.not_asked_for"),
        ("timeout = \"0s\"", "settings.unreadable"),
        ("timeout = \"soon\"", "settings.unreadable"),
        ("memory = \"1 MiB\"", "settings.unreadable"),
        ("memory = \"much\"", "settings.unreadable"),
        ("network = true", "settings.unreadable"),
        ("in_process = \"yes\"", "settings.unreadable"),
    ];
    for (line, code) in cases {
        scene.set(&format!("[plugins.hostile]\n{line}\n"));
        scene.script(r#"hostile::good("a")"#).expect(2, code);
    }
    scene.set("[plugins.hostile]\ntimeout = \"1m\"\nmemory = \"1 GiB\"\n");
    scene.script(r#"hostile::good("a")"#).expect(0, "");
}

#[test]
fn a_plugin_of_the_user() {
    let fixture = version("settings-user", "1.0.0");
    let config = tempfile::tempdir().unwrap();
    let folder = config.path().join("ceralacca/plugins/outside");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(&fixture.library, folder.join("liboutside.so")).unwrap();
    fs::copy(&fixture.manifest, folder.join("outside.json")).unwrap();
    let scene = Scene { stage: Stage::embedded(), namespace: "outside".to_owned() };
    let with = |mut command: std::process::Command| {
        command.env("XDG_CONFIG_HOME", config.path());
        stage::run(&mut command)
    };
    let listed = with(scene.command(&["plugin", "list", "--json"])).json();
    assert_eq!(listed["plugins"][0]["state"], "not locked", "{listed}");
    let run = || Ended::of(with(scene.script_command(r#"outside::good("a")"#, &[])));
    assert_ne!(run().code, Some(0));
    with(scene.command(&["plugin", "lock", "outside"])).expect_success();
    assert_eq!(run().expect(0, "").result(), "a");
    fs::write(folder.join("liboutside.so"), "x").unwrap();
    run().expect(1, "plugin.changed");
}

/// In this process nothing confines a plugin: that is what the setting says.
#[test]
fn in_process_a_good_plugin_works_and_nothing_confines_it() {
    let fixture = build("settings-in-process", &manifests::hostile(), &[]);
    let scene = Scene::new(&fixture, "in_process = true");
    assert_eq!(scene.script(r#"hostile::good("a")"#).expect(0, "").result(), "a");
    // Its environment is the program's own.
    let body = r#"hostile::bad_pure("environment").ends_with("no canary")"#;
    assert_eq!(scene.script(body).expect(0, "").result(), false);
    for (act, code) in [
        ("reply_twice", "plugin.replied_twice"),
        ("never", "plugin.never_replied"),
        ("other_thread", "plugin.wrong_thread"),
        ("cbor_truncated", "plugin.malformed_reply"),
        ("handle_secret", "plugin.foreign_handle"),
        ("error_forged", "hostile.run.finished"),
    ] {
        scene.script(&format!(r#"hostile::bad("{act}")"#)).expect(1, code);
    }
    scene.verify();
}

/// It takes the program with it; what it was doing is asked about, as after any crash.
#[test]
fn in_process_a_crash_is_a_crash_of_the_program() {
    let fixture = version("settings-crash", "1.0.0");
    let scene = Scene::with_folder(&fixture, "in_process = true");
    let mut command = scene.script_command(r#"outside::once("after", "crash")"#, &[]);
    let crashed = stage::run(&mut command);
    assert_eq!(crashed.code, None, "{}{}", crashed.stdout, crashed.stderr);
    assert_eq!(scene.lines("effects"), 1);
    let resumed = scene.resume(1, &[]).expect(0, "");
    assert_eq!(resumed.result(), "it had happened");
    assert_eq!(scene.lines("effects"), 1);
    scene.verify();
}

#[test]
fn what_it_asks_for_is_shown_before_it_is_installed() {
    let fixture = version("settings-asks", "1.0.0");
    let stage = Stage::embedded();
    let refused = stage.run(&["plugin", "install", path(&fixture.library)]);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert_eq!(refused.code, Some(1), "{said}");
    for asked in ["files", "outside_secret"] {
        assert!(said.contains(asked), "{asked}: {said}");
    }
    assert!(!stage.path("plugins.lock").exists());
}
