//! What may be said after what, and what is refused.

use std::fs;

use ceralacca_submission::outbox::sha256_hex;
use ceralacca_submission::{Agency, Search, Stato};

use super::*;
use crate::tests::{CONTENT, Desk, NUMBER, number, sent, text};
use crate::{HandOver, State};

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

fn accepted() -> Confirmation {
    Confirmation { accepted: true, ..sent() }
}

fn correct(said: Confirmation) -> Confirmation {
    Confirmation { correct: true, ..said }
}

#[test]
fn one_thing_after_the_other() {
    let already = Err("hand_off.already_confirmed");
    let day = Err("hand_off.sent_on");
    let cases: [(&[Confirmation], Result<&str, &str>); 20] = [
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
        (&[accepted(), sent()], Ok("accepted")),
        (&[accepted(), refused()], already),
        (&[accepted(), not_sent()], already),
        (&[refused(), accepted()], already),
        (&[Confirmation { in_force: true, ..sent() }], Err("hand_off.not_a_revocation")),
        (&[correct(refused()), correct(on("2026-11-20"))], day),
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
fn a_mistake_is_corrected_and_remembered() {
    let bare = || correct(sent());
    let cases: [(&[Confirmation], &str, usize); 11] = [
        (&[numbered(NUMBER), correct(numbered(OTHER))], "sent on 2026-11-22, protocollo 2611", 1),
        (&[numbered(NUMBER), correct(not_sent())], ", not sent", 1),
        (&[not_sent(), correct(sent())], "sent on 2026-11-22", 1),
        (&[refused(), bare()], "sent on 2026-11-22", 1),
        (&[refused(), correct(accepted())], "accepted", 1),
        (&[accepted(), correct(refused())], "rejected: errato", 1),
        (&[accepted(), bare()], "sent on 2026-11-22", 1),
        (&[refused(), correct(numbered(NUMBER))], "rejected, protocollo 26112100000000001", 1),
        (&[sent(), correct(on("2026-11-21"))], "sent on 2026-11-21", 1),
        // The same once more is no correction.
        (&[sent(), bare(), bare()], "sent on 2026-11-22", 0),
        (&[refused(), bare(), correct(refused()), bare()], "sent on 2026-11-22", 3),
    ];
    for (said, expected, corrections) in cases {
        let desk = Desk::new();
        desk.submit().unwrap_err();
        for said in said {
            desk.say(said).unwrap();
        }
        let one = desk.only();
        assert!(one.describe().contains(expected), "{said:?}: {}", one.describe());
        assert_eq!(one.corrections.len(), corrections, "{said:?}");
        assert_eq!(desk.say(said.last().unwrap()).unwrap(), one, "said again: {said:?}");
    }
    let desk = Desk::new();
    desk.submit().unwrap_err();
    for _ in 0..50 {
        desk.say(&correct(not_sent())).unwrap();
        desk.say(&bare()).unwrap();
    }
    assert_eq!(desk.only().corrections.len(), 30);
}

#[test]
fn a_run_finds_itself_by_any_number_it_went_by() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    let mut names = Vec::new();
    for said in [sent(), numbered(OTHER), correct(numbered(NUMBER)), correct(on("2026-11-21"))] {
        desk.say(&said).unwrap();
        names.push(desk.find().unwrap()[0].protocollo.clone());
    }
    desk.arrive("a.txt", &text(Stato::Elaborato));
    for name in names {
        let found = desk.agency.receipt(&desk.access, &name).unwrap().unwrap();
        assert_eq!((found.protocollo, found.stato), (number(NUMBER), Stato::Elaborato), "{name}");
        let known =
            ceralacca_submission::hand_over::known_as(&desk.folders, &name, &sha256_hex(CONTENT));
        assert_eq!(known == number(NUMBER), name.is_number(), "{name}");
    }
    // The number that was wrong is free for whom it belongs to.
    desk.submit_as("bb-1", "8", b"another").unwrap_err();
    confirm(&desk.folders, "8", &numbered(OTHER)).unwrap();
    assert_eq!(desk.agency.find(&number(OTHER)).unwrap().unwrap().run, "8");
    let known = |content: &[u8]| {
        ceralacca_submission::hand_over::known_as(
            &desk.folders,
            &number(OTHER),
            &sha256_hex(content),
        )
    };
    assert_eq!((known(CONTENT), known(b"another")), (number(NUMBER), number(OTHER)));
}

#[test]
fn nothing_is_said_against_the_agency() {
    let against = "hand_off.against_evidence";
    let code = |stato, before: &[Confirmation], said: Confirmation| {
        let desk = Desk::new();
        desk.submit().unwrap_err();
        for said in before {
            desk.say(said).unwrap();
        }
        desk.arrive("a.txt", &text(stato));
        desk.find().unwrap();
        let known = desk.only();
        let error = desk.say(&said).unwrap_err();
        assert_eq!(desk.only(), known);
        assert!(error.code() != against || error.to_string().contains("a.txt"), "{error}");
        error.code().to_owned()
    };
    let accepted_by_agency = Stato::Elaborato;
    assert_eq!(code(accepted_by_agency, &[], refused()), against);
    assert_eq!(code(accepted_by_agency, &[sent()], correct(refused())), against);
    assert_eq!(code(accepted_by_agency, &[], correct(not_sent())), against);
    assert_eq!(code(accepted_by_agency, &[], correct(numbered(OTHER))), against);
    assert_eq!(code(accepted_by_agency, &[], correct(on("2026-11-22"))), against);
    assert_eq!(code(Stato::Scartato, &[sent()], accepted()), against);
    // Whoever rejects what was rejected is right.
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.arrive("a.txt", &text(Stato::Scartato));
    desk.say(&refused()).unwrap();
    // A file that only its name speaks for says nothing but that it was sent.
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.arrive("ricevuta-7-comunicazione.ccf.pdf", b"%PDF-1.4 %%EOF");
    desk.say(&refused()).unwrap();
    assert_eq!(desk.say(&correct(not_sent())).unwrap_err().code(), against);
}

#[test]
fn what_the_run_has_gone_on_with_was_sent() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&sent()).unwrap();
    let used = desk.folders.state.join("outbox/aa-1/acknowledgement.json");
    fs::create_dir_all(used.parent().unwrap()).unwrap();
    fs::write(&used, ceralacca_submission::outbox::json(&desk.find().unwrap()[0])).unwrap();
    let error = desk.say(&correct(not_sent())).unwrap_err();
    assert_eq!(error.code(), "hand_off.against_evidence");
    desk.say(&correct(refused())).unwrap();
}

