//! Receipts as an operator meets them: lost and changed, for keys that are gone, hostile, moved; and what
//! the commands say of it with their exit codes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::stage::impronta::{Filing, copy};
use crate::stage::{self, Account, Finished, PIN_DI_REVOCA, Served, Stage, codice_fiscale, judge};

const NEW_PIN: &str = "NuovaRevoca67890abc";
const NEW_PASSWORD: &str = "Passero77Beta";
/// A receipt in a form of its own.
const SCARTO: &[u8] = b"%PDF-1.7\n% scarto\n%%EOF\n";

/// After the key is lost its receipt stands in nobody's way, and opens once the medium is found.
#[test]
fn a_receipt_for_a_lost_key_blocks_nothing_and_opens_when_it_is_found() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(84_000));
    let stage = filing.stage();
    filing.file(&stage, 1).expect_success();
    fs::remove_dir_all(stage.path("Documenti/ricevute")).unwrap();
    fs::remove_dir_all(stage.path("Documenti/esiti")).unwrap();
    let medium = tempfile::tempdir().unwrap();
    copy(&stage.path("ambiente"), &medium.path().join("ambiente"));
    fs::remove_dir_all(stage.path("ambiente")).unwrap();

    let account = &mut filing.account;
    account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
    account.set("pin_di_revoca", Some(NEW_PIN));
    account.set("password", Some(NEW_PASSWORD));
    let Account { codice_fiscale, utente, numero_busta, .. } = account.clone();
    let recover = format!(
        "run recover_environment codice_fiscale={codice_fiscale} utente={utente} \
         numero_busta={numero_busta} chiave_persa=yes"
    );
    types(&stage, account, &recover, 0);
    account.set("password_esistente", Some(NEW_PASSWORD));
    let collect = format!("run collect_receipts utente={utente}");
    let refused = types(&stage, account, &collect, 1);
    assert!(refused.contains("agency.not_all_opened") && refused.contains("serial"), "{refused}");
    assert!(refused.contains("beside the current"), "it says what would help: {refused}");
    types(&stage, account, "resume 3", 0);
    assert!(types(&stage, account, &collect, 0).contains("non_apribili  1"));

    let listed = stage.run(&["receipts", "--json"]).json();
    let row = impronta(&listed);
    assert_eq!(row["receipt"], "non_apribile");
    assert!(row["not_openable"]["recipients"][0].as_str().unwrap().starts_with("serial"), "{row}");
    assert!(stage.run(&["receipts", "--unread"]).stdout.contains("None of the"));
    assert!(stage.run(&["receipts", "--not-openable"]).stdout.contains("NON APRIBILE"));
    let status = stage.run(&["status"]);
    assert_eq!(status.code, Some(0), "{}", status.stdout);

    // The next renewal is not held back.
    account.set("pin_di_revoca_esistente", Some(NEW_PIN));
    types(
        &stage,
        account,
        &format!("run renew_environment numero_busta={numero_busta} utente={utente}"),
        0,
    );

    // Found again, it is put beside, and its password given.
    copy(&medium.path().join("ambiente"), &stage.path("ambiente_1547083116289"));
    account.set("password_precedente", Some(stage::PASSWORD));
    types(&stage, account, &collect, 0);
    let listed = stage.run(&["receipts", "--json"]).json();
    assert_eq!(impronta(&listed)["receipt"], "letta", "{listed}");
    assert!(impronta(&listed)["paths"]["rel"].is_string());
}

