//! A security environment: a folder with the keys and certificates of an account, and its life.
//!
//! [`EnvironmentFolder`] is the whole of it for a folder: prepared, requested, imported, opened,
//! copied, set aside. What a key or a container is, `ceralacca_keystore` knows.

mod aside;
mod change_password;
mod copy;
mod error;
mod explain;
#[cfg(test)]
#[path = "../../keystore/src/fixtures.rs"]
pub mod fixtures;
pub mod folder;
mod handle;
pub mod history;
mod import;
mod key_choice;
mod life;
mod open;
pub mod pending;
mod primitives;
mod ready;
mod recipient;
mod recovery_sheet;
mod request_outcome;
#[cfg(test)]
mod scene;
mod seen;
mod summary;

pub use change_password::PasswordChange;
pub use copy::Copied;
pub use error::EnvironmentError;
pub use folder::{EnvironmentFolder, RequestDetails};
pub use handle::{Environment, EnvironmentId, KeyAlgorithm, KeyFingerprints, KeyOptions};
pub use history::{EnvironmentHistory, SetAside};
pub use key_choice::WrongKey;
pub use life::certif_in_file;
pub use open::{OpenEnvironment, PasswordForm};
pub use primitives::namespace;
pub use ready::BeforeRevocation;
pub use recipient::{OpenRecipient, Recipient};
pub use recovery_sheet::{RecoveryDetails, RecoverySheet};
pub use request_outcome::{PendingCase, RequestOutcome, RequestOutcomes};
pub use seen::{EnvironmentSeen, on_another_device};
pub use summary::{EnvironmentDoubt, EnvironmentState, EnvironmentSummary, PendingSummary};