#[test]
fn a_day_that_nobody_said_is_a_guess_and_yields() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.arrive("ricevuta-7-comunicazione.ccf.pdf", b"%PDF-1.4 %%EOF");
    desk.find().unwrap();
    assert!(desk.only().day_is_guessed());
    assert!(desk.only().describe().contains("sent on or after 2026-11-21"));
    desk.say(&numbered(NUMBER)).unwrap();
    assert!(desk.only().day_is_guessed(), "a number says nothing of the day");
    desk.say(&on("2026-11-22")).unwrap();
    assert!(desk.only().describe().contains("sent on 2026-11-22"));
    assert_eq!(desk.say(&on("2026-11-21")).unwrap_err().code(), "hand_off.already_confirmed");
    // A text has the day.
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.arrive("a.txt", &text(Stato::Elaborato));
    desk.find().unwrap();
    assert!(!desk.only().day_is_guessed());
}

#[test]
fn a_refused_word_copies_no_receipt() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&numbered(NUMBER)).unwrap();
    let file = desk.folders.state.join("r.pdf");
    fs::write(&file, b"%PDF-1.4 %%EOF").unwrap();
    let said = Confirmation { receipt: Some(file), ..numbered(OTHER) };
    assert_eq!(desk.say(&said).unwrap_err().code(), "hand_off.already_confirmed");
    let there: Vec<_> = desk.arrived().into_iter().map(|arrival| arrival.name).collect();
    assert_eq!(there, [""; 0]);
    // A number that is only in the name of the file is no statement.
    let named = desk.folders.state.join(format!("{OTHER}.pdf"));
    fs::write(&named, b"%PDF-1.4 %%EOF").unwrap();
    let one = desk.say(&Confirmation { receipt: Some(named), ..sent() }).unwrap();
    assert_eq!(one.protocollo(), Some(&number(NUMBER)));
}

