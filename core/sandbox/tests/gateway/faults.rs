//! Injected faults: what arrives at the client, and what was taken in.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, call};
use crate::world::{PIN, ROSSI, World, keys, submit};

const SUBMIT: &str = "POST /v1/submissions";

/// Submits under a fault; returns what came back, and whether the file was taken in.
fn suffer(kind: Value) -> (std::io::Result<Answer>, bool) {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    world.faults(json!([{ "route": SUBMIT, "kind": kind }]));
    let answer = submit(world.running.address, &token, "chiave", &[9; 100_000]);
    let found = world.get(&token, "/v1/submissions?idempotency_key=chiave").json();
    let taken_in = found["submissions"].as_array().unwrap().len() == 1;
    // The fault is spent, and the same attempt now succeeds, once.
    let again = world.submit(&token, "chiave", &[9; 100_000]);
    assert_eq!(again.status, if taken_in { 200 } else { 201 });
    let logged = world.sandbox.log(10).unwrap();
    let logged: Vec<_> = logged.iter().filter(|entry| entry.path == "/v1/submissions").collect();
    assert!(logged[0].fault.is_some() && logged[2].fault.is_none());
    assert_eq!(
        logged[0].status,
        answer.as_ref().ok().map(|answer| answer.status).or(
            // Half an answer is an answer to the log.
            (logged[0].fault.as_deref() == Some("truncated")).then_some(201),
        )
    );
    (answer, taken_in)
}

#[test]
fn refuse_takes_nothing_in() {
    let (answer, taken_in) = suffer(json!("refuse"));
    assert_eq!(answer.unwrap().refusal(), (403, "gateway.refused".to_owned()));
    assert!(!taken_in);
}

#[test]
fn cuts_before_the_commit_take_nothing_in() {
    for kind in ["cut_before_read", "cut_mid_body"] {
        let (answer, taken_in) = suffer(json!(kind));
        assert!(answer.is_err() && !taken_in, "{kind}");
    }
}

#[test]
fn a_cut_after_the_commit_takes_the_file_in() {
    let (answer, taken_in) = suffer(json!("cut_after_commit"));
    assert!(answer.is_err() && taken_in);
}

#[test]
fn slow_answers_late() {
    let start = Instant::now();
    let (answer, taken_in) = suffer(json!({ "slow": { "milliseconds": 700 } }));
    assert!(answer.unwrap().status == 201 && taken_in);
    assert!(start.elapsed() >= Duration::from_millis(700));
}

#[test]
fn a_status_comes_before_or_after_the_commit() {
    let (answer, taken_in) = suffer(json!({ "status": { "code": 502 } }));
    assert_eq!(answer.unwrap().refusal(), (502, "gateway.unavailable".to_owned()));
    assert!(!taken_in);
    let (answer, taken_in) = suffer(json!({ "status": { "code": 503, "after_commit": true } }));
    assert_eq!(answer.unwrap().status, 503);
    assert!(taken_in);
}

#[test]
fn spoiled_answers_are_of_files_taken_in() {
    let (answer, taken_in) = suffer(json!("garbage"));
    let answer = answer.unwrap();
    assert!(taken_in && answer.status == 201);
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());

    let (answer, taken_in) = suffer(json!("wrong_content_type"));
    let answer = answer.unwrap();
    assert!(taken_in && answer.header("content-type").unwrap().starts_with("text/html"));

    let (answer, taken_in) = suffer(json!("truncated"));
    assert!(answer.is_err() && taken_in);
}

#[test]
fn faults_hit_their_route_and_no_administrator() {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    world.faults(json!([
        { "route": "GET /v1/receipts/{protocollo}", "kind": "refuse" },
        { "route": "*", "kind": { "status": { "code": 500 } }, "skip": 1, "times": 2 },
    ]));
    assert_eq!(world.get(&token, "/v1/receipts/1").status, 403);
    assert_eq!(world.get(&token, "/v1/receipts").status, 200);
    assert_eq!(world.admin(("GET", "/sandbox/v1/clock"), &json!(null)).status, 200);
    assert_eq!(world.get(&token, "/v1/receipts").status, 500);
    assert_eq!(world.call(("GET", "/v1/ca/certificates"), &[], b"").status, 500);
    assert_eq!(world.get(&token, "/v1/receipts").status, 200);
}

/// Every kind of fault that a route can meet, as an administrator gives it.
fn kinds() -> [Value; 11] {
    [
        json!("refuse"),
        json!("cut_before_read"),
        json!("cut_mid_body"),
        json!("cut_after_commit"),
        json!({ "slow": { "milliseconds": 5 } }),
        json!({ "status": { "code": 503 } }),
        json!({ "status": { "code": 503, "after_commit": true } }),
        json!("garbage"),
        json!("wrong_content_type"),
        json!("truncated"),
        json!({ "status": { "code": 500 } }),
    ]
}

