//! Submissions and receipts as an exchange: idempotency, digests, limits, look-ups, delay.

use serde_json::json;

use crate::client::Answer;
use crate::world::{DITTA, ROSSI, World, keys, other_keys};

#[test]
fn a_key_stands_for_one_file() {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    let first = world.submit(&token, "chiave", b"uno");
    assert_eq!(first.status, 201);
    let again = world.submit(&token, "chiave", b"uno");
    assert_eq!((again.status, again.json()), (200, first.json()));
    let other = world.submit(&token, "chiave", b"due").refusal();
    assert_eq!(other, (409, "gateway.key_reused".to_owned()));
    // Another account's keys are its own.
    let ditta = world.login(&world.account(DITTA));
    assert_eq!(world.submit(&ditta, "chiave", b"due").status, 201);
    let counted = world.admin(("GET", "/sandbox/v1/log"), &json!(null)).json();
    assert_eq!(counted["submissions"], json!({ "PKS10": 2 }));
}

#[test]
fn submissions_are_found_by_key_and_by_digest() {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    let sent = world.submit(&token, "chiave", b"uno").json();
    let found = |path: &str| world.get(&token, path).json()["submissions"].clone();
    assert_eq!(found("/v1/submissions?idempotency_key=chiave"), json!([sent]));
    let digest = sent["sha256"].as_str().unwrap();
    assert_eq!(found(&format!("/v1/submissions?sha256={digest}")), json!([sent]));
    assert_eq!(found("/v1/submissions?idempotency_key=altra"), json!([]));
    assert_eq!(found(&format!("/v1/submissions?sha256={}", "0".repeat(64))), json!([]));
    for query in ["", "?sha256=zz", "?idempotency_key=a&sha256=00", "?altro=1"] {
        let refused = world.get(&token, &format!("/v1/submissions{query}")).refusal();
        assert_eq!(refused, (400, "gateway.bad_request".to_owned()), "{query}");
    }
    let ditta = world.login(&world.account(DITTA));
    let hidden = world.get(&ditta, "/v1/submissions?idempotency_key=chiave").json();
    assert_eq!(hidden["submissions"], json!([]));
}

#[test]
fn what_is_not_as_announced_is_not_accepted() {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    let bearer = format!("Bearer {token}");
    // SHA-256 of "uno" and of nothing.
    let uno = "sha-256=:QYn2hVLgf7uhJ4p6Vxu0LgE7U5kVR3kdZs8GP2tyYD8=:";
    let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let whole = [
        ("authorization", bearer.as_str()),
        ("idempotency-key", "chiave"),
        ("ceralacca-file-name", "req.ccc"),
        ("ceralacca-tipo-documento", "PKS10"),
        ("content-digest", empty),
    ];
    let with = |name: &str, value: &str, body: &[u8]| -> Answer {
        let headers: Vec<(&str, &str)> = whole
            .iter()
            .map(|(key, old)| (*key, if *key == name { value } else { *old }))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        world.call(("POST", "/v1/submissions"), &headers, body)
    };
    let bad = (400, "gateway.bad_request".to_owned());
    let long = "k".repeat(201);
    for (name, value) in [
        ("idempotency-key", ""),
        ("idempotency-key", long.as_str()),
        ("ceralacca-file-name", ""),
        ("ceralacca-file-name", "../req.ccc"),
        ("ceralacca-tipo-documento", ""),
        ("content-digest", ""),
        ("content-digest", "sha-512=:AAAA:"),
        ("content-digest", "sha-256=:AAAA:"),
        ("content-digest", "sha-256=QYn2"),
    ] {
        assert_eq!(with(name, value, b"").refusal(), bad, "{name}: {value}");
    }
    let mismatch = with("content-digest", uno, b"due").refusal();
    assert_eq!(mismatch, (400, "gateway.digest_mismatch".to_owned()));
    let unknown = with("ceralacca-tipo-documento", "IMP00", b"").refusal();
    assert_eq!(unknown, (400, "gateway.unknown_document_type".to_owned()));
    let expired = with("authorization", "Basic abc", b"").refusal();
    assert_eq!(expired, (401, "gateway.session_expired".to_owned()));
    assert_eq!(with("", "", b"").status, 201);
    assert_eq!(world.get(&token, "/v1/receipts").json()["receipts"].as_array().unwrap().len(), 1);
}

