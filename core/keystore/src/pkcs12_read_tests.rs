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
        ("openssl-rc2.p12", "RC2-CBC (1.2.840.113549.3.2)"),
        ("openssl-aria.p12", "ARIA-256-CBC (1.2.410.200046.1.1.12)"),
        ("openssl-mac-sm3.p12", "SM3 (1.2.156.10197.1.401)"),
    ] {
        let refused = read(name, &file(name), &Secret::new(PASSWORD)).unwrap_err();
        let KeystoreError::UnsupportedAlgorithm { algorithm, part, .. } = refused else {
            panic!("{name}: {refused:?}");
        };
        assert_eq!(algorithm, missing, "{name}");
        assert_eq!(part == MissingPart::Mac, name.contains("mac"), "{name}");
        assert_eq!(look(name, &file(name)), Ok(()), "{name}");
    }
}

#[test]
fn passwords_beyond_the_basic_plane_open() {
    let name = "openssl-emoji.p12";
    let entries = read(name, &file(name), &Secret::new("Chiave🔑1")).unwrap();
    assert_eq!(entries[0].alias, "sign_keypair0");
    let refused = read(name, &file(name), &Secret::new("Chiave🔒1")).unwrap_err();
    assert!(matches!(refused, KeystoreError::WrongPassword { .. }));
}

#[test]
fn a_key_on_a_curve_does_not_hide_the_others() {
    let password = Secret::new(PASSWORD);
    let both = file("keytool-ec-rsa.p12");
    let entries = read("UTEC.P12", &both, &password).unwrap();
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry.alias, "sign_keypair0");
    // Alone it is named, with its file; and whoever would write the file anew is told.
    let named = KeystoreError::KeyRejected {
        container: Some("UTEC.P12".to_owned()),
        reason: "an EC key on P-384".to_owned(),
    };
    let refused = read("UTEC.P12", &file("openssl-ec.p12"), &password).unwrap_err();
    assert_eq!(refused, named);
    assert_eq!(read_every("UTEC.P12", &both, &password).unwrap_err(), named);
    assert_eq!(read_every("x", &file("openssl-pbes2.p12"), &password).unwrap().len(), 1);
}

#[test]
fn other_kinds_of_files_are_said_to_be_what_they_are() {
    for (bytes, is) in [
        (&b""[..], "an empty file"),
        (b"MIIQKgIBAzCCD+AGCSqGSIb3DQEHAaCC", "text in base64"),
        (b"-----BEGIN PKCS12-----\nMIIQ", "text in PEM"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\xce\xce\xce\xce\0\0\0\x02", "a JCEKS key store"),
    ] {
        let container = "UTEF.P12".to_owned();
        let expected = KeystoreError::OtherKind { container, kind: is.to_owned() };
        assert_eq!(read("UTEF.P12", bytes, &Secret::new("x")).unwrap_err(), expected);
        assert_eq!(look("UTEF.P12", bytes), Err(expected));
    }
    // Java's own format is read under this name, too.
    let entries: [jks::Entry<'_>; 1] = [(
        "sign_keypair0",
        &crate::fixtures::keys().firma,
        std::slice::from_ref(&crate::fixtures::certificates().firma),
    )];
    let password = Secret::new(PASSWORD);
    let store = jks::write(&entries, &password, crate::fixtures::moment()).unwrap();
    assert_eq!(read("UTEF.P12", &store, &password).unwrap().len(), 1);
    assert_eq!(look("UTEF.P12", &store), Ok(()));
    assert!(look("UTEF.P12", &file("openssl-pbes2.p12")[..900]).is_err());
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
    assert_eq!(checked, Err(Refusal::UnsupportedMac(named.to_owned())));
}

#[test]
fn truncated_files_are_refused() {
    for name in ["openssl-3des-rc2.p12", "nss-legacy.p12"] {
        let whole = file(name);
        for cut in (0..whole.len()).step_by(3) {
            let refused = read(name, &whole[..cut], &Secret::new(PASSWORD)).unwrap_err();
            let expected = match cut {
                0 => matches!(refused, KeystoreError::OtherKind { .. }),
                _ => matches!(refused, KeystoreError::Malformed { .. }),
            };
            assert!(expected, "{name} {cut}");
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
