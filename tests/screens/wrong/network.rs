//! Gateways and proxies that are not there, or are not what they should be.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::{Place, Snapshot, check, complete, each, resume, setup, untouched, waits};
use crate::stage::{Account, Served, Stage, codice_fiscale, http};

/// Golden file, exit code, the gateway in the settings; `PORT` is one where nobody listens.
const GATEWAYS: [(&str, i32, &str); 6] = [
    ("net.refused", 1, "http://127.0.0.1:PORT"),
    ("net.dns", 1, "https://gateway.invalid"),
    ("net.tls", 1, "https://127.0.0.1:SANDBOX"),
    ("net.plain_http", 2, "http://192.0.2.7:8080"),
    ("net.settings", 2, "ftp://gateway.example.it"),
    ("net.settings.password", 2, "https://mario:segreto@gateway.example.it"),
];

#[test]
fn gateways_that_cannot_be_used() {
    let served = Served::start();
    let account = served.account(&codice_fiscale(65_000));
    each(GATEWAYS, |(case, exit, gateway)| {
        let sandbox = served.address.rsplit(':').next().unwrap();
        let gateway = gateway.replace("PORT", &free_port()).replace("SANDBOX", sandbox);
        let stage = with_gateway(&served, &gateway);
        ask(case, exit, &stage, &served, &account);
    });
    assert_eq!(served.requests(), 0);
}

/// Golden file, exit code, and what is added to the settings.
const SETTINGS: [(&str, i32, &str); 6] = [
    ("net.settings.proxy", 2, "[proxy]\nhttp = { url = \"http://mario:segreto@127.0.0.1:1\" }"),
    ("net.proxy_unreachable", 1, "[proxy]\nhttp = { url = \"http://127.0.0.1:PORT\" }"),
    (
        "net.proxy_authentication",
        1,
        "[proxy]\nhttp = { url = \"http://127.0.0.1:P407\", user = \"mario\" }",
    ),
    ("net.proxy_refused", 1, "[proxy]\nhttps = { url = \"http://127.0.0.1:P403\" }"),
    ("agency.ca_pin_form", 2, "ca_sha256 = \"AB:CD\""),
    (
        "agency.ca_not_pinned",
        1,
        "ca_sha256 = \"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"",
    ),
];

#[test]
fn settings_that_lead_astray() {
    let served = Served::start();
    let mut account = served.account(&codice_fiscale(65_001));
    account.set("proxy_password", Some("ProxyCanarino99"));
    let answer =
        |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes();
    let wants_password =
        "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"";
    let asks = Canned::start(answer(wants_password));
    let refuses = Canned::start(answer("403 Forbidden"));
    each(SETTINGS, |(case, exit, settings)| {
        let settings = settings
            .replace("PORT", &free_port())
            .replace("P407", &asks.port())
            .replace("P403", &refuses.port());
        let scheme = if settings.contains("https = ") { "https" } else { "http" };
        let stage = with_gateway(&served, &served.url.replacen("http", scheme, 1));
        let path = stage.path("ceralacca.toml");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replacen("[agency]\n", "[agency]\n#\n", 1);
        let text = match settings.starts_with('[') {
            true => format!("{text}\n{settings}\n"),
            false => text.replacen("#\ngateway", &format!("{settings}\ngateway"), 1),
        };
        fs::write(&path, text).unwrap();
        ask(case, exit, &stage, &served, &account);
    });
    assert_eq!(served.requests(), 0);
}

