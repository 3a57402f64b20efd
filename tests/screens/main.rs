//! Every error that a person can meet, through the program itself, word for word.
//!
//! The golden files are in `tests/errors/`: `<code>.txt`, or `<code>.<case>.txt` where one code has
//! several cases. Each case also checks the exit code, that no secret was printed, and that what
//! should be untouched is untouched.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod crafted;
mod stage;
mod wrong;
