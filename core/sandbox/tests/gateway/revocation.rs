//! Revocation: asked for with busta and PIN, once per key, in force after a delay, then on the list.

use ceralacca_sandbox::{Credentials, Settings};
use der::Decode;
use jiff::ToSpan;
use serde_json::{Value, json};
use x509_cert::crl::CertificateList;

use crate::client::Answer;
use crate::world::{DITTA, PIN, ROSSI, World, keys, other_keys};

#[test]
fn a_revocation_takes_effect_after_its_delay() {
    let world = delayed(600);
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let busta = rossi.numero_busta.as_str();
    let nothing = revoke(&world, &token, busta, "A", PIN).refusal();
    assert_eq!(nothing, (409, "gateway.no_environment".to_owned()));
    world.processed(&token, "uno", &world.request(&rossi, keys()));
    assert!(listed(&world).is_empty());

    let unknown = (403, "gateway.unknown_busta".to_owned());
    assert_eq!(revoke(&world, &token, "0000000000", "A", PIN).refusal(), unknown);
    assert_eq!(revoke(&world, &token, busta, "B", PIN).refusal(), unknown);
    let wrong = revoke(&world, &token, busta, "A", "REVOCA1234567891").refusal();
    assert_eq!(wrong, (403, "gateway.wrong_pin".to_owned()));
    // Nothing was kept under the key of the refusals: the right request goes through under it.
    assert_eq!(find(&world, &token, KEY), Vec::<Value>::new());
    let asked = revoke(&world, &token, busta, "A", PIN);
    assert_eq!(asked.status, 202);
    assert_eq!(asked.json(), json!({ "requested_at": NOW, "effective_at": null }));
    let pending = under("altra", &world, &token, (busta, "A", PIN));
    assert_eq!(pending.refusal(), (409, "gateway.revocation_pending".to_owned()));
    assert_eq!(find(&world, &token, "altra"), Vec::<Value>::new());

    world.sandbox.set_clock_offset(599).unwrap();
    let early = world.request(&rossi, other_keys());
    assert_eq!(world.rejection(&token, "due", &early), "pks10.environment_exists");
    assert!(listed(&world).is_empty());
    assert_eq!(find(&world, &token, KEY), [asked.json()]);
    world.sandbox.set_clock_offset(600).unwrap();
    assert_eq!(listed(&world).len(), 2);
    let in_force = json!({ "requested_at": NOW, "effective_at": "2026-11-21T20:27:01Z" });
    assert_eq!(find(&world, &token, KEY), std::slice::from_ref(&in_force));
    let world = world.reopened();
    assert_eq!(listed(&world).len(), 2);
    let token = world.login(&rossi);
    assert_eq!(find(&world, &token, KEY), [in_force]);
    let request = world.request(&rossi, other_keys());
    assert_eq!(world.processed(&token, "tre", &request)["stato"], "ELABORATO");
}

#[test]
fn the_same_key_never_revokes_twice() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let busta = rossi.numero_busta.as_str();
    world.processed(&token, "uno", &world.request(&rossi, keys()));
    let first = revoke(&world, &token, busta, "A", PIN);
    assert_eq!(first.json(), json!({ "requested_at": NOW, "effective_at": NOW }));
    let again = revoke(&world, &token, busta, "A", PIN);
    assert_eq!((again.status, again.json()), (200, first.json()));

    // A new environment is in force, and the old request arrives once more.
    world.sandbox.set_clock_offset(60).unwrap();
    world.processed(&token, "due", &world.request(&rossi, other_keys()));
    let late = revoke(&world, &token, busta, "A", PIN);
    assert_eq!((late.status, late.json()), (200, first.json()));
    assert_eq!(listed(&world).len(), 2, "the new environment is not revoked");
    let world = world.reopened();
    let token = world.login(&rossi);
    assert_eq!(revoke(&world, &token, busta, "A", PIN).status, 200);
    assert_eq!(listed(&world).len(), 2);
    // Under another key it is another revocation.
    assert_eq!(under("altra", &world, &token, (busta, "A", PIN)).status, 202);
    assert_eq!(listed(&world).len(), 4);
    assert_eq!(find(&world, &token, KEY), [first.json()]);
}

