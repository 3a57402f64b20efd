//! The conformance kit: whether a library keeps the contract, asked of the library itself.
//!
//! It runs in confined workers, without settings and without capabilities. Primitives that touch
//! nothing are asked with all kinds of arguments; those that read, write, sign, ask, send or fetch, and
//! those that are `once` or `wait`, only with arguments that cannot be right.

use std::path::Path;
use std::time::Duration;

use ceralacca_kernel::Error;
use ceralacca_kernel::manifest::Manifest;
use serde::Serialize;

use crate::connection::{Broken, Connection, Launch};
use crate::error::{Outside, PluginError};
use crate::folder::{manifest_beside, read_manifest};
use crate::host_table::TableSize;
use crate::image::Image;
use crate::loading::{not_loaded, unusable};
use crate::process::{ConnectError, connect_sized};
use crate::settings::confined;
use crate::{describe, reply};

mod arguments;
mod calls;
mod loading;

/// Long enough for a reply to wrong arguments, short enough to wait for.
const TIME_FOR_ONE_CALL: Duration = Duration::from_secs(10);

/// What was asked of a plugin, and how it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// What a plugin that keeps the contract does.
    pub question: String,
    /// How it did.
    pub answer: Answer,
    /// What was seen; empty when there is nothing to say.
    pub detail: String,
}

/// How a plugin did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// As it should.
    Ok,
    /// Otherwise.
    Failed,
    /// It was not asked; the detail says why.
    NotAsked,
}

/// Asks a library everything. `progress` is told what is being asked.
///
/// # Errors
/// `plugin.unreadable`, when there is no library to ask.
pub fn check(library: &Path, progress: &mut dyn FnMut(&str)) -> Result<Vec<Question>, Error> {
    let name = library.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let image = Image::of(library).map_err(|error| unusable(&name, library, error))?;
    let mut asking = Asking { image, launch: tried(&name), questions: Vec::new(), progress };
    let Some(manifest) = loading::ask(&mut asking, library) else {
        asking.skip("replies to every call", "it could not be loaded");
        return Ok(asking.questions);
    };
    asking.launch.name = manifest.name.clone();
    calls::ask(&mut asking, &manifest);
    Ok(asking.questions)
}

/// The library that is asked, and what it was asked so far.
struct Asking<'a> {
    image: Image,
    launch: Launch,
    questions: Vec<Question>,
    progress: &'a mut dyn FnMut(&str),
}

impl Asking<'_> {
    /// Asks one thing. What is found is a detail, or what is wrong.
    fn ask(
        &mut self,
        question: &str,
        found: impl FnOnce(&mut Self) -> Result<String, String>,
    ) -> bool {
        (self.progress)(question);
        let (answer, detail) = match found(self) {
            Ok(detail) => (Answer::Ok, detail),
            Err(detail) => (Answer::Failed, detail),
        };
        self.note(question, answer, &detail);
        answer == Answer::Ok
    }

    fn skip(&mut self, question: &str, why: &str) {
        self.note(question, Answer::NotAsked, why);
    }

    fn note(&mut self, question: &str, answer: Answer, detail: &str) {
        let (question, detail) = (question.to_owned(), reply::cleaned(detail, &[]));
        self.questions.push(Question { question, answer, detail });
    }

    fn connect(&self, size: TableSize) -> Result<Box<dyn Connection>, ConnectError> {
        connect_sized(&self.image, &self.launch, size)
    }

    /// A new worker, or why there is none.
    fn connected(&self, size: TableSize) -> Result<Box<dyn Connection>, String> {
        self.connect(size).map_err(|why| in_short(&not_loaded(&self.launch.name, why)))
    }
}

/// Without settings and without capabilities.
fn tried(name: &str) -> Launch {
    Launch { timeout: TIME_FOR_ONE_CALL, ..confined(name) }
}

/// An error in one line.
fn in_short(error: &Error) -> String {
    let report = error.report();
    match &report.found {
        Some(found) => format!("{}: {found}", report.headline),
        None => report.headline.clone(),
    }
}

/// A break in one line.
fn broken_in_short(plugin: &str, call: &str, why: Broken) -> String {
    let (plugin, call) = (plugin.to_owned(), call.to_owned());
    in_short(&PluginError::Broken { plugin, call, outside: Outside::Nothing, why }.into())
}

/// The manifest beside the library.
fn sidecar(library: &Path) -> Result<Manifest, Error> {
    Ok(read_manifest(&manifest_beside(library)?)?.manifest)
}

/// What a plugin says of itself.
fn described(connection: &mut dyn Connection, name: &str) -> Result<Manifest, String> {
    describe::describe(connection, name).map_err(|error| in_short(&error))
}
