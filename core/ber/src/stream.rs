//! BER elements as they stream by: any size, constant memory (X.690 §8.1).

use std::io::{self, Read};

use crate::limits::{MAX_DEPTH, MAX_HEADER, MAX_PIECES_DEPTH};
use crate::tag::{END_OF_CONTENTS, NUMBER, OCTET_STRING, OCTET_STRING_IN_PIECES};
use crate::{BerError, Element, Header, Reason};

/// Reads BER from a source, one element after the other, into and out of constructed ones.
pub struct Stream<R> {
    source: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    position: u64,
    length: u64,
    open: Vec<Open>,
}

/// A constructed element that is being read.
#[derive(Clone, Copy)]
struct Open {
    /// Where it ends; `None` when end-of-contents octets say so.
    end: Option<u64>,
    /// No element inside may pass this.
    limit: u64,
}

/// Why a stream is not the BER that was looked for.
#[derive(Debug)]
pub enum StreamError {
    /// The source cannot be read.
    Io(io::Error),
    /// The source ends inside an element.
    Truncated {
        /// How many bytes there are.
        at: u64,
    },
    /// A tag, a length or a structure that is not allowed there.
    Malformed {
        /// Bytes before it.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// An element is longer than its limit.
    TooLarge {
        /// Which element.
        what: String,
        /// Bytes that it may have.
        limit: u64,
    },
}

type Reading<T> = Result<T, StreamError>;

impl<R: Read> Stream<R> {
    /// Reads a source of any length.
    pub fn new(source: R) -> Stream<R> {
        Stream::bounded(source, u64::MAX)
    }

