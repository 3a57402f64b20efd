//! Signed files of every kind, whole and damaged: what is read, and what is answered.

use ceralacca_ber::tag::{CONTEXT_0, CONTEXT_1, INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use ceralacca_ber::{Element, encode};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_COUNTERSIGNATURE, ID_DATA, ID_SIGNED_DATA};
use const_oid::db::rfc5912::ID_SHA_256;
use proptest::prelude::*;

use crate::algorithm::identifier;
use crate::cades::{self, Options, attribute, sign};
use crate::error::SigningError;
use crate::fixtures::{Contents, entry, moment, signed, trust};
use crate::signed_data::{self, Content, SignedData};
use crate::{Answer, DigestAlgorithm, Purpose, Report, Trust, Verdict, verify};

const TEXT: &[u8] = b"indice dell'archivio";

fn read(bytes: &[u8]) -> Result<SignedData, SigningError> {
    signed_data::read(&mut &bytes[..], Content::Discard)
}

fn report(bytes: &[u8], trust: &Trust) -> Report {
    verify(&read(bytes).unwrap(), trust, moment(), Purpose::Signing).remove(0)
}

fn answers(report: &Report, answer: Answer) -> Vec<&str> {
    let checks = report.all_checks().into_iter().filter(|check| check.answer == answer);
    checks.map(|check| check.code.as_str()).collect()
}

#[test]
fn what_is_signed_verifies() {
    let p7m = signed(TEXT, Contents::signer());
    let mut content = Vec::new();
    let data = signed_data::read(&mut p7m.as_slice(), Content::Into(&mut content)).unwrap();
    assert_eq!((content.as_slice(), data.attached, data.length), (TEXT, true, p7m.len() as u64));
    assert_eq!(data.digests[&DigestAlgorithm::Sha256], DigestAlgorithm::Sha256.digest(TEXT));
    assert_eq!(data.signers[0].signing_time(), Some(moment()));
    let report = report(&p7m, &trust());
    assert_eq!(report.verdict(), Verdict::Valid, "{report:#?}");
    assert_eq!(report.subject, "signature 1 of 1, Rossi Mario");
    assert_eq!(answers(&report, Answer::Note), ["signature.time"]);
    assert!(ceralacca_ber::is_der(&p7m));
}

#[test]
fn large_and_unknown_lengths_give_the_same_answers() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| at as u8).collect();
    let options = Options::attached(moment());
    let signer = entry(Contents::signer());
    for (content, length) in [(TEXT, None), (&large, Some(large.len() as u64)), (&large, None)] {
        let mut p7m = Vec::new();
        let written = sign(content, length, &mut p7m, &signer, &options).unwrap();
        assert_eq!(written.length, p7m.len() as u64);
        assert_eq!(written.sha256_of_output, DigestAlgorithm::Sha256.digest(&p7m));
        assert_eq!(written.content_digest, DigestAlgorithm::Sha256.digest(content));
        let mut found = Vec::new();
        signed_data::read(&mut p7m.as_slice(), Content::Into(&mut found)).unwrap();
        assert!(found == content);
        assert_eq!(report(&p7m, &trust()).verdict(), Verdict::Valid);
    }
    let refused = sign(&large[..], Some(7), Vec::new(), &signer, &options).unwrap_err();
    assert!(matches!(refused, SigningError::ContentLength { expected: 7, .. }));
}

#[test]
fn detached_signatures_need_their_document() {
    let options = Options { detached: true, ..Options::attached(moment()) };
    let mut p7s = Vec::new();
    sign(TEXT, None, &mut p7s, &entry(Contents::signer()), &options).unwrap();
    assert_eq!(report(&p7s, &trust()).verdict(), Verdict::Indeterminate);
    for (document, verdict) in [(TEXT, Verdict::Valid), (&TEXT[1..], Verdict::Invalid)] {
        let mut document = document;
        let content = Content::Detached(&mut document);
        let data = signed_data::read(&mut p7s.as_slice(), content).unwrap();
        let found = verify(&data, &trust(), moment(), Purpose::Signing)[0].verdict();
        assert_eq!((found, data.attached), (verdict, false));
    }
    let p7m = signed(TEXT, Contents::signer());
    let content = Content::Detached(&mut &TEXT[..]);
    let refused = signed_data::read(&mut p7m.as_slice(), content).unwrap_err();
    assert!(matches!(refused, SigningError::ContentInside { .. }));
}

