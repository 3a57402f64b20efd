//! Ends a worker whose call outlasts its time, without reading the clock and at no cost to calls.
//!
//! A thread looks, four times in the time that a call may take, whether the same call is still
//! under way; at the fifth look it kills. Nothing is measured: a call is ended after between once
//! and one and a quarter times its limit. Without calls the thread sleeps until the next one
//! wakes it.
//!
//! The thread also starts the worker, because on Linux a worker ends with the thread that started
//! it.

use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::inherit::Worker;

/// Looks in the time of one call.
const LOOKS: u32 = 4;

/// The thread, for as long as its worker.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    worker: Mutex<Worker>,
    /// The number of the call, times four, and one of the states.
    word: AtomicU64,
    /// How often the operator was waited for.
    pauses: AtomicU64,
    /// Whether the thread sleeps until it is woken.
    parked: AtomicBool,
    orders: Mutex<Orders>,
    changed: Condvar,
}

struct Orders {
    look: Duration,
    /// Grows with every order, so that a sleep ends.
    number: u64,
    stop: bool,
}

const IDLE: u64 = 0;
const BUSY: u64 = 1;
const PAUSED: u64 = 2;
const KILLED: u64 = 3;
const STATES: u64 = 3;
const ONE_CALL: u64 = 4;

impl Watchdog {
    /// Starts the worker and watches over it.
    pub(crate) fn start(mut command: Command, timeout: Duration) -> io::Result<Watchdog> {
        let (tell, told) = sync_channel(1);
        let builder = thread::Builder::new().name("plugin-watchdog".to_owned());
        let thread = builder.spawn(move || {
            let started = command.spawn().map(|child| Arc::new(Shared::new(child, timeout)));
            drop(command);
            match started {
                Ok(shared) => {
                    if tell.send(Ok(Arc::clone(&shared))).is_ok() {
                        shared.watch();
                    }
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        })?;
        let shared = told.recv().map_err(|_| io::Error::other("its thread ended"))??;
        Ok(Watchdog { shared, thread: Some(thread) })
    }

    /// A call begins.
    pub(crate) fn begin(&self) {
        let call = (self.shared.word.load(SeqCst) & !STATES) + ONE_CALL;
        self.shared.word.store(call | BUSY, SeqCst);
        if self.shared.parked.load(SeqCst) {
            self.shared.order(|_| ());
        }
    }

    /// The call is over; whether it was in time.
    pub(crate) fn end(&self) -> bool {
        self.change(BUSY, IDLE)
    }

    /// The operator is being waited for, which is not the plugin's time.
    pub(crate) fn pause(&self) {
        self.shared.pauses.fetch_add(1, SeqCst);
        self.change(BUSY, PAUSED);
    }

    /// The operator has answered.
    pub(crate) fn resume(&self) {
        self.change(PAUSED, BUSY);
    }

    fn change(&self, from: u64, to: u64) -> bool {
        let call = self.shared.word.load(SeqCst) & !STATES;
        self.shared.word.compare_exchange(call | from, call | to, SeqCst, SeqCst).is_ok()
    }

    /// From now on a call may take this long.
    pub(crate) fn hurry(&self, timeout: Duration) {
        self.shared.order(|orders| orders.look = timeout / LOOKS);
    }

    /// The worker itself.
    pub(crate) fn worker(&self) -> MutexGuard<'_, Worker> {
        locked(&self.shared.worker)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.order(|orders| orders.stop = true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(child: Child, timeout: Duration) -> Shared {
        let orders = Orders { look: timeout / LOOKS, number: 0, stop: false };
        Shared {
            worker: Mutex::new(Worker::new(child)),
            word: AtomicU64::new(IDLE),
            pauses: AtomicU64::new(0),
            parked: AtomicBool::new(false),
            orders: Mutex::new(orders),
            changed: Condvar::new(),
        }
    }

    fn order(&self, what: impl FnOnce(&mut Orders)) {
        let mut orders = locked(&self.orders);
        what(&mut orders);
        orders.number += 1;
        self.changed.notify_all();
    }

    fn watch(&self) {
        let mut seen = Look { call: 0, pauses: 0, age: 0 };
        while let Some(word) = self.next_look(seen.call) {
            let pauses = self.pauses.load(SeqCst);
            let call = word & !STATES;
            if call != seen.call {
                seen = Look { call, pauses, age: 0 };
            } else if word & STATES == BUSY && pauses == seen.pauses {
                seen.age += 1;
            }
            seen.pauses = pauses;
            let in_time = seen.age < LOOKS || word & STATES != BUSY;
            // The call may end in this very moment: then it was in time.
            if !in_time && self.word.compare_exchange(word, call | KILLED, SeqCst, SeqCst).is_ok() {
                locked(&self.worker).kill();
            }
        }
    }

    /// Sleeps until it is time to look, and looks; none when it is time to stop.
    fn next_look(&self, seen: u64) -> Option<u64> {
        let mut orders = locked(&self.orders);
        let rests = |word: u64| word & STATES == IDLE || word & STATES == KILLED;
        let before = self.word.load(SeqCst);
        if rests(before) && before & !STATES == seen {
            self.parked.store(true, SeqCst);
            while !orders.stop && rests(self.word.load(SeqCst)) {
                orders = waited(self.changed.wait(orders));
            }
            self.parked.store(false, SeqCst);
        } else {
            let (number, look) = (orders.number, orders.look);
            let same = |orders: &mut Orders| orders.number == number;
            orders = waited(self.changed.wait_timeout_while(orders, look, same)).0;
        }
        (!orders.stop).then(|| self.word.load(SeqCst))
    }
}

/// What the last look saw.
struct Look {
    call: u64,
    pauses: u64,
    /// Looks that this call has outlasted.
    age: u32,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    waited(mutex.lock())
}

fn waited<T>(outcome: Result<T, PoisonError<T>>) -> T {
    outcome.unwrap_or_else(PoisonError::into_inner)
}