#[test]
fn a_key_is_wanted_and_belongs_to_its_account() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let ditta = world.account(DITTA);
    let token = world.login(&rossi);
    world.processed(&token, "uno", &world.request(&rossi, keys()));
    let bad = (400, "gateway.bad_request".to_owned());
    let body = body(&rossi.numero_busta, "A", PIN).to_string();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let without = world.call(("POST", "/v1/revocations"), &headers, body.as_bytes());
    assert_eq!(without.refusal(), bad);
    let long = "k".repeat(201);
    let data = (rossi.numero_busta.as_str(), "A", PIN);
    assert_eq!(under(&long, &world, &token, data).refusal(), bad);
    assert_eq!(world.get(&token, "/v1/revocations").refusal(), bad);
    let expired = (401, "gateway.session_expired".to_owned());
    assert_eq!(world.get("nessuno", "/v1/revocations?idempotency_key=k").refusal(), expired);
    assert_eq!(listed(&world).len(), 0);

    assert_eq!(under(KEY, &world, &token, data).status, 202);
    let ditta_token = world.login(&ditta);
    assert_eq!(find(&world, &ditta_token, KEY), Vec::<Value>::new());
    let none = under(KEY, &world, &ditta_token, (&ditta.numero_busta, "A", PIN)).refusal();
    assert_eq!(none, (409, "gateway.no_environment".to_owned()));
}

#[test]
fn an_incaricato_revokes_after_the_switch() {
    let world = World::new();
    let ditta = world.account(DITTA);
    let rossi = world.incaricato(ROSSI, &[DITTA]);
    world.processed(&world.login(&ditta), "uno", &world.request(&ditta, keys()));
    let busta = ditta.numero_busta.as_str();
    let unswitched = world.login(&rossi);
    let refused = revoke(&world, &unswitched, busta, "A", PIN).refusal();
    assert_eq!(refused, (403, "gateway.unknown_busta".to_owned()));
    let token = switched(&world, &rossi);
    let asked = revoke(&world, &token, busta, "A", PIN);
    assert_eq!(asked.status, 202);
    assert_eq!(listed(&world).len(), 2);
    // Found by whoever works for the subject, and by nobody else.
    assert_eq!(find(&world, &token, KEY), [asked.json()]);
    assert_eq!(find(&world, &world.login(&ditta), KEY), [asked.json()]);
    assert_eq!(find(&world, &unswitched, KEY), Vec::<Value>::new());
    assert_eq!(revoke(&world, &world.login(&ditta), busta, "A", PIN).status, 200);
}

#[test]
fn an_office_revokes_without_a_pin() {
    let world = delayed(600);
    let rossi = world.account(ROSSI);
    let office = |path: &str| world.admin(("POST", path), &json!(null));
    let path = "/sandbox/v1/environments/RSSMRA85M01H501Q/000/revoke";
    assert_eq!(office(path).refusal(), (404, "gateway.no_environment".to_owned()));
    let token = world.login(&rossi);
    world.processed(&token, "uno", &world.request(&rossi, keys()));
    // What is queued already takes effect at once then.
    revoke(&world, &token, &rossi.numero_busta, "A", PIN);
    world.sandbox.set_clock_offset(60).unwrap();
    assert_eq!(office(path).json()["revoked_at"], "2026-11-21T20:18:01Z");
    assert_eq!(listed(&world).len(), 2);
    let found = json!({ "requested_at": NOW, "effective_at": "2026-11-21T20:18:01Z" });
    assert_eq!(find(&world, &token, KEY), [found]);
    let unknown = office("/sandbox/v1/environments/02876990587/000/revoke").refusal();
    assert_eq!(unknown, (404, "gateway.unknown_account".to_owned()));
    let malformed = office("/sandbox/v1/environments/NESSUNO/000/revoke").refusal();
    assert_eq!(malformed, (400, "gateway.bad_request".to_owned()));
}

