//! Files of every kind, whole and damaged, and what is found out about them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_keystore::certif_in;

use super::*;
use crate::fixtures::*;
use crate::marks::mark_of;
use crate::{m7m, tsd};

const DOCUMENT: &[u8] = b"<?xml version=\"1.0\"?><indice/>";

fn ask(path: &Path, options: VerifyOptions) -> FileReport {
    verify_file(path, &options, &trust(), later()).unwrap()
}

fn plainly(path: &Path) -> FileReport {
    ask(path, VerifyOptions::default())
}

fn layers(report: &FileReport) -> Vec<Kind> {
    report.layers.iter().map(|layer| layer.kind).collect()
}

fn open_codes(report: &FileReport) -> Vec<String> {
    let checks = report.reports.iter().flat_map(Report::all_checks);
    let open = checks.filter(|check| matches!(check.answer, Answer::No | Answer::Unknown));
    open.map(|check| check.code.clone()).collect()
}

fn m7m_of(p7m: &[u8], tsr: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    m7m::write(&Section::of_bytes(p7m).unwrap(), tsr, "indice.xml.p7m", &mut out).unwrap();
    out
}

fn tsd_of(document: &[u8], token: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    tsd::write(&Section::of_bytes(document).unwrap(), token, "indice", &mut out).unwrap();
    out
}

#[test]
fn a_signed_file_is_valid_in_any_armour() {
    let (folder, p7m) = (Folder::new(), signed(DOCUMENT, &signer(), false));
    let once = STANDARD.encode(&p7m);
    let pem = format!("-----BEGIN PKCS7-----\n{once}\n-----END PKCS7-----\n");
    for (name, bytes, armour) in [
        ("a.p7m", p7m.clone(), 0),
        ("a.txt", once.clone().into_bytes(), 1),
        ("a.jpg", STANDARD.encode(&once).into_bytes(), 2),
        ("a", pem.into_bytes(), 1),
    ] {
        let report = plainly(&folder.file(name, &bytes));
        assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.reports);
        assert_eq!(layers(&report), [Kind::SignedData, Kind::Xml]);
        assert_eq!((report.layers[0].armour.len(), report.length), (armour, bytes.len() as u64));
        assert_eq!(report.sha256, hex::encode(DigestAlgorithm::Sha256.digest(&bytes)));
        assert_eq!(report.anchors.len(), 1);
        report.require_valid().unwrap();
        assert!(report.rows().iter().any(|row| row.answer == Some(Answer::Yes)));
    }
}

#[test]
fn without_anchors_nothing_is_valid() {
    let (folder, p7m) = (Folder::new(), signed(DOCUMENT, &signer(), false));
    folder.file("a.p7m.tsr", &tsr(&p7m));
    let path = folder.file("a.p7m", &p7m);
    let report = verify_file(&path, &VerifyOptions::default(), &Trust::default(), later()).unwrap();
    assert_eq!(report.verdict, Verdict::Indeterminate);
    let Err(InspectError::NotValid { answers, .. }) = report.require_valid() else {
        panic!("taken for valid");
    };
    assert!(!answers.is_empty() && report.anchors.is_empty());
}

#[test]
fn a_detached_signature_needs_its_document() {
    let (folder, p7s) = (Folder::new(), signed(DOCUMENT, &signer(), true));
    let path = folder.file("indice.xml.p7s", &p7s);
    let alone = plainly(&path);
    assert_eq!((alone.kind, alone.verdict), (Kind::DetachedSignature, Verdict::Indeterminate));
    let document = folder.file("altro.xml", DOCUMENT);
    let given = VerifyOptions { document: Some(document.clone()), mark: None };
    assert_eq!(ask(&path, given.clone()).verdict, Verdict::Valid);
    folder.file("altro.xml", b"another");
    assert_eq!(ask(&path, given).verdict, Verdict::Invalid);
    folder.file("indice.xml", DOCUMENT);
    assert_eq!(plainly(&path).verdict, Verdict::Valid);
    let attached = folder.file("a.p7m", &signed(DOCUMENT, &signer(), false));
    let options = VerifyOptions { document: Some(document), mark: None };
    let error = verify_file(&attached, &options, &trust(), later()).unwrap_err();
    assert_eq!(error.code(), "signing.content_inside");
}

