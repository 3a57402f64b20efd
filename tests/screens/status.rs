//! `ceralacca status` looks at what it speaks of: what is missing, damaged, exchanged, revoked or rejected
//! is something to do, and looking changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::stage::{self, Account, PASSWORD, Served, Stage, codice_fiscale};

/// Every file of a folder with its bytes, every folder without.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
                found.insert(path, None);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path, Some(bytes));
            }
        }
    }
    found
}

/// What `status --json` says, its exit code, and that it has changed nothing.
fn looked(stage: &Stage) -> (i32, Value) {
    let before = snapshot(stage.folder.path());
    let shown = stage.run(&["status", "--json"]);
    assert!(snapshot(stage.folder.path()) == before, "looking changes nothing");
    let code = shown.code.unwrap();
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["exit"], code, "{shown:#}");
    let text = stage.run(&["status"]);
    assert_eq!(text.code, Some(code), "{}", text.stdout);
    (code, shown)
}

fn codes(shown: &Value) -> Vec<&str> {
    shown["next"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[track_caller]
fn says(stage: &Stage, exit: i32, expected: &[&str]) -> Value {
    let (code, shown) = looked(stage);
    assert_eq!((code, codes(&shown).as_slice()), (exit, expected), "{shown:#}");
    shown
}

/// A workspace with an environment that was set up in it.
fn ready(served: &Served, number: u32) -> (Stage, Account) {
    let (stage, account) = (Stage::new(served), served.account(&codice_fiscale(number)));
    stage.setup(&account, &[]).expect_success();
    (stage, account)
}

fn rename(stage: &Stage, from: &str, to: &str) {
    fs::rename(stage.path(from), stage.path(to)).unwrap();
}

#[test]
fn a_status_for_monitoring() {
    let served = Served::start();
    let (stage, _) = ready(&served, 69_000);
    let shown = says(&stage, 0, &[]);
    for key in [
        "at",
        "workspace",
        "environment",
        "set_aside",
        "runs",
        "hand_overs",
        "unused",
        "in_doubt",
        "unread",
        "not_openable",
        "revocations",
        "problems",
    ] {
        assert!(!shown[key].is_null(), "{key}: {shown:#}");
    }
    assert_eq!(shown["workspace"], stage.folder.path().canonicalize().unwrap().to_str().unwrap());

    // A file that nothing is done with, with its subject and count.
    stage.deliver("altro.pdf", b"%PDF-1.7 di un altro ufficio\n%%EOF\n");
    std::thread::sleep(std::time::Duration::from_secs(6));
    let shown = says(&stage, 1, &["ricezione.unused"]);
    let next = &shown["next"][0];
    assert!(next["subject"].as_str().unwrap().ends_with("altro.pdf") && next["count"] == 1);
    fs::remove_file(stage.path("Documenti/ricezione/altro.pdf")).unwrap();

    // What cannot be looked at has a number of its own, and the same form.
    let journal = fs::read(stage.path(".ceralacca/journal.sqlite")).unwrap();
    let garbage = "this is no database, whatever its name says";
    fs::write(stage.path(".ceralacca/journal.sqlite"), garbage).unwrap();
    says(&stage, 2, &["journal.unusable"]);
    fs::write(stage.path(".ceralacca/journal.sqlite"), journal).unwrap();
    let elsewhere = stage::run(stage.command(&["status", "--json"]).current_dir("/"));
    let shown: Value = serde_json::from_str(&elsewhere.stdout).unwrap();
    assert_eq!((elsewhere.code, &shown["exit"]), (Some(2), &json!(2)));
    assert_eq!(
        (shown["error"]["code"].as_str(), &*codes(&shown)),
        (Some("workspace.none"), &["workspace.none"][..],)
    );
    assert_eq!(stage::run(stage.command(&["status"]).current_dir("/")).code, Some(2));
    let help = stage.run(&["status", "--help"]).stdout;
    assert!(help.contains("2  something could not be looked at"), "{help}");
}

#[test]
fn what_is_gone_is_said_and_not_made_anew() {
    let served = Served::start();
    let (stage, _) = ready(&served, 69_001);
    let journal = ".ceralacca/journal.sqlite";
    rename(&stage, journal, "journal.copy");
    says(&stage, 1, &["journal.missing"]);
    fs::write(stage.path(journal), "").unwrap();
    says(&stage, 1, &["journal.missing"]);
    fs::remove_file(stage.path(journal)).unwrap();
    rename(&stage, "journal.copy", journal);

    rename(&stage, ".ceralacca", "via");
    says(&stage, 1, &["workspace.no_state"]);
    rename(&stage, "via", ".ceralacca");
    rename(&stage, "Documenti", "via");
    says(&stage, 1, &["workspace.no_documents"]);
    rename(&stage, "via", "Documenti");

    // The environment that is missing is named, as far as it is remembered.
    rename(&stage, "ambiente", "chiavetta");
    let shown = says(&stage, 1, &["environment.missing"]);
    let what = shown["next"][0]["what"].as_str().unwrap();
    assert!(what.contains("last opened on") && what.contains("valid until"), "{what}");
    assert_eq!(shown["environment_seen"]["fingerprints"].as_array().unwrap().len(), 2);
    rename(&stage, "chiavetta", "ambiente");
    says(&stage, 0, &[]);

    // A workspace that was just begun lacks nothing but an environment.
    let fresh = Stage::new(&served);
    says(&fresh, 1, &["environment.missing"]);
}

#[test]
fn files_that_are_not_what_they_were_are_said() {
    let served = Served::start();
    let (stage, account) = ready(&served, 69_002);
    let (other, _) = ready(&served, 69_003);
    let secrets = account.secrets_file.display().to_string();
    let open = || stage.run(&["certificates", "--json", "--secrets", &secrets]);
    let path = |name: &str| stage.path("ambiente").join(name);
    let own: Vec<(PathBuf, Vec<u8>)> = ["UTEF.P12", "UTEC.P12", "UTENTE.KS"]
        .map(|name| (path(name), fs::read(path(name)).unwrap()))
        .into();
    let restore = || own.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    for name in ["UTEF.P12", "UTEC.P12"] {
        let whole = fs::read(path(name)).unwrap();
        for bytes in [&b""[..], &whole[..whole.len() / 2], b"MIIQKgIBAzCCD+AGCSqGSIb3DQEHAaCC"] {
            fs::write(path(name), bytes).unwrap();
            let shown = says(&stage, 1, &["environment.unreadable"]);
            assert!(shown["next"][0]["what"].as_str().unwrap().contains(name), "{shown:#}");
            let listed = stage.run(&["environments"]).expect_success().stdout;
            assert!(listed.contains("illeggibile") && listed.contains(name), "{listed}");
        }
        restore();
    }
    says(&stage, 0, &[]);

    // UTENTE.KS of somebody else: its validity is not ours.
    fs::copy(other.path("ambiente/UTENTE.KS"), path("UTENTE.KS")).unwrap();
    says(&stage, 1, &["environment.other_keystore"]);
    restore();
    // Swapped, and a copy of the other: seen here, and refused where they are opened.
    fs::write(path("UTEF.P12"), &own[1].1).unwrap();
    says(&stage, 1, &["environment.files_changed"]);
    assert_eq!((open().code, &*open().error_code()), (Some(1), "environment.wrong_key"));
    fs::write(path("UTEC.P12"), &own[0].1).unwrap();
    assert!(open().stdout.contains("swapped"), "{}", open().stdout);
    restore();
    says(&stage, 0, &[]);
    open().expect_success();
}

/// A store that only shows its certificates with the password: they are remembered once it has opened.
#[test]
fn validity_that_is_not_known_is_said_and_then_remembered() {
    let served = Served::start();
    let (stage, account) = ready(&served, 69_004);
    let open = ceralacca::environment::EnvironmentFolder::at(stage.path("ambiente"))
        .open(&ceralacca::kernel::Secret::new(PASSWORD))
        .unwrap();
    let chain = open.cifra.chain.as_slice();
    let password = ceralacca::kernel::Secret::new(PASSWORD);
    let store = ceralacca::keystore::pkcs12::write("x", &open.cifra.key, chain, &password);
    fs::write(stage.path("ambiente/UTENTE.KS"), store.unwrap()).unwrap();
    let shown = says(&stage, 1, &["environment.validity_unknown"]);
    assert_eq!(shown["environment"]["needs_password"], true);
    assert!(shown["next"][0]["next"].as_str().unwrap().contains("ceralacca certificates"));
    let secrets = account.secrets_file.display().to_string();
    stage.run(&["certificates", "--secrets", &secrets]).expect_success();
    let shown = says(&stage, 0, &[]);
    assert_eq!(shown["environment"]["certificates"].as_array().unwrap().len(), 2);
    let remembered = fs::read_dir(stage.path(".ceralacca/environments")).unwrap();
    for entry in remembered {
        assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains(PASSWORD));
    }
}

#[test]
fn revocations_are_said_until_an_environment_follows() {
    let served = Served::start();
    let (stage, _) = ready(&served, 69_005);
    let folder = stage.path(".ceralacca/revocations");
    fs::create_dir_all(&folder).unwrap();
    let now = jiff::Timestamp::now().to_string();
    let mark = |requested: Value, fingerprints: Value| {
        let mark = json!({
            "idempotency_key": "aa-9", "run": "9", "at": now, "fingerprints": fingerprints,
            "busta": { "numero": "1234567890", "tipo": "A" }, "requested": requested,
        });
        fs::write(folder.join("aa-9.json"), mark.to_string()).unwrap();
    };
    mark(Value::Null, json!([]));
    says(&stage, 3, &["revocation.in_doubt"]);
    mark(json!({ "requested_at": now, "effective_at": null }), json!([]));
    says(&stage, 1, &["revocation.not_in_force"]);
    let in_force = json!({ "requested_at": now, "effective_at": now });
    mark(in_force.clone(), json!([]));
    let shown = says(&stage, 1, &["environment.revoked"]);
    assert!(shown["next"][0]["next"].as_str().unwrap().contains("setup_environment"));
    assert_eq!(shown["revocations"][0]["run"], "9");
    let text = stage.run(&["status"]).stdout;
    assert!(text.contains("REVOCATO") && !text.contains("Nothing to do"), "{text}");
    let listed = stage.run(&["environments"]).expect_success().stdout;
    assert!(listed.contains("revoked on"), "{listed}");
    let listed = stage.run(&["environments", "--json"]).json();
    assert!(listed[0]["note"].as_str().unwrap().contains("revoked on"), "{listed:#}");
    // By its keys it is known for certain.
    let own = listed[0]["certificates"][0]["key_fingerprint"].clone();
    mark(in_force.clone(), json!([own]));
    says(&stage, 1, &["environment.revoked"]);
    mark(in_force, json!(["00"]));
    says(&stage, 0, &[]);
}

/// The script that sends does not ask what became of it: status does.
#[test]
fn a_rejected_filing_is_said_until_it_is_settled() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    let account = served.account(&codice_fiscale(69_006));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/send_file.rhai");
    let script = fs::read_to_string(script).unwrap().replace(".require_accepted()", "");
    fs::write(stage.path("mio.rhai"), script).unwrap();
    fs::write(stage.path("dichiarazione.ccf"), [0x42; 3000]).unwrap();
    let secrets = account.secrets_file.display().to_string();
    let send = |number: u64, protocollo: &str, verdict: &[&str]| {
        let arguments = ["run", "./mio.rhai", "file=dichiarazione.ccf", "tipo_documento=IVA26"];
        let waiting = stage.run(&[&arguments[..], &["--approve", "--secrets", &secrets]].concat());
        assert_eq!(waiting.code, Some(4), "{}", waiting.stderr);
        let run = number.to_string();
        let said = ["confirm", &run, "--protocollo", protocollo];
        stage.run(&said).expect_success();
        // What is to be done next is the person's, at the portal.
        let (_, shown) = looked(&stage);
        let next = shown["next"].as_array().unwrap();
        let awaited = next.iter().find(|one| one["code"] == "hand_off.receipt_awaited");
        let step = awaited.expect("it waits")["next"].as_str().unwrap().to_owned();
        assert!(step.contains("Ricerca ricevute") && step.contains("--receipt"), "{step}");
        fs::write(stage.path("ricevuta.pdf"), b"%PDF-1.7 ricevuta\n%%EOF\n").unwrap();
        let receipt = stage.path("ricevuta.pdf").display().to_string();
        stage.run(&["confirm", &run, "--receipt", &receipt]).expect_success();
        stage.run(&[&["confirm", &run], verdict].concat()).expect_success();
        let finished = stage.resume(number, &account, &[]);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    };
    send(1, "26112200000000771", &["--rejected", "codice fiscale errato"]);
    let (code, shown) = looked(&stage);
    let rejected = |shown: &Value| {
        shown["next"].as_array().unwrap().iter().any(|one| one["code"] == "filing.rejected")
    };
    assert!(code == 1 && rejected(&shown), "{shown:#}");
    let settle = ["settle", "26112200000000771", "--reason", "corretta a mano"];
    stage.run(&settle).expect_success();
    assert!(!rejected(&looked(&stage).1));
    let refused = stage.run(&["settle", "26112200000000770", "--json"]);
    assert_eq!((refused.code, &*refused.error_code()), (Some(2), "receipts.not_rejected"));
}

/// Whoever may only read is told the same.
#[cfg(unix)]
#[test]
fn reading_is_all_that_it_needs() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let served = Served::start();
    let (stage, _) = ready(&served, 69_007);
    let everything = || {
        [stage.folder.path().to_owned()]
            .into_iter()
            .chain(snapshot(stage.folder.path()).into_keys())
    };
    let allow = |folder: u32, file: u32| {
        for path in everything() {
            let mode = if path.is_dir() { folder } else { file };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    allow(0o555, 0o444);
    let mut command = stage.command(&["status", "--json"]);
    // Root may write whatever the permissions say.
    if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(65_534).gid(65_534);
    }
    let shown = stage::run(&mut command);
    allow(0o755, 0o644);
    assert_eq!(shown.code, Some(0), "{}{}", shown.stdout, shown.stderr);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&shown["exit"], codes(&shown).len()), (&json!(0), 0), "{shown:#}");
}
