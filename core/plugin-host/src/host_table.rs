//! What a plugin gets from the host: the table of the contract, its callbacks and its extensions.
//!
//! A callback trusts nothing but the address of the table: no pointer that may be null is
//! followed, no panic leaves it, and what breaks the contract is refused and remembered.
#![allow(unsafe_code, reason = "functions that a plugin in C calls")]

use std::ffi::{CStr, c_char, c_void};
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ceralacca_kernel::{Secret, Sheet, Value, cbor};
use ceralacca_plugin_abi as abi;

use crate::connection::{Answer, Broken};

/// The longest answer that is taken, in bytes.
pub(crate) const LONGEST_ANSWER: usize = 64 << 20;
/// The longest reason why `create` fails, in bytes.
const LONGEST_REASON: usize = 1 << 20;
/// The longest page that is shown, in bytes.
pub(crate) const LONGEST_PAGE: usize = 1 << 20;
/// The longest line that is shown, in bytes; the rest is left out.
pub(crate) const LONGEST_LINE: usize = 2_000;
/// The longest name of a secret, in bytes.
pub(crate) const LONGEST_NAME: usize = 256;

/// How large the structures say they are that a plugin is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TableSize {
    /// As large as this host's.
    #[default]
    Normal,
    /// As large as in version 1.0, the least that there can be.
    Smaller,
    /// Larger, as a later host's would be; what is beyond is zero.
    Larger,
}

/// Sizes of the structures in version 1.0. They stay when the structures grow.
pub(crate) const HOST_1_0: usize = 6 * size_of::<usize>();
pub(crate) const CALL_1_0: usize = 16 + 6 * size_of::<usize>();
pub(crate) const PLUGIN_1_0: usize = 8 + 4 * size_of::<usize>();

/// Words beyond a structure, for [`TableSize::Larger`].
pub(crate) type Spare = [usize; 8];

impl TableSize {
    /// What a structure of `now` bytes, which had `first` in version 1.0, says of its size.
    pub(crate) fn of(self, now: usize, first: usize) -> u32 {
        let size = match self {
            TableSize::Normal => now,
            TableSize::Smaller => first,
            TableSize::Larger => now + size_of::<Spare>(),
        };
        u32::try_from(size).expect("structures of a few words")
    }
}

/// Where a plugin's questions in the middle of a call go.
pub(crate) trait Upstream: Send {
    /// A secret, by name; none when it is not given.
    fn secret(&mut self, name: &str) -> Option<Secret>;

    /// Shows a line.
    fn tell(&mut self, text: &str);

    /// Shows a page: the CBOR of the contract.
    fn show(&mut self, page: &[u8]);
}

/// The table, and what its callbacks work on. It does not move while a plugin knows it.
pub(crate) struct HostTable(Box<State>);

#[repr(C)]
struct Table {
    host: abi::Host,
    spare: Spare,
}

struct State {
    table: Table,
    settings: Vec<u8>,
    secret: abi::SecretExtension,
    progress: abi::ProgressExtension,
    show: abi::DraftShowExtension,
    /// The thread of `create` and of every call.
    thread: usize,
    creating: AtomicBool,
    /// The call in progress, or 0.
    call: AtomicU64,
    /// The last call that there was.
    last: AtomicU64,
    broke: AtomicU8,
    status: AtomicI32,
    answer: Mutex<Option<Vec<u8>>>,
    upstream: Mutex<Box<dyn Upstream>>,
}

const TWICE: u8 = 1;
const LATE: u8 = 2;
const THREAD: u8 = 3;

impl HostTable {
    /// The table for a plugin that is created, called and destroyed on this thread.
    pub(crate) fn new(
        settings: Vec<u8>,
        upstream: Box<dyn Upstream>,
        size: TableSize,
    ) -> HostTable {
        let extension = |size: usize| u32::try_from(size).expect("structures of a few words");
        let host = abi::Host {
            size: size.of(size_of::<abi::Host>(), HOST_1_0),
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            context: std::ptr::null_mut(),
            settings: bytes(&settings),
            reply: Some(reply),
            get_extension: Some(get_extension),
        };
        let mut state = Box::new(State {
            table: Table { host, spare: Spare::default() },
            settings,
            secret: abi::SecretExtension {
                size: extension(size_of::<abi::SecretExtension>()),
                reserved: 0,
                get: Some(secret),
            },
            progress: abi::ProgressExtension {
                size: extension(size_of::<abi::ProgressExtension>()),
                reserved: 0,
                tell: Some(tell),
            },
            show: abi::DraftShowExtension {
                size: extension(size_of::<abi::DraftShowExtension>()),
                reserved: 0,
                show: Some(show),
            },
            thread: this_thread(),
            creating: AtomicBool::new(false),
            call: AtomicU64::new(0),
            last: AtomicU64::new(0),
            broke: AtomicU8::new(0),
            status: AtomicI32::new(0),
            answer: Mutex::new(None),
            upstream: Mutex::new(upstream),
        });
        state.table.host.settings = bytes(&state.settings);
        state.table.host.context = (&raw const *state).cast_mut().cast();
        HostTable(state)
    }

