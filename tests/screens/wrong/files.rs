//! Files that `verify`, `extract`, `convert`, `impronta` and `controlla` cannot take as they are.

use std::fs;

use ceralacca::signing::DigestAlgorithm::Sha256;

use super::filing::{prova, ready};
use super::{Place, Snapshot, check, each, untouched};
use crate::crafted::{Pieces, mark};
use crate::stage::impronta::Filing;
use crate::stage::{Finished, Served, Stage, codice_fiscale};

/// Golden file, exit code, file to make with its bytes, arguments.
type Case<'a> = (&'static str, i32, &'static str, Vec<u8>, &'a [&'a str]);

/// DER of a length that fits into two bytes.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[tag, 0x82][..], &length, &body].concat()
}

/// A SignedData without signers: the same bytes in every run.
fn signed(content: &[u8]) -> Vec<u8> {
    let data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let octets = element(0xa0, &[&element(0x04, &[content])]);
    let content = element(0x30, &[data, &octets]);
    let signed = element(0x30, &[b"\x02\x01\x01", b"\x31\x00", &content, b"\x31\x00"]);
    let signed_data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    element(0x30, &[signed_data, &element(0xa0, &[&signed])])
}

fn message(parts: &[&str]) -> Vec<u8> {
    let mut text =
        "Mime-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n".to_owned();
    for part in parts {
        text.push_str(&format!("--b\r\nContent-Type: {part}\r\n\r\nx\r\n"));
    }
    format!("{text}--b--\r\n").into_bytes()
}

/// What the formats themselves refuse.
fn formats() -> Vec<Case<'static>> {
    let (p7m, reply) = ("application/pkcs7-mime", "application/timestamp-reply");
    let stamped = b"\x30\x82\x10\x00\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x1f\
                    \xa0\x82\x0f\xef\x30\x82\x0f\xeb\x02\x01\x01";
    let whole = signed(b"<a/>");
    let (cut, more) = (signed(&[b'a'; 200])[..100].to_vec(), [&whole[..], b"x"].concat());
    let mut wrong = whole.clone();
    wrong[55] = 0x02;
    let text = b"Nel mezzo del cammin di nostra vita\n".to_vec();
    vec![
        ("inspect.disk", 1, "", vec![], &["verify", "manca.p7m"]),
        (
            "inspect.m7m_malformed",
            1,
            "a.m7m",
            b"Mime-Version: 1.0\r\n\r\nx".to_vec(),
            &["verify", "a.m7m"],
        ),
        ("inspect.m7m_parts", 1, "b.m7m", message(&[p7m, p7m, reply]), &["extract", "b.m7m"]),
        ("inspect.malformed", 1, "a.tsd", stamped.to_vec(), &["verify", "a.tsd"]),
        ("inspect.no_mark", 1, "a.txt", text.clone(), &["convert", "a.txt", "tsr"]),
        ("inspect.nothing_to_extract", 1, "a.txt", text.clone(), &["extract", "a.txt"]),
        ("inspect.unknown_container", 2, "a.txt", text.clone(), &["convert", "a.txt", "zip"]),
        (
            "inspect.unknown_digest",
            2,
            "a.txt",
            text.clone(),
            &["impronta", "a.txt", "--digest", "md5"],
        ),
        ("signing.malformed", 1, "c.p7m", wrong, &["verify", "c.p7m"]),
        ("signing.truncated", 1, "d.p7m", cut, &["verify", "d.p7m"]),
        ("signing.trailing_bytes", 1, "e.p7m", more, &["verify", "e.p7m"]),
        ("input.time", 2, "f.p7m", whole.clone(), &["verify", "f.p7m", "--at", "domani"]),
        ("trust.unusable", 1, "f.p7m", whole.clone(), &["verify", "f.p7m", "--trust", "manca.pem"]),
        ("trust.unusable.text", 1, "a.txt", text, &["verify", "a.txt", "--trust", "a.txt"]),
        ("impronta.file_unreadable", 1, "", vec![], &["controlla", "manca.xml"]),
        ("impronta.file_too_large", 1, "g.xml", vec![b' '; 6 << 20], &["controlla", "g.xml"]),
        (
            "impronta.not_written",
            1,
            "h.xml",
            b"<a/>".to_vec(),
            &["controlla", "h.xml", "--into", "h.xml"],
        ),
        (
            "sandbox.signer_invalid",
            2,
            "",
            vec![],
            &["sandbox", "signer", CODICE, "--name", "", "--file", "x.p12", "--secrets", "s.toml"],
        ),
    ]
}

const CODICE: &str = "RSSMRA85M01H501Q";