/// What is lost or changed is noticed, fetched and opened again; what somebody wrote is kept aside.
#[test]
fn lost_and_changed_receipts_are_noticed_and_mended() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(84_001));
    let stage = filing.stage();
    filing.file(&stage, 1).expect_success();
    let collect = format!("run collect_receipts utente={}", filing.account.utente);
    types(&stage, &filing.account, &collect, 0);
    assert_eq!(stage.run(&["receipts", "--verify"]).code, Some(0));
    let before = stage.run(&["receipts", "--json"]).json();
    let kept = |name: &str| PathBuf::from(impronta(&before)["paths"][name].as_str().unwrap());
    let (rcc, rel) = (kept("rcc"), kept("rel"));
    let genuine = fs::read(&rel).unwrap();

    // With the same length only --verify can tell; any other change shows at once.
    let mut forged = genuine.clone();
    forged[0] ^= 1;
    fs::write(&rel, &forged).unwrap();
    assert_eq!(state(&stage), "letta");
    let verified = stage.run(&["receipts", "--verify"]);
    assert_eq!(verified.code, Some(1));
    assert!(verified.stdout.contains("it was changed"), "{}", verified.stdout);
    fs::write(&rel, b"ELABORATO").unwrap();
    fs::remove_file(&rcc).unwrap();
    assert_eq!(state(&stage), "non_letta");
    let listed = stage.run(&["receipts"]).stdout;
    assert!(listed.contains("not there any more") && listed.contains("9 bytes"), "{listed}");
    assert_eq!(stage.run(&["status"]).code, Some(1));

    types(&stage, &filing.account, &collect, 0);
    assert_eq!(fs::read(&rel).unwrap(), genuine);
    assert!(rcc.is_file());
    let aside = fs::read_dir(rel.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> =
        aside.filter(|path| path.to_string_lossy().contains(".alterato-")).collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read(&aside[0]).unwrap(), b"ELABORATO");
    assert_eq!(stage.run(&["receipts", "--verify"]).code, Some(0));
}

/// A workspace that is moved or copied names its own files, also in records of older versions.
#[test]
fn a_copy_names_its_own_files() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(84_002));
    let stage = filing.stage();
    filing.file(&stage, 1).expect_success();
    let original = stage.folder.path().display().to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let place = elsewhere.path().join("copia");
    copy(stage.folder.path(), &place);
    for older in [false, true] {
        if older {
            let esiti = fs::read_dir(place.join("Documenti/esiti")).unwrap();
            for path in esiti.map(|entry| entry.unwrap().path()) {
                let text = fs::read_to_string(&path).unwrap();
                let whole = format!("\"path\": \"{original}/Documenti/rice");
                fs::write(&path, text.replace("\"path\": \"rice", &whole)).unwrap();
            }
        }
        let mut command = stage.command(&["receipts", "--json", "--verify"]);
        let listed = stage::run(command.current_dir(&place)).json();
        for name in ["rcc", "p7m", "rel", "sent"] {
            let path = impronta(&listed)["paths"][name].as_str().unwrap_or_default().to_owned();
            let ours = Path::new(&path)
                .canonicalize()
                .is_ok_and(|path| path.starts_with(place.canonicalize().unwrap()));
            assert!(ours, "{name} of the copy is {path:?}; older: {older}");
        }
        assert_eq!(impronta(&listed)["receipt"], "letta");
    }
}

/// Text of the Agency, or of who pretends to be, is shown and not obeyed.
#[test]
fn hostile_text_stays_in_its_cell() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(84_003));
    let stage = filing.stage();
    filing.file(&stage, 1).expect_success();
    let listed = stage.run(&["receipts", "--json"]).json();
    let number = impronta(&listed)["protocollo"].as_str().unwrap().to_owned();
    let row = stage.path(&format!("Documenti/ricezione/{number}/ricevuta.json"));
    let mut record: Value = serde_json::from_slice(&fs::read(&row).unwrap()).unwrap();
    let hostile = "riga1\nriga2\u{202e} \u{1b}]0;pwned\u{7}\u{9b}31m";
    record["tipo_documento"] = hostile.into();
    record["file_name"] = format!("{}{hostile}", "x".repeat(300)).into();
    record["stato"] = "SCARTATO".into();
    record["motivo_di_scarto"] = json!({ "code": hostile, "text": hostile });
    fs::write(&row, record.to_string()).unwrap();
    let esito = stage.path(&format!("Documenti/esiti/{number}.json"));
    fs::remove_file(esito).unwrap();
    for command in [&["receipts"][..], &["receipts", "--json"], &["status"], &["status", "--json"]]
    {
        let said = stage.run(command);
        let obeyed = |c: char| c != '\n' && ceralacca::kernel::is_obeyed(c);
        assert!(!said.stdout.contains(obeyed), "{command:?}: {:?}", said.stdout);
        assert!(!said.stderr.contains(obeyed), "{command:?}: {:?}", said.stderr);
    }
    let table = stage.run(&["receipts"]).stdout;
    let rows = table.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    assert_eq!(rows, listed["receipts"].as_array().unwrap().len() + 1, "{table}");
    assert!(table.lines().take(4).all(|line| line.chars().count() < 400), "{table}");
    let whole = stage.run(&["receipts", "--json"]).json();
    assert_eq!(impronta_of(&whole, &number)["motivo_di_scarto"]["text"], hostile);
}

