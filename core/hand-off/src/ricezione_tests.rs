//! What is found, when it counts as whole, and that it is read once.

use std::cell::Cell;
use std::fs::File;

use super::*;
use crate::arrivals::LARGEST_READ;
use crate::tests::{Desk, NUMBER, number, sent};
use crate::{Confirmation, list, settling};

thread_local! {
    static NOW: Cell<Timestamp> = const { Cell::new(Timestamp::UNIX_EPOCH) };
}

const BEGIN: &str = "2026-11-22T09:00:00Z";

fn begin() -> Timestamp {
    BEGIN.parse().unwrap()
}

fn after(milliseconds: i64) {
    NOW.set(begin() + SignedDuration::from_millis(milliseconds));
}

/// Looks again and again, with a clock of its own.
fn ricezione(desk: &Desk) -> Ricezione {
    after(0);
    Ricezione::new(desk.folders.clone(), || NOW.get())
}

/// A file that was last written so long after the beginning.
fn write(desk: &Desk, name: &str, content: &[u8], milliseconds: i64) {
    desk.arrive(name, content);
    let at = begin() + SignedDuration::from_millis(milliseconds);
    let file = File::options().write(true).open(place(desk).join(name)).unwrap();
    file.set_modified(SystemTime::from(at)).unwrap();
}

fn place(desk: &Desk) -> PathBuf {
    desk.folders.documents.join("Ricezione")
}

/// The only file, and the milliseconds after the beginning at which it will count.
fn only(ricezione: &Ricezione) -> Option<i64> {
    let [found] = ricezione.look().try_into().unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(found.is_whole(), found.settles_at().is_none());
    let until = found.settles_at()?;
    i64::try_from(until.duration_since(begin()).as_millis()).ok()
}

#[test]
fn what_has_no_end_counts_when_it_has_been_quiet() {
    let desk = Desk::new();
    for (written, expected) in [
        (-5000, None),
        (-4999, Some(1)),
        (0, Some(5000)),
        // The clock of the disk is ahead: from when it was seen.
        (3_600_000, Some(5000)),
        (90_000_000, None),
    ] {
        write(&desk, "a.bin", b"a format of its own", written);
        assert_eq!(only(&ricezione(&desk)), expected, "{written}");
        let once = arrivals(&desk.folders, begin()).pop().unwrap();
        assert_eq!(once.is_whole(), expected.is_none(), "{written}");
    }
    // What says where it ends does not wait.
    write(&desk, "a.bin", b"%PDF-1.4 %%EOF", 0);
    assert_eq!(only(&ricezione(&desk)), None);
}

#[test]
fn whoever_looks_again_sees_what_has_changed_whatever_the_clock_of_the_disk_says() {
    let desk = Desk::new();
    let ricezione = ricezione(&desk);
    assert_eq!(ricezione.look(), []);
    // Long ago, by a disk whose clock is behind; but it was not there before.
    after(1000);
    write(&desk, "a.bin", b"half", -3_600_000);
    assert_eq!(only(&ricezione), Some(6000));
    after(4000);
    assert_eq!(only(&ricezione), Some(6000));
    write(&desk, "a.bin", b"the whole", -3_500_000);
    assert_eq!(only(&ricezione), Some(9000));
    after(8999);
    assert_eq!(only(&ricezione), Some(9000));
    after(9000);
    assert_eq!(only(&ricezione), None);
    // Written once more, in place, of the same length and with the same date.
    write(&desk, "a.bin", b"a sequel.", -3_500_000);
    #[cfg(unix)]
    assert_eq!(only(&ricezione), Some(14_000));
    // The clock goes back: it is not waited for until then.
    after(-60_000);
    #[cfg(unix)]
    assert_eq!(only(&ricezione), Some(-55_000));
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let desk = Desk::new();
    let ricezione = ricezione(&desk);
    write(&desk, "a.pdf", b"%PDF-1.4 %%EOF", -10_000);
    write(&desk, "fresh.pdf", b"%PDF-1.4 %%EOF", -20);
    let read_at = |name: &str| {
        ricezione.look();
        ricezione.seen.borrow().files[&place(&desk).join(name)].read_at
    };
    assert_eq!(read_at("a.pdf"), begin());
    after(5000);
    assert_eq!(read_at("a.pdf"), begin());
    // It may have been written to in the same tick of the disk's clock after it was read.
    assert_eq!(read_at("fresh.pdf"), NOW.get());
    after(6000);
    assert_eq!(read_at("fresh.pdf"), begin() + SignedDuration::from_secs(5));
    write(&desk, "a.pdf", b"%PDF-1.5 %%EOF", -9000);
    assert_eq!(read_at("a.pdf"), NOW.get());
    fs::remove_file(place(&desk).join("a.pdf")).unwrap();
    ricezione.look();
    assert_eq!(ricezione.seen.borrow().files.len(), 1, "what is gone is forgotten");
}

