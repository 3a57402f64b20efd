//! The register: joined from what lies on disk, whole or damaged, few or ten thousand.

use std::fs;
use std::path::Path;

use super::*;
use crate::esito::{Esito, note};
use crate::outbox::json;
use crate::{Acknowledgement, AttachmentRecord, KeptFile, NotOpenable, ReceiptRecord};

struct Disk {
    _root: tempfile::TempDir,
    folders: Folders,
}

impl Disk {
    fn new() -> Disk {
        let root = tempfile::tempdir().unwrap();
        let documents = root.path().join("Documenti");
        let folders = Folders { documents, state: root.path().join("state") };
        Disk { _root: root, folders }
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.folders.state.parent().unwrap().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn acknowledged(&self, number: u32, sha256: &str) {
        let answer = Acknowledgement {
            protocollo: protocollo(number),
            sha256: sha256.into(),
            file_name: "req.ccc".into(),
            tipo_documento: "PKS10".into(),
            received_at: at(number),
        };
        self.write(&format!("state/outbox/k-{number}/acknowledgement.json"), &json(&answer));
        self.write(&format!("state/outbox/k-{number}/attempt.json"), b"{}");
    }

    fn attempted(&self, key: &str, sha256: &str) {
        let attempt = serde_json::json!({
            "at": "2026-11-21T10:00:00Z",
            "name": "req.ccc",
            "tipo_documento": "PKS10",
            "sha256": sha256,
        });
        self.write(&format!("state/outbox/{key}/attempt.json"), &json(&attempt));
    }

    fn read(&self) -> Register {
        Register::read(&self.folders)
    }
}

fn protocollo(number: u32) -> Protocollo {
    Protocollo::parse(&format!("{number:017}")).unwrap()
}

fn at(number: u32) -> Timestamp {
    let midnight: Timestamp = "2026-11-21T23:00:00Z".parse().unwrap();
    midnight + jiff::SignedDuration::from_hours(i64::from(number))
}

fn record(number: u32, stato: Stato, sha256: &str) -> ReceiptRecord {
    ReceiptRecord {
        protocollo: protocollo(number),
        tipo_documento: "PKS10".into(),
        stato,
        motivo_di_scarto: (stato == Stato::Scartato)
            .then(|| Rejection { code: "X1".into(), text: "no".into() }),
        annullato_da: None,
        file_name: "req.ccc".into(),
        sha256: sha256.into(),
        sent_at: at(number),
        processed_at: None,
        documenti: Counts::default(),
        attachments: Vec::new(),
        notice: None,
    }
}

fn sealed(sha256: &str) -> AttachmentRecord {
    AttachmentRecord { name: "x.rcc".into(), sha256: sha256.into(), length: 1 }
}

#[test]
fn rows_are_joined_and_filtered() {
    let disk = Disk::new();
    assert_eq!(disk.read(), Register::default());
    disk.acknowledged(1, "aa");
    disk.acknowledged(2, "bb");
    disk.attempted("k-9", "ff");
    let unread =
        ReceiptRecord { attachments: vec![sealed("cc")], ..record(2, Stato::Elaborato, "bb") };
    note(&disk.folders, &unread).unwrap();
    note(&disk.folders, &record(30, Stato::Scartato, "ee")).unwrap();

    let register = disk.read();
    assert_eq!(register.problems, []);
    let shown: Vec<_> = register
        .rows
        .iter()
        .map(|row| (row.protocollo.clone(), row.stato, row.sent, row.receipt))
        .collect();
    assert_eq!(
        shown,
        [
            (protocollo(30), Stato::Scartato, false, ReceiptState::InChiaro),
            (protocollo(2), Stato::Elaborato, true, ReceiptState::NonLetta),
            (protocollo(1), Stato::InElaborazione, true, ReceiptState::Attesa),
        ]
    );
    assert_eq!(register.rows[1].key.as_deref(), Some("k-2"));
    assert_eq!(register.unread().count(), 1);
    assert_eq!((register.in_doubt.len(), register.in_doubt[0].key.as_str()), (1, "k-9"));

    // The days are Italy's: 23:00 UTC is the next day there.
    let day = |text: &str| Some(text.parse().unwrap());
    let rows = |filter| disk.read().filtered(&filter).rows.len();
    let all = RegisterFilter::default;
    assert_eq!(rows(RegisterFilter { al: day("2026-11-21"), ..all() }), 0);
    assert_eq!(rows(RegisterFilter { al: day("2026-11-22"), ..all() }), 2);
    assert_eq!(rows(RegisterFilter { dal: day("2026-11-23"), ..all() }), 1);
    assert_eq!(rows(RegisterFilter { unread: true, ..all() }), 1);
    assert_eq!(rows(RegisterFilter { protocollo: Some(protocollo(1)), ..all() }), 1);
}

/// A receipt that was opened, with its file; the record as it is written now, or by an older version.
fn opened(disk: &Disk, record: &ReceiptRecord, older: bool) -> Esito {
    let path = format!("ricezione/{}/x.rcc", record.protocollo);
    disk.write(&format!("Documenti/{path}"), b"c");
    let path = if older { format!("/home/altrove/Documenti/{path}") } else { path };
    let rcc = KeptFile { path: path.into(), sha256: "cc".into(), length: 1 };
    let esito = Esito { rcc: Some(rcc), ..Esito::of(&disk.folders, record) };
    esito.keep(&disk.folders).unwrap();
    esito
}

#[test]
fn what_was_opened_is_read_while_its_files_are_there() {
    for older in [false, true] {
        let disk = Disk::new();
        let row =
            ReceiptRecord { attachments: vec![sealed("cc")], ..record(2, Stato::Elaborato, "bb") };
        note(&disk.folders, &row).unwrap();
        opened(&disk, &row, older);
        let register = disk.read();
        let path = disk.folders.documents.join(format!("ricezione/{}/x.rcc", protocollo(2)));
        assert_eq!(register.rows[0].receipt, ReceiptState::Letta);
        assert_eq!(register.rows[0].paths.rcc.as_ref(), Some(&path), "{older}");
        // With the same length only the digests tell.
        let verified = Register::verified(&disk.folders);
        assert_eq!(verified.rows[0].receipt, ReceiptState::NonLetta);
        assert!(verified.problems[0].reason.contains("changed"), "{:?}", verified.problems);
        for (bytes, said) in [(Some(&b""[..]), "0 bytes"), (None, "not there")] {
            match bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let register = disk.read();
            assert_eq!(register.rows[0].receipt, ReceiptState::NonLetta);
            assert_eq!((register.unread().count(), register.problems.len()), (1, 1));
            assert!(register.problems[0].reason.contains(said), "{:?}", register.problems);
            assert!(register.problems[0].next.contains("collect_receipts"));
        }
    }
}

#[test]
fn what_nothing_opens_is_a_state_of_its_own() {
    let disk = Disk::new();
    let closed = |code: &str| NotOpenable {
        code: code.into(),
        reason: "sealed for serial 7".into(),
        next: String::new(),
        recipients: vec!["serial 7".into()],
        rcc_sha256: "cc".into(),
        tried: String::new(),
    };
    let row = |number, stato| ReceiptRecord {
        attachments: vec![sealed("cc")],
        ..record(number, stato, "bb")
    };
    let put = |row: &ReceiptRecord, code| {
        note(&disk.folders, row).unwrap();
        let esito = Esito::of(&disk.folders, row);
        Esito { not_openable: Some(closed(code)), ..esito }.keep(&disk.folders).unwrap();
    };
    put(&row(3, Stato::Elaborato), "receipt.undecryptable");
    put(&row(2, Stato::Elaborato), "receipt.opaque");
    // By hand, a person says what an opaque one says.
    put(&row(1, Stato::DaAprire), "receipt.opaque");
    let register = disk.read();
    let states: Vec<_> = register.rows.iter().map(|row| row.receipt).collect();
    let closed = ReceiptState::NonApribile;
    assert_eq!(states, [closed, closed, ReceiptState::NonLetta]);
    assert_eq!((register.unread().count(), register.not_openable().count()), (1, 2));
    let why = register.rows[0].not_openable.as_ref().unwrap();
    assert_eq!(why.recipients, ["serial 7"]);
    let filter = RegisterFilter { not_openable: true, ..RegisterFilter::default() };
    assert_eq!(disk.read().filtered(&filter).rows.len(), 2);
}

#[test]
fn a_row_of_the_agency_settles_a_doubt() {
    let disk = Disk::new();
    disk.attempted("k-1", "aa");
    assert_eq!(disk.read().in_doubt.len(), 1);
    // Of another content, of an earlier day, or acknowledged to another submission.
    let earlier = ReceiptRecord {
        sent_at: "2026-11-20T10:00:00Z".parse().unwrap(),
        ..record(4, Stato::Scartato, "aa")
    };
    note(&disk.folders, &earlier).unwrap();
    note(&disk.folders, &record(5, Stato::Elaborato, "bb")).unwrap();
    disk.acknowledged(6, "aa");
    note(&disk.folders, &record(6, Stato::Elaborato, "aa")).unwrap();
    assert_eq!(disk.read().in_doubt.len(), 1);
    note(&disk.folders, &record(7, Stato::Elaborato, "aa")).unwrap();
    let register = disk.read();
    assert_eq!(register.in_doubt, []);
    let row = register.rows.iter().find(|row| row.protocollo == protocollo(7)).unwrap();
    assert_eq!((row.key.as_deref(), row.sent), (Some("k-1"), true));
    // One row settles one doubt.
    disk.attempted("k-2", "aa");
    assert_eq!(disk.read().in_doubt.len(), 1);
    // A mark that cannot be read is called by its folder.
    disk.write("state/outbox/k-3/attempt.json", b"\0");
    let named: Vec<_> = disk.read().in_doubt.iter().map(InDoubt::name).collect();
    assert!(named.iter().any(|name| name.contains("outbox/k-3")), "{named:?}");
}

#[test]
fn what_became_of_a_request() {
    let disk = Disk::new();
    let outcome = |sha256| disk.read().request_outcome(sha256);
    assert_eq!(outcome("aa"), RequestOutcome::NeverSent);
    disk.attempted("k-1", "aa");
    assert_eq!(outcome("aa"), RequestOutcome::Waiting);
    disk.acknowledged(1, "aa");
    assert_eq!(outcome("aa"), RequestOutcome::Waiting);
    note(&disk.folders, &record(1, Stato::Scartato, "aa")).unwrap();
    let (protocollo, reason) = (protocollo(1).to_string(), "X1: no".to_owned());
    assert_eq!(outcome("aa"), RequestOutcome::Rejected { protocollo, reason });
    // Sent once more: one that may still be accepted counts.
    disk.attempted("k-2", "aa");
    assert_eq!(outcome("aa"), RequestOutcome::Waiting);
    disk.acknowledged(2, "aa");
    assert_eq!(outcome("aa"), RequestOutcome::Waiting);
    note(&disk.folders, &record(2, Stato::Elaborato, "aa")).unwrap();
    assert_eq!(outcome("aa"), RequestOutcome::Accepted);
    assert_eq!(outcome("bb"), RequestOutcome::NeverSent);
}

#[test]
fn what_a_person_did_not_send_is_not_in_doubt() {
    let disk = Disk::new();
    disk.attempted("k-1", "aa");
    let hand_over = |state: serde_json::Value| {
        let one = serde_json::json!({
            "key": "k-1",
            "run": "1",
            "kind": { "submission": {
                "name": "req.ccc", "tipo_documento": "PKS10", "sha256": "aa", "length": 1,
                "copy": "da inviare/1/req.ccc",
            } },
            "handed_over_at": "2026-11-21T10:00:00Z",
            "state": state,
        });
        disk.write("state/hand-off/k-1.json", &json(&one));
        disk.read()
    };
    let waits = hand_over("waiting".into());
    assert_eq!((waits.problems.len(), waits.hand_overs.len()), (0, 1));
    assert!(waits.in_doubt[0].handed_over);
    assert_eq!(waits.request_outcome("aa"), RequestOutcome::Waiting);
    // A person has said that it was sent: it is in the list at once.
    let sent = serde_json::json!({ "confirmed": {
        "at": "2026-11-21T11:00:00Z", "sent_on": "2026-11-21", "protocollo": protocollo(9),
    } });
    let confirmed = hand_over(sent);
    assert_eq!((confirmed.in_doubt.len(), confirmed.rows.len()), (0, 1));
    let row = &confirmed.rows[0];
    assert_eq!((row.stato, row.receipt), (Stato::InElaborazione, ReceiptState::Attesa));
    assert!(row.handed_over && row.sent && row.key.as_deref() == Some("k-1"));
    assert_eq!(confirmed.request_outcome("aa"), RequestOutcome::Waiting);
    let rejected = hand_over(serde_json::json!({ "rejected": {
        "at": "2026-11-21T11:00:00Z", "sent_on": "2026-11-21", "protocollo": protocollo(9),
        "motivo": { "code": "", "text": "pincode errato" },
    } }));
    assert_eq!(rejected.rows[0].stato, Stato::Scartato);
    assert_eq!(rejected.rows[0].motivo_di_scarto.as_ref().unwrap().text, "pincode errato");
    let outcome = rejected.request_outcome("aa");
    assert!(matches!(outcome, RequestOutcome::Rejected { .. }), "{outcome:?}");
    let not_sent = hand_over(serde_json::json!({ "not_sent": { "at": "2026-11-21T11:00:00Z" } }));
    assert_eq!((not_sent.problems.len(), not_sent.in_doubt.len()), (0, 0));
    assert_eq!(not_sent.request_outcome("aa"), RequestOutcome::NeverSent);
}

#[test]
fn damaged_files_are_problems_and_hide_nothing_else() {
    let disk = Disk::new();
    disk.acknowledged(1, "aa");
    disk.acknowledged(2, "bb");
    let whole = disk.read().rows.len();
    disk.write("state/outbox/k-3/acknowledgement.json", b"{\"protocollo\":\"1\"");
    disk.write("state/outbox/k-3/attempt.json", b"\0\0");
    disk.write("state/outbox/loose", b"");
    disk.write(&format!("Documenti/ricezione/{}/ricevuta.json", protocollo(4)), b"[");
    disk.write(&format!("Documenti/esiti/{}.json", protocollo(5)), &vec![b'['; 300 << 10]);
    disk.write("Documenti/esiti/altro.json", b"of another program");
    disk.write("Documenti/ricezione/CERTIF.IN", b"of the portal");
    disk.write("state/revocations/k.json", b"null");
    let register = disk.read();
    assert_eq!(register.rows.len(), whole);
    let names: Vec<_> =
        register.problems.iter().map(|one| one.path.file_name().unwrap().to_owned()).collect();
    let five = format!("{}.json", protocollo(5));
    let expected =
        [five.as_str(), "acknowledgement.json", "attempt.json", "ricevuta.json", "k.json"];
    assert_eq!(names, expected, "{:#?}", register.problems);
    // A mark that cannot be read is still a mark.
    assert_eq!((register.in_doubt.len(), register.in_doubt[0].at), (1, None));
}

#[test]
fn a_stand_in_becomes_the_number_once_it_is_known() {
    let disk = Disk::new();
    let day = "2026-11-22".parse().unwrap();
    let stand_in = Protocollo::not_written_down(day, "aabbccdd");
    let at_first = ReceiptRecord {
        protocollo: stand_in,
        attachments: vec![sealed("cc")],
        ..record(1, Stato::DaAprire, "aabbccdd")
    };
    note(&disk.folders, &at_first).unwrap();
    assert_eq!(disk.read().rows[0].receipt, ReceiptState::NonLetta);
    let esito = opened(&disk, &at_first, false);
    let esito = Esito { numero: Some(protocollo(7)), stato: Stato::Elaborato, ..esito };
    esito.keep(&disk.folders).unwrap();
    let later = ReceiptRecord { protocollo: protocollo(7), ..at_first };
    note(&disk.folders, &later).unwrap();
    let register = disk.read();
    assert_eq!((register.rows.len(), &register.problems), (1, &Vec::new()));
    let row = &register.rows[0];
    assert_eq!(row.protocollo, protocollo(7));
    assert_eq!((row.stato, row.receipt), (Stato::Elaborato, ReceiptState::Letta));
}

#[test]
fn a_thousand_sends_are_read() {
    let disk = Disk::new();
    let row = |path: &Path, number: u32| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, json(&record(number, Stato::Elaborato, "aa"))).unwrap();
    };
    for number in 0..1000 {
        disk.acknowledged(number, "aa");
        let folder = disk.folders.documents.join("ricezione").join(protocollo(number).as_str());
        row(&folder.join("ricevuta.json"), number);
        let esito = Esito::of(&disk.folders, &record(number, Stato::Elaborato, "aa"));
        disk.write(&format!("Documenti/esiti/{}.json", protocollo(number)), &json(&esito));
    }
    let register = disk.read();
    assert_eq!((register.rows.len(), register.problems.len()), (1000, 0));
}
