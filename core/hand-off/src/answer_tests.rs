//! Which file answers what.

use ceralacca_submission::Agency;

use super::*;
use crate::tests::{CONTENT, Desk, NUMBER, number, sent, text};
use crate::{Confirmation, Kind, confirm, list};

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
    let arrived = desk.arrived();
    answer_to(&one, std::slice::from_ref(&one), &arrived).map(|arrival| arrival.name.clone())
}

#[test]
fn names_count_when_they_say_enough() {
    for (name, counts) in [
        ("26112100000000001.pdf", true),
        ("26112100000000001 (1).pdf", true),
        ("26112100000000001(2).PDF", true),
        ("26112100000000001", true),
        // The confirmation page, printed.
        ("conferma 26112100000000001.pdf", false),
        ("Ricevuta_26112100000000001 (1).pdf", false),
        ("26112100000000001 pagina.pdf", false),
        ("126112100000000001.pdf", false),
        ("26112100000000002.pdf", false),
        ("comunicazione.ccf.pdf", false),
        ("RICEVUTA-7-comunicazione.ccf.pdf", true),
        ("ricevuta-17-comunicazione.ccf.pdf", false),
        ("copia di ricevuta-7-comunicazione.ccf.pdf", false),
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
    let of_another =
        other.replace(&ceralacca_submission::outbox::sha256_hex(b"the communication"), "00");
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

/// Two runs that handed over the same file.
fn two(desk: &Desk) -> [HandOver; 2] {
    desk.submit().unwrap_err();
    desk.submit_as("bb-1", "8", CONTENT).unwrap_err();
    list(&desk.folders).unwrap().try_into().unwrap()
}

/// Which of the two the text of that number answers.
fn answered(desk: &Desk) -> [bool; 2] {
    let all = list(&desk.folders).unwrap();
    let arrived = desk.arrived();
    [0, 1].map(|which| answer_to(&all[which], &all, &arrived).is_some())
}

#[test]
fn an_answer_belongs_to_one_of_two_with_the_same_file() {
    // What is said of the first, of the second, and whom the text of the first number answers.
    let numbered = |text: &str| Confirmation { protocollo: Some(number(text)), ..sent() };
    let not_sent = || Confirmation { not_sent: true, ..sent() };
    let refused = || Confirmation { rejected: Some("x".into()), ..numbered(NUMBER) };
    let other = "26112100000000002";
    let cases: [(Option<Confirmation>, Option<Confirmation>, [bool; 2]); 9] = [
        (None, None, [true, false]),
        (Some(numbered(NUMBER)), None, [true, false]),
        (Some(numbered(NUMBER)), Some(not_sent()), [true, false]),
        (None, Some(numbered(NUMBER)), [false, true]),
        (Some(sent()), None, [true, false]),
        (None, Some(sent()), [false, true]),
        (Some(not_sent()), None, [false, true]),
        (Some(numbered(other)), Some(numbered(NUMBER)), [false, true]),
        // One number twice is what a person may say.
        (Some(refused()), Some(numbered(NUMBER)), [true, true]),
    ];
    for (first, second, expected) in cases {
        let desk = Desk::new();
        two(&desk);
        for (run, said) in [("7", &first), ("8", &second)] {
            if let Some(said) = said {
                confirm(&desk.folders, run, said).unwrap();
            }
        }
        desk.arrive("a.txt", &text(Stato::Scartato));
        assert_eq!(answered(&desk), expected, "{first:?} {second:?}");
    }
}

#[test]
fn what_was_accepted_is_not_what_was_rejected() {
    let desk = Desk::new();
    two(&desk);
    let refused = Confirmation { rejected: Some("delega mancante".into()), ..sent() };
    confirm(&desk.folders, "7", &refused).unwrap();
    desk.arrive("a.txt", &text(Stato::Elaborato));
    assert_eq!(answered(&desk), [false, true]);
    // Alone, it is the answer all the same: the Agency knows better.
    let alone = Desk::new();
    alone.submit().unwrap_err();
    alone.say(&refused).unwrap();
    alone.arrive("a.txt", &text(Stato::Elaborato));
    let acknowledged = alone.find().unwrap();
    let receipt = alone.agency.receipt(&alone.access, &acknowledged[0].protocollo).unwrap();
    assert_eq!(receipt.unwrap().stato, Stato::Elaborato);
}

#[test]
fn a_copy_under_another_name_is_still_anothers() {
    let desk = Desk::new();
    two(&desk);
    let numbered = Confirmation { protocollo: Some(number(NUMBER)), ..sent() };
    confirm(&desk.folders, "7", &numbered).unwrap();
    desk.arrive("26112100000000001.rcc", SEALED);
    assert_eq!(answered(&desk), [true, false]);
    desk.arrive("ricevuta-7-comunicazione.ccf.rcc", SEALED);
    assert_eq!(answered(&desk), [true, false], "the folder of both copies is that of run 7");
}

#[test]
fn names_become_plain() {
    assert_eq!(plain_name("req.ccc"), "req.ccc");
    assert_eq!(plain_name(".è[1].pdf "), "__1_.pdf");
    assert_eq!(plain_name("..."), "ricevuta");
    let long = plain_name(&format!("{}.pdf", "x".repeat(300)));
    assert!(is_file_name(&long) && long.ends_with(".pdf"), "{long}");
}
