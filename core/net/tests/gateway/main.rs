//! The gateway against a real TCP server: what is sent, and what every kind of failure means.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod proxy;
mod revocation;
mod server;
mod timestamp;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use ceralacca_identity::Account;
use ceralacca_kernel::{Exit, Secret};
use ceralacca_net::{GatewaySettings, HttpGateway, Timeouts};
use ceralacca_submission::{
    Access, Acknowledgement, Agency, Delivery, Failure, Outgoing, Protocollo, ReceiptFilter,
    Search, Stato,
};
use jiff::Timestamp;
use server::{Reply, Server, nobody, session};
use sha2::{Digest, Sha256};

const CONTENT: &[u8] = b"the request";
const PROTOCOLLO: &str = "26112100000000001";

fn gateway(url: &str) -> HttpGateway {
    HttpGateway::new(settings(url), Rc::new(|_| unreachable!("there is no proxy"))).unwrap()
}

fn settings(url: &str) -> GatewaySettings {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        read: Duration::from_secs(2),
        answer: Duration::from_secs(4),
    };
    GatewaySettings { timeouts, ..GatewaySettings::new(url) }
}

fn access() -> Access {
    Access {
        utente: "RSSMRA85M01H501Q".into(),
        password: Secret::new("pa\"ss"),
        codice_pin: Secret::new("1234567890"),
        on_behalf_of: None,
    }
}

fn sha256() -> String {
    hex::encode(Sha256::digest(CONTENT))
}

fn submit(gateway: &HttpGateway) -> Result<Acknowledgement, Failure> {
    let outgoing = Outgoing {
        idempotency_key: "00ff-3",
        name: "req.ccc",
        tipo_documento: "PKS10",
        sha256: &sha256(),
        bytes: CONTENT,
        at: Timestamp::UNIX_EPOCH,
        run: "1",
        copy: Path::new("req.ccc"),
        keys: &[],
    };
    gateway.submit(&access(), &outgoing)
}

fn acknowledgement() -> String {
    format!(
        r#"{{"protocollo":"{PROTOCOLLO}","sha256":"{}","file_name":"req.ccc",
            "tipo_documento":"PKS10","received_at":"2026-11-21T10:00:00Z","more":1}}"#,
        sha256()
    )
}

/// Submits to a server that opens a session and then replies so.
fn submit_to(reply: Reply) -> (Server, Failure) {
    let server = Server::with_session(reply);
    let failure = submit(&gateway(&server.url())).unwrap_err();
    (server, failure)
}

