//! Keys, requests, certificates and their containers: a security environment on disk.
//!
//! [`environment`] is the whole of it for a folder; the other modules are its parts, one per
//! concept of the standards. Private-key operations go through aws-lc-rs only.

pub mod ber;
pub mod certif_in;
pub mod certificate;
mod certificate_details;
pub mod certification_request;
pub mod cmc;
mod disk;
pub mod enveloped_data;
pub mod environment;
mod environment_handle;
mod environment_import;
mod environment_open;
mod error;
mod explain;
mod explain_signer;
#[cfg(test)]
mod fixtures;
pub mod jks;
pub mod key;
pub mod key_entry;
mod pbes2;
pub mod pending;
pub mod pkcs12;
pub mod pkcs12_read;
mod primitives;
pub mod public_key;
pub mod request_profile;
mod signed_data;
pub mod signer;
mod signer_primitives;

pub use certificate::Certificate;
pub use certificate_details::{CertificateDetails, ExtensionDetails, Validita, WARNING_DAYS};
pub use environment::{EnvironmentFolder, RequestDetails};
pub use environment_handle::{
    Environment, EnvironmentId, KeyAlgorithm, KeyFingerprints, KeyOptions,
};
pub use environment_open::{OpenEnvironment, PasswordForm};
pub use error::{DiskCondition, DiskError, KeystoreError};
pub use key::{KeyPair, KeyPairs, Utilizzo};
pub use primitives::namespace;
pub use public_key::PublicKey;
pub use signer::{SignerHandle, SignerId};
pub use signer_primitives::namespace as keystore_namespace;
