//! Injected faults: what arrives at the client, and what was taken in.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{ROSSI, World, submit};

const SUBMIT: &str = "POST /v1/submissions";

/// Submits under a fault; returns what came back, and whether the file was taken in.
fn suffer(kind: Value) -> (std::io::Result<crate::client::Answer>, bool) {
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

#[test]
fn faults_survive_a_restart() {
    let world = World::new();
    world.faults(json!([{ "route": "*", "kind": "refuse" }]));
    let world = world.reopened();
    assert_eq!(world.call(("GET", "/v1/ca/crl"), &[], b"").status, 403);
    assert_eq!(world.call(("GET", "/v1/ca/crl"), &[], b"").status, 200);
}
