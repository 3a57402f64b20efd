//! The way through a proxy: whose password goes where, and what its refusals mean.

use std::cell::Cell;
use std::rc::Rc;

use ceralacca_kernel::{Report, Secret};
use ceralacca_net::{HttpGateway, NetError, ProxyServer, ProxySettings};
use ceralacca_submission::Delivery;

use crate::server::{Reply, Server, nobody, session};
use crate::{acknowledgement, check, settings, submit};

const BASIC: &str = "Basic YW5uYTpwcm94eS1wYXNz"; // anna:proxy-pass

/// A gateway behind a proxy, and how often the proxy's password was asked for.
fn behind(url: &str, proxy: &str, exclusions: &[&str]) -> (HttpGateway, Rc<Cell<u32>>) {
    let server = Some(ProxyServer { url: proxy.to_owned(), user: Some("anna".to_owned()) });
    let mut settings = settings(url);
    settings.proxy = ProxySettings {
        http: server.clone(),
        https: server,
        exclusions: exclusions.iter().map(|text| text.to_string()).collect(),
    };
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let ask = Rc::new(move |server: &ProxyServer| {
        assert_eq!(server.user.as_deref(), Some("anna"));
        count.set(count.get() + 1);
        Ok(Secret::new("proxy-pass"))
    });
    (HttpGateway::new(settings, ask).unwrap(), asked)
}

#[test]
fn requests_go_through_the_proxy_with_its_password() {
    let proxy = Server::with_any_session(Reply::Json(201, acknowledgement()));
    let gateway_address = nobody();
    let (gateway, asked) = behind(&format!("http://{gateway_address}/"), &proxy.address, &[]);
    assert_eq!(asked.get(), 0, "not before it is needed");
    submit(&gateway).unwrap();
    submit(&gateway).unwrap();
    assert_eq!(asked.get(), 1);
    let received = proxy.received();
    assert_eq!(received.len(), 3);
    for request in &received {
        assert!(request.line.contains(&format!(" http://{gateway_address}/v1/")));
        assert_eq!(request.header("proxy-authorization"), Some(BASIC));
    }
}

#[test]
fn excluded_gateways_are_reached_directly() {
    let server = Server::with_session(Reply::Json(201, acknowledgement()));
    for exclusion in ["127.0.0.1", "127.0.0.0/8", "*"] {
        let (gateway, asked) = behind(&server.url(), &nobody(), &["example.it", exclusion]);
        submit(&gateway).unwrap();
        assert_eq!(asked.get(), 0);
    }
    let received = server.received();
    assert!(received.iter().all(|request| request.header("proxy-authorization").is_none()));
}

#[test]
fn a_wrong_proxy_password_submits_nothing() {
    let proxy = Server::start(|_, _| Reply::Json(407, String::new()));
    for url in ["http://127.0.0.1:9/", "https://127.0.0.1:9/"] {
        let (gateway, asked) = behind(url, &proxy.address, &[]);
        for round in 1..=2 {
            let failure = submit(&gateway).unwrap_err();
            check(&failure, "net.proxy_authentication", Delivery::NotDelivered);
            let report = failure.error.report();
            assert!(report.headline.contains(&proxy.address), "{}", failure.error);
            assert_eq!(report.found.as_deref(), Some("user anna, refused with status 407"));
            assert!(report.state.contains("nothing was submitted"));
            assert!(!failure.error.to_string().contains("proxy-pass"));
            assert_eq!(asked.get(), round, "it is asked for again");
        }
    }
    assert!(proxy.lines().iter().any(|line| line == "CONNECT 127.0.0.1:9"));
    let received = proxy.received();
    assert!(received.iter().all(|request| request.header("proxy-authorization") == Some(BASIC)));
    assert!(received.iter().all(|request| !request.line.contains("submissions")));
}