#[test]
fn expired_certificates_are_revoked_before_new_ones_are_asked_for() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    world.processed(&world.login(&rossi), "uno", &world.request(&rossi, keys()));
    // The three years and the five minutes that they are rounded up to are over.
    world.sandbox.set_now("2029-11-21T20:20:01Z".parse().unwrap()).unwrap();
    let token = world.login(&rossi);
    let early = world.processed(&token, "due", &world.request(&rossi, other_keys()));
    let motivo = &early["motivo_di_scarto"];
    assert_eq!(motivo["code"], "pks10.environment_exists");
    let text = motivo["text"].as_str().unwrap();
    assert!(text.contains("occorre prima revocarlo"), "{text}");
    assert!(text.contains("Ripristino"), "{text}");
    assert_eq!(revoke(&world, &token, &rossi.numero_busta, "A", PIN).status, 202);
    let request = world.request(&rossi, other_keys());
    assert_eq!(world.processed(&token, "tre", &request)["stato"], "ELABORATO");
}

#[test]
fn a_clock_that_moves_ends_sessions_and_nothing_else() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    world.processed(&token, "uno", &world.request(&rossi, keys()));
    let later = world.sandbox.now().to_zoned(jiff::tz::TimeZone::UTC);
    let later = later.checked_add(3.years()).unwrap().timestamp();
    let set = json!({ "now": later.to_string() });
    assert_eq!(world.admin(("PUT", "/sandbox/v1/clock"), &set).status, 200);
    let path = format!("/v1/revocations?idempotency_key={KEY}");
    let ended = (401, "gateway.session_expired".to_owned());
    assert_eq!(world.get(&token, &path).refusal(), ended);
    let token = world.login(&rossi);
    assert_eq!(world.get(&token, &path).status, 200);
    let receipts = world.get(&token, "/v1/receipts").json();
    assert_eq!(receipts["receipts"][0]["stato"], "ELABORATO");
}

/// A sandbox in which revocations take so many seconds.
fn delayed(seconds: u32) -> World {
    let world = World::new();
    let settings = Settings { revocation_delay_seconds: seconds, ..Settings::default() };
    world.sandbox.set_settings(&settings).unwrap();
    world
}

fn revoke(world: &World, token: &str, busta: &str, tipo: &str, pin: &str) -> Answer {
    under(KEY, world, token, (busta, tipo, pin))
}

fn under(key: &str, world: &World, token: &str, (busta, tipo, pin): (&str, &str, &str)) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    let body = body(busta, tipo, pin).to_string();
    world.call(("POST", "/v1/revocations"), &headers, body.as_bytes())
}

fn body(busta: &str, tipo: &str, pin: &str) -> Value {
    json!({ "numero_busta": busta, "tipo_busta": tipo, "pin_di_revoca": pin })
}

/// What was asked for under a key.
fn find(world: &World, token: &str, key: &str) -> Vec<Value> {
    let answer = world.get(token, &format!("/v1/revocations?idempotency_key={key}"));
    assert_eq!(answer.status, 200);
    answer.json()["revocations"].as_array().unwrap().clone()
}

fn switched(world: &World, who: &Credentials) -> String {
    let answer = world.try_login(who, Some(DITTA));
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// Serial numbers on the current list, whose signature is checked.
fn listed(world: &World) -> Vec<Vec<u8>> {
    let answer = world.call(("GET", "/v1/ca/crl"), &[], b"");
    assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
    let list = CertificateList::from_der(&answer.body).unwrap();
    let message = der::Encode::to_der(&list.tbs_cert_list).unwrap();
    let signature = list.signature.as_bytes().unwrap();
    assert!(world.ca().public().verifies_sha256(&message, signature));
    let revoked = list.tbs_cert_list.revoked_certificates.unwrap_or_default();
    revoked.iter().map(|one| one.serial_number.as_bytes().to_vec()).collect()
}

const KEY: &str = "revoca";
/// The sandbox's time when a world begins.
const NOW: &str = "2026-11-21T20:17:01Z";