#[test]
fn every_truncation_is_an_error() {
    let p7m = signed(TEXT, Contents::signer());
    for cut in 0..p7m.len() {
        assert!(read(&p7m[..cut]).is_err(), "{cut}");
    }
    let refused = read(&p7m[..p7m.len() - 1]).unwrap_err();
    assert!(matches!(refused, SigningError::Truncated { .. }), "{refused:?}");
    let longer = [p7m.as_slice(), &[0]].concat();
    let refused = read(&longer).unwrap_err();
    assert!(matches!(refused, SigningError::TrailingBytes { at, .. } if at == p7m.len() as u64));
}

#[test]
fn no_changed_byte_verifies() {
    let p7m = signed(TEXT, Contents::signer());
    let trust = trust();
    let mut read_and_refused = 0;
    for at in 0..p7m.len() {
        for change in [0x01, 0x0a] {
            let mut changed = p7m.clone();
            changed[at] ^= change;
            if let Ok(data) = read(&changed) {
                let reports = verify(&data, &trust, moment(), Purpose::Signing);
                let valid = reports.iter().all(|one| one.verdict() == Verdict::Valid);
                assert!(!valid, "byte {at} ^ {change:02x}: {reports:#?}");
                read_and_refused += 1;
            }
        }
    }
    assert!(read_and_refused > 1000, "{read_and_refused}");
}

/// The elements of the SignedData, whole.
fn parts(p7m: &[u8]) -> Vec<Vec<u8>> {
    let whole = Element::whole(p7m).unwrap().inside().all().unwrap();
    let data = whole[1].inside().all().unwrap()[0];
    data.inside().all().unwrap().iter().map(|one| one.raw.to_vec()).collect()
}

/// A file of such elements.
fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    let data = encode(CONTEXT_0, &encode(SEQUENCE, &parts.concat()));
    encode(SEQUENCE, &[encode(OID, ID_SIGNED_DATA.as_bytes()), data].concat())
}

/// What is in the element `at` of both files, in one.
fn both(one: &[Vec<u8>], other: &[Vec<u8>], at: usize) -> Vec<u8> {
    let content = |parts: &[Vec<u8>]| Element::whole(&parts[at]).unwrap().content.to_vec();
    encode(one[at][0], &[content(one), content(other)].concat())
}

const CERTIFICATES: usize = 3;
const SIGNERS: usize = 4;

#[test]
fn signers_may_be_none_two_or_repeated() {
    let mut none = parts(&signed(TEXT, Contents::signer()));
    assert_eq!(file(&none), signed(TEXT, Contents::signer()));
    none[SIGNERS] = encode(SET, &[]);
    let found = report(&file(&none), &trust());
    assert_eq!(
        (found.verdict(), answers(&found, Answer::No)),
        (Verdict::Invalid, vec!["signature.present"])
    );

    let anna = Contents { subject: "Bianchi Anna", key: 3, serial: 9, ..Contents::signer() };
    let (one, other) = (parts(&signed(TEXT, Contents::signer())), parts(&signed(TEXT, anna)));
    let mut two = one.clone();
    two[CERTIFICATES] = both(&one, &other, CERTIFICATES);
    two[SIGNERS] = both(&one, &other, SIGNERS);
    let data = read(&file(&two)).unwrap();
    let reports = verify(&data, &trust(), moment(), Purpose::Signing);
    let found: Vec<_> = reports.iter().map(|one| (one.subject.as_str(), one.verdict())).collect();
    let expected = [
        ("signature 1 of 2, Rossi Mario", Verdict::Valid),
        ("signature 2 of 2, Bianchi Anna", Verdict::Valid),
    ];
    assert_eq!(found, expected, "{reports:#?}");

    let mut twice = one.clone();
    twice[SIGNERS] = both(&one, &one, SIGNERS);
    let found = report(&file(&twice), &trust());
    assert_eq!(answers(&found, Answer::Unknown), ["signature.structure"]);
}

