//! What can go wrong with a token. The wording is in `explain.rs`.

use std::fmt;

use ceralacca_plugin_sdk::serde::Serialize;

/// A token by what a person can read on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub struct TokenName {
    /// Its label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (serial {})", self.label, self.serial)
    }
}

/// What a token says of the attempts that are left for its PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", rename_all = "snake_case")]
pub enum Attempts {
    /// Nothing.
    NotSaid,
    /// A wrong PIN was typed since the last right one.
    Fewer,
    /// The next wrong PIN locks it.
    Last,
    /// The same as before: this PIN had been refused already and was not tried again.
    NotUsed,
}

/// Every failure of this plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub enum TokenError {
    /// The settings name no library.
    NoModule,
    /// The library of the token's maker cannot be used.
    Module {
        /// Its path.
        module: String,
        /// Why not.
        problem: String,
    },
    /// The name of a key is not one.
    Uri {
        /// What is wrong; never the text itself, which may hold a PIN.
        problem: String,
    },
    /// The handle of a signer is not one of this plugin's.
    Signer {
        /// What is wrong.
        problem: String,
    },
    /// The plugin does not do this.
    Operation {
        /// What was asked.
        asked: String,
    },
    /// No such token is there.
    NoToken {
        /// The token asked for.
        wanted: String,
        /// Those that are there.
        there: Vec<TokenName>,
    },
    /// More than one token has that name.
    SeveralTokens {
        /// The token asked for.
        wanted: String,
        /// Those that are called so.
        there: Vec<TokenName>,
    },
    /// The token was there and is gone.
    Removed {
        /// Which.
        token: TokenName,
        /// What the library said.
        said: String,
    },
    /// The token does not take the PIN.
    PinWrong {
        /// Which.
        token: TokenName,
        /// How many attempts are left.
        attempts: Attempts,
    },
    /// The PIN is locked.
    PinLocked {
        /// Which token.
        token: TokenName,
    },
    /// The PIN has to be changed first.
    PinExpired {
        /// Which token.
        token: TokenName,
    },
    /// The token forgot that the PIN had been given.
    LoginNeeded {
        /// Which token.
        token: TokenName,
    },
    /// The certificate's private key is not on the token.
    NoKey {
        /// Which token.
        token: TokenName,
        /// The certificate's `CKA_ID`, hexadecimal.
        id: String,
    },
    /// No such certificate is on the token.
    NoCertificate {
        /// Which token.
        token: TokenName,
        /// The certificate asked for.
        wanted: String,
        /// Those that are there, a line each.
        there: Vec<String>,
    },
    /// More than one certificate is called so.
    SeveralCertificates {
        /// Which token.
        token: TokenName,
        /// The certificate asked for.
        wanted: String,
        /// Those that are called so, a line each.
        there: Vec<String>,
    },
    /// The token or the key cannot sign in the way asked for.
    Mechanism {
        /// Which token.
        token: TokenName,
        /// What there is instead.
        found: String,
    },
    /// Anything else that the library answered.
    Token {
        /// Which token.
        token: TokenName,
        /// What was being done.
        doing: String,
        /// `CKR_…`.
        said: String,
    },
}
