//! Ends and new beginnings: SIGKILL in the middle, a second process, a damaged folder.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ceralacca_kernel::Explain;
use ceralacca_sandbox::{Credentials, NewAccount, Sandbox};

use crate::client::{Answer, call};
use crate::world::{
    PIN, ROSSI, World, account, any_port, keys, open, other_keys, prepared_folder, real_time,
    submit,
};

/// Set for the process that [`serve_for_a_parent`] is to serve in.
const FOLDER: &str = "CERALACCA_SANDBOX_TEST_FOLDER";

/// Not a test of its own: the process that the tests below kill.
#[test]
fn serve_for_a_parent() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let sandbox = open(folder);
    let running = sandbox.listen(any_port()).unwrap();
    let written = folder.join("indirizzo.nuovo");
    std::fs::write(&written, running.address.to_string()).unwrap();
    std::fs::rename(written, folder.join("indirizzo")).unwrap();
    running.wait();
}

/// A process that serves a folder; it is killed, never asked to stop.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Starts a process that serves the folder, and waits until it does.
fn start(folder: &Path) -> Server {
    let announced = folder.join("indirizzo");
    let _ = std::fs::remove_file(&announced);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "recovery::serve_for_a_parent", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server { child, address: any_port() };
    for _ in 0..1000 {
        if let Ok(address) = std::fs::read_to_string(&announced) {
            server.address = address.parse().unwrap();
            return server;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the child does not serve");
}

#[test]
fn what_was_acknowledged_survives_sigkill() {
    let folder = prepared_folder();
    let rossi = open(folder.path()).create_account(NewAccount::of(account(ROSSI))).unwrap();
    // From before the file is read to after it is answered; each round has a file of its own.
    let delays = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 30];
    let mut lost_answers = 0;
    for (round, delay) in (1..).zip(delays) {
        let key = format!("chiave {delay}");
        let file = format!("file {delay}").into_bytes();
        let answer = killed(folder.path(), &rossi, (&key, &file), delay);
        let before = count(folder.path());
        let taken_in = before == round;
        assert!(taken_in || (before == round - 1 && answer.is_none()), "{delay} ms: {answer:?}");
        lost_answers += i32::from(taken_in && answer.is_none());
        let server = start(folder.path());
        let token = log_in(server.address, &rossi);
        let again = submit(server.address, &token, &key, &file).unwrap();
        assert_eq!(again.status, if taken_in { 200 } else { 201 }, "{delay} ms");
        drop(server);
        assert_eq!(count(folder.path()), round);
    }
    println!("{} kills, {lost_answers} between the commit and the answer", delays.len());
}

#[test]
fn a_request_is_processed_once_however_often_the_sandbox_is_killed() {
    let folder = prepared_folder();
    let rossi = open(folder.path()).create_account(NewAccount::of(account(ROSSI))).unwrap();
    let request = World::new().request(&rossi, keys());
    let mut answers = Vec::new();
    for delay in [0, 15, 30, 40, 50, 60, 80, 100, 150, 250, 400] {
        answers.push(killed(folder.path(), &rossi, ("chiave", &request), delay));
        assert!(count(folder.path()) <= 1);
    }
    println!("answers: {answers:?}");
    let server = start(folder.path());
    let token = log_in(server.address, &rossi);
    let last = submit(server.address, &token, "chiave", &request).unwrap();
    let path = format!("/v1/receipts/{}", last.json()["protocollo"].as_str().unwrap());
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let receipt = call(server.address, ("GET", &path), &headers, b"").unwrap();
    assert_eq!(receipt.json()["stato"], "ELABORATO");
    drop(server);
    assert_eq!(count(folder.path()), 1);
}

#[test]
fn an_environment_is_revoked_once_however_often_the_sandbox_is_killed() {
    let folder = prepared_folder();
    let world = World::new();
    let rossi = open(folder.path()).create_account(NewAccount::of(account(ROSSI))).unwrap();
    let server = start(folder.path());
    let token = log_in(server.address, &rossi);
    submit(server.address, &token, "uno", &world.request(&rossi, keys())).unwrap();
    drop(server);
    let mut taken_in = false;
    for delay in [0, 5, 15, 30, 45, 60, 80, 110, 150, 250] {
        let server = start(folder.path());
        let (address, token) = (server.address, log_in(server.address, &rossi));
        let busta = rossi.numero_busta.clone();
        let asking = std::thread::spawn(move || revoke(address, &token, &busta));
        std::thread::sleep(Duration::from_millis(delay));
        drop(server);
        let status = asking.join().unwrap().map(|answer| answer.status);
        // Once it was taken in it stays, and is never taken for new again.
        assert!(status.is_none_or(|status| status == if taken_in { 200 } else { 202 }));
        taken_in = rows(folder.path(), "revocations") == 1;
        assert!(taken_in || status.is_none(), "{delay} ms: answered and lost");
    }
    assert!(taken_in, "it was never taken in");
    let server = start(folder.path());
    let token = log_in(server.address, &rossi);
    let other = world.request(&rossi, other_keys());
    let answer = submit(server.address, &token, "due", &other).unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(revoke(server.address, &token, &rossi.numero_busta).unwrap().status, 200);
    drop(server);
    let query = "SELECT count(*) FROM environments WHERE revoked_at IS NULL";
    assert_eq!(number(folder.path(), query), 1, "the new environment is in force");
}

/// Asks for the revocation under one key; `None` when no answer came.
fn revoke(address: SocketAddr, token: &str, busta: &str) -> Option<Answer> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("idempotency-key", "revoca"),
    ];
    let body = serde_json::json!({
        "numero_busta": busta, "tipo_busta": "A", "pin_di_revoca": PIN,
    });
    call(address, ("POST", "/v1/revocations"), &headers, body.to_string().as_bytes()).ok()
}

