//! Hashes documents on all cores and gives the results back in the order of the documents.
//!
//! The calling thread hands out batches and takes results; workers take a batch each. A worker that
//! meets a large document leaves the rest of its batch to the others. What waits for a slow
//! document before it is bounded: then no further batch is handed out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::reading_document::{Buffer, Root};
use crate::{Algorithm, ArchiveError, DigestBytes, Trouble};

/// Documents of a batch; few enough that small documents keep all cores busy to the end.
const BATCH: usize = 64;
/// Bytes of paths of a batch.
const BATCH_PATHS: usize = 16 << 10;
/// A document of this size is not waited for by the rest of its batch.
const LARGE: u64 = 256 << 10;
/// Documents that may be in flight, and bytes of their paths.
const WINDOW: usize = 1 << 14;
const WINDOW_PATHS: usize = 2 << 20;
/// More threads would only wait for each other's memory.
const MOST_THREADS: usize = 32;
/// How often progress is told when nothing else happens.
const TICK: Duration = Duration::from_millis(250);

/// Some documents of one lot, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) lot: Arc<str>,
    paths: String,
    documents: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    end: u32,
    link: bool,
}

impl Batch {
    pub(crate) fn new(lot: Arc<str>) -> Batch {
        Batch { lot, ..Batch::default() }
    }

    pub(crate) fn push(&mut self, path: &str, link: bool) {
        self.paths.push_str(path);
        let end = u32::try_from(self.paths.len()).expect("a batch is closed long before");
        self.documents.push(Place { end, link });
    }

    pub(crate) fn is_full(&self) -> bool {
        self.documents.len() >= BATCH || self.paths.len() >= BATCH_PATHS
    }

    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    pub(crate) fn path(&self, document: usize) -> &str {
        let start = match document.checked_sub(1) {
            Some(before) => self.documents[before].end as usize,
            None => 0,
        };
        &self.paths[start..self.documents[document].end as usize]
    }
}

/// What became of a document.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Size and digest.
    Hashed(u64, DigestBytes),
    /// It can be opened; it was not hashed because the index fails anyway.
    Skipped,
    /// It stops the index.
    Failed(Box<Trouble>),
}

/// How documents are hashed.
pub(crate) struct Hashing<'a> {
    pub(crate) root: &'a Root,
    pub(crate) algorithm: Algorithm,
    pub(crate) threads: Option<usize>,
    /// Set when the index fails anyway: documents are opened from then on, not read.
    pub(crate) failing: &'a AtomicBool,
    /// Bytes hashed so far.
    pub(crate) bytes: &'a AtomicU64,
}

/// Where documents come from and where their outcomes go, all on the calling thread.
pub(crate) trait Work {
    /// The next batch, which may be empty.
    fn batch(&mut self) -> Result<Option<Batch>, ArchiveError>;
    /// Takes the outcomes of a batch, in the order in which batches were given.
    fn done(&mut self, batch: &Batch, outcomes: &[Outcome]) -> Result<(), ArchiveError>;
    /// Called now and then.
    fn tick(&mut self);
}

/// Works until there is no further batch or an error. `beside` runs meanwhile until told to stop.
pub(crate) fn run(
    hashing: &Hashing<'_>,
    work: &mut dyn Work,
    beside: impl FnOnce(&AtomicBool) + Send,
) -> Result<(), ArchiveError> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let threads = hashing.threads.unwrap_or_else(cores).clamp(1, MOST_THREADS);
    let queue = Queue::default();
    let (sender, results) = mpsc::sync_channel(4 * threads);
    let queue = &queue;
    // The scope takes the results with it: a worker that waits to hand one over must see the end.
    thread::scope(move |scope| {
        scope.spawn(move || beside(&queue.stop));
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let sender = sender.clone();
                scope.spawn(move || hash_batches(hashing, queue, &sender))
            })
            .collect();
        drop(sender);
        // Closes the queue also when this thread panics.
        let _closing = Closing(queue);
        let alive = || !workers.iter().any(|worker| worker.is_finished());
        Order { ahead: 4 * threads, ..Order::new(queue) }.keep(work, results, &alive)
    })
}

