//! What a journal holds, and the seam to the store that keeps it.

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
    /// Place within its run, from 1.
    pub sequence: u64,
    /// The run it belongs to.
    pub run: RunId,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The file that its entries were moved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

/// Which runs are asked for; the default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those that are not over.
    pub open: bool,
    /// Only those that stand like this.
    pub status: Option<RunStatus>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only the one with this number.
    pub run: Option<RunId>,
    /// Only the one whose idempotency keys begin with this.
    pub key: Option<String>,
}

/// A part of the list of runs: the newest are on the first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Which page, from 1.
    pub number: u64,
    /// How many runs a page has.
    pub limit: u64,
}

impl Page {
    /// Everything on one page.
    pub const ALL: Page = Page { number: 1, limit: i64::MAX as u64 };
}

/// What a page holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunPage {
    /// The runs, oldest first.
    pub runs: Vec<RunSummary>,
    /// How many there are on all pages.
    pub total: u64,
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

/// What an entry outlives when appending it returns. Entries reach the disk in their order: one that is
/// synced takes all before it along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// The death of the process.
    Committed,
    /// A power cut, too.
    Synced,
}

/// Keeps the journal.
pub trait Store {
    /// Takes the next free run number and writes the run's first event, synced; the run is held.
    fn begin(&self, at: Timestamp, started: &Event) -> Result<Box<dyn HeldRun>, Error>;

    /// Takes the run for this process until what is returned is dropped.
    ///
    /// # Errors
    /// `run.locked`, naming who holds it; `journal.no_such_run`.
    fn lock(&self, run: RunId, at: Timestamp) -> Result<Box<dyn HeldRun>, Error>;

    /// Gives a run's entries to `each`, in order.
    ///
    /// # Errors
    /// Those of `each`; `journal.no_such_run`; `journal.broken_chain` when the journal was changed
    /// afterwards, which may be known only at the end.
    fn read(
        &self,
        run: RunId,
        each: &mut dyn FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// A page of the runs that are asked for.
    fn runs(&self, wanted: &RunFilter, page: Page) -> Result<RunPage, Error>;
}

/// A run that this process holds: nobody else adds to it.
pub trait HeldRun {
    /// Its number.
    fn id(&self) -> RunId;

    /// Adds an event.
    ///
    /// # Errors
    /// `journal.run_full`; `journal.unusable`.
    fn append(&self, at: Timestamp, event: &Event, durable: Durable) -> Result<(), Error>;

    /// Everything that was appended outlives a power cut when this returns.
    fn sync(&self) -> Result<(), Error>;

    /// Refuses what would not fit into the run any more. How a run ends always fits.
    ///
    /// # Errors
    /// `journal.run_full`.
    fn require_room(&self, room: Room) -> Result<(), Error>;

    /// One entry, by its place within the run.
    fn entry(&self, sequence: u64) -> Result<Entry, Error>;
}

/// How much a step may come to add to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Entries.
    pub entries: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}
