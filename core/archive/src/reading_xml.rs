//! Reads the XML form and `PIndex` files, element by element.

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use crate::escape::from_attribute;
use crate::reading::{Sums, damaged, unreadable};
use crate::{Algorithm, ArchiveError, DigestBytes, Entry, Totals, sincro, xml_form};

/// Limits: bytes of one tag or text, open elements, attributes of an element.
const LONGEST: u64 = 256 << 10;
const DEEPEST: usize = 16;
const MOST_ATTRIBUTES: usize = 16;

pub(crate) struct XmlReader<R> {
    reader: Reader<Capped<R>>,
    buffer: Vec<u8>,
    /// Names of the open elements.
    open: Vec<String>,
    /// Text of the element being read, where it matters.
    text: String,
    lot: String,
    sums: Sums,
    algorithm: Option<Algorithm>,
    /// Of a `PIndex`: path and digest of the file being read.
    path: Option<String>,
    digest: Option<DigestBytes>,
    rooted: bool,
}

impl<R: BufRead> XmlReader<R> {
    pub(crate) fn open(source: R) -> Result<XmlReader<R>, ArchiveError> {
        Ok(XmlReader {
            reader: Reader::from_reader(Capped { source, left: LONGEST }),
            buffer: Vec::new(),
            open: Vec::new(),
            text: String::new(),
            lot: String::new(),
            sums: Sums::default(),
            algorithm: None,
            path: None,
            digest: None,
            rooted: false,
        })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ArchiveError> {
        loop {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            self.reader.get_mut().left = LONGEST;
            let event = match self.reader.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(quick_xml::Error::Io(error)) if error.kind() != io::ErrorKind::FileTooLarge => {
                    return Err(unreadable(io::Error::new(error.kind(), error.to_string())));
                }
                Err(_) => return Err(self.stopped("well-formed XML")),
            };
            if matches!(event, Event::Eof) {
                if !self.rooted || !self.open.is_empty() {
                    return Err(damaged("end of the index", "its closing tag", "nothing more"));
                }
                return Ok(None);
            }
            let entry = self.understand(&event);
            drop(event);
            self.buffer = buffer;
            if let Some(entry) = entry? {
                return Ok(Some(entry));
            }
        }
    }

