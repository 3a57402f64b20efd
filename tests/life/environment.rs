//! The guide's procedure around `setup_environment`: what is set aside, shown, saved and warned of.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use ceralacca::keystore::KeyPair;
use serde_json::json;

use crate::stage::{self, PASSWORD, PIN_DI_REVOCA, PROGRAM, Served, Stage, codice_fiscale};

#[test]
fn a_folder_that_is_not_empty_is_set_aside() {
    let served = Served::start();
    let stage = Stage::new(&served);
    fs::create_dir(stage.path("ambiente")).unwrap();
    fs::write(stage.path("ambiente/UTEF.P12"), "an older environment").unwrap();
    stage.setup(&served.account(&codice_fiscale(60_000)), &[]).expect_success();

    let aside: Vec<String> = fs::read_dir(stage.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("ambiente_"))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    let millis = aside[0].trim_start_matches("ambiente_");
    assert!(millis.len() == 13 && millis.chars().all(|c| c.is_ascii_digit()), "{aside:?}");
    let kept = fs::read_to_string(stage.path(&aside[0]).join("UTEF.P12")).unwrap();
    assert_eq!(kept, "an older environment");
}

#[test]
fn the_riepilogo_is_shown_and_saved_without_secrets() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(60_001));
    let done = stage.setup(&account, &[]).expect_success();
    let saved = stage.path("Documenti/riepiloghi/1-riepilogo-della-richiesta.txt");
    let page = fs::read_to_string(saved).unwrap();
    for expected in ["Riepilogo della richiesta", &account.codice_fiscale, "000", "RSA 4096"] {
        assert!(page.contains(expected), "{expected}: {page}");
        assert!(done.stderr.contains(expected), "{expected}: {}", done.stderr);
    }
    for secret in [PASSWORD, PIN_DI_REVOCA, &account.secrets["pincode"]] {
        assert!(!page.contains(secret));
    }
}

#[test]
fn an_incaricato_sends_for_another_subject() {
    let served = Served::start();
    let subject = served.account(&codice_fiscale(60_002));
    let wanted = json!([{ "codice_fiscale": subject.codice_fiscale, "sede": "000" }]);
    let incaricato = served.account_with(&codice_fiscale(60_003), &wanted);
    let stage = Stage::new(&served);

    // The subject's pincode, the incaricato's portal keys.
    let mut mixed = subject.clone();
    mixed.utente = incaricato.utente.clone();
    mixed.set("portal_password", Some(&incaricato.secrets["portal_password"]));
    mixed.set("codice_pin", Some(&incaricato.secrets["codice_pin"]));
    let on_behalf_of = format!("on_behalf_of={}/000", subject.codice_fiscale);
    stage.setup(&mixed, &[&on_behalf_of]).expect_success();

    let secrets = mixed.secrets_file.display().to_string();
    let shown = stage.run(&["certificates", "--json", "--secrets", &secrets]).json();
    assert_eq!(shown[0]["nome"], format!("{}-000", subject.codice_fiscale));
}

#[test]
fn certificates_near_their_end_are_announced() {
    let served = Served::start();
    // Issued almost three years ago, so that thirty days are left.
    let offset = json!({ "offset_seconds": -(3 * 365 - 30) * 24 * 3600 });
    served.admin("PUT", "/sandbox/v1/clock", Some(&offset));
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(60_004));
    stage.setup(&account, &[]).expect_success();
    let secrets = account.secrets_file.display().to_string();
    let shown = stage.run(&["certificates", "--details", "--secrets", &secrets]).expect_success();
    for expected in [
        "Nome",
        "Inizio validità",
        "Fine validità",
        "Valido",
        "Firma",
        "Cifra",
        "Numero di serie",
        "Certificatore",
        "CN=CA Agenzia delle Entrate SANDBOX",
        "RSA, 4096 bits",
        "SHA256withRSA",
        "expires in 3",
        "Key Usage",
    ] {
        let (text, wanted) = (shown.stdout.to_lowercase(), expected.to_lowercase());
        assert!(
            text.contains(&wanted) || text.replace(' ', "").contains(&wanted.replace(' ', "")),
            "{expected}: {}",
            shown.stdout
        );
    }
    let json = stage.run(&["certificates", "--json", "--secrets", &secrets]).json();
    assert_eq!(json[0]["expires_soon"], true);

    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/list_certificates.lua");
    let listed = stage.run(&["run", example, "--json", "--secrets", &secrets]).json();
    assert_eq!(listed["result"]["certificates"][1]["nome"], json[1]["nome"]);
    assert_eq!(listed["result"]["expires"], json[0]["fine_validita"]);
}

