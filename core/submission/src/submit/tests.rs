//! Submitting through the outbox against an Agency that misbehaves on purpose.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;
use std::rc::Rc;

use ceralacca_kernel::Secret;

use super::*;
use crate::outbox::sha256_hex;
use crate::{
    Agency, Failure, Protocollo, ReceiptFilter, ReceiptRecord, Revocation, RevocationRequested,
};

/// How the next submission goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Good,
    NotDelivered,
    LostBefore,
    LostAfter,
    OtherDigest,
    Dies,
}

struct Scripted {
    mode: Cell<Mode>,
    can_be_asked: Cell<bool>,
    by_hand: Cell<bool>,
    requests: Cell<u32>,
    received: RefCell<Vec<(String, Acknowledgement)>>,
}

impl Agency for Scripted {
    fn wants_keys(&self) -> bool {
        !self.by_hand.get()
    }

    fn submit(&self, _: &Access, outgoing: &Outgoing<'_>) -> Result<Acknowledgement, Failure> {
        self.requests.set(self.requests.get() + 1);
        let failure = |delivery| {
            let report = Report::refused("net.test", "the line is bad").state("test").next("test");
            Err(Failure { error: report.into(), delivery, passing: true })
        };
        match self.mode.get() {
            Mode::NotDelivered => return failure(Delivery::NotDelivered),
            Mode::LostBefore => return failure(Delivery::Unknown),
            _ => {}
        }
        assert_eq!(sha256_hex(outgoing.bytes), outgoing.sha256);
        let number = format!("{:017}", self.received.borrow().len() + 1);
        let mut answer = Acknowledgement {
            protocollo: Protocollo::parse(&number).unwrap(),
            sha256: outgoing.sha256.to_owned(),
            file_name: outgoing.name.to_owned(),
            tipo_documento: outgoing.tipo_documento.to_owned(),
            received_at: Timestamp::UNIX_EPOCH,
        };
        if self.mode.get() == Mode::OtherDigest {
            answer.sha256 = sha256_hex(b"other");
        }
        self.received.borrow_mut().push((outgoing.idempotency_key.to_owned(), answer.clone()));
        match self.mode.get() {
            Mode::LostAfter => failure(Delivery::Unknown),
            Mode::Dies => panic!("as if the process had been killed here"),
            _ => Ok(answer),
        }
    }

    fn find_submissions(
        &self,
        _: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        if !self.can_be_asked.get() {
            let report = Report::refused("net.refused", "nobody listens").state("test").next("x");
            let delivery = Delivery::NotDelivered;
            return Err(Failure { error: report.into(), delivery, passing: true });
        }
        let fits = |(key, answer): &&(String, Acknowledgement)| match search {
            Search::Key(wanted) => key == wanted,
            Search::Sha256(wanted) => answer.sha256 == *wanted,
        };
        Ok(self.received.borrow().iter().filter(fits).map(|(_, answer)| answer.clone()).collect())
    }

    fn receipts(&self, _: &Access, _: &ReceiptFilter) -> Result<Vec<ReceiptRecord>, Failure> {
        Ok(Vec::new())
    }

    fn receipt(&self, _: &Access, _: &Protocollo) -> Result<Option<ReceiptRecord>, Failure> {
        Ok(None)
    }

    fn attachment(&self, _: &Access, _: &Protocollo, _: &str) -> Result<Vec<u8>, Failure> {
        Ok(Vec::new())
    }

    fn revoke(&self, _: &Access, _: &Revocation) -> Result<RevocationRequested, Failure> {
        Ok(RevocationRequested { requested_at: Timestamp::UNIX_EPOCH, effective_at: None })
    }

    fn find_revocation(&self, _: &Access, _: &str) -> Result<Option<RevocationRequested>, Failure> {
        Ok(None)
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        Ok(Vec::new())
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        Ok(Vec::new())
    }
}

/// A workspace with one document, and the Agency.
struct World {
    root: tempfile::TempDir,
    agency: Rc<Scripted>,
    document: DocumentId,
}

impl World {
    fn new(mode: Mode) -> World {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("req.ccc");
        fs::write(&path, b"the request").unwrap();
        let agency = Rc::new(Scripted {
            mode: Cell::new(mode),
            can_be_asked: Cell::new(true),
            by_hand: Cell::new(false),
            requests: Cell::new(0),
            received: RefCell::default(),
        });
        let document = DocumentId {
            name: "req.ccc".into(),
            tipo_documento: "PKS10".into(),
            path,
            sha256: sha256_hex(b"the request"),
            keys: Vec::new(),
        };
        World { root, agency, document }
    }

    fn outbox(&self) -> Outbox {
        self.outbox_of("7", "00ff00ff-3")
    }

