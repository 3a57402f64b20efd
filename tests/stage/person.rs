//! A person at the portal: uploads what lies in `da inviare`, fetches receipts, asks for a revocation.
//!
//! Talks to the sandbox as a browser would talk to the portal, with nothing of the program under test.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::http::{self, Answer};
use super::{Account, Served, Stage};

impl Stage {
    /// A workspace whose agency is a person.
    pub fn by_hand(served: &Served) -> Stage {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        fs::write(stage.path("ca.cer"), ca(served)).unwrap();
        stage.run(&["init", "--hand-off", "--ca", "ca.cer"]).expect_success();
        stage
    }

    /// Turns a workspace that has a gateway into one whose agency is a person.
    pub fn hand_off(&self, served: &Served) {
        fs::write(self.path("ca.cer"), ca(served)).unwrap();
        let settings = fs::read_to_string(self.path("ceralacca.toml")).unwrap();
        let gateway = format!("gateway = \"{}\"", served.url);
        assert!(settings.contains(&gateway), "{settings}");
        let by_hand = settings.replace(&gateway, "hand_off = true\nca = [\"ca.cer\"]");
        fs::write(self.path("ceralacca.toml"), by_hand).unwrap();
    }

    /// Puts a file into `ricezione`.
    pub fn deliver(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("Documenti/ricezione").join(name), bytes).unwrap();
    }
}

/// The certificate of the CA, as the portal gives it.
pub fn ca(served: &Served) -> Vec<u8> {
    let answer = http::request(&served.address, "GET", "/v1/ca/certificates", &[], "");
    let found: Value = serde_json::from_slice(&answer.body).unwrap();
    STANDARD.decode(found["certificates"][0].as_str().unwrap()).unwrap()
}

pub struct Person<'a> {
    served: &'a Served,
    account: Account,
}

impl<'a> Person<'a> {
    pub fn new(served: &'a Served, account: &Account) -> Person<'a> {
        Person { served, account: account.clone() }
    }

    /// Uploads a file and gives the protocollo on the confirmation page.
    pub fn upload(&self, file: &Path, tipo_documento: &str) -> String {
        let bytes = fs::read(file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let digest = ceralacca::signing::DigestAlgorithm::Sha256.digest(&bytes);
        let digest = format!("sha-256=:{}:", STANDARD.encode(digest));
        // Whoever uploads by hand has no key of the program's: each upload is one of its own.
        let key = format!("person {:?}", std::time::Instant::now());
        let answer = self.ask(
            "POST",
            "/v1/submissions",
            &[
                ("Idempotency-Key", &key),
                ("Ceralacca-File-Name", name),
                ("Ceralacca-Tipo-Documento", tipo_documento),
                ("Content-Digest", &digest),
                ("Content-Type", "application/octet-stream"),
            ],
            &bytes,
        );
        assert_eq!(answer.status, 201, "{}", answer.text());
        let page: Value = serde_json::from_slice(&answer.body).unwrap();
        page["protocollo"].as_str().unwrap().to_owned()
    }

    /// The row of Ricerca ricevute.
    pub fn row(&self, protocollo: &str) -> Value {
        let answer = self.ask("GET", &format!("/v1/receipts/{protocollo}"), &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Fetches the file behind the folder icon.
    pub fn fetch(&self, protocollo: &str, name: &str) -> Vec<u8> {
        let path = format!("/v1/receipts/{protocollo}/attachments/{name}");
        let answer = self.ask("GET", &path, &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.body
    }

    /// Ripristino dell'ambiente di sicurezza. Gives the status of the answer.
    pub fn revoke(&self, pin_di_revoca: &str) -> u16 {
        let wanted = json!({
            "numero_busta": self.account.numero_busta, "tipo_busta": "A",
            "pin_di_revoca": pin_di_revoca,
        });
        let key = format!("person {:?}", std::time::Instant::now());
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", &*key)];
        self.ask("POST", "/v1/revocations", &headers, wanted.to_string().as_bytes()).status
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let access = json!({
            "utente": self.account.utente,
            "password": self.account.secrets["portal_password"],
            "codice_pin": self.account.secrets["codice_pin"],
        });
        let address = &self.served.address;
        let session = http::request(address, "POST", "/v1/sessions", &[], &access.to_string());
        let session: Value = serde_json::from_slice(&session.body).unwrap();
        let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        http::request_bytes(address, method, path, &all, body)
    }
}
