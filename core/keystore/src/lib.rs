//! Keys, requests, certificates and their containers, one module per concept of the standards.
//!
//! Private-key operations go through aws-lc-rs only. The folder that keys live in, and its life,
//! are `ceralacca_environment`'s.

#[cfg(test)]
extern crate self as ceralacca_keystore;

mod algorithm_name;
mod auth_enveloped_data;
pub mod certif_in;
pub mod certificate;
mod certificate_details;
pub mod certification_request;
pub mod cmc;
pub mod content_kind;
mod device;
pub mod disk;
pub mod encrypted_key;
pub mod enveloped_data;
mod error;
mod explain;
mod explain_container;
mod explain_signer;
#[cfg(test)]
pub mod fixtures;
pub mod jks;
pub mod key;
pub mod key_entry;
mod key_kind;
mod key_transport;
#[cfg(debug_assertions)]
mod made_before;
mod pbes2;
pub mod pkcs12;
pub mod pkcs12_read;
pub mod policy;
mod primitives;
pub mod public_key;
pub mod request_profile;
mod signed_data;
pub mod signer;

pub use certificate::Certificate;
pub use certificate_details::{CertificateDetails, ExtensionDetails, Validita, WARNING_DAYS};
pub use device::{DeviceKey, DeviceProvider, Devices};
pub use error::{DiskCondition, DiskError, KeystoreError, MissingPart};
pub use key::{KeyPair, KeyPairs, Utilizzo};
pub use policy::{Finding, Policy};
pub use primitives::namespace;
pub use public_key::PublicKey;
pub use signer::{OpenSigner, SignerHandle, SignerId, input_types};
