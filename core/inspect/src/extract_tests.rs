//! What comes out of files, and that nothing is ever written over.

use std::fs;

use ceralacca_signing::DigestAlgorithm;

use super::*;
use crate::fixtures::*;
use crate::{Container, ConvertOptions, Section, convert, m7m, mark_of, tsd};

const DOCUMENT: &[u8] = b"<?xml version=\"1.0\"?><indice/>";

/// Name and content of a file.
type Part<'a> = (&'a str, &'a [u8]);

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn m7m_of(p7m: &[u8], tsr: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    m7m::write(&Section::of_bytes(p7m).unwrap(), tsr, "indice.xml.p7m", &mut out).unwrap();
    out
}

#[test]
fn parts_are_separated() {
    let (folder, out) = (Folder::new(), Folder::new());
    let p7m = signed(DOCUMENT, &signer(), false);
    let (response, token) = (tsr(&p7m), token(&p7m, DigestAlgorithm::Sha256));
    let mut timestamped = Vec::new();
    tsd::write(&Section::of_bytes(&p7m).unwrap(), &token, "x", &mut timestamped).unwrap();
    let nested = signed(&p7m, &signer(), false);
    let cases: [(&str, &[u8], &[Part<'_>]); 4] = [
        (
            "indice.xml.m7m",
            &m7m_of(&p7m, &response),
            &[
                ("indice.xml", DOCUMENT),
                ("indice.xml.p7m", &p7m),
                ("indice.xml.p7m.tsr", &response),
            ],
        ),
        (
            "indice.xml.p7m.tsd",
            &timestamped,
            &[("indice.xml", DOCUMENT), ("indice.xml.p7m", &p7m), ("indice.xml.p7m.tst", &token)],
        ),
        ("indice.xml.p7m", &p7m, &[("indice.xml", DOCUMENT)]),
        ("indice.xml.p7m.p7m", &nested, &[("indice.xml", DOCUMENT)]),
    ];
    for (number, (name, bytes, expected)) in cases.into_iter().enumerate() {
        let (path, into) = (folder.file(name, bytes), out.path().join(number.to_string()));
        let parts = extract(&path, &into).unwrap();
        assert_eq!(extract(&path, &into).unwrap(), parts, "the same again");
        let found: Vec<String> = expected.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names(&into), found);
        for (name, content) in expected {
            assert!(fs::read(into.join(name)).unwrap() == *content, "{name}");
        }
        // One other file in the way, and no file is written.
        let first = into.join(expected[0].0);
        fs::write(&first, "other").unwrap();
        expected[1..].iter().for_each(|(name, _)| fs::remove_file(into.join(name)).unwrap());
        assert_eq!(extract(&path, &into).unwrap_err().code(), "inspect.exists");
        assert_eq!((names(&into).len(), fs::read(&first).unwrap()), (1, b"other".to_vec()));
    }
    let bare = folder.file("a.tsr", &response);
    assert_eq!(extract(&bare, out.path()).unwrap_err().code(), "inspect.nothing_to_extract");
}

#[test]
fn every_container_becomes_every_other() {
    let folder = Folder::new();
    let p7m = signed(DOCUMENT, &signer(), false);
    let document = folder.file("indice.xml.p7m", &p7m);
    let token = token(&p7m, DigestAlgorithm::Sha256);
    let start = folder.file("marca.tst", &token);
    let all = [Container::Tsr, Container::Tst, Container::Tsd, Container::M7m];
    let give = |output: &str| ConvertOptions {
        document: Some(document.clone()),
        output: Some(folder.path().join(output)),
    };
    for first in all {
        let made = convert(&start, first, &give(&format!("1.{first}"))).unwrap();
        let wraps = matches!(first, Container::Tsr | Container::M7m);
        assert_eq!(made.notes.len(), usize::from(wraps), "{first}");
        for second in all {
            let output = give(&format!("{first}.{second}"));
            let again = convert(&made.path, second, &output).unwrap();
            assert_eq!(again.to, second);
            let mark = mark_of(&again.path).unwrap();
            assert_eq!(mark.token_der(), token);
            convert(&made.path, second, &output).unwrap();
        }
    }
    // From what holds the document, it is not asked for; beside it, it is found.
    let alone = folder.path().join("2");
    fs::create_dir(&alone).unwrap();
    let inside = alone.join("indice.xml.p7m.m7m");
    fs::copy(folder.path().join("1.m7m"), &inside).unwrap();
    let made = convert(&inside, Container::Tsd, &ConvertOptions::default()).unwrap();
    assert_eq!(made.path, alone.join("indice.xml.p7m.tsd"));
    let mark = convert(&inside, Container::Tst, &ConvertOptions::default()).unwrap().path;
    let error = convert(&mark, Container::M7m, &ConvertOptions::default()).unwrap_err();
    assert_eq!(error.code(), "inspect.needs_document");
    fs::copy(&document, alone.join("indice.xml.p7m")).unwrap();
    fs::remove_file(&inside).unwrap();
    convert(&mark, Container::M7m, &ConvertOptions::default()).unwrap();
    assert_eq!(names(&alone).len(), 4);
}

#[test]
fn a_mark_is_not_put_with_another_document() {
    let folder = Folder::new();
    let mark = folder.file("a.tsr", &tsr(DOCUMENT));
    let with = |name: &str, bytes: &[u8], to| {
        let options = ConvertOptions { document: Some(folder.file(name, bytes)), output: None };
        convert(&mark, to, &options).map_err(|error| error.code().to_owned())
    };
    for to in [Container::Tsr, Container::Tsd, Container::M7m] {
        assert_eq!(with("b", b"other", to).unwrap_err(), "inspect.mark_other_document");
    }
    assert_eq!(with("c.xml", DOCUMENT, Container::M7m).unwrap_err(), "inspect.not_a_p7m");
    assert!(with("c.xml", DOCUMENT, Container::Tsd).is_ok());
    assert_eq!(names(folder.path()), ["a.tsr", "b", "c.xml", "c.xml.tsd"]);
    assert!(Container::parse("TSR").is_ok() && Container::parse("zip").is_err());
}