#[test]
fn every_route_under_v1_meets_every_kind() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let receipt = world.processed(&token, "uno", &world.request(&rossi, keys()));
    let one = format!("/v1/receipts/{}", receipt["protocollo"].as_str().unwrap());
    let certif_in = format!("{one}/attachments/CERTIF.IN");
    let login = json!({
        "utente": rossi.utente, "password": rossi.password.expose(),
        "codice_pin": rossi.codice_pin.expose(),
    });
    let revocation = json!({
        "numero_busta": rossi.numero_busta, "tipo_busta": "A", "pin_di_revoca": PIN,
    });
    let routes = [
        ("POST", "/v1/sessions", "/v1/sessions", Some(&login)),
        ("POST", "/v1/submissions", "/v1/submissions", None),
        ("GET", "/v1/submissions", "/v1/submissions?idempotency_key=uno", None),
        ("GET", "/v1/receipts", "/v1/receipts", None),
        ("GET", "/v1/receipts/{protocollo}", &one, None),
        ("GET", "/v1/receipts/{protocollo}/attachments/{name}", &certif_in, None),
        ("POST", "/v1/revocations", "/v1/revocations", Some(&revocation)),
        ("GET", "/v1/revocations", "/v1/revocations?idempotency_key=k", None),
        ("GET", "/v1/ca/certificates", "/v1/ca/certificates", None),
        ("GET", "/v1/ca/crl", "/v1/ca/crl", None),
    ];
    for (method, template, path, body) in routes {
        let ask = || match (template, method) {
            ("/v1/submissions", "POST") => {
                submit(world.running.address, &token, "uno", b"altro").map_err(drop)
            }
            _ => ask(&world, &token, (method, path), body),
        };
        let sound = ask().unwrap();
        for kind in kinds() {
            let place = format!("{method} {template} {kind}");
            let faults =
                json!({ "faults": [{ "route": format!("{method} {template}"), "kind": kind }] });
            let taken = world.admin(("PUT", "/sandbox/v1/faults"), &faults);
            assert_eq!(taken.status, 200, "{place}: {}", taken.json());
            meets(&kind, &sound, ask(), &place);
            assert!(world.sandbox.faults().unwrap().is_empty(), "{place}: it was met");
            let again = ask().unwrap_or_else(|()| panic!("{place}: the next one is answered"));
            let known = [sound.status, 200, 201];
            assert!(known.contains(&again.status), "{place}: {} after it", again.status);
        }
    }
}

/// One request with all that any of the routes wants.
fn ask(
    world: &World,
    token: &str,
    route: (&str, &str),
    body: Option<&Value>,
) -> Result<Answer, ()> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let body = body.map(Value::to_string).unwrap_or_default();
    call(world.running.address, route, &headers, body.as_bytes()).map_err(drop)
}

/// What arrives is what the kind of fault says.
fn meets(kind: &Value, sound: &Answer, answer: Result<Answer, ()>, place: &str) {
    let cuts = ["cut_before_read", "cut_mid_body", "cut_after_commit", "truncated"];
    if kind.as_str().is_some_and(|kind| cuts.contains(&kind)) {
        assert!(answer.is_err(), "{place}");
        return;
    }
    let answer = answer.unwrap_or_else(|()| panic!("{place}: no answer"));
    match kind.as_str() {
        Some("refuse") => {
            assert_eq!(answer.refusal(), (403, "gateway.refused".to_owned()), "{place}");
        }
        Some("garbage") => {
            assert_ne!(answer.body, sound.body, "{place}");
            assert!(serde_json::from_slice::<Value>(&answer.body).is_err(), "{place}");
        }
        Some("wrong_content_type") => {
            let found = answer.header("content-type").unwrap();
            assert!(found.starts_with("text/html"), "{place}: {found}");
        }
        _ => match kind["status"]["code"].as_u64() {
            Some(code) => assert_eq!(u64::from(answer.status), code, "{place}"),
            None => assert!(answer.status < 500, "{place}"),
        },
    }
}

#[test]
fn a_revocation_is_asked_for_once_whatever_happens_on_the_way() {
    for (kind, taken_in) in [
        (json!("refuse"), false),
        (json!("cut_before_read"), false),
        (json!("cut_mid_body"), false),
        (json!({ "status": { "code": 503 } }), false),
        (json!("cut_after_commit"), true),
        (json!({ "status": { "code": 503, "after_commit": true } }), true),
        (json!("garbage"), true),
        (json!("wrong_content_type"), true),
        (json!("truncated"), true),
    ] {
        let world = World::new();
        let rossi = world.account(ROSSI);
        let token = world.login(&rossi);
        world.processed(&token, "uno", &world.request(&rossi, keys()));
        world.faults(json!([
            { "route": "POST /v1/revocations", "kind": kind },
            { "route": "GET /v1/revocations", "kind": "cut_after_commit" },
        ]));
        let body = json!({
            "numero_busta": rossi.numero_busta, "tipo_busta": "A", "pin_di_revoca": PIN,
        });
        let revoke = || ask(&world, &token, ("POST", "/v1/revocations"), Some(&body));
        let _ = revoke();
        let find = || ask(&world, &token, ("GET", "/v1/revocations?idempotency_key=k"), None);
        assert!(find().is_err(), "{kind}: the look-up meets its own fault");
        let found = find().unwrap().json()["revocations"].as_array().unwrap().len();
        assert_eq!(found, usize::from(taken_in), "{kind}");
        assert_eq!(revoke().unwrap().status, if taken_in { 200 } else { 202 }, "{kind}");
    }
}

#[test]
fn faults_survive_a_restart() {
    let world = World::new();
    world.faults(json!([{ "route": "*", "kind": "refuse" }]));
    let world = world.reopened();
    assert_eq!(world.call(("GET", "/v1/ca/crl"), &[], b"").status, 403);
    assert_eq!(world.call(("GET", "/v1/ca/crl"), &[], b"").status, 200);
}
