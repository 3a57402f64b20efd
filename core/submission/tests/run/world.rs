//! A workspace, an Agency that does as it is told, an operator and a journal in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use ceralacca_kernel::{
    Caller, Declaration, Document, DocumentId, Engine, Error, Event, Folders, Host, MemoryStore,
    Namespace, Origin, Question, Registry, Report, Run, RunId, RunOptions, Secret, Services, Sheet,
    Source, Value, Workflow, typed,
};
use ceralacca_submission::{
    Access, Acknowledgement, Agency, AttachmentRecord, Counts, Delivery, Failure, FetchChannel,
    Outgoing, PinnedCa, Protocollo, ReceiptFilter, ReceiptRecord, Rejection, Revocation,
    RevocationRequested, Search, SendChannel, Stato,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub(crate) const REQUEST: &[u8] = b"the request";
pub(crate) const REQUEST_SHA256: &str =
    "e05da7415785d85884c1170fc1d7b1a0b87056a90a312c3c2957ed0eba9571be";
pub(crate) const ANSWER: &[u8] = b"the answer";
pub(crate) const ANSWER_SHA256: &str =
    "a7c9985d46ca5719357525cc365641e45d6882fb66949d4c08989883f8148c8b";
/// Protects the environment.
pub(crate) const PASSWORD: &str = "Password2026";
/// Protects the environment that was set aside.
pub(crate) const EARLIER_PASSWORD: &str = "Earlier2023";
pub(crate) const PIN_DI_REVOCA: &str = "PinDiRevoca2026ab";
pub(crate) const PROTOCOLLO: &str = "26112100000000001";

pub(crate) fn receipt(caller: &dyn Caller, document: Value, timeout: &str) -> Result<Value, Error> {
    let portal = portal(caller, "RSSMRA85M01H501Q")?;
    let submission = caller.call("agency", "submit", vec![portal, document])?;
    caller.call("agency", "wait", vec![submission, timeout.into()])
}

pub(crate) fn portal(caller: &dyn Caller, utente: &str) -> Result<Value, Error> {
    let password = caller.call("prompt", "secret", vec!["portal_password".into()])?;
    let pin = caller.call("prompt", "secret", vec!["codice_pin".into()])?;
    caller.call("agency", "access", vec![utente.into(), password, pin])
}

pub(crate) type Script = fn(&dyn Caller, Value) -> Result<Value, Error>;

/// A workspace, the Agency, the operator and the journal.
pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
    pub(crate) agency: Rc<TestAgency>,
    pub(crate) host: Rc<TestHost>,
    pub(crate) store: Rc<MemoryStore>,
    pub(crate) pin: Option<String>,
}

impl World {
    pub(crate) fn new() -> World {
        let root = tempfile::tempdir().unwrap();
        World {
            root,
            agency: Rc::default(),
            host: Rc::new(TestHost {
                now: Cell::new("2026-11-21T10:00:00Z".parse().unwrap()),
                asked: RefCell::default(),
                said: RefCell::default(),
            }),
            store: Rc::default(),
            pin: None,
        }
    }

    pub(crate) fn start(&self, script: Script) -> Result<Value, Error> {
        self.start_with(script, self.document())
    }

    pub(crate) fn start_with(
        &self,
        script: impl Fn(&dyn Caller, Value) -> Result<Value, Error>,
        input: Value,
    ) -> Result<Value, Error> {
        let (_, outcome) = Run::start(self.options(), &TestEngine(script), &workflow(), input);
        self.kept_no_secret();
        outcome
    }

    pub(crate) fn resume(
        &self,
        script: impl Fn(&dyn Caller, Value) -> Result<Value, Error>,
    ) -> Result<Value, Error> {
        let outcome = Run::resume(self.options(), &TestEngine(script), &workflow(), RunId(1));
        self.kept_no_secret();
        outcome
    }

    fn kept_no_secret(&self) {
        let text = format!("{:?}", self.store.entries());
        assert!(!text.contains("answer to portal_password") && !text.contains("1234567890"));
        assert!([PASSWORD, EARLIER_PASSWORD, PIN_DI_REVOCA].iter().all(|one| !text.contains(one)));
    }

