//! The kernel: values, secrets, primitives, workflows, runs and errors.
//!
//! It knows no cryptography beyond the digest that chains its journal, no network and no script
//! language. A script line reaches the world by one road:
//! engine → [`Caller::call`] → [`Run`] (capability, replay, journal) → the function behind a
//! [`Primitive`].

mod abandon;
pub mod atomic_file;
mod call_record;
pub mod cbor;
pub mod crash_point;
mod document;
pub mod document_archive;
mod engine;
mod error;
mod host;
mod keeping;
pub mod lock;
pub mod manifest;
mod memory_store;
mod place;
mod plain_text;
mod primitive;
mod primitive_error;
mod registry;
pub mod regular_file;
mod replay;
mod resumed;
mod run;
mod run_error;
mod script_error;
mod secret;
mod services;
mod serving;
pub mod shape;
mod store;
mod suggest;
pub mod text_encoding;
pub mod typed;
mod value;
mod workflow;

pub use document::{Document, DocumentId, Folders};
pub use engine::{Caller, Engine, Source};
pub use error::{Error, Exit, Explain, Report};
pub use host::{Event, Host, Progress, Question, Sheet};
pub use memory_store::MemoryStore;
pub use place::Place;
pub use plain_text::is_obeyed;
pub use primitive::{
    Arguments, Call, Effect, Form, Invoke, Namespace, Param, ParamSchema, Primitive, Reconcile,
    Reconciled, Service, Step, Touch, Waiting, result,
};
pub use registry::Registry;
pub use resumed::History;
pub use run::{Run, RunOptions};
pub use script_error::ScriptError;
pub use secret::{Secret, SecretKeeper, SecretRef, SecretRule};
pub use services::Services;
pub use serving::Serving;
pub use store::{
    CallRecord, Durable, Entry, Event as JournalEvent, HeldRun, Outcome, Page, PluginPin, Room,
    RunFilter, RunId, RunPage, RunStatus, RunSummary, Store,
};
pub use suggest::did_you_mean;
pub use value::{Handle, Limits, Value};
pub use workflow::{Declaration, Input, InputType, Origin, Workflow};

#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde;
