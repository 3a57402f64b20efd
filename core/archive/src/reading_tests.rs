//! Tests of reading: what was written comes back, and what was tampered with does not.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::{Format, Lots, Options, Source, index};

fn archive() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in ["01/a.txt", "01/è & <b>", "02/c d"] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "hello world").unwrap();
    }
    if cfg!(unix) {
        fs::write(folder.path().join("02/new\nline\\ \u{1}"), "").unwrap();
    }
    folder
}

fn written(format: Format, algorithm: Algorithm) -> Vec<u8> {
    let archive = archive();
    let source = Source::Folder { path: archive.path().to_owned(), lots: Lots::Folders };
    let options = Options { format, algorithm, ..Options::default() };
    let mut out = Vec::new();
    index(&source, &options, &mut out, &mut |_| {}).unwrap();
    out
}

fn read(bytes: &[u8]) -> Result<Vec<Entry>, ArchiveError> {
    read_index(bytes)?.collect()
}

#[test]
fn what_was_written_comes_back() {
    for algorithm in Algorithm::ALL {
        let text = read(&written(Format::Txt, algorithm)).unwrap();
        assert_eq!(read(&written(Format::Xml, algorithm)).unwrap(), text);
        assert_eq!(text[0].path, "01/a.txt");
        assert_eq!((text[1].lot.as_str(), text[1].size), ("01", Some(11)));
        assert_eq!(text[1].path, "01/è & <b>");
        if cfg!(unix) {
            assert_eq!(text[3].path, "02/new\nline\\ \u{1}");
        }
        let reader = read_index(&written(Format::Xml, algorithm)[..]).unwrap().algorithm();
        assert_eq!(reader, algorithm);
    }
}

#[test]
fn lists_of_sha256sum_are_read() {
    let digest = "0".repeat(64);
    let list = format!("{digest}  ./a b\n{digest} *c\n# comment\n\\{digest}  d\\ne\n");
    let paths: Vec<_> = read(list.as_bytes()).unwrap().into_iter().map(|e| e.path).collect();
    assert_eq!(paths, ["a b", "c", "d\ne"]);
    let mixed = format!("{digest}  a\n{digest}{digest}  b\n");
    assert!(matches!(read(mixed.as_bytes()), Err(ArchiveError::IndexDamaged { .. })));
}

#[test]
fn every_cut_is_noticed() {
    for format in [Format::Txt, Format::Xml] {
        let whole = written(format, Algorithm::Sha256);
        // The last byte is a line feed, which no reader needs.
        for length in 0..whole.len() - 1 {
            if format == Format::Xml && whole[..length].ends_with(b"</indice>") {
                continue;
            }
            assert!(read(&whole[..length]).is_err(), "{format:?} cut at {length}");
        }
    }
}

#[test]
fn lines_that_were_taken_or_added_are_noticed() {
    let text = String::from_utf8(written(Format::Txt, Algorithm::Sha256)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for skipped in 1..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(skipped);
        assert!(read(fewer.join("\n").as_bytes()).is_err(), "without {}", lines[skipped]);
        let mut twice = lines.clone();
        twice.insert(skipped, lines[skipped]);
        assert!(read(twice.join("\n").as_bytes()).is_err(), "{} twice", lines[skipped]);
    }
    let xml = String::from_utf8(written(Format::Xml, Algorithm::Sha256)).unwrap();
    let lines: Vec<&str> = xml.lines().collect();
    for skipped in 1..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(skipped);
        assert!(read(fewer.join("\n").as_bytes()).is_err(), "without {}", lines[skipped]);
    }
}

#[test]
fn hostile_files_are_refused_in_bounded_time_and_memory() {
    let xmlns = "xmlns=\"urn:ceralacca:indice:1\" algoritmo=\"SHA-256\"";
    let head = format!("<indice {xmlns}><lotto>");
    let many = |text: &str, count: usize| text.repeat(count);
    let digest = "0".repeat(64);
    let document =
        |path: &str| format!("<documento percorso=\"{path}\" byte=\"1\" impronta=\"{digest}\"/>");
    for (what, bytes) in [
        ("nothing", String::new()),
        ("an empty line", "\n".to_owned()),
        ("a comment", "# nothing\n".to_owned()),
        ("another root", "<html/>".to_owned()),
        ("another namespace", "<indice xmlns=\"urn:x\" algoritmo=\"SHA-256\"/>".to_owned()),
        ("SHA-1", head.replace("SHA-256", "SHA-1")),
        ("a document type", format!("<!DOCTYPE indice [<!ENTITY a \"b\">]>{head}")),
        ("an entity", format!("{head}{}", document("&a;"))),
        ("an encoding", format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{head}")),
        ("a million elements", format!("{head}{}", many("<a>", 1_000_000))),
        (
            "a million PIndex elements",
            format!(
                "<PIndex xmlns=\"http://www.uni.com/U3011/sincro-v2/\">{}",
                many("<FileGroup>", 1_000_000)
            ),
        ),
        ("a long name", format!("{head}{}", document(&many("a", 1_000_000)))),
        ("a long tag", format!("<{}", many("a", 10_000_000))),
        ("many attributes", format!("<indice {}>", many("a=\"\" ", 30_000))),
        ("a long line", many("a", 10_000_000)),
        ("text", format!("{head}text")),
        (
            "a size too far",
            head.clone() + &document("a").replace("\"1\"", "\"99999999999999999999\""),
        ),
        ("upper case is fine, a g is not", format!("{}g  a\n", "0".repeat(63))),
        (
            "a second root",
            format!(
                "{head}{}<totale documenti=\"1\" byte=\"1\"/></lotto>\
             <totale lotti=\"1\" documenti=\"1\" byte=\"1\"/></indice><indice {xmlns}/>",
                document("a")
            ),
        ),
    ] {
        assert!(read(bytes.as_bytes()).is_err(), "{what}");
    }
    assert!(read(b"\xff\xfe<\0").is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&[b"<indice xmlns=\"urn:ceralacca:indice:1\" ", &bytes[..]].concat());
        let text = b"# urn:ceralacca:indice:1 SHA-256\n# lotto\n# byte 1\n";
        let _ = read(&[text, &bytes[..]].concat());
    }

    #[test]
    fn no_changed_byte_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        thread_local! {
            static FILES: [Vec<u8>; 2] = [Format::Txt, Format::Xml]
                .map(|format| written(format, Algorithm::Sha256));
        }
        FILES.with(|files| {
            for file in files {
                let mut file = file.clone();
                let at = at.index(file.len());
                file[at] = byte;
                let _ = read(&file);
            }
        });
    }
}

#[test]
fn an_index_that_another_program_has_saved_is_the_same() {
    for format in [Format::Txt, Format::Xml] {
        let plain = String::from_utf8(written(format, Algorithm::Sha256)).unwrap();
        let expected = read(plain.as_bytes()).unwrap();
        let saved = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
        assert_eq!(read(saved.as_bytes()).unwrap(), expected, "{format:?}");
        for of in [u16::to_le_bytes, u16::to_be_bytes] {
            let wide: Vec<u8> = plain.encode_utf16().flat_map(of).collect();
            let Err(ArchiveError::NotAnIndex { expected, .. }) = read(&wide) else {
                panic!("{format:?} in UTF-16 was read");
            };
            assert_eq!(expected, "UTF-8, not UTF-16");
        }
    }
}
