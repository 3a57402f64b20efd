//! Calls outside of a run: how a plugin serves the primitives that it declares as the core does.

use jiff::Timestamp;

use crate::{Call, Host, Primitive, RunId, SecretKeeper, Services};

/// Everything a call stands on, for whoever serves primitives without a run: a plugin.
pub struct Serving<'a> {
    /// The primitive being called.
    pub primitive: &'static Primitive,
    /// The operator and the clock, as the caller passes them on.
    pub host: &'a dyn Host,
    /// What the primitive can use.
    pub services: &'a Services,
    /// The secrets that the caller passes on.
    pub secrets: &'a dyn SecretKeeper,
    /// The run that the call serves.
    pub run: &'a RunId,
    /// See [`Call::run_key`].
    pub run_key: &'a str,
    /// See [`Call::idempotency_key`].
    pub key: &'a str,
    /// See [`Call::since`].
    pub since: Timestamp,
}

impl<'a> Call<'a> {
    /// A call outside of a run.
    pub fn serving(of: Serving<'a>) -> Call<'a> {
        Call {
            primitive: of.primitive,
            host: of.host,
            services: of.services,
            secrets: of.secrets,
            run: of.run,
            run_key: of.run_key,
            key: of.key.to_owned(),
            since: of.since,
        }
    }
}
