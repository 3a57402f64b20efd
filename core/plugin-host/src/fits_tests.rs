//! What fits and what does not, and in which words.

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Error, Handle, Primitive, Value};
use serde_json::json;

use super::{Signature, foreign_handle, own_kinds};
use crate::call::{invoke, reconcile};

fn manifest(params: &serde_json::Value, returns: &serde_json::Value) -> Manifest {
    let text = json!({
        "ceralacca_plugin": 1, "name": "prova", "version": "1", "summary": "s",
        "namespaces": [{ "name": "prova", "doc": "d", "primitives": [{
            "name": "p", "doc": "d", "params": params, "returns": returns, "since": "1",
            "effect": "pure"
        }, {
            "name": "m", "doc": "d", "form": "method", "since": "1", "effect": "pure",
            "params": [{ "name": "thing", "schema": { "title": "handle:prova_thing" } }]
        }] }],
        "seams": { "signer": { "scheme": "prova" } }
    });
    Manifest::read("prova.json", &text.to_string()).unwrap()
}

fn primitive(params: &serde_json::Value, returns: &serde_json::Value) -> &'static Primitive {
    &manifest(params, returns).namespaces[0].leaked(invoke, reconcile).primitives[0]
}

fn fitted(schema: serde_json::Value, value: Value) -> Result<Vec<Value>, Error> {
    let primitive = primitive(&json!([{ "name": "x", "schema": schema }]), &json!(null));
    Signature::of(primitive).fit_arguments(primitive, vec![value])
}

fn record() -> serde_json::Value {
    json!({
        "title": "Options", "type": "object", "required": ["mode"],
        "properties": {
            "mode": { "enum": ["fast", "slow"] },
            "sizes": { "type": ["array", "null"], "items": { "type": "integer" } }
        }
    })
}

fn handle(kind: &str, id: Value) -> Value {
    Value::Handle(Handle { kind: kind.to_owned(), id: Box::new(id) })
}

#[test]
fn mistakes_are_named_as_for_every_primitive() {
    let list = Value::List(vec![Value::Int(1), Value::from("two")]);
    let cases = [
        (json!({ "type": "string" }), Value::Int(1), "expected text, found a whole number"),
        (json!({ "type": "string" }), Value::Null, "expected text, found nothing"),
        (
            json!({ "type": "integer" }),
            Value::Float(1.5),
            "expected a whole number, found a number",
        ),
        (record(), Value::from("x"), "expected a map, found text"),
        (
            record(),
            Value::from([("moed", Value::from("fast"))]),
            "unknown field `moed` (did you mean `mode`?); the fields are mode, sizes",
        ),
        (record(), Value::from([("sizes", Value::Null)]), "the field `mode` is missing"),
        (
            record(),
            Value::from([("mode", Value::from("fats"))]),
            "in `mode`: expected one of fast, slow, found \"fats\" (did you mean `fast`?)",
        ),
        (
            record(),
            Value::from([("mode", Value::from("fast")), ("sizes", list)]),
            "in `sizes.1`: expected a whole number, found text",
        ),
        (
            json!({ "title": "handle:prova_thing" }),
            handle("document", Value::Null),
            "expected a prova_thing, found document",
        ),
        (
            json!({ "type": ["string", "integer"] }),
            Value::Bool(true),
            "expected text or a whole number, found true or false",
        ),
    ];
    for (schema, value, problem) in cases {
        let error = fitted(schema, value).unwrap_err();
        assert_eq!(error.code(), "plugin.argument");
        assert_eq!(error.report().found.as_deref(), Some(problem));
        assert_eq!(error.report().headline, "argument 1 (`x`) of prova::p does not fit");
    }
}

#[test]
fn what_languages_cannot_tell_apart_is_made_what_is_declared() {
    let empty = || Value::Map(Default::default());
    let items = json!({ "type": "array", "items": { "type": "string" } });
    assert_eq!(fitted(items, empty()).unwrap(), [Value::List(vec![])]);
    assert_eq!(fitted(json!({ "type": "number" }), Value::Int(2)).unwrap(), [Value::Float(2.0)]);
    let either = json!({ "type": ["integer", "number"] });
    assert_eq!(fitted(either, Value::Int(2)).unwrap(), [Value::Int(2)]);
    assert!(fitted(json!({}), handle("environment", Value::Null)).is_ok());
    let optional = json!({ "type": ["string", "null"] });
    let primitive = primitive(&json!([{ "name": "x", "schema": optional }]), &json!(null));
    let signature = Signature::of(primitive);
    assert_eq!(signature.fit_arguments(primitive, vec![]).unwrap(), []);
    let nulls = vec![Value::Null; 3];
    assert_eq!(signature.fit_arguments(primitive, nulls).unwrap(), [Value::Null]);
    let error = signature.fit_arguments(primitive, vec![Value::from("a"); 2]).unwrap_err();
    assert_eq!(error.code(), "primitive.too_many_arguments");
}

#[test]
fn results_are_held_against_the_manifest() {
    let signature = Signature::of(primitive(&json!([]), &json!({ "type": "number" })));
    assert_eq!(signature.fit_result(Value::Float(2.0)), Ok(Value::Int(2)));
    assert_eq!(signature.fit_result(Value::Float(2.5)), Ok(Value::Float(2.5)));
    assert!(signature.fit_result(Value::from("2")).is_err());
    let nothing = Signature::of(primitive(&json!([]), &json!(null)));
    assert_eq!(nothing.fit_result(Value::Null), Ok(Value::Null));
    assert_eq!(
        nothing.fit_result(Value::Int(1)),
        Err("expected nothing, found a whole number".into())
    );
}

#[test]
fn only_handles_of_ones_own_may_be_given() {
    let manifest = manifest(&json!([]), &json!(null));
    let kinds = own_kinds(&manifest);
    assert_eq!(kinds, ["prova_thing"]);
    let given = [Value::from([("in", handle("environment", Value::from("a")))])];
    let foreign =
        |value: &Value| foreign_handle(value, &manifest, &kinds, &given).map(str::to_owned);
    let signer = |by: &str| handle("signer", Value::from([("plugin", Value::from(by))]));
    for own in [
        handle("prova_thing", Value::Int(1)),
        handle("document", Value::Null),
        handle("environment", Value::from("a")),
        signer("prova"),
    ] {
        assert_eq!(foreign(&Value::List(vec![own])), None);
    }
    for (value, kind) in [
        (handle("environment", Value::from("b")), "environment"),
        (handle("secret", Value::from("pin")), "secret"),
        (signer("other"), "signer"),
        (handle("signer", Value::from("/etc/key.p12")), "signer"),
        (handle("prova_thing", handle("secret", Value::Null)), "secret"),
    ] {
        assert_eq!(foreign(&Value::from([("x", value)])).as_deref(), Some(kind));
    }
}
