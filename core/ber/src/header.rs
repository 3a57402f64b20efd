//! The header of an element, read and written: its tag and its length (X.690 §8.1.2, §8.1.3).

use crate::BerError;
use crate::limits::{MAX_LENGTH, MAX_LENGTH_BYTES, MAX_TAG};
use crate::tag::{CONSTRUCTED, NUMBER};

/// Tag and length of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The first byte of its tag, which is all of it when the tag number is at most 30.
    pub tag: u8,
    /// Bytes of its tag.
    pub tag_size: usize,
    /// Bytes of the header.
    pub size: usize,
    /// Bytes of its content; `None` when end-of-contents octets say where it ends.
    pub length: Option<u64>,
}

impl Header {
    /// Reads the header at the beginning of `input`. End-of-contents octets are no header.
    ///
    /// # Errors
    /// `Truncated` only when `input` has fewer than [`MAX_HEADER`](crate::limits::MAX_HEADER)
    /// bytes.
    pub fn read(input: &[u8]) -> Result<Header, BerError> {
        let byte = |at: usize| input.get(at).copied().ok_or(BerError::Truncated);
        let tag = byte(0)?;
        let mut size = 1;
        if tag & NUMBER == NUMBER {
            while byte(size)? & 0x80 != 0 {
                size += 1;
                if size == MAX_TAG {
                    return Err(BerError::Malformed("a tag number"));
                }
            }
            size += 1;
        }
        let (tag_size, first) = (size, byte(size)?);
        size += 1;
        let length = match first {
            _ if tag == 0 => {
                return Err(BerError::Malformed("an end of contents where none belongs"));
            }
            short @ 0..=0x7f => Some(u64::from(short)),
            0x80 if tag & CONSTRUCTED != 0 => None,
            0x80 => return Err(BerError::Malformed("indefinite length of a primitive element")),
            long => {
                let count = usize::from(long & 0x7f);
                if count > MAX_LENGTH_BYTES {
                    return Err(BerError::Malformed("a length"));
                }
                let bytes = input.get(size..size + count).ok_or(BerError::Truncated)?;
                size += count;
                Some(bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)))
            }
        };
        match length {
            Some(length) if length > MAX_LENGTH => Err(BerError::Malformed("a length")),
            _ => Ok(Header { tag, tag_size, size, length }),
        }
    }

    /// Whether it is of a constructed element.
    pub fn is_constructed(&self) -> bool {
        self.tag & CONSTRUCTED != 0
    }
}

/// An element with a definite, minimal length.
pub fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = encode_header(tag, content.len() as u64);
    der.extend_from_slice(content);
    der
}

/// The header of an element with a definite, minimal length.
pub fn encode_header(tag: u8, length: u64) -> Vec<u8> {
    let mut header = vec![tag];
    write_length(length, &mut header);
    header
}

pub(crate) fn write_length(length: u64, out: &mut Vec<u8>) {
    if length < 0x80 {
        return out.push(length as u8);
    }
    let bytes = length.to_be_bytes();
    let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
    out.push(0x80 | (bytes.len() - skipped) as u8);
    out.extend_from_slice(&bytes[skipped..]);
}
