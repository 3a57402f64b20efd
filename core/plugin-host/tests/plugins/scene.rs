//! A workspace with the trial plugin, and somebody who calls its primitives.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ceralacca_kernel::{
    Call, Error, Event, Handle, Host, Primitive, Question, Reconciled, Registry, RunId, Secret,
    SecretKeeper, SecretRef, Services, Serving, Sheet, Step, Value,
};
use ceralacca_plugin_host::{PluginSettings, Plugins, Site};
use jiff::Timestamp;

/// What the operator's secret is.
pub(crate) const PIN: &str = "segreto-77";

/// A workspace.
pub(crate) struct Scene {
    folder: Folder,
    pub(crate) settings: BTreeMap<String, PluginSettings>,
    pub(crate) core: Registry,
}

enum Folder {
    Own(tempfile::TempDir),
    Other(PathBuf),
}

impl Scene {
    pub(crate) fn new() -> Scene {
        Scene::of(Folder::Own(tempfile::tempdir().unwrap()))
    }

    /// The workspace of another process.
    pub(crate) fn at(root: &Path) -> Scene {
        Scene::of(Folder::Other(root.to_owned()))
    }

    fn of(folder: Folder) -> Scene {
        let mut core = Registry::new();
        core.add_namespace(ceralacca_environment::namespace());
        Scene { folder, settings: BTreeMap::new(), core }
    }

    pub(crate) fn root(&self) -> &Path {
        match &self.folder {
            Folder::Own(folder) => folder.path(),
            Folder::Other(path) => path,
        }
    }

    pub(crate) fn site(&self) -> Site<'_> {
        Site {
            root: self.root(),
            user_folder: None,
            settings: &self.settings,
            core: &self.core,
            environment: |_| None,
        }
    }

    /// The trial plugin with its manifest, in a folder of its own, as a vendor gives it.
    pub(crate) fn vendor(
        &self,
        definitions: &[&str],
        manifest: impl Fn(String) -> String,
    ) -> PathBuf {
        let folder = self.root().join(format!("vendor{}", definitions.concat()));
        std::fs::create_dir_all(&folder).unwrap();
        let library = folder.join("libprova.so");
        build(Path::new("tests/plugins/prova.c"), &library, definitions);
        let version = definitions.iter().find_map(|one| one.strip_prefix("VERSION="));
        let text = manifest(MANIFEST.replace("VERSION", version.unwrap_or("1.0.0")));
        std::fs::write(folder.join("prova.json"), text).unwrap();
        library
    }

    /// The example in C that vendors are given, with its manifest.
    pub(crate) fn example(&self) -> PathBuf {
        let library = self.root().join("libexample_c.so");
        build(Path::new("../../plugins/example-c/example_c.c"), &library, &[]);
        let manifest = ceralacca_plugin_host::described(&library).unwrap();
        std::fs::write(self.root().join("example-c.json"), manifest.to_text()).unwrap();
        library
    }

    /// The plugins, with the trial plugin installed.
    pub(crate) fn installed(&self) -> Plugins {
        ceralacca_plugin_host::install(&self.vendor(&[], |text| text), &self.site()).unwrap();
        Plugins::open(&self.site()).unwrap()
    }
}

/// Builds a plugin from a source in C, given from this crate on.
fn build(source: &Path, library: &Path, definitions: &[&str]) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(library)
        .args(definitions.iter().map(|definition| format!("-D{definition}")))
        .arg("-I")
        .arg(here.join("../../plugins/sdk/include"))
        .arg(here.join(source))
        .status();
    assert!(built.unwrap().success());
}

/// What prova.c says of itself, with other spaces.
const MANIFEST: &str = r#"{
  "ceralacca_plugin": 1, "name": "prova", "version": "VERSION", "summary": "Tries",
  "namespaces": [{ "name": "prova", "doc": "Tries.", "primitives": [
    { "name": "read", "doc": "Reads.", "params": [{ "name": "how", "schema": { "type": "string" } }],
      "returns": { "type": "string" }, "since": "1.0.0", "effect": "recorded" },
    { "name": "act", "doc": "Acts.", "params": [{ "name": "how", "schema": { "type": "string" } }],
      "returns": { "type": "string" }, "since": "1.0.0", "effect": "once", "touches": ["sends"],
      "reconcile": true },
    { "name": "echo", "doc": "Gives it back.", "params": [{ "name": "value", "schema": {} }],
      "returns": {}, "since": "1.0.0", "effect": "recorded" }
  ] }],
  "secrets": [{ "name": "prova_pin", "label": "PIN", "rule": "any" }],
  "capabilities": {}
}"#;

/// Somebody who calls primitives outside of a run.
pub(crate) struct Caller {
    services: Services,
    primitives: Vec<&'static Primitive>,
}

impl Caller {
    pub(crate) fn new(plugins: &Plugins) -> Caller {
        let mut services = Services::default();
        services.add(plugins.clone());
        let namespaces = plugins.namespaces();
        Caller { services, primitives: namespaces.iter().flat_map(|one| one.primitives).collect() }
    }

    fn primitive(&self, name: &str) -> &'static Primitive {
        self.primitives.iter().find(|primitive| primitive.name == name).unwrap()
    }

    fn serving<'a>(&'a self, name: &str, operator: &'a Operator) -> Call<'a> {
        Call::serving(Serving {
            primitive: self.primitive(name),
            host: operator,
            services: &self.services,
            secrets: operator,
            run: &RunId(7),
            run_key: "run-key",
            key: "run-key-3",
            since: Timestamp::UNIX_EPOCH,
        })
    }

    pub(crate) fn call(&self, name: &str, arguments: Vec<Value>) -> Result<Value, Error> {
        let operator = Operator::default();
        match (self.primitive(name).invoke)(&mut self.serving(name, &operator), arguments)? {
            Step::Done(value) => Ok(value),
            Step::NotYet(what) => panic!("{what}"),
        }
    }

    pub(crate) fn tell(&self, name: &str, how: &str) -> Result<Value, Error> {
        self.call(name, vec![Value::from(how)])
    }

    pub(crate) fn reconcile(&self, name: &str, how: &str) -> Result<Reconciled<Value>, Error> {
        let operator = Operator::default();
        let reconcile = self.primitive(name).reconcile.unwrap();
        reconcile(&mut self.serving(name, &operator), vec![Value::from(how)])
    }
}

pub(crate) fn handle(kind: &str, id: Value) -> Value {
    Value::Handle(Handle { kind: kind.to_owned(), id: Box::new(id) })
}

/// The operator, who knows one secret.
#[derive(Default)]
struct Operator {
    told: RefCell<Vec<String>>,
}

impl Host for Operator {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) {}

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn ask_secret(&self, _: Question<'_>) -> Result<Secret, Error> {
        Ok(Secret::new(PIN))
    }

    fn approve(&self, _: &str) -> Result<bool, Error> {
        Ok(true)
    }

    fn show(&self, _: &Sheet) {}

    fn progress(&self, text: &str) {
        self.told.borrow_mut().push(text.to_owned());
    }

    fn event(&self, _: Event<'_>) {}
}

impl SecretKeeper for Operator {
    fn ask(&self, name: &str, _: bool, _: &dyn Host) -> Result<SecretRef, Error> {
        Ok(SecretRef(name.to_owned()))
    }

    fn get(&self, _: &SecretRef, _: &dyn Host) -> Result<Secret, Error> {
        Ok(Secret::new(PIN))
    }
}
