//! Many documents signed on all cores, each file whole or not there.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ceralacca_kernel::{atomic_file, regular_file};

use crate::cades::{Options, Written, sign};
use crate::error::SigningError;
use crate::signer::Signer;

/// One document to sign.
#[derive(Clone, Debug)]
pub struct Job {
    /// The document.
    pub source: PathBuf,
    /// The signed file; one that is there is replaced when the new one is whole.
    pub target: PathBuf,
    /// SHA-256 that the document must have, hexadecimal, where that is known.
    pub sha256: Option<String>,
}

/// Signs every document.
///
/// The results are in the order of `jobs`; one that failed does not stop the others.
pub fn sign_many(
    jobs: &[Job],
    signer: &(dyn Signer + Sync),
    options: &Options,
) -> Vec<Result<Written, SigningError>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Written, SigningError>>>> =
        jobs.iter().map(|_| Mutex::new(None)).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..(cores * THREADS_PER_CORE).min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { break };
                    let result = sign_file(job, signer, options);
                    *results[at].lock().expect("no thread panics while it holds this") =
                        Some(result);
                }
            });
        }
    });
    let result = |one: Mutex<Option<_>>| {
        let result = one.into_inner().expect("no thread panics while it holds this");
        result.expect("every job was taken by a thread")
    };
    results.into_iter().map(result).collect()
}

/// Signs one document into a file of its own.
pub(crate) fn sign_file(
    job: &Job,
    signer: &dyn Signer,
    options: &Options,
) -> Result<Written, SigningError> {
    let reading = |error| SigningError::disk("reading", &job.source, &error);
    let writing = |error| SigningError::disk("writing", &job.target, &error);
    let content = regular_file::open(&job.source).map_err(reading)?;
    let length = content.metadata().map_err(reading)?.len();
    let mut out = atomic_file::Writer::create(&job.target).map_err(writing)?;
    let written = sign(content, Some(length), &mut out, signer, options)
        .map_err(|error| error.about(&job.source))?;
    let found = hex::encode(&written.content_digest);
    if let Some(expected) = job.sha256.as_ref().filter(|expected| **expected != found) {
        let path = job.source.display().to_string();
        return Err(SigningError::DocumentChanged { path, expected: expected.clone(), found });
    }
    out.persist().map_err(writing)?;
    Ok(written)
}

/// More than one, because a thread also waits for the disk.
const THREADS_PER_CORE: usize = 4;