    fn outbox_of(&self, run: &str, key: &str) -> Outbox {
        let documents = self.root.path().join("Documenti");
        let folders = Folders { documents, state: self.root.path().join("state") };
        Outbox::new(&folders, run, key)
    }

    fn deliver(&self) -> Result<Acknowledgement, Error> {
        let channel = SendChannel::new(self.agency.clone());
        deliver(&self.outbox(), &channel, &access(), &self.document, Timestamp::UNIX_EPOCH)
    }

    fn ask(&self) -> Found {
        let channel = SendChannel::new(self.agency.clone());
        ask(&self.outbox(), &channel, &access(), &self.document).unwrap()
    }

    fn received(&self) -> usize {
        self.agency.received.borrow().len()
    }

    fn waiting_copy(&self) -> std::path::PathBuf {
        self.root.path().join("Documenti/da inviare/7/req.ccc")
    }

    fn state(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join("state/outbox/00ff00ff-3").join(name)
    }
}

fn access() -> Access {
    Access {
        utente: "RSSMRA85M01H501Q".into(),
        password: Secret::new("x"),
        codice_pin: Secret::new("y"),
        on_behalf_of: None,
    }
}

#[test]
fn a_document_is_delivered_once_and_filed_away() {
    let world = World::new(Mode::Good);
    let answer = world.deliver().unwrap();
    assert!(world.waiting_copy().exists());
    fs::write(world.waiting_copy().with_file_name(".ceralacca-left"), b"by a crash").unwrap();
    for _ in 0..2 {
        let filed = world.outbox().file_away(&world.document, &answer).unwrap();
        assert!(filed.ends_with("Documenti/inviati/00000000000000001-req.ccc"));
        assert_eq!(fs::read(filed).unwrap(), b"the request");
        assert!(!world.waiting_copy().parent().unwrap().exists());
    }
    assert_eq!(world.deliver().unwrap(), answer);
    assert_eq!((world.received(), world.agency.requests.get()), (1, 1));
}

#[test]
fn what_certainly_did_not_arrive_may_be_sent_again() {
    let world = World::new(Mode::NotDelivered);
    let error = world.deliver().unwrap_err();
    assert_eq!((error.code(), error.exit()), ("net.test", Exit::Refused));
    assert!(!world.state("attempt.json").exists());
    assert!(world.waiting_copy().exists(), "the copy can be uploaded by hand");
    world.agency.mode.set(Mode::Good);
    // The stored content is used: the original may be gone by now.
    fs::remove_file(&world.document.path).unwrap();
    world.deliver().unwrap();
    assert_eq!((world.received(), world.agency.requests.get()), (1, 2));
}

#[test]
fn what_may_have_arrived_is_asked_for_first() {
    for (mode, arrived) in [(Mode::LostBefore, false), (Mode::LostAfter, true)] {
        let world = World::new(mode);
        let error = world.deliver().unwrap_err();
        assert_eq!(error.exit(), Exit::Unknown, "{mode:?}");
        assert!(world.state("attempt.json").exists());
        world.agency.mode.set(Mode::Good);

        world.agency.can_be_asked.set(false);
        let error = world.deliver().unwrap_err();
        assert_eq!((error.code(), error.exit()), ("submission.outcome_unknown", Exit::Unknown));
        assert!(matches!(world.ask(), Found::Unknown(why) if why.contains("net.refused")));
        assert_eq!(world.agency.requests.get(), 1);

        world.agency.can_be_asked.set(true);
        world.deliver().unwrap();
        assert_eq!(world.received(), 1, "{mode:?}");
        assert_eq!(world.agency.requests.get(), if arrived { 1 } else { 2 });
    }
}

#[test]
fn reconciling_asks_by_key_then_by_content() {
    let world = World::new(Mode::LostAfter);
    world.deliver().unwrap_err();
    world.agency.received.borrow_mut()[0].0 = "uploaded by hand".into();
    assert!(matches!(world.ask(), Found::Delivered(_)));
    assert!(world.outbox().acknowledgement().is_some());

    let world = World::new(Mode::LostBefore);
    world.deliver().unwrap_err();
    assert_eq!(world.ask(), Found::NotDelivered);
    assert!(!world.outbox().was_attempted());
}