fn hash_batches(hashing: &Hashing<'_>, queue: &Queue, results: &SyncSender<Part>) {
    let mut buffer = Buffer::new();
    while let Some(mut item) = queue.take() {
        let mut outcomes = Vec::with_capacity(item.to - item.from);
        let mut document = item.from;
        while document < item.to {
            let Place { link, .. } = item.batch.documents[document];
            let opened = hashing.root.open(item.batch.path(document), link);
            document += 1;
            let outcome = match opened {
                Err(trouble) => Outcome::Failed(Box::new(trouble)),
                Ok(_) if hashing.failing.load(Ordering::Relaxed) => Outcome::Skipped,
                Ok(opened) => {
                    if opened.size() >= LARGE && document < item.to {
                        queue.put_first(Item { from: document, ..item.clone() });
                        item.to = document;
                    }
                    match opened.hash(hashing.algorithm, &mut buffer, hashing.bytes, &queue.stop) {
                        Ok(Some((size, digest))) => Outcome::Hashed(size, digest),
                        Ok(None) => return,
                        Err(trouble) => Outcome::Failed(Box::new(trouble)),
                    }
                }
            };
            outcomes.push(outcome);
        }
        if results.send(Part { number: item.number, from: item.from, outcomes }).is_err() {
            return;
        }
    }
}

/// Documents `from..to` of a batch, to be hashed.
#[derive(Clone)]
struct Item {
    number: u64,
    batch: Arc<Batch>,
    from: usize,
    to: usize,
}

/// Outcomes of the documents of batch `number` from `from` on.
struct Part {
    number: u64,
    from: usize,
    outcomes: Vec<Outcome>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<(VecDeque<Item>, bool)>,
    filled: Condvar,
    stop: AtomicBool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<Item>, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an item; `None` once the queue is closed.
    fn take(&self) -> Option<Item> {
        let mut state = self.lock();
        loop {
            if state.1 {
                return None;
            }
            if let Some(item) = state.0.pop_front() {
                return Some(item);
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, item: Item) {
        self.lock().0.push_back(item);
        self.filled.notify_one();
    }

    fn put_first(&self, item: Item) {
        self.lock().0.push_front(item);
        self.filled.notify_one();
    }

    fn len(&self) -> usize {
        self.lock().0.len()
    }
}

struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
        self.0.lock().1 = true;
        self.0.filled.notify_all();
    }
}

/// The batches in flight, in order.
struct Order<'a> {
    queue: &'a Queue,
    /// Batches that may wait in the queue.
    ahead: usize,
    slots: VecDeque<Slot>,
    /// The number of the first slot.
    first: u64,
    documents: usize,
    paths: usize,
}

struct Slot {
    batch: Arc<Batch>,
    outcomes: Vec<Option<Outcome>>,
    missing: usize,
}