#[test]
fn files_of_up_to_5_mib_are_taken() {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    let largest = vec![7; 5 * 1024 * 1024];
    assert_eq!(world.rejection(&token, "uno", &largest), "pks10.unreadable_envelope");
    let more = vec![7; 5 * 1024 * 1024 + 1];
    let refused = world.submit(&token, "due", &more).refusal();
    assert_eq!(refused, (413, "gateway.too_large".to_owned()));
}

#[test]
fn receipts_are_filtered() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let first = world.submit(&token, "uno", b"uno").json()["protocollo"].clone();
    // Past midnight in Rome, not yet in UTC.
    world.sandbox.set_now("2026-11-21T23:30:00Z".parse().unwrap()).unwrap();
    let token = world.login(&rossi);
    let second = world.submit(&token, "due", b"due").json()["protocollo"].clone();
    let found = |query: &str| -> Vec<serde_json::Value> {
        let answer = world.get(&token, &format!("/v1/receipts{query}"));
        assert_eq!(answer.status, 200, "{query}");
        let receipts = answer.json()["receipts"].as_array().unwrap().clone();
        receipts.iter().map(|receipt| receipt["protocollo"].clone()).collect()
    };
    assert_eq!(found(""), [second.clone(), first.clone()]);
    assert_eq!(found("?protocollo=&tipo_documento=&dal=&al="), [second.clone(), first.clone()]);
    assert_eq!(found("?dal=2026-11-22"), std::slice::from_ref(&second));
    assert_eq!(found("?al=2026-11-21&tipo_documento=PKS10"), std::slice::from_ref(&first));
    assert_eq!(found("?dal=2026-11-21&al=2026-11-22"), [second, first.clone()]);
    let one = format!("?protocollo={}", first.as_str().unwrap());
    assert_eq!(found(&one), [first]);
    assert!(found("?tipo_documento=ALTRO").is_empty());
    for query in ["?dal=ieri", "?al=2026-13-01", "?che=1"] {
        let refused = world.get(&token, &format!("/v1/receipts{query}")).refusal();
        assert_eq!(refused, (400, "gateway.bad_request".to_owned()));
    }
}

#[test]
fn a_receipt_is_in_elaborazione_for_as_long_as_is_set() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let settings = json!({ "receipt_delay_seconds": 60 });
    assert_eq!(world.admin(("PUT", "/sandbox/v1/settings"), &settings).status, 200);
    let token = world.login(&rossi);
    let receipt = world.processed(&token, "uno", &world.request(&rossi, keys()));
    assert_eq!(receipt["stato"], "IN ELABORAZIONE");
    assert!(receipt["processed_at"].is_null() && receipt["motivo_di_scarto"].is_null());
    assert_eq!(receipt["attachments"], json!([]));
    let path = format!("/v1/receipts/{}", receipt["protocollo"].as_str().unwrap());
    let attachment = format!("{path}/attachments/CERTIF.IN");
    let not_yet = (404, "gateway.no_such_attachment".to_owned());
    assert_eq!(world.get(&token, &attachment).refusal(), not_yet);
    // The rejection of a second request does not show before its time either.
    let second = world.processed(&token, "due", &world.request(&rossi, other_keys()));
    assert!(second["motivo_di_scarto"].is_null());
    world.sandbox.set_clock_offset(60).unwrap();
    let receipt = world.get(&token, &path).json();
    assert_eq!(receipt["stato"], "ELABORATO");
    assert_eq!(receipt["processed_at"], "2026-11-21T20:18:01Z");
    assert_eq!(world.get(&token, &attachment).status, 200);
    let other = format!("{path}/attachments/ALTRO");
    assert_eq!(world.get(&token, &other).refusal(), not_yet);
}

#[test]
fn what_is_not_there_is_said_in_json() {
    let world = World::new();
    let nowhere = world.call(("GET", "/altrove"), &[], b"").refusal();
    assert_eq!(nowhere, (404, "gateway.no_such_route".to_owned()));
    let method = world.call(("DELETE", "/v1/receipts"), &[], b"").refusal();
    assert_eq!(method, (405, "gateway.no_such_method".to_owned()));
    let openapi = world.call(("GET", "/openapi.yaml"), &[], b"");
    assert_eq!(openapi.header("content-type"), Some("application/yaml"));
    assert_eq!(openapi.body, include_bytes!("../../openapi.yaml"));
}
