//! Makes an index: documents in, hashed on all cores, written in order.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ceralacca_kernel::atomic_file;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::documents::Documents;
use crate::form::{self, Document, Form};
use crate::hashing::{self, Batch, Hashing, Outcome, Work};
use crate::problems::Findings;
use crate::reading_document::Root;
use crate::{Algorithm, ArchiveError, Hasher, Options, Progress, Source, Trouble};

/// What an index holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The digest of the documents.
    pub algorithm: Algorithm,
    /// All documents.
    pub totals: Totals,
    /// What a person should know, at most 20.
    pub notes: Vec<Note>,
    /// How many notes there are.
    pub notes_count: u64,
}

/// Totals of a lot or of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Lots; 1 for the totals of a lot.
    pub lots: u64,
    /// Documents.
    pub documents: u64,
    /// Their sizes.
    pub bytes: u64,
}

/// Something that does not stop an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Note {
    /// Two names of one folder that are one file where case does not count.
    CaseOnly {
        /// Relative to the archive.
        folder: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A folder with too many names to look for such pairs.
    CaseNotCompared {
        /// Relative to the archive.
        folder: String,
    },
    /// A lot without documents.
    EmptyLot {
        /// Its name.
        name: String,
    },
}

/// Writes the index of `source` to `out`.
///
/// `progress` is called every few thousand documents, every 64 MiB, and at the end. The crate reads
/// no clock: rates are the caller's, see [`Progress::text`]. What was written before an error is
/// worthless.
///
/// # Errors
/// Everything that would make the index say less than the archive holds; see [`ArchiveError`].
pub fn index(
    source: &Source,
    options: &Options,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, ArchiveError> {
    index_with(source, options, None, out, progress)
}

/// Writes the index of `source` to the file `path`, whole or not at all; gives its SHA-256 too.
///
/// # Errors
/// As [`index`], and `archive.index_inside` when the file would be a document of the archive.
pub fn index_file(
    source: &Source,
    options: &Options,
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Summary, String), ArchiveError> {
    let not_written = |error: io::Error| ArchiveError::NotWritten {
        what: path.display().to_string(),
        system: error.to_string(),
    };
    let relative = relative_to_root(source, path).map_err(not_written)?;
    if matches!(source, Source::Folder { .. }) && relative.is_some() {
        return Err(ArchiveError::IndexInside {
            index: path.display().to_string(),
            archive: source.path().display().to_string(),
        });
    }
    let file = atomic_file::Writer::create(path).map_err(not_written)?;
    let mut out = HashingWriter { file, hasher: Hasher::new(Algorithm::Sha256) };
    let summary =
        index_with(source, options, relative.as_deref(), &mut out, progress).map_err(|error| {
            match error {
                ArchiveError::NotWritten { what, system } if what.is_empty() => {
                    ArchiveError::NotWritten { what: path.display().to_string(), system }
                }
                other => other,
            }
        })?;
    out.file.persist().map_err(not_written)?;
    Ok((summary, out.hasher.finish().to_string()))
}

/// Where a file is in the source's root, with `/`; `None` when it is elsewhere.
fn relative_to_root(source: &Source, path: &Path) -> io::Result<Option<String>> {
    let Ok(root) = source.root().canonicalize() else { return Ok(None) };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize()?,
        _ => Path::new(".").canonicalize()?,
    };
    let Ok(below) = folder.strip_prefix(&root) else { return Ok(None) };
    let name = path.file_name().unwrap_or_default();
    Ok(Some(below.join(name).to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")))
}

struct HashingWriter {
    file: atomic_file::Writer,
    hasher: Hasher,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn index_with(
    source: &Source,
    options: &Options,
    relative: Option<&str>,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, ArchiveError> {
    let mut form = form::form(options)?;
    let mut findings = Findings::default();
    let documents = Documents::open(source, relative, &mut findings)?;
    let root = Root::new(&source.root()).map_err(|error| ArchiveError::NotOpened {
        path: source.path().display().to_string(),
        system: error.to_string(),
    })?;
    let (failing, bytes, counted) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(None));
    let out: &mut dyn Write = out;
    let mut out = BufWriter::with_capacity(64 << 10, out);
    form.begin(&mut out).map_err(not_written)?;
    let mut indexing = Indexing {
        documents,
        findings,
        form,
        out,
        totals: Totals::default(),
        lot: None,
        from_list: matches!(source, Source::List { .. }),
        failing: &failing,
        telling: Telling { bytes: &bytes, counted: &counted, progress, documents: 0, told: 0 },
    };
    let hashing = Hashing {
        root: &root,
        algorithm: options.algorithm,
        threads: options.threads,
        failing: &failing,
        bytes: &bytes,
    };
    hashing::run(&hashing, &mut indexing, |stop| {
        *counted.lock().unwrap_or_else(PoisonError::into_inner) = source.count(stop);
    })?;
    indexing.finish(source, options)
}

/// An index being written.
struct Indexing<'a> {
    documents: Documents,
    findings: Findings,
    form: Box<dyn Form>,
    out: BufWriter<&'a mut dyn Write>,
    totals: Totals,
    lot: Option<(Arc<str>, Totals)>,
    /// Whether a person names the documents, who may name what never was there.
    from_list: bool,
    failing: &'a AtomicBool,
    telling: Telling<'a>,
}

impl Work for Indexing<'_> {
    fn batch(&mut self) -> Result<Option<Batch>, ArchiveError> {
        let batch = self.documents.batch(&mut self.findings)?;
        if self.findings.problems.any() {
            self.failing.store(true, Ordering::Relaxed);
        }
        Ok(batch)
    }

    fn done(&mut self, batch: &Batch, outcomes: &[Outcome]) -> Result<(), ArchiveError> {
        if self.lot.as_ref().is_none_or(|(lot, _)| *lot != batch.lot) {
            self.begin_lot(&batch.lot)?;
        }
        for (document, outcome) in outcomes.iter().enumerate() {
            let path = batch.path(document);
            match outcome {
                Outcome::Failed(trouble) => self.fail(path, Trouble::clone(trouble)),
                Outcome::Hashed(..) if !self.form.holds(path) => {
                    self.fail(path, Trouble::NotInThisForm);
                }
                Outcome::Hashed(size, digest) if !self.findings.problems.any() => {
                    let document = Document { path, size: *size, digest };
                    self.form.document(&mut self.out, &document).map_err(not_written)?;
                    if let Some((_, totals)) = &mut self.lot {
                        totals.documents += 1;
                        totals.bytes += size;
                    }
                }
                Outcome::Hashed(..) | Outcome::Skipped => {}
            }
        }
        self.telling.documents += outcomes.len() as u64;
        Ok(())
    }

    fn tick(&mut self) {
        self.telling.tick();
    }
}

impl Indexing<'_> {
    fn fail(&mut self, path: &str, trouble: Trouble) {
        let trouble = match trouble {
            Trouble::Disappeared if self.from_list => {
                Trouble::Unreadable { system: "there is no such document".to_owned() }
            }
            other => other,
        };
        self.failing.store(true, Ordering::Relaxed);
        self.findings.problems.add(path.to_owned(), trouble);
    }

    fn begin_lot(&mut self, name: &Arc<str>) -> Result<(), ArchiveError> {
        self.end_lot()?;
        if !self.form.holds(name) {
            self.fail(name, Trouble::NotInThisForm);
        }
        self.form.begin_lot(&mut self.out, name).map_err(not_written)?;
        self.lot = Some((Arc::clone(name), Totals { lots: 1, ..Totals::default() }));
        Ok(())
    }

    fn end_lot(&mut self) -> Result<(), ArchiveError> {
        let Some((name, totals)) = self.lot.take() else { return Ok(()) };
        if totals.documents == 0 && !name.is_empty() {
            self.findings.notes.add(crate::Note::EmptyLot { name: name.to_string() });
        }
        self.totals.lots += 1;
        self.totals.documents += totals.documents;
        self.totals.bytes += totals.bytes;
        self.form.end_lot(&mut self.out, &totals).map_err(not_written)
    }

    fn finish(mut self, source: &Source, options: &Options) -> Result<Summary, ArchiveError> {
        self.end_lot()?;
        self.findings.problems.into_result()?;
        if self.totals.documents == 0 {
            return Err(ArchiveError::Empty { path: source.path().display().to_string() });
        }
        self.form.end(&mut self.out, &self.totals).map_err(not_written)?;
        self.out.flush().map_err(not_written)?;
        self.telling.tell();
        let notes = self.findings.notes;
        Ok(Summary {
            algorithm: options.algorithm,
            totals: self.totals,
            notes: notes.named,
            notes_count: notes.count,
        })
    }
}

/// The writer's failure; `index_file` fills in the name.
fn not_written(error: io::Error) -> ArchiveError {
    ArchiveError::NotWritten { what: String::new(), system: error.to_string() }
}

/// Tells the caller how far the work has come.
pub(crate) struct Telling<'a> {
    pub(crate) bytes: &'a AtomicU64,
    pub(crate) counted: &'a Mutex<Option<(u64, u64)>>,
    pub(crate) progress: &'a mut dyn FnMut(Progress),
    pub(crate) documents: u64,
    /// What was told last, in steps.
    pub(crate) told: u64,
}

impl Telling<'_> {
    /// Documents and bytes after which it is worth telling.
    const DOCUMENTS: u64 = 4096;
    const BYTES: u64 = 64 << 20;

    /// Tells when enough was done since the last time.
    pub(crate) fn tick(&mut self) {
        let step =
            self.documents / Self::DOCUMENTS + self.bytes.load(Ordering::Relaxed) / Self::BYTES;
        if step != self.told {
            self.told = step;
            self.tell();
        }
    }

    pub(crate) fn tell(&mut self) {
        let total = *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.bytes.load(Ordering::Relaxed);
        (self.progress)(Progress { documents: self.documents, bytes, total });
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
