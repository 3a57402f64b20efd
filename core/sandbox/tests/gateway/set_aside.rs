//! Receipts of an environment that is queued for revocation, revoked, or replaced by another.

use ceralacca_environment::OpenEnvironment;
use ceralacca_keystore::{Certificate, enveloped_data};
use ceralacca_sandbox::{Credentials, Settings};
use ceralacca_signing::{Content, signed_data};
use ceralacca_submission::{ReceiptText, Stato};
use ceralacca_xml::Communication;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::impronta_world::{communication, over, year};
use crate::world::{PIN, ROSSI, World, keys, other_keys};

const ROSSI_CF: &str = "RSSMRA85M01H501Q";

#[test]
fn receipts_stay_and_open_with_the_keys_they_were_sealed_for() {
    let world = World::new();
    let settings = Settings { revocation_delay_seconds: 600, ..Settings::default() };
    world.sandbox.set_settings(&settings).unwrap();
    let rossi = world.account(ROSSI);
    let old = world.environment(&rossi, keys());
    let now = world.sandbox.now();
    let token = world.login(&rossi);
    let first = world.accepted((&token, &old), "uno", &communication(ROSSI_CF, now));
    let right = world.sealed(&of_year(2024, now).to_xml(), &old);

    // Queued: the environment is in force, and what it signs is accepted.
    assert_eq!(revoke(&world, &token, &rossi), 202);
    let queued = world.filed(&token, "due", &right);
    assert_eq!(queued["stato"], "ELABORATO", "{queued}");
    let protocollo = |receipt: &Value| receipt["protocollo"].as_str().unwrap().to_owned();
    let mut sealed_for_old = vec![first, protocollo(&queued)];

    // Revoked, and none in force: what it signed is rejected, and the receipt says so to its keys.
    world.sandbox.set_clock_offset(600).unwrap();
    let late = world.sealed(&of_year(2023, now).to_xml(), &old);
    let revoked = world.filed(&token, "tre", &late);
    assert_eq!(revoked["motivo_di_scarto"]["code"], "impronta.certificate_revoked");
    sealed_for_old.push(protocollo(&revoked));
    // Nobody's keys are known for a file that nobody signed: the reason is on the portal only.
    let nobody = world.filed(&token, "quattro", b"testo");
    assert_eq!(nobody["attachments"], json!([]));
    assert_eq!(nobody["motivo_di_scarto"]["code"], "impronta.unreadable_envelope");
    all_open(&world, &token, &sealed_for_old, &old);

    // A new environment is in force: the old receipts are as they were, and new ones are its own.
    let new = renewed(&world, &rossi);
    all_open(&world, &token, &sealed_for_old, &old);
    let at = world.sandbox.now();
    let fresh = world.accepted((&token, &new), "cinque", &of_year(2022, at));
    all_open(&world, &token, std::slice::from_ref(&fresh), &new);
    assert!(opened(&world, &token, &fresh, &old).is_none());
    assert!(opened(&world, &token, &sealed_for_old[0], &new).is_none());
    // A receipt names the certificate that it is sealed for: the right key is found by it.
    let recipients = [(&sealed_for_old[0], &old), (&fresh, &new)];
    for (protocollo, environment) in recipients {
        let serial = environment.cifra.certificate().parsed().tbs_certificate.serial_number.clone();
        let sealed = attachment(&world, &token, protocollo);
        let named = sealed.windows(serial.as_bytes().len()).any(|part| part == serial.as_bytes());
        assert!(named, "{protocollo}");
    }
    // Three years later, expired, it still opens; and the portal still has it.
    let world = world.reopened();
    world.sandbox.set_now("2030-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let token = world.login(&rossi);
    all_open(&world, &token, &sealed_for_old, &old);
    let listed = world.get(&token, "/v1/receipts?tipo_documento=IMPRONTA").json();
    assert_eq!(listed["receipts"].as_array().unwrap().len(), 5);
}

/// A communication for another period, about another index.
fn of_year(number: i16, at: Timestamp) -> Communication {
    let index = number.to_be_bytes();
    Communication { periodo_imposta: year(number), ..over(&index, ROSSI_CF, at) }
}

/// A second environment for the account, in the open.
fn renewed(world: &World, who: &Credentials) -> OpenEnvironment {
    let authorities: [Certificate; 1] = [world.ca()];
    let name = who.account.common_name();
    let keys = other_keys();
    let token = world.login(who);
    let receipt = world.processed(&token, "rinnovo", &world.request(who, keys));
    assert_eq!(receipt["stato"], "ELABORATO", "{receipt}");
    crate::impronta_world::certified(
        world,
        &token,
        receipt["protocollo"].as_str().unwrap(),
        (&name, keys, &authorities),
    )
}

fn revoke(world: &World, token: &str, who: &Credentials) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("idempotency-key", "revoca"),
    ];
    let body = json!({
        "numero_busta": who.numero_busta, "tipo_busta": "A", "pin_di_revoca": PIN,
    });
    world.call(("POST", "/v1/revocations"), &headers, body.to_string().as_bytes()).status
}

fn all_open(world: &World, token: &str, protocolli: &[String], environment: &OpenEnvironment) {
    for protocollo in protocolli {
        let text = opened(world, token, protocollo, environment);
        let text = text.unwrap_or_else(|| panic!("{protocollo} does not open"));
        assert_eq!(text.protocollo.as_str(), protocollo);
        assert!([Stato::Elaborato, Stato::Scartato].contains(&text.stato));
    }
}

fn attachment(world: &World, token: &str, protocollo: &str) -> Vec<u8> {
    let path = format!("/v1/receipts/{protocollo}/attachments/{protocollo}.rcc");
    let answer = world.get(token, &path);
    assert_eq!(answer.status, 200, "{protocollo}");
    answer.body
}

/// The text of the sealed receipt, when this environment opens it.
fn opened(
    world: &World,
    token: &str,
    protocollo: &str,
    environment: &OpenEnvironment,
) -> Option<ReceiptText> {
    let sealed = attachment(world, token, protocollo);
    let cifra = &environment.cifra;
    let p7m = enveloped_data::open(&sealed, cifra.certificate(), &cifra.key)?;
    let mut text = Vec::new();
    signed_data::read(&mut p7m.as_slice(), Content::Into(&mut text)).ok()?;
    Some(ReceiptText::parse(&text).unwrap())
}
