//! Sending a document, waiting for its receipt, fetching what belongs to it.

use std::fs;
use std::time::Duration;

use ceralacca_environment::RequestOutcome;
use ceralacca_kernel::{Caller, Error, Exit, Value};
use ceralacca_submission::{Register, Stato};

use crate::world::{
    ANSWER, ANSWER_SHA256, Mode, PROTOCOLLO, REQUEST, REQUEST_SHA256, World, portal, receipt,
};

#[test]
fn a_document_is_sent_waited_for_and_its_answer_saved() {
    let world = World::new();
    world.agency.polls_before_ready.set(2);
    let result = world.start(whole).unwrap();
    assert_eq!(result, Value::Bytes(ANSWER.to_vec()));
    let saved = world.root.path().join("Documenti/ricezione").join(PROTOCOLLO).join("CERTIF.IN");
    assert_eq!(fs::read(saved).unwrap(), ANSWER);
    let filed = format!("Documenti/inviati/{PROTOCOLLO}-req.ccc");
    assert_eq!(fs::read(world.root.path().join(filed)).unwrap(), REQUEST);
    assert_eq!(world.agency.sent.get(), 1);
}

#[test]
fn a_run_killed_while_sending_resumes_without_sending_again() {
    let world = World::new();
    world.agency.mode.set(Mode::DieAfterTaking);
    let error = world.start(whole).unwrap_err();
    assert_eq!(error.exit(), Exit::Unknown, "{error}");

    world.agency.mode.set(Mode::Unreachable);
    let error = world.resume(whole).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("run.outcome_unknown", Exit::Unknown));
    assert!(error.to_string().contains("net.test"), "{error}");

    world.agency.mode.set(Mode::Good);
    world.resume(whole).unwrap();
    assert_eq!(world.agency.sent.get(), 1);
}

#[test]
fn what_was_not_delivered_is_sent_by_resume() {
    let world = World::new();
    world.agency.mode.set(Mode::Unreachable);
    let error = world.start(whole).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("net.test", Exit::Refused), "{error}");
    assert!(error.to_string().contains("has sent nothing"), "{error}");
    world.agency.mode.set(Mode::Good);
    world.resume(whole).unwrap();
    assert_eq!(world.agency.sent.get(), 1);
}

#[test]
fn waiting_survives_a_bad_line_and_ends_in_time() {
    let world = World::new();
    world.agency.polls_before_ready.set(u32::MAX);
    let error = world.start(whole).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("run.waiting", Exit::Waiting));

    world.agency.bad_line.set(true);
    let error = world.resume(whole).unwrap_err();
    assert_eq!(error.exit(), Exit::Waiting);
    assert!(error.to_string().contains("could not be asked for"), "{error}");
    world.agency.bad_line.set(false);

    world.host.now.set(world.host.now.get() + Duration::from_secs(7200));
    let error = world.resume(whole).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("agency.receipt_late", Exit::Waiting));
    assert!(error.to_string().contains(PROTOCOLLO), "{error}");

    // It came after all.
    world.agency.polls_before_ready.set(0);
    world.resume(whole).unwrap();
    assert_eq!(world.agency.sent.get(), 1);
}

#[test]
fn a_rejection_names_the_agencys_reason() {
    let world = World::new();
    world.agency.stato.set(Stato::Scartato);
    let error = world.start(whole).unwrap_err();
    assert_eq!(error.code(), "agency.rejected");
    assert!(error.to_string().contains("SBX04: Pincode errato"), "{error}");
    assert_eq!(error.report().fields.get("code"), Some(&Value::from("SBX04")));
    // What was sent, and why it was rejected, stay.
    let documents = world.documents();
    let esito = fs::read(documents.join("esiti").join(format!("{PROTOCOLLO}.json"))).unwrap();
    let esito: serde_json::Value = serde_json::from_slice(&esito).unwrap();
    assert_eq!(esito["motivo_di_scarto"]["text"], "Pincode errato");
    assert_eq!(fs::read(documents.join(esito["sent_copy"].as_str().unwrap())).unwrap(), REQUEST);
    let outcome = Register::read(&world.folders()).request_outcome(REQUEST_SHA256);
    let reason = "SBX04: Pincode errato".to_owned();
    assert_eq!(outcome, RequestOutcome::Rejected { protocollo: PROTOCOLLO.to_owned(), reason });
}

#[test]
fn a_receipt_of_something_else_is_refused() {
    let world = World::new();
    world.agency.receipt_sha256.set(ANSWER_SHA256);
    assert_eq!(world.start(whole).unwrap_err().code(), "agency.receipt_of_another");
}

#[test]
fn a_damaged_file_is_not_handed_on_and_can_be_fetched_again() {
    let world = World::new();
    world.agency.damaged.set(true);
    assert_eq!(world.start(whole).unwrap_err().code(), "agency.attachment_damaged");
    let saved = world.root.path().join("Documenti/ricezione").join(PROTOCOLLO);
    assert!(!saved.join("CERTIF.IN").exists());
    world.agency.damaged.set(false);
    world.resume(whole).unwrap();
    assert_eq!(world.agency.sent.get(), 1);
}

#[test]
fn unknown_files_wrong_timeouts_and_users_are_named() {
    let world = World::new();
    let other_file = |caller: &dyn Caller, document: Value| {
        let receipt = receipt(caller, document, "2h")?;
        caller.call("agency", "attachment", vec![receipt, "ALTRO.IN".into()])
    };
    let error = world.start(other_file).unwrap_err();
    assert_eq!(error.code(), "agency.no_such_attachment");
    assert!(error.to_string().contains("one of CERTIF.IN"), "{error}");
    let soon = |caller: &dyn Caller, document: Value| receipt(caller, document, "soon");
    assert_eq!(World::new().start(soon).unwrap_err().code(), "agency.timeout_form");
    let nobody = |caller: &dyn Caller, _: Value| portal(caller, " ");
    assert_eq!(World::new().start(nobody).unwrap_err().code(), "agency.utente");
}

#[test]
fn the_ca_is_the_pinned_one() {
    let ca = |caller: &dyn Caller, _: Value| caller.call("agency", "ca_certificates", Vec::new());
    let world = World::new();
    let all = Value::List(vec![Value::Bytes(REQUEST.to_vec()), Value::Bytes(ANSWER.to_vec())]);
    assert_eq!(world.start(ca).unwrap(), all);
    let pinned = World { pin: Some(ANSWER_SHA256.into()), ..World::new() };
    assert_eq!(pinned.start(ca).unwrap(), Value::List(vec![Value::Bytes(ANSWER.to_vec())]));
}

/// What `setup_environment` does with the Agency.
fn whole(caller: &dyn Caller, document: Value) -> Result<Value, Error> {
    caller.stage("Invia richiesta")?;
    let receipt = receipt(caller, document, "2h")?;
    let accepted = caller.call("agency", "require_accepted", vec![receipt])?;
    let number = caller.call("agency", "protocollo", vec![accepted.clone()])?;
    assert_eq!(number, PROTOCOLLO.into());
    assert_eq!(caller.call("agency", "stato", vec![accepted.clone()])?, "ELABORATO".into());
    caller.call("agency", "attachment", vec![accepted, "CERTIF.IN".into()])
}
