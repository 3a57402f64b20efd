//! The text form: lines of `sha256sum`, and comments for the rest. See the crate's documentation.

use std::io::{self, Write};

use crate::escape::in_text;
use crate::form::{Document, Form};
use crate::{Algorithm, Totals};

pub(crate) const HEADER: &str = "# urn:ceralacca:indice:1 ";

pub(crate) struct TextForm(Algorithm);

impl TextForm {
    pub(crate) fn new(algorithm: Algorithm) -> TextForm {
        TextForm(algorithm)
    }
}

impl Form for TextForm {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{HEADER}{}", self.0)
    }

    fn begin_lot(&mut self, out: &mut dyn Write, name: &str) -> io::Result<()> {
        match in_text(name) {
            (_, name) if name.is_empty() => writeln!(out, "# lotto"),
            (false, name) => writeln!(out, "# lotto {name}"),
            (true, name) => writeln!(out, "# lotto \\{name}"),
        }
    }

    fn document(&mut self, out: &mut dyn Write, document: &Document<'_>) -> io::Result<()> {
        let Document { path, size, digest } = document;
        let (escaped, path) = in_text(path);
        let mark = if escaped { "\\" } else { "" };
        writeln!(out, "# byte {size}\n{mark}{digest}  {path}")
    }

    fn end_lot(&mut self, out: &mut dyn Write, totals: &Totals) -> io::Result<()> {
        let Totals { documents, bytes, .. } = totals;
        writeln!(out, "# totale lotto documenti {documents} byte {bytes}")
    }

    fn end(&mut self, out: &mut dyn Write, totals: &Totals) -> io::Result<()> {
        let Totals { lots, documents, bytes } = totals;
        writeln!(out, "# totale lotti {lots} documenti {documents} byte {bytes}")
    }
}