/// The days and numbers as people have them before their eyes.
#[test]
fn filters_take_what_the_table_shows() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(84_004));
    let stage = filing.stage();
    let none = stage.run(&["receipts"]).expect_success().stdout;
    assert!(none.contains("No submissions here."), "{none}");
    filing.file(&stage, 1).expect_success();
    let table = stage.run(&["receipts"]).expect_success().stdout;
    let day =
        table.split_whitespace().find(|word| word.matches('/').count() == 2 && word.len() == 10);
    let day = day.unwrap().to_owned();
    let shown = stage.run(&["receipts", "--dal", &day, "--al", &day]).expect_success().stdout;
    assert!(shown.contains("IMPRONTA"), "{shown}");
    let none = stage.run(&["receipts", "--al", "31/12/2001"]).expect_success().stdout;
    assert!(none.contains("does not match") || none.contains("None of the"), "{none}");
    let reversed = stage.run(&["receipts", "--dal", "2026-02-01", "--al", "31/01/2026"]);
    assert_eq!(reversed.code, Some(2));
    assert!(reversed.stderr.contains("input.days_reversed"), "{}", reversed.stderr);
    let stand_in = ["receipts", "--protocollo", "senza-protocollo-20261122-1a2b3c4d"];
    stage.run(&stand_in).expect_success();
}

/// By hand: in the list as soon as it is confirmed, and a rejection ends like one.
#[test]
fn what_is_sent_by_hand_is_listed_at_once_and_a_rejection_is_one() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    fs::write(stage.path("d.ccf"), b"dichiarazione").unwrap();
    let send = ["run", "send_file", "--approve", "file=d.ccf", "tipo_documento=IVA26"];
    assert_eq!(stage.run(&send).code, Some(4));
    let none = stage.run(&["receipts"]).expect_success().stdout;
    assert!(none.contains("ceralacca confirm RUN") && !none.contains("asks the Agency"), "{none}");
    stage.run(&["confirm", "1", "--protocollo", "26112200000000777"]).expect_success();
    let table = stage.run(&["receipts"]).expect_success().stdout;
    assert!(
        table.contains("26112200000000777") && table.contains("IN ATTESA DI RICEVUTA"),
        "{table}"
    );
    fs::write(stage.path("r.pdf"), SCARTO).unwrap();
    let said = ["confirm", "1", "--receipt", "r.pdf", "--rejected", "codice fiscale errato"];
    stage.run(&said).expect_success();
    let listed = stage.run(&["receipts", "--json"]).json();
    let row = &listed["receipts"][0];
    assert_eq!(row["stato"], "SCARTATO");
    let linked = |row: &Value| {
        let path = row["paths"]["opaque"].as_str().unwrap_or_default().to_owned();
        assert_eq!(fs::read(&path).unwrap_or_default(), SCARTO, "{row}");
        assert_eq!(row["paths"]["rcc"], Value::Null, "{row}");
    };
    linked(row);
    let refused = stage.run(&["resume", "1", "--approve"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("agency.rejected"), "{}", refused.stderr);
    assert!(refused.stderr.contains("codice fiscale errato"), "{}", refused.stderr);
    linked(&stage.run(&["receipts", "--json"]).json()["receipts"][0]);
}

