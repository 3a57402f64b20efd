//! BER elements as they stream by: any size, constant memory (X.690 §8.1).

use std::io::{self, Read};

use crate::element::{CONSTRUCTED, END_OF_CONTENTS, MAX_DEPTH};
use crate::error::{SigningError, UNNAMED};

/// Reads BER from a source, one element after the other, into and out of constructed ones.
pub(crate) struct BerStream<'a> {
    source: &'a mut dyn Read,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    position: u64,
    open: Vec<Open>,
}

/// A constructed element that is being read.
#[derive(Clone, Copy)]
struct Open {
    /// Where it ends; `None` when end-of-contents octets say so.
    end: Option<u64>,
    /// No element inside may pass this.
    limit: Option<u64>,
}

/// Tag and length of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tag: u8,
    pub(crate) length: Option<u64>,
}

impl<'a> BerStream<'a> {
    pub(crate) fn new(source: &'a mut dyn Read) -> BerStream<'a> {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        BerStream { source, buffer, start: 0, end: 0, position: 0, open: Vec::new() }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The tag of the next element; `None` at the end of the element that is open.
    pub(crate) fn peek_tag(&mut self) -> Result<Option<u8>, SigningError> {
        if self.is_at_end()? {
            return Ok(None);
        }
        let bytes = self.peek(1)?;
        match bytes.first() {
            Some(tag) => Ok(Some(*tag)),
            None => Err(SigningError::truncated(self.position)),
        }
    }

    /// Goes into a constructed element with this tag.
    pub(crate) fn enter(&mut self, tag: u8, what: &str) -> Result<(), SigningError> {
        if self.peek_tag()? != Some(tag) {
            return Err(self.malformed(format!("no {what}")));
        }
        let header = self.header()?;
        self.go_into(header)
    }

    /// Goes out of the element that was entered last; nothing may be left in it.
    pub(crate) fn leave(&mut self, what: &str) -> Result<(), SigningError> {
        if !self.is_at_end()? {
            return Err(self.malformed(format!("more than belongs there in {what}")));
        }
        let open = self.open.pop().expect("left as often as entered");
        if open.end.is_none() {
            self.skip(END_OF_CONTENTS.len());
        }
        Ok(())
    }

    /// The next element whole, as its bytes came; `budget` is lessened by its length.
    pub(crate) fn element(
        &mut self,
        budget: &mut usize,
        what: &str,
    ) -> Result<Vec<u8>, SigningError> {
        let mut raw = Vec::new();
        let mut nested = 0_usize;
        loop {
            let before = raw.len();
            let mut content = 0;
            if nested > 0 && self.peek(2)? == END_OF_CONTENTS {
                self.skip(2);
                raw.extend_from_slice(&END_OF_CONTENTS);
                nested -= 1;
            } else {
                match self.header_into(&mut raw)?.length {
                    Some(length) => content = length,
                    None => nested += 1,
                }
            }
            *budget = budget.checked_sub(raw.len() - before).ok_or_else(|| too_long(what))?;
            self.take(content, budget, &mut raw, what)?;
            if nested > MAX_DEPTH {
                return Err(self.malformed("nested too deeply".to_owned()));
            }
            if nested == 0 {
                return Ok(raw);
            }
        }
    }

    /// The content of an OCTET STRING, whole or in pieces, given to `sink` as it streams by.
    pub(crate) fn octets(
        &mut self,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), SigningError>,
    ) -> Result<u64, SigningError> {
        let mut total = 0;
        let outermost = self.open.len();
        loop {
            match self.peek_tag()? {
                Some(OCTET_STRING) => {
                    let header = self.header()?;
                    let length = header.length.expect("a primitive element has a length");
                    self.pass(length, sink)?;
                    total += length;
                }
                Some(OCTET_STRING_IN_PIECES) => {
                    let header = self.header()?;
                    self.go_into(header)?;
                }
                None if self.open.len() > outermost => self.leave("the content")?,
                _ => return Err(self.malformed("content that is no OCTET STRING".to_owned())),
            }
            if self.open.len() == outermost {
                return Ok(total);
            }
        }
    }

    /// Nothing may follow.
    pub(crate) fn finish(&mut self) -> Result<u64, SigningError> {
        if !self.peek(1)?.is_empty() {
            let file = UNNAMED.to_owned();
            return Err(SigningError::TrailingBytes { file, at: self.position });
        }
        Ok(self.position)
    }

    pub(crate) fn malformed(&self, reason: impl Into<String>) -> SigningError {
        SigningError::malformed(self.position, reason)
    }

    fn is_at_end(&mut self) -> Result<bool, SigningError> {
        match self.open.last() {
            None => Ok(false),
            Some(Open { end: Some(end), .. }) => Ok(self.position == *end),
            Some(Open { end: None, .. }) => Ok(self.peek(2)? == END_OF_CONTENTS),
        }
    }

    fn go_into(&mut self, header: Header) -> Result<(), SigningError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.malformed("nested too deeply".to_owned()));
        }
        let end = header.length.map(|length| self.position + length);
        let limit = end.or(self.limit());
        self.open.push(Open { end, limit });
        Ok(())
    }

    fn limit(&self) -> Option<u64> {
        self.open.last().and_then(|open| open.limit)
    }

    fn header(&mut self) -> Result<Header, SigningError> {
        self.header_into(&mut Vec::new())
    }

    fn header_into(&mut self, raw: &mut Vec<u8>) -> Result<Header, SigningError> {
        let position = self.position;
        let bytes = self.peek(MAX_HEADER)?;
        let ended = || SigningError::truncated(position + bytes.len() as u64);
        let (tag, first) = match bytes {
            [tag, first, ..] => (*tag, *first),
            _ => return Err(ended()),
        };
        if tag & 0x1f == 0x1f {
            return Err(SigningError::malformed(position, "a tag that CMS does not have"));
        }
        let count = if first > 0x80 { usize::from(first & 0x7f) } else { 0 };
        if count > 8 {
            return Err(SigningError::malformed(position, "a length"));
        }
        let long = bytes.get(2..2 + count).ok_or_else(ended)?;
        let length = match first {
            0x80 => None,
            short @ 0..=0x7f => Some(u64::from(short)),
            _ => Some(long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))),
        };
        raw.extend_from_slice(&bytes[..2 + count]);
        self.skip(2 + count);
        if length.is_none() && tag & CONSTRUCTED == 0 {
            return Err(self.malformed("indefinite length of a primitive element"));
        }
        let end = self.position.checked_add(length.unwrap_or(0));
        match (end, self.limit()) {
            (None, _) => Err(self.malformed("a length")),
            (Some(end), Some(limit)) if end > limit => {
                Err(self.malformed("an element longer than what it is in"))
            }
            _ => Ok(Header { tag, length }),
        }
    }

    fn take(
        &mut self,
        length: u64,
        budget: &mut usize,
        raw: &mut Vec<u8>,
        what: &str,
    ) -> Result<(), SigningError> {
        let length_here = usize::try_from(length).ok().filter(|length| length <= budget);
        *budget -= length_here.ok_or_else(|| too_long(what))?;
        self.pass(length, &mut |bytes| {
            raw.extend_from_slice(bytes);
            Ok(())
        })
    }

    /// Gives the next `length` bytes to `sink`.
    fn pass(
        &mut self,
        length: u64,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), SigningError>,
    ) -> Result<(), SigningError> {
        let mut left = length;
        while left > 0 {
            if self.start == self.end && !self.fill()? {
                return Err(SigningError::truncated(self.position));
            }
            let available = self.end - self.start;
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            sink(&self.buffer[self.start..self.start + taken])?;
            self.skip(taken);
            left -= taken as u64;
        }
        Ok(())
    }

    /// Up to `count` bytes that come next; fewer only when the source ends.
    fn peek(&mut self, count: usize) -> Result<&[u8], SigningError> {
        while self.end - self.start < count {
            if !self.fill()? {
                break;
            }
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    fn skip(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }

    /// Reads more into the buffer; false at the end of the source.
    fn fill(&mut self) -> Result<bool, SigningError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(length) => {
                    self.end += length;
                    return Ok(length > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(SigningError::reading(&error)),
            }
        }
    }
}

fn too_long(what: &str) -> SigningError {
    SigningError::too_large(&format!("bytes of {what}"), MAX_TRAILER as u64)
}

/// Bytes of everything after the content that are kept.
pub(crate) const MAX_TRAILER: usize = 8 << 20;

const OCTET_STRING: u8 = 0x04;
const OCTET_STRING_IN_PIECES: u8 = 0x24;
const MAX_HEADER: usize = 10;
const BUFFER: usize = 256 << 10;
