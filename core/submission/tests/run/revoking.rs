//! Revoking an environment: once, guarded, and waited for.

use std::fs;
use std::time::Duration;

use ceralacca_kernel::{Caller, Error, Exit, Value};
use ceralacca_submission::{Register, Stato};

use crate::authority::{Holder, authority};
use crate::collecting::{row, sealed_row};
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

/// The mark of another run, which asked under `key`.
fn mark(world: &World, run: u64, key: &str, numero: &str, requested: &str) {
    let folder = world.folders().state.join("revocations");
    fs::create_dir_all(&folder).unwrap();
    // As an older version wrote it.
    let text = format!(
        r#"{{"idempotency_key":"{key}","run":"{run}","at":"2026-11-20T10:00:00Z",
            "busta":{{"numero":"{numero}","tipo":"A"}},"requested":{requested}}}"#
    );
    fs::write(folder.join(format!("{key}.json")), text).unwrap();
}

const QUEUED: &str = r#"{"requested_at":"2026-11-20T10:00:00Z","effective_at":null}"#;
const IN_FORCE: &str =
    r#"{"requested_at":"2026-11-20T10:00:00Z","effective_at":"2026-11-20T11:00:00Z"}"#;

/// Of two runs for one busta the later one decides, whatever the clock says.
#[test]
fn what_another_run_has_asked_for_is_not_asked_for_again() {
    // The run of a world is its first. What run 2 has revoked since, this one would revoke anew.
    for requested in [QUEUED, IN_FORCE] {
        let world = World::new();
        mark(&world, 2, "ffff-1", "12345678", requested);
        let error = world.start(revoke).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("agency.revoked_since", Exit::Refused));
        assert!(error.report().next.contains("abandon"), "{error}");
        assert!(world.agency.pins.borrow().is_empty(), "nothing was asked for");
        assert_eq!(Register::read(&world.folders()).revocations.len(), 1, "no mark of ours");
    }
    // An earlier one that is still asking goes on; one that is in force is over.
    for (requested, code) in [(QUEUED, "agency.revocation_open"), (IN_FORCE, "run.waiting")] {
        let world = World::new();
        mark(&world, 0, "ffff-1", "12345678", requested);
        if code == "agency.revocation_open" {
            let asked = serde_json::from_str(QUEUED).unwrap();
            world.agency.revoked.borrow_mut().insert("ffff-1".to_owned(), asked);
        }
        let error = world.start(revoke).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(world.agency.pins.borrow().is_empty(), code != "run.waiting");
    }
    // Another busta, and what was never asked for in the end, stand in nobody's way.
    for (run, numero) in [(2, "87654321"), (2, "12345678"), (0, "12345678")] {
        let world = World::new();
        mark(&world, run, "ffff-1", numero, "null");
        assert_eq!(world.start(revoke).unwrap_err().code(), "run.waiting", "{run} {numero}");
    }
    // Where the Agency cannot be asked, nothing is.
    let world = World::new();
    mark(&world, 2, "ffff-1", "12345678", "null");
    world.agency.mode.set(Mode::Unreachable);
    assert_eq!(world.start(revoke).unwrap_err().exit(), Exit::Refused);
    assert!(world.agency.pins.borrow().is_empty());
}

#[test]
fn one_process_at_a_time_asks() {
    let world = World::new();
    let path = world.folders().state.join("revocations.lock");
    fs::create_dir_all(world.folders().state).unwrap();
    let _held = ceralacca_kernel::lock::FileLock::acquire(&path, "run 9, process 1").unwrap();
    let error = world.start(revoke).unwrap_err();
    assert_eq!(error.code(), "agency.revocation_open");
    assert!(error.to_string().contains("run 9"), "{error}");
}

fn account() -> Value {
    Value::from([("codice_fiscale", "RSSMRA85M01H501Q".into()), ("sede", "000".into())])
}

fn revoke_environment(caller: &dyn Caller, folder: &str, lost: bool) -> Result<Value, Error> {
    let arguments = vec![folder.into(), account(), lost.into()];
    let found = caller.call("environment", "before_revocation", arguments)?;
    revoke_with(caller, Value::from([("environment", found)]))
}

