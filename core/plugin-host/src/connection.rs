//! A loaded plugin as the host calls it, in this process or in a worker: the seam between what a
//! plugin means and where it runs.

use std::fmt;
use std::time::Duration;

use ceralacca_kernel::{Error, Secret, Sheet, Value};
use serde::{Deserialize, Serialize};

/// What is asked of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Its manifest.
    Describe,
    /// A primitive, or an operation of a seam.
    Call,
    /// What became of an interrupted call.
    Reconcile,
}

/// One call; the values are CBOR.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: Operation,
    /// `namespace::name` or `seam/operation`.
    pub(crate) name: &'a str,
    /// An array.
    pub(crate) arguments: &'a [u8],
    /// A map.
    pub(crate) context: &'a [u8],
}

/// What a plugin replied, not understood yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// One of the statuses of the contract, or a number that is none.
    pub(crate) status: i32,
    /// CBOR, or something that is none.
    pub(crate) value: Vec<u8>,
}

/// What a plugin may ask for in the middle of a call.
pub(crate) trait Answers {
    /// A secret, by name.
    ///
    /// # Errors
    /// When it is not the plugin's to ask for, or the operator gives none.
    fn secret(&mut self, name: &str) -> Result<Secret, Error>;

    /// Shows a line.
    fn tell(&mut self, text: &str);

    /// Shows a page.
    fn show(&mut self, page: &Sheet);
}

/// A plugin that was loaded and created.
pub(crate) trait Connection: Send {
    /// Makes one call and waits for its end.
    ///
    /// # Errors
    /// [`Broken`]: the plugin broke the contract, or is gone. But for [`Broken::NeverReplied`], the
    /// connection is over then: called again, it gives the same answer.
    fn invoke(
        &mut self,
        request: &Request<'_>,
        answers: &mut dyn Answers,
    ) -> Result<Answer, Broken>;

    /// The ABI that the plugin was built for: major, minor.
    fn abi(&self) -> (u16, u16);

    /// The worker's process; none when the plugin runs in this one.
    fn process(&self) -> Option<u32>;

    /// Ends it in order: `destroy` has run and nothing was broken. Dropping does the same, and
    /// does not say how it went.
    ///
    /// # Errors
    /// [`Broken`]: it did not end in order, or did something behind the back of its last call.
    fn close(self: Box<Self>) -> Result<(), Broken>;
}

/// Why a call did not end as the contract says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Broken {
    /// The worker ended in the middle: by a signal or with an exit code, in words.
    Died { how: String },
    /// The worker was killed by the operating system for what it was not granted.
    NotGranted { what: String },
    /// It had to be stopped after this time.
    TimedOut { after: Duration },
    /// The memory limit was met, in bytes.
    OutOfMemory { limit: u64 },
    /// `invoke` returned without a reply; the code that it returned.
    NeverReplied { code: i32 },
    /// A second reply to one call.
    RepliedTwice,
    /// A reply after its call was over.
    RepliedLate,
    /// A reply from another thread.
    WrongThread,
    /// It panicked, and its own barrier did not hold.
    Panicked,
    /// The frames of the worker make no sense.
    Garbled { problem: String },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Died { how } => write!(f, "the worker ended: {how}"),
            Broken::NotGranted { what } => f.write_str(what),
            Broken::TimedOut { after } => write!(f, "it took longer than {after:?} and was ended"),
            Broken::OutOfMemory { limit } => {
                write!(f, "it met its memory limit of {} MiB", limit >> 20)
            }
            Broken::NeverReplied { code } => write!(f, "it returned {code} without a reply"),
            Broken::RepliedTwice => f.write_str("it replied twice to one call"),
            Broken::RepliedLate => f.write_str("it replied to a call that was over"),
            Broken::WrongThread => f.write_str("it replied from another thread"),
            Broken::Panicked => f.write_str("it panicked"),
            Broken::Garbled { problem } => {
                write!(f, "what its worker sent makes no sense: {problem}")
            }
        }
    }
}

/// Where and within which limits a plugin runs.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The plugin's name, for errors.
    pub(crate) name: String,
    /// In this process, without limits, by explicit setting.
    pub(crate) in_process: bool,
    /// `[plugins.NAME.settings]`: a map.
    pub(crate) settings: Value,
    /// How long one call may take.
    pub(crate) timeout: Duration,
    /// Bytes of address space of the worker.
    pub(crate) memory: u64,
    /// What it is granted.
    pub(crate) grants: Grants,
}

/// What a plugin is granted: what its manifest asks for, as far as the settings allow it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grants {
    /// Connections over the network.
    pub(crate) network: bool,
    /// Sockets of this machine.
    pub(crate) local_sockets: bool,
    /// Files and folders that it may read, absolute.
    pub(crate) read: Vec<std::path::PathBuf>,
    /// Files and folders that it may read and write, absolute.
    pub(crate) write: Vec<std::path::PathBuf>,
    /// Environment variables that it gets, with their values.
    pub(crate) environment: Vec<(String, String)>,
}
