//! Reads an index back, entry by entry, in any of its forms.

use std::io::{self, BufRead};

use ceralacca_kernel::text_encoding;

use crate::reading_text::TextReader;
use crate::reading_xml::XmlReader;
use crate::{Algorithm, ArchiveError, DigestBytes, Totals};

/// A document of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its lot; empty when the lot has no name.
    pub lot: String,
    /// Its path, with `/`.
    pub path: String,
    /// Its size; a `PIndex` and the lists of `sha256sum` have none.
    pub size: Option<u64>,
    /// Its digest.
    pub digest: DigestBytes,
}

/// An index being read; an iterator of its entries.
pub struct IndexReader<R> {
    algorithm: Algorithm,
    first: Option<Entry>,
    form: Option<FormReader<R>>,
}

enum FormReader<R> {
    Text(TextReader<R>),
    Xml(Box<XmlReader<R>>),
}

/// Opens an index: our text or XML form, a `PIndex`, or what `sha256sum` and its siblings write.
/// The form is recognised by content.
///
/// Reading keeps one entry in memory. Totals are checked where the form has them: an index that was
/// cut, or from which lines were taken, is an error at the latest at its end.
///
/// # Errors
/// `archive.not_an_index`, `archive.index_damaged`, `archive.index_unreadable`.
pub fn read_index<R: BufRead>(mut source: R) -> Result<IndexReader<R>, ArchiveError> {
    let start = source.fill_buf().map_err(unreadable)?;
    if text_encoding::is_utf16(start) {
        let expected = "UTF-8, not UTF-16".to_owned();
        return Err(ArchiveError::NotAnIndex { position: 0, expected });
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        source.consume(3);
    }
    let mut form = match source.fill_buf().map_err(unreadable)?.first() {
        Some(b'<') => FormReader::Xml(Box::new(XmlReader::open(source)?)),
        _ => FormReader::Text(TextReader::open(source)?),
    };
    let Some(first) = form.next()? else {
        return Err(damaged("documents", "at least 1", "none"));
    };
    let algorithm = algorithm_of(&first);
    Ok(IndexReader { algorithm, first: Some(first), form: Some(form) })
}

impl<R> IndexReader<R> {
    /// The digest of its documents.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl<R: BufRead> FormReader<R> {
    fn next(&mut self) -> Result<Option<Entry>, ArchiveError> {
        match self {
            FormReader::Text(text) => text.next(),
            FormReader::Xml(xml) => xml.next(),
        }
    }
}

impl<R: BufRead> Iterator for IndexReader<R> {
    type Item = Result<Entry, ArchiveError>;

    /// Nothing comes after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        let entry = match self.form.as_mut()?.next() {
            Ok(Some(entry)) if algorithm_of(&entry) == self.algorithm => Some(Ok(entry)),
            Ok(Some(entry)) => {
                let (expected, found) = (self.algorithm.name(), algorithm_of(&entry).name());
                Some(Err(damaged(&entry.path, expected, found)))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        };
        if !matches!(entry, Some(Ok(_))) {
            self.form = None;
        }
        entry
    }
}

fn algorithm_of(entry: &Entry) -> Algorithm {
    let length = entry.digest.as_bytes().len();
    Algorithm::ALL.into_iter().find(|a| a.length() == length).unwrap_or_default()
}

/// Adds up what is read and holds it against the totals of the index.
#[derive(Default)]
pub(crate) struct Sums {
    all: Totals,
    lot: Option<Totals>,
    ended: bool,
}

impl Sums {
    /// `false` where no lot may begin.
    pub(crate) fn begin_lot(&mut self) -> bool {
        self.lot.replace(Totals { lots: 1, ..Totals::default() }).is_none() && !self.ended
    }

    /// `false` outside of a lot.
    pub(crate) fn document(&mut self, size: u64) -> bool {
        let Some(lot) = &mut self.lot else { return false };
        lot.documents += 1;
        lot.bytes = lot.bytes.saturating_add(size);
        true
    }

    /// Checks the totals of the lot under way.
    pub(crate) fn end_lot(&mut self, name: &str, said: Totals) -> Result<(), ArchiveError> {
        let lot = self.lot.take().unwrap_or_default();
        self.all.lots += 1;
        self.all.documents += lot.documents;
        self.all.bytes = self.all.bytes.saturating_add(lot.bytes);
        agree(&format!("totals of the lot {name:?}"), said, lot)
    }

    /// Checks the totals of the archive.
    pub(crate) fn end(&mut self, said: Totals) -> Result<(), ArchiveError> {
        self.ended = true;
        agree("totals of the archive", said, self.all)
    }

    pub(crate) fn in_lot(&self) -> bool {
        self.lot.is_some()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended && self.lot.is_none()
    }
}

fn agree(what: &str, said: Totals, found: Totals) -> Result<(), ArchiveError> {
    if said == found {
        return Ok(());
    }
    let words = |totals: Totals| {
        let Totals { lots, documents, bytes } = totals;
        format!("lots {lots}, documents {documents}, bytes {bytes}")
    };
    Err(damaged(what, &words(said), &words(found)))
}

pub(crate) fn damaged(what: &str, expected: &str, found: &str) -> ArchiveError {
    ArchiveError::IndexDamaged {
        what: what.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

pub(crate) fn unreadable(error: io::Error) -> ArchiveError {
    ArchiveError::IndexUnreadable { path: String::new(), system: error.to_string() }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
