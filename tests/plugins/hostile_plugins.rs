//! Hostile plugins, judged from outside: each installs well and misbehaves when a script calls it.
//!
//! The program survives each with a stable error, its journal holds, and the plugin's good primitive
//! works afterwards in the same process. What confines plugins exists on Linux, and so do these tests.

#![cfg(target_os = "linux")]

#[path = "hostile/cases.rs"]
mod cases;
#[path = "hostile/once.rs"]
mod once;
#[path = "hostile/pinned.rs"]
mod pinned;
#[path = "hostile/reaching.rs"]
mod reaching;
#[path = "hostile/refused.rs"]
mod refused;
#[path = "hostile/vendor.rs"]
mod vendor;
