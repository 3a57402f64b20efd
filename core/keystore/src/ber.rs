//! Rewrites BER as DER, as far as old key stores need it (X.690 §8.1.3.6, §8.7.3.2).
//!
//! Some programs write indefinite lengths and OCTET STRINGs in pieces; the `der` crate reads
//! neither. Lengths become definite and minimal, pieces are joined; everything else stays as it is.

/// Why bytes are not BER within the limits.
#[derive(Debug, PartialEq, Eq)]
pub enum BerError {
    /// The input ends inside an element.
    Truncated,
    /// A tag, a length or a nesting that BER does not allow or this program does not follow.
    Malformed(&'static str),
}

/// Rewrites the first element of `input`; also returns how many bytes of `input` it took.
///
/// Nesting is limited to 32 levels. The result is at most five thirds as long as the input.
pub fn to_der(input: &[u8]) -> Result<(Vec<u8>, usize), BerError> {
    let (element, rest) = element(input, 0)?;
    let mut der = Vec::with_capacity(input.len());
    element.write(&mut der);
    Ok((der, input.len() - rest.len()))
}

/// Whether `input` is one element written as [`to_der`] would write it.
///
/// Asked before the `der` crate parses anything from outside: it sorts what is in a SET with a
/// number of comparisons that grows with the square, so that a SET of thousands stops it for hours.
pub fn is_der(input: &[u8]) -> bool {
    to_der(input).is_ok_and(|(der, taken)| taken == input.len() && der == input)
}

/// An element whose content is DER already.
struct Element {
    tag: Vec<u8>,
    content: Vec<u8>,
}

impl Element {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag);
        let length = self.content.len();
        if length < 0x80 {
            out.push(length as u8);
        } else {
            let bytes = length.to_be_bytes();
            let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
            out.push(0x80 | (bytes.len() - skipped) as u8);
            out.extend_from_slice(&bytes[skipped..]);
        }
        out.extend_from_slice(&self.content);
    }
}

fn element(input: &[u8], depth: usize) -> Read<(Element, &[u8])> {
    if depth > MAX_DEPTH {
        return Err(BerError::Malformed("nested too deeply"));
    }
    let (tag, rest) = tag(input)?;
    let constructed = tag[0] & CONSTRUCTED != 0;
    let (length, rest) = length(rest)?;
    match (length, constructed) {
        (Some(length), false) => {
            let (content, rest) = split(rest, length)?;
            Ok((Element { tag: tag.to_vec(), content: content.to_vec() }, rest))
        }
        (Some(length), true) => {
            let (mut content, rest) = split(rest, length)?;
            let mut children = Children::default();
            while !content.is_empty() {
                content = children.read(content, depth)?;
            }
            Ok((children.into_element(tag)?, rest))
        }
        (None, true) => {
            let (mut children, mut rest) = (Children::default(), rest);
            while !rest.starts_with(&END_OF_CONTENTS) {
                rest = children.read(rest, depth)?;
            }
            Ok((children.into_element(tag)?, &rest[END_OF_CONTENTS.len()..]))
        }
        (None, false) => Err(BerError::Malformed("indefinite length of a primitive element")),
    }
}

/// The elements inside a constructed one.
#[derive(Default)]
struct Children {
    der: Vec<u8>,
    count: usize,
    /// First tag bytes of the children read so far, as many as decide something.
    tags: Vec<u8>,
    /// The contents joined, as long as all children are OCTET STRINGs.
    joined: Option<Vec<u8>>,
}

impl Children {
    fn read<'a>(&mut self, input: &'a [u8], depth: usize) -> Read<&'a [u8]> {
        let (mut child, rest) = element(input, depth + 1)?;
        self.count += 1;
        // EncryptedContentInfo: OID, AlgorithmIdentifier, [0] IMPLICIT OCTET STRING in pieces.
        if self.tags == [0x06, 0x30]
            && child.tag == [0xa0]
            && let Some(joined) = pieces(&child.content)
        {
            child = Element { tag: vec![0x80], content: joined };
        }
        if self.tags.is_empty() {
            self.joined = Some(Vec::new());
        }
        if child.tag == [OCTET_STRING] {
            if let Some(joined) = &mut self.joined {
                joined.extend_from_slice(&child.content);
            }
        } else {
            self.joined = None;
        }
        if self.tags.len() < 3 {
            self.tags.push(child.tag[0]);
        }
        child.write(&mut self.der);
        Ok(rest)
    }

    fn into_element(self, tag: &[u8]) -> Read<Element> {
        if tag == [OCTET_STRING | CONSTRUCTED] {
            let pieces = self.joined.or((self.count == 0).then(Vec::new));
            let content = pieces.ok_or(BerError::Malformed("OCTET STRING in pieces"))?;
            return Ok(Element { tag: vec![OCTET_STRING], content });
        }
        // Other tags than SEQUENCE may be a SET by another name (IMPLICIT).
        if tag != [SEQUENCE] && self.count > MAX_SET && self.joined.is_none() {
            return Err(BerError::Malformed("a SET of more than 64"));
        }
        Ok(Element { tag: tag.to_vec(), content: self.der })
    }
}

