//! Runs over the hand-off channel: files are moved as a person would move them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[allow(dead_code, reason = "shared with the tests of runs")]
#[path = "../../../submission/tests/run/authority.rs"]
mod authority;
mod desk;
mod receipts;
mod runs;
#[allow(dead_code, reason = "shared with the tests of runs")]
#[path = "../../../submission/tests/run/world.rs"]
mod world;
