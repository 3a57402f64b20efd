//! A stage for the tests: the real binary, a workspace in a temporary folder, and a sandbox that is
//! served by its own process, so that it outlives whatever the test does to the client.

#![allow(unreachable_pub, reason = "each test file has a stage of its own")]
#![allow(dead_code, reason = "each test file uses its own part of the stage")]
#![allow(clippy::print_stdout, reason = "a test says what it leaves out")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub mod golden;
pub mod http;
pub mod impronta;
pub mod judge;
pub mod kill;
pub mod person;
pub mod processor;
pub mod transcript;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ceralacca");

/// Secrets that cannot be mistaken for anything else.
pub const PASSWORD: &str = "Canarino42Zeta";
pub const PIN_DI_REVOCA: &str = "RevocaCanarino12345";

/// A sandbox in a process of its own.
pub struct Served {
    /// State of the sandbox.
    pub folder: TempDir,
    /// Secrets files of its accounts.
    files: TempDir,
    pub url: String,
    pub address: String,
    admin_token: String,
    process: Child,
}

impl Served {
    pub fn start() -> Served {
        Served::start_in(tempfile::tempdir().unwrap())
    }

    /// Goes on from a state that is in `folder`.
    pub fn start_in(folder: TempDir) -> Served {
        let mut process = program()
            .args(["sandbox", "serve", "--json", "--folder"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("serve: {line}"));
        let url = said["url"].as_str().unwrap().to_owned();
        let token = fs::read_to_string(said["admin_token_file"].as_str().unwrap()).unwrap();
        let address = url.trim_start_matches("http://").to_owned();
        let files = tempfile::tempdir().unwrap();
        let admin_token = token.trim().to_owned();
        Served { folder, files, url, address, admin_token, process }
    }

    /// Opens an account. Each has its own secrets file.
    pub fn account(&self, codice_fiscale: &str) -> Account {
        self.account_with(codice_fiscale, &serde_json::json!([]))
    }

    /// Opens an account that acts for others.
    pub fn account_with(&self, codice_fiscale: &str, incaricato_di: &Value) -> Account {
        let wanted = serde_json::json!({
            "codice_fiscale": codice_fiscale, "sede": "000", "incaricato_di": incaricato_di,
        });
        let busta = self.admin("POST", "/sandbox/v1/accounts", Some(&wanted));
        let text = |name: &str| busta[name].as_str().unwrap().to_owned();
        let secrets = [
            ("pincode", text("pincode")),
            ("portal_password", text("password")),
            ("codice_pin", text("codice_pin")),
            ("password", PASSWORD.to_owned()),
            ("password_esistente", PASSWORD.to_owned()),
            ("pin_di_revoca", PIN_DI_REVOCA.to_owned()),
        ];
        let account = Account {
            codice_fiscale: codice_fiscale.to_owned(),
            utente: text("utente"),
            numero_busta: text("numero_busta"),
            secrets_file: self.files.path().join(format!("{codice_fiscale}.toml")),
            secrets: secrets.into_iter().map(|(name, text)| (name.to_owned(), text)).collect(),
        };
        account.write();
        account
    }

    /// Asks the sandbox's own side: clock, faults, log.
    pub fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let token = ("Ceralacca-Sandbox-Admin", self.admin_token.as_str());
        let text = body.map(Value::to_string).unwrap_or_default();
        let answer = http::request(&self.address, method, path, &[token], &text);
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    /// The faults that the next requests meet, in place of all others.
    pub fn faults(&self, faults: &Value) {
        self.admin("PUT", "/sandbox/v1/faults", Some(&serde_json::json!({ "faults": faults })));
    }

    /// How many requests for certificates arrived and were kept, from anybody.
    pub fn requests(&self) -> u64 {
        let log = self.admin("GET", "/sandbox/v1/log?limit=1", None);
        log["submissions"]["PKS10"].as_u64().unwrap_or(0)
    }
}

impl Served {
    /// How many revocations were taken in, from anybody.
    pub fn revocations(&self) -> u64 {
        let log = self.admin("GET", "/sandbox/v1/log?limit=1", None);
        log["revocations"].as_u64().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An account with the sandbox, and the file with its secrets.
#[derive(Clone)]
pub struct Account {
    pub codice_fiscale: String,
    pub utente: String,
    pub numero_busta: String,
    pub secrets_file: PathBuf,
    pub secrets: BTreeMap<String, String>,
}

impl Account {
    /// Another text for one of the secrets; `None` leaves it out.
    pub fn set(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.secrets.insert(name.to_owned(), text.to_owned()),
            None => self.secrets.remove(name),
        };
        self.write();
    }

    fn write(&self) {
        let lines = self.secrets.iter().map(|(name, text)| format!("{name} = {text:?}\n"));
        fs::write(&self.secrets_file, lines.collect::<String>()).unwrap();
        restrict(&self.secrets_file);
    }
}

/// Only the owner may read it.
pub fn restrict(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// The binary under test, which takes its keys from those that tests have made before.
fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env("CERALACCA_TEST_KEYS", keys());
    command
}

/// The list of pairs that this process has taken: `core/keystore/src/made_before.rs`. Where each test
/// has a process of its own, `tests/with-keys` has set it.
pub fn keys() -> &'static Path {
    static LIST: OnceLock<PathBuf> = OnceLock::new();
    LIST.get_or_init(|| {
        if let Some(list) = std::env::var_os("CERALACCA_TEST_KEYS") {
            return list.into();
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("test-keys");
        fs::create_dir_all(&folder).unwrap();
        let list = folder.join(format!("taken-{}", std::process::id()));
        let _ = fs::remove_file(&list);
        list
    })
}

/// A workspace in a temporary folder.
pub struct Stage {
    pub folder: TempDir,
}

impl Stage {
    /// A workspace whose agency is the given sandbox.
    pub fn new(served: &Served) -> Stage {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        stage.run(&["init", "--gateway", &served.url]).expect_success();
        stage
    }

