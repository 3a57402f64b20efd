//! What is to be indexed, and how.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Algorithm, Sincro};

/// Where the documents are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder and everything below it.
    Folder {
        /// The folder; a link to it is followed.
        path: PathBuf,
        /// How it is divided.
        lots: Lots,
    },
    /// A text file that names documents, one `path` or `lot<TAB>path` per line, UTF-8. Paths have
    /// `/`, are relative to the folder of the list and stay inside it. Empty lines count for
    /// nothing.
    List {
        /// The list.
        path: PathBuf,
    },
}

/// How a folder is divided into lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lots {
    /// All documents are one lot without a name.
    #[default]
    One,
    /// Each direct sub-folder is a lot of its name; a document beside them is refused.
    Folders,
}

/// The form of an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Our own XML, namespace `urn:ceralacca:indice:1`.
    #[default]
    Xml,
    /// Text that `sha256sum -c` checks.
    Txt,
    /// UNI SInCRO v2 `PIndex`. UNVERIFIED: written from the public outline.
    Sincro,
}

/// How an index is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The digest.
    pub algorithm: Algorithm,
    /// The form.
    pub format: Format,
    /// What a `PIndex` says of itself; needed for [`Format::Sincro`] only.
    pub sincro: Option<Sincro>,
    /// Threads that hash; all cores when `None`.
    pub threads: Option<usize>,
}
