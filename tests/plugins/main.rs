//! Plugins: their contract, their life in a workspace, hostile ones, and those of this repository.

#![allow(unreachable_pub, reason = "a test is a crate of its own")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[cfg(target_os = "linux")]
mod hostile;
mod hostile_plugins;
mod odd_files;
mod pkcs11;
mod plugin_c;
mod plugin_header;
mod plugin_life;
mod plugin_vendor;
mod sftp;
#[path = "../stage/mod.rs"]
mod stage;