#[test]
fn a_mark_lengthens_the_life_of_a_signature() {
    let (folder, p7m) = (Folder::new(), signed(DOCUMENT, &ended_signer(), false));
    let path = folder.file("indice.xml.p7m", &p7m);
    assert_eq!(plainly(&path).verdict, Verdict::Indeterminate, "its certificate has ended");
    let beside = folder.file("indice.xml.p7m.tst", &token(&p7m, DigestAlgorithm::Sha512));
    let marked = plainly(&path);
    assert_eq!(marked.verdict, Verdict::Valid, "{:#?}", marked.reports);
    let mark = plainly(&beside);
    assert_eq!((mark.kind, mark.verdict), (Kind::TimeStampToken, Verdict::Valid));
    for (name, bytes, kinds) in [
        ("a.m7m", m7m_of(&p7m, &tsr(&p7m)), vec![Kind::M7m, Kind::SignedData, Kind::Xml]),
        (
            "a.tsd",
            tsd_of(&p7m, &token(&p7m, DigestAlgorithm::Sha256)),
            vec![Kind::TimeStampedData, Kind::SignedData, Kind::Xml],
        ),
    ] {
        let report = plainly(&folder.file(name, &bytes));
        assert_eq!((report.verdict, layers(&report)), (Verdict::Valid, kinds), "{name}");
    }
    // Without an anchor for the authority, its time is not believed.
    std::fs::remove_file(beside).unwrap();
    let other = tsr(b"something else");
    let options = VerifyOptions { document: None, mark: Some(folder.file("m", &other)) };
    assert_eq!(ask(&path, options).verdict, Verdict::Invalid);
}

#[test]
fn a_mark_over_something_else_is_never_valid() {
    let (folder, p7m) = (Folder::new(), signed(DOCUMENT, &signer(), false));
    let wrong = tsr(DOCUMENT);
    folder.file("a.p7m", &p7m);
    let sides = [
        folder.file("a.p7m.tsr", &wrong),
        folder.file("b.m7m", &m7m_of(&p7m, &wrong)),
        folder.file("b.tsd", &tsd_of(&p7m, &token(DOCUMENT, DigestAlgorithm::Sha384))),
        folder.path().join("a.p7m"),
    ];
    for path in sides {
        let report = plainly(&path);
        assert_eq!(report.verdict, Verdict::Invalid, "{path:?}");
        assert!(open_codes(&report).contains(&"mark.covers".to_owned()), "{path:?}");
    }
    let alone = plainly(&folder.file("c.tsr", &wrong));
    assert_eq!(alone.verdict, Verdict::Indeterminate);
    assert_eq!(open_codes(&alone), ["mark.covers"]);
    // A document that is not signed, with a mark that is over it.
    folder.file("indice.xml", DOCUMENT);
    folder.file("indice.xml.tsr", &wrong);
    assert_eq!(plainly(&folder.path().join("indice.xml")).verdict, Verdict::Valid);
    // What lies beside it by chance and is no mark.
    folder.file("d.p7m.tsr", b"no mark");
    let beside = plainly(&folder.file("d.p7m", &p7m));
    assert_eq!(
        (beside.verdict, open_codes(&beside)),
        (Verdict::Invalid, vec!["file.readable".into()])
    );
}

#[test]
fn a_mark_inside_the_signature_counts_for_the_signature() {
    let (folder, p7m) = (Folder::new(), signed(DOCUMENT, &ended_signer(), false));
    let path = folder.file("a.p7m", &p7m);
    let read =
        ceralacca_signing::signed_data::read(&mut &p7m[..], ceralacca_signing::Content::Discard)
            .unwrap();
    let value = read.signers[0].signature().to_vec();
    let mut stamped = Vec::new();
    let token = token(&value, DigestAlgorithm::Sha256);
    ceralacca_signing::cades::with_timestamp(&path, &token, &mut stamped).unwrap();
    let path = folder.file("b.p7m", &stamped);
    let report = plainly(&path);
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.reports);
    assert_eq!(mark_of(&path).unwrap_err().code(), "inspect.mark_covers_signature");
    assert_eq!(mark_of(&folder.file("c.p7m", &p7m)).unwrap_err().code(), "inspect.no_mark");
}

#[test]
fn nested_files_are_followed_so_far() {
    let folder = Folder::new();
    let mut nested = DOCUMENT.to_vec();
    for depth in 1..=10 {
        nested = signed(&nested, &signer(), false);
        let report = plainly(&folder.file("a.p7m", &nested));
        let expected = if depth < 9 { Verdict::Valid } else { Verdict::Indeterminate };
        assert_eq!(report.verdict, expected, "{depth}");
        assert_eq!(report.layers.len(), (depth + 1).min(9));
    }
    let inner = signed(b"30 documenti", &signer(), false);
    let cut = signed(&inner[..inner.len() - 1], &signer(), false);
    let report = plainly(&folder.file("a.p7m", &cut));
    assert_eq!(
        (report.verdict, open_codes(&report)),
        (Verdict::Invalid, vec!["file.readable".into()])
    );
    let forged = [&inner[..60], &[inner[60] ^ 1], &inner[61..]].concat();
    let report = plainly(&folder.file("a.p7m", &signed(&forged, &signer(), false)));
    assert_eq!(report.verdict, Verdict::Invalid);
}

