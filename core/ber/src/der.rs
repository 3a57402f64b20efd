//! Rewrites BER as DER, as far as the `der` crate needs it (X.690 §8.1.3.6, §8.7.3.2).
//!
//! Some programs write indefinite lengths and OCTET STRINGs in pieces; the `der` crate reads
//! neither. Lengths become definite and minimal, pieces are joined; everything else stays as it is.

use crate::header::write_length;
use crate::limits::{MAX_DEPTH, MAX_PIECES_DEPTH, MAX_SET};
use crate::tag::{CONTEXT_0, IMPLICIT_0, OCTET_STRING, OCTET_STRING_IN_PIECES, OID, SEQUENCE};
use crate::{BerError, Element, Elements};

/// Rewrites the first element of `input`; also returns how many bytes of `input` it took.
///
/// The result is at most five thirds as long as the input.
///
/// # Errors
/// What is not BER within the [limits](crate::limits).
pub fn to_der(input: &[u8]) -> Result<(Vec<u8>, usize), BerError> {
    let element = Elements(input).next()?.ok_or(BerError::Truncated)?;
    let mut der = Vec::with_capacity(element.raw.len());
    Rewritten::of(&element, 0, 0)?.write(&mut der);
    Ok((der, element.raw.len()))
}

/// Whether `input` is one element written as [`to_der`] would write it.
///
/// Asked before the `der` crate parses anything from outside: it sorts what is in a SET with a
/// number of comparisons that grows with the square, so that a SET of thousands stops it for hours.
pub fn is_der(input: &[u8]) -> bool {
    to_der(input).is_ok_and(|(der, taken)| taken == input.len() && der == input)
}

/// An element whose content is DER already.
struct Rewritten<'a> {
    tag: &'a [u8],
    content: Vec<u8>,
    /// The contents of what is inside, joined, when that is nothing but OCTET STRINGs.
    joined: Option<Vec<u8>>,
}

impl<'a> Rewritten<'a> {
    /// `depth` counts the elements around it, `pieces` the OCTET STRINGs right around it.
    fn of(element: &Element<'a>, depth: usize, pieces: usize) -> Result<Rewritten<'a>, BerError> {
        let tag = &element.raw[..element.header.tag_size];
        if !element.header.is_constructed() {
            return Ok(Rewritten { tag, content: element.content.to_vec(), joined: None });
        }
        let is_in_pieces = element.tag == OCTET_STRING_IN_PIECES;
        if depth == MAX_DEPTH || is_in_pieces && pieces == MAX_PIECES_DEPTH {
            return Err(BerError::Malformed("nested too deeply"));
        }
        let mut inside = element.inside();
        let (mut content, mut joined, mut tags) = (Vec::new(), Some(Vec::new()), Vec::new());
        while let Some(child) = inside.next()? {
            let pieces = if is_in_pieces { pieces + 1 } else { 0 };
            let mut child = Rewritten::of(&child, depth + 1, pieces)?;
            // EncryptedContentInfo: OID, AlgorithmIdentifier, [0] IMPLICIT OCTET STRING in pieces.
            if tags == [OID, SEQUENCE]
                && child.tag == [CONTEXT_0]
                && let Some(pieces) = child.joined.take().filter(|_| !child.content.is_empty())
            {
                child = Rewritten { tag: &[IMPLICIT_0], content: pieces, joined: None };
            }
            joined = joined.filter(|_| child.tag == [OCTET_STRING]);
            if let Some(joined) = &mut joined {
                joined.extend_from_slice(&child.content);
            }
            tags.push(child.tag[0]);
            child.write(&mut content);
        }
        if is_in_pieces {
            let content = joined.ok_or(BerError::Malformed("OCTET STRING in pieces"))?;
            return Ok(Rewritten { tag: &[OCTET_STRING], content, joined: None });
        }
        // Other tags than SEQUENCE may be a SET by another name (IMPLICIT).
        if tag != [SEQUENCE] && tags.len() > MAX_SET && joined.is_none() {
            return Err(BerError::Malformed("a SET of more than 64"));
        }
        Ok(Rewritten { tag, content, joined })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.tag);
        write_length(self.content.len() as u64, out);
        out.extend_from_slice(&self.content);
    }
}
