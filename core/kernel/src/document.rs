//! Documents: files on disk that scripts pass from one primitive to the next, named by content.

use std::io;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::typed::HandleKind;
use crate::{RunId, Service, Touch, document_archive};

/// A handle to a file and its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:document")]
pub struct Document(pub DocumentId);

impl HandleKind for Document {
    const KIND: &'static str = "document";
}

/// What a [`Document`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentId {
    /// The name the Agency gives to such a file: `req.ccc`.
    pub name: String,
    /// The Agency's type of document: `PKS10`.
    pub tipo_documento: String,
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its content, hexadecimal: what is sent is what was made.
    pub sha256: String,
    /// SHA-256 of the public keys that it asks to be certified, hexadecimal: the answer is known by
    /// them. Only a request for certificates has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// Where a workspace keeps its files; offered to primitives as a service.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The document archive, `Documenti/`, with `da inviare`, `ricezione` and the others.
    pub documents: PathBuf,
    /// The workspace's own state, `.ceralacca/`.
    pub state: PathBuf,
}

impl Folders {
    /// The run's own folder in a folder of the document archive: `firmati/7`. Made when missing.
    pub fn of_run(&self, name: &str, run: &RunId) -> io::Result<PathBuf> {
        let folder = document_archive::folder(&self.documents, name)?.join(run.to_string());
        document_archive::create(&folder)?;
        Ok(folder)
    }
}

impl Service for Folders {
    const TOUCH: Option<Touch> = None;
}
