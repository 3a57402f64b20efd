//! The timestamp authority against a real TCP server: what is asked, and what every failure means.

use std::cell::Cell;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_kernel::{Error, Exit, Secret};
use ceralacca_net::{HttpTimestampAuthority, TsaUser};
use ceralacca_timestamp::TimestampAuthority;

use crate::server::{Reply, Server, nobody};
use crate::settings;

const QUESTION: &[u8] = b"a question";

fn authority(url: &str, user: Option<TsaUser>) -> Result<HttpTimestampAuthority, Error> {
    HttpTimestampAuthority::new(settings(url), user, Rc::new(|_| unreachable!("no proxy")))
}

fn user() -> (TsaUser, Rc<Cell<u32>>) {
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let ask_password = Rc::new(move || {
        count.set(count.get() + 1);
        Ok(Secret::new("pass:word"))
    });
    (TsaUser { name: "studio".to_owned(), ask_password }, asked)
}

fn reply(status: u16, content_type: &str, body: &[u8]) -> Reply {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    Reply::Raw([head.as_bytes(), body].concat())
}

fn answer() -> Reply {
    reply(200, "application/timestamp-reply", b"an answer")
}

fn ask_of(reply: Reply) -> Error {
    let server = Server::start(move |_, _| reply.clone());
    let asked = authority(&server.url(), None).unwrap().ask(QUESTION);
    asked.unwrap_err()
}

#[test]
fn a_question_goes_to_the_very_address() {
    let server = Server::start(|_, _| answer());
    let url = format!("{}tsr?profile=1", server.url());
    let authority = authority(&url, None).unwrap();
    assert_eq!(authority.ask(QUESTION).unwrap(), b"an answer");
    assert_eq!(authority.describe(), url);
    assert_eq!(server.lines(), ["POST /tsr?profile=1"]);
    let [sent] = &server.received()[..] else { panic!() };
    assert_eq!(sent.header("content-type"), Some("application/timestamp-query"));
    assert_eq!((sent.header("authorization"), sent.body.as_slice()), (None, QUESTION));
}

#[test]
fn a_password_is_asked_for_when_it_is_needed_and_again_when_refused() {
    let server = Server::start(|count, _| match count {
        1 => reply(401, "text/plain", b"who?"),
        _ => answer(),
    });
    let (user, asked) = user();
    let authority = authority(&server.url(), Some(user)).unwrap();
    assert_eq!(asked.get(), 0);
    authority.ask(QUESTION).unwrap();
    let refused = authority.ask(QUESTION).unwrap_err();
    assert_eq!((refused.code(), refused.exit()), ("tsa.access_denied", Exit::Refused));
    assert!(!format!("{refused} {refused:?}").contains("pass:word"));
    assert_eq!(asked.get(), 1);
    authority.ask(QUESTION).unwrap();
    assert_eq!(asked.get(), 2);
    let basic = format!("Basic {}", STANDARD.encode("studio:pass:word"));
    let received = server.received();
    assert!(received.iter().all(|sent| sent.header("authorization") == Some(basic.as_str())));
}

#[test]
fn addresses_are_checked_before_anything_is_sent() {
    let code = |url: &str, user| authority(url, user).err().map(|e| e.code().to_owned());
    for url in ["http://tsa.example.it/tsr", "https://tsa.example.it", "http://127.0.0.1:1/"] {
        assert_eq!(code(url, None), None, "{url}");
    }
    let own = |url| code(url, Some(user().0));
    assert_eq!(own("http://tsa.example.it/tsr").as_deref(), Some("tsa.plain_http"));
    assert_eq!(own("https://tsa.example.it/tsr"), None);
    assert_eq!(own("http://localhost:8080/tsa"), None);
    for url in ["", "tsa", "ftp://tsa", "https://u:p@tsa/", "https://tsa/#a"] {
        assert_eq!(code(url, None).as_deref(), Some("tsa.settings"), "{url}");
    }
    let nameless = TsaUser { name: "a:b".to_owned(), ..user().0 };
    assert_eq!(code("https://tsa.it/", Some(nameless)).as_deref(), Some("tsa.settings"));
}

#[test]
fn failures_say_whether_a_mark_may_have_been_counted() {
    let unreachable = authority(&format!("http://{}/tsa", nobody()), None).unwrap();
    let error = unreachable.ask(QUESTION).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("tsa.unreachable", Exit::Refused));
    assert!(error.report().state.contains("no mark"));
    let half = b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let endless = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for (reply, code, exit) in [
        (Reply::CloseAfter(10), "tsa.interrupted", Exit::Unknown),
        (Reply::Raw(half), "tsa.interrupted", Exit::Unknown),
        (Reply::Stall(endless), "tsa.interrupted", Exit::Unknown),
        (Reply::Drip, "tsa.interrupted", Exit::Unknown),
        (reply(503, "text/html", b"busy"), "tsa.interrupted", Exit::Unknown),
        (reply(302, "text/html", b""), "tsa.interrupted", Exit::Unknown),
        (reply(200, "text/html", b"<html>"), "tsa.not_a_reply", Exit::Unknown),
        (reply(404, "text/html", b"nothing\x1b here"), "tsa.refused", Exit::Refused),
        (reply(403, "text/html", b""), "tsa.access_denied", Exit::Refused),
        (
            reply(200, "application/timestamp-reply", &vec![0; (1 << 20) + 1]),
            "tsa.interrupted",
            Exit::Unknown,
        ),
    ] {
        let error = ask_of(reply);
        assert_eq!((error.code(), error.exit()), (code, exit), "{error}");
        let counted = error.report().state.contains("may have counted");
        assert_eq!(counted, exit == Exit::Unknown, "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}
