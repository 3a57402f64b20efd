//! Files: what we write others accept, what others write we read, and what is wrong is refused.

#![allow(unreachable_pub, reason = "a test is a crate of its own")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bad_input;
mod congruence;
mod containers;
#[path = "../crafted/mod.rs"]
mod crafted;
mod forgery;
mod forging;
mod judges_ours;
mod judges_theirs;
mod judging;
mod large;
#[cfg(unix)]
mod spoiled;
#[path = "../stage/mod.rs"]
mod stage;
