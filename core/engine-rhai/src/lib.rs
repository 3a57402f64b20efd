//! Rhai: workflows as `const WORKFLOW = #{…}` and `fn run(input)`, on the primitives of the kernel.
//!
//! Scripts get namespaces as static modules (`agency::submit(…)`), handles with methods and
//! properties (`receipt.wait("2h")`, `receipt.protocollo`) and `stage("…")`; nothing else of the
//! world. What Rhai keeps and its limits are in `sandbox.rs`.

use std::rc::Rc;

use ceralacca_kernel::{
    Caller, Declaration, Engine, Error, Namespace, Registry, ScriptError, Source, Value,
};
use rhai::{AST, CallFnOptions, Dynamic, Scope};

mod binding;
mod bridge;
mod definitions;
mod error;
mod names;
mod sandbox;

use crate::binding::Binding;
use crate::bridge::{Caught, from_dynamic, to_dynamic};
use crate::names::Names;

/// The Rhai engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rhai;

thread_local! {
    /// Reads declarations, and runs nothing: one engine does for all of them.
    static READING: rhai::Engine = {
        let mut engine = sandbox::engine(&Rc::default(), || None);
        // The namespaces are not there yet, so their names are not checked yet either.
        engine.set_strict_variables(false);
        engine
    };
}

impl Engine for Rhai {
    fn language(&self) -> &'static str {
        "Rhai"
    }

    fn extension(&self) -> &'static str {
        "rhai"
    }

    fn declaration(&self, source: &Source) -> Result<Declaration, Error> {
        let script = READING.with(|engine| compile(engine, source, &Names::default()))?;
        let declared = script
            .iter_literal_variables(true, false)
            .find(|(name, ..)| *name == "WORKFLOW")
            .map(|(.., value)| value);
        let Some(declared) = declared else {
            return Err(ScriptError::Declaration {
                file: source.name.clone(),
                problem: "no `const WORKFLOW = #{…}` made of literals alone".to_owned(),
            }
            .into());
        };
        require_run(&script, source)?;
        Declaration::from_value(source, from_dynamic(&declared)?)
    }

    fn definitions(&self, registry: &Registry) -> (&'static str, String) {
        ("ceralacca.d.rhai", definitions::write(registry))
    }

    fn run(
        &self,
        source: &Source,
        input: Value,
        namespaces: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error> {
        let stopping = Rc::clone(&caller);
        let effort = Rc::default();
        let mut engine = sandbox::engine(&effort, move || {
            stopping.stopped().map(|error| Dynamic::from(Caught::new(error)))
        });
        let names = Names::new(namespaces);
        let binding = Rc::new(Binding { file: source.name.clone(), names, caller, effort });
        binding::install(&mut engine, &binding);
        let script = compile(&engine, source, &binding.names)?;
        require_run(&script, source)?;
        // The top level is a declaration, not a program: it is not run.
        let options = CallFnOptions::new().eval_ast(false).rewind_scope(true);
        let mut scope = Scope::new();
        let outcome: Result<Dynamic, _> =
            engine.call_fn_with_options(options, &mut scope, &script, "run", (to_dynamic(input),));
        match outcome {
            Ok(result) => from_dynamic(&result),
            Err(error) => Err(error::from_eval(&error, &source.name, &binding.names)),
        }
    }
}

fn compile(engine: &rhai::Engine, source: &Source, names: &Names) -> Result<AST, Error> {
    if source.text.len() > sandbox::MAX_SOURCE {
        let limit = format!("{} bytes of text", sandbox::MAX_SOURCE);
        return Err(ScriptError::Limit { file: source.name.clone(), line: 0, limit }.into());
    }
    engine.compile(&source.text).map_err(|error| error::from_parse(&error, &source.name, names))
}

fn require_run(script: &AST, source: &Source) -> Result<(), Error> {
    if script.iter_functions().any(|f| f.name == "run" && f.params.len() == 1) {
        return Ok(());
    }
    let expected = "a function of one parameter: fn run(input) { … }";
    Err(ScriptError::NoRun { file: source.name.clone(), expected }.into())
}

#[cfg(test)]
#[path = "tests/pretend.rs"]
mod pretend;
#[cfg(test)]
mod tests;