/// The contents of `der` joined, when it is nothing but OCTET STRINGs.
fn pieces(der: &[u8]) -> Option<Vec<u8>> {
    let (mut joined, mut rest) = (Vec::new(), der);
    while !rest.is_empty() {
        let (tag, after) = tag(rest).ok()?;
        let (length, after) = length(after).ok()?;
        let (content, after) = split(after, length?).ok()?;
        if tag != [OCTET_STRING] {
            return None;
        }
        joined.extend_from_slice(content);
        rest = after;
    }
    (!der.is_empty()).then_some(joined)
}

fn tag(input: &[u8]) -> Read<(&[u8], &[u8])> {
    let first = *input.first().ok_or(BerError::Truncated)?;
    let mut length = 1;
    if first & 0x1f == 0x1f {
        while *input.get(length).ok_or(BerError::Truncated)? & 0x80 != 0 {
            length += 1;
            if length > 4 {
                return Err(BerError::Malformed("tag number"));
            }
        }
        length += 1;
    }
    split(input, length)
}

/// The length, `None` when it is indefinite.
fn length(input: &[u8]) -> Read<(Option<usize>, &[u8])> {
    let (first, rest) = input.split_first().ok_or(BerError::Truncated)?;
    match *first {
        short @ 0..=0x7f => Ok((Some(short.into()), rest)),
        0x80 => Ok((None, rest)),
        long => {
            let (bytes, rest) = split(rest, (long & 0x7f).into())?;
            let mut length: usize = 0;
            for byte in bytes {
                if length >> 40 != 0 {
                    return Err(BerError::Malformed("length"));
                }
                length = length << 8 | usize::from(*byte);
            }
            Ok((Some(length), rest))
        }
    }
}

fn split(input: &[u8], at: usize) -> Read<(&[u8], &[u8])> {
    input.split_at_checked(at).ok_or(BerError::Truncated)
}

type Read<T> = Result<T, BerError>;

const MAX_DEPTH: usize = 32;
const CONSTRUCTED: u8 = 0x20;
const MAX_SET: usize = 64;
const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(ber: &str) -> String {
        let ber = hex::decode(ber.replace(' ', "")).unwrap();
        let (der, taken) = to_der(&ber).unwrap();
        assert_eq!(taken, ber.len());
        hex::encode(der)
    }

    #[test]
    fn lengths_become_definite_and_pieces_are_joined() {
        assert_eq!(der("30 03 020105"), "3003020105");
        assert_eq!(der("30 80 020105 0000"), "3003020105");
        assert_eq!(der("30 8103 020105"), "3003020105");
        assert_eq!(der("24 80 0401aa 0402bbcc 0000"), "0403aabbcc");
        assert_eq!(der("24 07 0401aa 0402bbcc"), "0403aabbcc");
        assert_eq!(der("24 80 24 80 0401aa 0000 0401bb 0000"), "0402aabb");
        assert_eq!(der("24 80 0000"), "0400");
    }

    #[test]
    fn only_encrypted_content_is_joined_under_an_implicit_tag() {
        let encrypted = "30 80 060100 3000 a0 80 0401aa 0401bb 0000 0000";
        assert_eq!(der(encrypted), "300906010030008002aabb");
        let data = "30 80 060100 a0 80 24 80 0401aa 0401bb 0000 0000 0000";
        assert_eq!(der(data), "3009060100a0040402aabb");
    }

    #[test]
    fn bombs_are_refused() {
        assert_eq!(to_der(&[0x30, 0x80].repeat(40)), Err(BerError::Malformed("nested too deeply")));
        assert_eq!(to_der(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), Err(BerError::Truncated));
        assert!(to_der(&[0x30, 0x8a, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]).is_err());
        assert!(to_der(&[0x04, 0x80, 0, 0]).is_err());
        assert!(to_der(&[]).is_err());
        let mut set = vec![0x31, 0x81, 65 * 3];
        set.extend([0x02, 0x01, 0x07].repeat(65));
        assert_eq!(to_der(&set), Err(BerError::Malformed("a SET of more than 64")));
        assert!(is_der(&[0x30, 0x03, 0x02, 0x01, 0x07]) && !is_der(&[0x30, 0x80, 0, 0]));
    }

    proptest! {
        #[test]
        fn any_bytes_end(input in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok((der, taken)) = to_der(&input) {
                prop_assert!(taken <= input.len());
                prop_assert!(der.len() <= input.len() * 2);
            }
        }
    }
}