#[cfg(unix)]
#[test]
fn secrets_come_from_a_file_descriptor() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(60_005));
    let mut arguments = stage.setup_arguments("setup_environment", &account);
    arguments.truncate(arguments.len() - 1);
    arguments.push("fd:3".to_owned());
    let script = format!("exec \"$0\" \"$@\" 3< '{}'", account.secrets_file.display());
    let finished = stage::run(
        Command::new("sh")
            .args(["-c", &script, PROGRAM])
            .args(&arguments)
            .current_dir(stage.folder.path())
            .stdin(Stdio::null()),
    );
    finished.expect_success();
}

/// The Agency's own name beside another, and a folder that the settings name.
#[test]
fn environments_set_aside_elsewhere_are_found() {
    let served = Served::start();
    let stage = Stage::new(&served);
    stage.setup(&served.account(&codice_fiscale(60_006)), &[]).expect_success();
    let beside = "Ambiente_sicurezza_1547083116289";
    for name in [beside, "fatture_2025", "altrove"] {
        fs::create_dir(stage.path(name)).unwrap();
    }
    for name in [beside, "altrove"] {
        for file in ["UTEF.P12", "UTEC.P12", "UTENTE.KS"] {
            fs::copy(stage.path("ambiente").join(file), stage.path(name).join(file)).unwrap();
        }
    }
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    let named = "environments_set_aside = [\"altrove\", \"/media/via\"]\n";
    fs::write(stage.path("ceralacca.toml"), format!("{named}{settings}")).unwrap();
    let listed = stage.run(&["environments", "--json"]).json();
    let found: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(found, ["ambiente", beside, "altrove"]);
    assert!(listed[1]["state"] == "messo da parte" && listed[2]["state"] == "messo da parte");
    let text = stage.run(&["environments"]).expect_success().stdout;
    assert!(text.contains("/media/via: is not there"), "{text}");
    assert_eq!(stage.run(&["status", "--json"]).json()["set_aside"], 2);
}

/// Tests take key pairs that were made before, and no test takes one twice; where their list is not
/// named, the program makes its own.
#[test]
fn keys_are_generated_unless_the_tests_have_some() {
    let served = Served::start();
    let taken = || fs::read_to_string(stage::keys()).unwrap().matches("4096-").count();
    let before = taken();
    let mut fingerprints = Vec::new();
    for (number, of_the_tests) in [(60_020, true), (60_021, true), (60_022, false)] {
        let (stage, account) = (Stage::new(&served), served.account(&codice_fiscale(number)));
        let arguments = stage.setup_arguments("setup_environment", &account);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = stage.command(&arguments);
        if !of_the_tests {
            command.env_remove("CERALACCA_TEST_KEYS");
        }
        stage::run(&mut command).expect_success();
        let secrets = account.secrets_file.display().to_string();
        let shown = stage.run(&["certificates", "--json", "--secrets", &secrets]).json();
        let shown = shown.as_array().unwrap().iter();
        fingerprints.extend(shown.map(|one| one["key_fingerprint"].as_str().unwrap().to_owned()));
    }
    assert!(taken() >= before + 4, "two environments with the tests' keys");
    let different: BTreeSet<&String> = fingerprints.iter().collect();
    assert_eq!(different.len(), 6, "{fingerprints:?}");
    let kept: Vec<String> = fs::read_dir(stage::keys().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "p8"))
        .map(|path| KeyPair::from_pkcs8(fs::read(path).unwrap().into()).unwrap().fingerprint())
        .collect();
    for own in &fingerprints[4..] {
        assert!(!kept.contains(own), "{own} is the program's own, and nobody else's");
    }
}
