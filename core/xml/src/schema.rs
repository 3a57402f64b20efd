//! The schema that communications are checked against: ours, embedded, or another file by settings.

use std::fmt;
use std::path::{Path, PathBuf};

use ceralacca_kernel::regular_file;
use sha2::{Digest, Sha256};
use xsd_schema::{SchemaSet, SchemaSetBuilder};

use crate::communication::NAMESPACE;
use crate::finding::{Placed, Positions};
use crate::xml_text::{self, Element, Keep, Limits};
use crate::{Finding, XmlError, schema_loader};

/// Our schema, as it is embedded.
pub const SCHEMA: &str = include_str!("../schema/impronta.xsd");

/// The largest schema file that is read.
const LARGEST_SCHEMA: u64 = 4 << 20;

/// Where the schema comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SchemaSource {
    /// Ours, in the program. UNVERIFIED: not the Agency's.
    #[default]
    Embedded,
    /// A file, such as the Agency's `schema_impronte.xsd`.
    File(PathBuf),
}

/// A schema ready for use. What implements it is known to this file and `xml_text.rs` alone.
///
/// It remembers the names in the files that it checks: a server makes a new one for files of
/// strangers now and then.
pub struct Schema {
    set: SchemaSet,
    namespace: String,
    name: String,
}

impl Schema {
    /// Our schema.
    pub fn embedded() -> Schema {
        let name = format!("ceralacca impronta 1 ({NAMESPACE}), UNVERIFIED");
        Schema::from_text(SCHEMA, name, None).expect("the embedded schema is tested")
    }

    /// The schema of a source.
    ///
    /// # Errors
    /// `impronta.schema_unreadable`, `impronta.schema_invalid`.
    pub fn load(source: &SchemaSource) -> Result<Schema, XmlError> {
        match source {
            SchemaSource::Embedded => Ok(Schema::embedded()),
            SchemaSource::File(path) => Schema::from_file(path),
        }
    }

    fn from_file(path: &Path) -> Result<Schema, XmlError> {
        let unreadable = |system: String| XmlError::SchemaUnreadable {
            path: path.display().to_string(),
            system,
        };
        let text = regular_file::read_text(path, LARGEST_SCHEMA)
            .map_err(|error| unreadable(error.to_string()))?;
        let sha256 = hex::encode(Sha256::digest(&text));
        let name = format!("{} (SHA-256 {sha256})", path.display());
        Schema::from_text(&text, name, path.parent())
    }

    /// A schema from its text. What it includes or imports is read from `folder` and nowhere else.
    fn from_text(text: &str, name: String, folder: Option<&Path>) -> Result<Schema, XmlError> {
        let invalid = |what: String| XmlError::SchemaInvalid { schema: name.clone(), what };
        let compiled = SchemaSetBuilder::with_loader(schema_loader::confined_to(folder))
            .add_source(text, "schema.xsd")
            .and_then(SchemaSetBuilder::compile)
            .map_err(|error| invalid(error.to_string()))?;
        if let Some(failure) = compiled.directive_failures().first() {
            let wanted = failure.schema_location().unwrap_or("a schema without a location");
            return Err(invalid(format!("{wanted} is needed and not in the same folder")));
        }
        let root = xml_text::read(text.as_bytes(), None, Keep::Elements, &SCHEMA_LIMITS).root;
        let namespace = root.as_ref().and_then(target_namespace).unwrap_or_default().to_owned();
        Ok(Schema { set: compiled.into_schema_set(), namespace, name })
    }

    /// The namespace whose elements it declares.
    pub fn target_namespace(&self) -> &str {
        &self.namespace
    }

    /// Its name, for people: whose it is, or which file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks a file of any size against the schema, with line, column and path of each finding.
    /// The elements are not kept: memory does not grow with the file.
    pub fn validate(&self, bytes: &[u8]) -> Vec<Finding> {
        let limits = Limits { bytes: u64::MAX, nodes: usize::MAX, ..Limits::default() };
        self.validate_within(bytes, &limits)
    }

    /// As [`Schema::validate`], with limits.
    pub fn validate_within(&self, bytes: &[u8], limits: &Limits) -> Vec<Finding> {
        let problems = self.pass(bytes, Keep::Nothing, limits).problems;
        let mut positions = Positions::new(bytes);
        problems.into_iter().map(|placed: Placed| positions.finding(placed)).collect()
    }

    pub(crate) fn pass(&self, bytes: &[u8], keep: Keep, limits: &Limits) -> xml_text::Pass {
        xml_text::read(bytes, Some(&self.set), keep, limits)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Schemas are deeper than what they describe.
const SCHEMA_LIMITS: Limits =
    Limits { bytes: LARGEST_SCHEMA, depth: 256, nodes: 1_000_000, findings: 1 };

fn target_namespace(root: &Element) -> Option<&str> {
    root.attributes
        .iter()
        .find(|(namespace, name, _)| namespace.is_empty() && name == "targetNamespace")
        .map(|(_, _, value)| value.as_str())
}
