//! Forgeries: changed copies of what a real filing leaves behind, and what is said of each.

#![allow(unreachable_pub, reason = "tests are their own crate")]

pub mod element;
pub mod judged;
pub mod material;
pub mod mutation;
