//! A journal in memory, for calls that leave none behind.

use std::cell::RefCell;
use std::rc::Rc;

use jiff::Timestamp;

use crate::store::{Durable, Room, RunFilter, RunPage};
use crate::{Entry, Error, HeldRun, JournalEvent, Page, Run, RunId, Store};

/// A journal of one run that ends with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Rc<RefCell<Vec<Entry>>>);

impl MemoryStore {
    /// The entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.0.borrow().clone()
    }

    /// Forgets all entries but the first `keep`.
    pub fn truncate(&self, keep: usize) {
        self.0.borrow_mut().truncate(keep);
    }
}

impl Store for MemoryStore {
    fn begin(&self, at: Timestamp, started: &JournalEvent) -> Result<Box<dyn HeldRun>, Error> {
        self.append(at, started, Durable::Committed)?;
        Ok(Box::new(self.clone()))
    }

    fn lock(&self, _: RunId, _: Timestamp) -> Result<Box<dyn HeldRun>, Error> {
        Ok(Box::new(self.clone()))
    }

    fn read(
        &self,
        _: RunId,
        each: &mut dyn FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.entries().into_iter().try_for_each(each)
    }

    fn runs(&self, _: &RunFilter, _: Page) -> Result<RunPage, Error> {
        Ok(RunPage::default())
    }
}

impl HeldRun for MemoryStore {
    fn id(&self) -> RunId {
        RunId(1)
    }

    fn append(&self, at: Timestamp, event: &JournalEvent, _: Durable) -> Result<(), Error> {
        let mut entries = self.0.borrow_mut();
        let sequence = entries.len() as u64 + 1;
        entries.push(Entry { sequence, run: self.id(), at, event: event.clone() });
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    fn require_room(&self, _: Room) -> Result<(), Error> {
        Ok(())
    }

    fn entry(&self, sequence: u64) -> Result<Entry, Error> {
        let place = usize::try_from(sequence).ok().and_then(|sequence| sequence.checked_sub(1));
        place.and_then(|place| self.0.borrow().get(place).cloned()).ok_or_else(Run::no_start)
    }
}
