//! Handing over, waiting, going on; and what a kill in between leaves.

use std::fs;
use std::path::PathBuf;

use ceralacca_identity::Account;
use ceralacca_kernel::{Exit, Secret};
use ceralacca_submission::{Rejection, Stato};
use jiff::Timestamp;

use super::*;
use crate::fixtures::rejected;

pub(super) const CONTENT: &[u8] = b"the communication";
pub(super) const NUMBER: &str = "26112100000000001";

/// A workspace and its channel, with a person before it.
pub(super) struct Desk {
    _root: tempfile::TempDir,
    pub(super) folders: Folders,
    pub(super) agency: HandOff,
    pub(super) access: Access,
}

impl Desk {
    pub(super) fn new() -> Desk {
        let root = tempfile::tempdir().unwrap();
        let documents = root.path().join("Documenti");
        let folders = Folders { documents, state: root.path().join("state") };
        for name in ["Ricezione", "da inviare/7"] {
            fs::create_dir_all(folders.documents.join(name)).unwrap();
        }
        let access = Access {
            utente: String::new(),
            password: Secret::new(""),
            codice_pin: Secret::new(""),
            on_behalf_of: Some(Account::parse("RSSMRA85M01H501Q", "000").unwrap()),
        };
        let agency = HandOff::new(Ricezione::new(folders.clone(), Timestamp::now), Vec::new());
        Desk { _root: root, folders, agency, access }
    }

    pub(super) fn copy(&self) -> PathBuf {
        self.folders.documents.join("da inviare/7/comunicazione.ccf")
    }

    pub(super) fn sheet(&self) -> PathBuf {
        self.copy().with_file_name("ISTRUZIONI.txt")
    }

    pub(super) fn submit_as(
        &self,
        key: &str,
        run: &str,
        content: &[u8],
    ) -> Result<Acknowledgement, Failure> {
        fs::write(self.copy(), content).unwrap();
        self.agency.submit(
            &self.access,
            &Outgoing {
                idempotency_key: key,
                name: "comunicazione.ccf",
                tipo_documento: "IMPRONTA",
                sha256: &sha256_hex(content),
                bytes: content,
                at: at("2026-11-21T10:00:00Z"),
                run,
                copy: &self.copy(),
                keys: &[],
            },
        )
    }

    pub(super) fn submit(&self) -> Result<Acknowledgement, Failure> {
        self.submit_as("aa-1", "7", CONTENT)
    }

    pub(super) fn find(&self) -> Result<Vec<Acknowledgement>, Failure> {
        self.agency.find_submissions(&self.access, &Search::Key("aa-1"))
    }

    pub(super) fn arrive(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folders.documents.join("Ricezione").join(name), bytes).unwrap();
    }

    pub(super) fn arrived(&self) -> Vec<Arrival> {
        self.agency.ricezione.look()
    }

    pub(super) fn say(&self, said: &Confirmation) -> Result<HandOver, Error> {
        confirm(&self.folders, "7", said)
    }

    pub(super) fn only(&self) -> HandOver {
        let [one] = list(&self.folders).unwrap().try_into().unwrap();
        one
    }
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn sent() -> Confirmation {
    Confirmation {
        protocollo: None,
        sent_on: None,
        receipt: None,
        rejected: None,
        accepted: false,
        in_force: false,
        not_sent: false,
        correct: false,
        at: at("2026-11-22T09:00:00Z"),
    }
}

pub(super) fn number(text: &str) -> Protocollo {
    Protocollo::parse(text).unwrap()
}

