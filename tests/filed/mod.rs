//! A workspace where much was filed: the files that each filing leaves, without anything being sent.

#![allow(unreachable_pub, reason = "each test file has its own")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

/// A communication that was sent, accepted, and whose receipt was opened.
pub fn submission(root: &Path, number: u32) {
    let protocollo = format!("2612{number:013}");
    let (name, sha256) = (format!("comunicazione-{number}.ccf"), format!("{number:064x}"));
    let at = format!("2026-{:02}-{:02}T10:00:00Z", number % 12 + 1, number % 28 + 1);
    let write = |path: PathBuf, bytes: &[u8]| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let documents = root.join("Documenti");
    let outbox = root.join(format!(".ceralacca/outbox/{number:032x}-19"));
    write(
        outbox.join("acknowledgement.json"),
        json!({
            "protocollo": protocollo, "sha256": sha256, "file_name": name,
            "tipo_documento": "IMPRONTA", "received_at": at,
        })
        .to_string()
        .as_bytes(),
    );
    write(
        outbox.join("attempt.json"),
        json!({
            "at": at, "name": name, "tipo_documento": "IMPRONTA", "sha256": sha256,
        })
        .to_string()
        .as_bytes(),
    );
    write(documents.join(format!("inviati/{protocollo}-{name}")), b"sealed");
    let kept = |path: String| json!({ "path": path, "sha256": sha256, "length": 6 });
    let rcc = format!("ricezione/{protocollo}/{protocollo}.rcc");
    let ricevute = format!("ricevute/{protocollo}/{protocollo}");
    let counts = json!({ "totale": 1, "acquisiti": 1, "scartati": 0 });
    write(
        documents.join(format!("ricezione/{protocollo}/ricevuta.json")),
        json!({
            "protocollo": protocollo, "tipo_documento": "IMPRONTA", "stato": "DA APRIRE",
            "file_name": name, "sha256": sha256, "sent_at": at, "documenti": counts,
            "attachments": [{ "name": format!("{protocollo}.rcc"), "sha256": sha256, "length": 6 }],
        })
        .to_string()
        .as_bytes(),
    );
    write(documents.join(format!("esiti/{protocollo}.json")), json!({
        "protocollo": protocollo, "tipo_documento": "IMPRONTA", "stato": "ELABORATO",
        "file_name": name, "sent_sha256": sha256, "sent_copy": format!("inviati/{protocollo}-{name}"),
        "sent_at": at, "documenti": counts, "rcc": kept(rcc.clone()),
        "p7m": kept(format!("{ricevute}.p7m")), "rel": kept(format!("{ricevute}.rel")),
    }).to_string().as_bytes());
    for path in [rcc, format!("{ricevute}.p7m"), format!("{ricevute}.rel")] {
        write(documents.join(path), b"sealed");
    }
}
