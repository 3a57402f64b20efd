//! The only crate that opens a client socket: the gateway to the Agency over HTTP.
//!
//! [`HttpGateway`] implements [`Agency`](ceralacca_submission::Agency). It says of every failure
//! whether what was being sent may have arrived; it follows no redirects, takes no proxy from the
//! environment, keeps no session on disk, and never holds more of an answer than its limit.
//!
//! UNVERIFIED: the Agency publishes no interface for programs. The contract is ours; the sandbox
//! describes it in OpenAPI, so that somebody else's gateway can stand in its place.
//!
//! [`HttpTimestampAuthority`] asks a timestamp authority (RFC 3161) in the same way.

mod answers;
mod error;
mod exchange;
mod explain;
mod gateway;
mod proxy;
mod session;
mod settings;
mod timestamp;
mod timestamp_error;

pub use error::NetError;
pub use gateway::HttpGateway;
pub use proxy::{AskProxyPassword, ProxyServer, ProxySettings};
pub use settings::{GatewaySettings, Timeouts};
pub use timestamp::{AskTsaPassword, HttpTimestampAuthority, TsaUser};
pub use timestamp_error::TsaError;
