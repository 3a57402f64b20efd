//! A workspace with a fixture installed, scripts that use it, and what came of them.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Fixture;
use crate::stage::{Finished, Stage, run};

/// A variable of the program's environment, which no plugin was granted.
pub const CANARY: &str = "KanarienvogelImUmfeld";

/// The value of the secrets that fixtures may ask for.
pub const SECRET: &str = "GeheimnisDesVogels77";

/// A workspace with a fixture installed.
pub struct Scene {
    pub stage: Stage,
    pub namespace: String,
}

/// How a script ended.
pub struct Ended {
    pub code: Option<i32>,
    pub printed: Value,
    finished: Finished,
}

impl Scene {
    /// Installs the fixture; `settings` are lines of `[plugins.NAME]`.
    pub fn new(fixture: &Fixture, settings: &str) -> Scene {
        let stage = Stage::embedded();
        let name = fixture.manifest.file_stem().unwrap().to_str().unwrap().to_owned();
        let scene = Scene { stage, namespace: name.replace('-', "_") };
        scene.set(&format!("[plugins.{name}]\n{settings}\n"));
        scene.install(fixture).expect_success();
        scene
    }

    /// As [`Scene::new`], with a folder that the plugin may write to, and knows from its settings.
    pub fn with_folder(fixture: &Fixture, settings: &str) -> Scene {
        let scene = Scene::new(fixture, "");
        scene.grant(fixture, settings);
        scene
    }

    fn grant(&self, fixture: &Fixture, settings: &str) {
        let name = fixture.manifest.file_stem().unwrap().to_str().unwrap();
        let folder = self.stage.path("outside");
        fs::create_dir_all(&folder).unwrap();
        self.set(&format!(
            "[plugins.{name}]\nwrite = [\"outside\"]\n{settings}\n\
             [plugins.{name}.settings]\nfolder = \"{}\"\n",
            folder.display()
        ));
    }

    /// Writes the settings anew: those that `init` made, and more.
    pub fn set(&self, settings: &str) {
        let path = self.stage.path("ceralacca.toml");
        let text = fs::read_to_string(&path).unwrap();
        let own = text.split("\n# of the test\n").next().unwrap();
        fs::write(&path, format!("{own}\n# of the test\n{settings}")).unwrap();
    }

    pub fn install(&self, fixture: &Fixture) -> Finished {
        self.stage.run(&["plugin", "install", path(&fixture.library), "--approve", "--json"])
    }

    /// The program with arguments, with a canary in its environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.stage.command(arguments);
        command.env("HOSTILE_CANARY", CANARY);
        command
    }

    /// Runs a script whose `run` has this body.
    pub fn script(&self, body: &str) -> Ended {
        self.started(body, &[])
    }

    pub fn started(&self, body: &str, more: &[&str]) -> Ended {
        let mut command = self.script_command(body, more);
        Ended::of(run(&mut command))
    }

    /// The command that runs such a script.
    pub fn script_command(&self, body: &str, more: &[&str]) -> Command {
        let namespace = &self.namespace;
        let text = format!(
            "const WORKFLOW = #{{ summary: \"A test\", uses: [\"{namespace}\", \"prompt\"] }};\n\
             fn run(input) {{\n    {body}\n}}\n"
        );
        fs::write(self.stage.path("prova.rhai"), text).unwrap();
        let secrets = self.secrets();
        let mut arguments = vec!["run", "./prova.rhai", "--json", "--secrets", &secrets];
        arguments.extend(more);
        self.command(&arguments)
    }

    pub fn resume(&self, run: u64, more: &[&str]) -> Ended {
        let (number, secrets) = (run.to_string(), self.secrets());
        let mut arguments = vec!["resume", &number, "--json", "--secrets", &secrets];
        arguments.extend(more);
        Ended::of(crate::stage::run(&mut self.command(&arguments)))
    }

    fn secrets(&self) -> String {
        let file = self.stage.path("secrets.toml");
        let names = ["hostile_secret", "outside_secret", "password_esistente"];
        let lines = names.iter().map(|name| format!("{name} = {SECRET:?}\n"));
        fs::write(&file, lines.collect::<String>()).unwrap();
        crate::stage::restrict(&file);
        file.display().to_string()
    }

    /// Lines of a file in the folder that the plugin writes to.
    pub fn lines(&self, file: &str) -> usize {
        let text = fs::read_to_string(self.stage.path("outside").join(file)).unwrap_or_default();
        text.lines().count()
    }

    /// Asserts that the journal's chain holds, and what it must not hold.
    pub fn verify(&self) {
        self.stage.run(&["journal", "verify"]).expect_success();
        let exported = self.stage.run(&["journal", "export"]).expect_success().stdout;
        for hidden in [SECRET, CANARY] {
            assert!(!exported.contains(hidden), "{hidden} is in the journal");
        }
    }
}

impl Ended {
    /// What a command printed as JSON.
    pub fn of(finished: Finished) -> Ended {
        let printed = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|_| panic!("stdout: {}\nstderr: {}", finished.stdout, finished.stderr));
        let ended = Ended { code: finished.code, printed, finished };
        ended.says_nothing_that_it_should_not();
        ended
    }

    /// What a process printed as JSON, once it is over.
    pub fn of_child(program: Child) -> Ended {
        let output = program.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Ended::of(Finished { code: output.status.code(), stdout, stderr })
    }

    /// The stable code of the error; empty when there is none.
    pub fn error(&self) -> &str {
        self.printed["error"]["code"].as_str().unwrap_or_default()
    }

    /// What the script gave.
    pub fn result(&self) -> &Value {
        &self.printed["result"]
    }

    /// Everything that was printed.
    pub fn text(&self) -> String {
        format!("{}{}", self.finished.stdout, self.finished.stderr)
    }

    pub fn expect(self, code: i32, error: &str) -> Ended {
        let found = (self.code, self.error());
        assert_eq!(found, (Some(code), error), "{}", self.text());
        self
    }

    /// No secret, nothing of the environment, nothing that a terminal obeys, no path of a worker.
    fn says_nothing_that_it_should_not(&self) {
        let text = self.text();
        for hidden in [SECRET, CANARY, "/proc/self/fd"] {
            assert!(!text.contains(hidden), "{hidden} is in: {text}");
        }
        let strings = format!("{}{}", decoded(&self.printed), self.finished.stderr);
        let obeyed =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!strings.contains(obeyed), "{strings:?}");
    }
}

/// Every text of a JSON value, as it is meant.
fn decoded(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(decoded).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, item)| format!("{key}\n{}", decoded(item))).collect()
        }
        _ => String::new(),
    }
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A process that has not ended yet, with nothing of it on the screen.
pub fn spawned(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ends a process from outside, at once.
pub fn kill(process: u32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).status();
    assert!(status.unwrap().success());
}

/// Waits until something is so; says what when it never is, not even in ten minutes.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what}: it did not come to that");
}

/// The workers of a process, by their numbers.
#[cfg(target_os = "linux")]
pub fn workers(program: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{program}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let numbers: Vec<u32> = children
        .flat_map(|text| {
            text.split_whitespace().filter_map(|one| one.parse().ok()).collect::<Vec<_>>()
        })
        .collect();
    let is_worker = |number: &u32| {
        let line = fs::read_to_string(format!("/proc/{number}/cmdline")).unwrap_or_default();
        line.contains("plugin-worker")
    };
    numbers.into_iter().filter(is_worker).collect()
}

/// Whether a process is there and not only remembered.
#[cfg(target_os = "linux")]
pub fn is_alive(number: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    let after_name = status.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().next().is_some_and(|state| state != "Z" && state != "X")
}
