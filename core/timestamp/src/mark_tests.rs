//! Marks read in every form, and refused for every reason.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_signing::{DigestAlgorithm, Trust, Verdict};
use der::asn1::Int;
use proptest::prelude::*;

use crate::fixtures::{Change, entry, moment, response, trust};
use crate::{
    Formato, GenTime, Mark, MessageImprint, TimestampError, TimestampRequest, TimestampResponse,
    check_response,
};

fn request() -> TimestampRequest {
    TimestampRequest::new(MessageImprint::of(DigestAlgorithm::Sha256, b"indice"), None)
}

fn good() -> Vec<u8> {
    response(&request(), |_| {})
}

fn check(change: Change) -> Result<Mark, TimestampError> {
    let request = request();
    check_response(&request, &response(&request, change), &trust(), moment())
}

#[test]
fn every_form_gives_the_same_mark() {
    let tsr = good();
    let mark = Mark::from_bytes(&tsr).unwrap();
    assert_eq!((mark.formato(), mark.serial()), (Formato::Tsr, "4A:91:0C".to_owned()));
    assert_eq!(mark.authority(), "TSA di prova");
    assert_eq!(mark.signer_certificate(), Some(entry().certificate()));
    assert_eq!(mark.tsr(), tsr);
    let token = mark.token_der().to_vec();
    let pem = |label: &str, der: &[u8]| {
        let lines = STANDARD.encode(der);
        let lines: Vec<_> = lines.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    for (bytes, formato) in [
        (token.clone(), Formato::Tst),
        (STANDARD.encode(&token).into_bytes(), Formato::Tst),
        (STANDARD.encode(&tsr).into_bytes(), Formato::Tsr),
        (pem("PKCS7", &token).into_bytes(), Formato::Tst),
    ] {
        let again = Mark::from_bytes(&bytes).unwrap();
        assert_eq!((again.formato(), again.bytes()), (formato, bytes.as_slice()));
        assert_eq!(again.token_der(), token);
        let around = Mark::from_bytes(&again.tsr()).unwrap();
        assert_eq!((around.formato(), around.token_der()), (Formato::Tsr, token.as_slice()));
    }
}

#[test]
fn a_good_answer_passes_whoever_is_trusted() {
    let mark = check(|_| {}).unwrap();
    let report = mark.verify(&trust(), moment());
    assert_eq!(report.verdict(), Verdict::Valid, "{report:#?}");
    let nobody = mark.verify(&Trust::default(), moment());
    assert_eq!(nobody.verdict(), Verdict::Indeterminate);
    let request = request();
    check_response(&request, &response(&request, |_| {}), &Trust::default(), moment()).unwrap();
}

#[test]
fn fractions_of_a_second_are_legal() {
    let mark = check(|info| info.gen_time = GenTime::parse("20261121230554.125Z").unwrap());
    assert_eq!(mark.unwrap().gen_time().to_string(), "2026-11-21T23:05:54.125Z");
}

#[test]
fn wrong_answers_have_their_own_errors() {
    let refused = check(|info| {
        info.message_imprint = MessageImprint::of(DigestAlgorithm::Sha256, b"altro");
    });
    assert!(matches!(refused, Err(TimestampError::OtherImprint { .. })), "{refused:?}");
    let refused = check(|info| {
        info.message_imprint = MessageImprint::of(DigestAlgorithm::Sha512, b"indice");
    });
    assert!(matches!(refused, Err(TimestampError::OtherImprint { .. })), "{refused:?}");
    let refused = check(|info| info.nonce = None);
    assert!(matches!(refused, Err(TimestampError::OtherNonce { found: None, .. })));
    let refused = check(|info| info.nonce = Some(Int::new(&[7]).unwrap()));
    assert!(matches!(refused, Err(TimestampError::OtherNonce { .. })), "{refused:?}");
    let refused = check(|info| info.gen_time = GenTime::parse("20261121231055Z").unwrap());
    assert!(matches!(refused, Err(TimestampError::Future { .. })), "{refused:?}");
    check(|info| info.gen_time = GenTime::parse("20261121231054Z").unwrap()).unwrap();
    let refused = check(|info| info.gen_time = GenTime::parse("20250101000000Z").unwrap());
    assert!(matches!(refused, Err(TimestampError::Untrusted { .. })), "{refused:?}");
    let late =
        response(&request(), |info| info.gen_time = GenTime::parse("20370101000000Z").unwrap());
    let late = Mark::from_bytes(&late).unwrap();
    let refused = crate::require_sound(&late, &trust(), "2037-01-02T00:00:00Z".parse().unwrap());
    assert!(matches!(refused, Err(TimestampError::Untrusted { .. })), "{refused:?}");

    let mut asked = request();
    asked.policy = Some("1.3.6.1".parse().unwrap());
    let refused = check_response(&asked, &response(&asked, |_| {}), &trust(), moment());
    assert!(matches!(refused, Err(TimestampError::OtherPolicy { .. })), "{refused:?}");
    let rejected = TimestampResponse::rejected("badAlg", "no").unwrap();
    let refused = check_response(&asked, &rejected, &trust(), moment());
    assert!(matches!(refused, Err(TimestampError::Rejected { .. })), "{refused:?}");
}

#[test]
fn a_token_alone_is_no_answer() {
    let asked = request();
    let token = Mark::from_bytes(&response(&asked, |_| {})).unwrap().token_der().to_vec();
    let refused = check_response(&asked, &token, &trust(), moment());
    assert!(matches!(refused, Err(TimestampError::Malformed { .. })), "{refused:?}");
}

#[test]
fn cut_and_prolonged_marks_are_refused() {
    let tsr = good();
    let token = Mark::from_bytes(&tsr).unwrap().token_der().to_vec();
    for bytes in [&tsr, &token] {
        for cut in 0..bytes.len() {
            assert!(Mark::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Mark::from_bytes(&[bytes.as_slice(), b"\0"].concat()).is_err());
    }
    let large = vec![0x30; crate::LARGEST_MARK + 1];
    assert!(matches!(Mark::from_bytes(&large), Err(TimestampError::TooLarge { .. })));
}

#[test]
fn no_flipped_bit_is_believed() {
    let request = request();
    let tsr = response(&request, |_| {});
    let trust = trust();
    for at in 0..tsr.len() {
        let mut damaged = tsr.clone();
        damaged[at] ^= 1 << (at % 8);
        let Ok(mark) = Mark::from_bytes(&damaged) else { continue };
        let report = mark.verify(&trust, moment());
        assert_ne!(report.verdict(), Verdict::Valid, "byte {at}: {report:#?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Mark::from_bytes(&bytes);
    }

    #[test]
    fn scrambled_marks_end(
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = good();
        for (at, byte) in places {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(mark) = Mark::from_bytes(&bytes) {
            let _ = mark.verify(&trust(), moment());
        }
    }
}
