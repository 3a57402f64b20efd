//! What every form of index has in common: where its parts go.

use std::io::{self, Write};

use crate::sincro::SincroForm;
use crate::text_form::TextForm;
use crate::xml_form::XmlForm;
use crate::{ArchiveError, DigestBytes, Format, MetadataMistake, Options, Totals};

/// Writes an index part by part.
pub(crate) trait Form {
    /// Whether the form can hold a name.
    fn holds(&self, _name: &str) -> bool {
        true
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;

    /// Begins a lot; the name is empty when there is none.
    fn begin_lot(&mut self, out: &mut dyn Write, name: &str) -> io::Result<()>;

    fn document(&mut self, out: &mut dyn Write, document: &Document<'_>) -> io::Result<()>;

    fn end_lot(&mut self, out: &mut dyn Write, totals: &Totals) -> io::Result<()>;

    fn end(&mut self, out: &mut dyn Write, totals: &Totals) -> io::Result<()>;
}

/// A line of the index.
pub(crate) struct Document<'a> {
    pub(crate) path: &'a str,
    pub(crate) size: u64,
    pub(crate) digest: &'a DigestBytes,
}

/// The form that the options ask for.
///
/// # Errors
/// `archive.sincro_metadata` when a `PIndex` is asked for and its metadata is missing or not right.
pub(crate) fn form(options: &Options) -> Result<Box<dyn Form>, ArchiveError> {
    Ok(match options.format {
        Format::Xml => Box::new(XmlForm::new(options.algorithm)),
        Format::Txt => Box::new(TextForm::new(options.algorithm)),
        Format::Sincro => {
            let Some(metadata) = &options.sincro else {
                return Err(ArchiveError::Metadata {
                    field: "sincro".to_owned(),
                    mistake: MetadataMistake::Missing,
                });
            };
            Box::new(SincroForm::new(options.algorithm, metadata.clone())?)
        }
    })
}