#[test]
fn a_proxy_that_says_401_is_not_taken_for_the_gateway() {
    let page = "HTTP/1.0 401 Unauthorized\r\nContent-Type: text/html\r\n\
                WWW-Authenticate: Basic realm=\"Tinyproxy\"\r\n\r\n<html></html>";
    let proxy = Server::start(|_, _| Reply::Raw(page.as_bytes().to_vec()));
    let (gateway, _) = behind("http://127.0.0.1:9/", &proxy.address, &[]);
    check(&submit(&gateway).unwrap_err(), "net.proxy_authentication", Delivery::NotDelivered);
    let (gateway, _) = behind("https://127.0.0.1:9/", &proxy.address, &[]);
    check(&submit(&gateway).unwrap_err(), "net.proxy_refused", Delivery::NotDelivered);

    let json = r#"{"code":"gateway.access_denied","message":"Accesso negato"}"#;
    let proxy = Server::start(|_, _| Reply::Json(401, json.to_owned()));
    let (gateway, _) = behind("http://127.0.0.1:9/", &proxy.address, &[]);
    check(&submit(&gateway).unwrap_err(), "net.access_denied", Delivery::NotDelivered);
}

#[test]
fn a_proxy_that_fails_submits_nothing() {
    for url in ["http://127.0.0.1:9/", "https://gateway.invalid/"] {
        let (gateway, _) = behind(url, &nobody(), &[]);
        let failure = submit(&gateway).unwrap_err();
        check(&failure, "net.proxy_unreachable", Delivery::NotDelivered);
    }
    let (gateway, _) = behind("https://gateway.invalid/", "proxy.invalid:3128", &[]);
    let failure = submit(&gateway).unwrap_err();
    check(&failure, "net.proxy_unreachable", Delivery::NotDelivered);
    let proxy = Server::start(|_, _| Reply::Json(403, String::new()));
    let (gateway, _) = behind("https://gateway.invalid/", &proxy.address, &[]);
    check(&submit(&gateway).unwrap_err(), "net.proxy_refused", Delivery::NotDelivered);
    let closing = Server::start(|_, _| Reply::CloseAfter(0));
    let (gateway, _) = behind("https://gateway.invalid/", &closing.address, &[]);
    check(&submit(&gateway).unwrap_err(), "net.proxy_unreachable", Delivery::NotDelivered);
    let silent = Server::start(|_, _| Reply::Stall(Vec::new()));
    let (gateway, _) = behind("https://gateway.invalid/", &silent.address, &[]);
    check(&submit(&gateway).unwrap_err(), "net.proxy_unreachable", Delivery::NotDelivered);
}

#[test]
fn a_proxy_that_gives_up_while_sending_leaves_a_doubt() {
    let proxy = Server::start(|count, _| match count {
        0 => session(),
        _ => Reply::Json(504, String::new()),
    });
    let (gateway, _) = behind("http://127.0.0.1:9/", &proxy.address, &[]);
    check(&submit(&gateway).unwrap_err(), "net.gateway_failed", Delivery::Unknown);
}

#[test]
fn without_the_password_nothing_is_sent() {
    let proxy = Server::start(|_, _| Reply::Json(200, String::new()));
    let server = ProxyServer { url: proxy.address.clone(), user: Some("anna".to_owned()) };
    let mut settings = settings("http://127.0.0.1:9/");
    settings.proxy.http = Some(server);
    let refuse = |_: &ProxyServer| {
        Err(Report::refused("test.no_answer", "x").state("nothing was sent").into())
    };
    let gateway = HttpGateway::new(settings, Rc::new(refuse)).unwrap();
    check(&submit(&gateway).unwrap_err(), "test.no_answer", Delivery::NotDelivered);
    assert!(proxy.lines().is_empty());
}

#[test]
fn a_password_in_the_settings_is_refused_and_not_repeated() {
    let mut settings = settings("https://gateway.invalid/");
    let url = "http://anna:proxy-pass@proxy:3128".to_owned();
    settings.proxy.https = Some(ProxyServer { url, user: None });
    let refused = HttpGateway::new(settings, Rc::new(|_| unreachable!()));
    let Err(NetError::Settings { setting, reason }) = refused else { panic!() };
    assert_eq!(setting, "proxy.https");
    assert!(!reason.contains("proxy-pass"));
}
