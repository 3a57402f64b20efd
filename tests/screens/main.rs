//! What a person reads: every error word for word, the tour, the state of things; no secret in it.
//!
//! The golden files of errors are in `tests/errors/`: `<code>.txt`, or `<code>.<case>.txt` where
//! one code has several cases. Each case also checks the exit code, that no secret was printed, and
//! that what should be untouched is untouched.

#![allow(unreachable_pub, reason = "a test is a crate of its own")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod canary;
#[path = "../crafted/mod.rs"]
mod crafted;
#[path = "../stage/mod.rs"]
mod stage;
mod status;
mod tour;
mod wrong;
