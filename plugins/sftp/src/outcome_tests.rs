//! Outcomes: what they say, and what is not believed.

use serde_json::{Value, json};

use super::*;
use crate::support_name::SupportName;

fn sent() -> Record {
    let at = "2026-11-22T05:36:00Z".parse().unwrap();
    Record {
        key: "k".to_owned(),
        run: "1".to_owned(),
        at,
        file_name: "comunicazione.ccf".to_owned(),
        tipo_documento: "IMPRONTA".to_owned(),
        sha256: sha256(b"document"),
        support: SupportName::at("01234567", at, 1).unwrap(),
        support_sha256: sha256(b"support"),
    }
}

fn esito() -> Value {
    json!({
        "support": "FI.01234567.2026326.0536.001.zip", "protocollo": "26112200000000001",
        "tipo_documento": "IMPRONTA", "stato": "ELABORATO", "file_name": "comunicazione.ccf",
        "sha256": sha256(b"document"), "processed_at": "2026-11-22T06:00:00Z",
        "documenti": { "totale": 1, "acquisiti": 1, "scartati": 0 }, "unknown": [1, 2],
    })
}

fn read(esito: &Value) -> Result<Outcome, Doubt> {
    let esito = esito.to_string();
    let zip = support_zip::pack(&[(ESITO, esito.as_bytes()), ("1.rcc", b"receipt")]).unwrap();
    Outcome::read(&zip, &sent())
}

#[test]
fn an_outcome_is_a_row_with_its_files() {
    let outcome = read(&esito()).unwrap();
    assert_eq!(outcome.record.protocollo.as_str(), "senza-protocollo-2026326-0536-001");
    assert_eq!(outcome.record.stato, Stato::Elaborato);
    assert_eq!(outcome.record.notice.as_deref(), Some("protocollo 26112200000000001"));
    assert_eq!(outcome.record.attachments.len(), 1);
    assert_eq!(outcome.record.attachments[0].sha256, sha256(b"receipt"));
    assert_eq!(outcome.numero.unwrap().as_str(), "26112200000000001");
}

#[test]
fn the_outcome_of_something_else_is_not_believed() {
    for (field, text) in [
        ("support", "FI.01234567.2026326.0536.002.zip"),
        ("sha256", "00"),
        ("file_name", "altro.ccf"),
        ("tipo_documento", "PKS10"),
    ] {
        let mut esito = esito();
        esito[field] = json!(text);
        assert!(matches!(read(&esito).unwrap_err(), Doubt::OfAnother { .. }), "{field}");
    }
}

#[test]
fn what_makes_no_sense_is_not_believed() {
    for (field, value) in
        [("stato", json!("FORSE")), ("protocollo", json!("1")), ("support", json!(null))]
    {
        let mut esito = esito();
        esito[field] = value;
        assert!(matches!(read(&esito).unwrap_err(), Doubt::Unreadable(_)), "{field}");
    }
    for zip in [b"".to_vec(), b"PK".to_vec(), support_zip::pack(&[("a", b"x")]).unwrap()] {
        assert!(matches!(Outcome::read(&zip, &sent()).unwrap_err(), Doubt::Unreadable(_)));
    }
}
