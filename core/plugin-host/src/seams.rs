//! Where plugins stand in for parts of the program: channel to an agency, keys on devices, checks.

mod agency;
mod check;
mod operator;
mod signer;

pub use agency::PluginAgency;
pub use check::PluginCheck;
pub use operator::{AskSecret, Operator};
pub use signer::PluginDevices;
