//! What can go wrong with timestamps; worded in `explain.rs`.

use ceralacca_signing::DigestAlgorithm;
use jiff::Timestamp;
use serde::Serialize;

/// Every failure of this crate; fields are typed, never secret, and stay with the error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum TimestampError {
    /// The bytes are not what the standard says.
    Malformed {
        /// `response`, `token`, `TSTInfo`, `request`.
        what: String,
        /// Where they stop making sense.
        reason: String,
    },
    /// The bytes are more than any honest mark has.
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// The authority did not grant the mark.
    Rejected {
        /// `rejection`, `waiting`, …
        status: String,
        /// `badAlg`, `unacceptedPolicy`, …
        failures: Vec<String>,
        /// What the authority says to a person.
        text: String,
    },
    /// The imprint is under an algorithm that is not accepted here.
    OtherAlgorithm {
        /// Its name or object identifier.
        algorithm: String,
    },
    /// The imprint is not as long as its algorithm's digests.
    ImprintLength {
        /// The algorithm.
        algorithm: DigestAlgorithm,
        /// Bytes of its digests.
        expected: usize,
        /// Bytes of the imprint.
        found: usize,
    },
    /// The mark is over something else.
    OtherImprint {
        /// Of what it should be.
        document: String,
        /// Algorithm and digest of that.
        expected: String,
        /// Algorithm and digest in the mark.
        found: String,
    },
    /// The answer does not repeat the question's nonce.
    OtherNonce {
        /// Hexadecimal.
        expected: String,
        /// Hexadecimal; `None` without any.
        found: Option<String>,
    },
    /// The mark was made under another policy than was asked for.
    OtherPolicy {
        /// Object identifier.
        expected: String,
        /// Object identifier.
        found: String,
    },
    /// The signature does not bind its certificate (RFC 2634, RFC 5035).
    NoEss,
    /// The mark is from a time that has not come.
    Future {
        /// The time in the mark.
        gen_time: Timestamp,
        /// The time of checking.
        at: Timestamp,
    },
    /// The mark's signature is wrong.
    Signature {
        /// What was asked.
        question: String,
        /// What was found.
        reason: String,
    },
    /// Something speaks against the authority's certificate.
    Untrusted {
        /// What was asked.
        question: String,
        /// What was found.
        reason: String,
    },
    /// A structure could not be written as DER.
    Encoding {
        /// What was being written.
        what: String,
    },
    /// An option of the request is not one.
    Options {
        /// Which.
        option: String,
        /// What was given.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// The document cannot be read.
    DocumentUnreadable {
        /// Its path.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// The document is not what was made.
    DocumentChanged {
        /// Its path.
        path: String,
        /// SHA-256 of what was made.
        expected: String,
        /// SHA-256 of what is there.
        found: String,
    },
    /// The mark's file cannot be read.
    MarkUnreadable {
        /// Its path.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// The mark's file is not what was received.
    MarkChanged {
        /// Its path.
        path: String,
        /// SHA-256 of what was received.
        expected: String,
        /// SHA-256 of what is there.
        found: String,
    },
    /// The mark or its request cannot be written.
    NotStored {
        /// Where.
        path: String,
        /// What the operating system said.
        system: String,
        /// Whether the authority has answered already.
        answered: bool,
    },
    /// A mark can go into one signature only, and the file has none or several.
    NotOneSignature {
        /// The signed file.
        path: String,
        /// How many signatures it has.
        found: usize,
    },
    /// Where the mark goes there is a file that is no mark of the document.
    InTheWay {
        /// The file.
        path: String,
        /// Why it cannot be used.
        reason: String,
    },
}
