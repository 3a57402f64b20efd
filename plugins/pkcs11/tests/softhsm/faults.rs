//! What real tokens do and SoftHSM does not: pulled out, locked, reset, with a keypad of their own.

use std::fs;

use ceralacca_plugin_pkcs11::{Attempts, Opened, TokenState};
use ceralacca_plugin_sdk::{Value, typed};

use crate::world::{PIN, Person, World};
use crate::{code, open, ready};

/// `CKF_USER_PIN_…` and others (PKCS#11 2.40, table 6).
const LOCKED: &str = "flags 40000";
const FINAL_TRY: &str = "flags 20000";
const KEYPAD: &str = "flags 100";

#[test]
fn a_wrong_pin_is_tried_once() {
    let Some(world) = World::new("wrong PINs") else { return };
    let token = ready(&world);
    let owner = world.faulty_owner();
    let mut wrong = Person::with("000000");
    let refused = open(&owner, &token, &mut wrong).unwrap_err();
    assert_eq!(refused.code(), "pkcs11.pin_wrong");
    assert_eq!(attempts(&refused), Attempts::Fewer);
    assert_eq!(owner.tokens().unwrap()[0].state, TokenState::PinCountLow);
    assert_eq!(world.noted("login"), 1);

    let again = open(&owner, &token, &mut wrong).unwrap_err();
    assert_eq!(again.code(), "pkcs11.pin_wrong");
    assert_eq!(attempts(&again), Attempts::NotUsed);
    assert_eq!(world.noted("login"), 1, "the token never saw it a second time");
    for error in [refused, again] {
        assert!(!format!("{error} {error:?}").contains("000000"));
    }
    open(&owner, &token, &mut Person::with(PIN)).unwrap();
    assert_eq!(owner.tokens().unwrap()[0].state, TokenState::Ready);

    // A token that counts says how near the end is.
    drop(owner);
    let owner = world.faulty_owner();
    world.faults(FINAL_TRY);
    let last = open(&owner, &token, &mut Person::with("000001")).unwrap_err();
    assert_eq!(attempts(&last), Attempts::Last);
    assert!(last.report().found.as_ref().unwrap().contains("locks the token"), "{last}");
}

#[test]
fn a_locked_token_is_not_tried() {
    let Some(world) = World::new("locked tokens") else { return };
    let token = ready(&world);
    let (owner, mut person) = (world.faulty_owner(), Person::with(PIN));
    world.faults(LOCKED);
    assert_eq!(owner.tokens().unwrap()[0].state, TokenState::PinLocked);
    assert_eq!(code(open(&owner, &token, &mut person)), "pkcs11.pin_locked");
    assert_eq!((person.asked, world.noted("login")), (0, 0));
    for (answer, expected) in
        [("a4", "pkcs11.pin_locked"), ("a3", "pkcs11.pin_expired"), ("30", "pkcs11.token")]
    {
        world.faults(&format!("login {answer}"));
        assert_eq!(code(open(&owner, &token, &mut person)), expected, "{answer}");
    }
}

#[test]
fn a_token_that_is_pulled_out_is_a_typed_error() {
    let Some(world) = World::new("tokens pulled out") else { return };
    let token = ready(&world);
    let (owner, mut person) = (world.faulty_owner(), Person::with(PIN));
    let opened = open(&owner, &token, &mut person).unwrap();
    // While it signs; in its slot again for the next signature.
    for answer in ["32", "e0"] {
        world.faults(&format!("sign {answer}"));
        assert_eq!(code(owner.sign(&opened.id, b"uno", &mut person)), "pkcs11.removed");
        owner.sign(&opened.id, b"uno", &mut person).unwrap();
    }
    // Some libraries say anything at all, and the slot is empty.
    world.faults("sign 5");
    assert_eq!(code(owner.sign(&opened.id, b"uno", &mut person)), "pkcs11.token");
    owner.sign(&opened.id, b"uno", &mut person).unwrap();
    world.faults("absent 1\nsign 5");
    assert_eq!(code(owner.sign(&opened.id, b"uno", &mut person)), "pkcs11.token");
    world.faults("absent 1");
    assert_eq!(code(owner.sign(&opened.id, b"uno", &mut person)), "pkcs11.no_token");
}

