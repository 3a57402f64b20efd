//! Records: one name for one key, whatever is interrupted and however many work at once.

use std::collections::BTreeSet;
use std::thread;

use super::*;

fn fresh(key: &str) -> Record {
    let at = "2026-11-22T05:36:00Z".parse().unwrap();
    Record {
        key: key.to_owned(),
        run: "1".to_owned(),
        at,
        file_name: "a.ccf".to_owned(),
        tipo_documento: "IMPRONTA".to_owned(),
        sha256: sha256(b"document"),
        support: SupportName::at("01234567", at, 1).unwrap(),
        support_sha256: sha256(key.as_bytes()),
    }
}

#[test]
fn a_repeated_call_finds_its_name_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open(folder.path()).unwrap();
    let made = records.lock("k-1").unwrap().make(fresh("k-1"), b"k-1").unwrap();
    // As another process would see it.
    let records = Records::open(folder.path()).unwrap();
    let found = records.find("k-1").unwrap().unwrap();
    assert_eq!(found.record().unwrap().unwrap(), made);
    assert_eq!(found.support(&made).unwrap(), b"k-1");
    assert_eq!(found.progress(), Progress::Made);
    found.mark_attempted(&made).unwrap();
    assert_eq!(found.progress(), Progress::Attempted);
    let part = found.part(&made);
    found.withdraw_attempt().unwrap();
    found.withdraw_attempt().unwrap();
    assert_ne!(found.part(&made), part, "each attempt has its own part");
    assert_eq!(found.progress(), Progress::Made);
    found.mark_sent(&made);
    assert_eq!(found.progress(), Progress::Sent);
    drop(found);
    assert!(records.find("k-2").unwrap().is_none());
    assert_eq!(records.all().unwrap(), [made]);
}

#[test]
fn what_was_interrupted_before_its_record_is_made_again_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open(folder.path()).unwrap();
    let first = fresh("k-1").support;
    // The name was taken and the bytes kept; the process died before the record.
    records.take_name(first.clone(), "k-1").unwrap();
    let made = records.lock("k-1").unwrap().make(fresh("k-1"), b"k-1").unwrap();
    assert_eq!(made.support, first.next().unwrap());
}

#[test]
fn many_at_once_never_have_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<SupportName> = thread::scope(|scope| {
        let work = |worker: usize| {
            let folder = folder.path();
            scope.spawn(move || {
                let records = Records::open(folder).unwrap();
                (0..20)
                    .map(|step| {
                        let key = format!("{worker}-{step}");
                        let locked = records.lock(&key).unwrap();
                        locked.make(fresh(&key), key.as_bytes()).unwrap().support
                    })
                    .collect::<Vec<_>>()
            })
        };
        let workers: Vec<_> = (0..8).map(work).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 160);
}

#[test]
fn one_key_is_worked_on_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open(folder.path()).unwrap();
    let held = records.lock("k").unwrap();
    let path = folder.path().join(SUPPORTS).join("k/lock");
    let other = File::open(&path).unwrap();
    assert!(other.try_lock().is_err());
    drop(held);
    assert!(other.try_lock().is_ok());
}

#[test]
fn a_minute_has_999_names() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open(folder.path()).unwrap();
    let last = SupportName::at("1", Timestamp::UNIX_EPOCH, 999).unwrap();
    records.take_name(last.clone(), "a").unwrap();
    let error = records.take_name(last, "b").unwrap_err();
    assert!(matches!(error, SftpError::SupportName { .. }));
}

#[test]
fn damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open(folder.path()).unwrap();
    let locked = records.lock("k").unwrap();
    let made = locked.make(fresh("k"), b"k").unwrap();
    fs::write(folder.path().join(SUPPORTS).join("k").join(SUPPORT), b"other").unwrap();
    assert!(matches!(locked.support(&made).unwrap_err(), SftpError::State { .. }));
    for text in ["", "{}", "[1", "\u{0}"] {
        fs::write(folder.path().join(SUPPORTS).join("k").join(RECORD), text).unwrap();
        assert!(matches!(locked.record().unwrap_err(), SftpError::State { .. }), "{text}");
        assert!(records.all().is_err());
    }
    let strange = "../../x";
    records.lock(strange).unwrap().make(fresh(strange), b"x").unwrap();
    assert!(!folder.path().parent().unwrap().join("x").exists());
}