#[test]
fn a_receipt_given_again_takes_the_place_of_the_former() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    let give = |name: &str, content: &[u8], said: Confirmation| {
        let file = desk.folders.state.join(name);
        fs::write(&file, content).unwrap();
        desk.say(&Confirmation { receipt: Some(file), ..said }).unwrap()
    };
    let page = b"%PDF-1.4 page %%EOF";
    give("pagina.pdf", page, numbered(NUMBER));
    let row = || desk.agency.receipt(&desk.access, &number(NUMBER)).unwrap().unwrap();
    // The run has noted it, and its outcome.
    ceralacca_submission::esito::note(&desk.folders, &row()).unwrap();
    desk.say(&accepted()).unwrap();
    let esito = || ceralacca_submission::Esito::read(&desk.folders, &number(NUMBER)).unwrap();
    assert_eq!((esito().stato, esito().read_by_person), (Stato::Elaborato, true));

    let one = give("vera.pdf", b"%PDF-1.4 true %%EOF", sent());
    assert_eq!(row().attachments[0].sha256, sha256_hex(b"%PDF-1.4 true %%EOF"));
    assert_eq!(esito().opaque.unwrap().sha256, sha256_hex(b"%PDF-1.4 true %%EOF"));
    let kept = desk.folders.documents.join("Ricezione").join(NUMBER).join("ricevuta.json");
    let noted: ceralacca_submission::ReceiptRecord =
        serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    assert_eq!(noted.attachments, row().attachments);
    let former = one.corrections[0].receipt.clone().unwrap();
    assert_eq!(fs::read(former.path).unwrap(), page);
}

#[test]
fn that_it_was_accepted_counts_before_the_run_looks_at_it() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { protocollo: Some(number(NUMBER)), ..accepted() }).unwrap();
    desk.arrive(&format!("{NUMBER}.pdf"), b"%PDF-1.4 %%EOF");
    let row = desk.agency.receipt(&desk.access, &number(NUMBER)).unwrap().unwrap();
    assert_eq!(row.stato, Stato::DaAprire);
    let esito = ceralacca_submission::Esito::read(&desk.folders, &number(NUMBER)).unwrap();
    assert_eq!((esito.stato, esito.read_by_person), (Stato::Elaborato, true));
    assert!(esito.has_read(&row.attachments[0]));
}

#[test]
fn a_rejection_that_is_taken_back_is_taken_out_of_the_register() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { protocollo: Some(number(OTHER)), ..refused() }).unwrap();
    let row = desk.agency.receipt(&desk.access, &number(OTHER)).unwrap().unwrap();
    ceralacca_submission::esito::note(&desk.folders, &row).unwrap();
    let stato = || {
        let register = ceralacca_submission::Register::read(&desk.folders);
        let row = register.rows.into_iter().find(|row| row.sha256 == sha256_hex(CONTENT));
        row.map(|row| (row.protocollo, row.stato, row.motivo_di_scarto)).unwrap()
    };
    assert_eq!((stato().0, stato().1), (number(OTHER), Stato::Scartato));
    desk.say(&correct(numbered(NUMBER))).unwrap();
    assert_eq!((stato().0, stato().1), (number(NUMBER), Stato::Scartato));
    desk.say(&correct(sent())).unwrap();
    assert_eq!(stato(), (number(NUMBER), Stato::InElaborazione, None));
}

#[test]
fn a_copy_that_was_changed_is_told() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    assert_eq!(altered_copy(&desk.only()), None);
    fs::write(desk.copy(), b"the communication, changed").unwrap();
    let told = altered_copy(&desk.say(&sent()).unwrap()).unwrap();
    assert!(told.contains(&sha256_hex(CONTENT)), "{told}");
    assert!(told.contains(&sha256_hex(b"the communication, changed")), "{told}");
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
