//! Tokens of SoftHSM, filled by its own tools, OpenSC's and openssl, for one test at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ceralacca_plugin_pkcs11::{Operator, Owner};
use ceralacca_plugin_sdk::{Error, Secret};
use tempfile::TempDir;

/// The PIN of every token.
pub(crate) const PIN: &str = "246810";

const SO_PIN: &str = "13579246";

/// SoftHSM keeps one state for a whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A folder with tokens, in which SoftHSM looks.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) softhsm: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

/// A token of the world.
pub(crate) struct Token {
    pub(crate) serial: String,
    /// Where SoftHSM keeps it.
    pub(crate) folder: PathBuf,
}

impl World {
    /// None where other people's tools are not called; it says so.
    pub(crate) fn new(what: &str) -> Option<World> {
        World::with_settings(what, "")
    }

    /// The same with more lines in SoftHSM's settings.
    pub(crate) fn with_settings(what: &str, lines: &str) -> Option<World> {
        if std::env::var_os("CERALACCA_JUDGES").is_none() {
            println!("not judged: {what}: tests/run calls other people's tools");
            return None;
        }
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let settings = folder.path().join("softhsm2.conf");
        let text = format!("directories.tokendir = {}\n{lines}\n", tokens.display());
        fs::write(&settings, text).unwrap();
        set_environment("SOFTHSM2_CONF", &settings);
        let softhsm = SOFTHSM.iter().map(PathBuf::from).find(|path| path.exists());
        let softhsm = softhsm.expect("SoftHSM is installed where distributions put it");
        Some(World { folder, softhsm, _alone: alone })
    }

    /// The plugin's owner of SoftHSM itself.
    pub(crate) fn owner(&self) -> Owner {
        Owner::new(Some(self.softhsm.display().to_string()))
    }

