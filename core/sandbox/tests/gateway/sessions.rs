//! Sessions: portal keys, cambio utenza, expiry.

use serde_json::json;

use crate::world::{DITTA, ROSSI, World, account};

#[test]
fn wrong_portal_keys_are_all_refused_alike() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let (password, codice_pin) = (rossi.password.expose(), rossi.codice_pin.expose());
    for (utente, password, codice_pin) in [
        ("nessuno", password, codice_pin),
        (rossi.utente.as_str(), "sbagliata", codice_pin),
        (rossi.utente.as_str(), password, "0"),
        (rossi.utente.as_str(), codice_pin, password),
        ("", "", ""),
    ] {
        let access = json!({ "utente": utente, "password": password, "codice_pin": codice_pin });
        let refused = world.log_in(&access);
        assert_eq!(refused.refusal(), (401, "gateway.access_denied".to_owned()));
        assert!(refused.header("www-authenticate").is_some());
    }
    assert_eq!(world.try_login(&rossi, None).status, 201);
}

#[test]
fn only_an_incaricato_switches_to_another_subject() {
    let world = World::new();
    let ditta = world.account(DITTA);
    let rossi = world.incaricato(ROSSI, &[DITTA, "RSSMRA85M01H501Q-007"]);
    assert_eq!(world.try_login(&rossi, Some(DITTA)).status, 201);
    assert_eq!(world.try_login(&rossi, Some(ROSSI)).status, 201);
    let not_incaricato = (403, "gateway.not_incaricato".to_owned());
    assert_eq!(world.try_login(&ditta, Some(ROSSI)).refusal(), not_incaricato);
    // Named, but not an account.
    let nobody = world.try_login(&rossi, Some("RSSMRA85M01H501Q-007"));
    assert_eq!(nobody.refusal(), not_incaricato);
}

#[test]
fn a_session_ends_with_the_clock_and_with_the_sandbox() {
    let world = World::new();
    let token = world.login(&world.account(ROSSI));
    assert_eq!(world.get(&token, "/v1/receipts").status, 200);
    let expired = (401, "gateway.session_expired".to_owned());
    for path in ["/v1/receipts", "/v1/submissions?idempotency_key=a", "/v1/receipts/1"] {
        assert_eq!(world.get("inventato", path).refusal(), expired);
        assert_eq!(world.call(("GET", path), &[], b"").refusal(), expired);
    }
    world.sandbox.set_clock_offset(1799).unwrap();
    assert_eq!(world.get(&token, "/v1/receipts").status, 200);
    world.sandbox.set_clock_offset(1800).unwrap();
    assert_eq!(world.get(&token, "/v1/receipts").refusal(), expired);
    world.sandbox.set_clock_offset(0).unwrap();
    assert_eq!(world.get(&token, "/v1/receipts").status, 200);
    let world = world.reopened();
    assert_eq!(world.get(&token, "/v1/receipts").refusal(), expired);
}

#[test]
fn a_malformed_body_is_refused_without_repeating_it() {
    let world = World::new();
    let bad = (400, "gateway.bad_request".to_owned());
    let segreto = "segretissimo";
    for access in [
        json!({ "utente": segreto, "password": 7, "codice_pin": "1" }),
        json!({ "utente": "a", "password": "b", "codice_pin": "c", segreto: 1 }),
        json!({ "utente": "a", "password": "b", "codice_pin": "c",
                "on_behalf_of": { "codice_fiscale": segreto, "sede": "000" } }),
        json!([segreto]),
    ] {
        let refused = world.log_in(&access);
        assert_eq!(refused.refusal(), bad);
        assert!(!String::from_utf8_lossy(&refused.body).contains(segreto));
    }
    let route = ("POST", "/v1/sessions");
    assert_eq!(world.call(route, &[("content-type", "text/plain")], b"{}").refusal(), bad);
    let json = [("content-type", "application/json")];
    assert_eq!(world.call(route, &json, &[b'['; 60_000]).refusal(), bad);
    let large = world.call(route, &json, &vec![b' '; 70_000]).refusal();
    assert_eq!(large, (413, "gateway.too_large".to_owned()));
    assert_eq!(account(ROSSI).common_name(), ROSSI);
}
