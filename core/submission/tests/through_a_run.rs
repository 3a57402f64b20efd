//! The primitives through a real run: dispatch, journal, resume and reconcile around them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use ceralacca_kernel::{
    Caller, Declaration, Document, DocumentId, Engine, Entry, Error, Event, Exit, Folders, Host,
    JournalEvent, Namespace, Origin, Question, Registry, Report, Run, RunId, RunOptions,
    RunSummary, Secret, Services, Sheet, Source, Store, Value, Workflow, typed,
};
use ceralacca_submission::{
    Access, Acknowledgement, Agency, AttachmentRecord, Counts, Delivery, Failure, FetchChannel,
    Outgoing, PinnedCa, Protocollo, ReceiptFilter, ReceiptRecord, Rejection, Revocation,
    RevocationRequested, Search, SendChannel, Stato,
};
use jiff::Timestamp;

const REQUEST: &[u8] = b"the request";
const REQUEST_SHA256: &str = "e05da7415785d85884c1170fc1d7b1a0b87056a90a312c3c2957ed0eba9571be";
const ANSWER: &[u8] = b"the answer";
const ANSWER_SHA256: &str = "a7c9985d46ca5719357525cc365641e45d6882fb66949d4c08989883f8148c8b";
const PROTOCOLLO: &str = "26112100000000001";

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
    assert!(!world.root.path().join("Documenti/ricezione").exists());
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

fn receipt(caller: &dyn Caller, document: Value, timeout: &str) -> Result<Value, Error> {
    let portal = portal(caller, "RSSMRA85M01H501Q")?;
    let submission = caller.call("agency", "submit", vec![portal, document])?;
    caller.call("agency", "wait", vec![submission, timeout.into()])
}

fn portal(caller: &dyn Caller, utente: &str) -> Result<Value, Error> {
    let password = caller.call("prompt", "secret", vec!["portal_password".into()])?;
    let pin = caller.call("prompt", "secret", vec!["codice_pin".into()])?;
    caller.call("agency", "access", vec![utente.into(), password, pin])
}

type Script = fn(&dyn Caller, Value) -> Result<Value, Error>;

/// A workspace, the Agency, the operator and the journal.
struct World {
    root: tempfile::TempDir,
    agency: Rc<TestAgency>,
    host: Rc<TestHost>,
    store: Rc<MemoryStore>,
    pin: Option<String>,
}

impl World {
    fn new() -> World {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("req.ccc"), REQUEST).unwrap();
        World {
            root,
            agency: Rc::default(),
            host: Rc::new(TestHost { now: Cell::new("2026-11-21T10:00:00Z".parse().unwrap()) }),
            store: Rc::default(),
            pin: None,
        }
    }

    fn start(&self, script: Script) -> Result<Value, Error> {
        Run::start(self.options(), &TestEngine(script), &workflow(), self.document()).1
    }

    fn resume(&self, script: Script) -> Result<Value, Error> {
        Run::resume(self.options(), &TestEngine(script), &workflow(), RunId(1))
    }

    fn document(&self) -> Value {
        let document = Document(DocumentId {
            name: "req.ccc".into(),
            tipo_documento: "PKS10".into(),
            path: self.root.path().join("req.ccc"),
            sha256: REQUEST_SHA256.into(),
        });
        typed::to_value(&document).unwrap()
    }

    fn options(&self) -> RunOptions {
        let mut registry = Registry::new();
        registry.add_namespace(ceralacca_identity::prompt_namespace());
        registry.add_namespace(ceralacca_submission::namespace());
        ceralacca_identity::secret_rules().into_iter().for_each(|r| registry.add_secret_rule(r));
        let mut services = Services::default();
        let documents = self.root.path().join("Documenti");
        services.add(Folders { documents, state: self.root.path().join("state") });
        services.add(SendChannel::new(self.agency.clone()));
        services.add(FetchChannel::new(self.agency.clone()));
        services.add(PinnedCa(self.pin.clone()));
        RunOptions {
            registry: Rc::new(registry),
            store: self.store.clone(),
            host: self.host.clone(),
            services,
            key: "00112233445566778899aabbccddeeff".into(),
            version: "test".into(),
        }
    }
}

