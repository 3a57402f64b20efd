//! Tests of `pkcs12_read.rs`: files made by OpenSSL, Java and NSS, and damaged ones.
//!
//! The files in `tests/pkcs12/` hold one throw-away 2048-bit key; `tests/pkcs12/make.sh` made
//! them.

use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "Abcd1234";

fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pkcs12/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}

#[test]
fn files_of_other_programs_open() {
    for name in [
        "openssl-3des-rc2.p12",
        "openssl-3des.p12",
        "openssl-pbes2.p12",
        "openssl-pbes2-3des.p12",
        "openssl-rc2-128.p12",
        "keytool-default.p12",
        "keytool-legacy.p12",
        "nss-default.p12",
        "nss-legacy.p12",
    ] {
        let entries = read(name, &file(name), &Secret::new(PASSWORD));
        let entries = entries.unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
        let [entry] = entries.as_slice() else { panic!("{name}: {entries:?}") };
        assert_eq!(entry.alias, "sign_keypair0", "{name}");
        assert_eq!(entry.chain.len(), 2, "{name}");
        assert_eq!(entry.certificate().common_name(), "RSSMRA80A01H501U-000", "{name}");
        let refused = read(name, &file(name), &Secret::new("abcd1234")).unwrap_err();
        assert!(matches!(refused, KeystoreError::WrongPassword { .. }), "{name}");
    }
}

#[test]
fn what_does_not_open_names_what_is_missing() {
    for (name, missing) in [
        ("openssl-md5-des.p12", "PBE-MD5-DES (1.2.840.113549.1.5.3)"),
        ("openssl-rc4.p12", "PBE-SHA1-RC4-128 (1.2.840.113549.1.12.1.1)"),
        ("openssl-camellia.p12", "Camellia-256-CBC (1.2.392.200011.61.1.1.1.4)"),
        ("openssl-mac-md5.p12", "MD5 (1.2.840.113549.2.5)"),
        ("openssl-no-mac.p12", "no MAC"),
    ] {
        let refused = read(name, &file(name), &Secret::new(PASSWORD)).unwrap_err();
        let KeystoreError::UnsupportedAlgorithm { algorithm, .. } = refused else {
            panic!("{name}: {refused:?}");
        };
        assert_eq!(algorithm, missing, "{name}");
    }
}

#[test]
fn other_key_derivations_are_named() {
    // The modern file's own PBES2 parameters, with scrypt where they name PBKDF2.
    let scrypt = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");
    let (algorithm, sealed) = pbes2::encrypt(PASSWORD, b"chiave", 1000).unwrap();
    let parameters = algorithm.parameters.unwrap();
    let mut parameters = parameters.decode_as::<pkcs12::pbe_params::Pbes2Params>().unwrap();
    parameters.kdf.oid = scrypt;
    let parameters = Any::encode_from(&parameters).unwrap();
    let password = PASSWORD.as_bytes();
    let opened = pbes2::decrypt(Some(&parameters), password, &sealed, &mut Effort::new());
    let named = "scrypt (1.3.6.1.4.1.11591.4.11)";
    assert_eq!(opened, Err(Refusal::Unsupported(named.to_owned())));
    // A MAC as OpenSSL 3.4 makes it on request (RFC 9579).
    let pbmac1 = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");
    let pfx = Pfx::from_der(&file("openssl-pbes2.p12")).unwrap();
    let mut mac = pfx.mac_data.unwrap();
    mac.mac.algorithm.oid = pbmac1;
    let checked = Reader::new(PASSWORD).check(&mac, b"");
    let named = "PBMAC1 (1.2.840.113549.1.5.14)";
    assert_eq!(checked, Err(Refusal::Unsupported(named.to_owned())));
}

#[test]
fn truncated_files_are_refused() {
    for name in ["openssl-3des-rc2.p12", "nss-legacy.p12"] {
        let whole = file(name);
        for cut in (0..whole.len()).step_by(3) {
            let refused = read(name, &whole[..cut], &Secret::new(PASSWORD)).unwrap_err();
            assert!(matches!(refused, KeystoreError::Malformed { .. }), "{name} {cut}");
        }
    }
}

#[test]
fn changed_files_are_refused() {
    let whole = file("openssl-3des-rc2.p12");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        // Only what the MAC does not cover can change without being noticed.
        let _ = read("x", &damaged, &Secret::new(PASSWORD));
    }
    let (inside, last) = (whole.len() / 2, whole.len() - 30);
    for at in [inside, last] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        assert!(read("x", &damaged, &Secret::new(PASSWORD)).is_err());
    }
}

#[test]
fn files_that_are_too_long_are_refused() {
    let refused = read("x", &vec![0x30; 1 << 21], &Secret::new(PASSWORD)).unwrap_err();
    assert!(matches!(refused, KeystoreError::TooLarge { .. }));
}

proptest! {
    #[test]
    fn any_bytes_give_errors(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(read("x", &bytes, &Secret::new("x")).is_err());
    }

    #[test]
    fn any_contents_give_errors(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let mut reader = Reader::new("x");
        let _ = reader.bags(&bytes, 0);
        prop_assert!(reader.keys.len() <= MAX_BAGS);
    }
}
