//! What became of a request for certificates: asked before new keys are made in its place.

use ceralacca_kernel::{Service, Touch};
use serde::Serialize;

use crate::pending::Owner;

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

/// Says what became of requests and of the runs that made them; a service, where there is a register.
pub struct RequestOutcomes {
    outcome: Box<dyn Fn(&str) -> RequestOutcome>,
    given_up: Box<dyn Fn(&Owner) -> bool>,
    revoked_by: Box<dyn Fn(&Owner) -> bool>,
}

impl RequestOutcomes {
    /// Asks `outcome` with the SHA-256 of a request, hexadecimal.
    pub fn new(outcome: impl Fn(&str) -> RequestOutcome + 'static) -> RequestOutcomes {
        RequestOutcomes {
            outcome: Box::new(outcome),
            given_up: Box::new(|_| false),
            revoked_by: Box::new(|_| false),
        }
    }

    /// Where nobody keeps a register: a request may be with the Agency.
    pub fn unknown() -> RequestOutcomes {
        RequestOutcomes::new(|_| RequestOutcome::Waiting)
    }

    /// Says whether a run was given up.
    #[must_use]
    pub fn with_given_up(self, given_up: impl Fn(&Owner) -> bool + 'static) -> RequestOutcomes {
        RequestOutcomes { given_up: Box::new(given_up), ..self }
    }

    /// Says whether a run has asked for a revocation that is in force.
    #[must_use]
    pub fn with_revoked_by(self, revoked: impl Fn(&Owner) -> bool + 'static) -> RequestOutcomes {
        RequestOutcomes { revoked_by: Box::new(revoked), ..self }
    }

    /// What became of the request with this SHA-256.
    pub fn of(&self, request_sha256: &str) -> RequestOutcome {
        (self.outcome)(request_sha256)
    }

    /// Whether a run was given up.
    pub fn given_up(&self, run: &Owner) -> bool {
        (self.given_up)(run)
    }

    /// Whether a run has revoked the environment, and that is in force.
    pub fn revoked_by(&self, run: &Owner) -> bool {
        (self.revoked_by)(run)
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
