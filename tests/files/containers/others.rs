//! Environments made by other programs, as they are found: names in any case, UTEK.P12, a password in
//! upper case, a UTENTE.KS of another kind, algorithms that are not here.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Made, WRITERS, export, import, store_with_keytool, with_openssl, without_days};
use crate::stage::judge::{self, agrees};
use crate::stage::{Finished, PASSWORD, say};

/// The names as other programs write them.
const NAMES: [[&str; 3]; 3] = [
    ["UTEF.P12", "UTEC.P12", "UTENTE.KS"],
    ["utef.p12", "utek.p12", "utente.ks"],
    ["Utef.P12", "UTEK.p12", "Utente.Ks"],
];

const SAID: &str = "the password was accepted in upper case";

/// `environment::open` and what an operator does next: certificates, sealing and opening an envelope.
fn opened(made: &Made, folder: &Path) -> Finished {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/list_certificates.lua");
    let folder = format!("folder={}", folder.display());
    let secrets = made.account.secrets_file.display().to_string();
    made.stage.run(&["run", script, &folder, "--json", "--secrets", &secrets])
}

#[test]
fn environments_of_others_open_whatever_their_names_and_password_form() {
    if !judge::called("environments of openssl, keytool and pk12util under other names") {
        return;
    }
    let made = Made::new(70_005);
    made.unpack();
    let ours = made.contents("ambiente");
    let mut count = 0;
    for upper in [false, true] {
        let written = if upper { PASSWORD.to_uppercase() } else { PASSWORD.to_owned() };
        fs::write(&made.password_file, &written).unwrap();
        if upper {
            made.repack();
        }
        for (number, (writer, write)) in WRITERS.into_iter().enumerate() {
            let folder = made.stage.path(&format!("altrui-{upper}-{number}"));
            fs::create_dir(&folder).unwrap();
            write(&made, &folder);
            if !folder.join("UTENTE.KS").exists() {
                store_with_keytool(&made, &folder, "JKS");
            }
            let names = NAMES[number % NAMES.len()];
            for (from, to) in NAMES[0].into_iter().zip(names) {
                fs::rename(folder.join(from), folder.join(to)).unwrap();
            }
            let case = format!("{writer}, {names:?}, upper case: {upper}");
            let shown = made.certificates(&folder.display().to_string());
            assert_eq!(shown.stderr.contains(SAID), upper, "{case}: {}", shown.stderr);
            assert_eq!(without_days(shown), ours, "{case}");
            let opened = opened(&made, &folder);
            assert_eq!(opened.stderr.contains(SAID), upper, "{case}: {}", opened.stderr);
            let found = opened.json();
            assert_eq!(found["result"]["certificates"][1]["nome"], ours[1]["nome"], "{case}");
            let listed = folder.display().to_string();
            let listed = made.stage.run(&["environments", &listed, "--json"]).json();
            assert_eq!(listed[0]["state"], "corrente", "{case}: {listed:#}");
            count += 1;
        }
    }
    assert_eq!(count, 2 * WRITERS.len());
    say(&format!("{count} environments of other programs open"));
}

#[test]
fn a_store_of_another_kind_needs_the_password_and_opens() {
    if !judge::called("a UTENTE.KS in PKCS#12, by keytool") {
        return;
    }
    let made = Made::new(70_006);
    made.unpack();
    let ours = made.contents("ambiente");
    let folder = made.stage.path("altrui");
    fs::create_dir(&folder).unwrap();
    with_openssl(&made, &folder, &[]);
    store_with_keytool(&made, &folder, "PKCS12");
    assert_eq!(made.contents(&folder.display().to_string()), ours);
    let found = opened(&made, &folder).json();
    assert_eq!(found["result"]["certificates"][0]["nome"], ours[0]["nome"]);
    let listed = folder.display().to_string();
    let listed = made.stage.run(&["environments", &listed]).expect_success();
    assert!(listed.stdout.contains("password"), "{}", listed.stdout);
}

