//! The other side of a node, with nothing of the program under test: openssl takes the envelope and the
//! signature off, python the zip; the document goes to the sandbox by way of a person; the receipt comes
//! back as a support made by the same two.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::node::{Node, openssl};
use crate::stage::judge;
use crate::stage::person::Person;

/// Takes a support from the node and puts its outcome there. Gives the protocollo.
pub(crate) fn answer(node: &Node, support: &str, person: &Person<'_>) -> String {
    let work = tempfile::tempdir().unwrap();
    let keys = node.path("keys").display().to_string();
    fs::copy(node.path("in").join(support), work.path().join("support")).unwrap();
    let ours = format!("-inkey {keys}/agency.key -recip {keys}/agency.pem");
    openssl(work.path(), &format!("cms -decrypt -inform DER -in support {ours} -out signed"));
    let node_is = format!("-CAfile {keys}/node.pem -purpose any");
    openssl(work.path(), &format!("cms -verify -inform DER -in signed {node_is} -out zip"));
    python(
        work.path(),
        "import zipfile, sys; zipfile.ZipFile(sys.argv[1] + '/zip').extractall(sys.argv[1] + '/files')",
    );
    let read = fs::read(work.path().join("files/invio.json")).unwrap();
    let invio: serde_json::Value = serde_json::from_slice(&read).unwrap();
    let name = invio["file_name"].as_str().unwrap();
    let tipo = invio["tipo_documento"].as_str().unwrap();

    let protocollo = person.upload(&work.path().join("files").join(name), tipo);
    let row = person.row(&protocollo);
    fs::create_dir(work.path().join("outcome")).unwrap();
    for file in row["attachments"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let bytes = person.fetch(&protocollo, name);
        fs::write(work.path().join("outcome").join(name), bytes).unwrap();
    }
    let mut esito = row.clone();
    esito["support"] = json!(support);
    fs::write(work.path().join("outcome/esito.json"), esito.to_string()).unwrap();
    python(
        work.path(),
        "import shutil, sys; shutil.make_archive(sys.argv[1] + '/outcome', 'zip', sys.argv[1] + '/outcome')",
    );
    let signer = format!("-signer {keys}/agency.pem -inkey {keys}/agency.key -md sha256");
    let sign = "cms -sign -binary -nodetach -in outcome.zip -outform DER -out answer";
    openssl(work.path(), &format!("{sign} {signer}"));
    let seal = "cms -encrypt -binary -aes256 -in answer -outform DER -out sealed";
    openssl(work.path(), &format!("{seal} {keys}/node.pem"));
    // Whole or not at all, as the node's own supports come.
    let part = node.path("out").join("sealed.part");
    fs::copy(work.path().join("sealed"), &part).unwrap();
    fs::rename(part, node.path("out").join(support.replacen("FI.", "EO.", 1))).unwrap();
    protocollo
}

fn python(folder: &Path, script: &str) {
    judge::agrees("python3", &["-c", script, &folder.display().to_string()]);
}
