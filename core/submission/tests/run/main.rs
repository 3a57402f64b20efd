//! The primitives through a real run: dispatch, journal, resume and reconcile around them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod authority;
mod collecting;
mod opening;
mod revoking;
mod sealing;
mod sending;
mod world;