/// What was found is looked at again: a medium that is back, or another run's environment.
#[test]
fn an_environment_that_is_not_the_one_that_was_shown_is_not_revoked() {
    let world = World::new();
    let folder = world.root.path().join("ambiente").display().to_string();
    let script = move |caller: &dyn Caller, _: Value| revoke_environment(caller, &folder, true);
    world.start_with(script, Value::Null).unwrap();
    let marks = Register::read(&world.folders()).revocations;
    assert_eq!(marks[0].account.as_deref(), Some("RSSMRA85M01H501Q-000"));
    assert_eq!(marks[0].fingerprints, [] as [String; 0]);

    let world = World::new();
    let gone = world.root.path().join("supporto/ambiente").display().to_string();
    let script = move |caller: &dyn Caller, _: Value| revoke_environment(caller, &gone, true);
    let refused = world.start_with(script, Value::Null);
    assert_eq!(refused.unwrap_err().code(), "environment.disk_missing");
    assert!(world.agency.pins.borrow().is_empty(), "nothing was asked for");

    for (utente, same) in [("RSSMRA85M01H501Q", true), ("RSSMRA80A01H501U-000", false)] {
        let world = World::new();
        let script = move |caller: &dyn Caller, _: Value| {
            let arguments = vec!["ambiente".into(), account(), true.into()];
            let found = caller.call("environment", "before_revocation", arguments)?;
            let busta = Value::from([("numero", Value::from("12345678"))]);
            let options = Value::from([("environment", found)]);
            caller.call("agency", "revoke", vec![portal(caller, utente)?, busta, options])
        };
        let outcome = world.start_with(script, Value::Null);
        assert_eq!(outcome.is_ok(), same, "{utente}");
        assert_eq!(world.agency.pins.borrow().len(), usize::from(same), "{utente}");
        if let Err(error) = outcome {
            assert_eq!(error.code(), "agency.other_subject");
        }
    }
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
    world.agency.rows.borrow_mut().push(sealed_row(3, &authority().cifra));
    let error = world.start(revoke).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("agency.unread_receipts", Exit::Refused));
    let number = world.agency.rows.borrow()[0].0.protocollo.to_string();
    assert!(error.to_string().contains(&number), "{error}");
    assert!(world.agency.pins.borrow().is_empty(), "nothing was asked for");

    let world = World::new();
    world.agency.rows.borrow_mut().push(sealed_row(3, &authority().cifra));
    world.start(lost).unwrap();
    let said = world.host.said.borrow().join("\n");
    assert!(said.contains("1 receipts can never be opened") && said.contains(&number), "{said}");
    assert_eq!(world.agency.pins.borrow().len(), 1);
}

/// What the environment cannot open, or is open, does not hold it back.
#[test]
fn only_receipts_that_the_environment_opens_stand_in_the_way() {
    let authority = authority();
    let sealed_for = |last, holder: &Holder| {
        let certificate = &holder.certificate;
        let rcc = ceralacca_keystore::enveloped_data::seal(b"x", certificate).unwrap();
        row(last, Stato::Elaborato, &rcc)
    };
    let opaque = || row(2, Stato::Elaborato, b"%PDF-1.7");
    let (ours, foreign) = (sealed_for(1, &authority.cifra), sealed_for(3, &authority.other_cifra));
    // Which rows there are, and whether UTENTE.KS knows both keys; how many hold it back.
    let cases = [
        (vec![foreign.clone(), opaque()], true, 0),
        (vec![foreign.clone(), opaque(), ours.clone()], true, 1),
        (vec![foreign.clone(), opaque()], false, 1),
    ];
    for (rows, known, expected) in cases {
        let world = World::new();
        *world.agency.rows.borrow_mut() = rows;
        let folder = authority.folder(world.root.path(), &authority.cifra);
        if !known {
            fs::remove_file(folder.join("UTENTE.KS")).unwrap();
        }
        let folder = folder.display().to_string();
        let script = move |caller: &dyn Caller, _: Value| {
            revoke_with(caller, Value::from([("folder", folder.as_str().into())]))
        };
        let outcome = world.start_with(script, Value::Null);
        assert_eq!(outcome.is_err(), expected > 0, "{outcome:?}");
        if let Err(error) = outcome {
            assert_eq!(error.code(), "agency.unread_receipts");
            let named = |last: u8| error.to_string().contains(&format!("261121000000000{last:02}"));
            assert_eq!((named(1), named(2), named(3)), (known, false, !known), "{error}");
        }
    }
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
