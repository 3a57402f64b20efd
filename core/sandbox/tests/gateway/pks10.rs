//! The request for certificates: accepted, and rejected for each reason.

use ceralacca_kernel::Secret;
use ceralacca_keystore::certif_in::{CertifIn, Expected};
use ceralacca_keystore::request_profile::Nonces;
use ceralacca_keystore::{KeyPairs, Utilizzo};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::forge;
use crate::world::{DITTA, ROSSI, World, keys, other_keys};

#[test]
fn an_account_gets_its_two_certificates() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let request = world.request(&rossi, keys());
    let receipt = world.processed(&token, "uno", &request);
    assert_eq!(receipt["stato"], "ELABORATO", "{receipt}");
    assert_eq!(receipt["tipo_documento"], "PKS10");
    assert_eq!(receipt["file_name"], "req.ccc");
    assert_eq!(receipt["sha256"], hex::encode(Sha256::digest(&request)));
    let none = json!({ "totale": 0, "acquisiti": 0, "scartati": 0 });
    assert_eq!(receipt["documenti"], none);
    assert!(receipt["motivo_di_scarto"].is_null());
    assert!(receipt["notice"].as_str().unwrap().starts_with("SANDBOX"));
    let protocollo = receipt["protocollo"].as_str().unwrap();
    assert!(protocollo.len() == 17 && protocollo.starts_with("261121"), "{protocollo}");

    let path = format!("/v1/receipts/{protocollo}/attachments/CERTIF.IN");
    let certif_in = world.get(&token, &path).body;
    let attachment = &receipt["attachments"][0];
    assert_eq!(attachment["name"], "CERTIF.IN");
    assert_eq!(attachment["length"], certif_in.len());
    assert_eq!(attachment["sha256"], hex::encode(Sha256::digest(&certif_in)));
    check_certificates(&world, &certif_in);
}

fn check_certificates(world: &World, certif_in: &[u8]) {
    let read = CertifIn::from_der(certif_in).unwrap();
    let authorities = [world.ca()];
    let expected = Expected {
        firma: keys().firma.public(),
        cifra: keys().cifra.public(),
        common_name: Some(ROSSI),
        authorities: &authorities,
        at: world.sandbox.now(),
    };
    let certified = read.match_to(&expected).unwrap();
    let (firma, cifra) = (&certified.firma[0], &certified.cifra[0]);
    let instant = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(cifra.not_before(), instant("2026-11-21T20:17:00Z"));
    assert_eq!(firma.not_before(), instant("2026-11-21T20:17:01Z"));
    assert_eq!(firma.not_after(), instant("2029-11-21T20:20:00Z"));
    assert_eq!(cifra.not_after(), firma.not_after());
    let issuer = "C=IT, O=Agenzia delle Entrate SANDBOX, CN=CA Agenzia delle Entrate SANDBOX";
    assert_eq!(firma.issuer(), issuer);
    assert_eq!(firma.subject(), format!("C=IT, O=Agenzia delle Entrate SANDBOX, CN={ROSSI}"));
    assert_eq!(firma.utilizzo(), [Utilizzo::Firma]);
    assert_eq!(cifra.utilizzo(), [Utilizzo::Cifra]);
    assert_ne!(firma.serial(), cifra.serial());
    assert!(forge::issued_by(firma, &authorities[0]) && !firma.is_ca());
}

#[test]
fn what_cannot_be_opened_is_rejected() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let unreadable = "pks10.unreadable_envelope";
    let request = world.request(&rossi, keys());
    assert_eq!(world.rejection(&token, "vuoto", b""), unreadable);
    assert_eq!(world.rejection(&token, "testo", b"non una busta"), unreadable);
    assert_eq!(world.rejection(&token, "tronco", &request[..request.len() / 2]), unreadable);
    let other = forge::for_another_ca(&request, &keys().cifra);
    assert_eq!(world.rejection(&token, "altra", &other), unreadable);
    // None of them counts as having sent the request.
    assert_eq!(world.processed(&token, "buono", &request)["stato"], "ELABORATO");
}

#[test]
fn a_bad_signature_is_rejected() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let request = world.request(&rossi, keys());
    let tampered = forge::with_signed_data(&request, world.folder.path(), |signed| {
        *signed.last_mut().unwrap() ^= 1;
    });
    assert_eq!(world.rejection(&token, "uno", &tampered), "pks10.bad_signature");
}

#[test]
fn an_unknown_account_is_rejected() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let request = world.request_with(DITTA, &rossi.pincode, keys(), Nonces::random());
    assert_eq!(world.rejection(&token, "uno", &request), "pks10.unknown_account");
}

#[test]
fn a_wrong_pincode_is_rejected_and_the_right_one_accepted_after_it() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let wrong = Secret::new("AAAAAAAAAAAAAAAA0000");
    let request = world.request_with(ROSSI, &wrong, keys(), Nonces::random());
    assert_eq!(world.rejection(&token, "uno", &request), "pks10.wrong_pincode");
    let request = world.request(&rossi, keys());
    assert_eq!(world.processed(&token, "due", &request)["stato"], "ELABORATO");
}

