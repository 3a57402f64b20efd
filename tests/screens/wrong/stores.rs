//! Environments and sandboxes whose files are damaged, missing, or under another password.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use ceralacca::environment::{EnvironmentFolder, OpenEnvironment};
use ceralacca::kernel::Secret;
use ceralacca::keystore::pkcs12;
use rusqlite::Connection;

use super::{Place, Snapshot, check, each, setup, untouched};
use crate::stage::{PASSWORD, Served, Stage, codice_fiscale, restrict};

/// What is done to a copy of a good environment.
type Damage = fn(&Path, &OpenEnvironment);

/// Golden file and damage; `certificates` then refuses.
const DAMAGES: [(&str, Damage); 13] = [
    ("environment.not_found.part", |folder, _| fs::remove_file(folder.join("UTEC.P12")).unwrap()),
    ("environment.disk_not_a_file", |folder, _| {
        fs::remove_file(folder.join("UTEF.P12")).unwrap();
        fs::create_dir(folder.join("UTEF.P12")).unwrap();
    }),
    ("keystore.malformed", |folder, _| edit(folder, |bytes| bytes.truncate(bytes.len() / 2))),
    ("keystore.malformed.empty", |folder, _| edit(folder, Vec::clear)),
    ("keystore.malformed.text", |folder, _| edit(folder, |bytes| *bytes = b"<html>".to_vec())),
    ("keystore.too_large", |folder, _| edit(folder, |bytes| bytes.resize(2 << 20, 0))),
    ("keystore.too_costly", |folder, _| edit(folder, ask_for_too_much)),
    // The digest of the MAC becomes one that nobody uses: the last OID of the file.
    ("keystore.unsupported_algorithm", |folder, _| {
        edit(folder, |bytes| {
            let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
            let place = bytes.windows(9).rposition(|window| window == sha256).unwrap();
            bytes[place + 8] = 0x63;
        })
    }),
    ("environment.wrong_key", |folder, _| {
        fs::copy(folder.join("UTEC.P12"), folder.join("UTEF.P12")).unwrap();
    }),
    ("environment.wrong_key.swapped", |folder, _| {
        let (utef, utec) = (folder.join("UTEF.P12"), folder.join("UTEC.P12"));
        let firma = fs::read(&utef).unwrap();
        fs::copy(&utec, &utef).unwrap();
        fs::write(utec, firma).unwrap();
    }),
    ("keystore.wrong_password.changed", |folder, open| {
        let chain = &open.firma.chain;
        let bytes =
            pkcs12::write("sign_keypair0", &open.firma.key, chain, &Secret::new("Altra1234"));
        fs::write(folder.join("UTEF.P12"), bytes.unwrap()).unwrap();
    }),
    ("keystore.wrong_password.one_bit", |folder, _| edit(folder, |bytes| bytes[200] ^= 1)),
    ("keystore.missing_entry", |folder, open| {
        let bytes = pkcs12::write("sign_keypair0", &open.firma.key, &[], &Secret::new(PASSWORD));
        fs::write(folder.join("UTEF.P12"), bytes.unwrap()).unwrap();
    }),
];

#[test]
fn environments_that_are_not_whole() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let mut account = served.account(&codice_fiscale(67_000));
    setup(&stage, &account, &[]).expect_success();
    let good = stage.path("ambiente");
    let open = EnvironmentFolder::at(&good).open(&Secret::new(PASSWORD)).unwrap();
    let secrets = account.secrets_file.display().to_string();
    each(DAMAGES, |(case, damage)| {
        let folder = stage.path("copia");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for name in ["UTEF.P12", "UTEC.P12", "UTENTE.KS"] {
            fs::copy(good.join(name), folder.join(name)).unwrap();
        }
        damage(&folder, &open);
        let before = Snapshot::of(&folder);
        let refused = stage.run(&["certificates", "copia", "--secrets", &secrets]);
        check(case, 1, &refused, Place::with(&stage, &served, &account));
        untouched(case, &folder, &before);
    });

    // A copy never overwrites: the other file there stays what it is.
    let script = "const WORKFLOW = #{ summary: \"x\", uses: [\"environment\", \"prompt\"] };\n\
        fn run(input) { environment::open(\"ambiente\", prompt::secret(\"password_esistente\"))\
        .copy_to(\"chiavetta\") }\n";
    fs::write(stage.path("mio.rhai"), script).unwrap();
    fs::create_dir(stage.path("chiavetta")).unwrap();
    fs::write(stage.path("chiavetta/UTEF.P12"), "another environment's").unwrap();
    let before = Snapshot::of(&stage.path("chiavetta"));
    let refused = stage.run(&["run", "./mio.rhai", "--secrets", &secrets]);
    check("environment.disk_exists", 1, &refused, Place::with(&stage, &served, &account));
    untouched("environment.disk_exists", &stage.path("chiavetta"), &before);

    account.set("password_esistente", Some("Sbagliata1234"));
    let refused = stage.run(&["certificates", "--secrets", &secrets]);
    check("keystore.wrong_password", 1, &refused, Place::with(&stage, &served, &account));
}

