//! Tests of `policy.rs`.

use const_oid::db::rfc5911::{ID_AES_128_CBC, ID_AES_256_CBC};

use super::*;
use crate::fixtures::{CIFRA, ca, certificates, issue, moment, short_key};

fn short() -> Certificate {
    issue(ca(), short_key().public(), CIFRA.into())
}

#[test]
fn a_key_that_has_not_expired_may_no_longer_be_accepted() {
    assert_eq!(findings(&certificates().firma, moment()), []);
    let found = findings(&short(), moment());
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&*finding.rule, &*finding.since), ("chiave-rsa", "2023-01-31"));
    assert_eq!((&*finding.found, &*finding.required), ("2048 bits", "4096 bits"));
    assert!(short().is_valid_at(moment()));
}

#[test]
fn a_rule_holds_from_its_first_italian_day() {
    for (at, held) in [
        ("2023-01-30T22:59:59Z", false),
        ("2023-01-30T23:00:00Z", true),
        ("2099-01-01T00:00:00Z", true),
    ] {
        assert_eq!(!findings(&short(), at.parse().unwrap()).is_empty(), held, "{at}");
    }
}

#[test]
fn ciphers_are_judged_by_their_identifier() {
    let triple_des = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");
    let unknown = ObjectIdentifier::new_unwrap("1.2.3.4");
    for (cipher, found) in [
        (ID_AES_256_CBC, None),
        (ID_AES_128_CBC, Some("AES-128-CBC")),
        (triple_des, Some("3DES-CBC")),
        (unknown, Some("1.2.3.4")),
    ] {
        let findings = cipher_findings(cipher, moment());
        let names: Vec<&str> = findings.iter().map(|one| one.found.as_str()).collect();
        assert_eq!(names, found.into_iter().collect::<Vec<_>>());
        assert!(findings.iter().all(|one| one.source.contains("UNVERIFIED")));
    }
}

#[test]
fn rules_are_data() {
    let rule = "[[norma]]\nnome = 'x'\ndal = '2030-01-01'\nbit = [8192]\ncertezza = 'published'\n\
        testo = 't'\nfonte = 'f'\n";
    let policy = Policy::parse(rule, "mie.toml").unwrap();
    assert_eq!(policy.findings(&certificates().firma, moment()), []);
    let later = "2030-01-01T12:00:00Z".parse().unwrap();
    assert_eq!(policy.findings(&certificates().firma, later)[0].required, "8192 bits");
    for wrong in [
        "x",
        "[[norma]]\nnome = 'x'",
        &rule.replace("bit = [8192]\n", ""),
        &rule.replace("bit = [8192]", "bit = [8192]\ncifra = ['AES']"),
        &rule.replace("2030-01-01", "domani"),
        &rule.replace("nome", "norma"),
    ] {
        let refused = Policy::parse(wrong, "mie.toml").unwrap_err();
        assert!(matches!(refused, KeystoreError::PolicyInvalid { .. }), "{wrong}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rule).unwrap();
    assert_eq!(Policy::from_file(file.path()).unwrap(), policy);
    std::fs::write(file.path(), [0xff, 0xfe]).unwrap();
    assert!(matches!(Policy::from_file(file.path()), Err(KeystoreError::PolicyInvalid { .. })));
}
