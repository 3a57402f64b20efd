//! Revoking an environment: once, guarded, and waited for.

use std::fs;
use std::time::Duration;

use ceralacca_kernel::{Caller, Error, Exit, Value};
use ceralacca_submission::{Register, Stato};

use crate::collecting::row;
use crate::world::{Mode, PIN_DI_REVOCA, World, portal};

fn revoke_with(caller: &dyn Caller, options: Value) -> Result<Value, Error> {
    let portal = portal(caller, "RSSMRA85M01H501Q")?;
    let busta = Value::from([("numero", Value::from("12345678"))]);
    caller.call("agency", "revoke", vec![portal, busta, options])
}

/// What `recover_environment` does: asks, then waits until it shows.
fn revoke(caller: &dyn Caller, _: Value) -> Result<Value, Error> {
    let revoca = revoke_with(caller, Value::Null)?;
    let revoca = caller.call("agency", "wait_in_force", vec![revoca, "2d".into()])?;
    caller.call("agency", "requested_at", vec![revoca])
}

fn lost(caller: &dyn Caller, _: Value) -> Result<Value, Error> {
    revoke_with(caller, Value::from([("chiave_persa", true.into())]))
}

/// From now on the revocations show.
fn take_effect(world: &World) {
    for answer in world.agency.revoked.borrow_mut().values_mut() {
        answer.effective_at = Some(world.host.now.get());
    }
}

#[test]
fn an_environment_is_revoked_once_and_waited_for() {
    let world = World::new();
    let error = world.start(revoke).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("run.waiting", Exit::Waiting));
    assert!(error.to_string().contains("queued since"), "{error}");
    assert_eq!(*world.agency.pins.borrow(), [PIN_DI_REVOCA]);
    let marks = Register::read(&world.folders()).revocations;
    assert_eq!(marks.len(), 1);
    assert_eq!(marks[0].busta.tipo, "A");
    assert_eq!(marks[0].requested.as_ref().unwrap().effective_at, None);

    world.agency.bad_line.set(true);
    assert!(world.resume(revoke).unwrap_err().to_string().contains("could not be asked for"));
    world.agency.bad_line.set(false);
    take_effect(&world);
    assert_eq!(world.resume(revoke).unwrap(), "2026-11-21T10:00:00Z".into());
    assert_eq!(world.agency.pins.borrow().len(), 1);
    let marks = Register::read(&world.folders()).revocations;
    assert!(marks[0].requested.as_ref().unwrap().effective_at.is_some());
    for entry in walk(&world.root.path().join("state")) {
        assert!(!String::from_utf8_lossy(&fs::read(&entry).unwrap()).contains(PIN_DI_REVOCA));
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_revocation_that_was_interrupted_is_asked_for_and_not_repeated() {
    for mode in [Mode::DieAfterTaking, Mode::LoseTheAnswer] {
        let world = World::new();
        world.agency.mode.set(mode);
        assert_eq!(world.start(revoke).unwrap_err().exit(), Exit::Unknown);
        let marks = Register::read(&world.folders()).revocations;
        assert!(marks[0].requested.is_none(), "it is in doubt");
        world.agency.mode.set(Mode::Unreachable);
        let error = world.resume(revoke).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("run.outcome_unknown", Exit::Unknown));
        world.agency.mode.set(Mode::Good);
        take_effect(&world);
        world.resume(revoke).unwrap();
        assert_eq!(world.agency.pins.borrow().len(), 1, "asked for once");
    }
}

#[test]
fn what_certainly_did_not_arrive_is_asked_for_again() {
    let world = World::new();
    world.agency.mode.set(Mode::Unreachable);
    let error = world.start(revoke).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("net.test", Exit::Refused));
    assert!(Register::read(&world.folders()).revocations.is_empty());
    world.agency.mode.set(Mode::Good);
    assert_eq!(world.resume(revoke).unwrap_err().exit(), Exit::Waiting);
    assert_eq!(world.agency.revoked.borrow().len(), 1);
}