    /// What the plugin is given.
    pub(crate) fn host(&self) -> *const abi::Host {
        (&raw const self.0.table).cast()
    }

    /// `create` runs from now on; its end is [`created`](HostTable::created).
    pub(crate) fn creating(&self) {
        self.0.creating.store(true, Ordering::SeqCst);
    }

    /// `create` has returned; what it said of why it fails.
    pub(crate) fn created(&self) -> Option<Answer> {
        self.0.creating.store(false, Ordering::SeqCst);
        self.0.taken()
    }

    /// A call runs from now on.
    pub(crate) fn open(&self, call: u64) {
        *locked(&self.0.answer) = None;
        self.0.last.store(call, Ordering::SeqCst);
        self.0.call.store(call, Ordering::SeqCst);
    }

    /// The call has returned; its answer, if there was one.
    pub(crate) fn close(&self) -> Option<Answer> {
        self.0.call.store(0, Ordering::SeqCst);
        self.0.taken()
    }

    /// The first thing that broke the contract, if any did.
    pub(crate) fn broken(&self) -> Option<Broken> {
        match self.0.broke.load(Ordering::SeqCst) {
            TWICE => Some(Broken::RepliedTwice),
            LATE => Some(Broken::RepliedLate),
            THREAD => Some(Broken::WrongThread),
            _ => None,
        }
    }
}

impl State {
    fn taken(&self) -> Option<Answer> {
        let value = locked(&self.answer).take()?;
        Some(Answer { status: self.status.load(Ordering::SeqCst), value })
    }

    fn remember(&self, what: u8) {
        let _ = self.broke.compare_exchange(0, what, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether `call` is the one in progress and this is its thread.
    fn in_call(&self, call: u64) -> Result<(), i32> {
        let current = self.call.load(Ordering::SeqCst);
        if call == 0 || call > self.last.load(Ordering::SeqCst) {
            return Err(abi::BAD_ARGUMENT);
        }
        if call != current {
            return Err(abi::CLOSED);
        }
        if this_thread() != self.thread { Err(abi::WRONG_THREAD) } else { Ok(()) }
    }

    fn reply(&self, call: u64, status: i32, value: &[u8]) -> i32 {
        if call == 0 && self.creating.load(Ordering::SeqCst) && this_thread() == self.thread {
            return self.keep(status, value, LONGEST_REASON);
        }
        match self.in_call(call) {
            Ok(()) => self.keep(status, value, LONGEST_ANSWER),
            Err(code) => {
                match code {
                    abi::CLOSED => self.remember(LATE),
                    abi::WRONG_THREAD => self.remember(THREAD),
                    _ => (),
                }
                code
            }
        }
    }

    fn keep(&self, status: i32, value: &[u8], longest: usize) -> i32 {
        let mut answer = locked(&self.answer);
        if answer.is_some() {
            self.remember(TWICE);
            return abi::CLOSED;
        }
        if value.len() > longest {
            return abi::TOO_LARGE;
        }
        self.status.store(status, Ordering::SeqCst);
        *answer = Some(value.to_vec());
        abi::OK
    }

    /// A secret, if it is given.
    fn secret(&self, call: u64, name: &[u8]) -> Result<Secret, i32> {
        self.in_call(call)?;
        let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= LONGEST_NAME);
        let name = name.ok_or(abi::BAD_ARGUMENT)?;
        locked(&self.upstream).secret(name).ok_or(abi::NOT_GRANTED)
    }

    fn tell(&self, call: u64, text: &[u8]) -> Result<(), i32> {
        self.in_call(call)?;
        let text = std::str::from_utf8(text).map_err(|_| abi::BAD_ARGUMENT)?;
        let mut end = text.len().min(LONGEST_LINE);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        locked(&self.upstream).tell(&text[..end]);
        Ok(())
    }

    fn show(&self, call: u64, page: &[u8]) -> Result<(), i32> {
        self.in_call(call)?;
        if page.len() > LONGEST_PAGE {
            return Err(abi::TOO_LARGE);
        }
        sheet(page).ok_or(abi::BAD_ARGUMENT)?;
        locked(&self.upstream).show(page);
        Ok(())
    }

    fn extension(&self, name: &CStr) -> *const c_void {
        match name.to_str() {
            Ok(abi::EXTENSION_SECRET) => (&raw const self.secret).cast(),
            Ok(abi::EXTENSION_PROGRESS) => (&raw const self.progress).cast(),
            Ok(abi::EXTENSION_DRAFT_SHOW) => (&raw const self.show).cast(),
            _ => std::ptr::null(),
        }
    }
}

/// A page as plugins write it: the title, then a pair for each line.
pub(crate) fn sheet(page: &[u8]) -> Option<Sheet> {
    let Some(Value::List(items)) = cbor::decode(page) else { return None };
    let mut items = items.into_iter();
    let Some(Value::Str(title)) = items.next() else { return None };
    let line = |item: Value| match item {
        Value::List(pair) => match <[Value; 2]>::try_from(pair).ok()? {
            [Value::Str(label), Value::Str(text)] => Some((label, text)),
            _ => None,
        },
        _ => None,
    };
    Some(Sheet { title, lines: items.map(line).collect::<Option<_>>()? })
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that no other living thread has; never panics, not even while a thread ends.
fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.try_with(|mark| std::ptr::from_ref(mark).addr()).unwrap_or(0)
}

/// Bytes as the contract passes them.
pub(crate) fn bytes(slice: &[u8]) -> abi::Bytes {
    abi::Bytes { data: slice.as_ptr(), length: slice.len() }
}

unsafe extern "C" fn reply(
    host: *const abi::Host,
    call: u64,
    status: i32,
    value: abi::Bytes,
) -> i32 {
    // SAFETY: what the plugin passes is what the contract says of this callback.
    guarded(|| Ok(unsafe { state(host) }?.reply(call, status, unsafe { slice(value) }?)))
}

unsafe extern "C" fn get_extension(host: *const abi::Host, name: *const c_char) -> *const c_void {
    catch_unwind(AssertUnwindSafe(|| {
        if name.is_null() {
            return std::ptr::null();
        }
        // SAFETY: the name is not null, and by the contract ends with a zero byte.
        let name = unsafe { CStr::from_ptr(name) };
        // SAFETY: the plugin passes the table that it was given.
        unsafe { state(host) }.map_or(std::ptr::null(), |state| state.extension(name))
    }))
    .unwrap_or(std::ptr::null())
}

unsafe extern "C" fn secret(
    host: *const abi::Host,
    call: u64,
    name: abi::Bytes,
    buffer: *mut u8,
    capacity: usize,
    length: *mut usize,
) -> i32 {
    guarded(|| {
        if length.is_null() || (buffer.is_null() && capacity > 0) {
            return Err(abi::BAD_ARGUMENT);
        }
        // SAFETY: what the plugin passes is what the contract says of this callback.
        let secret = unsafe { state(host) }?.secret(call, unsafe { slice(name) }?)?;
        let text = secret.expose().as_bytes();
        // SAFETY: `length` is not null and by the contract the plugin's own.
        unsafe { length.write(text.len()) };
        if text.len() > capacity {
            return Err(abi::TOO_LARGE);
        }
        if !text.is_empty() {
            // SAFETY: `buffer` has room for `capacity` bytes, which are not fewer.
            unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, text.len()) };
        }
        Ok(abi::OK)
    })
}

