//! Tests of indexes: forms, order, lots, and everything that stops one.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::{Agent, Format, ListMistake, Lots, MetadataMistake, Offenders, Sincro};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn made(source: &Source, options: &Options) -> Result<(String, Summary), ArchiveError> {
    let mut out = Vec::new();
    let mut last = Progress::default();
    let summary = index(source, options, &mut out, &mut |progress| last = progress)?;
    assert_eq!(last.documents, summary.totals.documents);
    assert_eq!(last.bytes, summary.totals.bytes);
    Ok((String::from_utf8(out).unwrap(), summary))
}

fn of_folder(path: &Path, lots: Lots, format: Format) -> Result<(String, Summary), ArchiveError> {
    let options = Options { format, ..Options::default() };
    made(&Source::Folder { path: path.to_owned(), lots }, &options)
}

const HELLO: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn the_text_form_is_as_documented() {
    let archive = folder(&[("01/a.txt", "hello world"), ("02/b", ""), ("02/a/b", "")]);
    let (text, summary) = of_folder(archive.path(), Lots::Folders, Format::Txt).unwrap();
    let expected = format!(
        "# urn:ceralacca:indice:1 SHA-256\n# lotto 01\n# byte 11\n{HELLO}  01/a.txt\n\
         # totale lotto documenti 1 byte 11\n# lotto 02\n# byte 0\n{EMPTY}  02/a/b\n# byte 0\n\
         {EMPTY}  02/b\n# totale lotto documenti 2 byte 0\n# totale lotti 2 documenti 3 byte 11\n"
    );
    assert_eq!(text, expected);
    assert_eq!(summary.totals, Totals { lots: 2, documents: 3, bytes: 11 });
}

#[test]
fn the_xml_form_is_as_documented() {
    let archive = folder(&[("01/a&b.txt", "hello world"), ("è", "")]);
    let (text, _) = of_folder(archive.path(), Lots::One, Format::Xml).unwrap();
    let expected = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <indice xmlns=\"urn:ceralacca:indice:1\" algoritmo=\"SHA-256\">\n  <lotto>\n    \
         <documento percorso=\"01/a&amp;b.txt\" byte=\"11\" impronta=\"{HELLO}\"/>\n    \
         <documento percorso=\"è\" byte=\"0\" impronta=\"{EMPTY}\"/>\n    \
         <totale documenti=\"2\" byte=\"11\"/>\n  </lotto>\n  \
         <totale lotti=\"1\" documenti=\"2\" byte=\"11\"/>\n</indice>\n"
    );
    assert_eq!(text, expected);
}

fn sincro() -> Sincro {
    let agent = |id: &str| Agent { id: id.into(), name: "Rossi & Figli".into(), role: None };
    Sincro {
        id: "2025/1".into(),
        scheme: None,
        label: Some("Fatture".into()),
        description: None,
        submitter: agent("VATIT-12345678903"),
        holders: vec![agent("VATIT-12345678903")],
        signers: vec![agent("TINIT-RSSMRA85M01H501Q")],
        time: "2025-12-31T10:00:00Z".into(),
        laws: None,
    }
}

