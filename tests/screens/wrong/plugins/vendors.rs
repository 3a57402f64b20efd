//! What vendors deliver that is no plugin of this program, and what they type wrong.

use std::fs;

use serde_json::{Value, json};

use super::{
    after_its_description, built, deliver, install, manifest, prova, shown, typed, with_prova,
};
use crate::stage::{Finished, Stage};
use crate::wrong::{Place, Snapshot, check, each, untouched};

/// Golden file, and what the manifest that is delivered says in place of the right one.
type Change = (&'static str, fn(&mut Value));

const MANIFESTS: [Change; 7] = [
    ("plugin.manifest", |it| it["trusted"] = json!(true)),
    ("plugin.manifest.sends", |it| {
        it["namespaces"][0]["primitives"][0]["touches"] = json!(["sends"]);
    }),
    ("plugin.manifest_differs", |it| it["capabilities"] = json!({ "network": true })),
    ("plugin.namespace_taken", |it| it["namespaces"][0]["name"] = json!("agency")),
    ("plugin.secret_taken", |it| it["secrets"][0]["name"] = json!("password")),
    ("plugin.kind_taken", |it| {
        let act = &mut it["namespaces"][0]["primitives"][0];
        act["form"] = json!("method");
        act["params"][0]["schema"] = json!({ "title": "handle:environment" });
    }),
    ("plugin.scheme_taken", |it| {
        it["name"] = json!("altra");
        it["namespaces"] = json!([]);
        it["secrets"] = json!([]);
    }),
];

#[test]
fn manifests_that_are_refused() {
    each(MANIFESTS, |(case, change)| {
        let stage = with_prova();
        fs::remove_dir_all(stage.path("vendor")).unwrap();
        let mut changed = manifest();
        change(&mut changed);
        deliver(&stage, prova(), &changed);
        let before = Snapshot::of(&stage.path("plugins"));
        let refused = described(install(&stage));
        check(case, 1, &refused, Place::new(&stage));
        untouched(case, &stage.path("plugins"), &before);
    });
}

/// Where the manifest can be read it is shown before anything is refused.
fn described(finished: Finished) -> Finished {
    if finished.stdout.is_empty() || finished.stdout.starts_with("altra 1.0.0: ") {
        return Finished { stdout: String::new(), ..finished };
    }
    after_its_description(finished)
}

#[test]
fn libraries_that_are_refused() {
    let cases =
        [("plugin.not_loaded", "MAGIC=0x1122334455667788"), ("plugin.wrong_abi", "MAJOR=2")];
    each(cases, |(case, define)| {
        let stage = Stage::embedded();
        deliver(&stage, &built(case, &[define]), &manifest());
        check(case, 1, &after_its_description(install(&stage)), Place::new(&stage));
        assert!(!stage.path("plugins.lock").exists(), "{case}");
        assert!(!stage.path("plugins/prova").exists(), "{case}");
    });
}

#[test]
fn what_is_not_delivered_or_not_wanted() {
    let stage = Stage::embedded();
    deliver(&stage, prova(), &manifest());
    let unasked = typed(&stage, &["install", "vendor"]);
    check("plugin.not_approved", 1, &after_its_description(unasked), Place::new(&stage));
    fs::remove_file(stage.path("vendor/prova.json")).unwrap();
    check("plugin.no_manifest.folder", 1, &install(&stage), Place::new(&stage));
    let library = prova().file_name().unwrap().to_string_lossy().into_owned();
    let library = format!("vendor/{library}");
    let alone = typed(&stage, &["install", &library, "--approve"]);
    check("plugin.no_manifest", 1, &alone, Place::new(&stage));
    assert!(!stage.path("plugins").exists());
}

/// Golden file, and what is typed after `plugin`.
const TYPED: [(&str, &[&str]); 3] = [
    ("plugin.name", &["new", "Mia_Prova", "--c"]),
    ("plugin.folder_exists", &["new", "gia-fatta", "--c"]),
    ("plugin.no_sdk", &["new", "mia-prova", "--rust", "--sdk", "sdk"]),
];

/// The same for what is typed after `plugin call LIBRARY`.
const CALLED: [(&str, &[&str]); 2] =
    [("plugin.primitive_name", &["act"]), ("plugin.argument_json", &["prova::act", "exits"])];

#[test]
fn what_vendors_type_wrong() {
    let stage = Stage::embedded();
    fs::create_dir(stage.path("gia-fatta")).unwrap();
    let before = Snapshot::of(stage.folder.path());
    for (case, words) in TYPED {
        check(case, 2, &typed(&stage, words), Place::new(&stage));
    }
    for (case, words) in CALLED {
        let call = [&["call", shown(prova())], words].concat();
        check(case, 2, &typed(&stage, &call), Place::new(&stage));
    }
    untouched("plugin", stage.folder.path(), &before);
}