unsafe extern "C" fn tell(host: *const abi::Host, call: u64, text: abi::Bytes) -> i32 {
    // SAFETY: what the plugin passes is what the contract says of this callback.
    guarded(|| unsafe { state(host) }?.tell(call, unsafe { slice(text) }?).map(|()| abi::OK))
}

unsafe extern "C" fn show(host: *const abi::Host, call: u64, page: abi::Bytes) -> i32 {
    // SAFETY: what the plugin passes is what the contract says of this callback.
    guarded(|| unsafe { state(host) }?.show(call, unsafe { slice(page) }?).map(|()| abi::OK))
}

/// No panic crosses into a plugin.
fn guarded(work: impl FnOnce() -> Result<i32, i32>) -> i32 {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.map_or(abi::FAILED, |done| done.unwrap_or_else(|code| code))
}

/// # Safety
/// `host` is null or a table that is alive, or a copy of one.
unsafe fn state<'a>(host: *const abi::Host) -> Result<&'a State, i32> {
    // SAFETY: as the caller promises.
    let context = unsafe { host.as_ref() }.map(|host| host.context.cast_const().cast::<State>());
    // SAFETY: the context is the state that holds the table, and is only shared.
    context.and_then(|state| unsafe { state.as_ref() }).ok_or(abi::BAD_ARGUMENT)
}

/// # Safety
/// `bytes` are there while the callback runs.
unsafe fn slice<'a>(bytes: abi::Bytes) -> Result<&'a [u8], i32> {
    match (bytes.data.is_null(), bytes.length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(abi::BAD_ARGUMENT),
        (false, length) if isize::try_from(length).is_err() => Err(abi::BAD_ARGUMENT),
        // SAFETY: not null, not longer than memory can be, and there as the caller promises.
        (false, length) => Ok(unsafe { std::slice::from_raw_parts(bytes.data, length) }),
    }
}
