//! Plugins found, pinned, loaded, confined and called.
//!
//! What a plugin means: [`Plugins`] are those of a workspace, as `plugins.lock` pins them; each is
//! called through `Plugin::call`, which holds its replies against the contract and its manifest.
//! Where a plugin runs is behind the trait `Connection`: a worker process, or this process.

mod confine;
mod frame;
mod host_table;
mod in_process;
mod inherit;
mod library;
mod limits;
mod lookout;
mod messages;
mod obituary;
mod pipes;
mod process;
#[doc(hidden)]
pub mod testing;
mod watchdog;
mod worker;

pub use confine::{Confinement, confinement};
pub use worker::worker_main;

mod call;
pub mod conformance;
mod connection;
mod describe;
mod error;
mod explain;
mod explain_call;
mod explain_files;
mod explain_start;
mod fits;
mod folder;
mod install;
mod loading;
mod lock;
mod names;
mod permissions;
mod plugin;
mod plugins;
mod reply;
mod seams;
mod settings;
mod staging;
mod words;

mod image;
#[cfg(target_os = "linux")]
mod sealed;

pub use install::{Listed, State, described, install, install_if, list, lock, remove};
pub use lock::LOCK_FILE;
pub use permissions::permissions_statement;
pub use plugin::Plugin;
pub use plugins::{Plugins, Site};
pub use seams::{AskSecret, Operator, PluginAgency, PluginCheck, PluginDevices};
pub use settings::{Environment, MemoryLimit, PluginSettings, TimeLimit};
pub use words::About;