    /// A workspace with the sandbox inside the program.
    pub fn embedded() -> Stage {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        stage.run(&["init"]).expect_success();
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with arguments, in the workspace.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments))
    }

    /// The arguments that run the workflow in `script` for `account`.
    pub fn setup_arguments(&self, script: &str, account: &Account) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["run", script, "--approve", "--json"].map(str::to_owned).into();
        arguments.push(format!("codice_fiscale={}", account.codice_fiscale));
        arguments.push(format!("utente={}", account.utente));
        arguments.push("--secrets".to_owned());
        arguments.push(account.secrets_file.display().to_string());
        arguments
    }

    /// Runs `setup_environment` for `account`, with more arguments.
    pub fn setup(&self, account: &Account, extra: &[&str]) -> Finished {
        let arguments = self.setup_arguments("setup_environment", account);
        let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
        all.extend(extra);
        self.run(&all)
    }

    pub fn resume(&self, run: u64, account: &Account, extra: &[&str]) -> Finished {
        let run = run.to_string();
        let secrets = account.secrets_file.display().to_string();
        let mut all = vec!["resume", &run, "--approve", "--json", "--secrets", &secrets];
        all.extend(extra);
        self.run(&all)
    }

    /// The environments that were set aside, the oldest first.
    pub fn set_aside(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let of_ours = |path: &PathBuf| path.to_string_lossy().contains("/ambiente_");
        let mut aside: Vec<PathBuf> = paths.filter(of_ours).collect();
        aside.sort();
        aside
    }

    /// The journal, one JSON value each entry.
    pub fn journal(&self) -> Vec<Value> {
        let exported = self.run(&["journal", "export"]).expect_success();
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A finished process.
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    pub fn expect_success(self) -> Finished {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The JSON that it printed, after checking that it succeeded.
    pub fn json(self) -> Value {
        let finished = self.expect_success();
        serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{}", finished.stdout))
    }

    /// The code of the error that it printed with `--json`.
    pub fn error_code(&self) -> String {
        let printed: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|_| panic!("stdout: {}\nstderr: {}", self.stdout, self.stderr));
        printed["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A folder for what a test builds, below the target folder; what an earlier run has left may be there. A
/// test that has a process of its own, as cargo-nextest runs it, has a folder of its own.
pub fn kept_folder(name: &str) -> PathBuf {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--exact").skip(1);
    let test = arguments.next().unwrap_or_default().replace("::", "-");
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join(test)
}

/// Says something that a person should read although the test passed; cargo keeps back what is printed.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Finished {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Finished {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Codici fiscali of 11 digits with their right check digit, as many as are wanted.
pub fn codice_fiscale(number: u32) -> String {
    let digits = format!("{:010}", 2_000_000_000_u64 + u64::from(number));
    let sum: u32 = digits
        .chars()
        .enumerate()
        .map(|(place, digit)| {
            let digit = digit.to_digit(10).unwrap();
            match place % 2 {
                0 => digit,
                _ if digit > 4 => 2 * digit - 9,
                _ => 2 * digit,
            }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
