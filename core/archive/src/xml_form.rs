//! The XML form in our own namespace. See the crate's documentation.

use std::io::{self, Write};

use crate::escape::attribute;
use crate::form::{Document, Form};
use crate::{Algorithm, Totals};

pub(crate) const NAMESPACE: &str = "urn:ceralacca:indice:1";

pub(crate) struct XmlForm(Algorithm);

impl XmlForm {
    pub(crate) fn new(algorithm: Algorithm) -> XmlForm {
        XmlForm(algorithm)
    }
}

impl Form for XmlForm {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<indice xmlns=\"{NAMESPACE}\" algoritmo=\"{}\">", self.0)
    }

    fn begin_lot(&mut self, out: &mut dyn Write, name: &str) -> io::Result<()> {
        match name {
            "" => writeln!(out, "  <lotto>"),
            name => writeln!(out, "  <lotto {}>", attribute("nome", name)),
        }
    }

    fn document(&mut self, out: &mut dyn Write, document: &Document<'_>) -> io::Result<()> {
        let Document { path, size, digest } = document;
        let path = attribute("percorso", path);
        writeln!(out, "    <documento {path} byte=\"{size}\" impronta=\"{digest}\"/>")
    }

    fn end_lot(&mut self, out: &mut dyn Write, totals: &Totals) -> io::Result<()> {
        let Totals { documents, bytes, .. } = totals;
        writeln!(out, "    <totale documenti=\"{documents}\" byte=\"{bytes}\"/>")?;
        writeln!(out, "  </lotto>")
    }

    fn end(&mut self, out: &mut dyn Write, totals: &Totals) -> io::Result<()> {
        let Totals { lots, documents, bytes } = totals;
        writeln!(
            out,
            "  <totale lotti=\"{lots}\" documenti=\"{documents}\" byte=\"{bytes}\"/>\n</indice>"
        )
    }
}
