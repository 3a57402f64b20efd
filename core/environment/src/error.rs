//! What can go wrong with the folder of an environment and its life; worded in `explain.rs`.

use ceralacca_keystore::{KeystoreError, Utilizzo};
use jiff::Timestamp;
use serde::Serialize;

use crate::key_choice::WrongKey;
use crate::request_outcome::PendingCase;

/// Every failure of an environment; fields are typed, never secret, and stay with the error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum EnvironmentError {
    /// The folder holds no security environment.
    NotAnEnvironment {
        /// The folder that was opened.
        folder: String,
        /// The files that are not there.
        missing: Vec<String>,
    },
    /// There is no such folder.
    NoFolder {
        /// The folder that was asked about.
        folder: String,
    },
    /// Another process works on the folder.
    Locked {
        /// The environment folder.
        folder: String,
        /// What that process says of itself.
        holder: String,
    },
    /// The folder holds keys whose request may already be with the Agency.
    PendingRequest {
        /// The environment folder.
        folder: String,
        /// The run that made those keys.
        run: String,
        /// What is known of their request.
        case: PendingCase,
    },
    /// The password of the environment is being changed, and the change was interrupted.
    PasswordChange {
        /// The environment folder.
        folder: String,
        /// The run that changes it.
        run: String,
        /// A file that opens with neither of the two passwords given, when that is what stopped it.
        unopened: Option<String>,
    },
    /// A sealed file is for none of the environments that are here.
    NoRecipient {
        /// Whom it is for; nobody, when it is not sealed at all.
        recipients: Vec<String>,
        /// The folders that were looked at.
        environments: Vec<String>,
    },
    /// A file given as CERTIF.IN is of a format that is not known.
    CertifInUnknown {
        /// The file.
        path: String,
        /// Its SHA-256, hexadecimal.
        sha256: String,
        /// Its length in bytes.
        length: u64,
        /// What its first bytes look like.
        kind: String,
    },
    /// There are no pending keys where some are needed.
    NoPendingKeys {
        /// The environment folder.
        folder: String,
    },
    /// The folder already holds a complete environment.
    AlreadyComplete {
        /// The environment folder.
        folder: String,
    },
    /// A file of the environment holds no key for its use, or not one that is certain.
    WrongKey {
        /// The file.
        container: String,
        /// The use that its key should have.
        wanted: Utilizzo,
        /// What is the matter.
        why: WrongKey,
        /// Its keys, with what their certificates allow.
        found: Vec<String>,
    },
    /// A file that was just written does not open.
    ReadBack {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
        /// What is and what is not on disk now.
        on_disk: String,
    },
    /// The environment is somebody else's than the one that is meant.
    OtherAccount {
        /// The environment folder.
        folder: String,
        /// Whose is meant.
        expected: String,
        /// Whose it is.
        found: String,
    },
    /// The folder holds another environment than when it was looked at.
    ChangedMeanwhile {
        /// The environment folder.
        folder: String,
        /// Fingerprints of its keys then.
        before: Vec<String>,
        /// Fingerprints of its keys now.
        now: Vec<String>,
    },
    /// The medium that the environment was on is not there: its folder would be on our own disk.
    MediumMissing {
        /// The environment folder.
        folder: String,
        /// Whose environment was there.
        account: String,
        /// When it was last seen.
        at: Timestamp,
    },
    /// A second medium that is none.
    SameMedium {
        /// The folder that was given for the copy.
        copy: String,
        /// What it is.
        why: String,
    },
    /// A key, a container, a request, a certificate or the disk; told as it is there.
    #[serde(untagged)]
    Keystore(KeystoreError),
}

impl From<KeystoreError> for EnvironmentError {
    fn from(error: KeystoreError) -> EnvironmentError {
        EnvironmentError::Keystore(error)
    }
}
