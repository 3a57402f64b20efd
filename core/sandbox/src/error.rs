//! What can go wrong on the sandbox's own side, before or beside HTTP.
//!
//! What the pretend Agency answers over HTTP is a [`Refusal`](crate::refusal::Refusal); why it
//! rejects a request is a [`Rejection`](crate::rejection::Rejection).

use serde::Serialize;

/// Errors of opening, serving and administering a sandbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum SandboxError {
    /// Another process has the sandbox's folder open.
    InUse {
        /// The folder.
        folder: String,
        /// What the other process said of itself.
        holder: String,
    },
    /// The operating system refused a file or folder.
    Disk {
        /// The file or folder.
        path: String,
        /// Its words.
        reason: String,
    },
    /// SQLite refused.
    Store {
        /// Its words.
        reason: String,
    },
    /// The state was written by a newer ceralacca.
    NewerStore {
        /// Version this program knows.
        expected: i64,
        /// Version found.
        found: i64,
    },
    /// The CA's key or certificate in the folder cannot be used.
    Ca {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A certificate or CRL could not be made.
    Issuing {
        /// Which part failed.
        reason: String,
    },
    /// The address to listen on is not this machine's own.
    NotLoopback {
        /// The address asked for.
        address: String,
    },
    /// The address cannot be listened on.
    Listen {
        /// The address asked for.
        address: String,
        /// The operating system's words.
        reason: String,
    },
    /// The account is there already.
    AccountExists {
        /// `<codice fiscale>-<sede>`.
        account: String,
    },
    /// A name or credential for a new account breaks a rule.
    AccountInvalid {
        /// Which field.
        field: String,
        /// The rule.
        rule: String,
    },
    /// There is no such account.
    AccountUnknown {
        /// `<codice fiscale>-<sede>`.
        account: String,
    },
    /// The account has no environment to revoke.
    NoEnvironment {
        /// `<codice fiscale>-<sede>`.
        account: String,
    },
    /// A name, password or validity for a new signer breaks a rule.
    SignerInvalid {
        /// Which field.
        field: String,
        /// The rule.
        rule: String,
    },
    /// No signer's certificate has this number.
    SignerUnknown {
        /// What was given, at most 64 characters.
        serial: String,
    },
    /// A setting of the sandbox is out of range.
    Setting {
        /// Which one.
        name: String,
        /// What is allowed.
        rule: String,
    },
}

impl From<rusqlite::Error> for SandboxError {
    fn from(error: rusqlite::Error) -> SandboxError {
        SandboxError::Store { reason: error.to_string() }
    }
}
