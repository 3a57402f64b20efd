//! Outcomes on disk: what comes later adds to what is kept, and undoes none of it.

use std::fs;

use super::*;

fn folders(root: &Path) -> Folders {
    Folders { documents: root.join("Documenti"), state: root.join("state") }
}

fn record(stato: Stato) -> ReceiptRecord {
    ReceiptRecord {
        protocollo: Protocollo::parse("26112100000000001").unwrap(),
        tipo_documento: "IMPRONTA".into(),
        stato,
        motivo_di_scarto: None,
        annullato_da: None,
        file_name: "comunicazione.ccf".into(),
        sha256: "ab".repeat(32),
        sent_at: Timestamp::UNIX_EPOCH,
        processed_at: None,
        documenti: Counts { totale: 1, acquisiti: 1, scartati: 0 },
        attachments: vec![AttachmentRecord {
            name: "26112100000000001.RCC".into(),
            sha256: sha256_hex(b"sealed"),
            length: 6,
        }],
        notice: None,
    }
}

/// A file as it is kept once it was fetched.
fn kept(folders: &Folders, name: &str, bytes: &[u8]) -> KeptFile {
    let folder = folders.documents.join("ricezione/26112100000000001");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
    KeptFile::new(folders, &folder.join(name), bytes)
}

#[test]
fn what_is_lost_or_changed_is_unread_again() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let row = record(Stato::Elaborato);
    let rcc = kept(&folders, "26112100000000001.RCC", b"sealed");
    let rel = kept(&folders, "26112100000000001.rel", b"Stato: ELABORATO");
    assert_eq!(rcc.path, Path::new("ricezione/26112100000000001/26112100000000001.RCC"));
    let (rcc, rel) = (Some(rcc), Some(rel));
    Esito { rcc, rel: rel.clone(), ..Esito::of(&folders, &row) }.keep(&folders).unwrap();
    assert!(!is_unread(&folders, &row));
    let path = rel.unwrap().place(&folders);
    for changed in [&b"Stato: SCARTATO "[..], b""] {
        fs::write(&path, changed).unwrap();
        assert!(is_unread(&folders, &row));
    }
    fs::remove_file(&path).unwrap();
    assert!(is_unread(&folders, &row));
    fs::write(&path, b"Stato: ELABORATO").unwrap();
    assert!(!is_unread(&folders, &row));
}

#[test]
fn why_a_receipt_does_not_open_is_kept_until_another_one_comes() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let row = record(Stato::Elaborato);
    let closed = NotOpenable {
        code: "receipt.undecryptable".into(),
        reason: "no key".into(),
        next: "bring it".into(),
        recipients: vec!["serial 1".into()],
        rcc_sha256: sha256_hex(b"sealed"),
        tried: "t".into(),
    };
    let esito = Esito { not_openable: Some(closed.clone()), ..Esito::of(&folders, &row) };
    esito.keep(&folders).unwrap();
    note(&folders, &row).unwrap();
    let now = Esito::read(&folders, &row.protocollo).unwrap();
    assert_eq!(now.closed(&row.attachments[0]), Some(&closed));
    let mut other = row.attachments[0].clone();
    other.sha256 = sha256_hex(b"another");
    assert_eq!(now.closed(&other), None);
    assert!(is_unread(&folders, &row), "it is asked for again, and tried when something changed");
}

#[test]
fn an_outcome_is_kept_once_there_is_one() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let record = |stato| record(stato);
    let number = record(Stato::Elaborato).protocollo;
    for stato in [Stato::InElaborazione, Stato::DaAprire] {
        note(&folders, &record(stato)).unwrap();
        assert_eq!(Esito::read(&folders, &number), None);
        assert!(!root.path().join("Documenti/esiti").exists());
    }
    note(&folders, &record(Stato::Elaborato)).unwrap();
    assert_eq!(Esito::read(&folders, &number).unwrap().stato, Stato::Elaborato);
    assert!(is_unread(&folders, &record(Stato::Elaborato)));
}

#[test]
fn what_was_read_in_a_receipt_stands() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let opened = Esito {
        stato: Stato::Scartato,
        motivo_di_scarto: Some(Rejection { code: "x".into(), text: "y".into() }),
        rcc: Some(kept(&folders, "26112100000000001.RCC", b"sealed")),
        ..Esito::of(&folders, &record(Stato::DaAprire))
    };
    opened.keep(&folders).unwrap();
    let number = &opened.protocollo;
    note(&folders, &record(Stato::Elaborato)).unwrap();
    let now = Esito::read(&folders, number).unwrap();
    assert_eq!((now.stato, &now.motivo_di_scarto), (Stato::Scartato, &opened.motivo_di_scarto));
    assert!(!is_unread(&folders, &record(Stato::Elaborato)));
    note(&folders, &record(Stato::Annullato)).unwrap();
    let now = Esito::read(&folders, number).unwrap();
    assert_eq!((now.stato, now.rcc), (Stato::Annullato, opened.rcc));
    // A row of another content under this number has nothing to do with it.
    let other = ReceiptRecord { sha256: "cd".repeat(32), ..record(Stato::Elaborato) };
    note(&folders, &other).unwrap();
    assert_eq!(Esito::read(&folders, number).unwrap().rcc, None);
}

#[test]
fn damaged_outcomes_and_those_of_older_versions_are_read() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let number = record(Stato::Elaborato).protocollo;
    let path = root.path().join(format!("Documenti/ESITI/{number}.json"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = r#"{"protocollo":"26112100000000001","tipo_documento":"IMPRONTA",
        "stato":"ELABORATO","motivo_di_scarto":null,"file_name":"a.ccf","sent_sha256":"ab",
        "sent_copy":"inviati/a","rcc":{"path":"a.rcc","sha256":"cd"},
        "p7m":{"path":"a.p7m","sha256":"ef"},"rel":{"path":"a.rel","sha256":"01"}}"#;
    fs::write(&path, old).unwrap();
    assert_eq!(Esito::read(&folders, &number).unwrap().rcc.unwrap().sha256, "cd");
    for damaged in [&old.as_bytes()[..90], b"\xff\xff", &vec![b' '; 300 << 10]] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(Esito::read(&folders, &number), None);
    }
    // It is written anew when the row comes again.
    note(&folders, &record(Stato::Elaborato)).unwrap();
    assert_eq!(Esito::read(&folders, &number).unwrap().stato, Stato::Elaborato);
}
