//! What communications are checked against, as the settings name it: a service of a run.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::rc::Rc;

use ceralacca_kernel::{Service, Touch};

use crate::{Deadlines, DocumentTypes, Schema, SchemaSource, XmlError};

/// Where it comes from; what is not named is in the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlSources {
    /// The schema.
    pub schema: SchemaSource,
    /// The deadlines, in the form of `data/scadenze.toml`.
    pub scadenze: Option<PathBuf>,
    /// The document types, in the form of `data/tipi_documento.csv`.
    pub tipi_documento: Option<PathBuf>,
}

/// The schema, the document types and the deadlines, read when they are first needed.
#[derive(Debug, Default)]
pub struct ControlSettings {
    sources: ControlSources,
    loaded: OnceCell<Rc<Loaded>>,
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The schema.
    pub schema: Schema,
    /// The document types.
    pub tipi: DocumentTypes,
    /// The deadlines.
    pub scadenze: Deadlines,
}

impl ControlSettings {
    /// Reads nothing yet.
    pub fn new(sources: ControlSources) -> ControlSettings {
        ControlSettings { sources, loaded: OnceCell::new() }
    }

    /// What the sources hold.
    ///
    /// # Errors
    /// `impronta.schema_unreadable`, `impronta.schema_invalid`, `impronta.data_invalid`.
    pub fn load(&self) -> Result<Rc<Loaded>, XmlError> {
        if let Some(loaded) = self.loaded.get() {
            return Ok(Rc::clone(loaded));
        }
        let ControlSources { schema, scadenze, tipi_documento } = &self.sources;
        let loaded = Rc::new(Loaded {
            schema: Schema::load(schema)?,
            tipi: match tipi_documento {
                Some(path) => DocumentTypes::from_file(path)?,
                None => DocumentTypes::embedded(),
            },
            scadenze: match scadenze {
                Some(path) => Deadlines::from_file(path)?,
                None => Deadlines::embedded(),
            },
        });
        Ok(Rc::clone(self.loaded.get_or_init(|| loaded)))
    }
}

impl Service for ControlSettings {
    const TOUCH: Option<Touch> = None;
}
