//! Revocation: asked for with busta and PIN, in force after a delay, then on the list.

use ceralacca_sandbox::{Credentials, Settings};
use der::Decode;
use serde_json::json;
use x509_cert::crl::CertificateList;

use crate::client::Answer;
use crate::world::{DITTA, PIN, ROSSI, World, keys, other_keys};

#[test]
fn a_revocation_takes_effect_after_its_delay() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let settings = Settings { revocation_delay_seconds: 600, ..Settings::default() };
    world.sandbox.set_settings(&settings).unwrap();
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
    let asked = revoke(&world, &token, busta, "A", PIN);
    assert_eq!(asked.status, 202);
    assert_eq!(asked.json()["requested_at"], "2026-11-21T20:17:01Z");
    let pending = revoke(&world, &token, busta, "A", PIN).refusal();
    assert_eq!(pending, (409, "gateway.revocation_pending".to_owned()));

    world.sandbox.set_clock_offset(599).unwrap();
    let early = world.request(&rossi, other_keys());
    assert_eq!(world.rejection(&token, "due", &early), "pks10.environment_exists");
    assert!(listed(&world).is_empty());
    world.sandbox.set_clock_offset(600).unwrap();
    assert_eq!(listed(&world).len(), 2);
    let world = world.reopened();
    assert_eq!(listed(&world).len(), 2);
    let token = world.login(&rossi);
    let request = world.request(&rossi, other_keys());
    assert_eq!(world.processed(&token, "tre", &request)["stato"], "ELABORATO");
}

#[test]
fn an_incaricato_revokes_after_the_switch() {
    let world = World::new();
    let ditta = world.account(DITTA);
    let rossi = world.incaricato(ROSSI, &[DITTA]);
    world.processed(&world.login(&ditta), "uno", &world.request(&ditta, keys()));
    let busta = ditta.numero_busta.as_str();
    let unswitched = revoke(&world, &world.login(&rossi), busta, "A", PIN).refusal();
    assert_eq!(unswitched, (403, "gateway.unknown_busta".to_owned()));
    let token = switched(&world, &rossi);
    assert_eq!(revoke(&world, &token, busta, "A", PIN).status, 202);
    assert_eq!(listed(&world).len(), 2);
}

#[test]
fn an_office_revokes_without_a_pin() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let office = |path: &str| world.admin(("POST", path), &json!(null));
    let path = "/sandbox/v1/environments/RSSMRA85M01H501Q/000/revoke";
    assert_eq!(office(path).refusal(), (404, "gateway.no_environment".to_owned()));
    world.processed(&world.login(&rossi), "uno", &world.request(&rossi, keys()));
    assert_eq!(office(path).json()["revoked_at"], "2026-11-21T20:17:01Z");
    assert_eq!(listed(&world).len(), 2);
    let unknown = office("/sandbox/v1/environments/02876990587/000/revoke").refusal();
    assert_eq!(unknown, (404, "gateway.unknown_account".to_owned()));
    let malformed = office("/sandbox/v1/environments/NESSUNO/000/revoke").refusal();
    assert_eq!(malformed, (400, "gateway.bad_request".to_owned()));
}

fn revoke(world: &World, token: &str, busta: &str, tipo: &str, pin: &str) -> Answer {
    let request = json!({ "numero_busta": busta, "tipo_busta": tipo, "pin_di_revoca": pin });
    let headers =
        [("authorization", &*format!("Bearer {token}")), ("content-type", "application/json")];
    world.call(("POST", "/v1/revocations"), &headers, request.to_string().as_bytes())
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
