//! The hash that chains entries, and heads, to what came before.

use sha2::{Digest, Sha256};

/// What the first entry is chained to.
pub(crate) const ROOT: [u8; 32] = [0; 32];

/// What is hashed beside the previous hash: an entry, or a head.
pub(crate) struct Link<'a> {
    /// Place in the chain, from 1.
    pub(crate) number: i64,
    /// The run.
    pub(crate) run: i64,
    /// Microseconds since 1970, UTC.
    pub(crate) at: i64,
    /// The event, or what the head says.
    pub(crate) body: &'a [u8],
}

impl Link<'_> {
    /// SHA-256 over the previous hash, number, run and time (64 bits big-endian each), and the body.
    pub(crate) fn hash(&self, previous: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(previous);
        hash.update(self.number.to_be_bytes());
        hash.update(self.run.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        hash.update(self.body);
        hash.finalize().to_vec()
    }
}