#[test]
fn a_pindex_says_that_it_is_unverified_and_what_it_needs() {
    let archive = folder(&[("01/a.txt", "hello world")]);
    let source = Source::Folder { path: archive.path().to_owned(), lots: Lots::Folders };
    let make =
        |sincro| made(&source, &Options { format: Format::Sincro, sincro, ..Options::default() });
    let (text, _) = make(Some(sincro())).unwrap();
    for part in [
        "UNVERIFIED",
        "<PIndex xmlns=\"http://www.uni.com/U3011/sincro-v2/\"",
        "<Path>01/a.txt</Path>",
        &format!("<Hash hashFunction=\"SHA-256\">{HELLO}</Hash>"),
        "<AgentName>Rossi &amp; Figli</AgentName>",
        "<AuthorizedSigner signerRole=\"responsabile della conservazione\">",
        "<TimeInfo attachedTimeStamp=\"false\">2025-12-31T10:00:00Z</TimeInfo>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let mistake = |change: fn(&mut Sincro)| {
        let mut metadata = sincro();
        change(&mut metadata);
        match make(Some(metadata)) {
            Err(ArchiveError::Metadata { field, mistake }) => (field, mistake),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(mistake(|s| s.id.clear()), ("id".into(), MetadataMistake::Text));
    assert_eq!(mistake(|s| s.id = "\u{1}".into()), ("id".into(), MetadataMistake::Text));
    assert_eq!(mistake(|s| s.holders.clear()), ("holders".into(), MetadataMistake::Missing));
    assert_eq!(mistake(|s| s.time = "ieri".into()), ("time".into(), MetadataMistake::Time));
    let agent = ("submitter".into(), MetadataMistake::AgentId);
    assert_eq!(mistake(|s| s.submitter.id = "IT123".into()), agent);
    assert!(matches!(make(None), Err(ArchiveError::Metadata { .. })));
}

#[test]
fn names_are_sorted_by_component_and_escaped() {
    let names = ["a.b", "a/z", "a b", "A", "è"];
    let archive = folder(&names.map(|name| (name, "")));
    let (text, _) = of_folder(archive.path(), Lots::One, Format::Txt).unwrap();
    let order: Vec<_> = text.lines().filter_map(|line| line.split_once("  ")).collect();
    let order: Vec<_> = order.into_iter().map(|(_, path)| path).collect();
    assert_eq!(order, ["A", "a/z", "a b", "a.b", "è"]);
}

#[cfg(unix)]
#[test]
fn control_characters_cannot_forge_a_line() {
    let hostile = "a\n# totale lotti 1 documenti 0 byte 0\n\\\u{1b}[2J";
    let archive = folder(&[(&format!("lot\n1/{hostile}"), "hello world")]);
    let (text, _) = of_folder(archive.path(), Lots::Folders, Format::Txt).unwrap();
    assert_eq!(text.lines().count(), 6);
    assert!(text.contains("# lotto \\lot\\n1\n"));
    assert!(text.contains(&format!("\n\\{HELLO}  lot\\n1/a\\n# totale")));
    let (xml, _) = of_folder(archive.path(), Lots::Folders, Format::Xml).unwrap();
    assert!(xml.contains("nome-escape=\"lot\\u{a}1\""));
    assert!(xml.contains("percorso-escape=\"lot\\u{a}1/a\\u{a}# totale"));
    assert!(xml.contains("\\\\\\u{1b}[2J\""));
    let options = Options { format: Format::Sincro, sincro: Some(sincro()), ..Options::default() };
    let source = Source::Folder { path: archive.path().to_owned(), lots: Lots::Folders };
    assert!(matches!(made(&source, &options), Err(ArchiveError::Names(_))));
}

#[test]
fn lots_and_what_lies_beside_them() {
    let archive = folder(&[("01/a", ""), ("03/a", ""), ("loose.txt", "")]);
    fs::create_dir(archive.path().join("02")).unwrap();
    let Err(ArchiveError::LooseDocuments(offenders)) =
        of_folder(archive.path(), Lots::Folders, Format::Xml)
    else {
        panic!("a loose document");
    };
    assert_eq!(offenders.named[0].path, "loose.txt");
    fs::remove_file(archive.path().join("loose.txt")).unwrap();
    let (_, summary) = of_folder(archive.path(), Lots::Folders, Format::Xml).unwrap();
    assert_eq!(summary.totals, Totals { lots: 3, documents: 2, bytes: 0 });
    assert_eq!(summary.notes, [Note::EmptyLot { name: "02".into() }]);
}

#[test]
fn empty_and_missing_archives() {
    let archive = folder(&[]);
    fs::create_dir_all(archive.path().join("a/b")).unwrap();
    for lots in [Lots::One, Lots::Folders] {
        let empty = of_folder(archive.path(), lots, Format::Xml);
        assert!(matches!(empty, Err(ArchiveError::Empty { .. })));
    }
    let missing = of_folder(&archive.path().join("none"), Lots::One, Format::Xml);
    assert!(matches!(missing, Err(ArchiveError::NotOpened { .. })));
}

#[test]
fn lists_name_documents_of_several_lots() {
    let archive = folder(&[
        ("x/a", "hello world"),
        ("b", ""),
        ("list.txt", "2\tb\n1\tx/a\n"),
        ("wrong.txt", "b\nnone\nx\n"),
    ]);
    let list = |name: &str| Source::List { path: archive.path().join(name) };
    let options = Options { format: Format::Txt, ..Options::default() };
    let (text, summary) = made(&list("list.txt"), &options).unwrap();
    let lots: Vec<_> = text.lines().filter(|line| line.starts_with("# lotto")).collect();
    assert_eq!(lots, ["# lotto 1", "# lotto 2"]);
    assert_eq!(summary.totals, Totals { lots: 2, documents: 2, bytes: 11 });
    let Err(ArchiveError::SpecialFiles(Offenders { named, count: 1, others: 1 })) =
        made(&list("wrong.txt"), &options)
    else {
        panic!("a folder and a missing document");
    };
    assert_eq!((named[0].path.as_str(), &named[0].trouble), ("x", &Trouble::Folder));
    // Beside the list there may be the index, but not in the list.
    let no_progress = &mut |_| {};
    let index = archive.path().join("indice.txt");
    index_file(&list("list.txt"), &options, &index, no_progress).unwrap();
    fs::write(archive.path().join("list.txt"), "b\nindice.txt\n").unwrap();
    let Err(ArchiveError::List { line: 2, mistake: ListMistake::TheIndex, .. }) =
        index_file(&list("list.txt"), &options, &index, no_progress)
    else {
        panic!("the index in its own list");
    };
}

#[test]
fn an_index_inside_the_archive_is_refused_and_elsewhere_is_whole() {
    let archive = folder(&[("a/b", "hello world")]);
    let source = Source::Folder { path: archive.path().to_owned(), lots: Lots::One };
    let make = |path: PathBuf| index_file(&source, &Options::default(), &path, &mut |_| {});
    let inside = make(archive.path().join("a/../a/indice.xml"));
    assert!(matches!(inside, Err(ArchiveError::IndexInside { .. })));
    assert_eq!(fs::read_dir(archive.path().join("a")).unwrap().count(), 1);
    let elsewhere = folder(&[]);
    let path = elsewhere.path().join("indice.xml");
    let (_, sha256) = make(path.clone()).unwrap();
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&fs::read(&path).unwrap());
    assert_eq!(hasher.finish().to_string(), sha256);
    assert_eq!(make(path).unwrap().1, sha256, "the same again");
    let nowhere = make(elsewhere.path().join("none/indice.xml"));
    assert!(matches!(nowhere, Err(ArchiveError::NotWritten { .. })));
    fs::remove_dir_all(archive.path().join("a")).unwrap();
    make(elsewhere.path().join("other.xml")).unwrap_err();
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "nothing is left of a failure");
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_only() {
    use std::os::unix::fs::symlink;
    let outside = folder(&[("secret", "x")]);
    let archive = folder(&[("a/real", "hello world")]);
    let at = |name: &str| archive.path().join(name);
    symlink("a/real", at("inside")).unwrap();
    let (text, _) = of_folder(archive.path(), Lots::One, Format::Txt).unwrap();
    assert!(text.contains(&format!("{HELLO}  inside\n")));

    symlink(outside.path().join("secret"), at("outside")).unwrap();
    symlink("a/../../", at("up")).unwrap();
    symlink("a", at("folder")).unwrap();
    symlink("none", at("nothing")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let found = of_folder(archive.path(), Lots::One, Format::Txt);
    let Err(ArchiveError::Links(offenders)) = found else { panic!("{found:?}") };
    let named: Vec<_> = offenders.named.iter().map(|o| (o.path.as_str(), &o.trouble)).collect();
    assert_eq!(
        named,
        [
            ("folder", &Trouble::LinkToFolder),
            ("nothing", &Trouble::LinkToNothing),
            ("outside", &Trouble::LinkOutside),
            ("up", &Trouble::LinkOutside),
        ]
    );
    assert_eq!(offenders.others, 1, "a loop cannot be read");
    for name in ["outside", "up", "folder", "nothing"] {
        fs::remove_file(at(name)).unwrap();
    }
    let found = of_folder(archive.path(), Lots::One, Format::Txt);
    let Err(ArchiveError::Unreadable(offenders)) = found else { panic!("{found:?}") };
    assert_eq!((offenders.named[0].path.as_str(), offenders.count), ("loop", 1));
    // A list cannot go through a link either.
    symlink("a", at("folder")).unwrap();
    fs::write(at("list.txt"), "folder/real\n").unwrap();
    let through = made(&Source::List { path: at("list.txt") }, &Options::default());
    assert!(matches!(through, Err(ArchiveError::Links(_))), "{through:?}");
}

#[cfg(unix)]
#[test]
fn special_files_are_never_opened() {
    let archive = folder(&[("a", "")]);
    let made = std::process::Command::new("mkfifo").arg(archive.path().join("pipe")).status();
    assert!(made.unwrap().success());
    let socket = archive.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(socket).unwrap();
    fs::write(archive.path().join("list.txt"), "pipe\n").unwrap();
    let Err(ArchiveError::SpecialFiles(offenders)) =
        of_folder(archive.path(), Lots::One, Format::Xml)
    else {
        panic!("a pipe and a socket");
    };
    let troubles: Vec<_> = offenders.named.iter().map(|offender| &offender.trouble).collect();
    assert_eq!(troubles, [&Trouble::Pipe, &Trouble::Socket]);
    let list = Source::List { path: archive.path().join("list.txt") };
    let listed = index(&list, &Options::default(), &mut Vec::new(), &mut |_| {});
    assert!(matches!(listed, Err(ArchiveError::SpecialFiles(_))));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_named_escaped() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let archive = folder(&[("lot/a", "")]);
    for number in 0..25 {
        let name = [b"x\xff".as_slice(), &[b'a' + number]].concat();
        fs::write(archive.path().join("lot").join(OsStr::from_bytes(&name)), "").unwrap();
    }
    let Err(ArchiveError::Names(offenders)) = of_folder(archive.path(), Lots::One, Format::Xml)
    else {
        panic!("names that are not UTF-8");
    };
    assert_eq!((offenders.named.len(), offenders.count), (20, 25));
    assert!(offenders.named[0].path.starts_with("lot/x\\xFF"), "{}", offenders.named[0].path);
}

#[cfg(unix)]
#[test]
fn unreadable_documents_are_all_named() {
    use std::os::unix::fs::PermissionsExt;
    let archive = folder(&[("a", "1"), ("b", "2"), ("c/d", "3"), ("e", "4")]);
    for name in ["a", "c"] {
        let closed = fs::Permissions::from_mode(0o0);
        fs::set_permissions(archive.path().join(name), closed).unwrap();
    }
    if fs::read(archive.path().join("a")).is_ok() {
        return; // The superuser reads everything.
    }
    let found = of_folder(archive.path(), Lots::One, Format::Xml);
    let Err(ArchiveError::Unreadable(offenders)) = found else { panic!("{found:?}") };
    let named: Vec<_> = offenders.named.iter().map(|offender| offender.path.as_str()).collect();
    assert_eq!(named, ["a", "c"]);
    fs::set_permissions(archive.path().join("c"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn documents_that_come_or_go_meanwhile_stop_the_index() {
    let archive = folder(&[]);
    for number in 0..20_000 {
        fs::write(archive.path().join(format!("{number:05}")), "x").unwrap();
    }
    for change in ["remove", "add"] {
        let mut changed = false;
        let source = Source::Folder { path: archive.path().to_owned(), lots: Lots::One };
        let result = index(&source, &Options::default(), &mut Vec::new(), &mut |_| {
            if !std::mem::replace(&mut changed, true) {
                match change {
                    "remove" => fs::remove_file(archive.path().join("19999")).unwrap(),
                    _ => fs::write(archive.path().join("new"), "").unwrap(),
                }
            }
        });
        assert!(matches!(result, Err(ArchiveError::Changed(_))), "{change}: {result:?}");
    }
}

#[test]
fn names_that_differ_in_case_only_are_noted() {
    let archive = folder(&[("A/Fattura.pdf", ""), ("A/fattura.pdf", ""), ("a/x", "")]);
    if fs::read_dir(archive.path()).unwrap().count() < 2 {
        return; // Case does not count on this disk.
    }
    let (_, summary) = of_folder(archive.path(), Lots::One, Format::Xml).unwrap();
    let pair = |folder: &str, first: &str, second: &str| Note::CaseOnly {
        folder: folder.into(),
        first: first.into(),
        second: second.into(),
    };
    assert_eq!(summary.notes, [pair("", "A", "a"), pair("A", "Fattura.pdf", "fattura.pdf")]);
}

#[test]
fn other_digests() {
    let archive = folder(&[("a", "hello world")]);
    for (algorithm, start) in [(Algorithm::Sha384, "fdbd8e75a6"), (Algorithm::Sha512, "309ecc489c")]
    {
        let source = Source::Folder { path: archive.path().to_owned(), lots: Lots::One };
        let options = Options { algorithm, format: Format::Txt, ..Options::default() };
        let (text, _) = made(&source, &options).unwrap();
        let line = text.lines().nth(3).unwrap();
        assert!(line.starts_with(start), "{line}");
        assert_eq!(line.len(), 2 * algorithm.length() + 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_creation_and_the_threads_leave_no_trace(
        names in prop::collection::btree_set("[a-cA ._-]{1,3}(/[a-b.]{1,2}x){0,2}", 1..20)
            .prop_map(|names| names.into_iter().collect::<Vec<_>>()).prop_shuffle(),
        threads in 1usize..5,
    ) {
        let usable: Vec<&String> = names
            .iter()
            .filter(|name| !name.split('/').any(|part| matches!(part, "." | "..")))
            .filter(|name| !names.iter().any(|other| other.starts_with(&format!("{name}/"))))
            .collect();
        prop_assume!(!usable.is_empty());
        let create = |names: &mut dyn Iterator<Item = &&String>| {
            let archive = tempfile::tempdir().unwrap();
            for name in names {
                let path = archive.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, name.as_bytes()).unwrap();
            }
            archive
        };
        let (one, two) = (create(&mut usable.iter()), create(&mut usable.iter().rev()));
        let text = |archive: &tempfile::TempDir, threads| {
            let path = archive.path().to_owned();
            let options = Options { threads: Some(threads), ..Options::default() };
            made(&Source::Folder { path, lots: Lots::One }, &options).unwrap().0
        };
        prop_assert_eq!(text(&one, threads), text(&two, 1));
    }
}
