//! Keys, requests, certificates and their containers: a security environment on disk.
//!
//! [`environment`] is the whole of it for a folder; the other modules are its parts, one per
//! concept of the standards. Private-key operations go through aws-lc-rs only.

mod algorithm_name;
mod auth_enveloped_data;
pub mod ber;
pub mod certif_in;
pub mod certificate;
mod certificate_details;
pub mod certification_request;
mod change_password;
pub mod cmc;
pub mod content_kind;
mod device;
pub mod disk;
pub mod encrypted_key;
pub mod enveloped_data;
pub mod environment;
mod environment_aside;
mod environment_copy;
mod environment_error;
mod environment_handle;
pub mod environment_history;
mod environment_import;
mod environment_life;
mod environment_open;
mod environment_ready;
#[cfg(test)]
mod environment_scene;
mod environment_seen;
mod environment_summary;
mod error;
mod explain;
mod explain_container;
mod explain_environment;
mod explain_signer;
#[cfg(test)]
mod fixtures;
pub mod jks;
pub mod key;
mod key_choice;
pub mod key_entry;
mod key_kind;
mod key_transport;
mod pbes2;
pub mod pending;
pub mod pkcs12;
pub mod pkcs12_read;
pub mod policy;
mod primitives;
pub mod public_key;
mod recipient;
mod recovery_sheet;
mod request_outcome;
pub mod request_profile;
mod signed_data;
pub mod signer;
mod signer_primitives;

pub use certificate::Certificate;
pub use certificate_details::{CertificateDetails, ExtensionDetails, Validita, WARNING_DAYS};
pub use change_password::PasswordChange;
pub use device::{DeviceKey, DeviceProvider, Devices};
pub use environment::{EnvironmentFolder, RequestDetails};
pub use environment_copy::Copied;
pub use environment_error::EnvironmentError;
pub use environment_handle::{
    Environment, EnvironmentId, KeyAlgorithm, KeyFingerprints, KeyOptions,
};
pub use environment_history::{EnvironmentHistory, SetAside};
pub use environment_life::certif_in_file;
pub use environment_open::{OpenEnvironment, PasswordForm};
pub use environment_ready::BeforeRevocation;
pub use environment_seen::{EnvironmentSeen, on_another_device};
pub use environment_summary::{
    EnvironmentDoubt, EnvironmentState, EnvironmentSummary, PendingSummary,
};
pub use error::{DiskCondition, DiskError, KeystoreError, MissingPart};
pub use key::{KeyPair, KeyPairs, Utilizzo};
pub use key_choice::WrongKey;
pub use policy::{Finding, Policy};
pub use primitives::namespace;
pub use public_key::PublicKey;
pub use recipient::{OpenRecipient, Recipient};
pub use recovery_sheet::{RecoveryDetails, RecoverySheet};
pub use request_outcome::{PendingCase, RequestOutcome, RequestOutcomes};
pub use signer::{OpenSigner, SignerHandle, SignerId, input_types};
pub use signer_primitives::namespace as keystore_namespace;
