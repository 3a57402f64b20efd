//! The sandbox over real HTTP: what it accepts, what it rejects, what its faults do, what survives.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "functions beside tests are tests too"
)]

mod admin;
mod client;
mod exchange;
mod faults;
mod forge;
mod impronta;
mod impronta_world;
mod pks10;
mod recovery;
mod replacement;
mod revocation;
mod sessions;
mod set_aside;
mod spoiled;
mod trust;
mod world;
