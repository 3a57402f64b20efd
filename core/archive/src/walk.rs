//! Walks a folder in the order of the index, keeping no more than the folders it is in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::index::Note;
use crate::problems::{Findings, Notes, Problems};
use crate::sorter::{Sorted, Sorter};
use crate::{ArchiveError, Trouble};

/// Bytes of names that are kept in memory for all open folders together, and the least for one.
const NAMES: usize = 3 << 20;
const LEAST_NAMES: usize = 64 << 10;

/// What the walk meets; [`Walk::path`] says where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A document, by name or through a link.
    Document { link: bool },
    /// A sub-folder of the root, before what is in it.
    TopFolder,
}

/// A walk under way.
pub(crate) struct Walk {
    root: PathBuf,
    /// Relative to the root, with `/`.
    path: String,
    levels: Vec<Level>,
    name: Vec<u8>,
    kind: Vec<u8>,
}

struct Level {
    entries: Sorted,
    /// Length of the folder's path, after which its entries' names go.
    folder: usize,
    /// When its entries last changed, as far as the system says.
    changed: Option<SystemTime>,
}

const FILE: u8 = b'f';
const LINK: u8 = b'l';
const FOLDER: u8 = b'd';

impl Walk {
    /// Opens the root.
    pub(crate) fn new(root: &Path, findings: &mut Findings) -> Result<Walk, ArchiveError> {
        let not_opened = |error: io::Error| ArchiveError::NotOpened {
            path: root.display().to_string(),
            system: error.to_string(),
        };
        // So that a missing root is no "unreadable document".
        fs::read_dir(root).map_err(not_opened)?;
        let mut walk = Walk {
            root: root.to_owned(),
            path: String::new(),
            levels: Vec::new(),
            name: Vec::new(),
            kind: Vec::new(),
        };
        walk.enter(findings)?;
        Ok(walk)
    }

    /// Where the walk is, relative to the root.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The next document; troubles on the way go to `findings`.
    pub(crate) fn next(&mut self, findings: &mut Findings) -> Result<Option<Found>, ArchiveError> {
        loop {
            let Some(level) = self.levels.last_mut() else { return Ok(None) };
            self.path.truncate(level.folder);
            if !level.entries.next(&mut self.name, &mut self.kind).map_err(scratch)? {
                self.leave(&mut findings.problems);
                continue;
            }
            if level.folder > 0 {
                self.path.push('/');
            }
            self.path.push_str(std::str::from_utf8(&self.name).expect("only UTF-8 was kept"));
            match self.kind[..] {
                [FOLDER] => {
                    let top = self.levels.len() == 1;
                    self.enter(findings)?;
                    if top {
                        return Ok(Some(Found::TopFolder));
                    }
                }
                [kind] => return Ok(Some(Found::Document { link: kind == LINK })),
                _ => unreachable!("an entry has one byte of kind"),
            }
        }
    }

    /// Reads the folder at `path`.
    fn enter(&mut self, findings: &mut Findings) -> Result<(), ArchiveError> {
        let Findings { problems, notes } = findings;
        let folder = on_disk(&self.root, &self.path);
        let changed = modified(&folder);
        let held: usize = self.levels.iter().map(|level| level.entries.held()).sum();
        let mut listing = Listing {
            sorter: Sorter::new(NAMES.saturating_sub(held).max(LEAST_NAMES)),
            folder: &self.path,
            cases: Cases::default(),
        };
        if let Err(error) = listing.read(&folder, problems)? {
            problems.add(self.path.clone(), unreadable(&error));
        }
        listing.cases.report(&self.path, &folder, notes);
        let entries = listing.sorter.finish().map_err(scratch)?;
        self.levels.push(Level { entries, folder: self.path.len(), changed });
        Ok(())
    }

    /// Goes back up, after a look whether the folder is as it was.
    fn leave(&mut self, problems: &mut Problems) {
        let Some(level) = self.levels.pop() else { return };
        if modified(&on_disk(&self.root, &self.path)) != level.changed {
            let path = if self.path.is_empty() { ".".to_owned() } else { self.path.clone() };
            problems.add(path, Trouble::FolderChanged);
        }
    }
}

/// The entries of one folder as they are read.
struct Listing<'a> {
    sorter: Sorter,
    folder: &'a str,
    cases: Cases,
}

