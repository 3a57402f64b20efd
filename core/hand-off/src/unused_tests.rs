//! Nothing in `ricezione` is passed over in silence.

use std::fs;

use ceralacca_submission::Agency;
use ceralacca_submission::esito::note;

use super::*;
use crate::tests::{CONTENT, Desk, NUMBER, number, sent};
use crate::{Confirmation, arrivals, list};

fn listed(desk: &Desk) -> Vec<(String, String, String)> {
    let all = list(&desk.folders).unwrap();
    let found = unused(&desk.folders, &all, &arrivals(&desk.folders, Timestamp::MAX));
    found.into_iter().map(|one| (one.name, one.why, one.next)).collect()
}

#[test]
fn each_says_why_and_what_to_do() {
    let desk = Desk::new();
    desk.arrive("a.pdf", b"%PDF-1.4 %%EOF");
    assert_eq!(listed(&desk)[0].2, "no run waits for a receipt");
    desk.submit().unwrap_err();
    let why = "PDF of unknown format, kept as it is, and nothing in it says of which run it is";
    let (_, said, next) = listed(&desk).remove(0);
    assert!(said.ends_with(why), "{said}");
    assert_eq!(next, "if it is the receipt of run 7: ceralacca confirm 7 --receipt FILE");
    desk.submit_as("bb-1", "8", b"another").unwrap_err();
    assert!(listed(&desk)[0].2.contains("ceralacca confirm RUN --receipt FILE"));

    let foreign = crate::fixtures::rejected().to_text();
    desk.arrive("foreign.txt", foreign.as_bytes());
    desk.arrive("half.pdf", b"%PDF-1.4");
    desk.arrive("sent.ccf", CONTENT);
    fs::create_dir_all(desk.folders.documents.join("Ricezione/a/b")).unwrap();
    let found = listed(&desk);
    let shown: Vec<_> = found.iter().map(|(name, why, _)| format!("{name}: {why}")).collect();
    let expected = [
        "half.pdf: (8 bytes",
        "a.pdf: (14 bytes",
        "foreign.txt: (",
        "sent.ccf: the file of run 7 itself, not its receipt",
        "b: a folder in a folder, which is not looked into",
    ];
    assert_eq!(shown.len(), expected.len(), "{shown:?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.starts_with(expected), "{shown}");
    }
    assert!(shown[2].contains("no file that waits here has its SHA-256"), "{}", shown[2]);
    assert!(!found[2].2.contains("confirm"), "it would be refused");
    assert!(shown[0].contains("not whole: a PDF without end"), "{}", shown[0]);
}

#[test]
fn a_receipt_that_is_used_is_not_listed_until_it_changes() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { protocollo: Some(number(NUMBER)), ..sent() }).unwrap();
    let name = format!("{NUMBER}.pdf");
    desk.arrive(&name, b"%PDF-1.4 one %%EOF");
    assert_eq!(listed(&desk), []);
    let row = desk.agency.receipt(&desk.access, &number(NUMBER)).unwrap().unwrap();
    note(&desk.folders, &row).unwrap();
    assert_eq!(listed(&desk), []);
    desk.arrive(&name, b"%PDF-1.4 another %%EOF");
    let [(_, why, next)] = listed(&desk).try_into().unwrap();
    assert!(why.contains("not the file that run 7 took for its receipt"), "{why}");
    assert_eq!(next, "if this one is right: ceralacca confirm 7 --receipt FILE");
}
