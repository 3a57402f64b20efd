//! What can go wrong around a communication. The wording is in `explain.rs`.

use serde::Serialize;

use crate::Finding;

/// Every failure of this crate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum XmlError {
    /// A file is not a communication.
    NotACommunication {
        /// What stands against it, in the order of the file.
        findings: Vec<Finding>,
    },
    /// The control found what would be rejected.
    ControlFailed {
        /// The file.
        file: String,
        /// Where the diagnostic is.
        diagnostic: String,
        /// What would be rejected, the worst first.
        findings: Vec<Finding>,
    },
    /// The file of a schema cannot be read.
    SchemaUnreadable {
        /// Its path.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// A schema is not one.
    SchemaInvalid {
        /// Its name.
        schema: String,
        /// What is wrong.
        what: String,
    },
    /// A list of document types or deadlines is not one.
    DataInvalid {
        /// Its path.
        source: String,
        /// What is wrong, with the line.
        what: String,
    },
    /// What was given for a communication does not make one.
    Fields {
        /// The field.
        field: String,
        /// What is wrong.
        what: String,
    },
    /// A file cannot be read.
    FileUnreadable {
        /// Its path.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// A file is larger than a communication can be.
    FileTooLarge {
        /// Its path.
        path: String,
        /// Bytes allowed.
        limit: u64,
        /// Bytes found.
        found: u64,
    },
    /// A file is not what was made.
    FileChanged {
        /// Its path.
        path: String,
        /// SHA-256 of what was made.
        expected: String,
        /// SHA-256 of what is there.
        found: String,
    },
    /// The mark's algorithm is not accepted in a communication.
    MarkAlgorithm {
        /// The algorithm.
        found: String,
    },
    /// A file cannot be written.
    NotWritten {
        /// Its path.
        path: String,
        /// What the operating system said.
        system: String,
    },
}