/// The receipt of what the desk sends.
pub(super) fn text(stato: Stato) -> Vec<u8> {
    let mut receipt = rejected();
    receipt.protocollo = number(NUMBER);
    receipt.sha256 = sha256_hex(CONTENT);
    receipt.stato = stato;
    if stato != Stato::Scartato {
        receipt.motivo_di_scarto = None;
    }
    receipt.to_text().into_bytes()
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> (String, Exit) {
    let error = outcome.unwrap_err().error;
    (error.code().to_owned(), error.exit())
}

fn to_be_sent() -> (String, Exit) {
    ("hand_off.to_be_sent".to_owned(), Exit::Waiting)
}

#[test]
fn it_waits_until_a_person_says_that_it_was_sent() {
    let desk = Desk::new();
    let failure = desk.submit().unwrap_err();
    assert_eq!((failure.delivery, failure.passing), (Delivery::Unknown, false));
    let shown = failure.error.to_string();
    for part in ["comunicazione.ccf", "ISTRUZIONI.txt", "ceralacca confirm 7", "--not-sent"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Only the sheet names whom it is for.
    assert!(!shown.contains("RSSMRA85M01H501Q"));
    assert!(fs::read_to_string(desk.sheet()).unwrap().contains("RSSMRA85M01H501Q"));
    assert_eq!(code(desk.find()), to_be_sent());

    desk.say(&Confirmation { protocollo: Some(number(NUMBER)), ..sent() }).unwrap();
    let found = desk.find().unwrap();
    assert_eq!(found, [desk.submit().unwrap()]);
    assert_eq!(found[0].protocollo, number(NUMBER));
    assert_eq!(found[0].received_at, at("2026-11-22T09:00:00Z"));
    assert!(!desk.sheet().exists());
    // Where it goes on: how the receipt is fetched.
    let second = desk.folders.documents.join("Ricezione/ISTRUZIONI-7.txt");
    assert!(fs::read_to_string(&second).unwrap().contains(NUMBER));
    assert!(desk.agency.receipt(&desk.access, &number(NUMBER)).unwrap().is_none());

    desk.arrive("x.txt", &text(Stato::Elaborato));
    let receipt = desk.agency.receipt(&desk.access, &number(NUMBER)).unwrap().unwrap();
    assert_eq!(receipt.stato, Stato::Elaborato);
    assert_eq!(receipt.attachments[0].name, "x.txt");
    assert_eq!(receipt.notice.as_deref(), Some("SANDBOX: ricevuta di prova"));
    let bytes = desk.agency.attachment(&desk.access, &number(NUMBER), "x.txt").unwrap();
    assert_eq!(bytes, text(Stato::Elaborato));
    assert!(!second.exists());
}

#[test]
fn what_a_kill_left_is_mended_by_the_repeated_call() {
    let desk = Desk::new();
    assert_eq!(code(desk.submit()), to_be_sent());
    let sheet = fs::read(desk.sheet()).unwrap();
    // Killed between record and sheet, and the file was taken away since.
    let kept = desk.folders.state.join("outbox/aa-1");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join(sha256_hex(CONTENT)), CONTENT).unwrap();
    for repeat in [&(|| code(desk.find())) as &dyn Fn() -> _, &|| code(desk.submit())] {
        fs::remove_file(desk.sheet()).unwrap();
        fs::remove_file(desk.copy()).unwrap();
        assert_eq!(repeat(), to_be_sent());
        assert_eq!(fs::read(desk.sheet()).unwrap(), sheet);
        assert_eq!(fs::read(desk.copy()).unwrap(), CONTENT);
    }
    // Killed while the record was written: what is half there does not count and is cleared away.
    let half = desk.folders.state.join("hand-off/.ceralacca-half");
    fs::write(&half, "{").unwrap();
    desk.say(&sent()).unwrap();
    assert!(!half.exists());
    // Killed after the confirmation, before the sheets were changed.
    fs::write(desk.sheet(), &sheet).unwrap();
    desk.find().unwrap();
    assert!(!desk.sheet().exists());
}

#[test]
fn what_was_not_sent_is_handed_over_again() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { not_sent: true, ..sent() }).unwrap();
    assert_eq!(desk.find().unwrap(), []);
    assert!(!desk.sheet().exists());
    assert_eq!(code(desk.submit()), to_be_sent());
    assert!(desk.sheet().exists());
}

#[test]
fn an_answer_proves_that_it_was_sent() {
    for not_sent in [false, true] {
        let desk = Desk::new();
        desk.submit().unwrap_err();
        if not_sent {
            desk.say(&Confirmation { not_sent, ..sent() }).unwrap();
        }
        desk.arrive("a.txt", &text(Stato::Scartato));
        let found = desk.find().unwrap();
        assert_eq!(found[0].protocollo, number(NUMBER));
        assert_eq!(found[0].received_at, at("2026-11-21T10:00:00Z"));
        assert_eq!(desk.submit().unwrap(), found[0]);
        let receipt = desk.agency.receipt(&desk.access, &number(NUMBER)).unwrap().unwrap();
        assert_eq!(receipt.stato, Stato::Scartato);
        assert_eq!(receipt.motivo_di_scarto.unwrap().code, "impronta.other_imprint");
    }
}

