//! Bombs end early: nothing is read, kept or gone into beyond the limits.

use std::io::{self, Read};

use ceralacca_ber::limits::{MAX_DEPTH, MAX_PIECES_DEPTH, MAX_SET};
use ceralacca_ber::tag::SEQUENCE;
use ceralacca_ber::{BerError, Element, Stream, StreamError, encode_header, to_der};
use proptest::prelude::*;

use super::malformed;
use super::trees::anything;

/// Counts what was taken from it.
struct Counted<'a, R>(R, &'a mut u64);

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.0.read(buffer)?;
        *self.1 += taken as u64;
        Ok(taken)
    }
}

/// `depth` elements of indefinite length inside each other.
fn nested(tag: u8, depth: usize) -> Vec<u8> {
    [[tag, 0x80].repeat(depth), [0, 0].repeat(depth)].concat()
}

#[test]
fn depth() {
    for (tag, most) in [(SEQUENCE, MAX_DEPTH), (0x24, MAX_PIECES_DEPTH)] {
        let (fits, deeper) = (nested(tag, most), nested(tag, most + 1));
        to_der(&fits).unwrap();
        assert_eq!(to_der(&deeper), Err(malformed("nested too deeply")));
    }
    let (fits, deeper) = (nested(SEQUENCE, MAX_DEPTH), nested(SEQUENCE, MAX_DEPTH + 1));
    assert!(Element::whole(&fits).is_ok() && Element::whole(&deeper).is_err());
    let streamed = |bytes: &[u8]| Stream::new(bytes).element(u64::MAX, "whole");
    assert!(streamed(&fits).is_ok() && streamed(&deeper).is_err());
    // What is open counts, too.
    let mut stream = Stream::new(&deeper[..]);
    stream.enter(SEQUENCE, "outermost").unwrap();
    assert!(stream.element(u64::MAX, "inside").is_err());
    let (fits, deeper) = (nested(0x24, MAX_PIECES_DEPTH), nested(0x24, MAX_PIECES_DEPTH + 1));
    let octets = |bytes: &[u8]| Element::whole(bytes).unwrap().octets();
    assert!(octets(&fits).is_ok() && octets(&deeper).is_err());
    let streamed = |bytes: &[u8]| Stream::new(bytes).octets(|_| Ok::<_, StreamError>(()));
    assert!(streamed(&fits).is_ok() && streamed(&deeper).is_err());
}

#[test]
fn sets() {
    let set = |tag: u8, count: usize| {
        [encode_header(tag, count as u64 * 3), [0x02, 0x01, 0x07].repeat(count)].concat()
    };
    assert!(to_der(&set(0x31, MAX_SET)).is_ok() && to_der(&set(SEQUENCE, 10_000)).is_ok());
    for tag in [0x31, 0xa0] {
        assert_eq!(to_der(&set(tag, MAX_SET + 1)), Err(malformed("a SET of more than 64")));
    }
}

#[test]
fn an_endless_source_is_left_early() {
    for pattern in [[0x30, 0x80], [0x24, 0x80], [0x04, 0x7f]] {
        let mut taken = 0;
        let endless = Counted(Repeated(pattern, 0), &mut taken);
        let mut stream = Stream::new(io::Read::chain(&[0x30_u8, 0x80][..], endless));
        assert!(stream.element(1 << 20, "whole").is_err());
        drop(stream);
        assert!(taken <= (1 << 20) + (256 << 10) + 200, "{taken}");
    }
    let mut taken = 0;
    let announced = encode_header(0x04, 1 << 40);
    let mut stream = Stream::new((&announced[..]).chain(Counted(io::repeat(7), &mut taken)));
    let error = stream.element(1 << 20, "whole").unwrap_err();
    assert!(matches!(error, StreamError::TooLarge { limit, .. } if limit == 1 << 20));
    drop(stream);
    assert!(taken <= 256 << 10, "{taken}");
    assert_eq!(to_der(&announced), Err(BerError::Truncated));
}

#[test]
fn two_gigabytes_pass_in_constant_memory() {
    const PIECE: u64 = 1 << 20;
    let header = encode_header(0x04, PIECE);
    let mut source: Box<dyn Read> = Box::new(io::empty());
    for _ in 0..8 {
        let content = io::repeat(7).take(PIECE);
        source = Box::new(source.chain(io::Cursor::new(header.clone())).chain(content));
    }
    let rest = (2 << 30) - 8 * PIECE;
    let source =
        (&[0x24_u8, 0x80][..]).chain(source).chain(io::Cursor::new(encode_header(4, rest)));
    let source = source.chain(io::repeat(7).take(rest)).chain(&[0_u8, 0][..]);
    let mut largest = 0;
    let length = Stream::new(source).octets(|piece| {
        largest = largest.max(piece.len());
        Ok::<_, StreamError>(())
    });
    assert_eq!(length.unwrap(), 2 << 30);
    assert!(largest <= 256 << 10, "{largest}");
}

proptest! {
    #[test]
    fn a_limit_holds(input in anything(), limit in 0_u64..64) {
        let unlimited = Stream::new(&input[..]).element(u64::MAX, "element");
        match Stream::new(&input[..]).element(limit, "element") {
            Ok(raw) => {
                prop_assert!(raw.len() as u64 <= limit);
                prop_assert_eq!(Some(raw), unlimited.ok());
            }
            Err(StreamError::TooLarge { limit: said, .. }) => prop_assert_eq!(said, limit),
            Err(_) => prop_assert!(unlimited.is_err()),
        }
    }

    #[test]
    fn no_element_passes_the_end_of_a_bounded_source(input in anything(), length in 0_u64..64) {
        if let Ok(raw) = Stream::bounded(&input[..], length).element(u64::MAX, "element") {
            prop_assert!(raw.len() as u64 <= length + 64, "only ends of contents may follow");
        }
    }
}

/// Two bytes again and again.
struct Repeated([u8; 2], usize);

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.0[self.1 % 2];
            self.1 += 1;
        }
        Ok(buffer.len())
    }
}