/// What the Agency processes after the renewal is sealed for the old key: it opens with the folder set aside,
/// also where another program wrote that, and put no cipher key into UTENTE.KS.
#[test]
fn what_comes_after_the_renewal_opens_with_the_key_set_aside() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(84_005));
    let stage = filing.stage();
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({ "receipt_delay_seconds": 86_400 })));
    let mut arguments = filing.arguments("file_impronta", 1, stage::impronta::ARCHIVE);
    arguments.extend(["--patience".to_owned(), "0s".to_owned()]);
    assert_eq!(stage::impronta::run(&stage, &arguments).code, Some(4));
    served.admin("PUT", "/sandbox/v1/settings", Some(&json!({ "receipt_delay_seconds": 0 })));
    let account = &mut filing.account;
    account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
    account.set("pin_di_revoca", Some(NEW_PIN));
    account.set("password", Some(NEW_PASSWORD));
    let Account { utente, numero_busta, .. } = account.clone();
    let renew = format!("run renew_environment numero_busta={numero_busta} utente={utente}");
    let said = types(&stage, account, &renew, 0);
    assert!(said.contains("still being processed"), "{said}");
    account.set("password_esistente", Some(NEW_PASSWORD));
    account.set("password_precedente", Some(stage::PASSWORD));
    by_another_program(&stage);

    served.admin("PUT", "/sandbox/v1/clock", Some(&json!({ "offset_seconds": 86_500 })));
    let collect = format!("run collect_receipts utente={utente}");
    let said = types(&stage, account, &collect, 0);
    assert!(said.contains("set aside in") && said.contains("aperte        1"), "{said}");
    assert_eq!(state(&stage), "letta");
}

/// Writes the environment that was set aside as another program would, where the tools are there.
fn by_another_program(stage: &Stage) {
    if !judge::called("a set-aside environment by openssl and keytool") {
        return;
    }
    let entries = fs::read_dir(stage.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut aside = entries.filter(|path| path.to_string_lossy().contains("ambiente_"));
    let folder = aside.next().unwrap();
    let (password, at) = (stage::PASSWORD, |name: &str| folder.join(name).display().to_string());
    let given = format!("pass:{password}");
    let (pem, utek) = (at("k.pem"), at("utek.p12"));
    judge::agrees(
        "openssl",
        &["pkcs12", "-in", &at("UTEC.P12"), "-passin", &given, "-nodes", "-out", &pem],
    );
    let legacy = ["pkcs12", "-export", "-legacy", "-in", &pem, "-passout", &given, "-out", &utek];
    judge::agrees("openssl", &legacy);
    fs::remove_file(&pem).unwrap();
    fs::remove_file(at("UTEC.P12")).unwrap();
    fs::remove_file(at("UTENTE.KS")).unwrap();
    judge::agrees(
        "keytool",
        &[
            "-importkeystore",
            "-noprompt",
            "-srckeystore",
            &at("UTEF.P12"),
            "-srcstoretype",
            "PKCS12",
            "-srcstorepass",
            password,
            "-destkeystore",
            &at("UTENTE.KS"),
            "-deststoretype",
            "JKS",
            "-deststorepass",
            password,
        ],
    );
}

/// Types a command with `--approve` and `--secrets`, and expects its exit code; what it said.
fn types(stage: &Stage, account: &Account, command: &str, code: i32) -> String {
    let secrets = account.secrets_file.display().to_string();
    let words = command.split(' ').chain(["--approve", "--secrets", &secrets]);
    let Finished { code: found, stdout, stderr } = stage.run(&words.collect::<Vec<_>>());
    let said = format!("{stderr}{stdout}");
    assert_eq!(found, Some(code), "{command}\n{said}");
    said
}

fn impronta(listed: &Value) -> &Value {
    let rows = listed["receipts"].as_array().unwrap();
    rows.iter().find(|row| row["tipo_documento"] == "IMPRONTA").unwrap()
}

fn impronta_of<'a>(listed: &'a Value, number: &str) -> &'a Value {
    let rows = listed["receipts"].as_array().unwrap();
    rows.iter().find(|row| row["protocollo"] == number).unwrap()
}

fn state(stage: &Stage) -> String {
    let listed = stage.run(&["receipts", "--json"]).json();
    impronta(&listed)["receipt"].as_str().unwrap().to_owned()
}
