//! The seam to a script language: what an engine is given, and what it must do.

use std::rc::Rc;

use crate::{Declaration, Error, Namespace, Registry, Value};

/// The text of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// File name with extension, as errors name it: `setup_environment.rhai`.
    pub name: String,
    /// The text.
    pub text: String,
}

/// The road from a script to the world: the only thing an engine gets from the run.
pub trait Caller {
    /// Calls a primitive by namespace and name.
    fn call(&self, namespace: &str, name: &str, arguments: Vec<Value>) -> Result<Value, Error>;

    /// Begins a stage; the heading is the unit of progress on screen and in the journal.
    fn stage(&self, title: &str) -> Result<(), Error>;

    /// Set once the run must stop: a script can neither catch it nor go on.
    fn stopped(&self) -> Option<Error>;
}

/// A script language.
///
/// An engine exposes no clock, randomness, file, environment or network of its own, and nothing in it
/// depends on addresses, hash seeds or thread timing: the same journal gives the same calls.
pub trait Engine {
    /// `Rhai`.
    fn language(&self) -> &'static str;

    /// File extension without the dot: `rhai`.
    fn extension(&self) -> &'static str;

    /// Reads a workflow's declaration without running a primitive.
    ///
    /// # Errors
    /// `script.syntax` with file and line, `workflow.declaration` when it is not a workflow.
    fn declaration(&self, source: &Source) -> Result<Declaration, Error>;

    /// Type definitions for editors, made from the registry: file name and text.
    fn definitions(&self, registry: &Registry) -> (&'static str, String);

    /// Runs a workflow's `run(input)` with the given namespaces and no others.
    fn run(
        &self,
        source: &Source,
        input: Value,
        namespaces: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error>;
}
