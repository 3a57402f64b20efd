//! Each network fault × each request of each workflow × kill and resume.
//!
//! A workflow is brought to a moment that can be returned to: its workspace and the sandbox's state
//! are set back for each case (`faults/rewind.rs`). There it meets one fault at one request, ends or
//! goes on, is resumed and killed again, and goes on as its errors say, to the end. Whatever happened,
//! the Agency has one submission or revocation and no more, the keys are those first generated and are
//! certified, old ones are as they were, and no error was without a next step. What is printed is the
//! matrix, with counts.

use std::fs;

use rusqlite::Connection;
use serde_json::json;

use crate::faults::prepared::{self, Life};
use crate::faults::rewind::number;
use crate::faults::{Kind, Request, sent};
use crate::stage::impronta::Filing;
use crate::stage::{self, Served, Stage, codice_fiscale};

const RENEW: Life = Life { script: "renew_environment", lost: false, unread: 2 };
const RECOVER: Life = Life { script: "recover_environment", lost: false, unread: 2 };
const LOST: Life = Life { script: "recover_environment", lost: true, unread: 0 };

fn everything(_: &Request) -> &'static [Kind] {
    &Kind::ALL
}

/// What changes something and what is asked for nowhere else meets everything, the rest a few kinds:
/// for workflows that ask as another one does whose requests meet them all.
fn mostly_changes(request: &Request) -> &'static [Kind] {
    let only_here = request.route == "GET /v1/revocations";
    if request.changes() || only_here { &Kind::ALL } else { &Kind::FEW }
}

/// Where one file that does not come must not keep the others back.
fn mostly_attachments(request: &Request) -> &'static [Kind] {
    if request.route.ends_with("{name}") { &Kind::ALL } else { &Kind::FEW }
}

fn only_changes(request: &Request) -> &'static [Kind] {
    if request.changes() { &Kind::FEW[1..] } else { &[] }
}

#[test]
fn setup_environment() {
    stage::say(&crate::faults::table::legend());
    let served = Served::start();
    let stage = Stage::new(&served);
    let account = served.account(&codice_fiscale(80_000));
    let search = prepared::setup(&served, &stage, &account);
    search.all(everything);
    search.in_doubt();
}

#[test]
fn file_impronta() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_001));
    let stage = filing.stage();
    let search = prepared::file(&filing, &stage);
    search.all(mostly_changes);
    search.in_doubt();
}

#[test]
fn send_file() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_010));
    let stage = filing.stage();
    let search = sent::send(&filing, &stage);
    search.all(everything);
    search.in_doubt();
}

#[test]
fn replace_impronta() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_002));
    let stage = filing.stage();
    let search = prepared::replace(&filing, &stage);
    search.all(mostly_changes);
    search.in_doubt();
}

#[test]
fn collect_receipts() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_003));
    prepared::unread(&filing, 3);
    let stage = filing.stage();
    prepared::collect(&filing, &stage, 3).all(mostly_attachments);
}

#[test]
fn renew_environment() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_004));
    prepared::unread(&filing, 2);
    let stage = filing.stage();
    let search = prepared::revoking(&filing, &stage, &RENEW);
    search.all(mostly_changes);
    search.in_doubt();
    search.rewind.restore();
    let stage = filing.stage();
    let search = prepared::renewing(&filing, &stage, &RENEW);
    search.all(mostly_changes);
    search.in_doubt();
}

#[test]
fn renew_environment_with_new_keys_each_time() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_005));
    prepared::unread(&filing, 2);
    let stage = filing.stage();
    prepared::whole(&filing, &stage, &RENEW).all(only_changes);
}

#[test]
fn recover_environment() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_006));
    prepared::unread(&filing, 2);
    let stage = filing.stage();
    let search = prepared::revoking(&filing, &stage, &RECOVER);
    search.all(mostly_changes);
    search.in_doubt();
    search.rewind.restore();
    let stage = filing.stage();
    prepared::renewing(&filing, &stage, &RECOVER).all(mostly_changes);
}

#[test]
fn recover_environment_from_a_lost_medium() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_007));
    prepared::unread(&filing, 1);
    let stage = filing.stage();
    let search = prepared::revoking(&filing, &stage, &LOST);
    search.all(mostly_changes);
    search.in_doubt();
}

/// These three never reach out, so that no fault of the network meets them.
#[test]
fn what_is_local_asks_nobody() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_008));
    let pending = Stage::new(&served);
    let account = served.account(&codice_fiscale(80_009));
    let attachment = "GET /v1/receipts/{protocollo}/attachments/{name}";
    served.faults(&json!([{ "route": attachment, "kind": "refuse" }]));
    assert_eq!(pending.setup(&account, &[]).code, Some(1));
    fs::write(pending.path("CERTIF.IN"), attached(&served, "CERTIF.IN")).unwrap();

    let stage = filing.stage();
    let mut changed = filing.account.clone();
    changed.set("password", Some("Cambiata99"));
    let copy = format!("copy={}", stage.path("copia").display());
    let asked = "SELECT count(*) FROM log WHERE path NOT LIKE '/sandbox/%'";
    let before = number(&served, asked);
    for (stage, account, arguments) in [
        (&pending, &account, vec!["import_certificates", "certif_in=CERTIF.IN"]),
        (&stage, &filing.account, vec!["copy_environment", &copy]),
        (&stage, &changed, vec!["change_password"]),
    ] {
        let secrets = account.secrets_file.display().to_string();
        let all = [&["run", "--approve", "--json", "--secrets", &secrets], &arguments[..]].concat();
        stage.run(&all).expect_success();
    }
    assert_eq!(number(&served, asked), before, "requests");
    stage::say("\nimport_certificates, copy_environment, change_password: no request, no fault");
}

/// What is attached to the last submission.
fn attached(served: &Served, name: &str) -> Vec<u8> {
    let state = Connection::open(served.folder.path().join("stato-SANDBOX.sqlite")).unwrap();
    let query = "SELECT bytes FROM attachments WHERE name = ?1 ORDER BY submission_id DESC LIMIT 1";
    state.query_row(query, [name], |row| row.get(0)).unwrap()
}
