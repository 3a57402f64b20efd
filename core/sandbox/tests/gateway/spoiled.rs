//! Bad CERTIF.INs: each is refused by the reader for its own reason, then the right one is served.

use ceralacca_kernel::Explain;
use ceralacca_keystore::certif_in::{CertifIn, Expected};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::world::{ROSSI, World, keys};

#[test]
fn each_damage_is_told_apart() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    for kind in [
        "other_request",
        "truncated",
        "pem",
        "trailing",
        "swapped",
        "short_key",
        "other_ca",
        "forged",
        "missing_one",
    ] {
        let fault = json!({ "route": "*", "kind": { "certif_in": kind }, "times": 1 });
        world.faults(json!([fault]));
        let token = world.login(&rossi);
        let receipt = world.processed(&token, kind, &world.request(&rossi, keys()));
        assert_eq!(receipt["stato"], "ELABORATO", "{receipt}");
        assert_eq!(read(&world, &token, &receipt), Err(expected_code(kind).to_owned()), "{kind}");
        let path = format!("/v1/receipts/{}", receipt["protocollo"].as_str().unwrap());
        let receipt = world.get(&token, &path).json();
        assert_eq!(read(&world, &token, &receipt), Ok(()), "{kind}");
        // The same keys for the next damage: forget this environment.
        forget(&world);
    }
}

fn expected_code(kind: &str) -> &'static str {
    match kind {
        "other_request" => "certif_in.other_request",
        "truncated" => "certif_in.truncated",
        "pem" => "certif_in.pem",
        "trailing" => "certif_in.trailing_bytes",
        "swapped" => "certif_in.swapped",
        "short_key" => "certif_in.key_size",
        "other_ca" => "certif_in.other_ca",
        "forged" => "certif_in.forged",
        _ => "certif_in.missing",
    }
}

/// Fetches CERTIF.IN and matches it; the error is the reader's code.
fn read(world: &World, token: &str, receipt: &serde_json::Value) -> Result<(), String> {
    let protocollo = receipt["protocollo"].as_str().unwrap();
    let path = format!("/v1/receipts/{protocollo}/attachments/CERTIF.IN");
    let bytes = world.get(token, &path).body;
    assert_eq!(receipt["attachments"][0]["sha256"], hex::encode(Sha256::digest(&bytes)));
    let authorities = [world.ca()];
    let expected = Expected {
        firma: keys().firma.public(),
        cifra: keys().cifra.public(),
        common_name: Some(ROSSI),
        authorities: &authorities,
        at: world.sandbox.now(),
    };
    let matched = CertifIn::from_der(&bytes).and_then(|read| read.match_to(&expected));
    matched.map(drop).map_err(|error| error.explain().code)
}

fn forget(world: &World) {
    let path = world.folder.path().join("stato-SANDBOX.sqlite");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("DELETE FROM certificates; DELETE FROM environments;").unwrap();
}