/// How openssl writes a file that does not open here, and what the error names: the algorithm, and
/// what would have been right in its place.
const MISSING: [(&[&str], &str, &str); 15] = [
    (
        &["-legacy", "-keypbe", "PBE-MD5-DES", "-certpbe", "PBE-MD5-DES", "-macalg", "sha1"],
        "PBE-MD5-DES (1.2.840.113549.1.5.3)",
        ENCRYPTION,
    ),
    (
        &["-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-RC4-128", "-macalg", "sha1"],
        "PBE-SHA1-RC4-128 (1.2.840.113549.1.12.1.1)",
        ENCRYPTION,
    ),
    (
        &["-keypbe", "CAMELLIA-256-CBC", "-certpbe", "CAMELLIA-256-CBC"],
        "Camellia-256-CBC (1.2.392.200011.61.1.1.1.4)",
        ENCRYPTION,
    ),
    // Of PBES2, with parameters of their own.
    (
        &["-legacy", "-keypbe", "rc2-cbc", "-certpbe", "rc2-cbc"],
        "RC2-CBC (1.2.840.113549.3.2)",
        ENCRYPTION,
    ),
    (
        &["-legacy", "-keypbe", "rc2-40-cbc", "-certpbe", "rc2-40-cbc"],
        "RC2-CBC (1.2.840.113549.3.2)",
        ENCRYPTION,
    ),
    (
        &["-keypbe", "aria-128-cbc", "-certpbe", "aria-256-cbc"],
        "ARIA-256-CBC (1.2.410.200046.1.1.12)",
        ENCRYPTION,
    ),
    (&["-keypbe", "sm4-cbc", "-certpbe", "sm4-cbc"], "SM4-CBC (1.2.156.10197.1.104.2)", ENCRYPTION),
    (
        &["-keypbe", "aes-256-cfb", "-certpbe", "aes-256-cfb"],
        "AES-256-CFB (2.16.840.1.101.3.4.1.44)",
        ENCRYPTION,
    ),
    (
        &["-keypbe", "aes-128-ofb", "-certpbe", "aes-128-ofb"],
        "AES-128-OFB (2.16.840.1.101.3.4.1.3)",
        ENCRYPTION,
    ),
    (
        &["-legacy", "-keypbe", "des-cbc", "-certpbe", "des-cbc"],
        "DES-CBC (1.3.14.3.2.7)",
        ENCRYPTION,
    ),
    (&["-macalg", "md5"], "MD5 (1.2.840.113549.2.5)", MAC),
    (&["-macalg", "sm3"], "SM3 (1.2.156.10197.1.401)", MAC),
    (&["-macalg", "blake2s256"], "BLAKE2s-256 (1.3.6.1.4.1.1722.12.2.2.8)", MAC),
    (&["-macalg", "sha3-256"], "SHA3-256 (2.16.840.1.101.3.4.2.8)", MAC),
    (&["-nomac"], "no MAC", MAC),
];

const ENCRYPTION: &str = "PBES2 with PBKDF2";
const MAC: &str = "a MAC of the file";

#[test]
fn what_does_not_open_says_which_algorithm_is_missing() {
    if !judge::called("stores with algorithms that are not here, written by openssl") {
        return;
    }
    let made = Made::new(70_007);
    made.unpack();
    for (number, (algorithms, named, expected)) in MISSING.into_iter().enumerate() {
        let folder = made.stage.path(&format!("altrui-{number}"));
        fs::create_dir(&folder).unwrap();
        with_openssl(&made, &folder, &[]);
        store_with_keytool(&made, &folder, "JKS");
        let (key, certificate) = (made.path("firma.pem"), made.path("firma-cert.pem"));
        let store = folder.join("UTEF.P12");
        export(&made, (&key, &certificate), &store, "sign_keypair0", algorithms);
        let refused = made.certificates(&folder.display().to_string());
        assert_eq!(refused.code, Some(1), "{named}: {}", refused.stdout);
        let code = "keystore.unsupported_algorithm";
        assert_eq!(refused.error_code(), code, "{named}: {}", refused.stdout);
        for word in [named, "UTEF.P12", expected] {
            assert!(refused.stdout.contains(word), "{word}: {}", refused.stdout);
        }
        // The environment is listed all the same: its certificates are in UTENTE.KS.
        let listed = folder.display().to_string();
        made.stage.run(&["environments", &listed]).expect_success();
    }
    say(&format!("{} kinds of PKCS#12 that do not open name what is missing", MISSING.len()));
}

