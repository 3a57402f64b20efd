//! BER elements in memory (X.690 §8.1): what is inside a structure that was read whole.

use const_oid::ObjectIdentifier;

/// An element: its first tag byte, all its bytes, and what is between its header and its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) raw: &'a [u8],
    pub(crate) content: &'a [u8],
}

/// What is wrong with the bytes.
pub(crate) type Reason = &'static str;

impl<'a> Element<'a> {
    /// Reads exactly one element.
    pub(crate) fn whole(bytes: &'a [u8]) -> Result<Element<'a>, Reason> {
        let mut elements = Elements(bytes);
        let element = elements.next()?.ok_or(TRUNCATED)?;
        elements.end()?;
        Ok(element)
    }

    /// The elements inside.
    pub(crate) fn inside(&self) -> Elements<'a> {
        Elements(self.content)
    }

    pub(crate) fn oid(&self) -> Result<ObjectIdentifier, Reason> {
        if self.tag != OID {
            return Err("no object identifier where one belongs");
        }
        ObjectIdentifier::from_bytes(self.content).map_err(|_| "an object identifier")
    }

    /// The content of an OCTET STRING, its pieces joined.
    pub(crate) fn octets(&self) -> Result<Vec<u8>, Reason> {
        let mut octets = Vec::new();
        self.join(&mut octets, 0)?;
        Ok(octets)
    }

    fn join(&self, octets: &mut Vec<u8>, depth: usize) -> Result<(), Reason> {
        match self.tag {
            OCTET_STRING => octets.extend_from_slice(self.content),
            OCTET_STRING_IN_PIECES if depth < MAX_DEPTH => {
                let mut pieces = self.inside();
                while let Some(piece) = pieces.next()? {
                    piece.join(octets, depth + 1)?;
                }
            }
            _ => return Err("no OCTET STRING where one belongs"),
        }
        Ok(())
    }

    /// A small non-negative INTEGER.
    pub(crate) fn small_integer(&self) -> Result<u8, Reason> {
        match (self.tag, self.content) {
            (INTEGER, &[value @ 0..=0x7f]) => Ok(value),
            _ => Err("no small INTEGER where one belongs"),
        }
    }
}

/// Elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, Reason> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (element, rest) = split(self.0, 0)?;
        self.0 = rest;
        Ok(Some(element))
    }

    /// The next element, which must have this tag; `what` is missing otherwise.
    pub(crate) fn expect(&mut self, tag: u8, what: Reason) -> Result<Element<'a>, Reason> {
        self.next()?.filter(|element| element.tag == tag).ok_or(what)
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Reason> {
        if self.0.first() == Some(&tag) { self.next() } else { Ok(None) }
    }

    /// All that are left.
    pub(crate) fn all(mut self) -> Result<Vec<Element<'a>>, Reason> {
        let mut all = Vec::new();
        while let Some(element) = self.next()? {
            all.push(element);
        }
        Ok(all)
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Reason> {
        if self.0.is_empty() { Ok(()) } else { Err("more elements than belong there") }
    }
}

/// Writes an element with a definite, minimal length.
pub(crate) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = header(tag, content.len() as u64);
    der.extend_from_slice(content);
    der
}

/// Writes the header of an element with a definite, minimal length.
pub(crate) fn header(tag: u8, length: u64) -> Vec<u8> {
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

fn split(input: &[u8], depth: usize) -> Result<(Element<'_>, &[u8]), Reason> {
    if depth > MAX_DEPTH {
        return Err("nested too deeply");
    }
    let tag = *input.first().ok_or(TRUNCATED)?;
    let mut at = 1;
    if tag & 0x1f == 0x1f {
        while input.get(at).ok_or(TRUNCATED)? & 0x80 != 0 {
            at += 1;
            if at > 4 {
                return Err("a tag number");
            }
        }
        at += 1;
    }
    let first = *input.get(at).ok_or(TRUNCATED)?;
    at += 1;
    let length = match first {
        short @ 0..=0x7f => usize::from(short),
        0x80 if tag & CONSTRUCTED != 0 => return indefinite(input, tag, at, depth),
        long => {
            let count = usize::from(long & 0x7f);
            let bytes = input.get(at..at + count).ok_or(TRUNCATED)?;
            at += count;
            if count == 0 || count > 8 || bytes[0] & 0x80 != 0 && count == 8 {
                return Err("a length");
            }
            bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte))
        }
    };
    let end = at.checked_add(length).filter(|end| *end <= input.len()).ok_or(TRUNCATED)?;
    Ok((Element { tag, raw: &input[..end], content: &input[at..end] }, &input[end..]))
}

fn indefinite(
    input: &[u8],
    tag: u8,
    start: usize,
    depth: usize,
) -> Result<(Element<'_>, &[u8]), Reason> {
    let mut rest = &input[start..];
    while !rest.starts_with(&END_OF_CONTENTS) {
        rest = split(rest, depth + 1)?.1;
    }
    let end = input.len() - rest.len();
    let after = end + END_OF_CONTENTS.len();
    Ok((Element { tag, raw: &input[..after], content: &input[start..end] }, &input[after..]))
}

pub(crate) const TRUNCATED: Reason = "an element that does not end";
pub(crate) const MAX_DEPTH: usize = 32;
pub(crate) const CONSTRUCTED: u8 = 0x20;
pub(crate) const END_OF_CONTENTS: [u8; 2] = [0, 0];

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OCTET_STRING_IN_PIECES: u8 = 0x24;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]` of a primitive type, IMPLICIT.
pub(crate) const IMPLICIT_0: u8 = 0x80;
/// `[0]` around something constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]` around something constructed.
pub(crate) const CONTEXT_1: u8 = 0xa1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn definite_and_indefinite_lengths() {
        let ber = hex::decode("3080 24800401aa0402bbcc0000 0000 0500".replace(' ', "")).unwrap();
        let mut elements = Elements(&ber);
        let sequence = elements.expect(SEQUENCE, "a SEQUENCE").unwrap();
        let octets = sequence.inside().next().unwrap().unwrap();
        assert_eq!(octets.octets().unwrap(), [0xaa, 0xbb, 0xcc]);
        assert_eq!(elements.optional(SET).unwrap().map(|one| one.tag), None);
        assert_eq!(elements.optional(NULL).unwrap().map(|one| one.raw.len()), Some(2));
        elements.end().unwrap();
        assert_eq!(encode(OCTET_STRING, &[7; 200])[..3], [0x04, 0x81, 200]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(input in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(all) = Elements(&input).all() {
                let total: usize = all.iter().map(|element| element.raw.len()).sum();
                prop_assert_eq!(total, input.len());
                for element in all {
                    let _ = (element.octets(), element.oid(), element.small_integer());
                }
            }
        }

        #[test]
        fn what_is_written_is_read(content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let der = encode(OCTET_STRING, &content);
            prop_assert_eq!(Element::whole(&der).unwrap().content, content.as_slice());
        }
    }

    #[test]
    fn bombs_are_refused() {
        assert!(Element::whole(&[0x30, 0x80].repeat(10_000)).is_err());
        assert!(
            Element::whole(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err()
        );
        assert!(Element::whole(&[0x04, 0x80, 0, 0]).is_err());
    }
}
