//! Where plugins stand in for parts of the program: channel to an agency, keys on devices, checks.

mod agency;
mod check;
mod signer;

pub use agency::{AskSecret, PluginAgency};
pub use check::PluginCheck;
pub use signer::PluginDevices;
