//! A token of SoftHSM that OpenSC's tool filled, and the plugin that reaches it in a workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::stage::{self, Finished, Stage, judge};

/// The PIN, which no file may hold but the one with the secrets.
pub(crate) const PIN: &str = "Canarino4711Pin";

const SOFTHSM: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// A token with a key made on it and certified.
pub(crate) struct Token {
    pub(crate) serial: String,
    pub(crate) folder: TempDir,
    module: &'static str,
}

impl Token {
    /// A key that has never been anywhere else, under id 01.
    pub(crate) fn new() -> Token {
        let folder = tempfile::tempdir().unwrap();
        let module = SOFTHSM.into_iter().find(|path| Path::new(path).exists());
        let module = module.expect("SoftHSM is installed where distributions put it");
        let mut token = Token { serial: String::new(), folder, module };
        fs::create_dir(token.path("tokens")).unwrap();
        let text = format!("directories.tokendir = {}\n", token.text("tokens"));
        fs::write(token.path("softhsm2.conf"), text).unwrap();
        let labels = ["--init-token", "--free", "--label", "Firma", "--so-pin", "13579246"];
        token.run("softhsm2-util", &[&labels[..], &["--pin", PIN]].concat());
        // SoftHSM's folder for a token ends in its serial number.
        let made = fs::read_dir(token.path("tokens")).unwrap().next().unwrap().unwrap();
        let name = made.file_name().to_string_lossy().replace('-', "");
        name[name.len() - 16..].clone_into(&mut token.serial);
        let key = ["--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--usage-sign"];
        token.tool(&key);
        token.certify();
        token
    }

    /// Has the public key certified by an authority of openssl; `signer.pem` and `ca.pem`.
    fn certify(&self) {
        let public = self.text("public.der");
        self.tool(&["--read-object", "--type", "pubkey", "--id", "01", "-o", &public]);
        let pem = self.text("public.pem");
        self.run("openssl", &["pkey", "-pubin", "-inform", "DER", "-in", &public, "-out", &pem]);
        let (ca, ca_key) = (self.text("ca.pem"), self.text("ca.key"));
        let authority = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"];
        let files = ["-subj", "/CN=CA di prova", "-keyout", &ca_key, "-out", &ca];
        self.run("openssl", &[&authority[..], &files].concat());
        let usage = self.path("usage.cnf");
        fs::write(&usage, "keyUsage = critical, nonRepudiation\n").unwrap();
        let (signer, usage) = (self.text("signer.pem"), usage.display().to_string());
        let issue = ["x509", "-new", "-force_pubkey", &pem, "-subj", "/C=IT/CN=Mario Rossi"];
        let by = ["-CA", &ca, "-CAkey", &ca_key, "-days", "3650", "-extfile", &usage];
        self.run("openssl", &[&issue[..], &by, &["-out", &signer]].concat());
        let der = self.text("signer.der");
        self.run("openssl", &["x509", "-in", &signer, "-outform", "DER", "-out", &der]);
        self.tool(&["--write-object", &der, "--type", "cert", "--id", "01", "--label", "firma"]);
    }

    /// Installs the plugin in a workspace, and lets it reach this token.
    pub(crate) fn plug_in(&self, stage: &Stage) {
        let library = library();
        let vendor = tempfile::tempdir().unwrap();
        let shipped = vendor.path().join(library.file_name().unwrap());
        fs::copy(&library, &shipped).unwrap();
        let shipped = shipped.display().to_string();
        let manifest = stage.run(&["plugin", "manifest", &shipped]).expect_success();
        fs::write(vendor.path().join("pkcs11.json"), manifest.stdout).unwrap();
        let vendor = vendor.path().display().to_string();
        stage.run(&["plugin", "install", &vendor, "--approve"]).expect_success();
        let settings = stage.path("ceralacca.toml");
        let text = fs::read_to_string(&settings).unwrap();
        let plugin = format!(
            "\n[plugins.pkcs11]\nread = [{:?}]\nwrite = [{:?}]\n\n\
             [plugins.pkcs11.settings]\nmodule = {:?}\n",
            self.text("softhsm2.conf"),
            self.text("tokens"),
            self.module
        );
        fs::write(&settings, format!("{text}{plugin}")).unwrap();
    }

    /// The program, which passes on where SoftHSM finds its tokens.
    pub(crate) fn ceralacca(&self, stage: &Stage, arguments: &[String]) -> Finished {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        stage::run(stage.command(&arguments).env("SOFTHSM2_CONF", self.path("softhsm2.conf")))
    }

    /// What OpenSC's tool says, logged in.
    pub(crate) fn tool(&self, arguments: &[&str]) -> String {
        let login = ["--module", self.module, "--token-label", "Firma", "--login", "--pin", PIN];
        self.run("pkcs11-tool", &[&login[..], arguments].concat())
    }

    /// Somebody else's tool, which sees this token.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let conf = self.path("softhsm2.conf");
        let finished = stage::run(Command::new(program).args(arguments).env("SOFTHSM2_CONF", conf));
        finished.expect_success().stdout
    }

    pub(crate) fn uri(&self) -> String {
        format!("pkcs11:serial={};id=%01", self.serial)
    }

    /// openssl checks a signature down to the token's authority; what was signed.
    pub(crate) fn verified(&self, p7m: &Path) -> Vec<u8> {
        let (content, ca) = (self.path("content"), self.text("ca.pem"));
        let verify = ["cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any"];
        let (p7m, out) = (p7m.display().to_string(), content.display().to_string());
        let files = ["-in", &p7m, "-CAfile", &ca, "-out", &out];
        judge::agrees("openssl", &[&verify[..], &files].concat());
        fs::read(content).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// The plugin as cargo built it for these tests: beside them, or one folder up.
fn library() -> PathBuf {
    let name = format!(
        "{}ceralacca_plugin_pkcs11{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let own = std::env::current_exe().unwrap();
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(&name));
    let found = found.into_iter().find(|path| path.exists());
    found.expect("cargo build -p ceralacca-plugin-pkcs11 makes the library")
}
