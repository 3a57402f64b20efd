//! Calling the judges of signatures and marks.

#![allow(unreachable_pub, reason = "tests are their own crate")]
#![allow(dead_code, reason = "each test file calls its own judges")]

pub mod provider;

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca::kernel::Secret;
use ceralacca::keystore::key_entry::KeyEntry;
use ceralacca::keystore::pkcs12_read;
use ceralacca::signing::{Content, DigestAlgorithm, cades, signed_data};
use ceralacca::timestamp::{Mark, MessageImprint, TimestampRequest};
use serde_json::Value;

use crate::stage::judge::agrees;
use crate::stage::{Served, http};

/// What judges need of a sandbox, in files and in PEM.
pub struct Judging {
    folder: PathBuf,
    /// The trust provider's root.
    pub root: String,
    /// Its list of revoked certificates, in DER.
    pub crl: String,
    /// Both, for openssl.
    pub root_and_crl: String,
    /// The CA of the environments.
    pub ca: String,
}

impl Judging {
    pub fn new(served: &Served, folder: &Path) -> Judging {
        let folder = folder.join("judging");
        fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        let (root, ca) = (path("trust.pem"), path("ca.pem"));
        // The provider comes to be when it is first asked.
        let (crl, crl_pem) = (path("trust.crl"), path("crl.pem"));
        let list = http::request(&served.address, "GET", "/trust/crl", &[], "");
        fs::write(&crl, list.body).unwrap();
        for (name, pem) in [("trust-SANDBOX.cer", &root), ("ca-SANDBOX.cer", &ca)] {
            let der = served.folder.path().join(name).display().to_string();
            agrees("openssl", &["x509", "-inform", "DER", "-in", &der, "-out", pem]);
        }
        agrees("openssl", &["crl", "-inform", "DER", "-in", &crl, "-out", &crl_pem]);
        let both = [fs::read(&root).unwrap(), fs::read(&crl_pem).unwrap()].concat();
        let root_and_crl = path("trust-and-crl.pem");
        fs::write(&root_and_crl, both).unwrap();
        Judging { folder, root, crl, root_and_crl, ca }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// `openssl cms -verify -cades`, with the path and its revocation; the content goes to `out`.
    pub fn verifies_cades(&self, p7m: &str, content: Option<&str>, out: &str) {
        let mut arguments = vec!["cms", "-verify", "-cades", "-binary", "-inform", "DER"];
        arguments.extend(["-in", p7m, "-CAfile", &self.root_and_crl, "-crl_check", "-out", out]);
        arguments.extend(content.into_iter().flat_map(|content| ["-content", content]));
        let said = agrees("openssl", &arguments);
        assert!(said.stderr.contains("CAdES Verification successful"), "{}", said.stderr);
    }

    /// `openssl ts -verify` over a file.
    pub fn verifies_mark(&self, mark: &str, over: &str, token: bool) {
        let mut arguments = vec!["ts", "-verify", "-in", mark, "-data", over];
        arguments.extend(["-CAfile", &self.root]);
        arguments.extend(token.then_some("-token_in"));
        let said = agrees("openssl", &arguments);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(text.contains("Verification: OK"), "{text}");
    }
}

/// What pyHanko says, as JSON.
pub fn pyhanko(arguments: &[&str]) -> Value {
    let python = std::env::var("CERALACCA_PYHANKO").expect("tests/run sets CERALACCA_PYHANKO");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/pyhanko_judge.py");
    let said = agrees(&python, &[&[script][..], arguments].concat());
    serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("pyHanko: {}", said.stdout))
}

/// A TSR of the sandbox over these bytes.
pub fn mark(served: &Served, bytes: &[u8]) -> Vec<u8> {
    let algorithm = DigestAlgorithm::Sha256;
    let imprint = MessageImprint { algorithm, digest: algorithm.digest(bytes) };
    let request = TimestampRequest::new(imprint, None).to_der();
    let head = format!(
        "POST /tsa HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/timestamp-query\r\n\r\n",
        served.address,
        request.len()
    );
    let answer = http::exchange(&served.address, &[head.as_bytes(), &request].concat());
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    answer[end + 4..].to_vec()
}

/// CAdES B-T.
pub fn b_t(served: &Served, p7m: &[u8]) -> Vec<u8> {
    let signed = signed_data::read(&mut &*p7m, Content::Discard).unwrap();
    let token = mark(served, signed.signers[0].signature());
    let token = Mark::from_bytes(&token).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b-b.p7m");
    fs::write(&path, p7m).unwrap();
    let mut stamped = Vec::new();
    cades::with_timestamp(&path, token.token_der(), &mut stamped).unwrap();
    stamped
}

pub fn entry(path: &Path, password: &str) -> KeyEntry {
    let bytes = fs::read(path).unwrap();
    pkcs12_read::read("P12", &bytes, &Secret::new(password)).unwrap().remove(0)
}

/// The only file below a folder whose name ends so.
pub fn find(folder: &Path, ending: &str) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    assert_eq!(found.len(), 1, "{ending}: {found:?}");
    found.remove(0)
}