#[test]
fn what_became_of_the_same_file_before_is_anothers() {
    let world = World::new(Mode::Good);
    let first = world.deliver().unwrap();
    // The same file again, by another run: the attempt is lost on the way.
    let channel = SendChannel::new(world.agency.clone());
    let again = world.outbox_of("8", "11ee11ee-3");
    let deliver = || deliver(&again, &channel, &access(), &world.document, Timestamp::UNIX_EPOCH);
    world.agency.mode.set(Mode::LostBefore);
    deliver().unwrap_err();
    assert_eq!(ask(&again, &channel, &access(), &world.document).unwrap(), Found::NotDelivered);
    world.agency.mode.set(Mode::Good);
    let second = deliver().unwrap();
    assert_ne!(second.protocollo, first.protocollo);
    // Of what arrived under neither key, each takes its own.
    let third = world.outbox_of("9", "22dd22dd-3");
    world.agency.mode.set(Mode::LostAfter);
    super::deliver(&third, &channel, &access(), &world.document, Timestamp::UNIX_EPOCH)
        .unwrap_err();
    world.agency.received.borrow_mut()[2].0 = "uploaded by hand".into();
    let found = ask(&third, &channel, &access(), &world.document).unwrap();
    assert!(matches!(found, Found::Delivered(answer) if answer.protocollo.as_str().ends_with('3')));
}

#[test]
fn by_hand_what_is_wrong_here_says_so_itself() {
    let world = World::new(Mode::LostBefore);
    world.deliver().unwrap_err();
    world.agency.by_hand.set(true);
    world.agency.can_be_asked.set(false);
    let channel = SendChannel::new(world.agency.clone());
    let found = ask(&world.outbox(), &channel, &access(), &world.document).unwrap();
    assert!(matches!(found, Found::Stopped(error) if error.code() == "net.refused"));
}

#[test]
fn another_content_under_our_key_stays_in_doubt() {
    let world = World::new(Mode::OtherDigest);
    let error = world.deliver().unwrap_err();
    assert_eq!((error.code(), error.exit()), ("submission.answer_for_another", Exit::Unknown));
    assert!(matches!(world.ask(), Found::Unknown(why) if why.contains("another content")));
    assert!(world.outbox().was_attempted());
}

#[test]
fn a_process_that_dies_while_sending_has_marked_the_attempt() {
    let world = World::new(Mode::Dies);
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.deliver()));
    assert!(died.is_err());
    assert!(world.outbox().was_attempted());
    world.agency.mode.set(Mode::Good);
    world.deliver().unwrap();
    assert_eq!((world.received(), world.agency.requests.get()), (1, 1));
}

#[test]
fn damaged_records_make_us_ask_instead_of_send() {
    let world = World::new(Mode::Good);
    world.deliver().unwrap();
    fs::write(world.state("acknowledgement.json"), b"{\"protocollo\":\"1\"").unwrap();
    fs::write(world.state("attempt.json"), b"\0\0").unwrap();
    assert_eq!(world.outbox().acknowledgement(), None);
    world.deliver().unwrap();
    assert_eq!(world.agency.requests.get(), 1);
}

#[test]
fn nothing_leaves_that_is_not_what_was_made() {
    let code = |world: &World| world.deliver().unwrap_err().code().to_owned();
    let world = World::new(Mode::Good);
    fs::write(&world.document.path, b"the request, changed").unwrap();
    assert_eq!(code(&world), "submission.document_changed");
    fs::remove_file(&world.document.path).unwrap();
    assert_eq!(code(&world), "submission.document_unreadable");
    fs::write(&world.document.path, vec![0; (5 << 20) + 1]).unwrap();
    assert_eq!(code(&world), "submission.document_too_large");

    let mut world = World::new(Mode::Good);
    world.document.name = "../req.ccc".into();
    assert_eq!(code(&world), "submission.document_name");

    let mut world = World::new(Mode::LostBefore);
    world.deliver().unwrap_err();
    fs::write(&world.document.path, b"another").unwrap();
    world.document.sha256 = sha256_hex(b"another");
    assert_eq!(code(&world), "submission.another_document");
    assert_eq!(world.agency.requests.get(), 1);
}

#[test]
fn a_disk_that_refuses_stops_before_sending() {
    let world = World::new(Mode::Good);
    fs::write(world.root.path().join("state"), b"a file where a folder belongs").unwrap();
    assert_eq!(world.deliver().unwrap_err().code(), "submission.not_stored");
    assert_eq!(world.agency.requests.get(), 0);
}

#[test]
fn a_second_document_of_that_name_has_its_own_folder() {
    let world = World::new(Mode::NotDelivered);
    fs::create_dir_all(world.waiting_copy().parent().unwrap()).unwrap();
    fs::write(world.waiting_copy(), b"an earlier one").unwrap();
    world.deliver().unwrap_err();
    assert_eq!(fs::read(world.waiting_copy()).unwrap(), b"an earlier one");
    let own: &Path = &world.root.path().join("Documenti/da inviare/7-3/req.ccc");
    assert_eq!(fs::read(own).unwrap(), b"the request");
}