#[test]
fn what_is_not_signed_says_so() {
    let folder = Folder::new();
    let certificates = certif_in::build(&[signer().certificate().clone(), root()]).unwrap();
    let sealed = ceralacca_keystore::enveloped_data::seal(b"x", signer().certificate()).unwrap();
    let cases = [
        (DOCUMENT.to_vec(), Kind::Xml, Verdict::Indeterminate),
        (b"%PDF-1.7".to_vec(), Kind::Pdf, Verdict::Indeterminate),
        (b"".to_vec(), Kind::Unknown, Verdict::Indeterminate),
        (b"MAMMA".to_vec(), Kind::Unknown, Verdict::Indeterminate),
        (sealed, Kind::EnvelopedData, Verdict::Indeterminate),
        (certificates, Kind::CertsOnly, Verdict::Valid),
        (signer().certificate().as_der().to_vec(), Kind::Certificate, Verdict::Valid),
    ];
    for (bytes, kind, verdict) in cases {
        let path = folder.file("a", &bytes);
        let report = plainly(&path);
        assert_eq!((report.kind, report.verdict), (kind, verdict), "{:#?}", report.reports);
        let nobody =
            verify_file(&path, &VerifyOptions::default(), &Trust::default(), later()).unwrap();
        assert_eq!(nobody.verdict, Verdict::Indeterminate);
    }
    let report = plainly(&folder.path().join("a"));
    assert!(report.rows().iter().any(|row| row.detail.contains("Radice di prova")));
    assert_eq!(
        verify_file(folder.path(), &VerifyOptions::default(), &trust(), later())
            .unwrap_err()
            .code(),
        "inspect.disk"
    );
}

#[test]
fn what_was_not_answered_yes_is_not_valid_for_a_script() {
    let report = plainly(&Folder::new().file("a.p7m", &signed(DOCUMENT, &signer(), false)));
    let lie = FileReport { verdict: Verdict::Valid, reports: Vec::new(), ..report.clone() };
    assert!(lie.require_valid().is_err());
    let doubt = FileReport { verdict: Verdict::Indeterminate, ..report };
    assert!(doubt.require_valid().is_err());
}

/// Whatever happens to the bytes, nobody is told that they are valid.
fn never_valid(name: &str, whole: &[u8], damaged: impl Iterator<Item = (usize, Vec<u8>)>) {
    let (folder, trust) = (Folder::new(), trust());
    let path = folder.file(name, whole);
    let check = |at| verify_file(&path, &VerifyOptions::default(), &trust, at);
    assert_eq!(check(later()).unwrap().verdict, Verdict::Valid);
    for (at, bytes) in damaged {
        folder.file(name, &bytes);
        if let Ok(report) = check(later()) {
            assert_ne!(report.verdict, Verdict::Valid, "{name}, byte {at}");
        }
    }
}

fn flips(whole: &[u8], step: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..whole.len()).step_by(step).map(move |at| {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 1 << (at % 8);
        (at, damaged)
    })
}

fn cuts(whole: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..whole.len()).step_by(37).map(|cut| (cut, whole[..cut].to_vec()))
}

#[test]
fn no_damaged_file_is_valid() {
    let p7m = signed(DOCUMENT, &signer(), false);
    never_valid("a.p7m", &p7m, flips(&p7m, 7).chain(cuts(&p7m)));
    let with_more = std::iter::once((p7m.len(), [&p7m[..], b"\n"].concat()));
    never_valid("a.p7m", &p7m, with_more);
    let message = m7m_of(&p7m, &tsr(&p7m));
    // The headers are not covered by anything; what they say decides nothing but where parts are.
    let start = message.windows(4).position(|four| four == b"\r\n\r\n0").unwrap_or(400);
    let p7m_flips = flips(&message, 11).filter(move |(at, _)| *at > start + 400);
    let end = p7m.len();
    never_valid(
        "a.m7m",
        &message,
        p7m_flips.filter(move |(at, _)| *at < end).chain(cuts(&message)),
    );
}

#[test]
fn no_damaged_mark_is_valid() {
    let folder = Folder::new();
    let trust = trust();
    folder.file("indice.xml", DOCUMENT);
    let whole = tsr(DOCUMENT);
    for (at, bytes) in flips(&whole, 5).chain(cuts(&whole)) {
        let path = folder.file("indice.xml.tsr", &bytes);
        if let Ok(report) = verify_file(&path, &VerifyOptions::default(), &trust, later()) {
            assert_ne!(report.verdict, Verdict::Valid, "byte {at}");
        }
    }
}
