//! Installing, locking, removing, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use ceralacca_kernel::Value;
use ceralacca_plugin_host::{LOCK_FILE, Plugins, State, install, list, lock, remove};

use super::scene::{Caller, Scene};

pub(crate) const CASES: &[super::Named] = &[
    ("a_plugin_is_installed_replaced_and_removed", life),
    ("what_is_no_plugin_is_not_installed", not_installed),
    ("a_library_swapped_after_locking_is_not_loaded", swapped),
    ("a_lying_manifest_is_refused", lying),
    ("what_others_can_write_to_is_refused", writable),
    ("a_bad_plugin_troubles_only_who_uses_it", trouble),
    ("an_interrupted_installation_is_put_in_order", interrupted),
    ("an_installation_is_killed_everywhere", killed),
];

fn life() {
    let scene = Scene::new();
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert!(plugins.namespaces().is_empty() && plugins.trouble("prova").is_none());
    let about = install(&scene.vendor(&[], |text| text), &scene.site()).unwrap();
    assert_eq!((about.name.as_str(), about.version.as_str()), ("prova", "1.0.0"));
    assert_eq!(about.primitives, ["prova::read", "prova::act", "prova::echo"]);
    let first = fs::read_to_string(scene.root().join(LOCK_FILE)).unwrap();
    let newer = scene.vendor(&["VERSION=1.1.0"], |text| text);
    let about = install(newer.parent().unwrap(), &scene.site()).unwrap();
    assert_eq!(about.version, "1.1.0");
    assert_ne!(fs::read_to_string(scene.root().join(LOCK_FILE)).unwrap(), first);
    let listed = list(&scene.site()).unwrap();
    assert!(
        matches!(listed.as_slice(), [only] if matches!(only.state, State::Ready)),
        "{listed:?}"
    );
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert_eq!(plugins.pins_of(&["prova".to_owned()])[0].version, "1.1.0");
    assert_eq!(plugins.pins_of(&["agency".to_owned()]), []);
    assert_eq!(Caller::new(&plugins).tell("read", "ciao").unwrap(), Value::from("ciao"));
    remove("prova", &scene.site()).unwrap();
    assert_eq!(list(&scene.site()).unwrap().len(), 0);
    assert_eq!(remove("prova", &scene.site()).unwrap_err().code(), "plugin.unknown");
    assert!(left_in_plugins(scene.root()).is_empty());
}

fn not_installed() {
    let scene = Scene::new();
    let code = |path: &Path| install(path, &scene.site()).unwrap_err().code().to_owned();
    let library = scene.vendor(&[], |text| text);
    fs::write(&library, "no library").unwrap();
    assert_eq!(code(&library), "plugin.not_loaded");
    assert_eq!(code(&scene.vendor(&["MAJOR=2"], |text| text)), "plugin.wrong_abi");
    assert_eq!(code(&scene.vendor(&["REASON"], |text| text)), "prova.no_module");
    let other = |text: String| text.replace("\"summary\": \"Tries\"", "\"summary\": \"Other\"");
    assert_eq!(code(&scene.vendor(&[], other)), "plugin.manifest_differs");
    let core = |text: String| {
        text.replace("\"name\": \"prova\", \"doc\"", "\"name\": \"environment\", \"doc\"")
    };
    assert_eq!(code(&scene.vendor(&[], core)), "plugin.namespace_taken");
    let library = scene.vendor(&[], |text| text);
    fs::remove_file(library.with_file_name("prova.json")).unwrap();
    assert_eq!(code(&library), "plugin.no_manifest");
    assert_eq!(code(&library.with_file_name("none.so")), "plugin.no_manifest");
    assert!(!scene.root().join(LOCK_FILE).exists());
    assert!(left_in_plugins(scene.root()).is_empty());
}

fn swapped() {
    let scene = Scene::new();
    scene.installed();
    let installed = scene.root().join("plugins/prova/libprova.so");
    fs::copy(scene.vendor(&["VERSION=9.9.9"], |text| text), &installed).unwrap();
    let plugins = Plugins::open(&scene.site()).unwrap();
    let error = Caller::new(&plugins).tell("act", "ciao").unwrap_err();
    assert_eq!((error.code(), error.exit().code()), ("plugin.changed", 1));
    let listed = list(&scene.site()).unwrap();
    assert!(matches!(&listed[0].state, State::Refused(error) if error.code() == "plugin.changed"));
    // To trust it, it has to be what its manifest says.
    let names = ["prova".to_owned()];
    assert_eq!(lock(&names, &scene.site()).unwrap_err().code(), "plugin.manifest_differs");
    fs::copy(scene.vendor(&["VERSION=1.0.0"], |text| text), &installed).unwrap();
    assert_eq!(lock(&names, &scene.site()).unwrap()[0].version, "1.0.0");
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert_eq!(Caller::new(&plugins).tell("act", "ciao").unwrap(), Value::from("ciao"));
}

/// The manifest is changed and locked by hand: what the library says of itself is compared once more.
fn lying() {
    let scene = Scene::new();
    scene.installed();
    let path = scene.root().join("plugins/prova/prova.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"Reads.\"", "\"Writes.\"");
    fs::write(&path, &text).unwrap();
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert_eq!(plugins.trouble("prova").unwrap().code(), "plugin.changed");
    let lock_path = scene.root().join(LOCK_FILE);
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
    let pin = &plugins.named("prova").err().unwrap();
    assert_eq!(pin.code(), "plugin.changed");
    let locked = fs::read_to_string(&lock_path).unwrap();
    let line = locked.lines().find(|line| line.starts_with("manifest_sha256")).unwrap();
    fs::write(&lock_path, locked.replace(line, &format!("manifest_sha256 = \"{digest}\"")))
        .unwrap();
    let plugins = Plugins::open(&scene.site()).unwrap();
    let error = Caller::new(&plugins).tell("read", "ciao").unwrap_err();
    assert_eq!(error.code(), "plugin.manifest_differs");
    assert!(error.report().found.as_ref().unwrap().contains("namespaces.0.primitives.0.doc"));
}