#[test]
fn files_are_found_in_the_folder_and_one_below() {
    let desk = Desk::new();
    let place = place(&desk);
    for folder in ["da Anna", "da Anna/deeper", NUMBER, "26112100000000002", ".hidden"] {
        fs::create_dir_all(place.join(folder)).unwrap();
        fs::write(place.join(folder).join("CERTIF.IN"), folder).unwrap();
    }
    // Only what our own record names is ours.
    let record = r#"{"protocollo":"26112100000000002","tipo_documento":"PKS10","stato":"ELABORATO",
        "motivo_di_scarto":null,"annullato_da":null,"file_name":"req.ccc","sha256":"00",
        "sent_at":"2026-11-21T10:00:00Z","processed_at":null,
        "documenti":{"totale":1,"acquisiti":1,"scartati":0},"notice":null,
        "attachments":[{"name":"CERTIF.IN","sha256":"00","length":1}]}"#;
    let kept = place.join("26112100000000002");
    serde_json::from_str::<ReceiptRecord>(record).unwrap();
    fs::write(kept.join("ricevuta.json"), record).unwrap();
    fs::write(kept.join("26112100000000002.json"), "{}").unwrap();
    fs::write(kept.join("another.pdf"), "x").unwrap();
    for name in [".ceralacca-x", "ISTRUZIONI-7.txt", "istruzioni-7-3.TXT", "Thumbs.db"] {
        desk.arrive(name, b"x");
    }
    for name in ["CERTIF.IN", "a.pdf.crdownload", "b.PART", "istruzioni.txt"] {
        desk.arrive(name, b"x");
    }
    let mut expected = vec![
        ("26112100000000001/CERTIF.IN", "text"),
        ("26112100000000002/another.pdf", "text"),
        ("CERTIF.IN", "text"),
        ("a.pdf.crdownload", "loading"),
        ("b.PART", "loading"),
        ("da Anna/CERTIF.IN", "text"),
        ("da Anna/deeper", "too deep"),
        ("istruzioni.txt", "text"),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.join("CERTIF.IN"), place.join("link")).unwrap();
        std::os::unix::fs::symlink(&place, place.join("circle")).unwrap();
        expected.extend([("circle", "link"), ("link", "link")]);
    }
    expected.sort_unstable();
    let found = arrivals(&desk.folders, Timestamp::MAX);
    let seen: Vec<_> = found
        .iter()
        .map(|arrival| {
            let path = arrival.path.strip_prefix(&place).unwrap().to_str().unwrap();
            let kind = match &arrival.kind {
                ArrivalKind::Opaque { looks_like } => looks_like,
                ArrivalKind::Loading => "loading",
                ArrivalKind::Link => "link",
                ArrivalKind::TooDeep => "too deep",
                other => panic!("{path}: {other:?}"),
            };
            (path, kind)
        })
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn large_files_are_not_read() {
    let desk = Desk::new();
    let large = File::create(place(&desk).join("large")).unwrap();
    large.set_len(LARGEST_READ + 1).unwrap();
    let [found] = arrivals(&desk.folders, begin()).try_into().unwrap();
    assert_eq!((found.length, found.sha256.as_str()), (LARGEST_READ + 1, ""));
    assert_eq!(found.kind, ArrivalKind::TooLarge);
}

#[test]
fn nowhere_is_nothing() {
    let desk = Desk::new();
    fs::remove_dir_all(&desk.folders.documents).unwrap();
    assert_eq!(arrivals(&desk.folders, begin()), []);
    assert!(!desk.folders.documents.exists());
}

#[test]
fn the_answer_that_is_on_its_way_is_known_before_it_counts() {
    let desk = Desk::new();
    desk.submit().unwrap_err();
    desk.say(&Confirmation { protocollo: Some(number(NUMBER)), ..sent() }).unwrap();
    let ricezione = ricezione(&desk);
    let settles = || {
        let all = list(&desk.folders).unwrap();
        settling(&all, &ricezione.look()).get(&all[0].key).copied()
    };
    assert_eq!(settles(), None);
    write(&desk, "a.bin", b"of nothing", 0);
    assert_eq!(settles(), None);
    write(&desk, &format!("{NUMBER}.bin"), b"a format of its own", 0);
    assert_eq!(settles(), Some(begin() + QUIET));
    // Whatever comes later, the answer is there.
    desk.arrive(&format!("{NUMBER}.pdf"), b"%PDF-1.4 %%EOF");
    assert_eq!(settles(), None);
}

#[test]
fn what_nobody_waits_for_wakes_nobody() {
    for (name, expected) in
        [("a.pdf", true), ("CERTIF.IN", true), ("a.pdf.part", false), (".x", false)]
    {
        assert_eq!(is_of_interest(&Path::new("ricezione").join(name)), expected, "{name}");
    }
}
