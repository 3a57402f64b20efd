//! What a file is seen as.

use std::fs;

use super::*;
use crate::arrivals;
use crate::tests::Desk;

#[test]
fn what_cannot_be_read_says_so() {
    let desk = Desk::new();
    let gone = desk.folders.documents.join("Ricezione/gone");
    assert!(matches!(look_at(&gone).kind, ArrivalKind::Unreadable { .. }));
    assert!(!look_at(&gone).is_whole());
    assert!(look_at(&gone).describe().contains("cannot be read"));
}

#[test]
fn what_is_wrapped_has_a_content_of_its_own() {
    let desk = Desk::new();
    let sealed = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3, 0xa0, 0];
    desk.arrive("a.rcc", &sealed);
    desk.arrive("b.rcc", &[&sealed[..], b"\n"].concat());
    let [plain, wrapped] =
        arrivals(&desk.folders, Timestamp::now()).try_into().unwrap_or_else(|_| panic!("two"));
    assert_eq!((plain.kind, plain.content), (ArrivalKind::Sealed, None));
    assert_eq!(wrapped.kind, ArrivalKind::Sealed);
    let content = wrapped.content.unwrap();
    assert_eq!((content.sha256, content.length), (plain.sha256, 15));
    assert_eq!(wrapped.sha256, sha256_hex(&[&sealed[..], b"\n"].concat()));
}

#[test]
fn a_hostile_name_cannot_write_on_the_screen() {
    let desk = Desk::new();
    let path = desk.folders.documents.join("Ricezione/a\u{1b}[2J.pdf");
    if fs::write(&path, b"x").is_err() {
        return;
    }
    let shown = arrivals(&desk.folders, Timestamp::MAX)[0].describe();
    assert!(shown.starts_with("a [2J.pdf (1 bytes"), "{shown}");
}
