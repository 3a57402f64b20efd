//! Runs a plugin under the real program, for its tests: in a workspace of its own, that goes with it.
//!
//! ```no_run
//! use ceralacca_plugin_sdk::harness::{Harness, HarnessError, library};
//!
//! fn greets() -> Result<(), HarnessError> {
//!     let harness = Harness::new(library("saluti")?)?;
//!     let script = "const WORKFLOW = #{ summary: \"Greet\", uses: [\"saluti\"] };\n\
//!                   fn run(input) { saluti::greet(\"Ada\") }\n";
//!     let finished = harness.run("greet.rhai", script, &[])?;
//!     assert_eq!(finished.json()?["result"], "Buongiorno, Ada!");
//!     assert_eq!(harness.check()?.code, 0);
//!     Ok(())
//! }
//! ```
//!
//! The program is the one that the environment variable `CERALACCA` names, or else the one beside the
//! test that runs, or else `ceralacca` on the `PATH`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fmt, fs, io};

use ceralacca_kernel::manifest::Manifest;
use tempfile::TempDir;

/// The environment variable that names the program.
const PROGRAM: &str = "CERALACCA";

/// A plugin, installed in a workspace of its own.
pub struct Harness {
    program: PathBuf,
    folder: TempDir,
    library: PathBuf,
    secrets: Option<PathBuf>,
}

/// What a command gave.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; -1 when it was killed.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said beside that.
    pub stderr: String,
}

/// Why a test cannot be carried out.
pub enum HarnessError {
    /// The library was not built.
    NoLibrary {
        /// Where it should be.
        looked_for: Vec<PathBuf>,
    },
    /// A file or the program cannot be used.
    Unusable {
        /// Which one.
        what: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A command of the program failed that has to succeed.
    Failed {
        /// Its arguments.
        command: String,
        /// What it gave.
        finished: Finished,
    },
    /// What a command printed is not what was expected of it.
    Unreadable {
        /// What is wrong with it.
        problem: String,
        /// What it printed.
        text: String,
    },
}

/// The library that cargo built of the crate under test: `name` is that of the crate, or of its `[lib]`.
///
/// # Errors
/// [`HarnessError::NoLibrary`] when it was not built: its `crate-type` needs `"cdylib"` and `"rlib"`.
pub fn library(name: &str) -> Result<PathBuf, HarnessError> {
    let file =
        format!("{}{}{}", env::consts::DLL_PREFIX, name.replace('-', "_"), env::consts::DLL_SUFFIX);
    let mut looked_for = beside_the_test(&file);
    looked_for.extend(beside_the_test("examples").into_iter().map(|folder| folder.join(&file)));
    match looked_for.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(HarnessError::NoLibrary { looked_for }),
    }
}

impl Harness {
    /// Makes a workspace and installs the plugin there.
    ///
    /// # Errors
    /// When the program is not there, or does not take the plugin.
    pub fn new(library: impl AsRef<Path>) -> Result<Harness, HarnessError> {
        let built = library.as_ref();
        let unusable = |what: &Path| {
            let what = what.to_owned();
            move |error| HarnessError::Unusable { what, error }
        };
        let folder = TempDir::with_prefix("plugin-").map_err(unusable(&env::temp_dir()))?;
        let vendor = folder.path().join("vendor");
        fs::create_dir(&vendor).map_err(unusable(&vendor))?;
        let library = vendor.join(built.file_name().unwrap_or_default());
        fs::copy(built, &library).map_err(unusable(built))?;
        let harness = Harness { program: program(), folder, library, secrets: None };
        harness.succeed([OsStr::new("init"), harness.workspace().as_os_str()])?;
        let manifest = harness.manifest()?;
        let file = vendor.join(format!("{}.json", manifest.name));
        fs::write(&file, manifest.to_text()).map_err(unusable(&file))?;
        let install = ["plugin", "install", "--approve"].map(OsStr::new);
        harness.succeed(install.into_iter().chain([harness.library.as_os_str()]))?;
        Ok(harness)
    }

    /// The folder of the workspace.
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// What the plugin says of itself when it is asked.
    ///
    /// # Errors
    /// When it does not say it.
    pub fn manifest(&self) -> Result<Manifest, HarnessError> {
        let asked = ["plugin", "manifest"].map(OsStr::new);
        let finished = self.succeed(asked.into_iter().chain([self.library.as_os_str()]))?;
        Manifest::read("the plugin's answer", &finished.stdout).map_err(|error| {
            HarnessError::Unreadable { problem: error.to_string(), text: finished.stdout }
        })
    }