    pub(crate) fn document(&self) -> Value {
        self.file("req.ccc", "PKS10", REQUEST)
    }

    /// A document with this content.
    pub(crate) fn file(&self, name: &str, tipo_documento: &str, content: &[u8]) -> Value {
        let path = self.root.path().join(name);
        fs::write(&path, content).unwrap();
        let document = Document(DocumentId {
            name: name.into(),
            tipo_documento: tipo_documento.into(),
            path,
            sha256: sha256(content),
            keys: Vec::new(),
        });
        typed::to_value(&document).unwrap()
    }

    pub(crate) fn documents(&self) -> PathBuf {
        self.root.path().join("Documenti")
    }

    /// As if the process had been killed before the journal had the outcome of anything.
    pub(crate) fn forget_everything(&self) {
        self.store.truncate(0);
    }

    pub(crate) fn folders(&self) -> Folders {
        Folders { documents: self.documents(), state: self.root.path().join("state") }
    }

    fn options(&self) -> RunOptions {
        let mut registry = Registry::new();
        registry.add_namespace(ceralacca_identity::prompt_namespace());
        registry.add_namespace(ceralacca_environment::namespace());
        registry.add_namespace(ceralacca_submission::namespace());
        ceralacca_identity::secret_rules().into_iter().for_each(|r| registry.add_secret_rule(r));
        let mut services = Services::default();
        services.add(self.folders());
        services.add(SendChannel::new(self.agency.clone()));
        services.add(FetchChannel::new(self.agency.clone()));
        services.add(PinnedCa(self.pin.clone()));
        RunOptions {
            registry: Rc::new(registry),
            store: self.store.clone(),
            host: self.host.clone(),
            services,
            key: "00112233445566778899aabbccddeeff".into(),
            workspace: None,
            version: "test".into(),
            plugins: Vec::new(),
            accept_other_plugins: false,
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
            uses: vec!["agency".into(), "environment".into(), "prompt".into()],
            inputs: Vec::new(),
        },
    }
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Mode {
    #[default]
    Good,
    Unreachable,
    DieAfterTaking,
    LoseTheAnswer,
    WrongPin,
}

pub(crate) struct TestAgency {
    pub(crate) mode: Cell<Mode>,
    pub(crate) sent: Cell<u32>,
    pub(crate) taken: RefCell<BTreeMap<String, Acknowledgement>>,
    pub(crate) polls_before_ready: Cell<u32>,
    pub(crate) bad_line: Cell<bool>,
    pub(crate) stato: Cell<Stato>,
    pub(crate) receipt_sha256: Cell<&'static str>,
    pub(crate) damaged: Cell<bool>,
    /// The receipt that it gives instead of its own, and the file that belongs to it.
    pub(crate) sealed: RefCell<Option<(ReceiptRecord, Vec<u8>)>>,
    /// What it gives as the certificates of its CA.
    pub(crate) authorities: RefCell<Vec<Vec<u8>>>,
    /// The receipts of Ricerca ricevute, each with its sealed file.
    pub(crate) rows: RefCell<Vec<(ReceiptRecord, Vec<u8>)>>,
    /// Revocations by key, and the PIN of each time that one was asked for.
    pub(crate) revoked: RefCell<BTreeMap<String, RevocationRequested>>,
    pub(crate) pins: RefCell<Vec<String>>,
    pub(crate) no_keys: Cell<bool>,
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
            sealed: RefCell::default(),
            authorities: RefCell::new(vec![REQUEST.to_vec(), ANSWER.to_vec()]),
            rows: RefCell::default(),
            revoked: RefCell::default(),
            pins: RefCell::default(),
            no_keys: Cell::default(),
        }
    }
}

fn unreachable() -> Failure {
    let report = Report::refused("net.test", "nobody listens").state("nothing went out").next("x");
    Failure { error: report.into(), delivery: Delivery::NotDelivered, passing: true }
}

