//! Revocation over HTTP: what is sent, what is answered, and what becomes of it when the wire breaks.

use ceralacca_kernel::{Exit, Secret};
use ceralacca_submission::{Agency, Delivery, Failure, Revocation, RevocationRequested};
use jiff::Timestamp;

use crate::server::{Reply, Server, nobody, session};
use crate::{access, check, gateway};

const KEY: &str = "00ff-4";
const PIN: &str = "revoca123456789";
const QUEUED: &str = r#"{"requested_at":"2026-11-21T10:00:00Z"}"#;
const IN_FORCE: &str =
    r#"{"requested_at":"2026-11-21T10:00:00Z","effective_at":"2026-11-22T10:00:00Z","more":1}"#;

fn revocation() -> Revocation {
    Revocation {
        idempotency_key: KEY.into(),
        at: Timestamp::UNIX_EPOCH,
        run: "1".into(),
        numero_busta: "0123456789".into(),
        tipo_busta: "A".into(),
        account: None,
        pin_di_revoca: Secret::new(PIN),
    }
}

fn revoke(url: &str) -> Result<RevocationRequested, Failure> {
    gateway(url).revoke(&access(), &revocation())
}

fn find(url: &str) -> Result<Option<RevocationRequested>, Failure> {
    gateway(url).find_revocation(&access(), KEY)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_asking_says_its_key_and_its_answer_says_when() {
    let server = Server::with_session(Reply::Json(202, QUEUED.into()));
    let queued = revoke(&server.url()).unwrap();
    assert_eq!(queued.requested_at, at("2026-11-21T10:00:00Z"));
    assert_eq!(queued.effective_at, None);
    assert_eq!(server.lines(), ["POST /v1/sessions", "POST /v1/revocations"]);
    let sent = &server.received()[1];
    assert_eq!(sent.header("idempotency-key"), Some(KEY));
    assert_eq!(sent.header("authorization"), Some("Bearer tok-1"));
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        format!(r#"{{"numero_busta":"0123456789","tipo_busta":"A","pin_di_revoca":"{PIN}"}}"#)
    );
    // Asked for before, and in force by now.
    let server = Server::with_session(Reply::Json(200, IN_FORCE.into()));
    let known = revoke(&server.url()).unwrap();
    assert_eq!(known.effective_at, Some(at("2026-11-22T10:00:00Z")));
}

#[test]
fn a_key_that_cannot_be_a_header_is_not_sent() {
    let server = Server::with_session(Reply::Json(202, QUEUED.into()));
    let revocation = Revocation { idempotency_key: "a\nb: c".into(), ..revocation() };
    let failure = gateway(&server.url()).revoke(&access(), &revocation).unwrap_err();
    check(&failure, "net.unsendable", Delivery::NotDelivered);
    assert!(server.lines().is_empty());
}

#[test]
fn a_session_that_ended_is_renewed_and_the_key_said_again() {
    let server = Server::start(|count, request| match (count, request.line.as_str()) {
        (_, line) if line.starts_with("POST /v1/sessions") => session(),
        (1, _) => Reply::Json(200, r#"{"revocations":[]}"#.into()),
        (2, _) => Reply::Json(401, r#"{"code":"gateway.session_expired","message":"x"}"#.into()),
        _ => Reply::Json(202, QUEUED.into()),
    });
    let gateway = gateway(&server.url());
    assert_eq!(gateway.find_revocation(&access(), KEY).unwrap(), None);
    gateway.revoke(&access(), &revocation()).unwrap();
    let keys: Vec<_> = server
        .received()
        .iter()
        .filter(|request| request.line.starts_with("POST /v1/revocations"))
        .map(|request| request.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys, [Some(KEY.to_owned()), Some(KEY.to_owned())]);
}

#[test]
fn refusals_are_clear_and_queue_nothing() {
    for (status, code) in [
        (403, "gateway.unknown_busta"),
        (403, "gateway.wrong_pin"),
        (409, "gateway.no_environment"),
        (409, "gateway.revocation_pending"),
    ] {
        let json = format!(r#"{{"code":"{code}","message":"Il motivo"}}"#);
        let server = Server::with_session(Reply::Json(status, json));
        let failure = revoke(&server.url()).unwrap_err();
        check(&failure, "net.refused_by_gateway", Delivery::NotDelivered);
        let found = failure.error.report().found.clone().unwrap();
        assert_eq!(found, format!("{status} {code}: Il motivo"));
        assert!(!format!("{} {:?}", failure.error, failure.error).contains(PIN));
    }
    let failure = revoke(&format!("http://{}/", nobody())).unwrap_err();
    check(&failure, "net.refused", Delivery::NotDelivered);
}

/// What the wire does to an answer, and the code of the error for it.
fn broken() -> Vec<(Reply, &'static str)> {
    let page = b"HTTP/1.1 202 X\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    let half = b"HTTP/1.1 202 X\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{";
    vec![
        (Reply::CloseAfter(0), "net.cut"),
        (Reply::CloseAfter(1000), "net.cut"),
        (Reply::Raw(half.to_vec()), "net.cut"),
        (Reply::Stall(half.to_vec()), "net.timeout"),
        (Reply::Stall(Vec::new()), "net.timeout"),
        (Reply::Raw(b"\x00\xff no HTTP\r\n\r\n".to_vec()), "net.garbage"),
        (Reply::Raw(page), "net.garbage"),
        (Reply::Json(202, r#"{"requested_at":"ieri"}"#.into()), "net.garbage"),
        (Reply::Json(204, String::new()), "net.garbage"),
        (Reply::Json(503, "{}".into()), "net.gateway_failed"),
        (Reply::Json(408, "{}".into()), "net.gateway_failed"),
        (Reply::Json(302, "{}".into()), "net.redirected"),
    ]
}

#[test]
fn a_broken_wire_leaves_the_asking_in_doubt_and_the_look_up_undone() {
    for (reply, code) in broken() {
        let server = Server::with_session(reply.clone());
        let failure = revoke(&server.url()).unwrap_err();
        check(&failure, code, Delivery::Unknown);
        assert_eq!(failure.error.exit(), Exit::Unknown, "{code}");
        assert!(!format!("{} {:?}", failure.error, failure.error).contains(PIN), "{code}");
        let asked = server.lines().iter().filter(|line| line.contains("revocations")).count();
        assert_eq!(asked, 1, "{code}: nothing is sent a second time on its own");

        let server = Server::with_session(reply);
        let failure = find(&server.url()).unwrap_err();
        check(&failure, code, Delivery::NotDelivered);
    }
}

#[test]
fn a_look_up_finds_one_or_none() {
    let server = Server::with_session(Reply::Json(200, r#"{"revocations":[]}"#.into()));
    assert_eq!(find(&server.url()).unwrap(), None);
    let line = format!("GET /v1/revocations?idempotency_key={KEY}");
    assert_eq!(server.lines(), ["POST /v1/sessions", &line]);
    let answer = |one: &str| Reply::Json(200, format!(r#"{{"revocations":[{one}]}}"#));
    let server = Server::with_session(answer(
        r#"{"requested_at":"2026-11-21T10:00:00Z","effective_at":null}"#,
    ));
    assert_eq!(find(&server.url()).unwrap().unwrap().effective_at, None);
    let server = Server::with_session(answer(IN_FORCE));
    let found = find(&server.url()).unwrap().unwrap();
    assert_eq!(found.effective_at, Some(at("2026-11-22T10:00:00Z")));
    let server = Server::with_session(Reply::Json(200, QUEUED.into()));
    check(&find(&server.url()).unwrap_err(), "net.garbage", Delivery::NotDelivered);
    // A key that a query cannot hold as it is.
    let server = Server::with_session(Reply::Json(200, r#"{"revocations":[]}"#.into()));
    gateway(&server.url()).find_revocation(&access(), "a b&c=d").unwrap();
    assert_eq!(server.lines()[1], "GET /v1/revocations?idempotency_key=a+b%26c%3Dd");
}
