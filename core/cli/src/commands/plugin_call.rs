//! `ceralacca plugin call`: one primitive of a library that is not installed, through the real dispatch.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use ceralacca_kernel::{
    Caller, Declaration, Engine, Error, MemoryStore, Namespace, Origin, Registry, Run, RunOptions,
    Services, Source, Value, Workflow, typed,
};
use ceralacca_plugin_host::{Plugins, Site};

use super::Context;
use crate::arguments::Unattended;
use crate::arguments::plugin::Call;
use crate::error::CliError;
use crate::host::Terminal;
use crate::{output, program};

pub(super) fn carry_out(context: &Context, call: &Call) -> Result<(), Error> {
    let written = || CliError::PrimitiveName { text: call.primitive.clone() };
    let (namespace, name) = call.primitive.split_once("::").ok_or_else(written)?;
    let arguments = call.arguments.iter().map(|text| argument(text));
    let arguments = arguments.collect::<Result<Vec<_>, Error>>()?;
    let folder = tempfile::tempdir().map_err(|e| CliError::io(&std::env::temp_dir(), &e))?;
    let result = in_folder(folder.path(), &call.library, namespace, name, arguments)?;
    match (&result, context.json) {
        (Value::Str(text), false) => output::text(text),
        _ => output::json(&result),
    }
    Ok(())
}

/// An argument as it is typed: JSON.
fn argument(text: &str) -> Result<Value, Error> {
    let wrong = |problem: String| CliError::ArgumentJson { text: text.to_owned(), problem };
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    Ok(typed::to_value(&json).map_err(|mismatch| wrong(mismatch.to_string()))?)
}

/// Installs the library into a workspace of its own, which is gone afterwards, and calls it there.
fn in_folder(
    folder: &Path,
    library: &Path,
    namespace: &str,
    name: &str,
    arguments: Vec<Value>,
) -> Result<Value, Error> {
    let core = program::registry();
    let settings = BTreeMap::new();
    let environment = |name: &str| std::env::var(name).ok();
    let site =
        Site { root: folder, user_folder: None, settings: &settings, core: &core, environment };
    ceralacca_plugin_host::install(library, &site)?;
    let plugins = Plugins::open(&site)?;
    let mut registry = program::registry();
    program::join(&plugins, &mut registry);
    let uses = vec![namespace.to_owned()];
    let declaration = Declaration { summary: String::new(), uses, inputs: Vec::new() };
    let source = Source { name: "the command line".to_owned(), text: String::new() };
    declaration.check(&source.name, &registry)?;
    let workflow =
        Workflow { name: "call".to_owned(), origin: Origin::BuiltIn, source, declaration };
    let mut services = Services::default();
    services.add(plugins.clone());
    let nobody = Unattended::default();
    let options = RunOptions {
        registry: Rc::new(registry),
        store: Rc::new(MemoryStore::default()),
        host: Rc::new(Terminal::new(&nobody)?),
        services,
        key: crate::random::hex(16),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workspace: None,
        plugins: Vec::new(),
        accept_other_plugins: false,
    };
    let one = OneCall { namespace: namespace.to_owned(), name: name.to_owned(), arguments };
    Run::start(options, &one, &workflow, Value::Null).1
}

/// A "language" that makes one call.
struct OneCall {
    namespace: String,
    name: String,
    arguments: Vec<Value>,
}

impl Engine for OneCall {
    fn language(&self) -> &'static str {
        "call"
    }

    fn extension(&self) -> &'static str {
        ""
    }

    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        Ok(Declaration { summary: String::new(), uses: Vec::new(), inputs: Vec::new() })
    }

    fn definitions(&self, _: &Registry) -> (&'static str, String) {
        ("", String::new())
    }

    fn run(
        &self,
        _: &Source,
        _: Value,
        _: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error> {
        caller.call(&self.namespace, &self.name, self.arguments.clone())
    }
}
