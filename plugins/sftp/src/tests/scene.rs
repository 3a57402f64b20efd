//! A node with its keys, a server with its folders, and the other side, which works with openssl.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use ceralacca_kernel::{
    Call, Error, Event, Host, Primitive, Question, RunId, Secret, SecretKeeper, SecretRef, Serving,
    Sheet, Touch, Value,
};
use ceralacca_plugin_sdk::{Plugin, Timestamp, typed};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::sshd::{Sshd, key, public};
use crate::Sftp;

pub(crate) const NODE: &str = "01234567";
const AT: &str = "2026-11-22T05:36:00Z";
const PASSWORD: &str = "Nodo 1 di prova";

/// Certificates with a validity of their own, whatever the date.
const CA: &str = "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nnew_certs_dir = .\n\
                  serial = serial\ndefault_md = sha256\npolicy = p\nx509_extensions = e\nunique_subject = no\n\
                  [p]\ncommonName = supplied\n\
                  [e]\nkeyUsage = critical, digitalSignature, keyEncipherment\n";

/// Keys and certificates by openssl, made once: each in its PEM, its DER and its PKCS#12.
fn keys() -> &'static TempDir {
    static KEYS: OnceLock<TempDir> = OnceLock::new();
    KEYS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.cnf"), CA).unwrap();
        fs::write(folder.path().join("index.txt"), "").unwrap();
        for name in ["node", "agency", "stranger"] {
            openssl(
                folder.path(),
                &format!(
                    "req -new -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out csr"
                ),
            );
            openssl(
                folder.path(),
                &format!(
                    "ca -batch -config ca.cnf -selfsign -create_serial -notext -keyfile {name}.key \
                     -in csr -startdate 20200101000000Z -enddate 20491231235959Z -out {name}.pem"
                ),
            );
            openssl(folder.path(), &format!("x509 -in {name}.pem -outform DER -out {name}.cer"));
        }
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        openssl(
            folder.path(),
            "pkcs12 -export -inkey node.key -in node.pem -out node.p12 \
            -passout file:password",
        );
        folder
    })
}

/// openssl, in a folder; the arguments separated by blanks.
pub(crate) fn openssl(folder: &Path, arguments: &str) {
    let ran = Command::new("openssl")
        .args(arguments.split_ascii_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{arguments}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A node and its server.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) server: Sshd,
    /// Settings that differ from those of a node that works.
    pub(crate) other: BTreeMap<String, Json>,
}

/// Everything that a document is sent with.
pub(crate) struct Document {
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
}

impl Document {
    pub(crate) fn new(key: &str) -> Document {
        let bytes = format!("the content of {key} ").repeat(5000).into_bytes();
        Document { key: key.to_owned(), bytes }
    }
}