#[test]
fn content_may_come_in_nested_pieces() {
    let mut pieces = parts(&signed(TEXT, Contents::signer()));
    let piece = |bytes: &[u8]| encode(OCTET_STRING, bytes);
    let nested = [&[0x24, 0x80][..], &piece(&TEXT[5..9]), &piece(&[]), &[0, 0]].concat();
    let octets = [&[0x24, 0x80][..], &piece(&TEXT[..5]), &nested, &piece(&TEXT[9..]), &[0, 0]];
    let content = [&[0x30, 0x80][..], &encode(OID, ID_DATA.as_bytes()), &[0xa0, 0x80]].concat();
    pieces[2] = [content, octets.concat(), vec![0, 0, 0, 0]].concat();
    let ber = file(&pieces);
    let mut found = Vec::new();
    signed_data::read(&mut ber.as_slice(), Content::Into(&mut found)).unwrap();
    assert_eq!(found, TEXT);
    assert_eq!(report(&ber, &trust()).verdict(), Verdict::Valid);
    for cut in 0..ber.len() {
        assert!(read(&ber[..cut]).is_err());
    }
    let deep = [[0x24, 0x80].repeat(100), vec![0; 200]].concat();
    pieces[2] =
        encode(SEQUENCE, &[encode(OID, ID_DATA.as_bytes()), encode(CONTEXT_0, &deep)].concat());
    assert!(matches!(read(&file(&pieces)).unwrap_err(), SigningError::Malformed { .. }));
}

#[test]
fn unknown_and_weak_digests_are_never_valid() {
    let p7m = signed(TEXT, Contents::signer());
    let with_digest = |oid: ObjectIdentifier| {
        let [from, to] = [ID_SHA_256, oid].map(|oid| encode(OID, oid.as_bytes()));
        let mut parts = parts(&p7m);
        parts[1] = encode(SET, &encode(SEQUENCE, &to));
        let signer = Element::whole(&parts[SIGNERS]).unwrap().content.to_vec();
        let mut inside: Vec<Vec<u8>> = Element::whole(&signer)
            .unwrap()
            .inside()
            .all()
            .unwrap()
            .iter()
            .map(|one| one.raw.to_vec())
            .collect();
        assert_eq!(inside[2], encode(SEQUENCE, &from));
        inside[2] = encode(SEQUENCE, &to);
        parts[SIGNERS] = encode(SET, &encode(SEQUENCE, &inside.concat()));
        report(&file(&parts), &trust())
    };
    let md5 = with_digest(ObjectIdentifier::new_unwrap("1.2.840.113549.2.5"));
    assert!(answers(&md5, Answer::Unknown).contains(&"signature.digest_algorithm"));
    let sha1 = with_digest(DigestAlgorithm::Sha1.oid());
    assert!(answers(&sha1, Answer::No).contains(&"signature.digest_algorithm"));
    for found in [md5, sha1] {
        assert_eq!(found.verdict(), Verdict::Invalid);
    }
}

#[test]
fn a_countersignature_is_verified_as_a_part() {
    let p7m = signed(TEXT, Contents::signer());
    let first = read(&p7m).unwrap();
    let anna = Contents { subject: "Bianchi Anna", key: 3, serial: 9, ..Contents::signer() };
    let counter = parts(&signed(first.signers[0].signature(), anna));
    let mut whole = parts(&p7m);
    let value = Element::whole(&counter[SIGNERS]).unwrap().content.to_vec();
    let signer = Element::whole(&whole[SIGNERS]).unwrap().content.to_vec();
    let inside = Element::whole(&signer).unwrap().content.to_vec();
    let unsigned = encode(CONTEXT_1, &attribute(ID_COUNTERSIGNATURE, &value));
    whole[CERTIFICATES] = both(&whole, &counter, CERTIFICATES);
    let mut damaged = whole.clone();
    whole[SIGNERS] = encode(SET, &encode(SEQUENCE, &[inside.clone(), unsigned.clone()].concat()));
    let found = report(&file(&whole), &trust());
    assert_eq!(found.verdict(), Verdict::Valid, "{found:#?}");
    assert_eq!(found.parts[0].subject, "countersignature 1 of signature 1 of 1, Bianchi Anna");
    let mut changed = unsigned;
    *changed.last_mut().unwrap() ^= 1;
    damaged[SIGNERS] = encode(SET, &encode(SEQUENCE, &[inside, changed].concat()));
    let found = report(&file(&damaged), &trust());
    assert_eq!(answers(&found, Answer::No), ["signature.value"]);
}

