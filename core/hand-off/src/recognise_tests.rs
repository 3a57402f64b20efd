//! What the bytes are, and whether they say where they end.

use ceralacca_submission::Stato;

use super::*;
use crate::tests::text;

fn kind(bytes: &[u8]) -> String {
    let Recognised { kind, ends } = recognise(bytes);
    let name = match kind {
        ArrivalKind::CertifIn { .. } => "CERTIF.IN".to_owned(),
        ArrivalKind::Text { signed, .. } => format!("text, signed: {signed}"),
        ArrivalKind::Sealed => "sealed".to_owned(),
        ArrivalKind::Opaque { looks_like } => looks_like.to_owned(),
        ArrivalKind::Incomplete { .. } => return "incomplete".to_owned(),
        other => panic!("{other:?}"),
    };
    if ends { name } else { format!("{name}?") }
}

fn pkcs7(last: u8) -> Vec<u8> {
    let mut bytes = vec![0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last];
    bytes.extend([0xa0, 0]);
    bytes
}

fn zip(comment: &[u8]) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04 one file PK\x05\x06".to_vec();
    bytes.extend([0; 16]);
    bytes.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
    bytes.extend(comment);
    bytes
}

#[test]
fn content_says_what_it_is() {
    let receipt = text(Stato::Elaborato);
    let mut zeros = vec![0x30, 0x81, 0x80];
    zeros.resize(3 + 0x80, 0);
    let trailing = [pkcs7(3), b"\r\n".to_vec()].concat();
    // `?`: nothing in it says where it ends.
    let cases: [(&[u8], &str); 33] = [
        (b"", "incomplete"),
        (b"\0\0\0", "incomplete"),
        (b"hello", "text?"),
        (b"\x01\x02\xff", "data?"),
        (b"%PDF-1.4 ... %%EOF\n", "PDF"),
        (b"%PDF-1.4 ...", "incomplete"),
        (b"%PDF-1.4 <</Linearized 1/L 60>> %%EOF first page", "incomplete"),
        (b"%PDF-1.4 <</Linearized 1/L 50>> %%EOF the rest %%EOF", "PDF"),
        (&zip(b""), "ZIP"),
        (&zip(b"a comment"), "ZIP"),
        (&[zip(b""), b"more".to_vec()].concat(), "ZIP?"),
        (b"PK\x03\x04 ", "incomplete"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b"<?xml version='1.0'?><a", "incomplete"),
        (b"<?xml version='1.0'?><a x='1'><b/>", "XML?"),
        (b"<?xml version='1.0'?><a x='1'><b/></b>", "XML?"),
        (b"<?xml version='1.0'?><a x='1'><b/></a >\n", "XML"),
        (b"<!DOCTYPE html><!-- a --><HTML><p>x</p></html>", "XML"),
        (b"<", "incomplete"),
        (b"<>", "XML?"),
        (b"\x30\x03\x02\x01\x05", "DER"),
        (b"\x30\x03\x02\x01\x05\x00", "DER and more?"),
        (b"\x30\x03\x02\x01", "incomplete"),
        (b"\x30\x84\xff\xff\xff\xff", "incomplete"),
        (b"\x30\x87\xff\xff\xff\xff\xff\xff\xff", "incomplete"),
        (b"\x30\x80\x02\x01\x05\x00\x00", "DER"),
        (b"\x30\x80\x02\x01\x05", "incomplete"),
        (b"\x30\x80\x02\x01\x05\x00\x00more", "DER?"),
        (&zeros, "DER?"),
        (&pkcs7(3), "sealed"),
        (&trailing, "sealed"),
        (&pkcs7(2), "signed file (p7m)"),
        (&receipt, "text, signed: false"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(kind(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_wrapping_is_taken_off() {
    let sealed = "MA0GCSqGSIb3DQEHA6AA";
    let pem = format!("-----BEGIN PKCS7-----\n{sealed}\n-----END PKCS7-----\n");
    for wrapped in [sealed, &format!("{sealed}\r\n"), &pem] {
        assert_eq!(kind(wrapped.as_bytes()), "sealed", "{wrapped}");
        assert_eq!(&*unwrapped(wrapped.as_bytes()), pkcs7(3), "{wrapped}");
    }
    for half in 1..sealed.len() {
        let known = kind(&sealed.as_bytes()[..half]);
        assert!(["text?", "incomplete"].contains(&&*known), "{half}: {known}");
    }
    for half in 11..pem.len() - 1 {
        assert_eq!(kind(&pem.as_bytes()[..half]), "incomplete", "{half}");
    }
    // What is no signed or sealed file stays what it is.
    for other in ["hello", "text", "MAMCAQU=", "-----BEGIN X-----\nMAMCAQU=\n-----END X-----"] {
        assert_eq!(&*unwrapped(other.as_bytes()), other.as_bytes());
        assert_eq!(kind(other.as_bytes()), "text?", "{other}");
    }
}

#[test]
fn no_beginning_of_a_receipt_counts_as_whole() {
    let receipt = text(Stato::Elaborato);
    let title = receipt.iter().position(|byte| *byte == b'\n').unwrap();
    let last = receipt.windows(9).position(|at| at == b"Impronta:").unwrap();
    for cut in title..receipt.len() {
        let known = kind(&receipt[..cut]);
        // Without its last line it could be a whole one, of another type of document.
        let expected = if cut == last { "text, signed: false?" } else { "incomplete" };
        assert_eq!(known, expected, "{cut}");
    }
}

#[test]
fn a_receipt_is_read_as_other_programs_save_it() {
    let receipt = String::from_utf8(text(Stato::Elaborato)).unwrap();
    let saved = format!("\u{feff}{}", receipt.replace('\n', "\r\n"));
    assert_eq!(recognise(saved.as_bytes()), recognise(receipt.as_bytes()));
    assert!(matches!(recognise(saved.as_bytes()).kind, ArrivalKind::Text { .. }));
    let marked = format!("\u{feff}{receipt}");
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(kind(&wide), "UTF-16 text (save it as UTF-8)?");
}
