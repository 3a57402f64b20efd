//! BER elements in memory (X.690 §8.1): what is inside a structure that was read whole.

use const_oid::ObjectIdentifier;

use crate::limits::{MAX_DEPTH, MAX_PIECES_DEPTH};
use crate::tag::{END_OF_CONTENTS, INTEGER, OCTET_STRING, OCTET_STRING_IN_PIECES, OID};
use crate::{BerError, Header};

/// An element: its first tag byte, all its bytes, and what is between its header and its end.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// The first byte of its tag.
    pub tag: u8,
    /// All its bytes, as they came.
    pub raw: &'a [u8],
    /// The bytes between its header and its end.
    pub content: &'a [u8],
    pub(crate) header: Header,
}

impl<'a> Element<'a> {
    /// Reads exactly one element.
    ///
    /// # Errors
    /// Bytes that are not one element, or not one alone.
    pub fn whole(bytes: &'a [u8]) -> Result<Element<'a>, BerError> {
        let mut elements = Elements(bytes);
        let element = elements.next()?.ok_or(BerError::Truncated)?;
        elements.end()?;
        Ok(element)
    }

    /// The elements inside.
    pub fn inside(&self) -> Elements<'a> {
        Elements(self.content)
    }

    /// The value of an OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// Another tag, or a value that is none.
    pub fn oid(&self) -> Result<ObjectIdentifier, BerError> {
        if self.tag != OID {
            return Err(BerError::Malformed("no object identifier where one belongs"));
        }
        let oid = ObjectIdentifier::from_bytes(self.content);
        oid.map_err(|_| BerError::Malformed("an object identifier"))
    }

    /// The content of an OCTET STRING, its pieces joined.
    ///
    /// # Errors
    /// Another tag, or pieces that are no OCTET STRINGs.
    pub fn octets(&self) -> Result<Vec<u8>, BerError> {
        let mut octets = Vec::new();
        self.join(&mut octets, 0)?;
        Ok(octets)
    }

    fn join(&self, octets: &mut Vec<u8>, depth: usize) -> Result<(), BerError> {
        match self.tag {
            OCTET_STRING => octets.extend_from_slice(self.content),
            OCTET_STRING_IN_PIECES if depth < MAX_PIECES_DEPTH => {
                let mut pieces = self.inside();
                while let Some(piece) = pieces.next()? {
                    piece.join(octets, depth + 1)?;
                }
            }
            _ => return Err(BerError::Malformed("no OCTET STRING where one belongs")),
        }
        Ok(())
    }

    /// A small non-negative INTEGER.
    ///
    /// # Errors
    /// Another tag, or an INTEGER below 0 or above 127.
    pub fn small_integer(&self) -> Result<u8, BerError> {
        match (self.tag, self.content) {
            (INTEGER, &[value @ 0..=0x7f]) => Ok(value),
            _ => Err(BerError::Malformed("no small INTEGER where one belongs")),
        }
    }
}

/// Elements one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a>(pub &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element, `None` at the end.
    ///
    /// # Errors
    /// Bytes that are no element.
    #[expect(clippy::should_implement_trait, reason = "an Iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Element<'a>>, BerError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (element, rest) = split(self.0, 0)?;
        self.0 = rest;
        Ok(Some(element))
    }

    /// The next element, which must have this tag; `what` is missing otherwise.
    ///
    /// # Errors
    /// Bytes that are no element, another tag.
    pub fn expect(&mut self, tag: u8, what: &'static str) -> Result<Element<'a>, BerError> {
        let next = self.next()?.filter(|element| element.tag == tag);
        next.ok_or(BerError::Malformed(what))
    }

    /// The next element if it has this tag.
    ///
    /// # Errors
    /// This tag, and bytes that are no element.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, BerError> {
        if self.0.first() == Some(&tag) { self.next() } else { Ok(None) }
    }

    /// All that are left.
    ///
    /// # Errors
    /// Bytes that are no element.
    pub fn all(mut self) -> Result<Vec<Element<'a>>, BerError> {
        let mut all = Vec::new();
        while let Some(element) = self.next()? {
            all.push(element);
        }
        Ok(all)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&self) -> Result<(), BerError> {
        match self.0 {
            [] => Ok(()),
            _ => Err(BerError::Malformed("more elements than belong there")),
        }
    }
}

fn split(input: &[u8], depth: usize) -> Result<(Element<'_>, &[u8]), BerError> {
    let header = Header::read(input)?;
    let inside = &input[header.size..];
    let (length, end) = match header.length {
        Some(length) => (usize::try_from(length).map_err(|_| BerError::Truncated)?, 0),
        None if depth == MAX_DEPTH => return Err(BerError::Malformed("nested too deeply")),
        None => {
            let mut rest = inside;
            while !rest.starts_with(&END_OF_CONTENTS) {
                rest = split(rest, depth + 1)?.1;
            }
            (inside.len() - rest.len(), END_OF_CONTENTS.len())
        }
    };
    let (content, rest) = inside.split_at_checked(length).ok_or(BerError::Truncated)?;
    let raw = &input[..header.size + length + end];
    Ok((Element { tag: header.tag, raw, content, header }, &rest[end..]))
}
