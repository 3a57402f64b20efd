//! Tests of `certif_in.rs`: what is imported, and every reason to refuse.

use der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use super::*;
use crate::certification_request::subject;
use crate::fixtures::*;

fn expected(authorities: &[Certificate]) -> Expected<'_> {
    Expected {
        firma: keys().firma.public(),
        cifra: keys().cifra.public(),
        common_name: Some(COMMON_NAME),
        authorities,
        at: moment(),
    }
}

fn certif_in(certificates: &[&Certificate]) -> Vec<u8> {
    let owned: Vec<Certificate> = certificates.iter().map(|one| (*one).clone()).collect();
    build(&owned).unwrap()
}

fn good() -> Vec<u8> {
    certif_in(&[&certificates().firma, &certificates().cifra, &ca().certificate])
}

fn matched(bytes: &[u8]) -> Result<Certified, KeystoreError> {
    CertifIn::from_der(bytes)?.match_to(&expected(std::slice::from_ref(&ca().certificate)))
}

fn certificate(usage: impl Into<Usage>, key: &PublicKey) -> Certificate {
    issue(ca(), key, usage.into())
}

#[test]
fn certificates_are_matched_by_key() {
    let certified = matched(&good()).unwrap();
    assert_eq!(certified.firma, [certificates().firma.clone(), ca().certificate.clone()]);
    assert_eq!(certified.cifra, [certificates().cifra.clone(), ca().certificate.clone()]);
    // Without the CA's own certificate inside, too.
    let bytes = certif_in(&[&certificates().cifra, &certificates().firma]);
    assert_eq!(matched(&bytes).unwrap().cifra.len(), 2);
}

#[test]
fn damaged_bytes_are_named() {
    let good = good();
    for cut in 8..good.len() {
        let refused = matched(&good[..cut]).unwrap_err();
        let expected_bytes = good.len() as u64;
        let found_bytes = cut as u64;
        assert_eq!(refused, KeystoreError::CertifInTruncated { expected_bytes, found_bytes });
    }
    for cut in 0..8 {
        assert!(matched(&good[..cut]).is_err());
    }
    let longer = [&good[..], b"\n"].concat();
    let refused = matched(&longer).unwrap_err();
    assert!(matches!(refused, KeystoreError::CertifInTrailingBytes { .. }));
    let refused = matched(&vec![0x30; 100_000]).unwrap_err();
    assert!(matches!(refused, KeystoreError::CertifInTooLarge { .. }));
    let refused = matched(b"").unwrap_err();
    assert!(matches!(refused, KeystoreError::CertifInMalformed { .. }));
    let refused = matched(certificates().firma.as_der()).unwrap_err();
    assert!(matches!(refused, KeystoreError::CertifInMalformed { .. }));
}

#[test]
fn text_is_named() {
    for text in ["-----BEGIN PKCS7-----\nMIIB", "\u{feff}\r\n-----BEGIN PKCS7-----"] {
        let refused = matched(text.as_bytes()).unwrap_err();
        assert_eq!(refused, KeystoreError::CertifInPem { label: "PKCS7".to_owned() });
    }
}

#[test]
fn flipped_bytes_never_panic_and_never_pass_unnoticed() {
    let good = good();
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 0x04;
        if let Ok(certified) = matched(&damaged) {
            // The copy of the CA's certificate inside is not what is trusted.
            assert_eq!(certified.firma[0], certificates().firma, "byte {at}");
            assert_eq!(certified.cifra[0], certificates().cifra, "byte {at}");
        }
    }
}

#[test]
fn another_request_shows_the_fingerprints() {
    let firma = certificate(FIRMA, other_keys().firma.public());
    let cifra = certificate(CIFRA, other_keys().cifra.public());
    let Err(KeystoreError::CertifInOtherRequest { pending, certified }) =
        matched(&certif_in(&[&firma, &cifra, &ca().certificate]))
    else {
        panic!("not refused");
    };
    assert_eq!(pending, [keys().firma.fingerprint(), keys().cifra.fingerprint()]);
    assert!(certified.contains(&other_keys().firma.fingerprint()));
}

#[test]
fn a_missing_certificate_is_named() {
    for (there, utilizzo) in
        [(&certificates().firma, Utilizzo::Cifra), (&certificates().cifra, Utilizzo::Firma)]
    {
        let pending = keys().of(utilizzo).fingerprint();
        let refused = matched(&certif_in(&[there])).unwrap_err();
        assert_eq!(refused, KeystoreError::CertifInMissing { utilizzo, pending });
    }
}

#[test]
fn swapped_certificates_are_refused() {
    let firma = certificate(CIFRA, keys().firma.public());
    let cifra = certificate(FIRMA, keys().cifra.public());
    let refused = matched(&certif_in(&[&firma, &cifra])).unwrap_err();
    assert!(matches!(refused, KeystoreError::CertifInSwapped { .. }));
    let refused = matched(&certif_in(&[&firma, &certificates().cifra])).unwrap_err();
    let utilizzo = Utilizzo::Firma;
    let key_usage = "keyEncipherment, dataEncipherment".to_owned();
    assert_eq!(refused, KeystoreError::CertifInKeyUsage { utilizzo, key_usage });
}

#[test]
fn short_keys_are_refused() {
    let short = certificate(CIFRA, short_key().public());
    let refused = matched(&certif_in(&[&certificates().firma, &short])).unwrap_err();
    let (utilizzo, bits) = (Utilizzo::Cifra, 2048);
    assert_eq!(refused, KeystoreError::CertifInKeySize { utilizzo, bits });
}

#[test]
fn other_authorities_are_refused() {
    for (ca, forged) in [(other_ca(), false), (false_ca(), true)] {
        let firma = issue(ca, keys().firma.public(), FIRMA.into());
        let cifra = issue(ca, keys().cifra.public(), CIFRA.into());
        match matched(&certif_in(&[&firma, &cifra, &ca.certificate])).unwrap_err() {
            KeystoreError::CertifInForged { .. } => assert!(forged),
            KeystoreError::CertifInOtherCa { found, .. } => {
                assert!(!forged);
                assert_eq!(found, "C=IT, O=Agenzia delle Entrate, CN=CA-Altra");
            }
            other => panic!("{other:?}"),
        }
    }
}

fn unusual(common_name: &str, years: (u16, u16)) -> Result<Certified, KeystoreError> {
    let one = |key, usage: [KeyUsages; 2]| {
        let usage: FlagSet<KeyUsages> = usage[0] | usage[1];
        let issuer = ca().certificate.parsed().tbs_certificate.subject.clone();
        let subject = subject(common_name).unwrap();
        sign(Contents { issuer, subject, key, usage, is_ca: false, years }, &ca().key)
    };
    let firma = one(keys().firma.public(), FIRMA);
    let cifra = one(keys().cifra.public(), CIFRA);
    matched(&certif_in(&[&firma, &cifra]))
}

#[test]
fn dates_and_subjects_are_checked() {
    assert!(unusual(COMMON_NAME, (2026, 2029)).is_ok());
    for years in [(2020, 2023), (2027, 2030)] {
        let refused = unusual(COMMON_NAME, years).unwrap_err();
        assert!(matches!(refused, KeystoreError::CertifInNotValid { .. }));
    }
    let refused = unusual("VRDGPP80A01H501X-000", (2026, 2029)).unwrap_err();
    assert!(matches!(refused, KeystoreError::CertifInOtherSubject { .. }));
}
