//! Lua, in its Luau dialect: workflows as a table with `summary`, `uses`, `input` and `run`.
//!
//! Scripts get namespaces as read-only tables (`agency.submit(…)`), handles with methods and
//! properties (`receipt:wait("2h")`, `receipt.protocollo`) and `stage "…"`; nothing else of the
//! world. What Luau keeps and its limits are in `sandbox.rs`; the order of iteration is in
//! `rewrite.rs` and `iteration.rs`.

use std::collections::BTreeMap;
use std::rc::Rc;

use ceralacca_kernel::{
    Caller, Declaration, Engine, Error, Namespace, Registry, ScriptError, Source, Value,
};
use mlua::chunk::ChunkMode;
use mlua::{Function, MultiValue, Table};

mod binding;
mod bridge;
mod definitions;
mod error;
mod iteration;
mod rewrite;
mod sandbox;
mod thrown;

use crate::binding::Binding;
use crate::sandbox::{Meter, Sandbox};

/// The Lua engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lua;

impl Engine for Lua {
    fn language(&self) -> &'static str {
        "Lua"
    }

    fn extension(&self) -> &'static str {
        "lua"
    }

    fn declaration(&self, source: &Source) -> Result<Declaration, Error> {
        let meter = Meter::new(|| None);
        let script = Script::load(source, meter)?;
        script.require_run()?;
        let mut declared = BTreeMap::new();
        for pair in script.workflow.pairs::<mlua::Value, mlua::Value>() {
            let (key, value) = pair.map_err(|error| script.explain(&error))?;
            let key = thrown::name(&key);
            if key != "run" {
                let value = bridge::from_lua(&value).map_err(|error| {
                    let problem = format!("`{key}`: {}", error.report().headline);
                    let found = error.report().found.as_deref().unwrap_or_default();
                    let problem = format!("{problem}; found {found}");
                    ScriptError::Declaration { file: source.name.clone(), problem }
                })?;
                declared.insert(key, value);
            }
        }
        Declaration::from_value(source, Value::Map(declared))
    }

    fn definitions(&self, registry: &Registry) -> (&'static str, String) {
        ("ceralacca.d.luau", definitions::write(registry))
    }

    fn run(
        &self,
        source: &Source,
        input: Value,
        namespaces: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error> {
        let stopping = Rc::clone(&caller);
        let meter = Meter::new(move || stopping.stopped());
        let script = Script::load(source, meter)?;
        let run = script.require_run()?;
        let file = source.name.clone();
        let namespaces = namespaces.to_vec();
        let meter = Rc::clone(&script.sandbox.meter);
        let binding = Rc::new(Binding { file, namespaces, caller, meter });
        let begin = || {
            let lua = &script.sandbox.lua;
            let names = binding::install(lua, &binding)?;
            script.sandbox.names.set(names).map_err(|_| mlua::Error::runtime("installed twice"))?;
            bridge::to_lua(lua, input)
        };
        let input = begin().map_err(|error| script.explain(&error))?;
        script.sandbox.meter.begin_run();
        let result = script.enter(&run, input)?;
        bridge::from_lua(&result)
    }
}

/// A script whose top level was run: without any name of ours, and with few steps.
struct Script {
    file: String,
    sandbox: Sandbox,
    workflow: Table,
}

impl Script {
    fn load(source: &Source, meter: Rc<Meter>) -> Result<Script, Error> {
        let file = source.name.clone();
        if source.text.len() > sandbox::MAX_SOURCE {
            let limit = format!("{} bytes of text", sandbox::MAX_SOURCE);
            return Err(ScriptError::Limit { file, line: 0, limit }.into());
        }
        let text = rewrite::rewrite(&source.text).map_err(|line| ScriptError::Syntax {
            language: "Luau",
            file: file.clone(),
            line,
            column: 0,
            problem: format!("names that begin like `{}` are the host's", rewrite::EACH),
        })?;
        let explain = |error: mlua::Error| error::from_lua(&error, &source.name, &meter);
        let sandbox = sandbox::open(&file, Rc::clone(&meter)).map_err(explain)?;
        let chunk = sandbox.lua.load(text).set_name(format!("={file}")).set_mode(ChunkMode::Text);
        let chunk = chunk.into_function().map_err(explain)?;
        let returned = enter(&sandbox, &file, &chunk, MultiValue::new())?;
        let mlua::Value::Table(workflow) = returned else {
            let problem = format!("the file returns {}, not a table", returned.type_name());
            return Err(ScriptError::Declaration { file, problem }.into());
        };
        Ok(Script { file, sandbox, workflow })
    }

    fn require_run(&self) -> Result<Function, Error> {
        match self.workflow.raw_get("run") {
            Ok(mlua::Value::Function(run)) => Ok(run),
            _ => {
                let expected =
                    "a function in the table of the workflow: function workflow.run(input)";
                Err(ScriptError::NoRun { file: self.file.clone(), expected }.into())
            }
        }
    }

    fn enter(&self, run: &Function, input: mlua::Value) -> Result<mlua::Value, Error> {
        enter(&self.sandbox, &self.file, run, MultiValue::from_iter([input]))
    }

    fn explain(&self, error: &mlua::Error) -> Error {
        error::from_lua(error, &self.file, &self.sandbox.meter)
    }
}

/// Calls a function of the script; what it throws comes out as an error of ours.
fn enter(
    sandbox: &Sandbox,
    file: &str,
    function: &Function,
    mut arguments: MultiValue,
) -> Result<mlua::Value, Error> {
    arguments.push_front(mlua::Value::Function(function.clone()));
    let (done, value) = sandbox
        .entry
        .call::<(bool, mlua::Value)>(arguments)
        .map_err(|error| error::from_lua(&error, file, &sandbox.meter))?;
    match done && sandbox.meter.limit().is_none() {
        true => Ok(value),
        false => Err(error::from_thrown(&value, file, &sandbox.meter)),
    }
}

#[cfg(test)]
#[path = "../../engine-rhai/src/tests/pretend.rs"]
mod pretend;
#[cfg(test)]
mod tests;