fn workflow() -> Workflow {
    Workflow {
        name: "test".into(),
        origin: Origin::BuiltIn,
        source: Source { name: "test.rs".into(), text: String::new() },
        declaration: Declaration {
            summary: String::new(),
            uses: vec!["agency".into(), "prompt".into()],
            inputs: Vec::new(),
        },
    }
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Mode {
    #[default]
    Good,
    Unreachable,
    DieAfterTaking,
}

struct TestAgency {
    mode: Cell<Mode>,
    sent: Cell<u32>,
    taken: RefCell<BTreeMap<String, Acknowledgement>>,
    polls_before_ready: Cell<u32>,
    bad_line: Cell<bool>,
    stato: Cell<Stato>,
    receipt_sha256: Cell<&'static str>,
    damaged: Cell<bool>,
}

impl Default for TestAgency {
    fn default() -> TestAgency {
        TestAgency {
            mode: Cell::default(),
            sent: Cell::default(),
            taken: RefCell::default(),
            polls_before_ready: Cell::default(),
            bad_line: Cell::default(),
            stato: Cell::new(Stato::Elaborato),
            receipt_sha256: Cell::new(REQUEST_SHA256),
            damaged: Cell::default(),
        }
    }
}

fn unreachable() -> Failure {
    let report = Report::refused("net.test", "nobody listens").state("nothing went out").next("x");
    Failure { error: report.into(), delivery: Delivery::NotDelivered, passing: true }
}

impl Agency for TestAgency {
    fn submit(&self, access: &Access, out: &Outgoing<'_>) -> Result<Acknowledgement, Failure> {
        assert_eq!(access.password.expose(), "answer to portal_password");
        if self.mode.get() == Mode::Unreachable {
            return Err(unreachable());
        }
        self.sent.set(self.sent.get() + 1);
        let answer = Acknowledgement {
            protocollo: Protocollo::parse(PROTOCOLLO).unwrap(),
            sha256: out.sha256.into(),
            file_name: out.name.into(),
            tipo_documento: out.tipo_documento.into(),
            received_at: Timestamp::UNIX_EPOCH,
        };
        self.taken.borrow_mut().insert(out.idempotency_key.into(), answer.clone());
        assert!(self.mode.get() != Mode::DieAfterTaking, "as if the process had been killed");
        Ok(answer)
    }

    fn find_submissions(
        &self,
        _: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        if self.mode.get() == Mode::Unreachable {
            return Err(unreachable());
        }
        let taken = self.taken.borrow();
        Ok(match search {
            Search::Key(key) => taken.get(*key).cloned().into_iter().collect(),
            Search::Sha256(_) => Vec::new(),
        })
    }

    fn receipts(&self, _: &Access, _: &ReceiptFilter) -> Result<Vec<ReceiptRecord>, Failure> {
        Ok(Vec::new())
    }

    fn receipt(&self, _: &Access, number: &Protocollo) -> Result<Option<ReceiptRecord>, Failure> {
        if self.bad_line.get() {
            return Err(unreachable());
        }
        let left = self.polls_before_ready.get();
        self.polls_before_ready.set(left.saturating_sub(1));
        let scartato = self.stato.get() == Stato::Scartato;
        let reason = || Rejection { code: "SBX04".into(), text: "Pincode errato".into() };
        Ok(Some(ReceiptRecord {
            protocollo: number.clone(),
            tipo_documento: "PKS10".into(),
            stato: if left > 0 { Stato::InElaborazione } else { self.stato.get() },
            motivo_di_scarto: scartato.then(reason),
            file_name: "req.ccc".into(),
            sha256: self.receipt_sha256.get().into(),
            sent_at: Timestamp::UNIX_EPOCH,
            processed_at: None,
            documenti: Counts::default(),
            attachments: vec![AttachmentRecord {
                name: "CERTIF.IN".into(),
                sha256: ANSWER_SHA256.into(),
                length: ANSWER.len() as u64,
            }],
            notice: Some("SANDBOX".into()),
        }))
    }

    fn attachment(&self, _: &Access, _: &Protocollo, _: &str) -> Result<Vec<u8>, Failure> {
        Ok(if self.damaged.get() { b"the".to_vec() } else { ANSWER.to_vec() })
    }

    fn revoke(&self, _: &Access, _: &Revocation) -> Result<RevocationRequested, Failure> {
        Err(unreachable())
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        Ok(vec![REQUEST.to_vec(), ANSWER.to_vec()])
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        Err(unreachable())
    }
}

struct TestHost {
    now: Cell<Timestamp>,
}

impl Host for TestHost {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    fn sleep(&self, _: Duration) {}

    fn patience(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn ask_secret(&self, question: Question<'_>) -> Result<Secret, Error> {
        let pin = question.rule.name == "codice_pin";
        Ok(Secret::new(if pin { "1234567890" } else { "answer to portal_password" }))
    }

    fn approve(&self, what: &str) -> Result<bool, Error> {
        assert!(what.starts_with("agency::submit("), "{what}");
        Ok(true)
    }

    fn show(&self, _: &Sheet) {}

    fn progress(&self, _: &str) {}

    fn event(&self, _: Event<'_>) {}
}

#[derive(Default)]
struct MemoryStore(RefCell<Vec<Entry>>);

impl Store for MemoryStore {
    fn begin(&self, at: Timestamp, started: &JournalEvent) -> Result<RunId, Error> {
        self.append(RunId(1), at, started)?;
        Ok(RunId(1))
    }

    fn append(&self, run: RunId, at: Timestamp, event: &JournalEvent) -> Result<(), Error> {
        let mut entries = self.0.borrow_mut();
        let text = format!("{event:?}");
        assert!(!text.contains("answer to portal_password") && !text.contains("1234567890"));
        let sequence = entries.len() as u64 + 1;
        entries.push(Entry { sequence, run, at, event: event.clone() });
        Ok(())
    }

    fn entries(&self, _: RunId) -> Result<Vec<Entry>, Error> {
        Ok(self.0.borrow().clone())
    }

    fn runs(&self) -> Result<Vec<RunSummary>, Error> {
        Ok(Vec::new())
    }

    fn lock(&self, _: RunId, _: Timestamp) -> Result<Box<dyn Any>, Error> {
        Ok(Box::new(()))
    }
}

struct TestEngine(Script);

impl Engine for TestEngine {
    fn language(&self) -> &'static str {
        "Rust"
    }

    fn extension(&self) -> &'static str {
        "rs"
    }

    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        Ok(workflow().declaration)
    }

    fn definitions(&self, _: &Registry) -> (&'static str, String) {
        ("", String::new())
    }

    fn run(
        &self,
        _: &Source,
        input: Value,
        _: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error> {
        self.0(&*caller, input)
    }
}
