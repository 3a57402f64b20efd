//! Tests of the comparison of an index with a folder.

use std::fs;

use super::*;
use crate::{Format, Options, index, read_index};

fn archive() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..300 {
        let path = folder.path().join(format!("{:02}/{number:03}", number % 7));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, number.to_string()).unwrap();
    }
    folder
}

fn index_of(folder: &Path, format: Format) -> Vec<u8> {
    let source = Source::Folder { path: folder.to_owned(), lots: Lots::Folders };
    let mut out = Vec::new();
    let options = Options { format, ..Options::default() };
    index(&source, &options, &mut out, &mut |_| {}).unwrap();
    out
}

fn compared(index: &[u8], folder: &Path) -> Result<Differences, ArchiveError> {
    compare(read_index(index).unwrap(), folder, None, &mut |_| {})
}

#[test]
fn a_folder_at_rest_is_equal_to_its_index() {
    let archive = archive();
    for format in [Format::Xml, Format::Txt] {
        let differences = compared(&index_of(archive.path(), format), archive.path()).unwrap();
        let expected = Differences {
            intact: true,
            algorithm: "SHA-256".into(),
            documents: 300,
            equal: 300,
            ..Differences::default()
        };
        assert_eq!(differences, expected);
        assert!(differences.require_intact().is_ok());
    }
}

#[test]
fn every_kind_of_difference_is_named_and_counted() {
    let archive = archive();
    let index = index_of(archive.path(), Format::Xml);
    let at = |path: &str| archive.path().join(path);
    fs::write(at("01/001"), "2").unwrap();
    fs::write(at("02/002"), "longer").unwrap();
    fs::remove_file(at("03/003")).unwrap();
    fs::remove_dir_all(at("04")).unwrap();
    fs::write(at("00/0"), "").unwrap();
    fs::write(at("zz"), "").unwrap();
    let differences = compared(&index, archive.path()).unwrap();
    let changed: Vec<_> = differences.changed.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(changed, ["01/001", "02/002"]);
    assert!(differences.changed[1].expected.ends_with(", 1 bytes"));
    assert!(differences.changed[1].found.ends_with(", 6 bytes"));
    assert_eq!(differences.missing[0], "03/003");
    assert_eq!((differences.missing.len(), differences.missing_count), (20, 44));
    assert_eq!(differences.extra, ["00/0", "zz"]);
    assert_eq!(differences.equal, 300 - 2 - 44);
    assert!(!differences.intact);
    assert!(matches!(differences.require_intact(), Err(ArchiveError::Differs(_))));
}

#[test]
fn an_index_in_any_order_is_compared_and_a_path_twice_is_refused() {
    let archive = archive();
    let text = String::from_utf8(index_of(archive.path(), Format::Txt)).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.reverse();
    let differences = compared(lines.join("\n").as_bytes(), archive.path()).unwrap();
    assert!(differences.intact);
    lines.push(lines[10]);
    let twice = compared(lines.join("\n").as_bytes(), archive.path());
    assert!(matches!(twice, Err(ArchiveError::IndexDamaged { .. })), "{twice:?}");
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_not_read() {
    let archive = archive();
    let index = index_of(archive.path(), Format::Xml);
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "1").unwrap();
    fs::remove_file(archive.path().join("01/001")).unwrap();
    std::os::unix::fs::symlink(outside.path(), archive.path().join("01/001")).unwrap();
    let differences = compared(&index, archive.path()).unwrap();
    assert_eq!(differences.unreadable, ["01/001: a link out of the archive"]);
    assert!(!differences.intact);
}

#[test]
fn paths_of_the_index_are_never_opened() {
    let archive = archive();
    let list = format!("{}  ../../etc/passwd\n{}  /etc/passwd\n", "0".repeat(64), "0".repeat(64));
    let differences = compared(list.as_bytes(), archive.path()).unwrap();
    assert_eq!(differences.missing, ["/etc/passwd", "../../etc/passwd"]);
    let nowhere = compared(list.as_bytes(), &archive.path().join("none"));
    assert!(matches!(nowhere, Err(ArchiveError::NotOpened { .. })));
}
