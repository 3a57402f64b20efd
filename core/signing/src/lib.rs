//! CMS signatures: CAdES, verification, path validation.
//!
//! [`cades`] writes, [`signed_data`] reads, [`verify`] answers the questions about what was read.

mod algorithm;
pub mod armour;
mod batch;
pub mod cades;
mod cades_timestamp;
mod digest;
mod documents;
mod error;
mod explain;
#[cfg(test)]
mod fixtures;
mod path;
mod primitives;
mod report;
mod revocation;
mod rsa_signature;
pub mod signed_data;
mod signer;
mod signer_info;
mod signing_certificate;
#[cfg(test)]
mod tests;
mod trust;
mod verify;

pub use algorithm::Algorithm;
pub use digest::{DigestAlgorithm, Hasher};
pub use documents::CadesOptions;
pub use error::SigningError;
pub use primitives::namespace;
pub use report::{Answer, Check, Report, Verdict};
pub use signed_data::{Content, SignedData};
pub use signer::Signer;
pub use signer_info::{Attribute, SignerIdentifier, SignerInfo};
pub use trust::{Anchor, Crl, Purpose, Trust, TrustStore};
pub use verify::verify;
