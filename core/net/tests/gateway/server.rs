//! A tiny HTTP server on a loopback port that answers, or misbehaves, as each test says.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Answers with this status and JSON.
    Json(u16, String),
    /// Sends these octets and closes.
    Raw(Vec<u8>),
    /// Closes after reading the head and this many octets of the body.
    CloseAfter(usize),
    /// Sends these octets, then nothing more.
    Stall(Vec<u8>),
    /// Sends these octets again and again, as long as anybody reads.
    Flood(Vec<u8>),
    /// Sends one octet of a large body at a time.
    Drip,
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The value of a header, whose name is given in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A running server; its thread ends with the test process.
pub(crate) struct Server {
    pub(crate) address: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// Starts a server that asks `answer` what to do with each request; the number counts from 0.
    pub(crate) fn start(answer: impl Fn(usize, &Received) -> Reply + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let log = received.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                let Some((mut request, length)) = read_head(&mut stream) else { continue };
                let count = log.lock().unwrap().len();
                let reply = answer(count, &request);
                let wanted = if let Reply::CloseAfter(most) = reply { most } else { length };
                read_body(&mut stream, &mut request.body, wanted.min(length));
                log.lock().unwrap().push(request);
                thread::spawn(move || carry_out(stream, reply));
            }
        });
        Server { address, received }
    }

    /// Always the same answer, after a session was opened.
    pub(crate) fn with_session(reply: Reply) -> Server {
        Server::start(move |_, request| {
            if request.line.starts_with("POST /v1/sessions ") { session() } else { reply.clone() }
        })
    }

    /// The same for a proxy, whose requests name the whole address.
    pub(crate) fn with_any_session(reply: Reply) -> Server {
        Server::start(move |_, request| {
            if request.line.contains("/v1/sessions ") { session() } else { reply.clone() }
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The request lines, without the protocol.
    pub(crate) fn lines(&self) -> Vec<String> {
        let cut = |request: &Received| request.line.trim_end_matches(" HTTP/1.1").to_owned();
        self.received().iter().map(cut).collect()
    }
}

pub(crate) fn session() -> Reply {
    let json = r#"{"token":"tok-1","expires_at":"2026-11-21T12:00:00Z"}"#;
    Reply::Json(201, json.to_owned())
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The port of a server that answers every greeting with a line of text.
pub(crate) fn without_tls() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"220 mail.example.it ESMTP\r\n");
        }
    });
    port
}

fn carry_out(mut stream: TcpStream, reply: Reply) {
    match reply {
        Reply::Json(status, body) => {
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
        Reply::Raw(octets) => {
            let _ = stream.write_all(&octets);
        }
        Reply::CloseAfter(_) => {}
        Reply::Stall(octets) => {
            let _ = stream.write_all(&octets);
            thread::sleep(Duration::from_secs(20));
        }
        Reply::Flood(octets) => while stream.write_all(&octets).is_ok() {},
        Reply::Drip => {
            let head = "HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn read_head(stream: &mut TcpStream) -> Option<(Received, usize)> {
    let mut octets = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => octets.extend_from_slice(&buffer[..count]),
        }
    };
    let head = String::from_utf8_lossy(&octets[..end]).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let received = Received { line, head, body: octets[end + 4..].to_vec() };
    let length = received.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    Some((received, length))
}

fn read_body(stream: &mut TcpStream, body: &mut Vec<u8>, length: usize) {
    let mut buffer = [0; 4096];
    while body.len() < length {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => body.extend_from_slice(&buffer[..count]),
        }
    }
}