/// Stores with two keys: the one that its certificate names is used, whichever comes first; where
/// nothing tells them apart nothing is opened.
#[test]
fn of_several_keys_the_right_one_is_used() {
    if !judge::called("stores with several keys, written by keytool") {
        return;
    }
    let made = Made::new(70_008);
    made.unpack();
    let ours = made.contents("ambiente");
    let originals = made.stage.path("da-openssl");
    fs::create_dir(&originals).unwrap();
    with_openssl(&made, &originals, &[]);
    let (utef, utec) = (originals.join("UTEF.P12"), originals.join("UTEC.P12"));
    let folder = made.stage.path("altrui");
    let fresh = || {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        with_openssl(&made, &folder, &[]);
        store_with_keytool(&made, &folder, "JKS");
    };
    let shown = folder.display().to_string();
    for order in [[(&utec, "a"), (&utef, "b")], [(&utef, "a"), (&utec, "b")]] {
        fresh();
        for name in ["UTEF.P12", "UTEC.P12"] {
            fs::remove_file(folder.join(name)).unwrap();
            for (from, alias) in order {
                import(&made, from, &folder.join(name), "PKCS12", alias, &[]);
            }
        }
        assert_eq!(made.contents(&shown), ours);
    }
    // A key on a curve beside ours does not matter.
    fresh();
    let generate = ["ecparam", "-genkey", "-name", "prime256v1", "-noout"];
    let curve = another(&made, "curva", &generate, &[]);
    import(&made, &curve, &folder.join("UTEC.P12"), "PKCS12", "curva", &[]);
    assert_eq!(made.contents(&shown), ours);

    // Another key for signatures, and nothing that says which is meant.
    fresh();
    let another = another(&made, "altra", &["genrsa"], &["-addext", "keyUsage=digitalSignature"]);
    let store = folder.join("UTEF.P12");
    fs::remove_file(&store).unwrap();
    import(&made, &utef, &store, "PKCS12", "una", &[]);
    import(&made, &another, &store, "PKCS12", "altra", &[]);
    let refused = made.certificates(&shown);
    assert_eq!((refused.code, &*refused.error_code()), (Some(1), "environment.wrong_key"));
    for word in ["several keys for Firma", "una for Firma", "altra for Firma"] {
        assert!(refused.stdout.contains(word), "{word}: {}", refused.stdout);
    }
    // Under the Agency's alias it is certain.
    fs::remove_file(&store).unwrap();
    import(&made, &another, &store, "PKCS12", "altra", &[]);
    import(&made, &utef, &store, "PKCS12", "sign_keypair0", &[]);
    assert_eq!(made.contents(&shown), ours);
}

/// A store with a key of openssl's own, under the Agency's alias.
fn another(made: &Made, name: &str, generate: &[&str], more: &[&str]) -> PathBuf {
    let (key, certificate) = (made.path(&format!("{name}.pem")), made.path(&format!("{name}.crt")));
    agrees("openssl", &[generate, &["-out", &key]].concat());
    let request =
        ["req", "-x509", "-new", "-key", &key, "-subj", "/CN=altra", "-out", &certificate];
    agrees("openssl", &[&request[..], more].concat());
    let store = made.stage.path(&format!("{name}.p12"));
    export(made, (&key, &certificate), &store, "sign_keypair0", &[]);
    store
}

/// A file is what its content says: Java's own format under the name of PKCS#12, and what is no store.
#[test]
fn stores_of_other_kinds_are_read_or_named() {
    if !judge::called("stores in JKS and JCEKS, written by keytool") {
        return;
    }
    let made = Made::new(70_009);
    made.unpack();
    let ours = made.contents("ambiente");
    let folder = made.stage.path("altrui");
    fs::create_dir(&folder).unwrap();
    with_openssl(&made, &folder, &[]);
    store_with_keytool(&made, &folder, "JCEKS");
    let shown = folder.display().to_string();
    let listed = made.stage.run(&["environments", &shown]).expect_success();
    assert!(listed.stdout.contains("UTENTE.KS is JCEKS"), "{}", listed.stdout);
    assert_eq!(made.contents(&shown), ours, "what the list promises holds");
    let utef = made.stage.path("da-openssl/UTEF.P12");
    let store = folder.join("UTEF.P12");
    fs::remove_file(&store).unwrap();
    import(&made, &utef, &store, "JKS", "sign_keypair0", &[]);
    assert_eq!(made.contents(&shown), ours);
    let text = made.path("base64.txt");
    agrees("openssl", &["base64", "-in", &utef.display().to_string(), "-out", &text]);
    fs::copy(&text, &store).unwrap();
    let refused = made.certificates(&shown);
    assert_eq!((refused.code, &*refused.error_code()), (Some(1), "keystore.malformed"));
    assert!(refused.stdout.contains("text in base64"), "{}", refused.stdout);
}

/// A password with a character beyond the Basic Multilingual Plane.
#[test]
fn passwords_with_an_emoji_open() {
    if !judge::called("a store under a password with an emoji, written by openssl") {
        return;
    }
    let mut made = Made::new(70_010);
    made.unpack();
    let ours = made.contents("ambiente");
    let password = "Chiave🔑1234";
    fs::write(&made.password_file, password).unwrap();
    made.account.set("password_esistente", Some(password));
    let folder = made.stage.path("altrui");
    fs::create_dir(&folder).unwrap();
    with_openssl(&made, &folder, &["-legacy", "-macalg", "sha1"]);
    fs::copy(made.stage.path("ambiente/UTENTE.KS"), folder.join("UTENTE.KS")).unwrap();
    assert_eq!(made.contents(&folder.display().to_string()), ours);
}
