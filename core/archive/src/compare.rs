//! Holds an index against a folder: what is missing, what changed, what is there besides.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::NAMED;
use crate::escape::shown;
use crate::hashing::{self, Batch, Hashing, Outcome, Work};
use crate::index::Telling;
use crate::problems::Findings;
use crate::reading::damaged;
use crate::reading_document::Root;
use crate::sorter::{Sorted, Sorter};
use crate::walk::{Found, Walk, scratch};
use crate::{ArchiveError, DigestBytes, IndexReader, Lots, Offender, Progress, Source, Trouble};

const IN_MEMORY: usize = 3 << 20;

/// What an index and a folder do not have in common. Names are shown up to 20 of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// Whether every document of the index is there with its digest.
    pub intact: bool,
    /// The digest of the index: `SHA-256`.
    pub algorithm: String,
    /// Documents of the index.
    pub documents: u64,
    /// Those that are as the index says.
    pub equal: u64,
    /// Paths of the index that are not in the folder.
    pub missing: Vec<String>,
    /// How many.
    pub missing_count: u64,
    /// Documents with another content.
    pub changed: Vec<Difference>,
    /// How many.
    pub changed_count: u64,
    /// Documents in the folder that the index does not have.
    pub extra: Vec<String>,
    /// How many.
    pub extra_count: u64,
    /// What could not be looked at, and why.
    pub unreadable: Vec<String>,
    /// How many.
    pub unreadable_count: u64,
}

/// A document with another content than the index says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Its path.
    pub path: String,
    /// Digest and, where the index has it, size in bytes: as the index says.
    pub expected: String,
    /// As they are.
    pub found: String,
}

/// Compares an index with the documents in `folder`, hashing on all cores.
///
/// Memory does not grow with the index; its entries may come in any order. The folder is walked as
/// it is for an index, and the paths of the index are never opened as such: what the walk does not
/// meet is missing.
///
/// # Errors
/// Those of reading the index, and `archive.not_opened` when there is no such folder. What cannot
/// be read in the folder is in the result.
pub fn compare<R: BufRead>(
    index: IndexReader<R>,
    folder: &Path,
    threads: Option<usize>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Differences, ArchiveError> {
    let algorithm = index.algorithm();
    let (expected, documents) = sort(index)?;
    let mut findings = Findings::default();
    let walk = Walk::new(folder, &mut findings)?;
    let root = Root::new(folder).map_err(|error| ArchiveError::NotOpened {
        path: folder.display().to_string(),
        system: error.to_string(),
    })?;
    let (failing, bytes, counted) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(None));
    let mut comparing = Comparing {
        expected: Expected { sorted: expected, key: Vec::new(), payload: Vec::new(), there: false },
        walk,
        findings,
        waiting: VecDeque::new(),
        differences: Differences {
            algorithm: algorithm.name().to_owned(),
            documents,
            ..Differences::default()
        },
        ended: false,
        telling: Telling { bytes: &bytes, counted: &counted, progress, documents: 0, told: 0 },
    };
    comparing.expected.advance()?;
    let hashing = Hashing { root: &root, algorithm, threads, failing: &failing, bytes: &bytes };
    let source = Source::Folder { path: folder.to_owned(), lots: Lots::One };
    hashing::run(&hashing, &mut comparing, |stop| {
        *counted.lock().unwrap_or_else(PoisonError::into_inner) = source.count(stop);
    })?;
    Ok(comparing.finish())
}

/// The entries by path, and how many there are.
fn sort<R: BufRead>(index: IndexReader<R>) -> Result<(Sorted, u64), ArchiveError> {
    let mut sorter = Sorter::new(IN_MEMORY);
    let mut documents = 0;
    let mut payload = Vec::new();
    for entry in index {
        let entry = entry?;
        payload.clear();
        payload.extend_from_slice(&entry.size.unwrap_or(NO_SIZE).to_le_bytes());
        payload.extend_from_slice(entry.digest.as_bytes());
        sorter.push(entry.path.replace('/', "\0").as_bytes(), &payload).map_err(scratch)?;
        documents += 1;
    }
    Ok((sorter.finish().map_err(scratch)?, documents))
}

const NO_SIZE: u64 = u64::MAX;

/// The entries of the index, one at a time.
struct Expected {
    sorted: Sorted,
    /// The path, with NUL between its components.
    key: Vec<u8>,
    payload: Vec<u8>,
    there: bool,
}

impl Expected {
    fn advance(&mut self) -> Result<(), ArchiveError> {
        let before = std::mem::take(&mut self.key);
        let first = !self.there;
        self.there = self.sorted.next(&mut self.key, &mut self.payload).map_err(scratch)?;
        if self.there && !first && before == self.key {
            return Err(damaged(&shown(&self.path()), "once in the index", "twice"));
        }
        Ok(())
    }

