//! What a journal holds, and the seam to the store that keeps it.

use std::any::Any;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, Exit, Report, Value};

/// A run's number within its workspace, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a journaled call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// With this result.
    Ok(Value),
    /// With this error.
    Error(Report),
}

/// Which plugin exactly: as `plugins.lock` pins it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginPin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its library, hexadecimal.
    pub library_sha256: String,
    /// SHA-256 of its manifest, hexadecimal.
    pub manifest_sha256: String,
}

/// One thing that happened in a run. Secrets never enter it, not even hashed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    Started {
        /// Name of the workflow.
        workflow: String,
        /// File name of its source.
        file: String,
        /// Where that file is, when it was given by its path.
        #[serde(default)]
        path: Option<String>,
        /// The whole source: a run goes on with the text it began with.
        source: String,
        /// SHA-256 of the source, hexadecimal.
        source_sha256: String,
        /// Checked inputs.
        #[serde(default)]
        input: Value,
        /// Random text that makes the run's idempotency keys unique.
        key: String,
        /// Version of the program.
        version: String,
        /// The folder that the run works in: what it wrote down is to be found there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workspace: Option<String>,
        /// The folder at which its relative paths start. What lies in the workspace is then written from
        /// there, here and in what follows; older releases wrote absolute paths.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
        /// The plugins that the run may use.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        plugins: Vec<PluginPin>,
    },
    /// A stage began.
    Stage {
        /// Position among stages and journaled calls, from 0.
        step: u64,
        /// Its heading.
        title: String,
    },
    /// A `once` call is about to be made.
    Intent(CallRecord),
    /// A call ended.
    Ended {
        /// The call.
        #[serde(flatten)]
        call: CallRecord,
        /// How.
        outcome: Outcome,
    },
    /// A `wait` call did not have its result yet.
    Waiting {
        /// The call.
        #[serde(flatten)]
        call: CallRecord,
        /// What it waits for.
        what: String,
    },
    /// The run goes on in another process.
    Resumed {
        /// Version of the program.
        version: String,
        /// The plugins that the run may use from now on, when they are others than before and the
        /// operator agreed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        plugins: Vec<PluginPin>,
    },
    /// The run stopped with an error; it can be resumed.
    Stopped {
        /// The error.
        error: Report,
    },
    /// The operator gave the run up: it is not resumed any more.
    Abandoned {
        /// Why, in the operator's words.
        #[serde(default)]
        reason: String,
    },
    /// The run is done.
    Finished {
        /// What the workflow returned.
        #[serde(default)]
        result: Value,
    },
}

/// A journaled call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Position among stages and journaled calls, from 0.
    pub step: u64,
    /// `agency::submit`.
    pub primitive: String,
    /// The arguments; long byte strings are replaced by their SHA-256.
    #[serde(default)]
    pub arguments: Value,
    /// SHA-256 of the arguments' canonical encoding, hexadecimal.
    pub arguments_sha256: String,
}

/// An event with its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Place in the journal, from 1.
    pub sequence: u64,
    /// The run it belongs to.
    pub run: RunId,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Done.
    Finished,
    /// Given up by the operator.
    Abandoned,
    /// Stopped with an error; nothing is in doubt.
    Failed,
    /// Waits for something outside.
    Waiting,
    /// Something may or may not have happened outside.
    OutcomeUnknown,
    /// A process works on it, or died while it did.
    Open,
}

/// A line of the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// What its idempotency keys begin with.
    #[serde(skip)]
    pub key: String,
    /// Name of its workflow.
    pub workflow: String,
    /// When it began.
    pub started: Timestamp,
    /// When its last event was written.
    pub last: Timestamp,
    /// Where it stands.
    pub status: RunStatus,
    /// The last stage that it reached.
    pub stage: Option<String>,
    /// Whether a process holds it right now.
    pub locked: bool,
    /// The error that it stopped with, where that was the last to happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Report>,
}

impl RunStatus {
    /// Whether nothing is left to do.
    pub fn is_over(self) -> bool {
        matches!(self, RunStatus::Finished | RunStatus::Abandoned)
    }

    /// The status of a run whose last event is this one.
    pub fn after(event: &Event) -> RunStatus {
        match event {
            Event::Finished { .. } => RunStatus::Finished,
            Event::Abandoned { .. } => RunStatus::Abandoned,
            Event::Stopped { error } => match error.exit {
                Exit::Waiting => RunStatus::Waiting,
                Exit::Unknown => RunStatus::OutcomeUnknown,
                Exit::Refused | Exit::Usage => RunStatus::Failed,
            },
            _ => RunStatus::Open,
        }
    }
}

/// Keeps the journal. Appending is durable when it returns.
pub trait Store {
    /// Takes the next free run number and writes the run's first event.
    fn begin(&self, at: Timestamp, started: &Event) -> Result<RunId, Error>;

    /// Adds an event to a run.
    fn append(&self, run: RunId, at: Timestamp, event: &Event) -> Result<(), Error>;

    /// A run's events in order.
    ///
    /// # Errors
    /// `journal.no_such_run`; `journal.broken_chain` when the journal was changed afterwards.
    fn entries(&self, run: RunId) -> Result<Vec<Entry>, Error>;

    /// All runs, oldest first.
    fn runs(&self) -> Result<Vec<RunSummary>, Error>;

    /// Takes the run for this process until the guard is dropped.
    ///
    /// # Errors
    /// `run.locked`, naming who holds it.
    fn lock(&self, run: RunId, at: Timestamp) -> Result<Box<dyn Any>, Error>;
}
