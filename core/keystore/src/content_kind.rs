//! What the first bytes of a file look like, for errors about files that are not understood.

/// A few words: `a PDF document`, `text in XML or HTML`, `binary data`.
///
/// It says what the bytes look like, not that they are it.
pub fn of(bytes: &[u8]) -> &'static str {
    let starts: [(&[u8], &str); 10] = [
        (b"%PDF-", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"\xfe\xed\xfe\xed", "a JKS key store"),
        (b"\xce\xce\xce\xce", "a JCEKS key store"),
        (b"-----BEGIN ", "text in PEM"),
        (b"<", "text in XML or HTML"),
        (b"\xef\xbb\xbf<", "text in XML or HTML"),
        (b"{", "text in JSON"),
        (b"Mime-Version:", "a MIME message"),
    ];
    let found = starts.into_iter().find(|(start, _)| bytes.starts_with(start));
    match (found, bytes) {
        (Some((_, kind)), _) => kind,
        (None, []) => "an empty file",
        (None, [0x30, ..]) => of_der(bytes),
        (None, _) if is_base64(bytes) => "text in base64",
        (None, _) if is_text(bytes) => "text",
        _ => "binary data",
    }
}

/// A SEQUENCE: a ContentInfo by its content type, within its first bytes, or something else.
fn of_der(bytes: &[u8]) -> &'static str {
    let start = &bytes[..bytes.len().min(32)];
    let holds = |oid: &[u8]| start.windows(oid.len()).any(|window| window == oid);
    // pkcs-7 1 to 6: 1.2.840.113549.1.7.x
    let of_type = |number: u8| holds(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, number]);
    match (of_type(2), of_type(3)) {
        (true, _) => "a CMS SignedData",
        (_, true) => "a CMS EnvelopedData",
        _ => "a structure in DER or BER",
    }
}

fn is_text(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(512)];
    start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// As `base64` writes a structure in DER or BER: it begins with `MI`.
fn is_base64(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(512)];
    let of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
    start.starts_with(b"MI") && start.iter().all(of_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certif_in;
    use crate::enveloped_data;
    use crate::fixtures::ca;

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        for (bytes, kind) in [
            (&b""[..], "an empty file"),
            (b"%PDF-1.7", "a PDF document"),
            (b"<html>", "text in XML or HTML"),
            (b"Protocollo 123\r\n", "text"),
            (b"\x30\x03\x02\x01\x05", "a structure in DER or BER"),
            (b"\x00\x01\x02", "binary data"),
        ] {
            assert_eq!(of(bytes), kind);
        }
        let ca = &ca().certificate;
        assert_eq!(of(&certif_in::build(std::slice::from_ref(ca)).unwrap()), "a CMS SignedData");
        assert_eq!(of(&enveloped_data::seal(b"x", ca).unwrap()), "a CMS EnvelopedData");
    }
}