#[test]
fn gateways_that_answer_nonsense() {
    let served = Served::start();
    let account = served.account(&codice_fiscale(65_002));
    let json = |body: &str| {
        let length = body.len();
        format!("{OK_JSON}Content-Length: {length}\r\n\r\n{body}")
    };
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nAccedi\n";
    let moved =
        "HTTP/1.1 302 Found\r\nLocation: https://iam.example.it/\r\nContent-Length: 0\r\n\r\n";
    let long = format!("{OK_JSON}Content-Length: 99999999\r\n\r\n{{");
    each(
        [
            ("agency.no_ca_certificate", json(r#"{"certificates": []}"#)),
            ("net.garbage.field", json(r#"{"certificati": []}"#)),
            ("net.garbage.base64", json(r#"{"certificates": ["%"]}"#)),
            ("net.garbage.login", page.to_owned()),
            ("net.redirected", moved.to_owned()),
            ("net.too_large", long),
        ],
        |(case, answer)| {
            let gateway = Canned::start(answer.into_bytes());
            let stage = with_gateway(&served, &format!("http://127.0.0.1:{}", gateway.port()));
            ask(case, 1, &stage, &served, &account);
        },
    );
}

const OK_JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/// Asks for the CA's certificates, the first thing that reaches out, and holds the error against
/// its golden file. Nothing but the journal is touched.
fn ask(case: &str, exit: i32, stage: &Stage, served: &Served, account: &Account) {
    let script = "const WORKFLOW = #{ summary: \"x\", uses: [\"agency\"] };\n\
                  fn run(input) { agency::ca_certificates() }\n";
    fs::write(stage.path("mio.rhai"), script).unwrap();
    let before = Snapshot::of(&stage.path("Documenti"));
    let secrets = account.secrets_file.display().to_string();
    let refused = stage.run(&["run", "./mio.rhai", "--approve", "--secrets", &secrets]);
    check(case, exit, &refused, Place::with(stage, served, account));
    untouched(case, &stage.path("Documenti"), &before);
}

/// Golden file, exit code, route of the sandbox, and what becomes of its answer.
type Twisted = (&'static str, i32, &'static str, fn(String) -> String);

const TWISTED: [Twisted; 3] = [
    ("net.garbage.other_content", 3, "POST /v1/submissions ", |answer| {
        let digest = answer.find("\"sha256\":\"").unwrap() + 10;
        let (before, after) = answer.split_at(digest);
        format!("{before}{}{}", "0a".repeat(32), &after[64..])
    }),
    ("agency.receipt_of_another", 1, "GET /v1/receipts/", |answer| {
        let digest = answer.find("\"req.ccc\",\"sha256\":\"").unwrap() + 20;
        let (before, after) = answer.split_at(digest);
        format!("{before}{}{}", "0a".repeat(32), &after[64..])
    }),
    ("agency.attachment_name", 1, "GET /v1/receipts/", |answer| {
        answer.replace("CERTIF.IN", "../../.IN")
    }),
];

#[test]
fn a_gateway_that_twists_answers_is_noticed() {
    let served = Served::start();
    each((65_100..).zip(TWISTED), |(number, (case, exit, route, twist))| {
        let between = Between::start(&served.address, route, twist);
        let stage = with_gateway(&served, &between.url);
        let account = served.account(&codice_fiscale(number));
        let before = served.requests();
        let refused = match case {
            "agency.attachment_name" => {
                let name = ("attachment(\"CERTIF.IN\")", "attachment(\"../../.IN\")");
                let script = super::answers::changed(&stage, &[name]);
                super::run_script(&stage, &script, &account, &[])
            }
            _ => setup(&stage, &account, &[]),
        };
        check(case, exit, &refused, Place::with(&stage, &served, &account));
        waits(case, &stage.path("ambiente"));
        if exit == 3 {
            resume(&stage, &account).expect_success();
            complete(case, &stage.path("ambiente"));
        }
        assert_eq!(served.requests() - before, 1, "{case}: requests");
    });
}

fn with_gateway(served: &Served, gateway: &str) -> Stage {
    let stage = Stage::new(served);
    let path = stage.path("ceralacca.toml");
    let settings = fs::read_to_string(&path).unwrap();
    fs::write(path, settings.replace(&served.url, gateway)).unwrap();
    stage
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// A server that gives every request the same answer; it ends with the test's process.
struct Canned {
    port: u16,
}

impl Canned {
    fn start(answer: Vec<u8>) -> Canned {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if read_request(&mut stream).is_some() {
                    let _ = stream.write_all(&answer);
                }
            }
        });
        Canned { port }
    }

    fn port(&self) -> String {
        self.port.to_string()
    }
}

/// Stands between the program and the sandbox, and twists the first answer on one route.
struct Between {
    url: String,
}

impl Between {
    fn start(sandbox: &str, route: &str, twist: fn(String) -> String) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sandbox, route) = (sandbox.to_owned(), route.to_owned());
        thread::spawn(move || {
            let mut twisted = false;
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else { continue };
                let mut answer = http::exchange(&sandbox, &request);
                if !twisted && request.starts_with(route.as_bytes()) {
                    twisted = true;
                    answer = twist(String::from_utf8(answer).unwrap()).into_bytes();
                }
                let _ = stream.write_all(&answer);
            }
        });
        Between { url }
    }
}

/// A whole request; `None` when nothing came.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&piece[..count]);
        let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        if request.len() >= end + 4 + length {
            return Some(request);
        }
    }
}
