//! Signed and marked files that `verify`, `extract` and `convert` are given.

use std::fs;

use serde_json::json;

use super::{Case, Expect};
use crate::crafted::{Pieces, mark};
use crate::stage::{Served, Stage, http, judge, say};
use Expect::{Error, Valid, Verdict};
use ceralacca::signing::DigestAlgorithm::Sha256;

/// The authority's list of what it has revoked, as of now.
pub const CRL: &str = "revocati.crl";

pub fn fetch_crl(served: &Served, stage: &Stage) {
    let answer = http::request(&served.address, "GET", "/trust/crl", &[], "");
    fs::write(stage.path(CRL), answer.body).unwrap();
}

fn verify(name: &str) -> Vec<String> {
    ["verify", name, "--trust", CRL, "--json"].map(str::to_owned).into()
}

fn case(what: &str, expect: Expect, arguments: &[String]) -> Case {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Case::new(what, expect, &arguments)
}

/// Files made from a right one by hand; `name` is written, then verified.
pub fn by_hand(stage: &Stage, pieces: &Pieces) -> Vec<Case> {
    let signed = &pieces.signed;
    let edited = |from: &[u8], to: &[u8]| replaced(signed, from, to);
    let sha256 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
    let unknown = b"\x60\x86\x48\x01\x65\x03\x04\x02\x7f";
    let long = |bytes: &[u8]| [b"\x30\x84\x7f\xff\xff\xff", bytes].concat();
    let deep: Vec<u8> = [0x30, 0x80].repeat(500_000);
    let files: Vec<(&str, Expect, Vec<u8>)> = vec![
        ("as it was", Valid, signed.clone()),
        ("one byte more", Error("signing.trailing_bytes"), [signed, &b"x"[..]].concat()),
        ("itself twice", Error("signing.trailing_bytes"), signed.repeat(2)),
        ("half of it", Error("signing.truncated"), signed[..signed.len() / 2].to_vec()),
        ("an unknown digest", doubt("signature.digest"), edited(sha256, unknown)),
        ("no signer", Verdict("invalid", "signature.present"), without_signers(b"indice")),
        ("two gigabytes by its own word", Error("signing.malformed"), long(&signed[4..])),
        ("two gigabytes of nothing", doubt("file.signed"), long(b"\x06\x09")),
        ("half a million levels", doubt("file.signed"), deep),
        ("nothing", doubt("file.signed"), Vec::new()),
        ("zeros", doubt("file.signed"), vec![0; 1 << 20]),
    ];
    let mut cases = Vec::new();
    for (number, (what, expect, bytes)) in (0..).zip(files) {
        let name = format!("indice-{number}.p7m");
        fs::write(stage.path(&name), bytes).unwrap();
        cases.push(case(&format!("p7m: {what}"), expect, &verify(&name)));
    }
    cases
}

/// A SignedData with content and without anybody who signed it.
fn without_signers(content: &[u8]) -> Vec<u8> {
    let element = |tag: u8, parts: &[&[u8]]| {
        let body = parts.concat();
        let length = u8::try_from(body.len()).unwrap();
        [&[tag, length][..], &body].concat()
    };
    let data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let octets = element(0xa0, &[&element(0x04, &[content])]);
    let content = element(0x30, &[data, &octets]);
    let signed = element(0x30, &[b"\x02\x01\x01", b"\x31\x00", &content, b"\x31\x00"]);
    let signed_data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    element(0x30, &[signed_data, &element(0xa0, &[&signed])])
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut count = 0;
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + to.len()].copy_from_slice(to);
            count += 1;
        }
    }
    assert!(count > 0);
    bytes
}

