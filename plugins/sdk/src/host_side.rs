//! The program as the plugin sees it: its table of functions, made safe to call.
#![allow(unsafe_code, reason = "the functions of the contract are called here, and nowhere else")]

use std::ffi::{CString, c_void};
use std::mem::size_of;

use ceralacca_plugin_abi::{
    Bytes, DraftShowExtension, EXTENSION_DRAFT_SHOW, EXTENSION_PROGRESS, EXTENSION_SECRET, Host,
    NOT_GRANTED, OK, ProgressExtension, SecretExtension, TOO_LARGE,
};
use zeroize::Zeroizing;

/// The longest secret that is taken.
const LONGEST_SECRET: usize = 1 << 16;

/// The program's functions, found once.
pub(crate) struct HostSide {
    host: *const Host,
    table: Host,
    secret: Option<SecretExtension>,
    progress: Option<ProgressExtension>,
    show: Option<DraftShowExtension>,
}

/// Why a secret was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSecret {
    /// The program has no secrets for plugins.
    NotOffered,
    /// It gives this one not to this plugin.
    NotGranted,
    /// It failed, or gave something that is no text.
    Failed,
}

impl HostSide {
    /// Reads the program's table; `None` when it is not whole.
    ///
    /// # Safety
    /// `host` is null or what the program passes to `create`, which lives until after `destroy`.
    pub(crate) unsafe fn new(host: *const Host) -> Option<HostSide> {
        if host.is_null() || !host.is_aligned() {
            return None;
        }
        // SAFETY: `size` is the first member of every version of the table.
        let size = unsafe { (&raw const (*host).size).read() };
        if (size as usize) < size_of::<Host>() {
            return None;
        }
        // SAFETY: the program says that this much of it is there.
        let table = unsafe { host.read() };
        table.reply?;
        let mut side = HostSide { host, table, secret: None, progress: None, show: None };
        // SAFETY: each type is the one that the contract gives to the extension of that name.
        unsafe {
            side.secret = side.extension(EXTENSION_SECRET);
            side.progress = side.extension(EXTENSION_PROGRESS);
            side.show = side.extension(EXTENSION_DRAFT_SHOW);
        }
        Some(side)
    }

    /// The settings, CBOR.
    pub(crate) fn settings(&self) -> &[u8] {
        // SAFETY: the table's settings live as long as the table.
        unsafe { slice(&self.table.settings) }.unwrap_or_default()
    }

    /// Replies, and says what the program answers.
    pub(crate) fn reply(&self, call: u64, status: i32, value: &[u8]) -> i32 {
        let Some(reply) = self.table.reply else { return NOT_GRANTED };
        // SAFETY: the table is the program's, and the bytes live until `reply` returns.
        unsafe { reply(self.host, call, status, bytes(value)) }
    }

    /// A secret by name.
    pub(crate) fn secret(&self, call: u64, name: &str) -> Result<Zeroizing<String>, NoSecret> {
        let get = self.secret.and_then(|extension| extension.get).ok_or(NoSecret::NotOffered)?;
        let mut capacity = 256;
        loop {
            let mut buffer = Zeroizing::new(vec![0_u8; capacity]);
            let mut length = 0_usize;
            // SAFETY: the buffer has the capacity that is said, and length is ours to be written.
            let code = unsafe {
                get(
                    self.host,
                    call,
                    bytes(name.as_bytes()),
                    buffer.as_mut_ptr(),
                    capacity,
                    &raw mut length,
                )
            };
            match code {
                OK if length <= capacity => {
                    let text = std::str::from_utf8(&buffer[..length]);
                    return text
                        .map(|text| Zeroizing::new(text.to_owned()))
                        .map_err(|_| NoSecret::Failed);
                }
                TOO_LARGE if length > capacity && length <= LONGEST_SECRET => capacity = length,
                NOT_GRANTED => return Err(NoSecret::NotGranted),
                _ => return Err(NoSecret::Failed),
            }
        }
    }

    /// Shows a line, where the program shows any.
    pub(crate) fn tell(&self, call: u64, text: &str) {
        if let Some(tell) = self.progress.and_then(|extension| extension.tell) {
            // SAFETY: the text lives until `tell` returns. A line that is not shown loses nothing.
            unsafe { tell(self.host, call, bytes(text.as_bytes())) };
        }
    }

    /// Shows a page, CBOR; whether the program shows any.
    pub(crate) fn show(&self, call: u64, page: &[u8]) -> bool {
        let Some(show) = self.show.and_then(|extension| extension.show) else { return false };
        // SAFETY: the page lives until `show` returns.
        unsafe { show(self.host, call, bytes(page)) == OK }
    }

    /// An extension of the program, if it has it whole.
    ///
    /// # Safety
    /// `E` is the structure of that name: `size` first, then nothing but plain data.
    unsafe fn extension<E: Copy>(&self, name: &str) -> Option<E> {
        let find = self.table.get_extension?;
        let name = CString::new(name).ok()?;
        // SAFETY: the name ends with a zero byte and lives until `find` returns.
        let found: *const c_void = unsafe { find(self.host, name.as_ptr()) };
        let found = found.cast::<E>();
        if found.is_null() || !found.is_aligned() {
            return None;
        }
        // SAFETY: every extension begins with its size, and is there as far as that says.
        unsafe { (found.cast::<u32>().read() as usize >= size_of::<E>()).then(|| found.read()) }
    }
}

/// The bytes that the program passes; `None` when they cannot be.
///
/// # Safety
/// `bytes` is from the program, and is not used beyond the call that it came with.
pub(crate) unsafe fn slice(bytes: &Bytes) -> Option<&[u8]> {
    if bytes.length == 0 {
        return Some(&[]);
    }
    if bytes.data.is_null() || isize::try_from(bytes.length).is_err() {
        return None;
    }
    // SAFETY: not null, and the program says that this much is there.
    Some(unsafe { std::slice::from_raw_parts(bytes.data, bytes.length) })
}

fn bytes(slice: &[u8]) -> Bytes {
    Bytes { data: slice.as_ptr(), length: slice.len() }
}