impl<'a> Order<'a> {
    fn new(queue: &'a Queue) -> Order<'a> {
        Order { queue, ahead: 1, slots: VecDeque::new(), first: 0, documents: 0, paths: 0 }
    }

    fn keep(
        mut self,
        work: &mut dyn Work,
        results: Receiver<Part>,
        alive: &dyn Fn() -> bool,
    ) -> Result<(), ArchiveError> {
        let mut more = true;
        loop {
            while more && self.has_room() {
                match work.batch()? {
                    Some(batch) => self.hand_out(batch),
                    None => more = false,
                }
            }
            self.finish_first(work)?;
            if self.slots.is_empty() {
                if more {
                    continue;
                }
                return Ok(());
            }
            match results.recv_timeout(TICK) {
                Ok(part) => self.take(part),
                Err(RecvTimeoutError::Timeout) if alive() => {}
                // A worker panicked: leaving the scope hands its panic on.
                Err(_) => return Ok(()),
            }
            work.tick();
        }
    }

    fn has_room(&self) -> bool {
        self.documents < WINDOW && self.paths < WINDOW_PATHS && self.queue.len() < self.ahead
    }

    fn hand_out(&mut self, batch: Batch) {
        let batch = Arc::new(batch);
        let to = batch.len();
        self.documents += to;
        self.paths += batch.paths.len();
        let number = self.first + self.slots.len() as u64;
        let outcomes = vec![None; to];
        self.slots.push_back(Slot { batch: Arc::clone(&batch), outcomes, missing: to });
        if to > 0 {
            self.queue.put(Item { number, batch, from: 0, to });
        }
    }

    fn take(&mut self, part: Part) {
        let index = usize::try_from(part.number - self.first).expect("slots fit in memory");
        let slot = &mut self.slots[index];
        slot.missing -= part.outcomes.len();
        for (place, outcome) in slot.outcomes[part.from..].iter_mut().zip(part.outcomes) {
            *place = Some(outcome);
        }
    }

    /// Gives on the batches at the front that are complete.
    fn finish_first(&mut self, work: &mut dyn Work) -> Result<(), ArchiveError> {
        while self.slots.front().is_some_and(|slot| slot.missing == 0) {
            let Some(slot) = self.slots.pop_front() else { break };
            self.first += 1;
            self.documents -= slot.batch.len();
            self.paths -= slot.batch.paths.len();
            let outcomes: Vec<Outcome> = slot.outcomes.into_iter().flatten().collect();
            work.done(&slot.batch, &outcomes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Documents whose content is their number, of very different sizes.
    struct Numbers {
        given: usize,
        all: usize,
        per_batch: usize,
        seen: Vec<String>,
        stop_at: usize,
    }

    impl Work for Numbers {
        fn batch(&mut self) -> Result<Option<Batch>, ArchiveError> {
            if self.given == self.all {
                return Ok(None);
            }
            let mut batch = Batch::new("".into());
            while batch.len() < self.per_batch && self.given < self.all {
                batch.push(&format!("{:03}", self.given), false);
                self.given += 1;
            }
            Ok(Some(batch))
        }

        fn done(&mut self, batch: &Batch, outcomes: &[Outcome]) -> Result<(), ArchiveError> {
            assert_eq!(batch.len(), outcomes.len());
            for (document, outcome) in outcomes.iter().enumerate() {
                assert!(matches!(outcome, Outcome::Hashed(..)), "{outcome:?}");
                self.seen.push(batch.path(document).to_owned());
            }
            if self.seen.len() >= self.stop_at {
                return Err(ArchiveError::FileName { length: 0 });
            }
            Ok(())
        }

        fn tick(&mut self) {}
    }

    #[test]
    fn results_come_in_order_whatever_the_sizes_and_threads() {
        let folder = tempfile::tempdir().unwrap();
        let all = 100;
        for number in 0..all {
            let size = if number % 7 == 0 { 2_000_000 } else { number };
            std::fs::write(folder.path().join(format!("{number:03}")), vec![7; size]).unwrap();
        }
        let root = Root::new(folder.path()).unwrap();
        let expected: Vec<String> = (0..all).map(|number| format!("{number:03}")).collect();
        for (threads, per_batch, stop_at) in
            [(1, 64, all + 1), (2, 64, all + 1), (5, 1, all + 1), (3, 10, 40)]
        {
            let (failing, bytes) = (AtomicBool::new(false), AtomicU64::new(0));
            let hashing = Hashing {
                root: &root,
                algorithm: Algorithm::Sha256,
                threads: Some(threads),
                failing: &failing,
                bytes: &bytes,
            };
            let mut work = Numbers { given: 0, all, per_batch, seen: Vec::new(), stop_at };
            let result = run(&hashing, &mut work, |_| {});
            assert_eq!(result.is_err(), stop_at <= all);
            assert_eq!(work.seen, expected[..work.seen.len()]);
            assert!(work.seen.len() >= stop_at.min(all));
        }
    }
}