/// Marks beside the signed index, as the authority would not make them.
pub fn marks(stage: &Stage, served: &Served, pieces: &Pieces) -> Vec<Case> {
    let signed = &pieces.signed;
    let spoiled = |fault: &str| {
        served.faults(&json!([{ "route": "*", "kind": { "tsa": fault } }]));
        mark(served, Sha256, signed)
    };
    let no = |check| Verdict("invalid", check);
    let files: Vec<(&str, Expect, Vec<u8>)> = vec![
        ("as it was", Valid, pieces.tsr.clone()),
        ("a TST in its place", Valid, pieces.tst.clone()),
        ("fractions of the second", Valid, spoiled("fractional_seconds")),
        ("over other data", no("mark.covers"), mark(served, Sha256, b"x")),
        ("over the unsigned index", no("mark.covers"), mark(served, Sha256, &pieces.index)),
        ("without ESS", no("signature.signing_certificate"), spoiled("no_ess")),
        ("of a future time", no("mark.future"), spoiled("future_time")),
        ("by another certificate", no("certificate.usage"), spoiled("other_certificate")),
        ("with a wrong signature", no("signature.value"), spoiled("damaged")),
        ("rejected", Error("timestamp.rejected"), spoiled("rejected")),
        ("half of it", Error("timestamp.malformed"), pieces.tsr[..pieces.tsr.len() / 2].to_vec()),
        ("one byte more", Error("timestamp.malformed"), [&pieces.tsr[..], b"x"].concat()),
        ("nothing", Error("inspect.no_mark"), Vec::new()),
    ];
    fs::write(stage.path("marcato.p7m"), signed).unwrap();
    let mut cases = Vec::new();
    for (number, (what, expect, bytes)) in (0..).zip(files) {
        let name = format!("marca-{number}.tsr");
        fs::write(stage.path(&name), bytes).unwrap();
        let mut arguments = verify("marcato.p7m");
        arguments.extend(["--mark".to_owned(), name]);
        cases.push(case(&format!("mark: {what}"), expect, &arguments));
    }
    cases
}

/// M7M files, changed line by line; made by `convert`.
pub fn m7m(stage: &Stage, pieces: &Pieces) -> Vec<Case> {
    fs::write(stage.path("intero.p7m"), &pieces.signed).unwrap();
    fs::write(stage.path("intero.p7m.tsr"), &pieces.tsr).unwrap();
    let make = ["convert", "intero.p7m.tsr", "m7m", "--output", "intero.m7m"];
    stage.run(&make).expect_success();
    let whole = fs::read(stage.path("intero.m7m")).unwrap();
    let text = String::from_utf8_lossy(&whole).into_owned();
    let boundary = text.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let line = format!("--{boundary}\r\n");
    let starts: Vec<usize> = (0..whole.len() - line.len())
        .filter(|&at| whole[at..].starts_with(line.as_bytes()))
        .collect();
    let [first, second] = starts[..] else { panic!("two parts: {starts:?}") };
    let (head, p7m, tail) = (&whole[..first], &whole[first..second], &whole[second..]);
    let headers = p7m.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let bare = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n").into_bytes();
    let mixed = [head, &bare(&p7m[..headers]), &p7m[headers..], &bare(tail)].concat();
    let parts = || Error("inspect.m7m_parts");
    let malformed = || Error("inspect.m7m_malformed");
    let files: Vec<(&str, Expect, Vec<u8>)> = vec![
        ("as it was", Valid, whole.clone()),
        ("mixed line ends", Valid, mixed),
        ("two p7m parts", parts(), [head, p7m, p7m, tail].concat()),
        ("two marks", parts(), [head, p7m, &tail[..tail.len() - line.len() - 2], tail].concat()),
        ("no p7m", parts(), [head, tail].concat()),
        ("no mark", malformed(), [head, p7m].concat()),
        (
            "headers without end",
            malformed(),
            [b"Mime-Version: 1.0\r\n", &[b'x'; 99_999][..]].concat(),
        ),
    ];
    let mut cases = Vec::new();
    for (number, (what, expect, bytes)) in (0..).zip(files) {
        let name = format!("marcato-{number}.m7m");
        fs::write(stage.path(&name), bytes).unwrap();
        if let Error(code) = expect {
            for (command, more) in [("extract", "--into"), ("convert", "tsr")] {
                let mut arguments = vec![command.to_owned(), name.clone(), more.to_owned()];
                arguments.extend((command == "extract").then(|| format!("aperto-{number}")));
                arguments.push("--json".to_owned());
                cases.push(case(&format!("m7m, {command}: {what}"), Error(code), &arguments));
            }
        }
        cases.push(case(&format!("m7m: {what}"), expect, &verify(&name)));
    }
    cases
}

