//! Reads the text form, and the lists that `sha256sum` and its siblings write.

use std::io::{BufRead, Read};

use crate::escape::from_text;
use crate::reading::{Sums, damaged, unreadable};
use crate::text_form::HEADER;
use crate::{Algorithm, ArchiveError, DigestBytes, Entry, Totals};

const LONGEST_LINE: u64 = 128 << 10;

pub(crate) struct TextReader<R> {
    source: R,
    line: Vec<u8>,
    number: u64,
    /// The algorithm in the header of our own form; `None` for lists of `sha256sum`.
    own: Option<Algorithm>,
    lot: String,
    size: Option<u64>,
    sums: Sums,
}

enum Line {
    Entry(Entry),
    Other,
}

impl<R: BufRead> TextReader<R> {
    pub(crate) fn open(source: R) -> Result<TextReader<R>, ArchiveError> {
        let mut reader = TextReader {
            source,
            line: Vec::new(),
            number: 0,
            own: None,
            lot: String::new(),
            size: None,
            sums: Sums::default(),
        };
        // A header is taken off; any other first line stays for `next`.
        if reader.source.fill_buf().map_err(unreadable)?.starts_with(b"#") && reader.read_line()? {
            let text = std::str::from_utf8(&reader.line).unwrap_or_default();
            reader.own = text.strip_prefix(HEADER).and_then(Algorithm::parse);
            if reader.own.is_none() && text.starts_with(HEADER) {
                return Err(reader.stopped("SHA-256, SHA-384 or SHA-512"));
            }
        }
        Ok(reader)
    }

    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ArchiveError> {
        while self.read_line()? {
            let line = std::mem::take(&mut self.line);
            let read = self.understand(&line);
            self.line = line;
            if let Line::Entry(entry) = read? {
                return Ok(Some(entry));
            }
        }
        if self.own.is_some() && !self.sums.is_ended() {
            return Err(damaged("end of the index", "totals of the archive", "nothing more"));
        }
        Ok(None)
    }

    /// Puts the next line into `line`, without its end; `false` at the end.
    fn read_line(&mut self) -> Result<bool, ArchiveError> {
        self.line.clear();
        let taken = (&mut self.source).take(LONGEST_LINE).read_until(b'\n', &mut self.line);
        if taken.map_err(unreadable)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
        } else if self.line.len() as u64 == LONGEST_LINE {
            return Err(self.stopped("a line of at most 128 KiB"));
        }
        Ok(true)
    }

    fn understand(&mut self, line: &[u8]) -> Result<Line, ArchiveError> {
        let Ok(line) = std::str::from_utf8(line) else { return Err(self.stopped("UTF-8")) };
        if self.sums.is_ended() {
            return Err(self.stopped("nothing after the totals of the archive"));
        }
        match (line.strip_prefix("# "), self.own) {
            (Some(comment), Some(_)) => self.comment(comment).map(|()| Line::Other),
            (_, None) if line.starts_with('#') || line.is_empty() => Ok(Line::Other),
            _ => self.document(line).map(Line::Entry),
        }
    }

    fn comment(&mut self, comment: &str) -> Result<(), ArchiveError> {
        let numbers = |text: &str| -> Option<Totals> {
            let (documents, bytes) = text.strip_prefix("documenti ")?.split_once(" byte ")?;
            Some(Totals { lots: 1, documents: documents.parse().ok()?, bytes: bytes.parse().ok()? })
        };
        let lot = comment.strip_prefix("lotto").filter(|_| !self.sums.in_lot());
        if let Some(size) = comment.strip_prefix("byte ").and_then(|text| text.parse().ok()) {
            if self.size.replace(size).is_none() {
                return Ok(());
            }
        } else if let Some(name) = lot {
            let name = match name.strip_prefix(' ') {
                Some(name) => name.strip_prefix('\\').map_or(Some(name.to_owned()), from_text),
                None => name.is_empty().then(String::new),
            };
            if let Some(name) = name
                && self.sums.begin_lot()
            {
                self.lot = name;
                return Ok(());
            }
        } else if let Some(totals) = comment.strip_prefix("totale lotto ").and_then(numbers) {
            if self.size.is_none() && self.sums.in_lot() {
                return self.sums.end_lot(&self.lot, totals);
            }
        } else if let Some(rest) = comment.strip_prefix("totale lotti ")
            && let Some((lots, rest)) = rest.split_once(' ')
            && let (Ok(lots), Some(totals)) = (lots.parse(), numbers(rest))
            && !self.sums.in_lot()
        {
            return self.sums.end(Totals { lots, ..totals });
        }
        Err(self.stopped("a line of the index form"))
    }

    fn document(&mut self, line: &str) -> Result<Entry, ArchiveError> {
        let stopped = |reader: &Self| reader.stopped("a digest, two spaces and a path");
        let (escaped, rest) = match line.strip_prefix('\\') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let Some((digest, path)) = rest.split_once(' ') else { return Err(stopped(self)) };
        let path = path.strip_prefix([' ', '*']).filter(|path| !path.is_empty());
        let Some(digest) = DigestBytes::from_hex(digest.as_bytes()) else {
            return Err(stopped(self));
        };
        let path = match (path, escaped) {
            (Some(path), true) => from_text(path),
            (path, _) => path.map(str::to_owned),
        };
        let Some(mut path) = path else { return Err(stopped(self)) };
        if let Some(algorithm) = self.own {
            let Some(size) = self.size.filter(|size| self.sums.document(*size)) else {
                return Err(self.stopped("the size before the document"));
            };
            self.size = None;
            if algorithm.length() != digest.as_bytes().len() {
                return Err(self.stopped(algorithm.name()));
            }
            return Ok(Entry { lot: self.lot.clone(), path, size: Some(size), digest });
        }
        while let Some(rest) = path.strip_prefix("./") {
            path = rest.to_owned();
        }
        Ok(Entry { lot: String::new(), path, size: None, digest })
    }

    fn stopped(&self, expected: &str) -> ArchiveError {
        ArchiveError::NotAnIndex { position: self.number, expected: expected.to_owned() }
    }
}
