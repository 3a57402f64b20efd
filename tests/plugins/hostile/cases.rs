//! Plugins that break the contract or themselves in the middle of a call.

use serde_json::Value;

use crate::hostile::scene::Scene;
use crate::hostile::{build, build_rust, manifests};
use crate::stage::say;

/// The act, the exit code, the error's code, and a text that is in what was printed.
type Case = (&'static str, i32, &'static str, &'static str);

const CRASHES: [Case; 10] = [
    ("null_write", 1, "plugin.died", "SIGSEGV"),
    ("exit_0", 1, "plugin.died", "exit code 0"),
    ("exit_3", 1, "plugin.died", "exit code 3"),
    ("reply_and_exit", 1, "plugin.died", "exit code 0"),
    ("aborts", 1, "plugin.died", "SIGABRT"),
    ("kills_itself", 1, "plugin.died", "SIGKILL"),
    ("stack_overflow", 1, "plugin.died", ""),
    ("last_words", 1, "plugin.died", "exit code 9; it last wrote: [2J ]0;owned before the end"),
    ("closes_descriptors", 1, "plugin.died", ""),
    ("garbage_to_descriptors", 1, "plugin.garbled", ""),
];

const ENDLESS: [Case; 5] = [
    ("endless_frame", 1, "plugin.timed_out", ""),
    ("endless_loop", 1, "plugin.timed_out", "a reply within 2 s"),
    ("endless_sleep", 1, "plugin.timed_out", "a reply within 2 s"),
    ("closes_and_sleeps", 1, "plugin.timed_out", "a reply within 2 s"),
    ("reads_descriptors", 0, "", ""),
];

const MEMORY: [Case; 3] = [
    ("memory_10_gib", 1, "plugin.out_of_memory", "at most 256 MiB"),
    ("memory_at_once", 0, "", "refused"),
    ("memory_mapped", 0, "", "refused"),
];

const REPLIES: [Case; 13] = [
    ("reply_twice", 1, "plugin.replied_twice", ""),
    ("never", 1, "plugin.never_replied", "none, and 0 was returned"),
    ("fails", 1, "plugin.never_replied", "none, and -1 was returned"),
    ("other_thread", 1, "plugin.wrong_thread", ""),
    ("other_call", 1, "plugin.never_replied", "-5 was returned"),
    ("no_host", 1, "plugin.never_replied", "-5 was returned"),
    ("no_data", 1, "plugin.never_replied", "-5 was returned"),
    ("endless_data", 1, "plugin.never_replied", "-5 was returned"),
    ("lying_length", 1, "plugin.never_replied", "-4 was returned"),
    ("reply_200_mib", 1, "plugin.never_replied", ""),
    ("status_99", 1, "plugin.status", "status 99"),
    ("not_yet", 1, "plugin.status", "NOT_YET"),
    ("not_done", 1, "plugin.status", "NOT_DONE"),
];

const VALUES: [Case; 30] = [
    ("cbor_nothing", 1, "plugin.malformed_reply", ""),
    ("cbor_truncated", 1, "plugin.malformed_reply", ""),
    ("cbor_trailing", 1, "plugin.malformed_reply", ""),
    ("cbor_indefinite_array", 1, "plugin.malformed_reply", ""),
    ("cbor_indefinite_map", 1, "plugin.malformed_reply", ""),
    ("cbor_indefinite_text", 1, "plugin.malformed_reply", ""),
    ("cbor_endless_array", 1, "plugin.malformed_reply", ""),
    ("cbor_long_array", 1, "plugin.malformed_reply", ""),
    ("cbor_endless_map", 1, "plugin.malformed_reply", ""),
    ("cbor_endless_bytes", 1, "plugin.malformed_reply", ""),
    ("cbor_endless_text", 1, "plugin.malformed_reply", ""),
    ("cbor_not_utf8", 1, "plugin.malformed_reply", ""),
    ("cbor_too_large_integer", 1, "plugin.malformed_reply", ""),
    ("cbor_too_small_integer", 1, "plugin.malformed_reply", ""),
    ("cbor_map_of_integers", 1, "plugin.malformed_reply", ""),
    ("cbor_reserved", 1, "plugin.malformed_reply", ""),
    ("cbor_break", 1, "plugin.malformed_reply", ""),
    ("cbor_handle_of_nothing", 1, "plugin.malformed_reply", ""),
    ("cbor_handle_of_text", 1, "plugin.malformed_reply", ""),
    ("cbor_handle_of_garbage", 1, "plugin.malformed_reply", ""),
    ("cbor_deep", 1, "plugin.malformed_reply", ""),
    ("cbor_tags", 1, "plugin.malformed_reply", ""),
    ("cbor_deep_error", 1, "plugin.malformed_reply", ""),
    ("cbor_deep_handles", 1, "plugin.malformed_reply", ""),
    ("nodes_above_limit", 1, "plugin.malformed_reply", ""),
    ("handle_signer", 1, "plugin.foreign_handle", "signer"),
    ("handle_secret", 1, "plugin.foreign_handle", "secret"),
    ("handle_environment", 1, "plugin.foreign_handle", "environment"),
    ("handle_inside", 1, "plugin.foreign_handle", "secret"),
    ("error_number", 1, "plugin.error_form", ""),
];

const ERRORS: [Case; 10] = [
    ("error_without_headline", 1, "plugin.error_form", "headline"),
    ("error_empty_code", 1, "plugin.error_form", "its code is empty"),
    ("error_terminal", 1, "hostile.__31mred", "txet"),
    ("error_forged", 1, "hostile.run.finished", "plugin hostile 1.0.0"),
    ("error_of_host", 1, "hostile.plugin.died", "plugin hostile 1.0.0"),
    ("error_long", 1, "hostile.long", ""),
    ("error_unknown", 3, "hostile.doubt", "whether it took effect outside is not known"),
    ("foreign_secret", 0, "", "-6"),
    ("no_such_secret", 0, "", "-6"),
    ("babble", 1, "hostile.babble", "[secret]"),
];

const FLOODS: [Case; 3] =
    [("floods_errors", 0, "", "1"), ("floods_output", 0, "", "1"), ("floods_progress", 0, "", "1")];

#[test]
fn crashes() {
    all(&CRASHES, "timeout = \"20s\"");
}

#[test]
fn what_never_ends_is_ended() {
    all(&ENDLESS, "timeout = \"2s\"");
}

#[test]
fn memory_has_its_limit() {
    all(&MEMORY, "memory = \"256 MiB\"");
}

#[test]
fn replies_that_break_the_contract() {
    all(&REPLIES, "");
}

#[test]
fn replies_that_are_no_value() {
    all(&VALUES, "");
}

#[test]
fn errors_and_secrets_that_are_not_its_own() {
    all(&ERRORS, "");
}

#[test]
fn floods_block_nothing() {
    all(&FLOODS, "");
}

#[test]
fn a_panic_past_every_barrier() {
    let manifest = {
        let mut manifest = manifests::manifest("panics", "panics");
        let what = [("what", manifests::text())];
        manifest["namespaces"][0]["primitives"] = serde_json::json!([
            manifests::primitive(
                "good",
                "pure",
                &[("text", manifests::text())],
                &manifests::text()
            ),
            manifests::primitive("bad", "recorded", &what, &manifests::text()),
        ]);
        manifest
    };
    let scene = Scene::new(&build_rust("panics", &manifest, "panics.rs"), "");
    one(&scene, &("panics", 1, "plugin.panicked", ""));
}

#[test]
fn a_reply_after_its_call_is_over() {
    let scene = hostile("late", "");
    scene
        .script(r#"hostile::bad("late_begin"); hostile::bad("late_end")"#)
        .expect(1, "plugin.replied_late");
    let caught = r#"hostile::bad("late_begin"); let met = "";
        try { hostile::bad("late_end") } catch (e) { met = e.code; }
        #{ met: met, good: hostile::good("still here") }"#;
    let ended = scene.script(caught).expect(0, "");
    assert_eq!(ended.result()["met"], "plugin.replied_late");
    assert_eq!(ended.result()["good"], "still here");
    scene.verify();
    say("late                      → plugin.replied_late      → 1 → still here");
}

#[test]
fn a_result_of_another_type() {
    let scene = hostile("type", "");
    let ended = scene.script("hostile::count()").expect(1, "plugin.result");
    assert!(ended.text().contains("expected a whole number, found text"), "{}", ended.text());
}

/// What is just within the limit of values passes; a script's own limit is lower.
#[test]
fn a_result_at_the_limit() {
    let scene = hostile("limit", "");
    scene.script(r#"hostile::bad("nodes_at_limit")"#).expect(1, "script.limit");
    let journal = scene.stage.journal();
    let ended = journal.iter().find(|entry| !entry["event"]["ended"].is_null()).unwrap();
    let items = ended["event"]["ended"]["outcome"]["ok"].as_array().unwrap();
    assert_eq!(items.len(), 99_999);
    scene.verify();
}

#[test]
fn a_plugin_that_always_breaks_is_given_up() {
    let scene = hostile("gave_up", "");
    let body = r#"let met = [];
        for n in 0..7 { try { hostile::bad("exit_3") } catch (e) { met.push(e.code); } }
        met"#;
    let ended = scene.script(body).expect(0, "");
    let met: Vec<&str> =
        ended.result().as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert_eq!(met[..5], ["plugin.died"; 5]);
    assert_eq!(met[5..], ["plugin.gave_up"; 2]);
    // Another process tries again.
    assert_eq!(scene.script(r#"hostile::good("a")"#).expect(0, "").result(), "a");
}

#[test]
fn a_pure_call_that_breaks_leaves_nothing_in_the_journal() {
    let scene = hostile("pure", "");
    scene.script(r#"hostile::bad_pure("null_write")"#).expect(1, "plugin.died");
    let journal = scene.stage.journal();
    assert!(journal.iter().all(|entry| entry["event"]["ended"].is_null()), "{journal:?}");
}

#[test]
fn a_wait_that_breaks_is_asked_again_on_resume() {
    let scene = hostile("wait", "");
    scene.script(r#"hostile::bad_wait("null_write")"#).expect(1, "plugin.died");
    scene.resume(1, &[]).expect(1, "plugin.died");
    scene
        .started(r#"hostile::bad_wait("not_yet")"#, &["--patience", "0s"])
        .expect(4, "run.waiting");
    scene.verify();
}

#[test]
fn a_once_call_that_breaks_is_unknown() {
    let scene = hostile("once", "timeout = \"2s\"\nmemory = \"256 MiB\"");
    let cases = [
        ("null_write", "plugin.died"),
        ("endless_loop", "plugin.timed_out"),
        ("memory_10_gib", "plugin.out_of_memory"),
        ("reply_twice", "plugin.replied_twice"),
        ("never", "plugin.never_replied"),
        ("other_thread", "plugin.wrong_thread"),
        ("cbor_truncated", "plugin.malformed_reply"),
        ("handle_secret", "plugin.foreign_handle"),
        ("status_99", "plugin.status"),
        ("error_number", "plugin.error_form"),
        ("garbage_to_descriptors", "plugin.garbled"),
        ("exec_sh", "plugin.not_granted"),
        ("error_unknown", "hostile.doubt"),
    ];
    for (act, code) in cases {
        // No script catches it.
        let body =
            format!(r#"try {{ hostile::bad_once("{act}") }} catch {{ }} hostile::good("a")"#);
        let ended = scene.script(&body).expect(3, code);
        let journal = scene.stage.journal();
        let run = journal.last().unwrap()["run"].clone();
        let of_run = journal.iter().filter(|entry| entry["run"] == run);
        let kinds: Vec<&String> =
            of_run.flat_map(|entry| entry["event"].as_object().unwrap().keys()).collect();
        assert_eq!(kinds, ["started", "intent", "stopped"], "{act}: {}", ended.text());
        scene.verify();
        say(&format!("once: {act:<25} → {code:<24} → 3 → intent open"));
    }
}

/// A workspace with the hostile plugin.
pub(crate) fn hostile(variant: &str, settings: &str) -> Scene {
    Scene::new(&build(variant, &manifests::hostile(), &[]), settings)
}

fn all(cases: &[Case], settings: &str) {
    let variant = format!("all-{}", cases[0].0);
    let scene = hostile(&variant, settings);
    for case in cases {
        one(&scene, case);
    }
}

/// One act: uncaught, then caught and followed by a good call in the same process.
fn one(scene: &Scene, (act, exit, code, text): &Case) {
    let namespace = &scene.namespace;
    let bad = format!(r#"{namespace}::bad("{act}")"#);
    let ended = scene.script(&bad).expect(*exit, code);
    let shown = match *exit {
        0 => in_short(ended.result()),
        _ => ended.text(),
    };
    assert!(shown.contains(text), "{act}: {shown}");
    let body = match *exit {
        3 => format!(r#"#{{ met: "{code}", good: {namespace}::good("still here") }}"#),
        _ => format!(
            r#"let met = ""; try {{ {bad} }} catch (e) {{ met = e.code; }}
    #{{ met: met, good: {namespace}::good("still here") }}"#
        ),
    };
    let after = scene.script(&body).expect(0, "");
    assert_eq!(after.result()["met"], *code, "{act}");
    assert_eq!(after.result()["good"], "still here", "{act}");
    scene.verify();
    let code = if code.is_empty() { "(none)" } else { code };
    say(&format!("{act:<25} → {code:<24} → {exit} → still here"));
}

fn in_short(result: &Value) -> String {
    let text = result.as_str().map_or_else(|| result.to_string(), str::to_owned);
    text.chars().take(200).collect()
}
