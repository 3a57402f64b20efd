//! Where a run is: its workspace, and the folder at which its relative paths start.
//!
//! In the journal what lies in the workspace is written from there: `./Documenti/firmati/2/x.p7m`. That
//! holds for the inputs and for the ids of handles, which name files by their absolute path; no other text
//! is touched. Runs of releases that wrote absolute paths keep to them.

use std::io;
use std::path::{self, Path, PathBuf};

use crate::primitive::Service;
use crate::{Handle, JournalEvent, Touch, Value};

/// Where a run is; the program offers it as a service when a run begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The workspace; without it nothing is written from there.
    workspace: Option<String>,
    /// Where relative paths start; without it, at the process's folder.
    folder: Option<PathBuf>,
}

impl Service for Place {
    const TOUCH: Option<Touch> = None;
}

impl Place {
    /// A run of the workspace at `workspace` that begins in `folder`; both absolute. A path that is not
    /// Unicode cannot be journaled: then paths stay what they are, and start at the process's folder.
    pub fn new(workspace: &Path, folder: &Path) -> Place {
        match (workspace.to_str(), folder.to_str()) {
            (Some(workspace), Some(_)) => {
                let mut workspace = workspace.to_owned();
                if !workspace.ends_with(path::is_separator) {
                    workspace.push(path::MAIN_SEPARATOR);
                }
                Place { workspace: Some(workspace), folder: Some(folder.to_owned()) }
            }
            _ => Place::default(),
        }
    }

    /// The place of a run of this workspace that began so.
    pub(crate) fn of_run(&self, started: Option<&JournalEvent>) -> Place {
        match started {
            Some(JournalEvent::Started { folder: Some(folder), .. }) => {
                Place { folder: Some(self.out_of_journal(folder).into()), ..self.clone() }
            }
            _ => Place::default(),
        }
    }

    /// The folder that the run began in, as the journal has it.
    pub(crate) fn recorded_folder(&self) -> Option<String> {
        Some(self.to_journal(self.folder.as_ref()?.to_str()?))
    }

    /// The file or folder that a script means by `path`.
    pub(crate) fn located(&self, path: &Path) -> io::Result<PathBuf> {
        match &self.folder {
            Some(folder) if !path.as_os_str().is_empty() => path::absolute(folder.join(path)),
            _ => path::absolute(path),
        }
    }

    /// The inputs of a run, as the journal has them.
    pub(crate) fn journaled_input(&self, input: Value) -> Value {
        changed(input, false, &|text| self.to_journal(text))
    }

    /// The inputs of a run, as its script sees them.
    pub(crate) fn seen_input(&self, input: Value) -> Value {
        changed(input, false, &|text| self.out_of_journal(text))
    }

    /// A value whose handles are as scripts and journals have them.
    pub(crate) fn journaled_handles(&self, value: Value) -> Value {
        changed(value, true, &|text| self.to_journal(text))
    }

    /// A value whose handles are as primitives have them.
    pub(crate) fn opened_handles(&self, value: Value) -> Value {
        changed(value, true, &|text| self.out_of_journal(text))
    }

    /// The same of each of the arguments.
    pub(crate) fn opened_arguments(&self, arguments: Vec<Value>) -> Vec<Value> {
        arguments.into_iter().map(|argument| self.opened_handles(argument)).collect()
    }

    /// `./` and the rest, for a path in the workspace. What begins so by itself gets one more in front.
    fn to_journal(&self, text: &str) -> String {
        let Some(workspace) = &self.workspace else { return text.to_owned() };
        match text.strip_prefix(workspace) {
            Some(rest) if !rest.is_empty() && !rest.starts_with(HERE) => format!("{HERE}{rest}"),
            None if text.starts_with(HERE) => format!("{HERE}{text}"),
            None if is_folder(workspace, text) => HERE.to_owned(),
            _ => text.to_owned(),
        }
    }

    fn out_of_journal(&self, text: &str) -> String {
        let Some(workspace) = &self.workspace else { return text.to_owned() };
        match text.strip_prefix(HERE) {
            Some("") => workspace.trim_end_matches(path::is_separator).to_owned(),
            Some(rest) if rest.starts_with(HERE) => rest.to_owned(),
            Some(rest) => format!("{workspace}{rest}"),
            None => text.to_owned(),
        }
    }
}

const HERE: &str = "./";

/// Whether `text` is the folder itself, without the separator at its end.
fn is_folder(workspace: &str, text: &str) -> bool {
    !text.is_empty() && workspace.strip_suffix(path::is_separator) == Some(text)
}

/// The value with its texts changed, or only those in the ids of its handles.
fn changed(value: Value, only_in_handles: bool, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Str(text) if !only_in_handles => Value::Str(change(&text)),
        Value::Handle(Handle { kind, id }) => {
            Value::Handle(Handle { kind, id: Box::new(changed(*id, false, change)) })
        }
        Value::List(items) => {
            let items = items.into_iter().map(|item| changed(item, only_in_handles, change));
            Value::List(items.collect())
        }
        Value::Map(map) => {
            let entry = |(key, value)| (key, changed(value, only_in_handles, change));
            Value::Map(map.into_iter().map(entry).collect())
        }
        other => other,
    }
}