#[test]
fn a_token_whose_folder_is_gone_is_removed() {
    let Some(world) = World::new("a token that SoftHSM lost") else { return };
    let token = ready(&world);
    let (owner, mut person) = (world.owner(), Person::with(PIN));
    let opened = open(&owner, &token, &mut person).unwrap();
    owner.sign(&opened.id, b"uno", &mut person).unwrap();
    fs::remove_dir_all(&token.folder).unwrap();
    assert_eq!(code(owner.sign(&opened.id, b"uno", &mut person)), "pkcs11.removed");
    assert_eq!(code(owner.sign(&opened.id, b"uno", &mut person)), "pkcs11.no_token");
}

#[test]
fn a_session_that_was_dropped_is_opened_again() {
    let Some(world) = World::new("sessions that were dropped") else { return };
    let token = ready(&world);
    let (owner, mut person) = (world.faulty_owner(), Person::with(PIN));
    world.faults("spare 1");
    let opened = open(&owner, &token, &mut person).unwrap();
    world.faults("drop 1");
    let signature = owner.sign(&opened.id, b"uno", &mut person).unwrap();
    world.judge(&opened.certificate, b"uno", &signature);
    assert_eq!((person.asked, world.noted("login")), (1, 1), "the login outlived the session");

    world.faults("reset 1");
    let reset = owner.sign(&opened.id, b"due", &mut person).unwrap_err();
    assert_eq!(reset.code(), "pkcs11.login_needed");
    assert_eq!((person.asked, world.noted("login")), (1, 1), "the PIN is not given by itself");
    owner.sign(&opened.id, b"due", &mut person).unwrap();
    assert_eq!((person.asked, world.noted("login")), (2, 2));
}

#[test]
fn a_keypad_takes_the_pin_itself() {
    let Some(world) = World::new("keypads") else { return };
    let token = ready(&world);
    let (owner, mut person) = (world.faulty_owner(), Person::with("never given"));
    world.faults(KEYPAD);
    let opened: Opened = open(&owner, &token, &mut person).unwrap();
    let signature = owner.sign(&opened.id, b"uno", &mut person).unwrap();
    world.judge(&opened.certificate, b"uno", &signature);
    assert_eq!(person.asked, 0);
    assert!(person.told[0].contains(&token.serial), "{:?}", person.told);
}

#[test]
fn threads_share_one_session() {
    let Some(world) = World::new("several threads") else { return };
    let token = ready(&world);
    let owner = world.faulty_owner();
    let opened = open(&owner, &token, &mut Person::with(PIN)).unwrap();
    let signatures: Vec<(String, Vec<u8>)> = std::thread::scope(|scope| {
        let sign = |thread: usize| {
            let (owner, id) = (&owner, &opened.id);
            scope.spawn(move || {
                let one = |n: usize| {
                    let message = format!("{thread}, {n}");
                    let mut person = Person::with("never given");
                    let signature = owner.sign(id, message.as_bytes(), &mut person).unwrap();
                    (message, signature)
                };
                (0..10).map(one).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..8).map(sign).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(signatures.len(), 80);
    for (message, signature) in signatures.iter().step_by(9) {
        world.judge(&opened.certificate, message.as_bytes(), signature);
    }
    assert_eq!((world.noted("login"), world.noted("sign")), (1, 80));
}

fn attempts(error: &ceralacca_plugin_sdk::Error) -> Attempts {
    let Value::Map(fields) = &error.report().fields else { panic!("{error:?}") };
    typed::from_value::<String>(fields["attempts"].clone())
        .map(|word| match word.as_str() {
            "fewer" => Attempts::Fewer,
            "last" => Attempts::Last,
            "not_used" => Attempts::NotUsed,
            _ => Attempts::NotSaid,
        })
        .unwrap()
}
