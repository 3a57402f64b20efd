//! A request for certificates by way of a person: waiting, killed, resumed, answered.

use std::fs;

use ceralacca_hand_off::{Confirmation, State, answer_to, list};
use ceralacca_kernel::{Error, Exit, Value};

use crate::authority::authority;
use crate::desk::{Desk, certified, files, number};
use crate::world::{PROTOCOLLO, REQUEST};

fn of(error: &Error) -> (&str, Exit) {
    (error.code(), error.exit())
}

const TO_BE_SENT: (&str, Exit) = ("hand_off.to_be_sent", Exit::Waiting);
const WAITING: (&str, Exit) = ("run.waiting", Exit::Waiting);

#[test]
fn a_request_is_uploaded_confirmed_and_answered() {
    let desk = Desk::new();
    assert_eq!(of(&desk.start(desk.request()).unwrap_err()), TO_BE_SENT);
    assert_eq!(files(&desk.world.documents().join("da inviare")), ["ISTRUZIONI.txt", "req.ccc"]);
    // However often it is asked, it waits, and nothing is made anew.
    let sheet = fs::read(desk.sheet()).unwrap();
    assert_eq!(of(&desk.resume().unwrap_err()), TO_BE_SENT);
    assert_eq!(fs::read(desk.sheet()).unwrap(), sheet);

    desk.say(&Confirmation { protocollo: Some(number()), ..desk.sent() });
    assert_eq!(of(&desk.resume().unwrap_err()), WAITING);
    assert_eq!(files(&desk.world.documents().join("da inviare")), [""; 0]);
    let inviati = format!("inviati/{PROTOCOLLO}-req.ccc");
    assert_eq!(fs::read(desk.world.documents().join(inviati)).unwrap(), REQUEST);

    let answer = certified(&[&authority().firma, &authority().cifra]);
    // The half of it, and the answer to another request, are left alone.
    desk.save("CERTIF.IN", &answer[..answer.len() - 1]);
    desk.save("certif (1).in", &certified(&[&authority().firma, &authority().other_cifra]));
    assert_eq!(of(&desk.resume().unwrap_err()), WAITING);
    desk.save("CERTIF.IN", &answer);
    assert_eq!(desk.resume().unwrap(), Value::Bytes(answer));
    let left = files(&desk.world.documents().join("ricezione"));
    assert!(!left.iter().any(|name| name.starts_with("ISTRUZIONI")), "{left:?}");
}

#[test]
fn an_answer_that_nobody_announced_is_enough() {
    let desk = Desk::new();
    desk.start(desk.request()).unwrap_err();
    let answer = certified(&[&authority().firma, &authority().cifra]);
    desk.save("scaricato.bin", &answer);
    assert_eq!(desk.resume().unwrap(), Value::Bytes(answer));
    let [one] = list(&desk.folders()).unwrap().try_into().unwrap();
    assert!(matches!(one.state, State::Confirmed { protocollo: None, .. }), "{one:?}");
    assert!(answer_to(&one, std::slice::from_ref(&one), &desk.ricezione().look()).is_some());
}

#[test]
fn what_was_not_uploaded_is_handed_over_again() {
    let desk = Desk::new();
    desk.start(desk.request()).unwrap_err();
    desk.say(&Confirmation { not_sent: true, ..desk.sent() });
    assert!(!desk.sheet().exists());
    assert_eq!(of(&desk.resume().unwrap_err()), TO_BE_SENT);
    assert!(desk.sheet().exists());
    assert_eq!(list(&desk.folders()).unwrap().len(), 1);
}

#[test]
fn a_rejection_that_a_person_tells_stops_the_run() {
    let desk = Desk::new();
    desk.start(desk.request()).unwrap_err();
    let rejected = Some("pincode errato".to_owned());
    desk.say(&Confirmation { rejected, protocollo: Some(number()), ..desk.sent() });
    let error = desk.resume().unwrap_err();
    assert_eq!(of(&error), ("agency.rejected", Exit::Refused), "{error}");
    assert!(error.to_string().contains("pincode errato"), "{error}");
}

#[test]
fn an_interrupted_call_is_taken_up_wherever_it_stopped() {
    // The journal has the intent and no more; on disk there is what was written until then.
    for remove in [&["outbox", "hand-off"][..], &["hand-off"], &[]] {
        let desk = Desk::new();
        desk.start(desk.request()).unwrap_err();
        for folder in remove {
            fs::remove_dir_all(desk.world.root.path().join("state").join(folder)).unwrap();
        }
        fs::remove_file(desk.sheet()).unwrap();
        assert_eq!(of(&desk.resume().unwrap_err()), TO_BE_SENT, "{remove:?}");
        assert!(desk.sheet().exists(), "{remove:?}");
        assert_eq!(list(&desk.folders()).unwrap().len(), 1, "{remove:?}");
    }
}