#[test]
fn hostile_sizes_are_refused() {
    let endless = [&[0x30, 0x80][..], &[0x30, 0x80].repeat(100_000)].concat();
    assert!(read(&endless).is_err());
    let huge = [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], &[0x06, 0x84, 0x7f, 0, 0, 0]].concat();
    assert!(matches!(read(&huge).unwrap_err(), SigningError::TooLarge { .. }));
    let mut many = parts(&signed(TEXT, Contents::signer()));
    let one = Element::whole(&many[SIGNERS]).unwrap().content.to_vec();
    many[SIGNERS] = encode(SET, &one.repeat(65));
    assert!(matches!(read(&file(&many)).unwrap_err(), SigningError::TooLarge { .. }));
    let other = encode(SEQUENCE, &encode(OID, ID_DATA.as_bytes()));
    assert!(matches!(read(&other).unwrap_err(), SigningError::NotSignedData { .. }));
}

#[test]
fn a_token_is_added_to_the_signature_it_covers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("indice.xml.p7m");
    for length in [Some(TEXT.len() as u64), None] {
        let mut p7m = Vec::new();
        let options = Options::attached(moment());
        sign(TEXT, length, &mut p7m, &entry(Contents::signer()), &options).unwrap();
        std::fs::write(&path, &p7m).unwrap();
        let signature = read(&p7m).unwrap().signers[0].signature().to_vec();
        let mut stamped = Vec::new();
        let token = token(&signature);
        let written = cades::with_timestamp(&path, &token, &mut stamped).unwrap();
        assert_eq!(written.sha256_of_output, DigestAlgorithm::Sha256.digest(&stamped));
        let data = read(&stamped).unwrap();
        assert_eq!(data.signers[0].signature_timestamps(), [token.as_slice()]);
        assert_eq!(report(&stamped, &trust()).verdict(), Verdict::Valid);
        let other = cades::with_timestamp(&path, &self::token(TEXT), &mut Vec::new());
        assert!(matches!(other.unwrap_err(), SigningError::MarkOfOtherSignature { .. }));
    }
}

/// A token over `message`, as far as this crate looks at tokens.
fn token(message: &[u8]) -> Vec<u8> {
    let imprint = [
        identifier(ID_SHA_256, true),
        encode(OCTET_STRING, &DigestAlgorithm::Sha256.digest(message)),
    ];
    let info = [
        encode(INTEGER, &[1]),
        encode(OID, ID_DATA.as_bytes()),
        encode(SEQUENCE, &imprint.concat()),
    ];
    let info = encode(SEQUENCE, &info.concat());
    let mut token = Vec::new();
    let options = Options { content_type: ID_CT_TST_INFO, ..Options::attached(moment()) };
    sign(&info[..], Some(info.len() as u64), &mut token, &entry(Contents::tsa()), &options)
        .unwrap();
    let found = verify(&read(&token).unwrap(), &trust(), moment(), Purpose::TimeStamping);
    assert_eq!(found[0].verdict(), Verdict::Valid, "{found:#?}");
    token
}

const ID_CT_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_end(
        start in 0_usize..60,
        random in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let p7m = signed(TEXT, Contents::signer());
        prop_assert!(read(&[&p7m[..start], &random].concat()).is_err());
    }

    #[test]
    fn any_mixture_of_two_files_ends(
        cut in 0_usize..1500,
        skip in 0_usize..1500,
        random in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let p7m = signed(TEXT, Contents::signer());
        let (cut, skip) = (cut.min(p7m.len()), skip.min(p7m.len()));
        let mixed = [&p7m[..cut], &random, &p7m[skip..]].concat();
        if mixed != p7m && let Ok(data) = read(&mixed) {
            let reports = verify(&data, &trust(), moment(), Purpose::Signing);
            prop_assert!(reports.iter().any(|one| one.verdict() != Verdict::Valid));
        }
    }
}
