//! The types of documents that an archive may hold, as data.

use std::collections::BTreeMap;
use std::path::Path;

use ceralacca_kernel::regular_file;

use crate::XmlError;

/// UNVERIFIED: one preservation provider's codes for the 85 types of allegato 1.
const EMBEDDED: &str = include_str!("../data/tipi_documento.csv");

/// Where `tipi_documento.csv` came from, in findings and errors.
const EMBEDDED_NAME: &str = "tipi_documento.csv of ceralacca";

/// The largest list that is read.
const LARGEST: u64 = 1 << 20;

/// A list of document types by code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentTypes {
    by_code: BTreeMap<String, String>,
}

impl DocumentTypes {
    /// The list in the program: D01 to D85.
    pub fn embedded() -> DocumentTypes {
        DocumentTypes::parse(EMBEDDED, EMBEDDED_NAME).expect("the embedded list is tested")
    }

    /// The list in a file of the same form.
    ///
    /// # Errors
    /// `impronta.data_invalid`, with the line.
    pub fn from_file(path: &Path) -> Result<DocumentTypes, XmlError> {
        let source = path.display().to_string();
        let text = read(path, LARGEST)
            .map_err(|what| XmlError::DataInvalid { source: source.clone(), what })?;
        DocumentTypes::parse(&text, &source)
    }

    /// Lines `codice;descrizione;fonte`; lines that begin with `#` are notes.
    fn parse(text: &str, source: &str) -> Result<DocumentTypes, XmlError> {
        let mut by_code = BTreeMap::new();
        let lines = text.lines().enumerate().filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        for (index, line) in lines.skip(1) {
            let wrong = |what: &str| XmlError::DataInvalid {
                source: source.to_owned(),
                what: format!("line {}: {what}", index + 1),
            };
            let fields: Vec<&str> = line.split(';').map(str::trim).collect();
            let &[code, description, _] = fields.as_slice() else {
                return Err(wrong("three fields are needed, separated by semicolons"));
            };
            if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(wrong("a code has letters and digits"));
            }
            if by_code.insert(code.to_owned(), description.to_owned()).is_some() {
                return Err(wrong("the code is there twice"));
            }
        }
        if by_code.is_empty() {
            let what = "no document type in it".to_owned();
            return Err(XmlError::DataInvalid { source: source.to_owned(), what });
        }
        Ok(DocumentTypes { by_code })
    }

    /// Whether the list has this code.
    pub fn contains(&self, code: &str) -> bool {
        self.by_code.contains_key(code)
    }

    /// The codes with their descriptions, in order; a description may be empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_code.iter().map(|(code, description)| (code.as_str(), description.as_str()))
    }
}

/// A text file of at most `largest` bytes; else why not.
pub(crate) fn read(path: &Path, largest: u64) -> Result<String, String> {
    regular_file::read_text(path, largest).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_list_has_85_types() {
        let types = DocumentTypes::embedded();
        assert_eq!(types.iter().count(), 85);
        assert_eq!(types.iter().next(), Some(("D01", "Fatture emesse (ciclo attivo)")));
        assert!(types.contains("D85") && !types.contains("D86"));
    }

    #[test]
    fn mistakes_in_a_list_are_named() {
        let error = |text: &str| DocumentTypes::parse(text, "x.csv").unwrap_err();
        let what = |text: &str| match error(text) {
            XmlError::DataInvalid { what, .. } => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(what("codice;d;f\n"), "no document type in it");
        assert_eq!(
            what("codice;d;f\nA1;x\n"),
            "line 2: three fields are needed, separated by semicolons"
        );
        assert_eq!(what("codice;d;f\nA1;x;y\n\nA1;x;y\n"), "line 4: the code is there twice");
        assert_eq!(what("codice;d;f\nA 1;x;y\n"), "line 2: a code has letters and digits");
    }
}
