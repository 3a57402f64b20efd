//! Answers of every status, good and hostile.

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Effect, Error, Exit, Handle, Secret, Value, cbor};
use ceralacca_plugin_abi as abi;

use super::{Asked, Reply, read};
use crate::connection::{Answer, Operation};
use crate::error::Outside;

const MANIFEST: &str = r#"{"ceralacca_plugin": 1, "name": "a-b", "version": "1.2", "summary": "s",
    "namespaces": [{"name": "ab", "doc": "d", "primitives": []}]}"#;

fn answered(
    operation: Operation,
    effect: Effect,
    status: i32,
    bytes: Vec<u8>,
) -> Result<Reply, Error> {
    let manifest = Manifest::read("a-b.json", MANIFEST).unwrap();
    let outside = Outside::Unknown;
    let asked =
        Asked { manifest: &manifest, operation, call: "ab::x", effect: Some(effect), outside };
    read(&asked, &Answer { status, value: bytes }, &[Secret::new("hunter22"), Secret::new("1")])
}

fn told(status: i32, value: &Value) -> Error {
    match answered(Operation::Call, Effect::Once, status, cbor::encode(value)) {
        Ok(Reply::Refused(error) | Reply::Unknown(error)) | Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

fn error(code: &str, more: &[(&str, Value)]) -> Value {
    let always = [("code", Value::from(code)), ("headline", Value::from("it fails"))];
    let all = always.into_iter().chain(more.iter().cloned());
    Value::Map(all.map(|(name, value)| (name.to_owned(), value)).collect())
}

#[test]
fn a_status_fits_what_was_asked_or_is_refused() {
    use Operation::{Call, Reconcile};
    let text = || cbor::encode(&Value::from("soon"));
    let null = || cbor::encode(&Value::Null);
    let good =
        |operation, effect, status, bytes| answered(operation, effect, status, bytes).unwrap();
    assert!(
        matches!(good(Call, Effect::Wait, abi::NOT_YET, text()), Reply::NotYet(what) if what == "soon")
    );
    assert!(matches!(good(Reconcile, Effect::Once, abi::NOT_DONE, null()), Reply::NotDone));
    assert!(matches!(good(Reconcile, Effect::Once, abi::DONE, text()), Reply::Done(_)));
    let bad = [
        (Call, Effect::Once, abi::NOT_YET, text(), "plugin.status"),
        (Reconcile, Effect::Wait, abi::NOT_YET, text(), "plugin.status"),
        (Call, Effect::Wait, abi::NOT_YET, null(), "plugin.malformed_reply"),
        (Call, Effect::Once, abi::NOT_DONE, null(), "plugin.status"),
        (Reconcile, Effect::Once, abi::NOT_DONE, text(), "plugin.malformed_reply"),
        (Call, Effect::Pure, 5, null(), "plugin.status"),
        (Call, Effect::Pure, -1, null(), "plugin.status"),
        (Call, Effect::Pure, abi::DONE, Vec::new(), "plugin.malformed_reply"),
        (Call, Effect::Pure, abi::DONE, vec![0x9f, 0xff], "plugin.malformed_reply"),
        (Call, Effect::Pure, abi::DONE, vec![0xf6, 0xf6], "plugin.malformed_reply"),
        (Call, Effect::Pure, abi::REFUSED, text(), "plugin.error_form"),
        (Call, Effect::Pure, abi::UNKNOWN, null(), "plugin.error_form"),
    ];
    for (operation, effect, status, bytes, code) in bad {
        let error = answered(operation, effect, status, bytes).unwrap_err();
        assert_eq!((error.code(), error.exit()), (code, Exit::Unknown));
    }
    // Deeper than a value may be, though the decoder would read it.
    let deep = (0..40).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let error = answered(Call, Effect::Once, abi::DONE, cbor::encode(&deep)).unwrap_err();
    assert_eq!(error.code(), "plugin.malformed_reply");
}

#[test]
fn codes_are_of_the_plugin_itself() {
    for (given, code) in [
        ("ab.x", "ab.x"),
        ("a_b.x", "a_b.x"),
        ("a_b.", "a_b.a_b."),
        ("agency.rejected", "a_b.agency.rejected"),
        ("plugin.changed", "a_b.plugin.changed"),
        ("boom", "a_b.boom"),
        ("Bang! no", "a_b._ang__no"),
        ("primitive.wrong_argument", "primitive.wrong_argument"),
        ("primitive.panicked", "a_b.primitive.panicked"),
    ] {
        assert_eq!(told(abi::REFUSED, &error(given, &[])).code(), code);
    }
    assert_eq!(told(abi::REFUSED, &error(" ", &[])).code(), "plugin.error_form");
    assert!(told(abi::REFUSED, &error(&"x".repeat(5_000), &[])).code().len() < 200);
}

#[test]
fn the_exit_is_what_the_status_allows() {
    let exit =
        |status, exit: &str| told(status, &error("ab.x", &[("exit", Value::from(exit))])).exit();
    assert_eq!(told(abi::REFUSED, &error("ab.x", &[])).exit(), Exit::Refused);
    assert_eq!(told(abi::REFUSED, &error("primitive.wrong_argument", &[])).exit(), Exit::Usage);
    assert_eq!(exit(abi::REFUSED, "waiting"), Exit::Waiting);
    assert_eq!(exit(abi::REFUSED, "unknown"), Exit::Unknown);
    assert_eq!(exit(abi::UNKNOWN, "refused"), Exit::Unknown);
    let doubting = error("ab.x", &[("exit", Value::from("unknown"))]);
    let reply = answered(Operation::Call, Effect::Once, abi::REFUSED, cbor::encode(&doubting));
    assert!(matches!(reply, Ok(Reply::Unknown(_))));
    assert_eq!(
        told(abi::REFUSED, &error("ab.x", &[("exit", Value::Int(1))])).code(),
        "plugin.error_form"
    );
}

#[test]
fn texts_are_cut_cleaned_and_without_secrets() {
    let hostile = Value::Str(format!("hunter22 \u{1b}[2J{}", "x".repeat(3_000)));
    let handle = Value::Handle(Handle { kind: "environment".into(), id: Box::new(Value::Null) });
    let fields =
        Value::from([("password", hostile.clone()), ("stolen", handle), ("passing", true.into())]);
    let names = ["expected", "found", "state", "next"].map(|name| (name, hostile.clone()));
    let all = [names.as_slice(), &[("fields", fields), ("later_member", Value::Null)]].concat();
    let error = told(abi::REFUSED, &error("ab.x", &all));
    let report = error.report();
    let texts = [&report.expected.clone().unwrap(), &report.state, &report.next];
    for text in texts {
        assert!(text.starts_with("[secret]  [2J") && text.chars().count() == 2_001, "{text:.40}");
    }
    assert!(!format!("{error:?}").contains("hunter22"));
    assert_eq!(report.fields.get("stolen"), Some(&Value::Null));
    assert_eq!(report.fields.get("passing"), Some(&Value::Bool(true)));
    assert_eq!(report.origin, ["plugin a-b 1.2"]);
    // What is too large is left out, and what is left out gets words.
    let large = [("fields", Value::Bytes(vec![0; 100_000]))];
    let error = told(abi::UNKNOWN, &self::error("ab.x", &large));
    assert_eq!(error.report().fields, Value::Null);
    assert_eq!(error.report().next, "ceralacca resume RUN");
}
