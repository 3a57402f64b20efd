//! The limits of what is read, for all readers.

/// Constructed elements inside each other, as far as a reader goes into them.
pub const MAX_DEPTH: usize = 32;

/// OCTET STRINGs in pieces whose pieces are in pieces.
pub const MAX_PIECES_DEPTH: usize = 8;

/// Elements of a SET in DER: the `der` crate sorts them in a time that grows with the square.
pub const MAX_SET: usize = 64;

/// Bytes of a tag.
pub const MAX_TAG: usize = 5;

/// Bytes that say a length, after the one that says how many they are.
pub const MAX_LENGTH_BYTES: usize = 8;

/// Bytes of one element's content: 256 TiB.
pub const MAX_LENGTH: u64 = (1 << 48) - 1;

/// Bytes of a header.
pub const MAX_HEADER: usize = MAX_TAG + 1 + MAX_LENGTH_BYTES;