fn wrong_pin() -> Failure {
    let mut report = Report::refused("net.refused_by_gateway", "the gateway refused it")
        .found("403 gateway.wrong_pin: Il PIN di revoca non è corretto")
        .state("nothing was submitted by this request")
        .next("x");
    report.fields = Value::from([("code", Value::from("gateway.wrong_pin"))]);
    Failure { error: report.into(), delivery: Delivery::NotDelivered, passing: false }
}

impl Agency for TestAgency {
    fn wants_keys(&self) -> bool {
        !self.no_keys.get()
    }

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
        if self.bad_line.get() {
            return Err(unreachable());
        }
        Ok(self.rows.borrow().iter().map(|(record, _)| record.clone()).collect())
    }

    fn receipt(&self, _: &Access, number: &Protocollo) -> Result<Option<ReceiptRecord>, Failure> {
        if self.bad_line.get() {
            return Err(unreachable());
        }
        if let Some((record, _)) = &*self.sealed.borrow() {
            return Ok(Some(record.clone()));
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
            annullato_da: None,
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

    fn attachment(&self, _: &Access, number: &Protocollo, _: &str) -> Result<Vec<u8>, Failure> {
        let rows = self.rows.borrow();
        if let Some((_, file)) = rows.iter().find(|(record, _)| record.protocollo == *number) {
            return if self.bad_line.get() { Err(unreachable()) } else { Ok(file.clone()) };
        }
        if let Some((_, file)) = &*self.sealed.borrow() {
            return Ok(file.clone());
        }
        Ok(if self.damaged.get() { b"the".to_vec() } else { ANSWER.to_vec() })
    }

    fn revoke(&self, _: &Access, one: &Revocation) -> Result<RevocationRequested, Failure> {
        self.pins.borrow_mut().push(one.pin_di_revoca.expose().to_owned());
        match self.mode.get() {
            Mode::Unreachable => return Err(unreachable()),
            Mode::WrongPin => return Err(wrong_pin()),
            _ => {}
        }
        let answer = RevocationRequested { requested_at: one.at, effective_at: None };
        self.revoked.borrow_mut().insert(one.idempotency_key.clone(), answer.clone());
        assert!(self.mode.get() != Mode::DieAfterTaking, "as if the process had been killed");
        if self.mode.get() == Mode::LoseTheAnswer {
            return Err(Failure { delivery: Delivery::Unknown, ..unreachable() });
        }
        Ok(answer)
    }

    fn find_revocation(
        &self,
        _: &Access,
        key: &str,
    ) -> Result<Option<RevocationRequested>, Failure> {
        if self.mode.get() == Mode::Unreachable || self.bad_line.get() {
            return Err(unreachable());
        }
        Ok(self.revoked.borrow().get(key).cloned())
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        Ok(self.authorities.borrow().clone())
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        Err(unreachable())
    }
}

pub(crate) struct TestHost {
    pub(crate) now: Cell<Timestamp>,
    /// The secrets that were asked for.
    pub(crate) asked: RefCell<Vec<&'static str>>,
    /// What the operator was told.
    pub(crate) said: RefCell<Vec<String>>,
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
        self.asked.borrow_mut().push(question.rule.name);
        Ok(Secret::new(match question.rule.name {
            "codice_pin" => "1234567890",
            "pin_di_revoca_esistente" => PIN_DI_REVOCA,
            "password_precedente" => EARLIER_PASSWORD,
            "password_esistente" => PASSWORD,
            _ => "answer to portal_password",
        }))
    }

    fn approve(&self, what: &str) -> Result<bool, Error> {
        let sends = ["agency::submit(", "agency::revoke("];
        assert!(sends.iter().any(|name| what.starts_with(name)), "{what}");
        Ok(true)
    }

    fn show(&self, _: &Sheet) {}

    fn progress(&self, text: &str) {
        self.said.borrow_mut().push(text.to_owned());
    }

    fn event(&self, _: Event<'_>) {}
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

struct TestEngine<F>(F);

impl<F: Fn(&dyn Caller, Value) -> Result<Value, Error>> Engine for TestEngine<F> {
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