    fn understand(&mut self, event: &Event<'_>) -> Result<Option<Entry>, ArchiveError> {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::Empty(tag) => {
                let entry = self.start(tag)?;
                Ok(self.end()?.or(entry))
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.add_text(text),
            Event::GeneralRef(reference) => self.add_reference(reference),
            Event::Decl(declaration) => self.declaration(declaration),
            Event::Comment(_) => Ok(None),
            Event::PI(_) | Event::CData(_) | Event::DocType(_) | Event::Eof => {
                Err(self.stopped("elements and text only"))
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<Option<Entry>, ArchiveError> {
        let name = self.utf8(tag.name().as_ref())?.to_owned();
        let parents: Vec<&str> = self.open.iter().map(String::as_str).collect();
        let (parents, sums) = (parents.join("/"), &mut self.sums);
        let place = if parents.is_empty() { name.clone() } else { format!("{parents}/{name}") };
        let known = match place.as_str() {
            "indice" | "PIndex" if !self.rooted => {
                self.rooted = true;
                self.root(tag, &name)?;
                true
            }
            "indice/lotto" => sums.begin_lot(),
            "indice/lotto/documento" => !sums.is_ended(),
            "indice/lotto/totale" | "indice/totale" => true,
            other => other.starts_with("PIndex/"),
        };
        if !known || self.open.len() >= DEEPEST {
            return Err(self.stopped("the elements of an index"));
        }
        self.open.push(name);
        self.text.clear();
        match place.as_str() {
            "indice/lotto" => {
                self.lot = self.name(tag, "nome")?.unwrap_or_default();
                Ok(None)
            }
            "indice/lotto/documento" => self.document(tag).map(Some),
            "indice/lotto/totale" => {
                let totals = self.totals(tag, 1)?;
                if !self.sums.in_lot() {
                    return Err(self.stopped("one total"));
                }
                let lot = self.lot.clone();
                self.sums.end_lot(&lot, totals).map(|()| None)
            }
            "indice/totale" => {
                let lots = self.number(tag, "lotti")?;
                let totals = self.totals(tag, lots)?;
                self.sums.end(totals).map(|()| None)
            }
            "PIndex/FileGroup/File/Hash" => {
                let function = self.attribute(tag, "hashFunction")?;
                self.algorithm = function.as_deref().and_then(Algorithm::parse);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn root(&mut self, tag: &BytesStart<'_>, name: &str) -> Result<(), ArchiveError> {
        let namespace = if name == "indice" { xml_form::NAMESPACE } else { sincro::NAMESPACE };
        if self.attribute(tag, "xmlns")?.as_deref() != Some(namespace) {
            return Err(self.stopped(namespace));
        }
        if name == "indice" {
            let algorithm = self.attribute(tag, "algoritmo")?;
            self.algorithm = algorithm.as_deref().and_then(Algorithm::parse);
            if self.algorithm.is_none() {
                return Err(self.stopped("algoritmo SHA-256, SHA-384 or SHA-512"));
            }
        }
        Ok(())
    }

    fn document(&mut self, tag: &BytesStart<'_>) -> Result<Entry, ArchiveError> {
        let path = self.name(tag, "percorso")?.filter(|path| !path.is_empty());
        let digest = self.attribute(tag, "impronta")?.unwrap_or_default();
        let size = self.number(tag, "byte")?;
        let digest = DigestBytes::from_hex(digest.as_bytes()).filter(|digest| {
            self.algorithm.map(Algorithm::length) == Some(digest.as_bytes().len())
        });
        match (path, digest) {
            (Some(path), Some(digest)) if self.sums.document(size) => {
                Ok(Entry { lot: self.lot.clone(), path, size: Some(size), digest })
            }
            _ => Err(self.stopped("percorso, byte and impronta")),
        }
    }

    fn end(&mut self) -> Result<Option<Entry>, ArchiveError> {
        let place = self.open.join("/");
        self.open.pop();
        match place.as_str() {
            "indice/lotto" if self.sums.in_lot() => {
                Err(damaged(&format!("lot {:?}", self.lot), "its total", "no total"))
            }
            "indice" if !self.sums.is_ended() => {
                Err(damaged("end of the index", "totals of the archive", "no totals"))
            }
            "PIndex/FileGroup/File/Path" => {
                self.path = Some(std::mem::take(&mut self.text));
                Ok(None)
            }
            "PIndex/FileGroup/File/Hash" => {
                let length = self.algorithm.map(Algorithm::length);
                self.digest = DigestBytes::from_hex(self.text.trim().as_bytes())
                    .filter(|digest| length == Some(digest.as_bytes().len()));
                Ok(None)
            }
            "PIndex/FileGroup/File" => match (self.path.take(), self.digest.take()) {
                (Some(path), Some(digest)) if !path.is_empty() => {
                    Ok(Some(Entry { lot: String::new(), path, size: None, digest }))
                }
                _ => Err(self.stopped("Path, and Hash in hexadecimal with a known hashFunction")),
            },
            _ => Ok(None),
        }
    }

    fn add_text(&mut self, text: &[u8]) -> Result<Option<Entry>, ArchiveError> {
        let text = self.utf8(text)?;
        if self.open.first().is_some_and(|root| root == "PIndex") {
            let both = self.text.len() + text.len();
            if both as u64 > LONGEST {
                return Err(self.stopped("shorter text"));
            }
            self.text.push_str(text);
        } else if !text.chars().all(|c| c.is_ascii_whitespace() || c == '\u{feff}') {
            return Err(self.stopped("no text"));
        }
        Ok(None)
    }

    fn add_reference(&mut self, reference: &BytesRef<'_>) -> Result<Option<Entry>, ArchiveError> {
        let number = reference.resolve_char_ref().ok().flatten();
        let character = number.or(match reference.as_ref() {
            b"amp" => Some('&'),
            b"lt" => Some('<'),
            b"gt" => Some('>'),
            b"quot" => Some('"'),
            b"apos" => Some('\''),
            _ => None,
        });
        let Some(character) = character else { return Err(self.stopped("no entities")) };
        self.add_text(character.encode_utf8(&mut [0; 4]).as_bytes())
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<Option<Entry>, ArchiveError> {
        match declaration.encoding() {
            Some(Ok(encoding)) if !encoding.eq_ignore_ascii_case(b"utf-8") => {
                Err(self.stopped("UTF-8"))
            }
            Some(Err(_)) => Err(self.stopped("UTF-8")),
            _ => Ok(None),
        }
    }

    /// A name, as it is or escaped.
    fn name(&self, tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, ArchiveError> {
        let plain = self.attribute(tag, name)?;
        let escaped = self.attribute(tag, &format!("{name}-escape"))?;
        match (plain, escaped) {
            (plain, None) => Ok(plain),
            (None, Some(escaped)) => match from_attribute(&escaped) {
                Some(name) => Ok(Some(name)),
                None => Err(self.stopped("escapes of an index")),
            },
            (Some(_), Some(_)) => Err(self.stopped("a name once")),
        }
    }

    fn totals(&self, tag: &BytesStart<'_>, lots: u64) -> Result<Totals, ArchiveError> {
        let (documents, bytes) = (self.number(tag, "documenti")?, self.number(tag, "byte")?);
        Ok(Totals { lots, documents, bytes })
    }

    fn number(&self, tag: &BytesStart<'_>, name: &str) -> Result<u64, ArchiveError> {
        let text = self.attribute(tag, name)?;
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.stopped(name))
    }

    fn attribute(&self, tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, ArchiveError> {
        let mut found = None;
        // Checking for doubles compares each with each, so their number is limited here.
        for (count, attribute) in tag.attributes().with_checks(false).enumerate() {
            let Ok(attribute) = attribute else { return Err(self.stopped("attributes")) };
            if count >= MOST_ATTRIBUTES {
                return Err(self.stopped("fewer attributes"));
            }
            if attribute.key.as_ref() != name.as_bytes() {
                continue;
            }
            let Ok(value) = attribute.unescape_value() else {
                return Err(self.stopped("no entities"));
            };
            if found.replace(value.into_owned()).is_some() {
                return Err(self.stopped("an attribute once"));
            }
        }
        Ok(found)
    }

    fn utf8<'a>(&self, bytes: &'a [u8]) -> Result<&'a str, ArchiveError> {
        std::str::from_utf8(bytes).map_err(|_| self.stopped("UTF-8"))
    }

    fn stopped(&self, expected: &str) -> ArchiveError {
        let position = self.reader.buffer_position();
        ArchiveError::NotAnIndex { position, expected: expected.to_owned() }
    }
}

/// A source that ends in an error when one piece of XML is too long.
struct Capped<R> {
    source: R,
    left: u64,
}

impl<R: BufRead> Read for Capped<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let length = there.len().min(bytes.len());
        bytes[..length].copy_from_slice(&there[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Capped<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.left = self.left.saturating_sub(length as u64);
        self.source.consume(length);
    }
}