fn writable() {
    let scene = Scene::new();
    scene.installed();
    let library = scene.root().join("plugins/prova/libprova.so");
    fs::set_permissions(&library, fs::Permissions::from_mode(0o666)).unwrap();
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert_eq!(plugins.trouble("prova").unwrap().code(), "plugin.writable_by_others");
    fs::set_permissions(&library, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(scene.root().join(LOCK_FILE), fs::Permissions::from_mode(0o620)).unwrap();
    let error = Plugins::open(&scene.site()).err().unwrap();
    assert_eq!(error.code(), "plugin.writable_by_others");
}

fn trouble() {
    let scene = Scene::new();
    scene.installed();
    fs::remove_file(scene.root().join("plugins/prova/libprova.so")).unwrap();
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert!(plugins.usable().is_empty());
    assert_eq!(plugins.trouble("prova").unwrap().code(), "plugin.layout");
    assert!(plugins.trouble("environment").is_none() && plugins.trouble("other").is_none());
    fs::remove_dir_all(scene.root().join("plugins/prova")).unwrap();
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert_eq!(plugins.trouble("prova").unwrap().code(), "plugin.missing");
    fs::remove_file(scene.root().join(LOCK_FILE)).unwrap();
    fs::create_dir(scene.root().join("plugins/prova")).unwrap();
    let plugins = Plugins::open(&scene.site()).unwrap();
    assert_eq!(plugins.trouble("prova").unwrap().code(), "plugin.not_locked");
}

/// As a kill leaves it: the old version set aside, the new one in its place or not yet, and the lock
/// still of the old one, or already of the new one.
fn interrupted() {
    let scene = Scene::new();
    scene.installed();
    let plugins = scene.root().join("plugins");
    let (folder, old) = (plugins.join("prova"), plugins.join(".ceralacca-old-prova"));
    let lock_path = scene.root().join(LOCK_FILE);
    let old_lock = fs::read(&lock_path).unwrap();
    let version = |scene: &Scene| {
        let opened = Plugins::open(&scene.site()).unwrap();
        assert_eq!(left_in_plugins(scene.root()), ["prova"]);
        Caller::new(&opened).tell("read", "ciao").unwrap();
        opened.pins()[0].version.clone()
    };
    fs::rename(&folder, &old).unwrap();
    assert_eq!(version(&scene), "1.0.0");
    copy_folder(&folder, &old);
    install(&scene.vendor(&["VERSION=2.0.0"], |text| text), &scene.site()).unwrap();
    let new_lock = fs::read(&lock_path).unwrap();
    // `install` has put the rest in order; the kill comes before the lock is written.
    assert!(!old.exists());
    fs::rename(&folder, plugins.join("kept")).unwrap();
    fs::write(&lock_path, &old_lock).unwrap();
    install(&scene.vendor(&[], |text| text), &scene.site()).unwrap();
    fs::rename(&folder, &old).unwrap();
    copy_folder(&plugins.join("kept"), &folder);
    fs::remove_dir_all(plugins.join("kept")).unwrap();
    assert_eq!(version(&scene), "1.0.0");
    copy_folder(&folder, &old);
    install(&scene.vendor(&["VERSION=2.0.0"], |text| text), &scene.site()).unwrap();
    assert_eq!(fs::read(&lock_path).unwrap(), new_lock);
    fs::create_dir(&old).unwrap();
    assert_eq!(version(&scene), "2.0.0");
}

/// What this program is told to install only.
pub(crate) const INSTALL: &str = "install";

/// Installs a library in the workspace at `root`, for somebody who kills this process meanwhile.
pub(crate) fn install_in(root: &Path, library: &Path) {
    let scene = Scene::at(root);
    install(library, &scene.site()).unwrap();
}

/// After a kill at each of its points either the old version works or the new one, and the next
/// installation ends well.
fn killed() {
    let scene = Scene::new();
    scene.installed();
    let first = scene.vendor(&[], |text| text);
    let second = scene.vendor(&["VERSION=2.0.0"], |text| text);
    let mut versions = BTreeSet::new();
    let kills = (1..).find(|point| {
        install(&first, &scene.site()).unwrap();
        if !killed_at(*point, scene.root(), &second) {
            return true;
        }
        let opened = Plugins::open(&scene.site()).unwrap();
        Caller::new(&opened).tell("read", "ciao").unwrap();
        versions.insert(opened.pins()[0].version.clone());
        assert_eq!(left_in_plugins(scene.root()), ["prova"]);
        false
    });
    assert!(kills.unwrap() > 10, "{kills:?} points");
    assert_eq!(versions, ["1.0.0", "2.0.0"].map(str::to_owned).into());
}

/// Whether the installation came to that point, where it was killed.
fn killed_at(point: u64, root: &Path, library: &Path) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(INSTALL)
        .args([root, library])
        .env("CERALACCA_CRASH_POINT", point.to_string())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reached = lines.map_while(Result::ok).any(|line| line.starts_with("crash point"));
    if reached {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert!(reached || status.success());
    reached
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn left_in_plugins(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join("plugins")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with(".lock"))
        .collect();
    names.sort();
    names
}
