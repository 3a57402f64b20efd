//! Plugins that are not what was pinned, or could be changed by others, or are not granted what they ask.

use std::fs;

use ceralacca::kernel::lock::FileLock;

use super::{
    after_its_description, built, deliver, install, manifest, program, prova, run, set, stops,
    typed, with_prova,
};
use crate::stage::{Stage, say};
use crate::wrong::{Place, Snapshot, check, each, untouched};

const ACT: &str = "prova::act(\"x\")";

/// Golden file, exit code, and what happened to an installed plugin.
type Change = (&'static str, i32, fn(&Stage));

const CHANGES: [Change; 11] = [
    ("plugin.changed", 1, |stage| append(stage, &library())),
    ("plugin.changed.manifest", 1, |stage| append(stage, "plugins/prova/prova.json")),
    ("plugin.missing", 1, |stage| fs::remove_dir_all(stage.path("plugins/prova")).unwrap()),
    ("plugin.not_locked", 1, |stage| fs::remove_file(stage.path("plugins.lock")).unwrap()),
    ("plugin.layout", 1, |stage| {
        fs::copy(prova(), stage.path("plugins/prova/other.so")).map(drop).unwrap()
    }),
    ("plugin.layout.none", 1, |stage| fs::remove_file(stage.path(&library())).unwrap()),
    ("plugin.unreadable", 1, |stage| {
        fs::remove_file(stage.path("plugins/prova/prova.json")).unwrap()
    }),
    ("plugin.lock_unreadable", 1, |stage| {
        fs::write(stage.path("plugins.lock"), "[[plugin]]\nname = 7\n").unwrap();
    }),
    ("plugin.lock_unreadable.twice", 1, |stage| {
        let text = fs::read_to_string(stage.path("plugins.lock")).unwrap();
        fs::write(stage.path("plugins.lock"), format!("{text}{text}")).unwrap();
    }),
    ("plugin.not_asked_for", 2, |stage| set(stage, "[plugins.prova]\nread = [\"Documenti\"]")),
    ("settings.unreadable.plugin", 2, |stage| {
        fs::write(stage.path("ceralacca.toml"), "[plugins.prova]\ntimeout = \"0s\"\n").unwrap();
    }),
];

fn library() -> String {
    format!("plugins/prova/libprova{}", std::env::consts::DLL_SUFFIX)
}

/// A byte more, by somebody who may.
fn append(stage: &Stage, file: &str) {
    let mut bytes = fs::read(stage.path(file)).unwrap();
    bytes.push(b'\n');
    fs::write(stage.path(file), bytes).unwrap();
}

#[test]
fn what_is_not_as_it_was_pinned() {
    each(CHANGES, |(case, exit, change)| {
        let stage = with_prova();
        change(&stage);
        let before = Snapshot::of(&stage.path("plugins"));
        stops(case, exit, &stage, ACT);
        untouched(case, &stage.path("plugins"), &before);
    });
}

#[cfg(unix)]
#[test]
fn what_others_could_change() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    let stage = with_prova();
    let set = |path: &str, mode: u32| {
        fs::set_permissions(stage.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (case, path, mode, before) in [
        ("plugin.writable_by_others", "plugins/prova", 0o775, 0o755),
        ("plugin.writable_by_others.lock", "plugins.lock", 0o666, 0o644),
    ] {
        set(path, mode);
        stops(case, 1, &stage, ACT);
        set(path, before);
    }
    let file = stage.path("plugins/prova/prova.json");
    if file.metadata().unwrap().uid() != 0 {
        return say("not tried: plugin.foreign_owner: only root gives files away");
    }
    chown(&file, Some(4_711), None).unwrap();
    stops("plugin.foreign_owner", 1, &stage, ACT);
}

#[test]
fn a_run_goes_on_with_the_plugins_that_it_began_with() {
    let stage = with_prova();
    assert_eq!(run(&stage, "prova::act(\"does nothing\")").code, Some(1));
    let newer = {
        let mut newer = manifest();
        newer["version"] = "1.1.0".into();
        newer
    };
    deliver(&stage, &built("newer", &["VERSION=\"1.1.0\""]), &newer);
    install(&stage).expect_success();
    let resumed = program(&stage, &["resume", "1", "--approve"]);
    check("run.other_plugin", 1, &resumed, Place::new(&stage));
}

/// A run that signs may come to use every plugin that signs.
#[test]
fn a_run_goes_on_with_all_plugins_that_it_began_with() {
    let stage = with_prova();
    assert_eq!(run(&stage, "keystore::open_signer(\"manca.p12\", ())").code, Some(1));
    typed(&stage, &["remove", "prova"]).expect_success();
    let resumed = program(&stage, &["resume", "1", "--approve"]);
    check("run.other_plugin.gone", 1, &resumed, Place::new(&stage));
}

#[test]
fn one_command_changes_plugins_at_a_time() {
    let stage = with_prova();
    let another = "another `ceralacca plugin` command";
    let _held = FileLock::acquire(&stage.path("plugins/.lock"), another).unwrap();
    let refused = typed(&stage, &["remove", "prova"]);
    check("plugin.busy", 1, &refused, Place::new(&stage));
}

#[test]
fn a_folder_that_cannot_be_made() {
    let stage = Stage::embedded();
    deliver(&stage, prova(), &manifest());
    fs::write(stage.path("plugins"), "in the way").unwrap();
    let refused = after_its_description(install(&stage));
    check("plugin.not_written", 1, &refused, Place::new(&stage));
    assert!(!stage.path("plugins.lock").exists());
}

#[test]
fn names_that_nobody_has() {
    let stage = with_prova();
    let place = Place::new(&stage);
    check("plugin.unknown", 2, &typed(&stage, &["remove", "priva"]), place);
    let none = Stage::embedded();
    check("plugin.unknown.none", 2, &typed(&none, &["lock", "prova"]), Place::new(&none));
}
