//! Environments made by other programs, as they are found: names in any case, UTEK.P12, a password in
//! upper case, a UTENTE.KS of another kind, algorithms that are not here.

use std::fs;
use std::path::Path;

use super::{Made, WRITERS, export, store_with_keytool, with_openssl, without_days};
use crate::stage::{Finished, PASSWORD, judge, say};

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

/// How openssl writes a file that does not open here, and what the error names.
const MISSING: [(&[&str], &str, &str); 5] = [
    (
        &["-legacy", "-keypbe", "PBE-MD5-DES", "-certpbe", "PBE-MD5-DES", "-macalg", "sha1"],
        "keystore.unsupported_algorithm",
        "PBE-MD5-DES (1.2.840.113549.1.5.3)",
    ),
    (
        &["-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-RC4-128", "-macalg", "sha1"],
        "keystore.unsupported_algorithm",
        "PBE-SHA1-RC4-128 (1.2.840.113549.1.12.1.1)",
    ),
    (
        &["-keypbe", "CAMELLIA-256-CBC", "-certpbe", "CAMELLIA-256-CBC"],
        "keystore.unsupported_algorithm",
        "Camellia-256-CBC (1.2.392.200011.61.1.1.1.4)",
    ),
    (&["-macalg", "md5"], "keystore.unsupported_algorithm", "MD5 (1.2.840.113549.2.5)"),
    (&["-nomac"], "keystore.unsupported_algorithm", "no MAC"),
];

#[test]
fn what_does_not_open_says_which_algorithm_is_missing() {
    if !judge::called("stores with algorithms that are not here, written by openssl") {
        return;
    }
    let made = Made::new(70_007);
    made.unpack();
    for (number, (algorithms, code, named)) in MISSING.into_iter().enumerate() {
        let folder = made.stage.path(&format!("altrui-{number}"));
        fs::create_dir(&folder).unwrap();
        with_openssl(&made, &folder, &[]);
        store_with_keytool(&made, &folder, "JKS");
        let (key, certificate) = (made.path("firma.pem"), made.path("firma-cert.pem"));
        let store = folder.join("UTEF.P12");
        export(&made, (&key, &certificate), &store, "sign_keypair0", algorithms);
        let refused = made.certificates(&folder.display().to_string());
        assert_eq!(refused.code, Some(1), "{named}: {}", refused.stdout);
        assert_eq!(refused.error_code(), code, "{named}: {}", refused.stdout);
        for word in [named, "UTEF.P12"] {
            assert!(refused.stdout.contains(word), "{word}: {}", refused.stdout);
        }
        // The environment is listed all the same: its certificates are in UTENTE.KS.
        let listed = folder.display().to_string();
        made.stage.run(&["environments", &listed]).expect_success();
    }
    say(&format!("{} kinds of PKCS#12 that do not open name what is missing", MISSING.len()));
}
