//! The life of a plugin in a workspace: installed, listed, locked, replaced and removed, while runs
//! begin, wait and go on.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod hostile;
#[path = "plugin_life/install.rs"]
mod install;
#[path = "plugin_life/runs.rs"]
mod runs;
#[path = "plugin_life/secrets.rs"]
mod secrets;
#[path = "plugin_life/settings.rs"]
mod settings;
mod stage;
