//! Text from files that other programs have saved: UTF-8, with or without a byte order mark.

use std::{fmt, io};

/// Bytes that are not the text they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotUtf8 {
    /// UTF-16, as Windows calls "Unicode".
    Utf16,
    /// Another encoding, or no text; the first byte that cannot be, counted from 0.
    At(usize),
}

/// The text without a byte order mark at its beginning.
///
/// # Errors
/// [`NotUtf8`], which names UTF-16.
pub fn decode(bytes: &[u8]) -> Result<&str, NotUtf8> {
    if is_utf16(bytes) {
        return Err(NotUtf8::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| NotUtf8::At(error.valid_up_to()))?;
    Ok(without_mark(text))
}

/// The text without a byte order mark at its beginning.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Whether it begins as UTF-16 does: with a byte order mark, or with a character below U+0100.
pub fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..])
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotUtf8::Utf16 => f.write_str("the text is UTF-16; save it as UTF-8"),
            NotUtf8::At(byte) => write!(f, "not UTF-8 text: byte {byte}; save it as UTF-8"),
        }
    }
}

impl std::error::Error for NotUtf8 {}

impl From<NotUtf8> for io::Error {
    fn from(error: NotUtf8) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        for (bytes, expected) in [
            (&b""[..], Ok("")),
            (b"a", Ok("a")),
            (b"\xef\xbb\xbfa\r\n", Ok("a\r\n")),
            (b"\xef\xbb\xbf", Ok("")),
            (b"\xff\xfea\0", Err(NotUtf8::Utf16)),
            (b"\xfe\xff\0a", Err(NotUtf8::Utf16)),
            (b"a\0b\0", Err(NotUtf8::Utf16)),
            (b"\0a\0b", Err(NotUtf8::Utf16)),
            (b"\0", Ok("\0")),
            (b"citt\xe0", Err(NotUtf8::At(4))),
        ] {
            assert_eq!(decode(bytes), expected, "{bytes:?}");
        }
    }
}