#[test]
fn one_content_of_two_runs_is_told_to_the_person() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.submit_as("bb-1", "8", CONTENT).unwrap_err();
    assert!(fs::read_to_string(desk.sheet()).unwrap().contains("affidato dalla run 7"));
    // What became of one says nothing of the other.
    desk.say(&sent()).unwrap();
    let search = Search::Sha256(&sha256_hex(CONTENT));
    assert_eq!(desk.agency.find_submissions(&desk.access, &search).unwrap(), []);
    let search = Search::Key("bb-1");
    assert_eq!(code(desk.agency.find_submissions(&desk.access, &search)), to_be_sent());
    // One that was rejected is no reason not to send it.
    let rejected = Confirmation { rejected: Some("delega".into()), ..sent() };
    desk.say(&rejected).unwrap();
    desk.submit_as("cc-1", "9", CONTENT).unwrap_err();
    let sheet = fs::read_to_string(desk.sheet()).unwrap();
    assert!(sheet.contains("affidato dalla run 8.") && !sheet.contains("run 7"), "{sheet}");
}

#[test]
fn the_same_file_twice_without_a_number_has_two_names() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { rejected: Some("delega".into()), ..sent() }).unwrap();
    desk.submit_as("bb-1", "8", CONTENT).unwrap_err();
    confirm(&desk.folders, "8", &sent()).unwrap();
    let names: Vec<_> = ["aa-1", "bb-1"]
        .map(|key| desk.agency.find_submissions(&desk.access, &Search::Key(key)).unwrap())
        .map(|found| found[0].protocollo.clone())
        .into();
    assert_ne!(names[0], names[1]);
    let stato = |asked| desk.agency.receipt(&desk.access, asked).unwrap().map(|found| found.stato);
    assert_eq!((stato(&names[0]), stato(&names[1])), (Some(Stato::Scartato), None));
}

#[test]
fn hand_overs_are_in_the_order_of_their_calls_whatever_the_clock_says() {
    let desk = Desk::new();
    for (key, run, day) in [("aa-10", "7", "22"), ("aa-9", "7", "23"), ("bb-1", "10", "21")] {
        let one = HandOver::new(
            key,
            run,
            Kind::Revocation(HandedRevocation {
                numero_busta: "1".into(),
                tipo_busta: "A".into(),
                account: None,
                subject: None,
            }),
            at(&format!("2026-11-{day}T10:00:00Z")),
        );
        desk.agency.hand_over(one).unwrap();
    }
    let keys: Vec<_> = list(&desk.folders).unwrap().into_iter().map(|one| one.key).collect();
    assert_eq!(keys, ["aa-9", "aa-10", "bb-1"]);
}

#[test]
fn a_number_written_down_later_is_found_under_its_stand_in_too() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&sent()).unwrap();
    let stand_in = desk.find().unwrap()[0].protocollo.clone();
    assert!(!stand_in.is_number());
    desk.arrive("ricevuta-7-comunicazione.ccf.pdf", b"%PDF-1.4 %%EOF");
    let receipt = |asked| desk.agency.receipt(&desk.access, asked).unwrap().unwrap();
    assert_eq!(receipt(&stand_in).stato, Stato::DaAprire);
    assert_eq!(receipt(&stand_in).protocollo, stand_in);
    desk.say(&Confirmation { protocollo: Some(number(NUMBER)), ..sent() }).unwrap();
    assert_eq!(receipt(&stand_in), receipt(&number(NUMBER)));
    let filter =
        |dal: &str| ReceiptFilter { dal: Some(dal.parse().unwrap()), ..Default::default() };
    let listed = |dal| desk.agency.receipts(&desk.access, &filter(dal)).unwrap().len();
    assert_eq!((listed("2026-11-22"), listed("2026-11-23")), (1, 0));
}

#[test]
fn an_answer_that_is_gone_or_changed_is_not_given() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { protocollo: Some(number(NUMBER)), ..sent() }).unwrap();
    let fetch = |name| desk.agency.attachment(&desk.access, &number(NUMBER), name);
    let gone = ("hand_off.answer_gone".to_owned(), Exit::Refused);
    assert_eq!(code(fetch("x.pdf")), gone);
    let name = format!("{NUMBER}.pdf");
    desk.arrive(&name, b"%PDF-1.4 %%EOF");
    assert_eq!(fetch(&name).unwrap(), b"%PDF-1.4 %%EOF");
    assert_eq!(code(fetch("y.pdf")), gone);
}

#[test]
fn a_rejection_that_a_person_tells_is_a_receipt() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { rejected: Some("file\u{1b} errato".into()), ..sent() }).unwrap();
    let acknowledged = desk.find().unwrap();
    let receipt = desk.agency.receipt(&desk.access, &acknowledged[0].protocollo).unwrap().unwrap();
    assert_eq!(receipt.stato, Stato::Scartato);
    let told = Rejection { code: String::new(), text: "file  errato".into() };
    assert_eq!(receipt.motivo_di_scarto, Some(told));
    assert!(receipt.attachments.is_empty());
}

