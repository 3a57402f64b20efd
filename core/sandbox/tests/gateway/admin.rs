//! The administrator's routes: token, accounts, clock, settings, faults, log.

use serde_json::json;

use crate::world::{DITTA, ROSSI, World};

#[test]
fn everything_needs_the_token() {
    let world = World::new();
    let denied = (403, "gateway.admin_denied".to_owned());
    for (method, path) in [
        ("POST", "/sandbox/v1/accounts"),
        ("GET", "/sandbox/v1/clock"),
        ("DELETE", "/sandbox/v1/faults"),
        ("GET", "/sandbox/v1/log"),
        ("GET", "/sandbox/altro"),
    ] {
        assert_eq!(world.call((method, path), &[], b"{}").refusal(), denied, "{path}");
        let wrong = [("ceralacca-sandbox-admin", "0")];
        assert_eq!(world.call((method, path), &wrong, b"{}").refusal(), denied, "{path}");
    }
    let known = world.admin(("GET", "/sandbox/altro"), &json!(null)).refusal();
    assert_eq!(known, (404, "gateway.no_such_route".to_owned()));
}

#[test]
fn an_account_is_made_once_and_its_credentials_work() {
    let world = World::new();
    let route = ("POST", "/sandbox/v1/accounts");
    let account = json!({ "codice_fiscale": "RSSMRA85M01H501Q", "sede": "000",
        "incaricato_di": [{ "codice_fiscale": "02876990587", "sede": "000" }] });
    let made = world.admin(route, &account);
    assert_eq!(made.status, 201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    assert_eq!(made["tipo_busta"], "A");
    assert_eq!(made["numero_busta"].as_str().unwrap().len(), 10);
    assert_eq!(made["pincode"].as_str().unwrap().len(), 20);
    assert!(made["notice"].as_str().unwrap().starts_with("SANDBOX"));
    world.account(DITTA);
    let access = json!({ "utente": made["utente"], "password": made["password"],
        "codice_pin": made["codice_pin"],
        "on_behalf_of": { "codice_fiscale": "02876990587", "sede": "000" } });
    assert_eq!(world.log_in(&access).status, 201);
    let again = world.admin(route, &account).refusal();
    assert_eq!(again, (409, "gateway.account_exists".to_owned()));
    assert!(again_is_in_clear_nowhere(&world, &made));
}

/// No secret of the account is in any file of the sandbox.
fn again_is_in_clear_nowhere(world: &World, made: &serde_json::Value) -> bool {
    let secrets = ["pincode", "password", "codice_pin"].map(|name| made[name].as_str().unwrap());
    std::fs::read_dir(world.folder.path()).unwrap().all(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        secrets
            .iter()
            .all(|secret| !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
    })
}

#[test]
fn chosen_credentials_keep_to_their_rules() {
    let world = World::new();
    let make = |field: &str, value: &str| {
        let account = json!({ "codice_fiscale": "RSSMRA85M01H501Q", "sede": "000", field: value });
        world.admin(("POST", "/sandbox/v1/accounts"), &account)
    };
    for (field, value) in [
        ("codice_fiscale", "RSSMRA85M01H501X"),
        ("sede", "00"),
        ("numero_busta", "123"),
        ("pincode", "ABC"),
        ("pincode", "AAAA AAAA AAAA AAAA "),
        ("utente", ""),
        ("password", ""),
        ("codice_pin", "123456789012345678901"),
        ("altro", "a"),
    ] {
        let refused = make(field, value).refusal();
        assert_eq!(refused, (400, "gateway.bad_request".to_owned()), "{field} {value}");
    }
    let made = make("pincode", "ABCDEFGH12345678WXYZ").json();
    assert_eq!(made["pincode"], "ABCDEFGH12345678WXYZ");
}

#[test]
fn the_clock_is_set_and_goes_on_after_a_restart() {
    let world = World::new();
    let route = ("PUT", "/sandbox/v1/clock");
    let set = world.admin(route, &json!({ "now": "2027-01-01T00:00:00Z" })).json();
    assert_eq!(set["now"], "2027-01-01T00:00:00Z");
    let world = world.reopened();
    let shown = world.admin(("GET", "/sandbox/v1/clock"), &json!(null)).json();
    assert_eq!(shown, set);
    let back = world.admin(route, &json!({ "offset_seconds": -1 })).json();
    assert_eq!(back["now"], "2026-11-21T20:17:00Z");
    for wrong in [
        json!({}),
        json!({ "now": "2027-01-01T00:00:00Z", "offset_seconds": 1 }),
        json!({ "now": "1999-12-31T23:59:59Z" }),
        json!({ "offset_seconds": i64::MAX }),
        json!({ "now": "domani" }),
    ] {
        let refused = world.admin(route, &wrong).refusal();
        assert_eq!(refused, (400, "gateway.bad_request".to_owned()), "{wrong}");
    }
}

#[test]
fn settings_and_faults_are_checked() {
    let world = World::new();
    for wrong in [
        json!({ "receipt_delay_seconds": 2_592_001 }),
        json!({ "revocation_delay_seconds": -1 }),
        json!({ "session_seconds": 0 }),
        json!({ "crl_url": "ftp://x" }),
        json!({ "altro": 1 }),
    ] {
        let refused = world.admin(("PUT", "/sandbox/v1/settings"), &wrong).refusal();
        assert_eq!(refused, (400, "gateway.bad_request".to_owned()), "{wrong}");
    }
    let route = ("PUT", "/sandbox/v1/faults");
    let faults = json!({ "faults": [{ "route": "*", "kind": "refuse", "times": 3, "skip": 0 }] });
    assert_eq!(world.admin(route, &faults).json(), faults);
    let wrong = json!({ "faults": [{ "route": "GET /sandbox/v1/log", "kind": "refuse" }] });
    assert_eq!(world.admin(route, &wrong).status, 400);
    assert_eq!(world.admin(("GET", "/sandbox/v1/faults"), &json!(null)).json(), faults);
    assert_eq!(world.admin(("DELETE", "/sandbox/v1/faults"), &json!(null)).status, 204);
    let none = world.admin(("GET", "/sandbox/v1/faults"), &json!(null)).json();
    assert_eq!(none, json!({ "faults": [] }));
}

#[test]
fn the_log_has_sizes_and_no_contents() {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    world.submit(&token, "chiave-segreta", b"contenuto");
    world.get(&token, "/v1/submissions?idempotency_key=chiave-segreta");
    let log = world.admin(("GET", "/sandbox/v1/log?limit=3"), &json!(null));
    let text = String::from_utf8(log.body.clone()).unwrap();
    assert!(!text.contains("chiave-segreta") && !text.contains("contenuto"));
    assert!(!text.contains(&token));
    let log = log.json();
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[1]["path"], "/v1/submissions");
    assert_eq!(entries[1]["status"], 201);
    assert_eq!(entries[1]["request_bytes"], 9);
    assert!(entries[1]["answer_bytes"].as_u64().unwrap() > 100);
    assert_eq!(entries[2]["path"], "/v1/submissions");
    assert_eq!(log["submissions"], json!({ "PKS10": 1 }));
}
