//! Reads a list of documents: one `path` or `lot<TAB>path` per line, in any order and number.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use ceralacca_kernel::{regular_file, text_encoding};

use crate::sorter::{Sorted, Sorter};
use crate::walk::scratch;
use crate::{ArchiveError, ListMistake};

const LONGEST_LINE: u64 = 64 << 10;
const IN_MEMORY: usize = 1 << 20;

/// The documents of a list, by lot and path.
pub(crate) struct Listed {
    sorted: Sorted,
    key: Vec<u8>,
    payload: Vec<u8>,
}

impl Listed {
    /// Reads and checks the whole list; `index` is a path relative to it that must not be in it.
    pub(crate) fn open(list: &Path, index: Option<&str>) -> Result<Listed, ArchiveError> {
        let mut by_lot = Sorter::new(IN_MEMORY);
        let mut by_path = Sorter::new(IN_MEMORY);
        read(list, |line, lot, path| {
            if index == Some(path) {
                return Err(ListMistake::TheIndex.into());
            }
            let key = path.replace('/', "\0");
            by_path.push(key.as_bytes(), &line.to_le_bytes())?;
            Ok(by_lot.push(format!("{lot}\0{key}").as_bytes(), &[])?)
        })?;
        no_duplicates(list, by_path)?;
        let sorted = by_lot.finish().map_err(scratch)?;
        Ok(Listed { sorted, key: Vec::new(), payload: Vec::new() })
    }

    /// The next document: its lot and its path.
    pub(crate) fn next(&mut self) -> Result<Option<(String, String)>, ArchiveError> {
        if !self.sorted.next(&mut self.key, &mut self.payload).map_err(scratch)? {
            return Ok(None);
        }
        let key = std::str::from_utf8(&self.key).expect("only UTF-8 was kept");
        let (lot, path) = key.split_once('\0').expect("a lot comes before each path");
        Ok(Some((lot.to_owned(), path.replace('\0', "/"))))
    }
}

/// What stops the reading of a list.
pub(crate) enum Stop {
    Mistake(ListMistake),
    Scratch(io::Error),
}

impl From<ListMistake> for Stop {
    fn from(mistake: ListMistake) -> Stop {
        Stop::Mistake(mistake)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Scratch(error)
    }
}

/// Gives each document with its line, lot and path.
pub(crate) fn read(
    list: &Path,
    mut each: impl FnMut(u64, &str, &str) -> Result<(), Stop>,
) -> Result<(), ArchiveError> {
    let not_opened = |error: io::Error| ArchiveError::NotOpened {
        path: list.display().to_string(),
        system: error.to_string(),
    };
    let mut source = BufReader::new(regular_file::open(list).map_err(not_opened)?);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let taken = (&mut source).take(LONGEST_LINE).read_until(b'\n', &mut bytes);
        if taken.map_err(not_opened)? == 0 {
            break;
        }
        let stopped = match document(line, &bytes) {
            Ok(Some((lot, path))) => each(line, lot, &path),
            Ok(None) => Ok(()),
            Err(mistake) => Err(mistake.into()),
        };
        stopped.map_err(|stop| match stop {
            Stop::Mistake(mistake) => {
                ArchiveError::List { path: list.display().to_string(), line, mistake }
            }
            Stop::Scratch(error) => scratch(error),
        })?;
    }
    Ok(())
}

/// Lot and path of a line; `None` when it is empty.
fn document(line: u64, bytes: &[u8]) -> Result<Option<(&str, String)>, ListMistake> {
    if bytes.len() as u64 == LONGEST_LINE {
        return Err(ListMistake::TooLong);
    }
    if line == 1 && text_encoding::is_utf16(bytes) {
        return Err(ListMistake::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ListMistake::NotUtf8)?;
    let text = if line == 1 { text_encoding::without_mark(text) } else { text };
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Ok(None);
    }
    let (lot, path) = text.split_once('\t').unwrap_or(("", text));
    if lot.chars().chain(path.chars()).any(char::is_control) {
        return Err(ListMistake::ControlCharacter);
    }
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    if path.starts_with('/') || Path::new(&path).is_absolute() {
        return Err(ListMistake::Absolute);
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(ListMistake::Components);
    }
    Ok(Some((lot, path)))
}

fn no_duplicates(list: &Path, by_path: Sorter) -> Result<(), ArchiveError> {
    let mut sorted = by_path.finish().map_err(scratch)?;
    let (mut key, mut line) = (Vec::new(), Vec::new());
    let (mut last_key, mut last_line) = (Vec::new(), Vec::new());
    while sorted.next(&mut key, &mut line).map_err(scratch)? {
        if key == last_key {
            let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
            return Err(ArchiveError::List {
                path: list.display().to_string(),
                line: number(&line).max(number(&last_line)),
                mistake: ListMistake::Duplicate,
            });
        }
        last_key.clone_from(&key);
        last_line.clone_from(&line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &[u8]) -> Result<Vec<(String, String)>, (u64, ListMistake)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        std::fs::write(&path, text).unwrap();
        let mut found = Vec::new();
        let mut listed = match Listed::open(&path, Some("indice.xml")) {
            Ok(listed) => listed,
            Err(ArchiveError::List { line, mistake, .. }) => return Err((line, mistake)),
            Err(other) => panic!("{other:?}"),
        };
        while let Some(document) = listed.next().unwrap() {
            found.push(document);
        }
        Ok(found)
    }

    #[test]
    fn lists_are_sorted_by_lot_and_path() {
        let pairs = listed(b"\xef\xbb\xbf2\tb.txt\r\n\n1\tz\n1\ta/b\n1\ta.b\nnone.txt").unwrap();
        let text: Vec<_> = pairs.iter().map(|(lot, path)| format!("{lot}:{path}")).collect();
        assert_eq!(text, [":none.txt", "1:a/b", "1:a.b", "1:z", "2:b.txt"]);
    }

    #[test]
    fn mistakes_name_their_line() {
        use ListMistake::*;
        let long = [&vec![b'a'; 70_000][..], b"\n"].concat();
        for (text, line, mistake) in [
            (&b"a\n/etc/passwd\n"[..], 2, Absolute),
            (b"a/../b", 1, Components),
            (b"a//b", 1, Components),
            (b"lot\t", 1, Components),
            (b"\n\n\xff", 3, NotUtf8),
            (b"a\x1bb", 1, ControlCharacter),
            (b"1\ta\tb", 1, ControlCharacter),
            (b"1\ta\nb\n2\ta", 3, Duplicate),
            (b"indice.xml", 1, TheIndex),
            (&long, 1, TooLong),
        ] {
            assert_eq!(listed(text), Err((line, mistake)), "{text:?}");
        }
    }
}
