//! The register: joined from what lies on disk, whole or damaged, few or ten thousand.

use std::fs;
use std::path::Path;

use super::*;
use crate::esito::{Esito, note};
use crate::outbox::json;
use crate::{Acknowledgement, AttachmentRecord, KeptFile, ReceiptRecord};

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

    let opened = Esito {
        rcc: Some(KeptFile { path: "x.rcc".into(), sha256: "cc".into(), length: 1 }),
        ..Esito::of(&disk.folders, &unread)
    };
    opened.keep(&disk.folders).unwrap();
    let register = disk.read();
    assert_eq!(register.rows[1].receipt, ReceiptState::Letta);
    assert_eq!(register.rows[1].paths.rcc, None, "it is not there any more");
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
    let opened = Esito {
        numero: Some(protocollo(7)),
        stato: Stato::Elaborato,
        rcc: Some(KeptFile { path: "x.rcc".into(), sha256: "cc".into(), length: 1 }),
        ..Esito::of(&disk.folders, &at_first)
    };
    opened.keep(&disk.folders).unwrap();
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