    /// Adds to the workspace's `ceralacca.toml`, such as `[plugins.saluti.settings]` and what follows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn settings(&self, text: &str) -> Result<(), HarnessError> {
        let file = self.workspace().join("ceralacca.toml");
        let written = fs::read_to_string(&file)
            .and_then(|settings| fs::write(&file, format!("{settings}\n{text}\n")));
        written.map_err(|error| HarnessError::Unusable { what: file, error })
    }

    /// What the operator answers when a secret is asked for, as lines `name = "text"`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn secrets(&mut self, text: &str) -> Result<(), HarnessError> {
        let file = self.folder.path().join("secrets.toml");
        private_file(&file, text)
            .map_err(|error| HarnessError::Unusable { what: file.clone(), error })?;
        self.secrets = Some(file);
        Ok(())
    }

    /// Runs a script, whose name ends with `.rhai` or `.lua`, with inputs as `name=value`. What it
    /// sends is approved. The result is at `json()["result"]`, an error at `json()["error"]`.
    ///
    /// # Errors
    /// When the program cannot be started. A script that fails is no such error: it has its exit code.
    pub fn run(&self, name: &str, script: &str, inputs: &[&str]) -> Result<Finished, HarnessError> {
        let file = self.workspace().join(name);
        fs::write(&file, script)
            .map_err(|error| HarnessError::Unusable { what: file.clone(), error })?;
        let inputs = inputs.iter().map(OsStr::new);
        self.unattended("run", [file.as_os_str()].into_iter().chain(inputs))
    }

    /// Goes on with a run that stopped: the number that `run` gave it, from 1.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn resume(&self, run: u64) -> Result<Finished, HarnessError> {
        self.unattended("resume", [OsStr::new(&run.to_string())])
    }

    fn unattended<'a>(
        &'a self,
        command: &'a str,
        arguments: impl IntoIterator<Item = &'a OsStr>,
    ) -> Result<Finished, HarnessError> {
        let options = ["--json", command, "--approve", "--patience", "0s"].map(OsStr::new);
        let secrets = self.secrets.iter().flat_map(|file| [OsStr::new("--secrets"), file.as_ref()]);
        self.command(options.into_iter().chain(secrets).chain(arguments))
    }

    /// `ceralacca plugin check`: the conformance kit. Exit code 0 says that it passes.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn check(&self) -> Result<Finished, HarnessError> {
        self.command([OsStr::new("plugin"), OsStr::new("check"), self.library.as_os_str()])
    }

    /// Any command of the program, in the workspace.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Finished, HarnessError> {
        let at = match self.workspace() {
            made if made.is_dir() => made,
            _ => self.folder.path().to_owned(),
        };
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(at)
            // The plugins and scripts of whoever runs the test stay out of it.
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("APPDATA", self.folder.path().join("config"))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| HarnessError::Unusable { what: self.program.clone(), error })?;
        Ok(Finished {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn succeed<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a OsStr>,
    ) -> Result<Finished, HarnessError> {
        let arguments: Vec<&OsStr> = arguments.into_iter().collect();
        let finished = self.command(&arguments)?;
        if finished.code == 0 {
            return Ok(finished);
        }
        let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        Err(HarnessError::Failed { command: words.join(" "), finished })
    }
}

impl Finished {
    /// What was printed, read as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<serde_json::Value, HarnessError> {
        serde_json::from_str(&self.stdout).map_err(|error| {
            let text = format!("{}{}", self.stdout, self.stderr);
            HarnessError::Unreadable { problem: error.to_string(), text }
        })
    }
}

impl fmt::Display for HarnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HarnessError::NoLibrary { looked_for } => {
                write!(f, "the library was not built; looked for {looked_for:?}")
            }
            HarnessError::Unusable { what, error } => write!(f, "{}: {error}", what.display()),
            HarnessError::Failed { command, finished: Finished { code, stdout, stderr } } => {
                write!(f, "`ceralacca {command}` ended with {code}\n{stderr}{stdout}")
            }
            HarnessError::Unreadable { problem, text } => write!(f, "{problem}:\n{text}"),
        }
    }
}

/// What a test that ends with `?` prints.
impl fmt::Debug for HarnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for HarnessError {}

/// A file that only its owner can read, as the program wants it of secrets.
fn private_file(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

fn program() -> PathBuf {
    if let Some(named) = env::var_os(PROGRAM) {
        return named.into();
    }
    let name = format!("ceralacca{}", env::consts::EXE_SUFFIX);
    let beside = beside_the_test(&name).into_iter().find(|path| path.is_file());
    beside.unwrap_or_else(|| name.into())
}

/// A file in the folder of the running test, `deps`, or in the one above.
fn beside_the_test(file: &str) -> Vec<PathBuf> {
    let test = env::current_exe().unwrap_or_default();
    test.ancestors().skip(1).take(2).map(|folder| folder.join(file)).collect()
}
