//! The documents of a source, in the order of the index, in batches of one lot each.

use std::fs::{self, ReadDir};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hashing::Batch;
use crate::list::{self, Listed};
use crate::problems::Findings;
use crate::walk::{Found, Walk, on_disk};
use crate::{ArchiveError, Lots, Source, Trouble};

/// Gives batch after batch.
pub(crate) struct Documents {
    from: From,
    filling: Filling,
    ended: bool,
}

/// The batch being filled.
struct Filling {
    batch: Batch,
    /// Whether `batch` has a lot: before the first sub-folder there is none.
    in_lot: bool,
}

enum From {
    Folder { walk: Walk, lots: Lots },
    List(Listed),
}

impl Source {
    /// The folder to which paths are relative.
    pub(crate) fn root(&self) -> PathBuf {
        match self {
            Source::Folder { path, .. } => path.clone(),
            Source::List { path } => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            },
        }
    }

    /// What the user named.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Source::Folder { path, .. } | Source::List { path } => path,
        }
    }
}

impl Documents {
    /// Opens a source; `index` is where the index will be, relative to the source's root.
    pub(crate) fn open(
        source: &Source,
        index: Option<&str>,
        findings: &mut Findings,
    ) -> Result<Documents, ArchiveError> {
        let (from, in_lot) = match source {
            Source::Folder { path, lots } => {
                let walk = Walk::new(path, findings)?;
                (From::Folder { walk, lots: *lots }, *lots == Lots::One)
            }
            Source::List { path } => (From::List(Listed::open(path, index)?), false),
        };
        let filling = Filling { batch: Batch::default(), in_lot };
        Ok(Documents { from, filling, ended: false })
    }

    /// The next batch, perhaps empty; each lot has at least one.
    pub(crate) fn batch(&mut self, findings: &mut Findings) -> Result<Option<Batch>, ArchiveError> {
        while !self.ended {
            let filled = match &mut self.from {
                From::Folder { walk, lots } => {
                    let lots = *lots == Lots::Folders;
                    match walk.next(findings)? {
                        Some(Found::TopFolder) if lots => self.filling.begin(walk.path().into()),
                        Some(Found::TopFolder) => None,
                        Some(Found::Document { .. }) if lots && !walk.path().contains('/') => {
                            findings.problems.add(walk.path().to_owned(), Trouble::Loose);
                            None
                        }
                        Some(Found::Document { link }) => self.filling.push(walk.path(), link),
                        None => self.end(),
                    }
                }
                From::List(listed) => match listed.next()? {
                    Some((lot, path)) => {
                        let before = self.filling.enter(&lot);
                        // A folder on the way may be a link: each path is followed and checked.
                        match before {
                            Some(before) => {
                                self.filling.batch.push(&path, true);
                                Some(before)
                            }
                            None => self.filling.push(&path, true),
                        }
                    }
                    None => self.end(),
                },
            };
            if filled.is_some() {
                return Ok(filled);
            }
        }
        Ok(None)
    }

    fn end(&mut self) -> Option<Batch> {
        self.ended = true;
        self.filling.begin(Arc::default())
    }
}

impl Filling {
    /// Adds a document; gives the batch when it is full.
    fn push(&mut self, path: &str, link: bool) -> Option<Batch> {
        self.batch.push(path, link);
        if self.batch.is_full() { self.begin(Arc::clone(&self.batch.lot)) } else { None }
    }

    /// Begins the batch of a lot unless it is under way; gives the one before.
    fn enter(&mut self, lot: &str) -> Option<Batch> {
        if self.in_lot && *self.batch.lot == *lot { None } else { self.begin(lot.into()) }
    }

    /// Begins a batch and gives the one before it.
    fn begin(&mut self, lot: Arc<str>) -> Option<Batch> {
        let before = std::mem::replace(&mut self.batch, Batch::new(lot));
        std::mem::replace(&mut self.in_lot, true).then_some(before)
    }
}

impl Source {
    /// Documents and bytes, for the time that is left; `None` when told to stop or too deep.
    ///
    /// It only looks at sizes and overlooks what cannot be read: the index itself reports that.
    pub(crate) fn count(&self, stop: &AtomicBool) -> Option<(u64, u64)> {
        let mut total = (0, 0);
        match self {
            Source::Folder { path, .. } => count_folder(path, stop, &mut total)?,
            Source::List { path } => {
                let root = self.root();
                let each = |_, _: &str, path: &str| {
                    if !stop.load(Ordering::Relaxed)
                        && let Ok(metadata) = fs::metadata(on_disk(&root, path))
                    {
                        total = (total.0 + 1, total.1 + metadata.len());
                    }
                    Ok(())
                };
                list::read(path, each).ok()?;
            }
        }
        (!stop.load(Ordering::Relaxed)).then_some(total)
    }
}

/// Folders that are open at a time while counting.
const DEEPEST: usize = 100;

fn count_folder(root: &Path, stop: &AtomicBool, total: &mut (u64, u64)) -> Option<()> {
    let mut open: Vec<ReadDir> = vec![fs::read_dir(root).ok()?];
    loop {
        if stop.load(Ordering::Relaxed) || open.len() > DEEPEST {
            return None;
        }
        let Some(folder) = open.last_mut() else { return Some(()) };
        let Some(entry) = folder.next() else {
            open.pop();
            continue;
        };
        let Ok(entry) = entry else { continue };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => open.extend(fs::read_dir(entry.path())),
            Ok(_) => {
                let size = entry.metadata().map_or(0, |metadata| metadata.len());
                *total = (total.0 + 1, total.1 + size);
            }
            Err(_) => {}
        }
    }
}