#[test]
fn a_short_key_is_rejected() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let short = || forge::short_key();
    let firma = KeyPairs { firma: short(), cifra: forge::copy(&keys().cifra) };
    let cifra = KeyPairs { firma: forge::copy(&keys().firma), cifra: short() };
    for (key, pairs) in [("firma", firma), ("cifra", cifra)] {
        let request = world.request(&rossi, &pairs);
        assert_eq!(world.rejection(&token, key, &request), "pks10.key_too_short");
    }
}

#[test]
fn a_replayed_request_is_rejected_in_every_disguise() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let nonces = Nonces::random();
    let request = world.request_with(ROSSI, &rossi.pincode, keys(), nonces);
    assert_eq!(world.processed(&token, "uno", &request)["stato"], "ELABORATO");
    let replayed = "pks10.replayed_request";
    assert_eq!(world.rejection(&token, "due", &request), replayed);
    let fresh = Nonces::random();
    let same_transaction = Nonces { transaction_id: nonces.transaction_id, ..fresh };
    let same_nonce = Nonces { sender_nonce: nonces.sender_nonce, ..Nonces::random() };
    for (key, nonces) in [("tre", same_transaction), ("quattro", same_nonce)] {
        let request = world.request_with(ROSSI, &rossi.pincode, other_keys(), nonces);
        assert_eq!(world.rejection(&token, key, &request), replayed);
    }
    // Not even after the environment is gone.
    world.sandbox.revoke_environment(&rossi.account).unwrap();
    assert_eq!(world.rejection(&token, "cinque", &request), replayed);
}

#[test]
fn an_environment_in_force_stands_in_the_way_until_it_is_revoked() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let first = world.processed(&token, "uno", &world.request(&rossi, keys()));
    assert_eq!(first["stato"], "ELABORATO");
    let again = world.request(&rossi, other_keys());
    assert_eq!(world.rejection(&token, "due", &again), "pks10.environment_exists");
    world.sandbox.revoke_environment(&rossi.account).unwrap();
    let old_keys = world.request(&rossi, keys());
    assert_eq!(world.rejection(&token, "tre", &old_keys), "pks10.revoked_keys");
    let new_keys = world.request(&rossi, other_keys());
    assert_eq!(world.processed(&token, "quattro", &new_keys)["stato"], "ELABORATO");
}

#[test]
fn keys_of_another_account_are_rejected() {
    let world = World::new();
    let (rossi, ditta) = (world.account(ROSSI), world.account(DITTA));
    let first = world.processed(&world.login(&rossi), "uno", &world.request(&rossi, keys()));
    assert_eq!(first["stato"], "ELABORATO");
    let request = world.request(&ditta, keys());
    assert_eq!(world.rejection(&world.login(&ditta), "due", &request), "pks10.keys_in_use");
}

#[test]
fn a_subject_other_than_the_account_is_rejected() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let sede = world.account("RSSMRA85M01H501Q-001");
    let token = world.login(&sede);
    let request = world.request_with(ROSSI, &sede.pincode, keys(), Nonces::random());
    let forged = forge::with_signed_data(&request, world.folder.path(), |signed| {
        let names = (ROSSI.as_bytes(), "RSSMRA85M01H501Q-001".as_bytes());
        forge::signed_again(signed, &keys().firma, names);
    });
    assert_eq!(world.rejection(&token, "uno", &forged), "pks10.other_subject");
    drop(rossi);
}

#[test]
fn only_the_account_and_its_incaricato_may_send() {
    let world = World::new();
    let ditta = world.account(DITTA);
    let stranger = world.account("RSSMRA85M01H501Q-001");
    let incaricato = world.incaricato(ROSSI, &[DITTA]);
    let request = world.request(&ditta, keys());
    let token = world.login(&stranger);
    assert_eq!(world.rejection(&token, "uno", &request), "pks10.sender_not_incaricato");
    let token = world.login(&incaricato);
    assert_eq!(world.rejection(&token, "due", &request), "pks10.utenza_di_lavoro");
    let switched = world.try_login(&incaricato, Some(DITTA));
    assert_eq!(switched.status, 201);
    let token = switched.json()["token"].as_str().unwrap().to_owned();
    // What strangers sent does not make it a replay.
    let receipt = world.processed(&token, "tre", &request);
    assert_eq!(receipt["stato"], "ELABORATO", "{receipt}");
    // The subject sees the receipt as well; the stranger does not.
    let path = format!("/v1/receipts/{}", receipt["protocollo"].as_str().unwrap());
    assert_eq!(world.get(&world.login(&ditta), &path).status, 200);
    let hidden = world.get(&world.login(&stranger), &path).refusal();
    assert_eq!(hidden, (404, "gateway.no_such_receipt".to_owned()));
}
