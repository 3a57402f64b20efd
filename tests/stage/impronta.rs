//! What filing an impronta needs: an environment, a signer, a timestamp authority, an archive.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Account, Finished, Served, Stage};

/// The 24 fortnightly lots that the tour files.
pub const ARCHIVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/archive");
/// The Rhai twin of the workflow.
pub const RHAI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/file_impronta.rhai");

/// An account with a certified environment and a signer: made once, since keys take time to make.
pub struct Filing<'a> {
    pub served: &'a Served,
    pub account: Account,
    /// The signer's certificate, by its serial number.
    pub serial: String,
    first: Stage,
    p12: PathBuf,
    _files: TempDir,
}

impl<'a> Filing<'a> {
    /// Sets up the environment of a new account of `served`.
    pub fn new(served: &'a Served, codice_fiscale: &str) -> Filing<'a> {
        let mut account = served.account(codice_fiscale);
        let first = Stage::marking(served);
        first.setup(&account, &[]).expect_success();
        let files = tempfile::tempdir().unwrap();
        let p12 = files.path().join("responsabile.p12");
        let serial = signer(served, &mut account, &json!({}), &p12);
        Filing { served, account, serial, first, p12, _files: files }
    }

    /// A workspace with a copy of the environment and of the signer's file.
    pub fn stage(&self) -> Stage {
        let stage = Stage::marking(self.served);
        copy(&self.first.path("ambiente"), &stage.path("ambiente"));
        fs::copy(&self.p12, stage.path("responsabile.p12")).unwrap();
        stage
    }

    /// Arguments that file `archive` for one day, the `period`-th of all days.
    pub fn arguments(&self, script: &str, period: u32, archive: &str) -> Vec<String> {
        let day = day(period);
        let mut arguments: Vec<String> =
            ["run", script, "--approve", "--json", "--secrets"].map(str::to_owned).into();
        arguments.push(self.account.secrets_file.display().to_string());
        arguments.extend([
            format!("archive={archive}"),
            format!("dal={day}"),
            format!("al={day}"),
            format!("codice_fiscale={}", self.account.codice_fiscale),
            "denominazione=ESEMPIO S.R.L.".to_owned(),
            "tipi_documento=D01".to_owned(),
            "signer=responsabile.p12".to_owned(),
            format!("utente={}", self.account.utente),
        ]);
        arguments
    }

    /// Files the example archive for a day.
    pub fn file(&self, stage: &Stage, period: u32) -> Finished {
        run(stage, &self.arguments("file_impronta", period, ARCHIVE))
    }

    /// Another key that signs, with a validity of its own; its password is the account's.
    pub fn another_signer(&mut self, wanted: &Value, path: &Path) -> String {
        signer(self.served, &mut self.account, wanted, path)
    }
}

/// Runs the program with owned arguments.
pub fn run(stage: &Stage, arguments: &[String]) -> Finished {
    stage.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

impl Stage {
    /// A workspace whose agency, timestamp authority and trust are the given sandbox.
    pub fn marking(served: &Served) -> Stage {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        let (tsa, trust) = (format!("{}/tsa", served.url), served.folder.path());
        let trust = trust.display().to_string();
        stage
            .run(&["init", "--gateway", &served.url, "--tsa", &tsa, "--trust", &trust])
            .expect_success();
        stage
    }
}

impl Served {
    /// How many marks were made, each of which would have cost money.
    pub fn marks(&self) -> u64 {
        self.admin("GET", "/sandbox/v1/marks", None)["count"].as_u64().unwrap()
    }

    /// How many communications of an impronta were kept, from anybody.
    pub fn communications(&self) -> u64 {
        let log = self.admin("GET", "/sandbox/v1/log?limit=1", None);
        log["submissions"]["IMPRONTA"].as_u64().unwrap_or(0)
    }
}

/// Has a signer's key issued into `path`. The account's secrets get its password.
fn signer(served: &Served, account: &mut Account, wanted: &Value, path: &Path) -> String {
    let mut request = json!({
        "codice_fiscale": "RSSMRA85M01H501Q", "common_name": "Mario Rossi",
        "password": "Firma dell'archivio 1",
    });
    for (name, value) in wanted.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let issued = served.admin("POST", "/sandbox/v1/signers", Some(&request));
    fs::write(path, STANDARD.decode(issued["p12"].as_str().unwrap()).unwrap()).unwrap();
    account.set("signer_password", Some(issued["password"].as_str().unwrap()));
    issued["serial"].as_str().unwrap().to_owned()
}

/// Different days for different numbers, each within one year.
pub fn day(period: u32) -> String {
    let (year, month) = (2016 + period / 336, period / 28 % 12);
    format!("{year}-{:02}-{:02}", month + 1, period % 28 + 1)
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(path, to.join(name)).unwrap();
        }
    }
}
