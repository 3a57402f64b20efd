//! The primitives as a run calls them: where the index lands, that a call repeated after a kill gives
//! the same, and that an index which is no longer the one that was made is not compared.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use ceralacca_kernel::typed::from_value;
use ceralacca_kernel::{
    Caller, Declaration, Document, Engine, Error, Event, Folders, Host, MemoryStore, Namespace,
    Origin, Question, Registry, Run, RunOptions, Secret, Services, Sheet, Source, Value, Workflow,
};
use jiff::Timestamp;

struct Operator;

impl Host for Operator {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn sleep(&self, _: Duration) {}
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
    fn ask_secret(&self, _: Question<'_>) -> Result<Secret, Error> {
        Ok(Secret::new("unused"))
    }
    fn approve(&self, _: &str) -> Result<bool, Error> {
        Ok(false)
    }
    fn show(&self, _: &Sheet) {}
    fn progress(&self, _: &str) {}
    fn event(&self, _: Event<'_>) {}
}

type Script<'a> = &'a dyn Fn(&dyn Caller) -> Result<Value, Error>;

struct Closure<'a>(Script<'a>);

impl Engine for Closure<'_> {
    fn language(&self) -> &'static str {
        "Rust"
    }
    fn extension(&self) -> &'static str {
        "rs"
    }
    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        let (summary, uses) = ("test".to_owned(), vec!["archive".to_owned()]);
        Ok(Declaration { summary, uses, inputs: Vec::new() })
    }
    fn definitions(&self, _: &Registry) -> (&'static str, String) {
        ("none", String::new())
    }
    fn run(
        &self,
        _: &Source,
        _: Value,
        _: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error> {
        (self.0)(&*caller)
    }
}

/// Runs a script of one call in a workspace.
fn run(workspace: &Path, script: Script<'_>) -> Result<Value, Error> {
    let mut registry = Registry::new();
    registry.add_namespace(ceralacca_archive::namespace());
    let mut services = Services::default();
    services.add(Folders {
        documents: workspace.join("Documenti"),
        state: workspace.join(".ceralacca"),
    });
    let engine = Closure(script);
    let source = Source { name: "test.rs".into(), text: String::new() };
    let declaration = engine.declaration(&source)?;
    let origin = Origin::BuiltIn;
    let workflow = Workflow { name: "test".into(), origin, source, declaration };
    let options = RunOptions {
        registry: Rc::new(registry),
        store: Rc::new(MemoryStore::default()),
        host: Rc::new(Operator),
        services,
        key: "key".into(),
        version: "0".into(),
        workspace: None,
        plugins: Vec::new(),
        accept_other_plugins: false,
    };
    Run::start(options, &engine, &workflow, Value::Null).1
}

#[test]
fn an_index_is_made_repeated_and_verified() {
    let workspace = tempfile::tempdir().unwrap();
    let archive = workspace.path().join("archivio");
    fs::create_dir_all(archive.join("01")).unwrap();
    fs::write(archive.join("01/fattura.xml"), "hello world").unwrap();
    let folder = Value::from(archive.to_str().unwrap());
    let options = Value::from([("lots", Value::from("folders"))]);
    let make = || {
        let arguments = vec![folder.clone(), options.clone()];
        run(workspace.path(), &|world| world.call("archive", "index", arguments.clone()))
    };
    let first = make().unwrap();
    let Document(index) = from_value(first.clone()).unwrap();
    assert_eq!((index.name.as_str(), index.tipo_documento.as_str()), ("indice.xml", "INDICE"));
    assert!(index.path.ends_with("Documenti/impronte/1/indice.xml"));
    // A process that died while it wrote left this; the call is made again.
    let leftover = index.path.with_file_name(".ceralacca-x");
    fs::write(&leftover, "half").unwrap();
    assert_eq!(make().unwrap(), first);
    assert!(!leftover.exists());

    let verify = || {
        let arguments = vec![first.clone(), folder.clone()];
        run(workspace.path(), &|world| {
            let report = world.call("archive", "verify", arguments.clone())?;
            world.call("archive", "require_intact", vec![report])
        })
    };
    verify().unwrap();
    fs::write(archive.join("01/fattura.xml"), "hello w0rld").unwrap();
    assert_eq!(verify().unwrap_err().code(), "archive.differs");
    let text = fs::read_to_string(&index.path).unwrap();
    fs::write(&index.path, text.replace("b94d", "b94e")).unwrap();
    assert_eq!(verify().unwrap_err().code(), "archive.index_changed");

    fs::remove_file(archive.join("01/fattura.xml")).unwrap();
    assert_eq!(make().unwrap_err().code(), "archive.empty");
    let inside = Value::from(workspace.path().to_str().unwrap());
    let inside =
        run(workspace.path(), &|world| world.call("archive", "index", vec![inside.clone()]));
    assert_eq!(inside.unwrap_err().code(), "archive.index_inside");
}
