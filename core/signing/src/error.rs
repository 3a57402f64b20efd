//! What can go wrong with signing and with reading signed files; worded in `explain.rs`.

use std::io;
use std::path::Path;

use ceralacca_ber::StreamError;
use serde::Serialize;

/// Every failure of this crate; fields are typed, never secret, and stay with the error.
///
/// A signature that does not verify is no error: it is an answer in a [`crate::Report`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum SigningError {
    /// The bytes are not what CMS says.
    Malformed {
        /// The file, as far as it is known.
        file: String,
        /// How many bytes were read before.
        at: u64,
        /// Where it stops making sense.
        reason: String,
    },
    /// The file ends before its structure does.
    Truncated {
        /// The file.
        file: String,
        /// Its length.
        at: u64,
    },
    /// There are bytes after the structure.
    TrailingBytes {
        /// The file.
        file: String,
        /// Length of the structure.
        at: u64,
    },
    /// A part of the file is longer than any honest one.
    TooLarge {
        /// The file.
        file: String,
        /// Which part.
        part: String,
        /// Bytes, or how many, that are read.
        limit: u64,
    },
    /// The file is CMS, but no SignedData.
    NotSignedData {
        /// The file.
        file: String,
        /// Object identifier of what it is.
        content_type: String,
    },
    /// A detached content was given for a file that holds its content.
    ContentInside {
        /// The signed file.
        file: String,
    },
    /// The content has another length than was announced: it changed while it was signed.
    ContentLength {
        /// Bytes announced.
        expected: u64,
        /// Bytes read; one more than announced stands for any number more.
        found: u64,
    },
    /// The document is not the one that the script was given.
    DocumentChanged {
        /// The file.
        path: String,
        /// Its SHA-256 then.
        expected: String,
        /// Its SHA-256 now.
        found: String,
    },
    /// Two documents of one call would be signed into the same file.
    SameName {
        /// The file.
        path: String,
    },
    /// The certificate does not allow signatures.
    SignerUsage {
        /// Its subject.
        subject: String,
        /// Its key usage.
        key_usage: String,
    },
    /// A mark covers none of the signatures of the file.
    MarkOfOtherSignature {
        /// The signed file.
        file: String,
        /// The digest in the mark, hexadecimal.
        imprint: String,
        /// Digests of the signatures, with the mark's algorithm, hexadecimal.
        signatures: Vec<String>,
    },
    /// The signer refused; its own words.
    Signer(ceralacca_kernel::Error),
    /// The disk refused.
    Disk {
        /// What was being done: `reading`, `writing`.
        doing: String,
        /// The file.
        path: String,
        /// The operating system's own words.
        system: String,
    },
    /// A structure could not be written as DER: a bug of ours.
    Encoding {
        /// What was being written.
        what: String,
    },
}

impl SigningError {
    /// The same error about the file at `path`, where it did not know yet which file it is about.
    #[must_use]
    pub fn about(mut self, path: &Path) -> SigningError {
        use SigningError as E;
        if let E::Malformed { file, .. }
        | E::Truncated { file, .. }
        | E::TrailingBytes { file, .. }
        | E::TooLarge { file, .. }
        | E::NotSignedData { file, .. }
        | E::ContentInside { file }
        | E::MarkOfOtherSignature { file, .. }
        | E::Disk { path: file, .. } = &mut self
            && file == UNNAMED
        {
            *file = path.display().to_string();
        }
        self
    }

    pub(crate) fn malformed(at: u64, reason: impl Into<String>) -> SigningError {
        SigningError::Malformed { file: UNNAMED.to_owned(), at, reason: reason.into() }
    }

    pub(crate) fn too_large(part: &str, limit: u64) -> SigningError {
        SigningError::TooLarge { file: UNNAMED.to_owned(), part: part.to_owned(), limit }
    }

    pub(crate) fn reading(error: &io::Error) -> SigningError {
        SigningError::disk("reading", Path::new(UNNAMED), error)
    }

    pub(crate) fn writing(error: &io::Error) -> SigningError {
        SigningError::disk("writing", Path::new(UNNAMED), error)
    }

    pub(crate) fn disk(doing: &str, path: &Path, error: &io::Error) -> SigningError {
        SigningError::Disk {
            doing: doing.to_owned(),
            path: path.display().to_string(),
            system: error.to_string(),
        }
    }
}

impl From<StreamError> for SigningError {
    fn from(error: StreamError) -> SigningError {
        match error {
            StreamError::Io(error) => SigningError::reading(&error),
            StreamError::Truncated { at } => {
                SigningError::Truncated { file: UNNAMED.to_owned(), at }
            }
            StreamError::Malformed { at, reason } => SigningError::malformed(at, reason),
            StreamError::TooLarge { what, limit } => {
                SigningError::too_large(&format!("bytes of {what}"), limit)
            }
        }
    }
}

/// What a file is called before its name is known.
pub(crate) const UNNAMED: &str = "the signed file";
