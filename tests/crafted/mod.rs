//! Communications as nobody should make them, and the way past the control: sealed here, sent by
//! a client of our own, and the Agency's sealed receipt opened again.

#![allow(unreachable_pub, reason = "each test file has its own copy")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::cell::Cell;
use std::fs;
use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca::environment::{EnvironmentFolder, OpenEnvironment};
use ceralacca::kernel::Secret;
use ceralacca::keystore::{Certificate, enveloped_data};
use ceralacca::signing::signed_data::{self, Content};
use ceralacca::signing::{DigestAlgorithm, Hasher};
use ceralacca::submission::{ReceiptText, envelope};
use ceralacca::timestamp::{Mark, MessageImprint, TimestampRequest};
use serde_json::{Value, json};

use crate::stage::impronta::Filing;
use crate::stage::{Account, PASSWORD, Served, Stage, http};

/// What a filed archive left: the pieces that communications are crafted from.
pub struct Pieces {
    /// The index as it was before it was signed.
    pub index: Vec<u8>,
    /// The signed index.
    pub signed: Vec<u8>,
    pub tsr: Vec<u8>,
    pub tst: Vec<u8>,
    /// A communication that is right.
    pub xml: String,
}

impl Pieces {
    /// Files the example archive once, for day `period`.
    pub fn of(filing: &Filing<'_>, stage: &Stage, period: u32) -> Pieces {
        filing.file(stage, period).expect_success();
        let folder = stage.path("Documenti/impronte/1");
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        Pieces {
            index: read("indice.xml"),
            signed: read("indice.xml.p7m"),
            tsr: read("indice.xml.p7m.tsr"),
            tst: read("indice.xml.p7m.tst"),
            xml: String::from_utf8(read("comunicazione.xml")).unwrap(),
        }
    }

    /// The communication with another imprint and mark, for another day.
    pub fn with(&self, pair: &Pair, period: u32) -> String {
        let day = crate::stage::impronta::day(period);
        let xml = element(&self.xml, "Impronta", &pair.impronta_element());
        let xml = element(&xml, "MarcaTemporale", &pair.marca_element());
        element(&xml, "PeriodoImposta", &format!("<PeriodoImposta dal=\"{day}\" al=\"{day}\"/>"))
    }
}

/// An imprint and a mark that may or may not belong together.
#[derive(Clone)]
pub struct Pair {
    pub algoritmo: DigestAlgorithm,
    /// As it stands in the XML.
    pub impronta: String,
    pub formato: &'static str,
    pub marca: Vec<u8>,
}

impl Pair {
    /// The digest of `data` beside a mark.
    pub fn new(
        algoritmo: DigestAlgorithm,
        data: &[u8],
        formato: &'static str,
        marca: &[u8],
    ) -> Pair {
        let impronta = hex::encode(digest(algoritmo, data));
        Pair { algoritmo, impronta, formato, marca: marca.to_vec() }
    }

    /// The digest in the mark, hexadecimal.
    pub fn marked(&self) -> String {
        Mark::from_bytes(&self.marca).unwrap().message_imprint().hex()
    }

    fn impronta_element(&self) -> String {
        let Pair { algoritmo, impronta, .. } = self;
        format!("<Impronta algoritmo=\"{}\">{impronta}</Impronta>", algoritmo.name())
    }

    fn marca_element(&self) -> String {
        let (formato, marca) = (self.formato, STANDARD.encode(&self.marca));
        format!("<MarcaTemporale formato=\"{formato}\">{marca}</MarcaTemporale>")
    }
}

/// The XML with another text in place of the element `name`.
pub fn element(xml: &str, name: &str, other: &str) -> String {
    let start = xml.find(&format!("<{name} ")).or_else(|| xml.find(&format!("<{name}>"))).unwrap();
    let close = format!("</{name}>");
    let end = match xml[start..].find(&close) {
        Some(found) => start + found + close.len(),
        None => start + xml[start..].find("/>").unwrap() + 2,
    };
    format!("{}{other}{}", &xml[..start], &xml[end..])
}

pub fn digest(algorithm: DigestAlgorithm, data: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(data);
    hasher.finish()
}

/// A TSR by the sandbox's timestamp authority for the digest of `data`.
pub fn mark(served: &Served, algorithm: DigestAlgorithm, data: &[u8]) -> Vec<u8> {
    let imprint = MessageImprint::of(algorithm, data);
    let question = TimestampRequest::new(imprint, None).to_der();
    let answer = post(&served.address, "/tsa", &[("Content-Type", TIMESTAMP_QUERY)], &question);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body
}

/// The token of a TSR: a TST.
pub fn token(tsr: &[u8]) -> Vec<u8> {
    Mark::from_bytes(tsr).unwrap().token_der().to_vec()
}

