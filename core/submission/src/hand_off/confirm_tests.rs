//! What may be said after what, and what is refused.

use std::fs;

use super::*;
use crate::hand_off::tests::{CONTENT, Desk, NUMBER, number, sent, text};
use crate::hand_off::{HandOver, State};
use crate::outbox::sha256_hex;
use crate::{Agency, Search, Stato};

const OTHER: &str = "26112100000000002";

fn not_sent() -> Confirmation {
    Confirmation { not_sent: true, ..sent() }
}

fn numbered(text: &str) -> Confirmation {
    Confirmation { protocollo: Some(number(text)), ..sent() }
}

fn on(day: &str) -> Confirmation {
    Confirmation { sent_on: Some(day.parse().unwrap()), ..sent() }
}

fn refused() -> Confirmation {
    Confirmation { rejected: Some("errato".into()), ..sent() }
}

#[test]
fn one_thing_after_the_other() {
    let already = Err("hand_off.already_confirmed");
    let day = Err("hand_off.sent_on");
    let cases: [(&[Confirmation], Result<&str, &str>); 14] = [
        (&[sent(), sent()], Ok("sent on 2026-11-22")),
        (&[numbered(NUMBER), numbered(NUMBER), sent()], Ok("protocollo 26112100000000001")),
        (&[sent(), numbered(NUMBER)], Ok("protocollo 26112100000000001")),
        (&[on("2026-11-21"), sent()], Ok("sent on 2026-11-21")),
        (&[not_sent(), not_sent()], Ok("not sent")),
        (&[not_sent(), sent()], Ok("sent on 2026-11-22")),
        (&[sent(), refused(), refused()], Ok("rejected: errato")),
        (&[numbered(NUMBER), numbered(OTHER)], already),
        (&[on("2026-11-21"), on("2026-11-22")], already),
        (&[sent(), not_sent()], already),
        (&[refused(), sent()], already),
        (&[refused(), Confirmation { rejected: Some("altro".into()), ..sent() }], already),
        (&[on("2026-11-20")], day),
        (&[on("2026-11-23")], day),
    ];
    for (said, expected) in cases {
        let desk = Desk::new();
        desk.submit().unwrap_err();
        let (last, before) = said.split_last().unwrap();
        for said in before {
            desk.say(said).unwrap();
        }
        let known = desk.only();
        match (desk.say(last), expected) {
            (Ok(one), Ok(expected)) => {
                assert!(one.describe().contains(expected), "{said:?}: {}", one.describe());
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error.code(), expected, "{said:?}: {error}");
                assert_eq!(desk.only(), known, "a refused word changes nothing");
            }
            (outcome, expected) => panic!("{said:?}: {outcome:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn only_a_run_that_handed_something_over_is_confirmed() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    let error = confirm(&desk.folders, "8\u{1b}", &sent()).unwrap_err();
    assert_eq!(error.code(), "hand_off.nothing_waits");
    assert!(error.to_string().contains("a run that waits: 7"), "{error}");
    assert!(!error.to_string().contains('\u{1b}'));
}

#[test]
fn a_number_belongs_to_one_file() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&numbered(NUMBER)).unwrap();
    desk.submit_as("bb-1", "8", b"another").unwrap_err();
    let error = confirm(&desk.folders, "8", &numbered(NUMBER)).unwrap_err();
    assert_eq!(error.code(), "hand_off.protocollo_taken");
    assert!(error.to_string().contains("run 7"), "{error}");
    // The same file by another run is the same submission.
    desk.submit_as("cc-1", "9", CONTENT).unwrap_err();
    confirm(&desk.folders, "9", &numbered(NUMBER)).unwrap();
}

#[test]
fn what_has_an_answer_was_sent() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.arrive("a.txt", &text(Stato::Elaborato));
    assert_eq!(desk.say(&not_sent()).unwrap_err().code(), "hand_off.already_confirmed");
    assert_eq!(desk.only().protocollo(), Some(&number(NUMBER)));
}

#[test]
fn a_receipt_that_a_person_names_is_kept_and_counts() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    let downloads = desk.folders.state.join("Scaricati");
    fs::create_dir_all(&downloads).unwrap();
    let file = downloads.join("ricevuta strana.PDF");
    fs::write(&file, b"%PDF-1.4 %%EOF").unwrap();
    let said = Confirmation { receipt: Some(file.clone()), ..sent() };
    let one: HandOver = desk.say(&said).unwrap();
    assert_eq!(desk.say(&said).unwrap(), one);
    fs::remove_file(&file).unwrap();
    let kept = one.receipt.unwrap();
    assert!(kept.path.ends_with("Ricezione/ricevuta-7-comunicazione.ccf.PDF"), "{kept:?}");
    assert_eq!(kept.sha256, sha256_hex(b"%PDF-1.4 %%EOF"));
    let sent = desk.find().unwrap();
    let receipt = desk.agency.receipt(&desk.access, &sent[0].protocollo).unwrap().unwrap();
    assert_eq!(receipt.stato, Stato::DaAprire);
    assert_eq!(receipt.attachments[0].sha256, kept.sha256);
}

#[test]
fn a_receipt_that_cannot_be_one_is_refused() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    let file = desk.folders.state.join("file");
    let say = |content: &[u8]| {
        fs::write(&file, content).unwrap();
        let error = desk.say(&Confirmation { receipt: Some(file.clone()), ..sent() }).unwrap_err();
        assert_eq!(desk.only().state, State::Waiting);
        error.code().to_owned()
    };
    assert_eq!(say(b""), "hand_off.receipt_unusable");
    assert_eq!(say(b"%PDF-1.4"), "hand_off.receipt_unusable");
    assert_eq!(say(&vec![b'x'; (5 << 20) + 1]), "hand_off.receipt_unusable");
    assert_eq!(say(CONTENT), "hand_off.receipt_of_another");
    let other = String::from_utf8(text(Stato::Elaborato)).unwrap();
    let other = other.replace(&sha256_hex(CONTENT), &sha256_hex(b"other"));
    assert_eq!(say(other.as_bytes()), "hand_off.receipt_of_another");
    fs::remove_file(&file).unwrap();
    for path in [file.clone(), desk.folders.state.clone()] {
        let said = Confirmation { receipt: Some(path), ..sent() };
        assert_eq!(desk.say(&said).unwrap_err().code(), "hand_off.receipt_unusable");
    }
    assert!(desk.agency.find_submissions(&desk.access, &Search::Key("aa-1")).is_err());
}