impl Listing<'_> {
    /// The outer error is ours (the temporary file), the inner one the folder's.
    fn read(
        &mut self,
        folder: &Path,
        problems: &mut Problems,
    ) -> Result<io::Result<()>, ArchiveError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let escaped = format!("{name:?}");
                problems.add(self.joined(escaped.trim_matches('"')), Trouble::NotUtf8);
                continue;
            };
            match entry.file_type().map(kind) {
                Ok(Ok(kind)) => {
                    self.cases.add(name);
                    self.sorter.push(name.as_bytes(), &[kind]).map_err(scratch)?;
                }
                Ok(Err(trouble)) => problems.add(self.joined(name), trouble),
                Err(error) => problems.add(self.joined(name), unreadable(&error)),
            }
        }
        Ok(Ok(()))
    }

    fn joined(&self, name: &str) -> String {
        if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) }
    }
}

fn kind(file_type: fs::FileType) -> Result<u8, Trouble> {
    if file_type.is_symlink() {
        Ok(LINK)
    } else if file_type.is_dir() {
        Ok(FOLDER)
    } else if file_type.is_file() {
        Ok(FILE)
    } else {
        Err(special(file_type))
    }
}

/// What a special file is.
#[cfg(unix)]
pub(crate) fn special(file_type: fs::FileType) -> Trouble {
    use std::os::unix::fs::FileTypeExt;
    if file_type.is_fifo() {
        Trouble::Pipe
    } else if file_type.is_socket() {
        Trouble::Socket
    } else if file_type.is_block_device() || file_type.is_char_device() {
        Trouble::Device
    } else {
        Trouble::Other
    }
}

/// What a special file is.
#[cfg(not(unix))]
pub(crate) fn special(_: fs::FileType) -> Trouble {
    Trouble::Other
}

/// Looks for names of one folder that differ in case only: they are one file on other systems.
///
/// Remembers a number per name, and gives up in folders of more than [`Cases::MOST`] names.
#[derive(Default)]
struct Cases {
    folded: Vec<u64>,
    any_upper: bool,
}

impl Cases {
    const MOST: usize = 1 << 17;

    fn add(&mut self, name: &str) {
        if self.folded.len() > Cases::MOST {
            return;
        }
        self.any_upper |= !name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        self.folded.push(fold(name));
    }

    fn report(mut self, path: &str, folder: &Path, notes: &mut Notes) {
        if !self.any_upper {
            return;
        }
        if self.folded.len() > Cases::MOST {
            notes.add(Note::CaseNotCompared { folder: path.to_owned() });
            return;
        }
        self.folded.sort_unstable();
        let twice: Vec<u64> =
            self.folded.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        if twice.is_empty() {
            return;
        }
        // Seldom: the folder is read again for the names.
        let names = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut alike: Vec<(String, String)> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| twice.binary_search(&fold(name)).is_ok())
            .map(|name| (name.to_lowercase(), name))
            .collect();
        alike.sort();
        for pair in alike.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let [(_, first), (_, second)] = pair else { continue };
            let (first, second) = (first.clone(), second.clone());
            notes.add(Note::CaseOnly { folder: path.to_owned(), first, second });
        }
    }
}

/// A number that names have in common when they differ in case only (FNV-1a).
fn fold(name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let start = 0xcbf2_9ce4_8422_2325;
    if name.is_ascii() {
        name.bytes().map(|byte| byte.to_ascii_lowercase()).fold(start, step)
    } else {
        name.to_lowercase().bytes().fold(start, step)
    }
}

/// Where a path of the index is on disk.
pub(crate) fn on_disk(root: &Path, path: &str) -> PathBuf {
    if path.is_empty() {
        root.to_owned()
    } else if cfg!(windows) {
        root.join(path.replace('/', "\\"))
    } else {
        root.join(path)
    }
}

pub(crate) fn unreadable(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound => Trouble::Disappeared,
        _ => Trouble::Unreadable { system: error.to_string() },
    }
}

pub(crate) fn scratch(error: io::Error) -> ArchiveError {
    ArchiveError::NotWritten { what: "a temporary file".to_owned(), system: error.to_string() }
}

fn modified(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder).and_then(|metadata| metadata.modified()).ok()
}
