//! What a vendor, or whoever got a library from one, asks of it without installing it.

use crate::hostile::scene::path;
use crate::hostile::{build, manifests};
use crate::stage::{Stage, say};

#[test]
fn the_conformance_kit_survives_what_it_checks() {
    let stage = Stage::embedded();
    for (what, define) in [
        ("magic", "MAGIC=1"),
        ("major", "MAJOR=2"),
        ("entry", "NO_ENTRY"),
        ("small", "PLUGIN_SIZE=8"),
        ("create", "CREATE_FAILS"),
        ("constructor-socket", "CONSTRUCTOR=2"),
        ("constructor-exit", "CONSTRUCTOR=3"),
        ("constructor-crash", "CONSTRUCTOR=4"),
    ] {
        let fixture = build(&format!("vendor-{what}"), &manifests::hostile(), &[define]);
        for command in ["check", "manifest"] {
            let finished = stage.run(&["plugin", command, path(&fixture.library)]);
            let said = format!("{}{}", finished.stdout, finished.stderr);
            assert_eq!(finished.code, Some(1), "{command} {what}: {said}");
            assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
        }
        say(&format!("plugin check, plugin manifest: {what:<20} → 1"));
    }
}

#[test]
fn the_conformance_kit_finds_a_result_of_another_type() {
    let fixture = build("vendor-type", &manifests::hostile(), &[]);
    let finished = Stage::embedded().run(&["plugin", "check", path(&fixture.library)]);
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    assert!(finished.stdout.contains("expected a whole number, found text"), "{}", finished.stdout);
}

#[test]
fn a_single_call_that_breaks_is_an_error_like_in_a_run() {
    let stage = Stage::embedded();
    let fixture = build("vendor-call", &manifests::hostile(), &[]);
    for (act, code) in [
        ("null_write", "plugin.died"),
        ("socket_inet", "plugin.not_granted"),
        ("cbor_deep", "plugin.malformed_reply"),
        ("error_forged", "hostile.run.finished"),
    ] {
        let (library, act) = (path(&fixture.library), format!("{act:?}"));
        let finished = stage.run(&["plugin", "call", library, "hostile::bad", &act, "--json"]);
        assert_eq!((finished.code, finished.error_code().as_str()), (Some(1), code));
    }
}
