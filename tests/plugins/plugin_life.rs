//! The life of a plugin in a workspace: installed, listed, locked, replaced and removed, while runs
//! begin, wait and go on.

#![cfg(target_os = "linux")]

mod install;
mod runs;
mod secrets;
mod settings;
