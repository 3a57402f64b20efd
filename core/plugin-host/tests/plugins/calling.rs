//! Calls of a plugin that replies well, badly, or not at all.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use ceralacca_kernel::{Exit, Reconciled, Value};
use ceralacca_plugin_host::conformance::{self, Answer};

use super::scene::{Caller, PIN, Scene, handle};

pub(crate) const CASES: &[super::Named] = &[
    ("replies_are_held_against_contract_and_manifest", replies),
    ("errors_of_plugins_are_their_own", errors),
    ("handles_of_others_are_refused", handles),
    ("secrets_are_in_no_error", secrets),
    ("a_plugin_that_breaks_is_started_again_and_given_up", breaks),
    ("a_once_call_that_breaks_is_in_doubt", doubt),
    ("the_conformance_kit_tells_good_from_bad", conformance),
];

fn replies() {
    let scene = Scene::new();
    let caller = Caller::new(&scene.installed());
    assert_eq!(caller.tell("read", "ciao").unwrap(), Value::from("ciao"));
    let codes = [
        ("malformed", "plugin.malformed_reply"),
        ("result", "plugin.result"),
        ("foreign", "plugin.foreign_handle"),
        ("status", "plugin.status"),
        ("not_yet", "plugin.status"),
        ("not_done", "plugin.status"),
        ("no_code", "plugin.error_form"),
        ("failed", "plugin.never_replied"),
    ];
    for (how, code) in codes {
        let error = caller.tell("read", how).unwrap_err();
        assert_eq!((error.code(), error.exit()), (code, Exit::Refused), "{error}");
        assert!(!error.report().state.is_empty() && !error.report().next.is_empty(), "{error}");
        // What a `once` call did before it replied so is not known.
        let error = caller.tell("act", how).unwrap_err();
        assert_eq!((error.code(), error.exit()), (code, Exit::Unknown), "{error}");
    }
    assert_eq!(caller.call("read", vec![Value::Int(1)]).unwrap_err().code(), "plugin.argument");
    assert_eq!(caller.call("read", vec![]).unwrap_err().code(), "plugin.argument");
    let many = vec![Value::from("a"), Value::from("b")];
    assert_eq!(caller.call("read", many).unwrap_err().code(), "primitive.too_many_arguments");
}

fn errors() {
    let scene = Scene::new();
    let caller = Caller::new(&scene.installed());
    let error = caller.tell("read", "foreign_code").unwrap_err();
    assert_eq!((error.code(), error.exit()), ("prova.agency.rejected", Exit::Refused));
    assert_eq!(error.report().origin, ["plugin prova 1.0.0"]);
    let error = caller.tell("act", "unknown").unwrap_err();
    assert_eq!((error.code(), error.exit()), ("prova.doubt", Exit::Unknown));
    let headline = &caller.tell("read", "long").unwrap_err().report().headline.clone();
    assert_eq!(headline.chars().count(), 2_001);
    assert!(headline.starts_with(" x") && headline.ends_with('…'));
}

fn handles() {
    let scene = Scene::new();
    let caller = Caller::new(&scene.installed());
    let given = handle("environment", Value::from("a"));
    // What it was given it may give back.
    assert_eq!(caller.call("echo", vec![given.clone()]).unwrap(), given);
    assert!(caller.call("echo", vec![handle("document", Value::Null)]).is_ok());
    assert_eq!(caller.tell("read", "foreign").unwrap_err().code(), "plugin.foreign_handle");
}

fn secrets() {
    let scene = Scene::new();
    let caller = Caller::new(&scene.installed());
    let error = caller.tell("read", "leak").unwrap_err();
    assert_eq!(error.code(), "prova.leak");
    assert_eq!(error.report().headline, "the secret is [secret]");
    assert!(!format!("{error:?}").contains(PIN));
}

fn breaks() {
    let scene = Scene::new();
    let caller = Caller::new(&scene.installed());
    let crash = |caller: &Caller| caller.tell("read", "crash").unwrap_err();
    assert_eq!(crash(&caller).code(), "plugin.died");
    assert_eq!(caller.tell("read", "again").unwrap(), Value::from("again"));
    for _ in 0..5 {
        let error = crash(&caller);
        assert_eq!((error.code(), error.exit()), ("plugin.died", Exit::Refused), "{error}");
    }
    let error = caller.tell("read", "again").unwrap_err();
    assert_eq!(error.code(), "plugin.gave_up");
    assert!(error.report().found.as_ref().unwrap().contains("ended in the middle"), "{error}");
}

fn doubt() {
    let scene = Scene::new();
    let caller = Caller::new(&scene.installed());
    let error = caller.tell("act", "crash").unwrap_err();
    assert_eq!((error.code(), error.exit()), ("plugin.died", Exit::Unknown));
    assert!(matches!(caller.reconcile("act", "crash").unwrap(), Reconciled::NotDone));
    assert_eq!(caller.tell("act", "ciao").unwrap(), Value::from("ciao"));
}

fn conformance() {
    let scene = Scene::new();
    let failed = |library: &Path| {
        let all = conformance::check(library, &mut |_| {}).unwrap();
        assert!(all.len() > 7 && all.iter().all(|one| !one.question.is_empty()), "{all:#?}");
        let failed = all.into_iter().filter(|one| one.answer == Answer::Failed);
        failed.collect::<Vec<_>>()
    };
    assert_eq!(failed(&scene.example()), []);
    // It gives back what it is given, whether it is CBOR or not, and it has never heard of what it is
    // to reconcile.
    let library = scene.vendor(&[], |text| text);
    let [echo, unknown] = &failed(&library)[..] else { panic!("{:#?}", failed(&library)) };
    assert!(echo.question.contains("prova::echo"), "{echo:#?}");
    assert!(echo.detail.contains("is not a value"), "{echo:#?}");
    assert!(unknown.detail.contains("NOT_DONE"), "{unknown:#?}");
    let leaking = failed(&scene.vendor(&["LEAKS"], |text| text));
    let leaking =
        leaking.iter().map(|one| one.question.as_str()).find(|one| one.contains("memory"));
    assert_eq!(leaking, Some("its memory does not grow from call to call"));
    let dying = failed(&scene.vendor(&["DIES"], |text| text));
    let dying: Vec<_> =
        dying.iter().filter(|one| one.detail.contains("ended in the middle")).collect();
    // Each of its three primitives, names it does not have, and the calls of the last two questions.
    assert_eq!(dying.len(), 6, "{dying:#?}");
    let [abi] = &failed(&scene.vendor(&["MAJOR=2"], |text| text))[..] else { panic!() };
    assert!(abi.detail.contains("contract 2.0"), "{abi:#?}");
    let lying = scene.vendor(&[], |text| text.replace("\"Reads.\"", "\"Writes.\""));
    let [manifest, ..] = &failed(&lying)[..] else { panic!() };
    assert!(manifest.detail.contains("Writes."), "{manifest:#?}");
}
