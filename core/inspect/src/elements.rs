//! Walks BER elements as they stream by (X.690 §8.1): headers, whole elements, octet strings.
//!
//! Lengths may be definite or indefinite. Nothing is recursive and nothing is read without bound.

use std::io::{self, Read, Write};

/// Why bytes are not the BER that was looked for.
#[derive(Debug)]
pub(crate) enum ElementError {
    /// The disk refused.
    Io(io::Error),
    /// The input ends inside an element.
    Truncated,
    /// A tag, a length or a structure that is not allowed there.
    Malformed(&'static str),
    /// An element is longer than its limit.
    TooLarge(u64),
}

impl From<io::Error> for ElementError {
    fn from(error: io::Error) -> ElementError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ElementError::Truncated,
            _ => ElementError::Io(error),
        }
    }
}

type Reading<T> = Result<T, ElementError>;

/// Tag and length of one element.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The one byte of its tag.
    pub(crate) tag: u8,
    /// Bytes of its content, `None` for an indefinite length.
    pub(crate) length: Option<u64>,
    bytes: Vec<u8>,
}

/// The inside of a constructed element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Where it ends, when its length is definite.
    end: Option<u64>,
    /// Where it ends at the latest.
    limit: u64,
}

impl Frame {
    /// What no element may go beyond: the end of an input of `length` bytes.
    pub(crate) fn outermost(length: u64) -> Frame {
        Frame { end: Some(length), limit: length }
    }

    /// The beginning of an input of a length that is not known.
    pub(crate) fn unbounded() -> Frame {
        Frame { end: None, limit: u64::MAX }
    }
}

/// Reads elements one after the other.
pub(crate) struct Elements<R> {
    source: R,
    position: u64,
}