/// What openssl makes that we do not: streams, two signers, a short key. The first of `signers`
/// is a good one; `secondo` and `revocato` are among the others.
pub fn by_openssl(stage: &Stage, password: &str, signers: &[(&str, Expect)]) -> Vec<Case> {
    if !judge::called("streamed, doubly signed and weakly signed files, which openssl makes") {
        return Vec::new();
    }
    fs::write(stage.path("lungo.xml"), "<riga/>\n".repeat(40_000)).unwrap();
    let mut cases = Vec::new();
    for (name, expect) in signers {
        let (key, p7m) = (format!("-in {name}.p12 -out {name}.pem"), format!("{name}.p7m"));
        let words = ["pkcs12", "-nodes", "-passin", &format!("pass:{password}")];
        openssl(stage, words.into_iter().chain(key.split(' ')));
        sign(stage, &format!("-cades -stream -signer {name}.pem"), &p7m);
        let expect = match expect {
            Verdict(verdict, check) => Verdict(verdict, check),
            _ => Valid,
        };
        cases.push(case(&format!("openssl: {name}, a stream"), expect, &verify(&p7m)));
    }
    let good = signers[0].0;
    let streamed = fs::read(stage.path(&format!("{good}.p7m"))).unwrap();
    assert_eq!(streamed[1], 0x80, "an indefinite length");
    let more = [
        ("two signers", "-cades -signer GOOD.pem -signer secondo.pem", Valid),
        (
            "two signers, one revoked",
            "-cades -signer GOOD.pem -signer revocato.pem",
            Verdict("invalid", "certificate.revocation"),
        ),
        ("MD5", "-md md5 -signer GOOD.pem", doubt("signature.digest_algorithm")),
    ];
    for (number, (what, options, expect)) in (0..).zip(more) {
        let p7m = format!("openssl-{number}.p7m");
        sign(stage, &options.replace("GOOD", good), &p7m);
        cases.push(case(&format!("openssl: {what}"), expect, &verify(&p7m)));
    }
    cases.push(weak_key(stage));
    say(&format!("{} files by openssl", cases.len()));
    cases
}

/// A signature by an RSA key of 1024 bits, whose certificate is trusted.
fn weak_key(stage: &Stage) -> Case {
    let request = "req -x509 -newkey rsa:1024 -nodes -keyout corta.key -out corta.crt \
                   -subj /CN=Corta -days 30";
    openssl(stage, request.split(' '));
    sign(stage, "-cades -signer corta.crt -inkey corta.key", "corta.p7m");
    let mut arguments = verify("corta.p7m");
    arguments.extend(["--trust", "corta.crt"].map(str::to_owned));
    case("openssl: a weak key", Verdict("invalid", "certificate.key"), &arguments)
}

fn sign(stage: &Stage, options: &str, p7m: &str) {
    let words = "cms -sign -binary -nodetach -in lungo.xml -outform DER -out";
    openssl(stage, words.split(' ').chain([p7m]).chain(options.split(' ')));
}

fn openssl<'a>(stage: &Stage, arguments: impl Iterator<Item = &'a str>) {
    let mut command = std::process::Command::new("openssl");
    let command = command.args(arguments).current_dir(stage.folder.path());
    crate::stage::run(command).expect_success();
}

fn doubt(check: &'static str) -> Expect {
    Verdict("indeterminate", check)
}
