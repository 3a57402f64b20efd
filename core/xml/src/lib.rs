//! The communication of the impronta: build it, read it, check it against schema and rules.
//!
//! [`Communication`] is the content, [`Schema`] its form, [`control`] the *Controlla* of the
//! Agency's programs: it gives the [`Finding`]s of a [`Diagnostic`]. UNVERIFIED: schema, rules,
//! diagnostic and the checked file are ours; the Agency publishes none of them.

mod communication;
mod composing;
mod control;
mod controlled_file;
mod deadlines;
mod diagnostic;
mod document_check;
mod document_types;
mod element_reader;
mod error;
mod explain;
mod finding;
mod handle;
mod primitives;
mod problem;
mod problem_text;
mod reading;
mod rules;
mod schema;
mod schema_loader;
mod settings;
mod writing;
mod xml_text;

pub use communication::{
    Communication, Impronta, Marca, NAMESPACE, Nominativo, PeriodoImposta, ProtocolloSostituito,
    Soggetto, TIPO_DOCUMENTO, Testo, Tipo,
};
pub use control::{ControlContext, control};
pub use controlled_file::{Controlled, FurtherChecks, control_file, control_file_with};
pub use deadlines::{Certainty, Deadline, Deadlines};
pub use document_check::{DocumentCheck, DocumentChecks};
pub use document_types::DocumentTypes;
pub use error::XmlError;
pub use finding::{Diagnostic, Finding, Outcome, Severity};
pub use handle::{
    Checked, CheckedId, CommunicationFields, CommunicationFile, CommunicationId, ControlOptions,
};
pub use primitives::namespace;
pub use problem::Problem;
pub use schema::{SCHEMA, Schema, SchemaSource};
pub use settings::{ControlSettings, ControlSources, Loaded};
pub use xml_text::Limits;

#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod controlled_file_tests;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod xml_text_tests;
