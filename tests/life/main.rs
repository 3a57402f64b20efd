//! An environment as its operator knows it: set up, used, renewed, lost, recovered; by hand, too.

#![allow(unreachable_pub, reason = "a test is a crate of its own")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../crafted/mod.rs"]
mod crafted;
mod disks;
mod environment;
#[path = "../filed/mod.rs"]
mod filed;
mod hand_off;
mod hand_off_said;
mod journal;
mod kept;
mod norms;
mod parity;
mod places;
mod proxy;
mod receipts;
mod recovery;
mod recovery_by_hand;
mod register_table;
mod replacement;
mod revoked_in_vain;
#[path = "../stage/mod.rs"]
mod stage;
mod unsent;
mod watch;
#[cfg(target_os = "linux")]
mod watching;