fn check(failure: &Failure, code: &str, delivery: Delivery) {
    assert_eq!(failure.error.code(), code, "{}", failure.error);
    assert_eq!(failure.delivery, delivery, "{}", failure.error);
    let exit = failure.error.exit();
    assert_eq!(exit == Exit::Unknown, delivery == Delivery::Unknown, "{}", failure.error);
    assert!(!failure.error.report().state.is_empty());
    let shown = format!("{} {:?}", failure.error, failure.error);
    for secret in ["pa\"ss", "1234567890", "tok-1"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_submission_says_all_that_the_contract_asks_for() {
    let server = Server::with_session(Reply::Json(201, acknowledgement()));
    let gateway = gateway(&server.url());
    let answer = submit(&gateway).unwrap();
    assert_eq!(answer.protocollo.as_str(), PROTOCOLLO);
    submit(&gateway).unwrap();
    let one = "POST /v1/submissions";
    assert_eq!(server.lines(), ["POST /v1/sessions", one, one], "the session is kept");
    let [login, sent, _] = &server.received()[..] else { panic!() };
    assert_eq!(
        String::from_utf8_lossy(&login.body),
        r#"{"utente":"RSSMRA85M01H501Q","password":"pa\"ss","codice_pin":"1234567890"}"#
    );
    assert_eq!(sent.body, CONTENT);
    for (name, value) in [
        ("authorization", "Bearer tok-1"),
        ("idempotency-key", "00ff-3"),
        ("ceralacca-file-name", "req.ccc"),
        ("ceralacca-tipo-documento", "PKS10"),
        ("content-digest", "sha-256=:4F2nQVeF2FiEwRcPwdexoLhwVqkKMSw8KVftDrqVcb4=:"),
        ("content-type", "application/octet-stream"),
        ("content-length", "11"),
        ("user-agent", "ceralacca/0.1.0"),
    ] {
        assert_eq!(sent.header(name), Some(value), "{}", sent.head);
    }
}

#[test]
fn an_incaricato_says_for_whom() {
    let server = Server::with_session(Reply::Json(200, r#"{"receipts":[]}"#.into()));
    let mut access = access();
    access.on_behalf_of = Some(Account::parse("02876990587", "001").unwrap());
    gateway(&server.url()).receipts(&access, &ReceiptFilter::default()).unwrap();
    let body = String::from_utf8(server.received()[0].body.clone()).unwrap();
    assert!(
        body.ends_with(r#""on_behalf_of":{"codice_fiscale":"02876990587","sede":"001"}}"#),
        "{body}"
    );
}

#[test]
fn a_session_that_is_refused_is_opened_anew_once() {
    let refused = || Reply::Json(401, r#"{"code":"gateway.access_denied","message":"no"}"#.into());
    let server = Server::start(move |count, request| match (count, request.line.as_str()) {
        (_, line) if line.starts_with("POST /v1/sessions") => session(),
        (2, _) => refused(),
        _ => Reply::Json(201, acknowledgement()),
    });
    let known = gateway(&server.url());
    submit(&known).unwrap();
    submit(&known).unwrap();
    let (login, send) = ("POST /v1/sessions", "POST /v1/submissions");
    assert_eq!(server.lines(), [login, send, send, login, send]);

    let server = Server::with_session(refused());
    let failure = submit(&gateway(&server.url())).unwrap_err();
    check(&failure, "net.access_denied", Delivery::NotDelivered);
    assert_eq!(server.lines(), [login, send]);
}

#[test]
fn refusals_were_not_delivered() {
    let json =
        |code: &str| format!(r#"{{"code":"gateway.{code}","message":"Troppo\u001b grande"}}"#);
    for (status, code) in
        [(400, "digest_mismatch"), (409, "key_reused"), (413, "too_large"), (404, "x"), (429, "y")]
    {
        let (_, failure) = submit_to(Reply::Json(status, json(code)));
        check(&failure, "net.refused_by_gateway", Delivery::NotDelivered);
        assert_eq!(failure.passing, status == 429);
        let found = failure.error.report().found.clone().unwrap();
        assert_eq!(found, format!("{status} gateway.{code}: Troppo  grande"));
    }
    let html = b"HTTP/1.1 403 No\r\nContent-Type: text/html\r\n\r\n<html>filtered</html>".to_vec();
    let (_, failure) = submit_to(Reply::Raw(html));
    check(&failure, "net.refused_by_gateway", Delivery::NotDelivered);
}

#[test]
fn logins_that_are_refused_submit_nothing() {
    for (status, code, expected) in [
        (401, "gateway.access_denied", "net.access_denied"),
        (403, "gateway.not_incaricato", "net.not_incaricato"),
        (403, "gateway.other", "net.refused_by_gateway"),
        (500, "", "net.gateway_failed"),
        (302, "", "net.redirected"),
        (204, "", "net.garbage"),
    ] {
        let json = format!(r#"{{"code":"{code}","message":"Accesso negato"}}"#);
        let server = Server::start(move |_, _| Reply::Json(status, json.clone()));
        let failure = submit(&gateway(&server.url())).unwrap_err();
        check(&failure, expected, Delivery::NotDelivered);
        assert_eq!(server.lines(), ["POST /v1/sessions"]);
    }
    let server = Server::start(|_, _| Reply::CloseAfter(0));
    let failure = submit(&gateway(&server.url())).unwrap_err();
    check(&failure, "net.cut", Delivery::NotDelivered);
    let tokens = r#"{"token":"a\nX: y","expires_at":"2026-11-21T12:00:00Z"}"#;
    let server = Server::start(move |_, _| Reply::Json(201, tokens.into()));
    let failure = submit(&gateway(&server.url())).unwrap_err();
    check(&failure, "net.garbage", Delivery::NotDelivered);
}

#[test]
fn what_broke_off_after_sending_is_unknown() {
    let head = |length: usize| {
        format!(
            "HTTP/1.1 201 X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let half = head(500) + "{\"protocollo\":";
    for (reply, code) in [
        (Reply::CloseAfter(0), "net.cut"),
        (Reply::CloseAfter(5), "net.cut"),
        (Reply::CloseAfter(11), "net.cut"),
        (Reply::Raw(b"HTTP/1.1 20".to_vec()), "net.cut"),
        (Reply::Raw(half.clone().into_bytes()), "net.cut"),
        (Reply::Stall(Vec::new()), "net.timeout"),
        (Reply::Stall(half.into_bytes()), "net.timeout"),
        (Reply::Drip, "net.timeout"),
        (Reply::Json(500, "{}".into()), "net.gateway_failed"),
        (Reply::Json(503, "{}".into()), "net.gateway_failed"),
        (Reply::Json(408, "{}".into()), "net.gateway_failed"),
        (Reply::Json(307, "{}".into()), "net.redirected"),
    ] {
        let (server, failure) = submit_to(reply);
        check(&failure, code, Delivery::Unknown);
        assert_eq!(server.lines().len(), 2, "nothing is ever repeated by itself");
    }
}

#[test]
fn answers_that_make_no_sense_are_unknown() {
    let json = |text: &str| Reply::Json(201, text.to_owned());
    let whole = acknowledgement();
    let html = b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\n\r\n<html></html>".to_vec();
    for reply in [
        json(""),
        json("{}"),
        json("not json"),
        json(&whole[..whole.len() / 2]),
        json(&whole.replace(PROTOCOLLO, "2611210000000000")),
        json(&whole.replace(PROTOCOLLO, "2611210000000000A")),
        json(&whole.replace(&sha256(), &"0".repeat(64))),
        json(&whole.replace("2026-11-21T10:00:00Z", "yesterday")),
        json(&"[".repeat(100_000)),
        Reply::Json(204, String::new()),
        Reply::Json(202, whole.clone()),
        Reply::Raw(html),
        Reply::Raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()),
        Reply::Raw(b"HTTP/1.1 201 X\r\nContent-Length: x\r\n\r\n".to_vec()),
    ] {
        let (_, failure) = submit_to(reply);
        check(&failure, "net.garbage", Delivery::Unknown);
    }
}

#[test]
fn answers_without_end_are_cut_off() {
    let announced = b"HTTP/1.1 201 X\r\nContent-Length: 99999999999\r\n\r\n".to_vec();
    let (_, failure) = submit_to(Reply::Stall(announced));
    check(&failure, "net.too_large", Delivery::Unknown);

    let server = Server::start(|count, _| match count {
        0 => session(),
        _ => Reply::Flood(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n".to_vec()),
    });
    let failure = submit(&gateway(&server.url())).unwrap_err();
    check(&failure, "net.too_large", Delivery::Unknown);

    let headers =
        Server::with_session(Reply::Flood(b"HTTP/1.1 200 X\r\nX: y\r\nX: y\r\n".to_vec()));
    let failure = submit(&gateway(&headers.url())).unwrap_err();
    check(&failure, "net.garbage", Delivery::Unknown);
}

#[test]
fn what_never_went_out_was_not_delivered() {
    let failure = submit(&gateway(&format!("http://{}/", nobody()))).unwrap_err();
    check(&failure, "net.refused", Delivery::NotDelivered);
    assert!(failure.passing);

    let failure = submit(&gateway("https://gateway.invalid/")).unwrap_err();
    check(&failure, "net.dns", Delivery::NotDelivered);

    let port = server::without_tls();
    for host in ["127.0.0.1", "localhost"] {
        let failure = submit(&gateway(&format!("https://{host}:{port}/"))).unwrap_err();
        check(&failure, "net.tls", Delivery::NotDelivered);
        assert!(!failure.passing);
    }
}

#[test]
fn an_anchor_that_is_no_certificate_is_named() {
    let mut settings = settings("https://127.0.0.1:9/");
    settings.trust_anchors = vec![b"no certificate".to_vec()];
    let gateway = HttpGateway::new(settings, Rc::new(|_| unreachable!())).unwrap();
    let failure = submit(&gateway).unwrap_err();
    check(&failure, "net.settings", Delivery::NotDelivered);
    assert!(failure.error.to_string().contains("trust_anchors"), "{}", failure.error);
}

#[test]
fn a_connection_that_is_never_made_times_out_before_sending() {
    // A listener whose queue is full: the third connection is left hanging.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))
    {
        held.push(stream);
        if held.len() > 5000 {
            return; // This system queues without end; there is nothing to see here.
        }
    }
    let failure = submit(&gateway(&format!("http://{address}/"))).unwrap_err();
    check(&failure, "net.timeout", Delivery::NotDelivered);
    assert!(failure.error.to_string().contains("no connection was made"), "{}", failure.error);
}

#[test]
fn what_cannot_be_a_header_is_not_sent() {
    let server = Server::with_session(Reply::Json(201, acknowledgement()));
    let outgoing = Outgoing {
        idempotency_key: "k",
        name: "req.ccc\r\nX: y",
        tipo_documento: "PKS10",
        sha256: &sha256(),
        bytes: CONTENT,
        at: Timestamp::UNIX_EPOCH,
        run: "1",
        copy: Path::new("req.ccc"),
        keys: &[],
    };
    let failure = gateway(&server.url()).submit(&access(), &outgoing).unwrap_err();
    check(&failure, "net.unsendable", Delivery::NotDelivered);
    assert_eq!(server.lines().len(), 0);
}

#[test]
fn searches_name_what_they_look_for() {
    let list = format!(r#"{{"submissions":[{}]}}"#, acknowledgement());
    let server = Server::with_session(Reply::Json(200, list));
    let gateway = gateway(&server.url());
    let found = gateway.find_submissions(&access(), &Search::Key("00ff-3")).unwrap();
    assert_eq!(found.len(), 1);
    gateway.find_submissions(&access(), &Search::Sha256("ab")).unwrap();
    let filter = ReceiptFilter {
        tipo_documento: Some("PKS10".into()),
        dal: Some("2026-11-01".parse().unwrap()),
        ..ReceiptFilter::default()
    };
    let failure = gateway.receipts(&access(), &filter).unwrap_err();
    check(&failure, "net.garbage", Delivery::NotDelivered);
    assert_eq!(
        server.lines()[1..],
        [
            "GET /v1/submissions?idempotency_key=00ff-3",
            "GET /v1/submissions?sha256=ab",
            "GET /v1/receipts?tipo_documento=PKS10&dal=2026-11-01",
        ]
    );
}

#[test]
fn an_empty_answer_is_not_an_empty_list() {
    for reply in [
        Reply::Json(200, "{}".into()),
        Reply::Json(404, "{}".into()),
        Reply::Raw(b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ] {
        let server = Server::with_session(reply);
        assert!(gateway(&server.url()).find_submissions(&access(), &Search::Key("k")).is_err());
    }
}

#[test]
fn receipts_and_their_files_are_read() {
    let receipt = format!(
        r#"{{"protocollo":"{PROTOCOLLO}","tipo_documento":"PKS10","stato":"SCARTATO",
            "motivo_di_scarto":{{"code":"SBX04","text":"Pincode errato"}},"file_name":"req.ccc",
            "sha256":"{}","sent_at":"2026-11-21T10:00:00Z","processed_at":null,
            "documenti":{{"totale":0,"acquisiti":0,"scartati":0}},"attachments":[],
            "notice":"SANDBOX"}}"#,
        sha256()
    );
    let server = Server::with_session(Reply::Json(200, receipt.clone()));
    let protocollo = Protocollo::parse(PROTOCOLLO).unwrap();
    let record = gateway(&server.url()).receipt(&access(), &protocollo).unwrap().unwrap();
    assert_eq!(record.stato, Stato::Scartato);
    assert_eq!(record.motivo_di_scarto.unwrap().code, "SBX04");

    let unknown = receipt.replace("SCARTATO", "FORSE");
    let server = Server::with_session(Reply::Json(200, unknown));
    let failure = gateway(&server.url()).receipt(&access(), &protocollo).unwrap_err();
    check(&failure, "net.garbage", Delivery::NotDelivered);

    let none = r#"{"code":"gateway.no_such_receipt","message":"x"}"#;
    let server = Server::with_session(Reply::Json(404, none.into()));
    assert!(gateway(&server.url()).receipt(&access(), &protocollo).unwrap().is_none());

    let octets = b"HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n\0\x01\x02".to_vec();
    let server = Server::with_session(Reply::Raw(octets));
    let file = gateway(&server.url()).attachment(&access(), &protocollo, "a b/../c").unwrap();
    assert_eq!(file, [0, 1, 2]);
    assert_eq!(
        server.lines()[1],
        format!("GET /v1/receipts/{PROTOCOLLO}/attachments/a%20b%2F..%2Fc")
    );
}

#[test]
fn the_ca_needs_no_session() {
    let server = Server::start(|count, _| match count {
        0 => Reply::Json(200, r#"{"certificates":["AAEC","/w=="]}"#.into()),
        1 => Reply::Json(200, r#"{"certificates":["no base64!"]}"#.into()),
        _ => Reply::Raw(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n0\0".to_vec()),
    });
    let gateway = gateway(&server.url());
    assert_eq!(gateway.ca_certificates().unwrap(), [vec![0, 1, 2], vec![255]]);
    check(&gateway.ca_certificates().unwrap_err(), "net.garbage", Delivery::NotDelivered);
    assert_eq!(gateway.crl().unwrap(), b"0\0");
    assert!(server.received().iter().all(|request| request.header("authorization").is_none()));
}
