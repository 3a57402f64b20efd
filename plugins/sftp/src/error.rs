//! What can go wrong in the channel. The wording is in `explain.rs`.

use ceralacca_plugin_sdk::serde::Serialize;
use ceralacca_plugin_sdk::{Exit, Timestamp};

/// Every failure of this plugin. `passing` says that the same call may well succeed a little later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub(crate) enum SftpError {
    /// A setting, or the file that it names, cannot be used.
    Settings {
        /// Its name.
        setting: String,
        /// Why not.
        problem: String,
    },
    /// The server has another key than the settings say.
    HostKey {
        /// The server.
        server: String,
        /// Fingerprints that the settings allow.
        expected: Vec<String>,
        /// The server's.
        found: String,
    },
    /// The server does not let us in.
    Login {
        /// The server.
        server: String,
        /// As whom we came.
        user: String,
        /// With what: a key, a password.
        method: String,
        /// What the server says would be accepted.
        allowed: String,
    },
    /// No connection was made.
    Unreachable {
        /// The server.
        server: String,
        /// What stood against it.
        problem: String,
        /// Always.
        passing: bool,
    },
    /// The connection broke off, or the server fell silent, before anything was delivered.
    Cut {
        /// The server.
        server: String,
        /// In the middle of what.
        doing: String,
        /// What was seen of it.
        problem: String,
        /// Always.
        passing: bool,
    },
    /// The server refused something.
    Remote {
        /// What was asked of it.
        doing: String,
        /// On which path.
        path: String,
        /// What it said.
        answer: String,
    },
    /// A support may have been delivered, and nothing on the server shows whether.
    InDoubt {
        /// Its name.
        support: String,
        /// Why it cannot be seen.
        problem: String,
        /// The file that says it was tried.
        mark: String,
        /// Whether looking again may well help.
        passing: bool,
    },
    /// A document cannot go into a support.
    Document {
        /// What is wrong with it.
        problem: String,
    },
    /// The node's certificate is not valid.
    SignerNotValid {
        /// Whose it is.
        subject: String,
        /// From.
        not_before: Timestamp,
        /// To.
        not_after: Timestamp,
        /// When it would have signed.
        at: Timestamp,
    },
    /// The PKCS#12 has no key, or several, that can do this.
    NoKey {
        /// The setting that names the file.
        setting: String,
        /// What the key is for.
        purpose: String,
        /// How many there are.
        found: usize,
    },
    /// Every name of this minute is taken.
    SupportName {
        /// The last that was tried.
        support: String,
    },
    /// The key of this call stands for another document.
    AnotherDocument {
        /// The support that was made under it.
        support: String,
        /// SHA-256 of the document in it.
        expected: String,
        /// SHA-256 of the document that was given now.
        found: String,
    },
    /// The channel's records cannot be read or written.
    State {
        /// Which file.
        path: String,
        /// What the system said.
        problem: String,
    },
    /// An outcome is not signed by those whom the settings name, or does not open.
    OutcomeNotVerified {
        /// Its name on the server.
        outcome: String,
        /// Where it is kept aside.
        path: String,
        /// What speaks against it.
        problem: String,
    },
    /// An outcome is signed as it should be, and its content makes no sense.
    OutcomeUnreadable {
        /// Its name on the server.
        outcome: String,
        /// Where it is kept aside.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// An outcome tells of another support or document than its name says.
    OutcomeOfAnother {
        /// Its name on the server.
        outcome: String,
        /// Where it is kept aside.
        path: String,
        /// What differs.
        field: String,
        /// Ours.
        expected: String,
        /// The outcome's.
        found: String,
    },
    /// There is no such outcome, or no such file in it.
    NoAttachment {
        /// The number or stand-in that was asked for.
        protocollo: String,
        /// The file.
        name: String,
        /// The files that are there.
        known: Vec<String>,
    },
    /// This channel has no such thing.
    NotOffered {
        /// What was asked for.
        what: String,
        /// What to do instead.
        instead: String,
    },
    /// The program asked in a way that this plugin does not know.
    Question {
        /// The operation.
        operation: String,
        /// What is wrong.
        problem: String,
    },
}

impl SftpError {
    /// What it means for what was to be sent.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            SftpError::InDoubt { .. } => Exit::Unknown,
            SftpError::Settings { .. } => Exit::Usage,
            _ => Exit::Refused,
        }
    }
}