impl Scene {
    /// None where other people's tools are not called; it says so.
    pub(crate) fn new(what: &str) -> Option<Scene> {
        if std::env::var_os("CERALACCA_JUDGES").is_none() {
            println!("not judged: {what}: tests/run calls other people's tools");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        key(&folder.path().join("identity"), "ed25519", "");
        fs::write(folder.path().join("authorized_keys"), public(&folder.path().join("identity")))
            .unwrap();
        for name in ["in", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let server = Sshd::start(folder.path());
        Some(Scene { folder, server, other: BTreeMap::new() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The settings, as JSON: a process of its own can be given them.
    pub(crate) fn settings(&self) -> Json {
        let path = |name: &str| self.path(name).display().to_string();
        let file = |name: &str| keys().path().join(name).display().to_string();
        let host_key = public(&self.path("host_key"));
        let mut settings = json!({
            "host": "127.0.0.1", "port": self.server.port, "user": whoami(), "node": NODE,
            "host_key": host_key, "identity": path("identity"),
            "outgoing": path("in"), "incoming": path("out"), "state": path("state"),
            "signer": file("node.p12"), "recipient": file("agency.cer"),
            "anchors": [file("agency.pem")], "ca": [file("agency.pem"), file("stranger.cer")],
            "connect_timeout_seconds": 10, "silence_timeout_seconds": 10,
        });
        for (name, value) in &self.other {
            settings[name] = value.clone();
        }
        settings
    }

    /// Asks the plugin, as the program does.
    pub(crate) fn ask(&self, operation: &str, arguments: Vec<Value>) -> Result<Json, Error> {
        ask(&self.settings(), operation, arguments)
    }

    pub(crate) fn submit(&self, document: &Document) -> Result<Json, Error> {
        self.ask("agency/submit", vec![outgoing(document)])
    }

    pub(crate) fn find(&self, key: &str) -> Result<Json, Error> {
        self.ask("agency/find_submissions", vec![Value::from([("key", Value::from(key))])])
    }

    pub(crate) fn receipt(&self, acknowledgement: &Json) -> Result<Json, Error> {
        let number = acknowledgement["protocollo"].as_str().unwrap();
        self.ask("agency/receipt", vec![Value::from(number)])
    }

    /// Names of what lies in a folder of the server.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// As the other side: opens a support and gives its files.
    pub(crate) fn open(&self, support: &str) -> BTreeMap<String, Vec<u8>> {
        let (work, keys) = (tempfile::tempdir().unwrap(), keys().path().display());
        fs::copy(self.path("in").join(support), work.path().join("support")).unwrap();
        openssl(
            work.path(),
            &format!(
                "cms -decrypt -inform DER -in support -inkey {keys}/agency.key \
             -recip {keys}/agency.pem -out signed"
            ),
        );
        openssl(
            work.path(),
            &format!(
                "cms -verify -inform DER -in signed -CAfile {keys}/node.pem -purpose any -out zip"
            ),
        );
        let script =
            "import sys, zipfile\nwith zipfile.ZipFile('zip') as z:\n  z.extractall('files')";
        let ran = Command::new("python3").args(["-c", script]).current_dir(work.path()).output();
        assert!(ran.unwrap().status.success());
        let files = fs::read_dir(work.path().join("files")).unwrap();
        let files = files.map(|entry| entry.unwrap());
        files
            .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
            .collect()
    }

    /// As the other side: puts the outcome of a support where the node looks.
    pub(crate) fn answer(&self, support: &str, signer: &str, files: &[(&str, &[u8])]) {
        let zip = crate::support_zip::pack(files).unwrap();
        self.answer_zip(support, signer, &zip);
    }

    /// The same with a zip of any kind.
    pub(crate) fn answer_zip(&self, support: &str, signer: &str, zip: &[u8]) {
        let (work, keys) = (tempfile::tempdir().unwrap(), keys().path().display());
        fs::write(work.path().join("zip"), zip).unwrap();
        openssl(
            work.path(),
            &format!(
                "cms -sign -binary -nodetach -md sha256 -in zip -outform DER -out signed \
             -signer {keys}/{signer}.pem -inkey {keys}/{signer}.key"
            ),
        );
        openssl(
            work.path(),
            &format!(
                "cms -encrypt -binary -aes256 -in signed -outform DER -out sealed {keys}/node.pem"
            ),
        );
        let name = support.replacen("FI.", "EO.", 1);
        fs::rename(work.path().join("sealed"), self.path("out").join(&name))
            .or_else(|_| {
                fs::copy(work.path().join("sealed"), self.path("out").join(&name)).map(|_| ())
            })
            .unwrap();
    }
}

/// `agency/submit`'s argument.
pub(crate) fn outgoing(document: &Document) -> Value {
    Value::from([
        ("idempotency_key", Value::from(document.key.as_str())),
        ("name", Value::from("comunicazione.ccf")),
        ("tipo_documento", Value::from("IMPRONTA")),
        ("sha256", Value::from(crate::records::sha256(&document.bytes))),
        ("bytes", Value::Bytes(document.bytes.clone())),
        ("run", Value::from("1")),
        ("at", Value::from(AT)),
        ("on_behalf_of", Value::Null),
    ])
}

/// `esito.json` of a support.
pub(crate) fn esito(support: &str, document: &Document) -> Json {
    json!({
        "support": support, "protocollo": "26112200000000001", "tipo_documento": "IMPRONTA",
        "stato": "ELABORATO", "file_name": "comunicazione.ccf",
        "sha256": crate::records::sha256(&document.bytes),
    })
}

/// Asks the plugin with these settings.
pub(crate) fn ask(settings: &Json, operation: &str, arguments: Vec<Value>) -> Result<Json, Error> {
    let plugin = Sftp::create(typed::to_value(settings).unwrap())?;
    let (operator, services) = (Operator, plugin.services());
    let (run, key) = (RunId(1), "k");
    let mut call = Call::serving(Serving {
        primitive: &OPERATION,
        host: &operator,
        services: &services,
        secrets: &operator,
        run: &run,
        run_key: key,
        key,
        since: operator.now(),
    });
    plugin.seam(&mut call, operation, arguments).map(|answer| serde_json::to_value(answer).unwrap())
}

/// The operator knows every password and has a clock.
struct Operator;

impl Host for Operator {
    fn now(&self) -> Timestamp {
        AT.parse().unwrap()
    }

    fn sleep(&self, _: Duration) {}

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn ask_secret(&self, _: Question<'_>) -> Result<Secret, Error> {
        Ok(Secret::new(PASSWORD))
    }

    fn approve(&self, _: &str) -> Result<bool, Error> {
        Ok(true)
    }

    fn show(&self, _: &Sheet) {}

    fn progress(&self, _: &str) {}

    fn event(&self, _: Event<'_>) {}
}

impl SecretKeeper for Operator {
    fn ask(&self, name: &str, _: bool, _: &dyn Host) -> Result<SecretRef, Error> {
        Ok(SecretRef(name.to_owned()))
    }

    fn get(&self, _: &SecretRef, _: &dyn Host) -> Result<Secret, Error> {
        Ok(Secret::new(PASSWORD))
    }
}

/// The password that the operator gives for everything.
pub(crate) fn password() -> &'static str {
    PASSWORD
}

fn whoami() -> String {
    let said = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

static OPERATION: Primitive = Primitive {
    namespace: "agency",
    name: "operation",
    doc: "",
    form: ceralacca_kernel::Form::Function,
    kind: None,
    params: &[],
    returns: ceralacca_kernel::Param {
        name: "returns",
        rust_type: "Value",
        schema: ceralacca_kernel::ParamSchema::Typed(ceralacca_kernel::schemars::Schema::default),
    },
    since: "0.1.0",
    effect: ceralacca_kernel::Effect::Once,
    touches: &[
        Touch::Reads,
        Touch::Writes,
        Touch::Signs,
        Touch::Asks,
        Touch::Sends,
        Touch::Fetches,
    ],
    invoke: |_, _| unreachable!("it is not called"),
    reconcile: None,
};