/// Submits to a process that is killed `delay` milliseconds later; the status, if there was one.
fn killed(folder: &Path, who: &Credentials, (key, file): (&str, &[u8]), delay: u64) -> Option<u16> {
    let server = start(folder);
    let (address, token) = (server.address, log_in(server.address, who));
    let (key, file) = (key.to_owned(), file.to_vec());
    let sending = std::thread::spawn(move || submit(address, &token, &key, &file));
    std::thread::sleep(Duration::from_millis(delay));
    drop(server);
    sending.join().unwrap().ok().map(|answer| answer.status)
}

fn log_in(address: SocketAddr, who: &Credentials) -> String {
    let access = serde_json::json!({
        "utente": who.utente,
        "password": who.password.expose(),
        "codice_pin": who.codice_pin.expose(),
    });
    let headers = [("content-type", "application/json")];
    let body = access.to_string();
    let route = ("POST", "/v1/sessions");
    let answer = call(address, route, &headers, body.as_bytes()).unwrap();
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// How many submissions the state holds.
fn count(folder: &Path) -> i64 {
    rows(folder, "submissions")
}

fn rows(folder: &Path, table: &str) -> i64 {
    number(folder, &format!("SELECT count(*) FROM {table}"))
}

/// The number that a query of the state gives, when the state is whole.
fn number(folder: &Path, query: &str) -> i64 {
    drop(open(folder));
    let connection = rusqlite::Connection::open(folder.join("stato-SANDBOX.sqlite")).unwrap();
    let whole: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_folder_serves_one_process_at_a_time() {
    let folder = prepared_folder();
    let server = start(folder.path());
    let refused = Sandbox::open(folder.path(), real_time).unwrap_err();
    assert_eq!(refused.explain().code, "sandbox.in_use");
    assert!(refused.explain().found.unwrap().contains(&server.child.id().to_string()));
    drop(server);
    open(folder.path());
}

#[test]
fn everything_is_there_after_a_restart() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let token = world.login(&rossi);
    let receipt = world.processed(&token, "chiave", &world.request(&rossi, keys()));
    let fingerprint = world.sandbox.ca_fingerprint();
    let world = world.reopened();
    assert_eq!(world.sandbox.ca_fingerprint(), fingerprint);
    let token = world.login(&rossi);
    let path = format!("/v1/receipts/{}", receipt["protocollo"].as_str().unwrap());
    assert_eq!(world.get(&token, &path).json(), receipt);
    let again = world.get(&token, "/v1/submissions?idempotency_key=chiave").json();
    assert_eq!(again["submissions"][0]["protocollo"], receipt["protocollo"]);
}

#[test]
fn a_ca_interrupted_while_it_was_made_is_finished() {
    let folder = prepared_folder();
    std::fs::remove_file(folder.path().join("ca-SANDBOX.cer")).unwrap();
    let first = open(folder.path()).ca_fingerprint();
    assert_eq!(open(folder.path()).ca_fingerprint(), first);
}

#[test]
fn a_damaged_ca_is_named_and_left_alone() {
    let folder = prepared_folder();
    let [key, certificate] =
        ["ca-SANDBOX.p8", "ca-SANDBOX.cer"].map(|name| folder.path().join(name));
    let code = || {
        let refused = Sandbox::open(folder.path(), real_time).unwrap_err();
        refused.explain().code
    };
    let whole = std::fs::read(&certificate).unwrap();
    std::fs::write(&certificate, &whole[..100]).unwrap();
    assert_eq!(code(), "sandbox.ca");
    std::fs::write(&certificate, &whole).unwrap();
    std::fs::write(&key, keys().firma.pkcs8()).unwrap();
    assert_eq!(code(), "sandbox.ca");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(code(), "sandbox.ca");
    assert_eq!(std::fs::read(&certificate).unwrap(), whole);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_folder_and_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let made = world.folder.path().join("a/b");
    drop(open(&made));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&made), 0o700);
    for file in ["ca-SANDBOX.p8", "stato-SANDBOX.sqlite"] {
        assert_eq!(mode(&made.join(file)), 0o600, "{file}");
        assert_eq!(mode(&world.folder.path().join(file)) & 0o077, 0, "{file}");
    }
    let log = world.folder.path().join("stato-SANDBOX.sqlite-wal");
    assert_eq!(mode(&log), 0o600);
}

#[test]
fn only_loopback_is_served() {
    let world = World::new();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = world.sandbox.listen(everywhere).unwrap_err();
    assert_eq!(refused.explain().code, "sandbox.not_loopback");
    let taken = world.sandbox.listen(world.running.address).unwrap_err();
    assert_eq!(taken.explain().code, "sandbox.listen");
}