/// Sends what no control has seen.
pub struct Bypass {
    portal: Portal,
    environment: OpenEnvironment,
    ca: Vec<Certificate>,
    sent: Cell<u32>,
}

/// What became of it.
pub struct Told {
    pub stato: String,
    pub code: String,
    /// The text of the sealed receipt, `.rel`.
    pub receipt: ReceiptText,
    pub rel: String,
}

impl Bypass {
    /// Logs in with the account's portal keys and opens the environment in `stage`.
    pub fn new(filing: &Filing<'_>, stage: &Stage) -> Bypass {
        let portal = Portal::new(filing.served, &filing.account);
        let answer = http::request(&portal.address, "GET", "/v1/ca/certificates", &[], "");
        let ca: Value = serde_json::from_slice(&answer.body).unwrap();
        let ca = ca["certificates"].as_array().unwrap().iter().map(|certificate| {
            Certificate::from_der(&STANDARD.decode(certificate.as_str().unwrap()).unwrap()).unwrap()
        });
        let folder = EnvironmentFolder::at(stage.path("ambiente"));
        Bypass {
            portal,
            environment: folder.open(&Secret::new(PASSWORD.to_owned())).unwrap(),
            ca: ca.collect(),
            sent: Cell::new(0),
        }
    }

    /// Seals any content as if it had passed the control, and sends it.
    pub fn send(&self, content: &[u8]) -> Told {
        let now = jiff::Timestamp::now();
        self.submit(&envelope(content, &self.environment, &self.ca, now).unwrap())
    }

    /// Sends any bytes as a `.ccf`, and opens the receipt.
    pub fn submit(&self, ccf: &[u8]) -> Told {
        self.sent.set(self.sent.get() + 1);
        let key = format!("crafted-{}", self.sent.get());
        let digest = format!("sha-256=:{}:", STANDARD.encode(digest(DigestAlgorithm::Sha256, ccf)));
        let headers = [
            ("Authorization", self.portal.session.as_str()),
            ("Idempotency-Key", &key),
            ("Ceralacca-File-Name", "comunicazione.ccf"),
            ("Ceralacca-Tipo-Documento", "IMPRONTA"),
            ("Content-Digest", &digest),
            ("Content-Type", "application/octet-stream"),
        ];
        let answer = post(&self.portal.address, "/v1/submissions", &headers, ccf);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let acknowledged: Value = serde_json::from_slice(&answer.body).unwrap();
        self.told(acknowledged["protocollo"].as_str().unwrap())
    }

    fn told(&self, protocollo: &str) -> Told {
        let shown = self.portal.receipt(protocollo);
        let rcc = format!("/v1/receipts/{protocollo}/attachments/{protocollo}.rcc");
        let rcc = self.portal.get(&rcc);
        assert_eq!(rcc.status, 200, "{}", rcc.text());
        let cifra = &self.environment.cifra;
        let p7m = enveloped_data::open(&rcc.body, cifra.certificate(), &cifra.key).unwrap();
        let mut rel = Vec::new();
        signed_data::read(&mut Cursor::new(&*p7m), Content::Into(&mut rel)).unwrap();
        Told {
            stato: shown["stato"].as_str().unwrap().to_owned(),
            code: shown["motivo_di_scarto"]["code"].as_str().unwrap_or_default().to_owned(),
            receipt: ReceiptText::parse(&rel).unwrap(),
            rel: String::from_utf8(rel).unwrap(),
        }
    }
}

/// The Agency's portal, as whoever has the account's keys sees it; until the clock is set.
pub struct Portal {
    address: String,
    session: String,
}

impl Portal {
    pub fn new(served: &Served, account: &Account) -> Portal {
        let address = served.address.clone();
        let keys = json!({
            "utente": account.utente, "password": account.secrets["portal_password"],
            "codice_pin": account.secrets["codice_pin"],
        });
        let answer = http::request(&address, "POST", "/v1/sessions", &[], &keys.to_string());
        let session: Value = serde_json::from_slice(&answer.body).unwrap();
        Portal { address, session: format!("Bearer {}", session["token"].as_str().unwrap()) }
    }

    /// What the portal shows of a submission.
    pub fn receipt(&self, protocollo: &str) -> Value {
        serde_json::from_slice(&self.get(&format!("/v1/receipts/{protocollo}")).body).unwrap()
    }

    fn get(&self, path: &str) -> http::Answer {
        http::request(&self.address, "GET", path, &[("Authorization", &self.session)], "")
    }
}

/// Bytes there, an answer back.
pub fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> http::Answer {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let answer = http::exchange(address, &[request.as_bytes(), body].concat());
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an HTTP answer");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(!head.to_lowercase().contains("chunked"), "{head}");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    http::Answer { status, body: answer[end + 4..].to_vec() }
}

const TIMESTAMP_QUERY: &str = "application/timestamp-query";
