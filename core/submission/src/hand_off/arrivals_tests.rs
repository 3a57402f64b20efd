//! What is seen in `ricezione`, and as what.

use std::fs;

use super::*;
use crate::hand_off::tests::{Desk, NUMBER, text};
use crate::{Stato, hand_off};

fn kind(bytes: &[u8]) -> String {
    match recognise(bytes) {
        ArrivalKind::CertifIn { .. } => "CERTIF.IN".to_owned(),
        ArrivalKind::Text { signed, .. } => format!("text, signed: {signed}"),
        ArrivalKind::Sealed => "sealed".to_owned(),
        ArrivalKind::Opaque { looks_like } => looks_like.to_owned(),
        ArrivalKind::Incomplete { .. } => "incomplete".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn content_says_what_it_is() {
    let pkcs7 = |last: u8| {
        let mut bytes = vec![0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last];
        bytes.extend([0xa0, 0]);
        bytes
    };
    let receipt = text(Stato::Elaborato);
    let cases: [(&[u8], &str); 17] = [
        (b"", "incomplete"),
        (b"\0\0\0", "incomplete"),
        (b"hello", "text"),
        (b"\x01\x02\xff", "data"),
        (b"%PDF-1.4 ... %%EOF\n", "PDF"),
        (b"%PDF-1.4 ...", "incomplete"),
        (b"PK\x03\x04 PK\x05\x06 end", "ZIP"),
        (b"PK\x03\x04 ", "incomplete"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b"<?xml version='1.0'?><a", "incomplete"),
        (b"\x30\x03\x02\x01\x05", "DER"),
        (b"\x30\x03\x02\x01\x05\x00", "DER and more"),
        (b"\x30\x03\x02\x01", "incomplete"),
        (b"\x30\x84\xff\xff\xff\xff", "incomplete"),
        (&pkcs7(3), "sealed"),
        (&pkcs7(2), "signed file (p7m)"),
        (&receipt, "text, signed: false"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(kind(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }
    // No beginning of a receipt is taken for one, nor of its title line for it.
    let title = receipt.iter().position(|byte| *byte == b'\n').unwrap();
    let last = receipt.windows(9).position(|at| at == b"Impronta:").unwrap();
    for cut in title..receipt.len() {
        let known = kind(&receipt[..cut]);
        assert!(known == "incomplete" || cut == last, "{cut}: {known}");
    }
}

#[test]
fn files_are_found_in_the_folder_and_one_below() {
    let desk = Desk::new();
    let ricezione = desk.folders.documents.join("Ricezione");
    for folder in ["da Anna", "da Anna/deeper", NUMBER, ".hidden"] {
        fs::create_dir_all(ricezione.join(folder)).unwrap();
        fs::write(ricezione.join(folder).join("CERTIF.IN"), folder).unwrap();
    }
    for name in [".ceralacca-x", "a.pdf.crdownload", "b.PART", "ISTRUZIONI-7.txt", "Thumbs.db"] {
        desk.arrive(name, b"x");
    }
    desk.arrive("CERTIF.IN", b"x");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(ricezione.join("CERTIF.IN"), ricezione.join("link")).unwrap();
        std::os::unix::fs::symlink(&ricezione, ricezione.join("circle")).unwrap();
    }
    let found = arrivals(&desk.folders);
    let paths: Vec<_> =
        found.iter().map(|arrival| arrival.path.strip_prefix(&ricezione).unwrap()).collect();
    assert_eq!(paths, [Path::new("CERTIF.IN"), Path::new("da Anna/CERTIF.IN")]);
    assert!(found.iter().all(|arrival| arrival.modified.is_some() && arrival.is_whole()));
}

#[test]
fn large_files_are_only_hashed() {
    let desk = Desk::new();
    let bytes = vec![b'x'; LARGEST_READ as usize + 70_000];
    desk.arrive("large", &bytes);
    let [found] = arrivals(&desk.folders).try_into().unwrap();
    assert_eq!(found.kind, ArrivalKind::TooLarge);
    assert_eq!(
        (found.length, found.sha256),
        (bytes.len() as u64, crate::outbox::sha256_hex(&bytes))
    );
    let sparse = desk.folders.documents.join("Ricezione/sparse");
    fs::File::create(&sparse).unwrap().set_len(LARGEST_HASHED + 1).unwrap();
    let found = arrivals(&desk.folders).pop().unwrap();
    assert_eq!((found.kind, found.sha256), (ArrivalKind::TooLarge, String::new()));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_says_so() {
    let desk = Desk::new();
    let gone = desk.folders.documents.join("Ricezione/gone");
    assert!(matches!(look_at(&gone).kind, ArrivalKind::Unreadable { .. }));
    assert!(!look_at(&gone).is_whole());
    assert!(look_at(&gone).describe().contains("cannot be read"));
}

#[test]
fn nowhere_is_nothing() {
    let desk = Desk::new();
    fs::remove_dir_all(&desk.folders.documents).unwrap();
    assert_eq!(hand_off::arrivals(&desk.folders), []);
    assert!(!desk.folders.documents.exists());
}

#[test]
fn a_hostile_name_cannot_write_on_the_screen() {
    let desk = Desk::new();
    let path = desk.folders.documents.join("Ricezione/a\u{1b}[2J.pdf");
    if fs::write(&path, b"x").is_err() {
        return;
    }
    let shown = arrivals(&desk.folders)[0].describe();
    assert!(shown.starts_with("a [2J.pdf (1 bytes"), "{shown}");
}
