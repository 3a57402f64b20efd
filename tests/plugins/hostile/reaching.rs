//! Plugins that reach for files, the network and other processes that nobody granted them.

use super::cases::hostile;
use crate::hostile::scene::{CANARY, Scene};
use crate::hostile::{build, manifests};
use crate::stage::say;

/// What ends the worker.
const ENDED: [&str; 9] = [
    "socket_inet",
    "socket_inet6",
    "socket_netlink",
    "socket_vsock",
    "exec_sh",
    "reads_parent",
    "traces_parent",
    "number_of_32_bits",
    "number_of_x32",
];

/// What is refused, and how.
const REFUSED: [(&str, &str); 27] = [
    ("socket_unix", "EACCES"),
    ("read_passwd", "EACCES"),
    ("write_temporary", "EACCES"),
    ("terminal", "EACCES"),
    ("fork_bomb", "0"),
    ("runs_sh", "32512"),
    ("clones", "EPERM"),
    ("clones_3", "ENOSYS"),
    ("opens_memory_of_parent", "EACCES"),
    ("opens_environment_of_parent", "EACCES"),
    ("kills_parent", "EPERM"),
    ("kills_thread_of_parent", "EPERM"),
    ("queues_to_parent", "EPERM"),
    ("kills_by_descriptor", "EPERM"),
    ("signals_by_descriptor", "EPERM"),
    ("limits_parent", "EPERM"),
    ("slows_parent", "EPERM"),
    ("outlives_parent", "EPERM"),
    ("outlives_by_user", "EPERM"),
    ("shared_memory", "EPERM"),
    ("joins_shared_memory", "EPERM"),
    ("message_queue", "EPERM"),
    ("semaphores", "EPERM"),
    ("named_queue", "EPERM"),
    ("memory_file", "EPERM"),
    ("environment", "0 variables, no canary"),
    ("no_such_secret", "-6"),
];

/// What is done to a file that is there.
const TO_FILES: [&str; 6] =
    ["read_file", "write_file", "truncate_file", "remove_file", "rename_file", "list_folder"];