#[test]
fn files_that_are_not_what_they_should_be_change_nothing() {
    let stage = Stage::embedded();
    fs::write(stage.path("s.toml"), "signer_password = \"Firma dell'archivio 1\"\n").unwrap();
    crate::stage::restrict(&stage.path("s.toml"));
    each(formats(), |(case, exit, name, bytes, arguments)| {
        if !name.is_empty() {
            fs::write(stage.path(name), bytes).unwrap();
        }
        let before = Snapshot::of(stage.folder.path());
        check(case, exit, &stage.run(arguments), Place::new(&stage));
        if !case.starts_with("sandbox") {
            untouched(case, stage.folder.path(), &before);
        }
    });
}

#[test]
fn settings_of_the_control_that_cannot_be_used() {
    let cases = [
        ("impronta.schema_unreadable", "schema = \"manca.xsd\"", ""),
        ("impronta.schema_invalid", "schema = \"dati\"", "<a/>"),
        ("impronta.data_invalid", "scadenze = \"dati\"", "regola = 3\n"),
    ];
    each(cases, |(case, setting, data)| {
        let stage = Stage::embedded();
        let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
        fs::write(stage.path("ceralacca.toml"), format!("{settings}\n[impronta]\n{setting}\n"))
            .unwrap();
        fs::write(stage.path("dati"), data).unwrap();
        fs::write(stage.path("a.xml"), "<a/>").unwrap();
        check(case, 2, &stage.run(&["controlla", "a.xml"]), Place::new(&stage));
    });
}

#[test]
fn marks_that_do_not_fit_their_document_are_not_converted() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(74_000));
    let stage = filing.stage();
    let pieces = Pieces::of(&filing, &stage, 0);
    fs::create_dir(stage.path("qui")).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(stage.path("qui").join(name), bytes).unwrap();
    put("marca.tsr", &pieces.tsr);
    put("indice.tsr", &mark(&served, Sha256, &pieces.index));
    put("unsigned.xml", &pieces.index);
    put("firmato.p7m", &pieces.signed);
    put("marcato.p7m", &with_mark(&served, &pieces));
    let place = Place::with(&stage, &served, &filing.account);
    let convert = |arguments: &[&str]| -> Finished {
        let qui: Vec<String> = arguments
            .iter()
            .map(|one| if one.contains('.') { format!("qui/{one}") } else { (*one).to_owned() })
            .collect();
        stage.run(&qui.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let cases: [(&str, i32, &[&str]); 5] = [
        ("inspect.needs_document", 2, &["convert", "marca.tsr", "tsd"]),
        (
            "inspect.mark_other_document",
            1,
            &["convert", "marca.tsr", "tsd", "--content", "unsigned.xml"],
        ),
        ("inspect.not_a_p7m", 1, &["convert", "indice.tsr", "m7m", "--content", "unsigned.xml"]),
        ("inspect.mark_covers_signature", 1, &["convert", "marcato.p7m", "tsr"]),
        ("signing.content_inside", 1, &["verify", "firmato.p7m", "--content", "unsigned.xml"]),
    ];
    let before = Snapshot::of(&stage.path("qui"));
    each(cases, |(case, exit, arguments)| {
        check(case, exit, &convert(arguments), place);
        untouched(case, &stage.path("qui"), &before);
    });
    put("marca.tst", b"another file");
    let before = Snapshot::of(&stage.path("qui"));
    check("inspect.exists", 1, &convert(&["convert", "marca.tsr", "tst"]), place);
    untouched("inspect.exists", &stage.path("qui"), &before);
}

/// The signed index with a mark over its signature: CAdES B-T.
fn with_mark(served: &Served, pieces: &Pieces) -> Vec<u8> {
    let content = ceralacca::signing::Content::Discard;
    let mut source = pieces.signed.as_slice();
    let read = ceralacca::signing::signed_data::read(&mut source, content).unwrap();
    let token = crate::crafted::token(&mark(served, Sha256, read.signers[0].signature()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("indice.xml.p7m");
    fs::write(&path, &pieces.signed).unwrap();
    let mut marked = Vec::new();
    ceralacca::signing::cades::with_timestamp(&path, &token, &mut marked).unwrap();
    marked
}

/// A folder can be opened like a file, and then not be read.
#[test]
fn a_file_of_a_folder_is_no_document() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(74_001));
    let stage = ready(&filing, "inspect::document(\"archivio\");");
    let place = Place::with(&stage, &served, &filing.account);
    check("inspect.disk.folder", 1, &prova(&filing, &stage, &[]), place);
}
