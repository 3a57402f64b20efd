//! What became of a request for certificates: asked before new keys are made in its place.

use ceralacca_kernel::{Service, Touch};
use serde::Serialize;

/// What the program knows of a request, by its register of submissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Nobody has sent it.
    NeverSent,
    /// It may be with the Agency: new keys would orphan it.
    Waiting,
    /// The Agency has rejected it.
    Rejected {
        /// Number of the submission.
        protocollo: String,
        /// Motivo di scarto.
        reason: String,
    },
    /// The Agency has answered with CERTIF.IN.
    Accepted,
}

/// Says what became of the request with a SHA-256; a service, where there is a register.
pub struct RequestOutcomes(Box<dyn Fn(&str) -> RequestOutcome>);

impl RequestOutcomes {
    /// Asks `outcome` with the SHA-256 of a request, hexadecimal.
    pub fn new(outcome: impl Fn(&str) -> RequestOutcome + 'static) -> RequestOutcomes {
        RequestOutcomes(Box::new(outcome))
    }

    /// What became of the request with this SHA-256.
    pub fn of(&self, request_sha256: &str) -> RequestOutcome {
        (self.0)(request_sha256)
    }
}

impl Service for RequestOutcomes {
    const TOUCH: Option<Touch> = None;
}

/// Why pending keys are not to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingCase {
    /// There are keys, and no request was made for them yet.
    NotRequested,
    /// The request was made and not sent.
    NeverSent,
    /// The request may be with the Agency.
    Waiting,
    /// The Agency has certified the keys.
    Accepted,
}
