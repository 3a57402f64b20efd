//! The plugin for tokens from outside: what is filed with a key that never leaves its token.

#![cfg(unix)]

mod softhsm;

use std::fs;
use std::path::{Path, PathBuf};

use softhsm::{PIN, Token};

use crate::stage::impronta::{ARCHIVE, Filing};
use crate::stage::{Served, Stage, codice_fiscale, judge, say};

/// The arguments that file the example archive with the key on the token.
fn arguments(filing: &Filing<'_>, token: &Token, script: &str, period: u32) -> Vec<String> {
    let mut arguments = filing.arguments(script, period, ARCHIVE);
    let signer = arguments.iter_mut().find(|one| one.starts_with("signer=")).unwrap();
    *signer = format!("signer={}", token.uri());
    arguments
}

#[test]
fn an_impronta_is_filed_with_a_key_that_never_leaves_its_token() {
    if !judge::called("a p7m by a key in SoftHSM: by openssl, the key by pkcs11-tool") {
        return;
    }
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(41_001));
    filing.account.set("signer_password", None);
    filing.account.set("pin_token", Some(PIN));
    let (stage, token) = (filing.stage(), Token::new());
    fs::remove_file(stage.path("responsabile.p12")).unwrap();
    token.plug_in(&stage);

    let run = arguments(&filing, &token, "file_impronta", 1);
    let filed = token.ceralacca(&stage, &run).expect_success();
    assert_eq!(served.communications(), 1);
    let p7m = find(stage.folder.path(), "indice.xml.p7m");
    let signed = token.verified(&p7m);
    assert_eq!(signed, fs::read(p7m.with_extension("")).unwrap());
    let issued = fs::read(token.path("signer.der")).unwrap();
    let inside = fs::read(&p7m).unwrap();
    assert!(inside.windows(issued.len()).any(|part| part == issued), "signed by the token's key");

    // The token says of its key that it was made on it and has never been anywhere else.
    let objects = token.tool(&["--list-objects", "--type", "privkey"]);
    assert!(objects.contains("sensitive, always sensitive, never extractable, local"), "{objects}");

    no_pin_in(stage.folder.path());
    assert!(!filed.stdout.contains(PIN) && !filed.stderr.contains(PIN));
    say("judged: an index signed by a key in SoftHSM: openssl; the key: pkcs11-tool");
}

#[test]
fn a_wrong_pin_and_a_missing_token_stop_the_run_which_then_goes_on() {
    if !judge::called("a run that goes on after a wrong PIN: SoftHSM") {
        return;
    }
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(41_002));
    let (stage, token) = (filing.stage(), Token::new());
    token.plug_in(&stage);
    let secrets = filing.account.secrets_file.display().to_string();
    let resume = ["resume", "1", "--approve", "--json", "--secrets", &secrets].map(str::to_owned);

    filing.account.set("pin_token", Some("AltroPin0815"));
    let run = arguments(&filing, &token, "file_impronta", 2);
    let failed = token.ceralacca(&stage, &run);
    assert_eq!(failed.error_code(), "pkcs11.pin_wrong", "{}{}", failed.stdout, failed.stderr);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stdout.contains("fewer attempts are left"), "{}", failed.stdout);
    assert!(!failed.stdout.contains("AltroPin0815") && !failed.stderr.contains("AltroPin0815"));

    filing.account.set("pin_token", Some(PIN));
    fs::rename(token.path("tokens"), token.path("elsewhere")).unwrap();
    fs::create_dir(token.path("tokens")).unwrap();
    let failed = token.ceralacca(&stage, &resume);
    assert_eq!(failed.error_code(), "pkcs11.no_token", "{}{}", failed.stdout, failed.stderr);

    fs::remove_dir(token.path("tokens")).unwrap();
    fs::rename(token.path("elsewhere"), token.path("tokens")).unwrap();
    token.ceralacca(&stage, &resume).expect_success();
    assert_eq!(served.communications(), 1);
    token.verified(&find(stage.folder.path(), "indice.xml.p7m"));
    no_pin_in(stage.folder.path());
}

#[test]
fn both_script_languages_see_the_tokens() {
    if !judge::called("tokens in Rhai and Lua: SoftHSM") {
        return;
    }
    let (stage, token) = (Stage::embedded(), Token::new());
    token.plug_in(&stage);
    let serial = &token.serial;
    let scripts = [
        (
            "tokens.rhai",
            format!(
                "//! Lists a token.\nconst WORKFLOW = #{{ summary: \"Lists\", uses: [\"pkcs11\"], \
                 input: #{{}} }};\nfn run(input) {{\n    #{{ tokens: pkcs11::tokens(), \
                 certificates: pkcs11::certificates(\"{serial}\") }}\n}}\n"
            ),
        ),
        (
            "tokens.lua",
            format!(
                "-- Lists a token.\nlocal workflow = {{ summary = \"Lists\", \
                 uses = {{ \"pkcs11\" }}, input = {{}} }}\nfunction workflow.run(input)\n  \
                 return {{ tokens = pkcs11.tokens(), \
                 certificates = pkcs11.certificates(\"{serial}\") }}\nend\nreturn workflow\n"
            ),
        ),
    ];
    let results = scripts.map(|(name, text)| {
        fs::write(stage.path(name), text).unwrap();
        let run = ["run", &format!("./{name}"), "--json"].map(str::to_owned);
        token.ceralacca(&stage, &run).json()["result"].clone()
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0]["tokens"][0]["serial"], token.serial.as_str());
    assert_eq!(results[0]["tokens"][0]["state"], "ready");
    assert_eq!(results[0]["certificates"][0]["subject"], "C=IT, CN=Mario Rossi");
    let uri = results[0]["certificates"][0]["uri"].as_str().unwrap();
    assert!(uri.ends_with(";id=%01"), "{uri}");
}

/// The one file of that name below a folder.
fn find(folder: &Path, name: &str) -> PathBuf {
    let found: Vec<PathBuf> =
        files(folder).into_iter().filter(|path| path.ends_with(name)).collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0].clone()
}

/// No file of the workspace holds the PIN.
fn no_pin_in(folder: &Path) {
    let all = files(folder);
    assert!(all.len() > 10, "the workspace is searched: {all:?}");
    for path in all {
        let bytes = fs::read(&path).unwrap();
        let holds = bytes.windows(PIN.len()).any(|part| part == PIN.as_bytes());
        assert!(!holds, "{} holds the PIN", path.display());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}
