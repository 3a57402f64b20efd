//! The sandbox's clock: the real time, which the caller supplies, plus an offset that can be set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use crate::error::SandboxError;
use crate::settings;

/// A clock that goes on at the real pace; clones share the offset.
#[derive(Clone)]
pub(crate) struct Clock {
    real: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    offset_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// `real` gives the real time each time it is called.
    pub(crate) fn new(real: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Clock {
        Clock { real, offset_seconds: Arc::default() }
    }

    /// The sandbox's time, cut to whole seconds.
    pub(crate) fn now(&self) -> Timestamp {
        let offset = self.offset_seconds.load(Ordering::SeqCst);
        let real = (self.real)().as_second();
        Timestamp::from_second(real.saturating_add(offset)).unwrap_or(LAST)
    }

    /// How far ahead of the real time it is.
    pub(crate) fn offset_seconds(&self) -> i64 {
        self.offset_seconds.load(Ordering::SeqCst)
    }

    /// The offset that makes it show `wanted` now.
    pub(crate) fn offset_to(&self, wanted: Timestamp) -> i64 {
        wanted.as_second() - (self.real)().as_second()
    }

    /// Takes up the offset of an earlier session.
    pub(crate) fn restore(&self, transaction: &Transaction<'_>) -> Result<(), SandboxError> {
        let offset = settings::number(transaction, OFFSET)?.unwrap_or(0);
        self.offset_seconds.store(offset, Ordering::SeqCst);
        Ok(())
    }

    /// Sets the offset for this and later sessions; the time must stay in 2000 to 2200.
    pub(crate) fn set_offset(
        &self,
        transaction: &Transaction<'_>,
        offset_seconds: i64,
    ) -> Result<(), SandboxError> {
        let shown = (self.real)().as_second().checked_add(offset_seconds);
        if !shown.is_some_and(|second| {
            (CLOCK_FIRST.as_second()..CLOCK_LAST.as_second()).contains(&second)
        }) {
            return Err(SandboxError::Setting {
                name: "clock".to_owned(),
                rule: "a time in the years 2000 to 2199".to_owned(),
            });
        }
        settings::set_number(transaction, OFFSET, offset_seconds)?;
        self.offset_seconds.store(offset_seconds, Ordering::SeqCst);
        Ok(())
    }
}

/// `at` and so many seconds, never beyond what a timestamp can hold.
pub(crate) fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(LAST)
}

/// The earliest time that can be set: the start of 2000.
pub(crate) const CLOCK_FIRST: Timestamp = Timestamp::constant(946_684_800, 0);
/// The time that can no longer be set: the start of 2200.
pub(crate) const CLOCK_LAST: Timestamp = Timestamp::constant(7_258_118_400, 0);

const OFFSET: &str = "clock_offset_seconds";
const LAST: Timestamp = Timestamp::MAX;
