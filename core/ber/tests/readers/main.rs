//! The three readers of BER, from outside: what they accept, and that they agree.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod agreement;
mod judged;
mod limits;
mod trees;

use ceralacca_ber::tag::{OCTET_STRING, SEQUENCE, SET};
use ceralacca_ber::{BerError, Element, Elements, Header, Stream, encode, encode_header};
use ceralacca_ber::{StreamError, is_der, to_der};

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn der(ber: &str) -> String {
    let ber = bytes(ber);
    let (der, taken) = to_der(&ber).unwrap();
    assert_eq!(taken, ber.len());
    hex::encode(der)
}

#[test]
fn lengths_become_definite_and_pieces_are_joined() {
    assert_eq!(der("30 03 020105"), "3003020105");
    assert_eq!(der("30 80 020105 0000"), "3003020105");
    assert_eq!(der("30 8103 020105"), "3003020105");
    assert_eq!(der("30 88 0000000000000003 020105"), "3003020105");
    assert_eq!(der("24 80 0401aa 0402bbcc 0000"), "0403aabbcc");
    assert_eq!(der("24 07 0401aa 0402bbcc"), "0403aabbcc");
    assert_eq!(der("24 80 24 80 0401aa 0000 0401bb 0000"), "0402aabb");
    assert_eq!(der("24 80 0000"), "0400");
    assert_eq!(der("3f 8102 80 020105 0000"), "3f810203020105");
}

#[test]
fn only_encrypted_content_is_joined_under_an_implicit_tag() {
    let encrypted = "30 80 060100 3000 a0 80 0401aa 0401bb 0000 0000";
    assert_eq!(der(encrypted), "300906010030008002aabb");
    assert_eq!(der("30 07 060100 3000 a000"), "30070601003000a000");
    let data = "30 80 060100 a0 80 24 80 0401aa 0401bb 0000 0000 0000";
    assert_eq!(der(data), "3009060100a0040402aabb");
}

#[test]
fn der_is_told_from_ber() {
    assert!(is_der(&bytes("30 03 020107")) && is_der(&bytes("04 00")));
    for ber in ["30 80 0000", "30 8103 020107", "24 03 040107", "30 03 020107 00", "30 04 020107"] {
        assert!(!is_der(&bytes(ber)), "{ber}");
    }
}

#[test]
fn what_is_inside_is_read_in_memory() {
    let ber = bytes("3080 24800401aa0402bbcc0000 0000 0500");
    let mut elements = Elements(&ber);
    let sequence = elements.expect(SEQUENCE, "a SEQUENCE").unwrap();
    let octets = sequence.inside().next().unwrap().unwrap();
    assert_eq!(octets.octets().unwrap(), [0xaa, 0xbb, 0xcc]);
    assert!(elements.optional(SET).unwrap().is_none());
    assert_eq!(elements.optional(0x05).unwrap().map(|one| one.raw.len()), Some(2));
    elements.end().unwrap();
    assert_eq!(Element::whole(&ber).unwrap_err(), malformed("more elements than belong there"));
}

#[test]
fn a_stream_goes_in_and_out() {
    let ber = bytes("3080 020103 3180 0500 0000 a003 020107 0000");
    let mut stream = Stream::new(&ber[..]);
    stream.enter(SEQUENCE, "whole").unwrap();
    let version = stream.read(0x02, 10, "version", |one| one.small_integer());
    assert_eq!(version.unwrap(), 3);
    assert_eq!(stream.element(10, "set").unwrap(), bytes("3180 0500 0000"));
    assert!(stream.leave("whole").is_err(), "something is left");
    assert!(stream.enter(SET, "set").is_err(), "another tag");
    stream.enter(0xa0, "tagged").unwrap();
    stream.skip(3, "number").unwrap();
    assert_eq!(stream.peek_tag().unwrap(), None);
    stream.leave("tagged").unwrap();
    stream.leave("whole").unwrap();
    assert!(stream.is_finished().unwrap());
    assert_eq!(stream.position(), ber.len() as u64);
}

#[test]
fn errors_say_where() {
    let said = |ber: &str| {
        let ber = bytes(ber);
        let mut stream = Stream::new(&ber[..]);
        stream.enter(SEQUENCE, "whole").and_then(|()| stream.element(6, "part")).unwrap_err()
    };
    assert!(matches!(said("3080 0203 01"), StreamError::Truncated { at: 5 }));
    assert!(matches!(said("3080 02"), StreamError::Truncated { at: 3 }));
    let too_long = said("3080 0405 0102030405");
    assert!(matches!(too_long, StreamError::TooLarge { what, limit: 6 } if what == "part"));
    for (ber, word) in [
        ("3002 020101", "longer than what it is in"),
        ("3080 0280", "indefinite length of a primitive"),
        ("3080 bf2200", "a tag number above 30"),
        ("3080 0289 000000000000000001 05", "a length"),
        ("3080 0287 01000000000000 05", "a length"),
        ("3002 0000", "an end of contents where none belongs"),
        ("3100", "no whole"),
    ] {
        let error = said(ber);
        let is_it =
            matches!(&error, StreamError::Malformed { reason, .. } if reason.contains(word));
        assert!(is_it, "{ber}: {error:?}");
    }
}

#[test]
fn headers_are_minimal_and_read_again() {
    for (length, written) in
        [(0x7f, "307f"), (0x80, "308180"), (1 << 30, "308440000000"), (1 << 40, "3086010000000000")]
    {
        let header = encode_header(SEQUENCE, length);
        assert_eq!(hex::encode(&header), written);
        let read = Header::read(&header).unwrap();
        assert_eq!((read.tag, read.size, read.length), (SEQUENCE, header.len(), Some(length)));
    }
    assert_eq!(encode(OCTET_STRING, &[7; 200])[..3], [0x04, 0x81, 200]);
}

fn malformed(reason: &'static str) -> BerError {
    BerError::Malformed(reason)
}
