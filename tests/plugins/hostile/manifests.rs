//! The manifests of the fixtures.

use serde_json::{Value, json};

/// Every act that misbehaves; `good` does not.
pub fn hostile() -> Value {
    let bad = |name: &str, effect: &str| {
        primitive(name, effect, &[("what", text()), ("with", optional_text())], &json!(true))
    };
    let mut manifest = manifest("hostile", "hostile");
    manifest["namespaces"][0]["primitives"] = json!([
        primitive("good", "pure", &[("text", text())], &text()),
        bad("bad", "recorded"),
        bad("bad_pure", "pure"),
        bad("bad_once", "once"),
        bad("bad_wait", "wait"),
        primitive("count", "recorded", &[], &json!({ "type": "integer" })),
    ]);
    manifest["secrets"] =
        json!([{ "name": "hostile_secret", "label": "Secret of the fixture", "rule": "any text" }]);
    manifest
}

/// Acts with an effect outside, which is a line in a file; and acts that behave.
pub fn outside() -> Value {
    let once = |name: &str| {
        let params = [("when", text()), ("how", text()), ("answer", optional_text())];
        primitive(name, "once", &params, &text())
    };
    let count =
        |name: &str, effect: &str| primitive(name, effect, &[], &json!({ "type": "integer" }));
    let mut manifest = manifest("outside", "outside");
    let (mut reconciled, mut sent) = (once("once"), once("send"));
    reconciled["reconcile"] = json!(true);
    sent["reconcile"] = json!(true);
    sent["touches"] = json!(["sends"]);
    manifest["namespaces"][0]["primitives"] = json!([
        reconciled,
        once("once_without_reconcile"),
        sent,
        count("recorded", "recorded"),
        count("computed", "pure"),
        primitive("ready", "wait", &[], &text()),
        count("holds_secret", "recorded"),
        primitive("good", "pure", &[("text", text())], &text()),
    ]);
    manifest["secrets"] =
        json!([{ "name": "outside_secret", "label": "Secret of the fixture", "rule": "any text" }]);
    manifest["capabilities"] = json!({ "files": true });
    manifest
}

/// A manifest without primitives.
pub fn manifest(name: &str, namespace: &str) -> Value {
    json!({
        "ceralacca_plugin": 1,
        "name": name,
        "version": "1.0.0",
        "summary": "A fixture of the tests",
        "namespaces": [{ "name": namespace, "doc": "What the tests ask for.", "primitives": [] }],
    })
}

/// One primitive.
pub fn primitive(name: &str, effect: &str, params: &[(&str, Value)], returns: &Value) -> Value {
    let params: Vec<Value> =
        params.iter().map(|(name, schema)| json!({ "name": name, "schema": schema })).collect();
    json!({
        "name": name, "doc": format!("Does {name}."), "params": params, "returns": returns,
        "since": "1.0.0", "effect": effect,
    })
}

/// The schema of a text.
pub fn text() -> Value {
    json!({ "type": "string" })
}

fn optional_text() -> Value {
    json!({ "type": ["string", "null"] })
}