#[test]
fn what_nobody_has_reason_for_ends_the_worker() {
    let scene = hostile("reach-ended", "");
    for act in ENDED {
        scene.script(&format!(r#"hostile::bad("{act}")"#)).expect(1, "plugin.not_granted");
        let body = format!(
            r#"let met = ""; try {{ hostile::bad("{act}") }} catch (e) {{ met = e.code; }}
            #{{ met: met, good: hostile::good("still here") }}"#
        );
        let after = scene.script(&body).expect(0, "");
        assert_eq!(after.result()["met"], "plugin.not_granted", "{act}");
        assert_eq!(after.result()["good"], "still here", "{act}");
        scene.verify();
        say(&format!("{act:<27} → plugin.not_granted → 1 → still here"));
    }
}

#[test]
fn what_is_not_granted_is_refused() {
    let scene = hostile("reach-refused", "");
    let mut wrong = Vec::new();
    for (act, how) in REFUSED {
        let ended = scene.script(&format!(r#"`${{hostile::bad("{act}")}}`"#));
        let found = ended.result().as_str().unwrap_or(ended.error()).to_owned();
        say(&format!("{act:<27} → {found}"));
        if found != how {
            wrong.push(format!("{act}: {found}, not {how}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    scene.verify();
}

#[test]
fn files_of_the_workspace_are_out_of_reach() {
    let scene = hostile("reach-files", "");
    scene.script(r#"hostile::good("a")"#).expect(0, "");
    let files = ["ceralacca.toml", "plugins.lock", "secrets.toml", ".ceralacca/journal.sqlite"];
    for file in files {
        let path = scene.stage.path(file);
        let before = std::fs::read(&path).unwrap();
        for act in TO_FILES {
            let refused = if act == "list_folder" { ["EACCES", "errno 20"] } else { ["EACCES"; 2] };
            let found = asked(&scene, act, &path.display().to_string());
            assert!(refused.contains(&found.as_str()), "{act} {file}: {found}");
        }
        if !file.contains("journal") {
            assert_eq!(std::fs::read(&path).unwrap(), before, "{file}");
        }
    }
    let folder = scene.stage.folder.path().display().to_string();
    for (act, path) in [
        ("list_folder", folder.clone()),
        ("list_folder", "/".to_owned()),
        ("list_folder", "/proc".to_owned()),
        ("make_folder", format!("{folder}/new")),
        ("write_file", format!("{folder}/new")),
        ("write_file", "/usr/lib/ceralacca-hostile-plugin".to_owned()),
        ("read_file", "/proc/self/mem".to_owned()),
        ("read_file", "/etc/shadow".to_owned()),
    ] {
        assert_eq!(asked(&scene, act, &path), "EACCES", "{act} {path}");
    }
    scene.verify();
}

#[test]
fn files_are_reached_as_far_as_they_are_granted() {
    let mut manifest = manifests::hostile();
    manifest["capabilities"] = serde_json::json!({ "files": true });
    let scene = Scene::new(&build("reach-granted", &manifest, &[]), "");
    let path = |name: &str| scene.stage.path(name).display().to_string();
    for name in ["in", "out", "neither"] {
        std::fs::create_dir(path(name)).unwrap();
        std::fs::write(format!("{}/a", path(name)), "a").unwrap();
    }
    // Without a word in the settings the capability grants nothing.
    assert_eq!(asked(&scene, "read_file", &path("in/a")), "EACCES");
    scene.set("[plugins.hostile]\nread = [\"in\"]\nwrite = [\"out\"]\n");
    for (act, file, how) in [
        ("read_file", "in/a", "reached"),
        ("list_folder", "in", "reached"),
        ("write_file", "in/a", "EACCES"),
        ("write_file", "in/b", "EACCES"),
        ("remove_file", "in/a", "EACCES"),
        ("write_file", "out/b", "reached"),
        ("read_file", "out/a", "reached"),
        ("read_file", "in/../out/a", "reached"),
        ("read_file", "out/../neither/a", "EACCES"),
        ("write_file", "neither/a", "EACCES"),
        ("read_file", "ceralacca.toml", "EACCES"),
    ] {
        assert_eq!(asked(&scene, act, &path(file)), how, "{act} {file}");
    }
    // A link leads to nothing that was not granted.
    std::os::unix::fs::symlink(path("neither/a"), path("in/link")).unwrap();
    assert_eq!(asked(&scene, "read_file", &path("in/link")), "EACCES");
    scene.verify();
}

#[test]
fn constructors_are_confined_too() {
    let scene =
        Scene::new(&build("reach-constructor", &manifests::hostile(), &["CONSTRUCTOR=1"]), "");
    let ended = scene.script(r#"hostile::bad("constructor")"#).expect(0, "");
    assert_eq!(ended.result(), "EACCES");
    scene.verify();
}

#[test]
fn nothing_of_the_program_is_open_in_the_worker() {
    let scene = hostile("reach-descriptors", "");
    let ended = scene.script(r#"hostile::bad("descriptors")"#).expect(0, "");
    let open: Vec<&str> = ended.result().as_str().unwrap().split_terminator(';').collect();
    let of_the_worker = |one: &&&str| {
        one.starts_with("pipe:[") || **one == "/dev/null" || one.starts_with("/memfd:ceralacca")
    };
    let others: Vec<_> = open.iter().filter(|one| !of_the_worker(one)).collect();
    assert!(others.is_empty() && open.len() <= 6, "{open:?}");
}

#[test]
fn a_variable_that_is_granted_is_there_and_no_other() {
    let mut manifest = manifests::hostile();
    manifest["capabilities"] =
        serde_json::json!({ "environment": ["HOSTILE_CANARY", "HOSTILE_NONE"] });
    let scene = Scene::new(&build("reach-environment", &manifest, &[]), "");
    let body =
        format!(r#"let text = hostile::bad("environment"); text == "1 variables, {CANARY}""#);
    assert_eq!(scene.script(&body).expect(0, "").result(), true);
}

fn asked(scene: &Scene, act: &str, path: &str) -> String {
    let ended = scene.script(&format!(r#"hostile::bad("{act}", "{path}")"#)).expect(0, "");
    ended.result().as_str().unwrap().to_owned()
}
