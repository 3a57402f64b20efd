//! What can go wrong with opening, verifying and converting files; worded in `explain.rs`.

use std::io;
use std::path::Path;

use ceralacca_ber::StreamError;
use serde::Serialize;

use crate::kind::Kind;
use crate::m7m::{M7mError, M7mFault};

/// Every failure of this crate; fields are typed, never secret, and stay with the error.
///
/// A signature or a mark that does not hold is no error: it is an answer in a
/// [`FileReport`](crate::FileReport).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum InspectError {
    /// The disk refused.
    Disk {
        /// What was being done: `reading`, `writing`.
        doing: String,
        /// The file.
        path: String,
        /// The operating system's own words.
        system: String,
    },
    /// A file, or a part of it, is longer than what is read of its kind.
    TooLarge {
        /// The file.
        path: String,
        /// Which part.
        part: String,
        /// Bytes that are read.
        limit: u64,
    },
    /// The file begins as its kind does, and then makes no sense.
    Malformed {
        /// The file.
        path: String,
        /// What it began as.
        kind: Kind,
        /// Where it stops making sense.
        reason: String,
    },
    /// The M7M is not a message that can be read.
    M7m {
        /// The file.
        path: String,
        /// What is wrong with it.
        fault: M7mFault,
    },
    /// The M7M does not hold exactly one p7m and one mark.
    M7mParts {
        /// The file.
        path: String,
        /// Parts that say they are a p7m.
        p7m: usize,
        /// Parts that say they are a timestamp reply.
        marks: usize,
        /// Content types of the other parts.
        others: Vec<String>,
    },
    /// Files within files, more of them than are followed.
    TooDeep {
        /// The file.
        path: String,
        /// Layers that are followed.
        limit: usize,
    },
    /// The file holds no mark.
    NoMark {
        /// The file.
        path: String,
        /// What it is.
        kind: Kind,
    },
    /// The mark is inside the signature and covers the signature's value, not the file.
    MarkCoversSignature {
        /// The file.
        path: String,
    },
    /// The mark is over something else than the document.
    MarkOtherDocument {
        /// The document.
        document: String,
        /// Algorithm and digest of the document.
        expected: String,
        /// Algorithm and digest in the mark.
        found: String,
    },
    /// The container asked for holds the document too, and it was not given.
    NeedsDocument {
        /// The file with the mark.
        path: String,
        /// `tsd`, `m7m`.
        to: String,
    },
    /// An M7M can only hold a p7m.
    NotAP7m {
        /// The document.
        path: String,
        /// What it is.
        kind: Kind,
    },
    /// There is already another file of that name; nothing is ever overwritten.
    Exists {
        /// The file.
        path: String,
    },
    /// Nothing in the file can be separated.
    NothingToExtract {
        /// The file.
        path: String,
        /// What it is.
        kind: Kind,
    },
    /// The name of a digest algorithm is not one.
    UnknownDigest {
        /// What was given.
        name: String,
    },
    /// The name of a mark container is not one.
    UnknownContainer {
        /// What was given.
        name: String,
    },
    /// The report's verdict is not "valid".
    NotValid {
        /// The file.
        file: String,
        /// `indeterminate`, `invalid`.
        verdict: String,
        /// Each question whose answer is not yes, with what was found.
        answers: Vec<String>,
    },
}

impl InspectError {
    pub(crate) fn disk<'a>(
        doing: &'a str,
        path: &'a Path,
    ) -> impl Fn(io::Error) -> InspectError + 'a {
        move |error| InspectError::Disk {
            doing: doing.to_owned(),
            path: path.display().to_string(),
            // Without the passing name of a temporary file.
            system: error.to_string().split(" at path \"").next().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn malformed(path: &Path, kind: Kind, reason: impl Into<String>) -> InspectError {
        let path = path.display().to_string();
        InspectError::Malformed { path, kind, reason: reason.into() }
    }

    pub(crate) fn element(path: &Path, kind: Kind, error: StreamError) -> InspectError {
        match error {
            StreamError::Io(error) => InspectError::disk("reading", path)(error),
            StreamError::Truncated { .. } => {
                InspectError::malformed(path, kind, "it ends before its structure does")
            }
            StreamError::Malformed { reason, .. } => InspectError::malformed(path, kind, reason),
            StreamError::TooLarge { limit, .. } => InspectError::TooLarge {
                path: path.display().to_string(),
                part: format!("a part of the {kind}"),
                limit,
            },
        }
    }

    pub(crate) fn m7m(path: &Path, error: M7mError) -> InspectError {
        let name = path.display().to_string();
        match error {
            M7mError::Io(error) => InspectError::disk("reading", path)(error),
            M7mError::Fault(M7mFault::Parts { p7m, marks, others }) => {
                InspectError::M7mParts { path: name, p7m, marks, others }
            }
            M7mError::Fault(fault) => InspectError::M7m { path: name, fault },
        }
    }
}