fn edit(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join("UTEF.P12");
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Two thousand million iterations: the last number of the file, one octet longer than it was.
///
/// ```text
/// PFX 30 82 LL LL …
///     MacData 30 LL ( DigestInfo 30 31 30 0d …, salt, iterations 02 03 01 86 a0 )
/// ```
fn ask_for_too_much(bytes: &mut Vec<u8>) {
    let digest_info = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09];
    let place = bytes.windows(6).rposition(|window| window == digest_info).unwrap();
    bytes[place - 1] += 1;
    let length = u16::from_be_bytes([bytes[2], bytes[3]]) + 1;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes.truncate(bytes.len() - 5);
    bytes.extend([0x02, 0x04, 0x7f, 0xff, 0xff, 0xff]);
}

#[test]
fn sandboxes_that_cannot_be_opened() {
    let served = Served::start();
    let stage = Stage::embedded();
    let account = served.account(&codice_fiscale(67_100));
    let place = Place::with(&stage, &served, &account);
    let folder = served.folder.path().display().to_string();
    let open = |folder: &str| {
        let finished = stage.run(&["sandbox", "account", "RSSMRA85M01H501Q", "--folder", folder]);
        let holder = finished.stderr.find("held by ").map(|at| at + "held by ".len());
        match holder {
            Some(at) => {
                let end = at + finished.stderr[at..].find('\n').unwrap();
                let mut text = finished.stderr.clone();
                text.replace_range(at..end, "HOLDER");
                crate::stage::Finished { stderr: text, ..finished }
            }
            None => finished,
        }
    };
    check("sandbox.in_use", 1, &open(&folder), place);

    // One of our own, then damaged in every way.
    open("sabbia").expect_success();
    check("sandbox.account_exists", 1, &open("sabbia"), place);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let served_there = ["sandbox", "serve", "--folder", "sabbia", "--address", &address];
    check("sandbox.listen", 1, &stage.run(&served_there), place);
    let state = stage.path("sabbia/stato-SANDBOX.sqlite");
    let database = Connection::open(&state).unwrap();
    let own: u32 = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    database.execute_batch("PRAGMA user_version = 99").unwrap();
    check("sandbox.newer_store", 1, &open("sabbia"), place);
    database.execute_batch(&format!("PRAGMA user_version = {own}")).unwrap();
    drop(database);
    let key = fs::read(stage.path("sabbia/ca-SANDBOX.p8")).unwrap();
    fs::write(stage.path("sabbia/ca-SANDBOX.p8"), &key[..100]).unwrap();
    check("sandbox.ca", 1, &open("sabbia"), place);
    fs::remove_file(stage.path("sabbia/ca-SANDBOX.p8")).unwrap();
    check("sandbox.ca.missing", 1, &open("sabbia"), place);
    fs::write(&state, "this is no database, whatever its name says").unwrap();
    check("sandbox.store", 1, &open("sabbia"), place);
    fs::write(stage.path("file"), "").unwrap();
    check("sandbox.disk", 1, &open("file"), place);
}

#[test]
fn a_tour_into_a_workspace_stops() {
    let stage = Stage::embedded();
    let before = Snapshot::of(stage.folder.path());
    let tour = crate::stage::run(stage.command(&["tour", "."]).env_remove("RUST_BACKTRACE"));
    assert!(tour.stdout.contains("$ ceralacca init"), "{}", tour.stdout);
    let last = tour.stderr.rfind("error[").unwrap_or(0);
    let stderr = tour.stderr[last..].to_owned();
    let tour = crate::stage::Finished { stdout: String::new(), stderr, ..tour };
    check("tour.stopped", 1, &tour, Place::new(&stage));
    untouched("tour.stopped", stage.folder.path(), &before);
    restrict(&stage.path("ceralacca.toml"));
}