#[test]
fn killed_before_the_journal_knew_it_is_not_asked_for_twice() {
    let world = World::new();
    assert_eq!(world.start(revoke).unwrap_err().exit(), Exit::Waiting);
    world.forget_everything();
    assert_eq!(world.start(revoke).unwrap_err().exit(), Exit::Waiting);
    assert_eq!(world.agency.pins.borrow().len(), 1);
}

#[test]
fn a_wrong_pin_and_a_lost_one_name_the_way_that_is_left() {
    let world = World::new();
    world.agency.mode.set(Mode::WrongPin);
    let error = world.start(revoke).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("net.refused_by_gateway", Exit::Refused));
    assert!(error.report().next.contains("office"), "{error}");
    assert!(error.report().state.contains("nothing was revoked"), "{error}");
    // The next attempt asks for the PIN again.
    world.agency.mode.set(Mode::Good);
    assert_eq!(world.resume(revoke).unwrap_err().exit(), Exit::Waiting);

    let world = World::new();
    let without_pin = |caller: &dyn Caller, _: Value| {
        revoke_with(caller, Value::from([("pin_perso", true.into())]))
    };
    let error = world.start(without_pin).unwrap_err();
    assert_eq!(error.code(), "agency.pin_di_revoca_lost");
    assert!(error.report().next.contains("office"), "{error}");
    assert!(!world.host.asked.borrow().contains(&"pin_di_revoca_esistente"));
}

#[test]
fn unread_receipts_stand_in_the_way_unless_the_key_is_lost() {
    let world = World::new();
    world.agency.rows.borrow_mut().push(row(3, Stato::Elaborato, b"sealed"));
    let error = world.start(revoke).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("agency.unread_receipts", Exit::Refused));
    let number = world.agency.rows.borrow()[0].0.protocollo.to_string();
    assert!(error.to_string().contains(&number), "{error}");
    assert!(world.agency.pins.borrow().is_empty(), "nothing was asked for");

    let world = World::new();
    world.agency.rows.borrow_mut().push(row(3, Stato::Elaborato, b"sealed"));
    world.start(lost).unwrap();
    let said = world.host.said.borrow().join("\n");
    assert!(said.contains("1 receipts can never be opened") && said.contains(&number), "{said}");
    assert_eq!(world.agency.pins.borrow().len(), 1);
}

#[test]
fn where_a_person_asks_the_pin_is_not_asked_for() {
    let world = World::new();
    world.agency.no_keys.set(true);
    let script = |caller: &dyn Caller, _: Value| {
        let portal = caller.call("agency", "portal", Vec::new())?;
        let busta = Value::from([("numero", "12345678".into()), ("tipo", "a".into())]);
        caller.call("agency", "revoke", vec![portal, busta])
    };
    world.start(script).unwrap();
    assert!(world.host.asked.borrow().is_empty());
    assert_eq!(*world.agency.pins.borrow(), [""]);
}

#[test]
fn a_revocation_that_is_late_waits_on_and_a_wrong_busta_is_named() {
    let world = World::new();
    world.start(revoke).unwrap_err();
    world.host.now.set(world.host.now.get() + Duration::from_secs(2 * 86400));
    let error = world.resume(revoke).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("agency.revocation_late", Exit::Waiting));
    // It came after all.
    take_effect(&world);
    world.resume(revoke).unwrap();

    for numero in ["", "12/34", &"1".repeat(31)] {
        let numero = numero.to_owned();
        let script = move |caller: &dyn Caller, _: Value| {
            let portal = portal(caller, "RSSMRA85M01H501Q")?;
            let busta = Value::from([("numero", numero.as_str().into())]);
            caller.call("agency", "revoke", vec![portal, busta])
        };
        let error = World::new().start_with(script, Value::Null).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("agency.busta_form", Exit::Usage));
    }
}
