//! A pretend Agency, for trying and testing what would otherwise be filed for real.
//!
//! [`Sandbox::open`] takes a folder; [`Sandbox::listen`] answers over HTTP on a loopback address,
//! as `openapi.yaml` describes. The same server is embedded in a process or run for others. It has
//! accounts, a certification authority with a revocation list, processing with real checks,
//! receipts, a clock that can be set, and faults that can be injected. What it accepts is on disk,
//! synced, before it answers.
//!
//! UNVERIFIED: the Agency publishes no such interface; protocolli, texts and codes are ours.
//! Nothing it issues is worth anything, and everything it issues says SANDBOX.

mod accounts;
mod ca;
mod clock;
mod credentials;
mod crl;
mod environments;
mod error;
mod exchange;
mod explain;
mod faults;
mod log;
mod processing;
mod receipts;
mod refusal;
mod rejection;
mod rejection_impronta;
mod revocations;
mod routes;
mod routes_admin;
mod routes_gateway;
mod routes_receipts;
mod routes_revocations;
mod routes_trust;
mod server;
mod sessions;
mod settings;
mod spoil;
mod store;
mod submissions;
mod trust_provider;
mod tsa;
mod tsa_access;
mod tsa_token;
mod wire;

pub use accounts::{Credentials, NewAccount};
pub use error::SandboxError;
pub use faults::{Fault, FaultKind};
pub use log::LogEntry;
pub use server::{Running, Sandbox};
pub use settings::Settings;
pub use spoil::Spoil;
pub use trust_provider::{IssuedSigner, NewSigner};
pub use tsa::{MarkEntry, TsaFault};
pub use tsa_access::TsaAccess;