impl<R: Read> Elements<R> {
    pub(crate) fn new(source: R) -> Elements<R> {
        Elements { source, position: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next element's header; `None` at the end of the frame.
    pub(crate) fn next(&mut self, frame: Frame) -> Reading<Option<Header>> {
        if frame.end == Some(self.position) {
            return Ok(None);
        }
        let header = self.header()?;
        let end = self.position.saturating_add(header.length.unwrap_or(0));
        if end > frame.limit {
            return Err(match frame.end {
                Some(_) => ElementError::Malformed("an element longer than what it is in"),
                None => ElementError::Truncated,
            });
        }
        if header.tag == 0 {
            return match (frame.end, header.length) {
                (None, Some(0)) => Ok(None),
                _ => Err(ElementError::Malformed("an end of contents where none belongs")),
            };
        }
        Ok(Some(header))
    }

    /// The next element, which must have `tag`.
    pub(crate) fn expect(&mut self, frame: Frame, tag: u8, what: &'static str) -> Reading<Header> {
        match self.next(frame)? {
            Some(header) if header.tag == tag => Ok(header),
            _ => Err(ElementError::Malformed(what)),
        }
    }

    /// Goes into the constructed element whose header was just read.
    pub(crate) fn enter(&self, header: &Header, frame: Frame) -> Frame {
        let end = header.length.map(|length| self.position.saturating_add(length));
        Frame { end, limit: end.unwrap_or(frame.limit) }
    }

    /// Nothing may be left in the frame.
    pub(crate) fn finish(&mut self, frame: Frame, what: &'static str) -> Reading<()> {
        match self.next(frame)? {
            None => Ok(()),
            Some(_) => Err(ElementError::Malformed(what)),
        }
    }

    /// The whole element whose header was just read, as it is written; at most `limit` bytes.
    pub(crate) fn whole(&mut self, header: &Header, limit: u64) -> Reading<Vec<u8>> {
        let mut bytes = header.bytes.clone();
        self.copy(header, limit, &mut bytes)?;
        Ok(bytes)
    }

    /// Passes over the element whose header was just read.
    pub(crate) fn skip(&mut self, header: &Header, limit: u64) -> Reading<()> {
        self.copy(header, limit, &mut io::sink())
    }

    /// The content of a primitive element whose header was just read; at most `limit` bytes.
    pub(crate) fn content(&mut self, header: &Header, limit: u64) -> Reading<Vec<u8>> {
        let length = header.length.ok_or(ElementError::Malformed("an indefinite length"))?;
        let mut bytes = Vec::new();
        self.take(length, limit, &mut bytes)?;
        Ok(bytes)
    }

    /// Streams the value of an OCTET STRING, in one piece or in many, and gives its length.
    pub(crate) fn octets(
        &mut self,
        header: &Header,
        frame: Frame,
        out: &mut dyn Write,
    ) -> Reading<u64> {
        if header.tag == OCTET_STRING {
            let length = header.length.ok_or(ElementError::Malformed("an indefinite length"))?;
            self.take(length, u64::MAX, out)?;
            return Ok(length);
        }
        let mut total = 0;
        let mut frames = vec![self.enter(header, frame)];
        while let Some(innermost) = frames.last().copied() {
            match self.next(innermost)? {
                None => {
                    frames.pop();
                }
                Some(piece) if piece.tag == OCTET_STRING => {
                    let length =
                        piece.length.ok_or(ElementError::Malformed("an indefinite length"))?;
                    self.take(length, u64::MAX, out)?;
                    total += length;
                }
                Some(piece) if piece.tag == OCTET_STRINGS && frames.len() < MAX_PIECES_DEPTH => {
                    frames.push(self.enter(&piece, innermost));
                }
                Some(_) => return Err(ElementError::Malformed("an OCTET STRING in pieces")),
            }
        }
        Ok(total)
    }

    /// Copies the rest of an element. Definite lengths are copied whole; of indefinite ones only
    /// their number is kept.
    fn copy(&mut self, header: &Header, limit: u64, out: &mut dyn Write) -> Reading<()> {
        if let Some(length) = header.length {
            return self.take(length, limit, out);
        }
        let start = self.position;
        let mut open = 1;
        while open > 0 {
            let inner = self.header()?;
            out.write_all(&inner.bytes)?;
            match (inner.tag, inner.length) {
                (0, Some(0)) => open -= 1,
                (0, _) => return Err(ElementError::Malformed("an end of contents with content")),
                (_, None) if open == MAX_DEPTH => {
                    return Err(ElementError::Malformed("nested too deeply"));
                }
                (_, None) => open += 1,
                (_, Some(length)) => {
                    let left = limit.saturating_sub(self.position - start);
                    self.take(length, left, out)?;
                }
            }
            if self.position - start > limit {
                return Err(ElementError::TooLarge(limit));
            }
        }
        Ok(())
    }

    fn take(&mut self, length: u64, limit: u64, out: &mut dyn Write) -> Reading<()> {
        if length > limit {
            return Err(ElementError::TooLarge(limit));
        }
        let mut buffer = vec![0; length.min(PIECE) as usize];
        let mut left = length;
        while left > 0 {
            let size = left.min(PIECE) as usize;
            let taken = match self.source.read(&mut buffer[..size]) {
                Ok(0) => return Err(ElementError::Truncated),
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            out.write_all(&buffer[..taken])?;
            left -= taken as u64;
            self.position += taken as u64;
        }
        Ok(())
    }

    fn header(&mut self) -> Reading<Header> {
        let mut bytes = vec![self.byte()?];
        let tag = bytes[0];
        if tag & 0x1f == 0x1f {
            return Err(ElementError::Malformed("a tag number above 30"));
        }
        bytes.push(self.byte()?);
        let length = match bytes[1] {
            short @ 0..=0x7f => Some(u64::from(short)),
            0x80 if tag & CONSTRUCTED != 0 => None,
            0x80 => return Err(ElementError::Malformed("an indefinite length")),
            long => {
                let count = usize::from(long & 0x7f);
                if count > 8 {
                    return Err(ElementError::Malformed("a length of more than eight bytes"));
                }
                let mut length: u64 = 0;
                for _ in 0..count {
                    let byte = self.byte()?;
                    bytes.push(byte);
                    length = length << 8 | u64::from(byte);
                }
                Some(length)
            }
        };
        Ok(Header { tag, length, bytes })
    }

    fn byte(&mut self) -> Reading<u8> {
        let mut byte = [0];
        self.source.read_exact(&mut byte)?;
        self.position += 1;
        Ok(byte[0])
    }
}

/// The header of a DER element around `length` bytes.
pub(crate) fn der_header(tag: u8, length: u64) -> Vec<u8> {
    let mut header = vec![tag];
    if length < 0x80 {
        header.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
        header.push(0x80 | (bytes.len() - skipped) as u8);
        header.extend_from_slice(&bytes[skipped..]);
    }
    header
}

/// A DER element in memory.
pub(crate) fn der_element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = der_header(tag, content.len() as u64);
    element.extend_from_slice(content);
    element
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OCTET_STRINGS: u8 = 0x24;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
const CONSTRUCTED: u8 = 0x20;
const MAX_DEPTH: u32 = 64;
const MAX_PIECES_DEPTH: usize = 8;
const PIECE: u64 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        ::hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn octet_strings_are_joined() {
        for (ber, joined) in [
            ("04 02 aabb", "aabb"),
            ("24 80 0401aa 0402bbcc 0000", "aabbcc"),
            ("24 07 0401aa 0402bbcc", "aabbcc"),
            ("24 80 24 80 0401aa 0000 0401bb 0000", "aabb"),
            ("24 00", ""),
        ] {
            let ber = hex(ber);
            let mut elements = Elements::new(&ber[..]);
            let frame = Frame::outermost(ber.len() as u64);
            let header = elements.next(frame).unwrap().unwrap();
            let mut out = Vec::new();
            let length = elements.octets(&header, frame, &mut out).unwrap();
            assert_eq!((::hex::encode(&out), length), (joined.to_owned(), out.len() as u64));
            elements.finish(frame, "more").unwrap();
        }
    }

    #[test]
    fn whole_elements_are_kept_as_they_are() {
        for ber in ["30 80 30 80 020105 0000 0401ff 0000", "30 03 020105", "30 8103 020105"] {
            let ber = hex(ber);
            let mut elements = Elements::new(&ber[..]);
            let frame = Frame::outermost(ber.len() as u64);
            let header = elements.next(frame).unwrap().unwrap();
            assert_eq!(elements.whole(&header, 100).unwrap(), ber);
        }
    }

    #[test]
    fn bombs_are_refused() {
        let refused = |bytes: &[u8]| {
            let mut elements = Elements::new(bytes);
            let frame = Frame::outermost(bytes.len() as u64);
            match elements.next(frame) {
                Ok(Some(header)) => elements.whole(&header, 1 << 20).is_err(),
                other => other.is_err(),
            }
        };
        assert!(refused(&[0x30, 0x80].repeat(1_000_000)));
        assert!(refused(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
        assert!(refused(&[0x04, 0x80, 0, 0]) && refused(&[0x1f, 0x22, 0x00]) && refused(&[0, 0]));
        let pieces = [0x24, 0x80].repeat(1000);
        let mut elements = Elements::new(&pieces[..]);
        let frame = Frame::outermost(2000);
        let header = elements.next(frame).unwrap().unwrap();
        assert!(elements.octets(&header, frame, &mut io::sink()).is_err());
    }

    #[test]
    fn headers_are_minimal() {
        assert_eq!(der_header(0x30, 0x7f), [0x30, 0x7f]);
        assert_eq!(der_header(0x30, 0x80), [0x30, 0x81, 0x80]);
        assert_eq!(der_header(0x30, 1 << 30), [0x30, 0x84, 0x40, 0, 0, 0]);
    }
}