    /// Reads a source of `length` bytes: no element may be longer.
    pub fn bounded(source: R, length: u64) -> Stream<R> {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Stream { source, buffer, start: 0, end: 0, position: 0, length, open: Vec::new() }
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The tag of the next element; `None` at the end of the element that is open.
    ///
    /// # Errors
    /// A header that cannot be read.
    pub fn peek_tag(&mut self) -> Reading<Option<u8>> {
        if self.is_at_end()? { Ok(None) } else { Ok(Some(self.header()?.tag)) }
    }

    /// Goes into a constructed element with this tag.
    ///
    /// # Errors
    /// Another element, or none; nesting below [`MAX_DEPTH`].
    pub fn enter(&mut self, tag: u8, what: &str) -> Reading<()> {
        self.require(tag, what)?;
        let header = self.header()?;
        if !header.is_constructed() {
            return Err(self.malformed(format!("no {what}")));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(self.malformed("nested too deeply"));
        }
        self.skip_buffered(header.size);
        let end = header.length.map(|length| self.position + length);
        self.open.push(Open { end, limit: end.unwrap_or(self.limit()) });
        Ok(())
    }

    /// Goes out of the element that was entered last; nothing may be left in it.
    ///
    /// # Errors
    /// Something is left.
    ///
    /// # Panics
    /// When it is called more often than [`enter`](Stream::enter).
    pub fn leave(&mut self, what: &str) -> Reading<()> {
        if !self.is_at_end()? {
            return Err(self.malformed(format!("more than belongs there in {what}")));
        }
        let open = self.open.pop().expect("left as often as entered");
        if open.end.is_none() {
            self.skip_buffered(END_OF_CONTENTS.len());
        }
        Ok(())
    }

    /// The next element whole, as its bytes came: at most `limit` of them.
    ///
    /// # Errors
    /// What is no element or a longer one.
    pub fn element(&mut self, limit: u64, what: &str) -> Reading<Vec<u8>> {
        let mut raw = Vec::new();
        self.copy(limit, what, |bytes| raw.extend_from_slice(bytes))?;
        Ok(raw)
    }

    /// Passes over the next element, which may have `limit` bytes.
    ///
    /// # Errors
    /// What is no element or a longer one.
    pub fn skip(&mut self, limit: u64, what: &str) -> Reading<()> {
        self.copy(limit, what, |_| {})
    }

    /// What `read` makes of the next element, which must have this tag and at most `limit` bytes.
    ///
    /// # Errors
    /// Another element, or none, and what `read` says.
    pub fn read<T, E: Into<Reason>>(
        &mut self,
        tag: u8,
        limit: u64,
        what: &str,
        read: impl FnOnce(Element<'_>) -> Result<T, E>,
    ) -> Reading<T> {
        self.require(tag, what)?;
        let raw = self.element(limit, what)?;
        let element = Element::whole(&raw).map_err(Reason::from);
        let read = element.and_then(|element| read(element).map_err(Into::into));
        read.map_err(|reason| self.malformed(format!("{what}: {reason}")))
    }

    /// The content of an OCTET STRING, whole or in pieces, given to `sink` as it streams by.
    ///
    /// # Errors
    /// Another element, and what `sink` says.
    pub fn octets<E: From<StreamError>>(
        &mut self,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut total = 0;
        let outermost = self.open.len();
        loop {
            match self.peek_tag()? {
                Some(OCTET_STRING) => {
                    let header = self.header()?;
                    self.skip_buffered(header.size);
                    let length = header.length.expect("a primitive element has a length");
                    self.pass(length, &mut sink)?;
                    total += length;
                }
                Some(OCTET_STRING_IN_PIECES) => {
                    if self.open.len() - outermost == MAX_PIECES_DEPTH {
                        return Err(self.malformed("nested too deeply").into());
                    }
                    self.enter(OCTET_STRING_IN_PIECES, "the content")?;
                }
                None if self.open.len() > outermost => self.leave("the content")?,
                _ => return Err(self.malformed("content that is no OCTET STRING").into()),
            }
            if self.open.len() == outermost {
                return Ok(total);
            }
        }
    }

    /// Whether the source ends here.
    ///
    /// # Errors
    /// A source that cannot be read.
    pub fn is_finished(&mut self) -> Reading<bool> {
        Ok(self.peek(1)?.is_empty())
    }

    /// An error at this place.
    pub fn malformed(&self, reason: impl ToString) -> StreamError {
        StreamError::Malformed { at: self.position, reason: reason.to_string() }
    }

    fn require(&mut self, tag: u8, what: &str) -> Reading<()> {
        match self.peek_tag()? {
            Some(found) if found == tag => Ok(()),
            _ => Err(self.malformed(format!("no {what}"))),
        }
    }

    fn is_at_end(&mut self) -> Reading<bool> {
        match self.open.last() {
            None => Ok(false),
            Some(Open { end: Some(end), .. }) => Ok(self.position == *end),
            Some(Open { end: None, .. }) => Ok(self.peek(2)? == END_OF_CONTENTS),
        }
    }

    fn limit(&self) -> u64 {
        self.open.last().map_or(self.length, |open| open.limit)
    }

    /// The header of the next element, which stays where it is.
    fn header(&mut self) -> Reading<Header> {
        let position = self.position;
        let bytes = self.peek(MAX_HEADER)?;
        let header = match Header::read(bytes) {
            Ok(header) => header,
            Err(BerError::Truncated) => {
                return Err(StreamError::Truncated { at: position + bytes.len() as u64 });
            }
            Err(BerError::Malformed(reason)) => return Err(self.malformed(reason)),
        };
        if header.tag & NUMBER == NUMBER {
            return Err(self.malformed("a tag number above 30"));
        }
        if position + header.size as u64 + header.length.unwrap_or(0) > self.limit() {
            return Err(self.malformed("an element longer than what it is in"));
        }
        Ok(header)
    }

    fn copy(&mut self, limit: u64, what: &str, mut sink: impl FnMut(&[u8])) -> Reading<()> {
        let mut sink = |bytes: &[u8]| {
            sink(bytes);
            Ok(())
        };
        let (mut left, mut nested) = (limit, 0);
        loop {
            let length = if nested > 0 && self.peek(2)? == END_OF_CONTENTS {
                nested -= 1;
                END_OF_CONTENTS.len() as u64
            } else {
                let header = self.header()?;
                nested += usize::from(header.length.is_none());
                header.size as u64 + header.length.unwrap_or(0)
            };
            if self.open.len() + nested > MAX_DEPTH {
                return Err(self.malformed("nested too deeply"));
            }
            let too_large = || StreamError::TooLarge { what: what.to_owned(), limit };
            left = left.checked_sub(length).ok_or_else(too_large)?;
            self.pass::<StreamError>(length, &mut sink)?;
            if nested == 0 {
                return Ok(());
            }
        }
    }

    /// Gives the next `length` bytes to `sink`.
    fn pass<E: From<StreamError>>(
        &mut self,
        length: u64,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = length;
        while left > 0 {
            if self.start == self.end && !self.fill()? {
                return Err(StreamError::Truncated { at: self.position }.into());
            }
            let available = self.end - self.start;
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            sink(&self.buffer[self.start..self.start + taken])?;
            self.skip_buffered(taken);
            left -= taken as u64;
        }
        Ok(())
    }

    /// Up to `count` bytes that come next; fewer only when the source ends.
    fn peek(&mut self, count: usize) -> Reading<&[u8]> {
        while self.end - self.start < count && self.fill()? {}
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    fn skip_buffered(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }

    /// Reads more into the buffer; false at the end of the source.
    fn fill(&mut self) -> Reading<bool> {
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
                Err(error) => return Err(StreamError::Io(error)),
            }
        }
    }
}

const BUFFER: usize = 256 << 10;