    fn path(&self) -> String {
        String::from_utf8_lossy(&self.key).replace('\0', "/")
    }

    fn size_and_digest(&self) -> (Option<u64>, DigestBytes) {
        let (size, digest) = self.payload.split_at(8);
        let size = size.try_into().map_or(NO_SIZE, u64::from_le_bytes);
        let digest = DigestBytes::new(digest).expect("a digest of an algorithm was kept");
        (Some(size).filter(|size| *size != NO_SIZE), digest)
    }
}

struct Comparing<'a> {
    expected: Expected,
    walk: Walk,
    findings: Findings,
    /// What the index says of the documents being hashed, in order.
    waiting: VecDeque<(Option<u64>, DigestBytes)>,
    differences: Differences,
    ended: bool,
    telling: Telling<'a>,
}

impl Work for Comparing<'_> {
    fn batch(&mut self) -> Result<Option<Batch>, ArchiveError> {
        if self.ended {
            return Ok(None);
        }
        let mut batch = Batch::new(Arc::default());
        while !batch.is_full() {
            let link = match self.walk.next(&mut self.findings)? {
                Some(Found::Document { link }) => link,
                Some(Found::TopFolder) => continue,
                None => {
                    self.ended = true;
                    while self.expected.there {
                        self.missing()?;
                    }
                    break;
                }
            };
            let key: Vec<u8> = self.walk.path().bytes().map(separated).collect();
            while self.expected.there && self.expected.key < key {
                self.missing()?;
            }
            if self.expected.there && self.expected.key == key {
                batch.push(self.walk.path(), link);
                self.waiting.push_back(self.expected.size_and_digest());
                self.expected.advance()?;
            } else {
                let path = shown(self.walk.path());
                name(&mut self.differences.extra, &mut self.differences.extra_count, path);
            }
        }
        Ok(Some(batch))
    }

    fn done(&mut self, batch: &Batch, outcomes: &[Outcome]) -> Result<(), ArchiveError> {
        for (document, outcome) in outcomes.iter().enumerate() {
            let Some((size, digest)) = self.waiting.pop_front() else { break };
            let path = batch.path(document);
            match outcome {
                Outcome::Hashed(found_size, found)
                    if *found == digest && size.is_none_or(|size| size == *found_size) =>
                {
                    self.differences.equal += 1;
                }
                Outcome::Hashed(found_size, found) => {
                    let words = |size: Option<u64>, digest: &DigestBytes| match size {
                        Some(size) => format!("{digest}, {size} bytes"),
                        None => digest.to_string(),
                    };
                    let difference = Difference {
                        path: shown(path),
                        expected: words(size, &digest),
                        found: words(Some(*found_size), found),
                    };
                    let differences = &mut self.differences;
                    name(&mut differences.changed, &mut differences.changed_count, difference);
                }
                Outcome::Failed(trouble) if **trouble == Trouble::Disappeared => {
                    let path = shown(path);
                    name(&mut self.differences.missing, &mut self.differences.missing_count, path);
                }
                Outcome::Failed(trouble) => {
                    self.findings.problems.add(path.to_owned(), Trouble::clone(trouble));
                }
                Outcome::Skipped => {}
            }
        }
        self.telling.documents += outcomes.len() as u64;
        Ok(())
    }

    fn tick(&mut self) {
        self.telling.tick();
    }
}

impl Comparing<'_> {
    fn missing(&mut self) -> Result<(), ArchiveError> {
        let path = shown(&self.expected.path());
        name(&mut self.differences.missing, &mut self.differences.missing_count, path);
        self.expected.advance()
    }

    fn finish(mut self) -> Differences {
        self.telling.tell();
        let mut differences = self.differences;
        let (offenders, count) = self.findings.problems.into_offenders();
        differences.unreadable = offenders.iter().map(Offender::text).collect();
        differences.unreadable_count = count;
        differences.intact = differences.equal == differences.documents;
        differences
    }
}

/// As in the keys of [`Expected`].
fn separated(byte: u8) -> u8 {
    if byte == b'/' { 0 } else { byte }
}

fn name<T>(named: &mut Vec<T>, count: &mut u64, one: T) {
    *count += 1;
    if named.len() < NAMED {
        named.push(one);
    }
}

impl Differences {
    /// Stops unless every document of the index is there as it was.
    ///
    /// # Errors
    /// `archive.differs`.
    pub fn require_intact(self) -> Result<Differences, ArchiveError> {
        if self.intact { Ok(self) } else { Err(ArchiveError::Differs(Box::new(self))) }
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
