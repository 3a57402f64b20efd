//! Which file answers what.

use super::*;
use crate::hand_off::tests::{Desk, NUMBER, number, sent, text};
use crate::hand_off::{Confirmation, Kind, arrivals};

const PDF: &[u8] = b"%PDF-1.4 %%EOF";
const SEALED: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3, 0xa0, 0];

/// The file that is taken, when these are there.
fn taken(files: &[(&str, &[u8])], change: impl Fn(&mut HandOver)) -> Option<String> {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { protocollo: Some(number(NUMBER)), ..sent() }).unwrap();
    for (name, bytes) in files {
        desk.arrive(name, bytes);
    }
    let mut one = desk.only();
    change(&mut one);
    answer_to(&one, &arrivals(&desk.folders)).map(|arrival| arrival.name.clone())
}

#[test]
fn names_count_when_they_say_enough() {
    for (name, counts) in [
        ("26112100000000001.pdf", true),
        ("Ricevuta_26112100000000001 (1).pdf", true),
        ("126112100000000001.pdf", false),
        ("26112100000000002.pdf", false),
        ("comunicazione.ccf.pdf", false),
        ("RICEVUTA-7-comunicazione.ccf.pdf", true),
        ("ricevuta-17-comunicazione.ccf.pdf", false),
    ] {
        let found = taken(&[(name, PDF)], |_| ());
        assert_eq!(found.as_deref(), counts.then_some(name), "{name}");
    }
    // Half of a file is not an answer, whatever its name.
    assert_eq!(taken(&[("26112100000000001.pdf", b"%PDF-")], |_| ()), None);
    assert_eq!(taken(&[("26112100000000001.ccf", b"the communication")], |_| ()), None);
}

#[test]
fn what_speaks_for_itself_comes_first() {
    let receipt = text(Stato::Elaborato);
    let other = String::from_utf8(receipt.clone()).unwrap();
    let renumbered = other.replace(NUMBER, "26112100000000009");
    let of_another = other.replace(&crate::outbox::sha256_hex(b"the communication"), "00");
    let pdf = ("26112100000000001.pdf", PDF);
    let sealed = ("26112100000000001.rcc", SEALED);
    let text = ("z.txt", receipt.as_slice());
    let renumbered = ("a.txt", renumbered.as_bytes());
    let found = |files: &[(&str, &[u8])]| taken(files, |_| ()).unwrap_or_default();
    assert_eq!(found(&[pdf, sealed]), sealed.0);
    assert_eq!(found(&[pdf, sealed, renumbered]), renumbered.0);
    assert_eq!(found(&[pdf, sealed, renumbered, text]), text.0);
    assert_eq!(found(&[("26112100000000001.txt", of_another.as_bytes())]), "");
}

#[test]
fn a_request_for_certificates_is_answered_by_its_keys_alone() {
    let asks = |one: &mut HandOver| {
        let Kind::Submission(file) = &mut one.kind else { panic!("it is one") };
        file.keys = vec!["aa".into(), "bb".into()];
    };
    assert_eq!(taken(&[("26112100000000001.pdf", PDF)], asks), None);
    let file = HandedFile {
        keys: vec!["aa".into(), "bb".into()],
        ..{
            let desk = Desk::new();
            desk.submit().unwrap_err();
            desk.only().file().unwrap().clone()
        }
    };
    let certified = |keys: &[&str]| {
        certifies(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), &file)
    };
    assert!(certified(&["BB", "cc", "AA"]));
    assert!(!certified(&["aa"]));
    assert!(!certifies(&["aa".into()], &HandedFile { keys: Vec::new(), ..file.clone() }));
}

#[test]
fn names_become_plain() {
    assert_eq!(plain_name("req.ccc"), "req.ccc");
    assert_eq!(plain_name(".è[1].pdf "), "__1_.pdf");
    assert_eq!(plain_name("..."), "ricevuta");
    let long = plain_name(&format!("{}.pdf", "x".repeat(300)));
    assert!(is_file_name(&long) && long.ends_with(".pdf"), "{long}");
}
