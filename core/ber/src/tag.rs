//! First bytes of tags (X.690 §8.1.2).

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING, in one piece.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING, in one piece.
pub const OCTET_STRING: u8 = 0x04;
/// OCTET STRING, in pieces.
pub const OCTET_STRING_IN_PIECES: u8 = 0x24;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// UTF8String.
pub const UTF8_STRING: u8 = 0x0c;
/// IA5String.
pub const IA5_STRING: u8 = 0x16;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// SET.
pub const SET: u8 = 0x31;
/// `[0]` of a primitive type, IMPLICIT.
pub const IMPLICIT_0: u8 = 0x80;
/// `[0]` around something constructed.
pub const CONTEXT_0: u8 = 0xa0;
/// `[1]` around something constructed.
pub const CONTEXT_1: u8 = 0xa1;

/// The bit of constructed elements.
pub const CONSTRUCTED: u8 = 0x20;
/// The bits of the tag number; all of them when it is in the bytes that follow.
pub(crate) const NUMBER: u8 = 0x1f;
/// What ends an element of indefinite length.
pub(crate) const END_OF_CONTENTS: [u8; 2] = [0, 0];
