//! Outcomes by openssl: read, and not believed where anything is wrong with them.

use std::fs;

use ceralacca_kernel::Value;
use serde_json::json;

use super::scene::{Document, NODE, Scene, esito};

#[test]
fn an_outcome_is_read_with_its_files_and_kept() {
    let Some(scene) = Scene::new("an outcome by openssl") else { return };
    let document = Document::new("k-1");
    let sent = scene.submit(&document).unwrap();
    assert_eq!(scene.receipt(&sent).unwrap(), json!(null));
    assert_eq!(scene.ask("agency/receipts", vec![Value::Null]).unwrap(), json!([]));
    let support = format!("FI.{NODE}.2026326.0536.001.zip");
    let text = esito(&support, &document).to_string();
    let files = [("esito.json", text.as_bytes()), ("26112200000000001.rcc", b"sealed")];
    scene.answer(&support, "agency", &files);
    let row = scene.receipt(&sent).unwrap();
    assert_eq!(row["stato"], "ELABORATO");
    assert_eq!(row["sha256"], sent["sha256"]);
    assert_eq!(row["attachments"][0]["name"], "26112200000000001.rcc");
    // From here on nothing is asked of the server: it may tidy up.
    fs::remove_dir_all(scene.path("out")).unwrap();
    assert_eq!(scene.receipt(&sent).unwrap(), row);
    for number in ["senza-protocollo-2026326-0536-001", "26112200000000001"] {
        let asked = vec![Value::from(number), Value::from("26112200000000001.rcc")];
        let file = scene.ask("agency/attachment", asked).unwrap();
        assert_eq!(file, json!("hex:7365616c6564"));
        let missing = vec![Value::from(number), Value::from("../x")];
        let error = scene.ask("agency/attachment", missing).unwrap_err();
        assert_eq!(error.code(), "sftp.no_attachment");
        let filter = Value::from([("protocollo", Value::from(number))]);
        assert_eq!(scene.ask("agency/receipts", vec![filter]).unwrap(), json!([row]));
    }
    for (name, value, count) in [
        ("dal", "2026-11-22", 1),
        ("dal", "2026-11-23", 0),
        ("al", "2026-11-21", 0),
        ("tipo_documento", "PKS10", 0),
        ("tipo_documento", "IMPRONTA", 1),
        ("before", "senza-protocollo-2026326-0536-001", 0),
    ] {
        let filter = Value::from([(name, Value::from(value))]);
        let rows = scene.ask("agency/receipts", vec![filter]).unwrap();
        assert_eq!(rows.as_array().unwrap().len(), count, "{name} {value}");
    }
}

#[test]
fn an_outcome_is_not_believed_where_anything_is_wrong() {
    let Some(scene) = Scene::new("forged outcomes by openssl") else { return };
    let document = Document::new("k-1");
    let sent = scene.submit(&document).unwrap();
    let support = format!("FI.{NODE}.2026326.0536.001.zip");
    let outcome = support.replace("FI.", "EO.");
    let right = esito(&support, &document);
    let text = right.to_string();
    let expect = |code: &str| {
        let error = scene.receipt(&sent).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        let kept = fs::read(scene.path("state/aside").join(&outcome)).unwrap();
        assert_eq!(kept, fs::read(scene.path("out").join(&outcome)).unwrap(), "kept aside");
        let rows = scene.ask("agency/receipts", vec![Value::Null]).unwrap();
        assert_eq!(rows[0]["stato"], "IN ELABORAZIONE", "the list goes on, and says it");
        assert!(rows[0]["notice"].as_str().unwrap().contains("EO."), "{rows}");
    };
    // Somebody else's signature, even that of the node itself.
    for stranger in ["stranger", "node"] {
        scene.answer(&support, stranger, &[("esito.json", text.as_bytes())]);
        expect("sftp.outcome_not_verified");
    }
    // Damage anywhere.
    scene.answer(&support, "agency", &[("esito.json", text.as_bytes())]);
    let whole = fs::read(scene.path("out").join(&outcome)).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(scene.path("out").join(&outcome), damaged).unwrap();
        expect("sftp.outcome_not_verified");
    }
    for half in [&whole[..0], &whole[..whole.len() / 2]] {
        fs::write(scene.path("out").join(&outcome), half).unwrap();
        expect("sftp.outcome_not_verified");
    }
    // Signed as it should be, and about something else.
    let mut other = right.clone();
    other["support"] = json!(format!("FI.{NODE}.2026326.0536.002.zip"));
    scene.answer(&support, "agency", &[("esito.json", other.to_string().as_bytes())]);
    expect("sftp.outcome_of_another");
    scene.answer(&support, "agency", &[("nothing", b"x")]);
    expect("sftp.outcome_unreadable");
    scene.answer(&support, "agency", &[("esito.json", text.as_bytes()), ("../x", b"x")]);
    expect("sftp.outcome_unreadable");
    scene.answer_zip(&support, "agency", b"no zip");
    expect("sftp.outcome_unreadable");
    // The right one at last.
    scene.answer(&support, "agency", &[("esito.json", text.as_bytes())]);
    assert_eq!(scene.receipt(&sent).unwrap()["stato"], "ELABORATO");
}
