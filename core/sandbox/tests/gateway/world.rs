//! A sandbox in a temporary folder, with what a client does to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_identity::Account;
use ceralacca_kernel::Secret;
use ceralacca_keystore::cmc::CmcProfile;
use ceralacca_keystore::request_profile::{Nonces, RequestParts, RequestProfile};
use ceralacca_keystore::{Certificate, KeyPair, KeyPairs};
use ceralacca_sandbox::{Credentials, Fault, NewAccount, Running, Sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::client::{Answer, call};

pub(crate) const ROSSI: &str = "RSSMRA85M01H501Q-000";
pub(crate) const DITTA: &str = "02876990587-000";
pub(crate) const PIN: &str = "REVOCA1234567890";

/// A sandbox that serves.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) running: Running,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        let folder = prepared_folder();
        let sandbox = open(folder.path());
        let running = sandbox.listen(any_port()).unwrap();
        World { sandbox, running, folder }
    }

    /// Stops the sandbox and opens its folder again.
    pub(crate) fn reopened(self) -> World {
        let World { sandbox, running, folder } = self;
        running.shutdown();
        drop(sandbox);
        let sandbox = open(folder.path());
        let running = sandbox.listen(any_port()).unwrap();
        World { sandbox, running, folder }
    }

    pub(crate) fn account(&self, name: &str) -> Credentials {
        self.sandbox.create_account(NewAccount::of(account(name))).unwrap()
    }

    /// An account that acts for others.
    pub(crate) fn incaricato(&self, name: &str, subjects: &[&str]) -> Credentials {
        let incaricato_di = subjects.iter().map(|subject| account(subject)).collect();
        let new = NewAccount { incaricato_di, ..NewAccount::of(account(name)) };
        self.sandbox.create_account(new).unwrap()
    }

    pub(crate) fn call(
        &self,
        route: (&str, &str),
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        call(self.running.address, route, headers, body).unwrap()
    }

    pub(crate) fn admin(&self, route: (&str, &str), body: &Value) -> Answer {
        let token = self.running.admin_token.expose();
        let headers = [("ceralacca-sandbox-admin", token), ("content-type", "application/json")];
        self.call(route, &headers, body.to_string().as_bytes())
    }

    pub(crate) fn faults(&self, faults: Value) {
        let faults: Vec<Fault> = serde_json::from_value(faults).unwrap();
        self.sandbox.set_faults(&faults).unwrap();
    }

    pub(crate) fn try_login(&self, who: &Credentials, for_whom: Option<&str>) -> Answer {
        self.log_in(&json!({
            "utente": who.utente,
            "password": who.password.expose(),
            "codice_pin": who.codice_pin.expose(),
            "on_behalf_of": for_whom.map(account),
        }))
    }

    pub(crate) fn log_in(&self, access: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.call(("POST", "/v1/sessions"), &headers, access.to_string().as_bytes())
    }

    pub(crate) fn login(&self, who: &Credentials) -> String {
        let answer = self.try_login(who, None);
        assert_eq!(answer.status, 201);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn get(&self, token: &str, path: &str) -> Answer {
        self.call(("GET", path), &[("authorization", &format!("Bearer {token}"))], b"")
    }

    pub(crate) fn submit(&self, token: &str, key: &str, file: &[u8]) -> Answer {
        submit(self.running.address, token, key, file).unwrap()
    }

    /// Submits, and returns the receipt.
    pub(crate) fn processed(&self, token: &str, key: &str, file: &[u8]) -> Value {
        let answer = self.submit(token, key, file);
        assert_eq!(answer.status, 201, "{}", answer.json());
        let protocollo = answer.json()["protocollo"].as_str().unwrap().to_owned();
        let receipt = self.get(token, &format!("/v1/receipts/{protocollo}"));
        assert_eq!(receipt.status, 200);
        receipt.json()
    }

    /// Submits, and returns the code of the rejection.
    pub(crate) fn rejection(&self, token: &str, key: &str, file: &[u8]) -> String {
        let receipt = self.processed(token, key, file);
        assert_eq!(receipt["stato"], "SCARTATO", "{receipt}");
        assert_eq!(receipt["attachments"], json!([]));
        let text = receipt["motivo_di_scarto"]["text"].as_str().unwrap();
        assert!(text.starts_with("SANDBOX: "), "{text}");
        receipt["motivo_di_scarto"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn ca(&self) -> Certificate {
        Certificate::from_der(self.sandbox.ca_certificate()).unwrap()
    }

    /// A right request for these keys.
    pub(crate) fn request(&self, who: &Credentials, keys: &KeyPairs) -> Vec<u8> {
        self.request_with(&who.account.common_name(), &who.pincode, keys, Nonces::random())
    }

    pub(crate) fn request_with(
        &self,
        common_name: &str,
        pincode: &Secret,
        keys: &KeyPairs,
        nonces: Nonces,
    ) -> Vec<u8> {
        let pin_di_revoca = &Secret::new(PIN);
        let ca = &self.ca();
        CmcProfile
            .build(&RequestParts { keys, common_name, pincode, pin_di_revoca, ca, nonces })
            .unwrap()
    }
}

pub(crate) fn submit(
    address: SocketAddr,
    token: &str,
    key: &str,
    file: &[u8],
) -> std::io::Result<Answer> {
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(file)));
    let headers = [
        ("authorization", &*format!("Bearer {token}")),
        ("idempotency-key", key),
        ("ceralacca-file-name", "req.ccc"),
        ("ceralacca-tipo-documento", "PKS10"),
        ("content-digest", &digest),
    ];
    call(address, ("POST", "/v1/submissions"), &headers, file)
}

/// A folder in which the CA's key, which takes a second to make, is there already.
pub(crate) fn prepared_folder() -> TempDir {
    static CA: OnceLock<TempDir> = OnceLock::new();
    let first = CA.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        folder
    });
    let folder = tempfile::tempdir().unwrap();
    for file in ["ca-SANDBOX.p8", "ca-SANDBOX.cer"] {
        std::fs::copy(first.path().join(file), folder.path().join(file)).unwrap();
    }
    folder
}

pub(crate) fn open(folder: &Path) -> Sandbox {
    Sandbox::open(folder, real_time).unwrap()
}

pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// What the tests take for the real time.
pub(crate) fn real_time() -> Timestamp {
    "2026-11-21T20:17:01Z".parse().unwrap()
}

pub(crate) fn account(name: &str) -> Account {
    Account::parse_joined(name).unwrap()
}

pub(crate) fn keys() -> &'static KeyPairs {
    static KEYS: OnceLock<KeyPairs> = OnceLock::new();
    KEYS.get_or_init(|| KeyPair::generate_both().unwrap())
}

pub(crate) fn other_keys() -> &'static KeyPairs {
    static KEYS: OnceLock<KeyPairs> = OnceLock::new();
    KEYS.get_or_init(|| KeyPair::generate_both().unwrap())
}
