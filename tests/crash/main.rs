//! Killed at every point, cut off at every request: nothing is lost and nothing is sent twice.

#![allow(unreachable_pub, reason = "a test is a crate of its own")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fault_matrix;
mod faults;
mod hand_off;
mod impronta;
mod mark_faults;
mod power_cut;
mod recovery;
mod setup;
mod signature;
#[path = "../stage/mod.rs"]
mod stage;
