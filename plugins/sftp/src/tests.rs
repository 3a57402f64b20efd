//! The channel against a real OpenSSH server on loopback, with keys and supports of openssl's.

mod crashes;
mod cuts;
mod delivery;
mod outcomes;
mod scene;
mod sshd;
