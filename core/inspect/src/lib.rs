//! Opens any signed, marked or sealed file by its content and verifies it.
//!
//! [`open()`] walks the layers of a file; [`verify_file`] asks every question about it; [`extract`]
//! separates document, signature and mark; [`convert`] turns one mark container into another;
//! [`mark_of`] takes a mark from where it is; [`digest_file`] computes an impronta.

mod beside;
mod calls;
mod convert;
mod error;
mod explain;
mod extract;
mod file_report;
#[cfg(test)]
mod fixtures;
mod impronta;
mod kind;
pub mod m7m;
mod marks;
mod names;
mod new_file;
mod open;
mod outline;
mod primitives;
mod section;
mod spool;
mod tsd;
mod verify;

pub use convert::{Container, ConvertOptions, Converted, convert};
pub use error::InspectError;
pub use extract::{Extracted, extract};
pub use file_report::{AnchorSource, FileReport, LayerSummary, Row};
pub use impronta::{digest_algorithm, digest_file};
pub use kind::{HEAD, Kind};
pub use marks::{Marked, mark_of, marked};
pub use open::{Contents, Layer, OpenOptions, TimeStamped, open};
pub use primitives::namespace;
pub use section::Section;
pub use verify::{VerifyOptions, verify_file};