#[test]
fn a_revocation_waits_twice() {
    let desk = Desk::new();
    let revocation = Revocation {
        idempotency_key: "cc-1".into(),
        at: at("2026-11-21T10:00:00Z"),
        run: "7".into(),
        numero_busta: "12345678".into(),
        tipo_busta: "A".into(),
        account: None,
        pin_di_revoca: Secret::new("PinSegreto123456"),
    };
    let revoke = || desk.agency.revoke(&desk.access, &revocation);
    let find = || desk.agency.find_revocation(&desk.access, "cc-1");
    assert_eq!(find().unwrap(), None);
    let waits = ("hand_off.to_be_revoked".to_owned(), Exit::Waiting);
    assert_eq!(code(revoke()), waits);
    assert_eq!(code(find()), waits);
    let sheet = desk.folders.documents.join("da inviare/7/ISTRUZIONI-REVOCA.txt");
    assert!(fs::read_to_string(&sheet).unwrap().contains("12345678"));

    desk.say(&Confirmation { not_sent: true, ..sent() }).unwrap();
    assert_eq!(find().unwrap(), None);
    assert_eq!(code(revoke()), waits);

    desk.say(&sent()).unwrap();
    let asked = revoke().unwrap();
    assert_eq!((asked.requested_at, asked.effective_at), (sent().at, None));
    assert!(fs::read_to_string(&sheet).unwrap().contains("VERIFICA"));

    let again = Confirmation { at: at("2026-11-23T09:00:00Z"), ..sent() };
    desk.say(&again).unwrap();
    assert_eq!(find().unwrap(), Some(asked), "said twice, it is still only asked for");
    let later = Confirmation { at: at("2026-11-24T09:00:00Z"), in_force: true, ..sent() };
    desk.say(&later).unwrap();
    assert_eq!(find().unwrap().unwrap().effective_at, Some(later.at));
    assert!(!sheet.exists());
    // Once more changes nothing, and the PIN is nowhere.
    assert_eq!(desk.say(&sent()).unwrap(), desk.only());
    let record = fs::read_to_string(desk.folders.state.join("hand-off/cc-1.json")).unwrap();
    assert!(!record.contains("PinSegreto"));
}

#[test]
fn a_damaged_record_is_named() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    fs::write(desk.folders.state.join("hand-off/aa-1.json"), "{").unwrap();
    let error = list(&desk.folders).unwrap_err();
    assert_eq!(error.code(), "hand_off.record_unreadable");
    assert!(error.to_string().contains("aa-1.json"), "{error}");
    assert_eq!(code(desk.find()).0, "hand_off.record_unreadable");
    assert_eq!(code(desk.submit()).0, "hand_off.record_unreadable");
}

#[test]
fn a_disk_that_takes_nothing_is_named() {
    let desk = Desk::new();
    fs::write(&desk.folders.state, "a file where a folder should be").unwrap();
    let failure = desk.submit().unwrap_err();
    assert_eq!(failure.delivery, Delivery::NotDelivered);
    assert!(["hand_off.not_stored", "hand_off.record_unreadable"].contains(&failure.error.code()));
    fs::remove_file(&desk.folders.state).unwrap();
    assert_eq!(code(desk.submit()), to_be_sent());
}

#[test]
fn without_a_file_there_is_no_ca() {
    let desk = Desk::new();
    let refused = |code: &str| (code.to_owned(), Exit::Refused);
    assert_eq!(code(desk.agency.ca_certificates()), refused("hand_off.no_ca"));
    assert_eq!(code(desk.agency.crl()), refused("hand_off.no_ca"));
    let file = desk.folders.documents.join("ca.pem");
    let agency =
        HandOff::new(Ricezione::new(desk.folders.clone(), Timestamp::now), vec![file.clone()]);
    let agency = agency.with_crls(vec![file.clone()]);
    assert_eq!(code(agency.ca_certificates()), refused("hand_off.ca_unusable"));
    for content in ["nothing", "-----BEGIN CERTIFICATE-----\nAAAA", "-----BEGIN X-----\n"] {
        fs::write(&file, content).unwrap();
        assert_eq!(code(agency.ca_certificates()), refused("hand_off.ca_unusable"), "{content}");
        assert_eq!(code(agency.crl()), refused("hand_off.ca_unusable"), "{content}");
    }
    fs::write(&file, "-----BEGIN X509 CRL-----\nMAMCAQU=\n-----END X509 CRL-----\n").unwrap();
    assert_eq!(agency.crl().unwrap(), [0x30, 3, 2, 1, 5]);
}
