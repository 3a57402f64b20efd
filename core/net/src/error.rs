//! What can go wrong on the wire, and what it means for what was being sent. The wording is in
//! `explain.rs`.

use ceralacca_submission::{Delivery, Failure};
use serde::Serialize;

/// Every failure of this crate. `what` is a participle: `sending req.ccc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum NetError {
    /// A setting cannot be used.
    Settings {
        /// Its name.
        setting: String,
        /// Why not.
        reason: String,
    },
    /// A gateway on another machine without TLS.
    PlainHttp {
        /// Its address.
        gateway: String,
    },
    /// A text cannot be sent as a header.
    Unsendable {
        /// The header.
        header: String,
        /// Bytes of the text.
        length: usize,
    },
    /// Nobody answers at that address.
    Refused {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// What the operating system said.
        system: String,
    },
    /// The name has no address.
    Dns {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
    },
    /// TLS could not be set up, or the other side is not who it should be.
    Tls {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// Why not.
        reason: String,
    },
    /// The other side took too long.
    Timeout {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// Whether the connection was never there.
        connecting: bool,
        /// Whether what was sent may have arrived.
        delivery: Delivery,
    },
    /// The proxy does not answer.
    ProxyUnreachable {
        /// What was being done.
        what: String,
        /// The proxy.
        proxy: String,
        /// Why not.
        reason: String,
    },
    /// The proxy wants a user and password, or others than it was given.
    ProxyAuthentication {
        /// What was being done.
        what: String,
        /// The proxy.
        proxy: String,
        /// The user that was given.
        user: Option<String>,
        /// HTTP status: 407, or 401 from proxies that do not know better.
        status: u16,
    },
    /// The proxy does not let us through to the gateway.
    ProxyRefused {
        /// What was being done.
        what: String,
        /// The proxy.
        proxy: String,
        /// The gateway.
        gateway: String,
        /// The proxy's user that was given.
        user: Option<String>,
    },
    /// The portal does not accept the keys.
    AccessDenied {
        /// User of the portal.
        utente: String,
        /// What the gateway said.
        message: String,
    },
    /// The user may not act for that subject.
    NotIncaricato {
        /// User of the portal.
        utente: String,
        /// The subject.
        on_behalf_of: Option<String>,
        /// What the gateway said.
        message: String,
    },
    /// The connection broke off.
    Cut {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// Where.
        reason: String,
        /// Whether what was sent may have arrived.
        delivery: Delivery,
    },
    /// The answer is not what the contract says.
    Garbage {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// What is wrong with it.
        reason: String,
        /// Whether what was sent may have arrived.
        delivery: Delivery,
    },
    /// The answer is longer than any honest one.
    TooLarge {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// Bytes allowed.
        limit: u64,
        /// Whether what was sent may have arrived.
        delivery: Delivery,
    },
    /// The gateway sends us elsewhere.
    Redirected {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// HTTP status.
        status: u16,
        /// Whether what was sent may have arrived.
        delivery: Delivery,
    },
    /// The gateway says no.
    RefusedByGateway {
        /// What was being done.
        what: String,
        /// HTTP status.
        status: u16,
        /// The gateway's code, `gateway.…`, or empty.
        code: String,
        /// The gateway's text.
        message: String,
    },
    /// The gateway failed.
    GatewayFailed {
        /// What was being done.
        what: String,
        /// The gateway.
        gateway: String,
        /// HTTP status.
        status: u16,
        /// Whether what was sent may have arrived.
        delivery: Delivery,
    },
}

impl NetError {
    /// Whether what was being sent may have arrived.
    pub fn delivery(&self) -> Delivery {
        use NetError::*;
        match self {
            Timeout { delivery, .. }
            | Cut { delivery, .. }
            | Garbage { delivery, .. }
            | TooLarge { delivery, .. }
            | Redirected { delivery, .. }
            | GatewayFailed { delivery, .. } => *delivery,
            _ => Delivery::NotDelivered,
        }
    }

    /// Whether the same request may well succeed a little later.
    pub fn is_passing(&self) -> bool {
        use NetError::*;
        match self {
            Refused { .. }
            | Dns { .. }
            | Timeout { .. }
            | ProxyUnreachable { .. }
            | Cut { .. }
            | GatewayFailed { .. } => true,
            RefusedByGateway { status, .. } => matches!(status, 425 | 429),
            _ => false,
        }
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Failure {
        Failure { delivery: error.delivery(), passing: error.is_passing(), error: error.into() }
    }
}