    /// The plugin's owner of SoftHSM with the faults of real tokens.
    pub(crate) fn faulty_owner(&self) -> Owner {
        let library = self.path("faulty.so");
        let define = |name: &str, value: &str| format!("-D{name}=\"{value}\"");
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&library)
            .arg(define("FAULTS", &self.path("faults").display().to_string()))
            .arg(define("NOTES", &self.path("notes").display().to_string()))
            .arg(define("SOFTHSM", &self.softhsm.display().to_string()))
            .arg(define("PIN", PIN))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/softhsm/faults.c"))
            .arg("-ldl"));
        Owner::new(Some(library.display().to_string()))
    }

    /// What the token does from now on.
    pub(crate) fn faults(&self, text: &str) {
        fs::write(self.path("faults"), text).unwrap();
    }

    /// How often the token was asked to do something.
    pub(crate) fn noted(&self, what: &str) -> usize {
        let notes = fs::read_to_string(self.path("notes")).unwrap_or_default();
        notes.lines().filter(|line| *line == what).count()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new token.
    pub(crate) fn token(&self, label: &str) -> Token {
        let before = self.token_folders();
        run(Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label, "--pin", PIN])
            .args(["--so-pin", SO_PIN]));
        let after = self.token_folders();
        let folder = after.into_iter().find(|folder| !before.contains(folder)).unwrap();
        // The serial number is the end of the folder's name.
        let name: String = folder.file_name().unwrap().to_string_lossy().replace('-', "");
        Token { serial: name[name.len() - 16..].to_owned(), folder }
    }

    fn token_folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("tokens")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// A key that is made on the token.
    pub(crate) fn key(&self, token: &Token, id: &str, extra: &[&str]) {
        let made = self.tool(
            token,
            &[&["--keypairgen", "--key-type", "rsa:2048", "--id", id, "--usage-sign"], extra]
                .concat(),
        );
        assert!(made.contains("never extractable"), "{made}");
    }

    /// An authority; its certificate and key are `ca.pem` and `ca.key`.
    pub(crate) fn authority(&self) {
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=CA di prova",
            "-days",
            "3650",
            "-keyout",
            &self.text("ca.key"),
            "-out",
            &self.text("ca.pem"),
        ]);
        self.to_der("ca.pem", "ca.der");
    }

    /// Has the public key on the token certified, and puts the certificate beside it.
    pub(crate) fn certify(&self, token: &Token, id: &str, name: &str) {
        let public = self.text("public.der");
        self.tool(token, &["--read-object", "--type", "pubkey", "--id", id, "-o", &public]);
        let (subject, pem) = (format!("/CN={name}"), format!("{id}.pem"));
        openssl(&[
            "pkey",
            "-pubin",
            "-inform",
            "DER",
            "-in",
            &public,
            "-out",
            &self.text("public.pem"),
        ]);
        openssl(&[
            "x509",
            "-new",
            "-force_pubkey",
            &self.text("public.pem"),
            "-subj",
            &subject,
            "-CA",
            &self.text("ca.pem"),
            "-CAkey",
            &self.text("ca.key"),
            "-days",
            "3650",
            "-out",
            &self.text(&pem),
        ]);
        self.to_der(&pem, "certificate.der");
        self.write_certificate(token, "certificate.der", id, name);
    }

    /// A certificate on the token whose key is elsewhere.
    pub(crate) fn stranger(&self, token: &Token, id: &str, label: &str, algorithm: &[&str]) {
        let (key, pem, der) = (self.text("x.key"), self.text("x.pem"), format!("{label}.der"));
        let about = ["-nodes", "-days", "3650", "-subj", "/CN=Altrove"];
        let person = ["-addext", "basicConstraints=CA:FALSE", "-keyout", &key, "-out", &pem];
        let made = [&["req", "-x509", "-newkey"], algorithm, &about, &person];
        openssl(&made.concat());
        self.to_der("x.pem", &der);
        self.write_certificate(token, &der, id, label);
    }

    /// Puts a certificate on the token.
    pub(crate) fn write_certificate(&self, token: &Token, file: &str, id: &str, label: &str) {
        let file = self.text(file);
        self.tool(
            token,
            &["--write-object", &file, "--type", "cert", "--id", id, "--label", label],
        );
    }

    pub(crate) fn to_der(&self, from: &str, to: &str) {
        let (from, to) = (self.text(from), self.text(to));
        openssl(&["x509", "-in", &from, "-outform", "DER", "-out", &to]);
    }

    /// OpenSC's tool, logged in.
    pub(crate) fn tool(&self, token: &Token, arguments: &[&str]) -> String {
        // SoftHSM numbers its slots by the serial number.
        let low = u32::from_str_radix(&token.serial[8..], 16).unwrap() & 0x7fff_ffff;
        let mut command = Command::new("pkcs11-tool");
        command.arg("--module").arg(&self.softhsm).arg("--slot").arg(low.to_string());
        run(command.args(["--login", "--pin", PIN]).args(arguments))
    }

    /// Whether openssl takes the signature for one by the certified key.
    pub(crate) fn judge(&self, certificate: &[u8], message: &[u8], signature: &[u8]) {
        for (name, bytes) in
            [("judged.der", certificate), ("message", message), ("signature", signature)]
        {
            fs::write(self.path(name), bytes).unwrap();
        }
        let (certificate, public) = (self.text("judged.der"), self.text("judged.pem"));
        openssl(&[
            "x509",
            "-inform",
            "DER",
            "-in",
            &certificate,
            "-pubkey",
            "-noout",
            "-out",
            &public,
        ]);
        let (message, signature) = (self.text("message"), self.text("signature"));
        let said =
            openssl(&["dgst", "-sha256", "-verify", &public, "-signature", &signature, &message]);
        assert!(said.contains("Verified OK"), "{said}");
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

const SOFTHSM: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

pub(crate) fn openssl(arguments: &[&str]) -> String {
    run(Command::new("openssl").args(arguments))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}\n{errors}");
    text
}

/// An operator who gives one PIN, and counts.
pub(crate) struct Person {
    pub(crate) pin: &'static str,
    pub(crate) asked: usize,
    pub(crate) told: Vec<String>,
}

impl Person {
    pub(crate) fn with(pin: &'static str) -> Person {
        Person { pin, asked: 0, told: Vec::new() }
    }
}

impl Operator for Person {
    fn pin(&mut self) -> Result<Secret, Error> {
        self.asked += 1;
        Ok(Secret::new(self.pin))
    }

    fn tell(&mut self, text: &str) {
        self.told.push(text.to_owned());
    }
}

#[allow(unsafe_code, reason = "SoftHSM takes the place of its settings from the environment alone")]
fn set_environment(name: &str, value: &Path) {
    // SAFETY: everything in Rust that reads the environment takes the standard library's lock, and
    // SoftHSM reads it when it is initialised, by tests that hold `ONE_AT_A_TIME` as this one does.
    unsafe { std::env::set_var(name, value) };
}
