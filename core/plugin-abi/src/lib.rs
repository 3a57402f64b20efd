//! The contract between the program and a plugin, in C.
//!
//! A plugin is a shared library that exports one constant, `ceralacca_plugin_entry`. The host reads
//! its magic number, size and version, calls `create` once, `invoke` for each call, and `destroy` at
//! the end, all on one thread. An answer is given by calling `reply` during `invoke`, in CBOR
//! (RFC 8949): integers, floats of 64 bits, text, bytes, arrays and maps with text keys, all of
//! definite length; a handle is tag 27 around `[kind, bytes]`, where the bytes are the CBOR of its id.
//!
//! Rules that hold everywhere:
//!
//! - Nothing allocated on one side is freed on the other. Bytes that are passed belong to the side that
//!   passes them, and are there until the function that passes them returns.
//! - Structures only grow, at their end. `size` says how much of one is there: nothing beyond it is read.
//! - A function returns 0 or one of the codes below. None may unwind or `longjmp` past its caller.
//! - Text is UTF-8 and ends where its length says, not at a zero byte.
//!
//! `plugins/sdk/include/ceralacca_plugin.h` is made from this file; a test keeps the two together.
#![no_std]

mod draft;

pub use draft::*;

use core::ffi::{c_char, c_void};

/// First member of the entry: the letters CERALACC.
pub const MAGIC: u64 = 0x4345_5241_4C41_4343;

/// Grows when something changes that old plugins could not survive. A host refuses another major.
pub const ABI_MAJOR: u16 = 1;

/// Grows when something is added. A plugin states the least minor that it needs.
pub const ABI_MINOR: u16 = 0;

/// `ceralacca_call.operation`: the plugin replies with its manifest, as text (CBOR major type 3).
pub const DESCRIBE: u32 = 0;
/// `ceralacca_call.operation`: carry out the primitive, or the operation of a seam, that `name` names.
pub const CALL: u32 = 1;
/// `ceralacca_call.operation`: say what became of an interrupted call with these arguments and this key.
pub const RECONCILE: u32 = 2;

/// `reply` status: done; the value is the result. For `RECONCILE`: it happened, with this result.
pub const DONE: i32 = 0;
/// `reply` status, for primitives that wait: not there yet; the value is a text on what is waited for.
pub const NOT_YET: i32 = 1;
/// `reply` status: refused; the value is an error. Nothing happened outside.
pub const REFUSED: i32 = 2;
/// `reply` status: the value is an error, and something may have happened outside.
pub const UNKNOWN: i32 = 3;
/// `reply` status, for `RECONCILE`: it certainly did not happen, and may be done now; the value is null.
pub const NOT_DONE: i32 = 4;

/// Returned: as it should be.
pub const OK: i32 = 0;
/// Returned by a plugin: it failed. When it has not replied, the host makes an error of it.
pub const FAILED: i32 = -1;
/// Returned by the host: this call has its reply already, or is over.
pub const CLOSED: i32 = -2;
/// Returned by the host: not the thread that the call came on.
pub const WRONG_THREAD: i32 = -3;
/// Returned by the host: longer than it takes, or than the buffer that was given.
pub const TOO_LARGE: i32 = -4;
/// Returned by the host: an argument that cannot be.
pub const BAD_ARGUMENT: i32 = -5;
/// Returned by the host: the operator, the settings or the manifest do not allow it.
pub const NOT_GRANTED: i32 = -6;

/// Bytes that belong to whoever passes them. `data` may be null when `length` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The first of them.
    pub data: *const u8,
    /// How many.
    pub length: usize,
}

/// One call of a plugin. The host makes and owns it; everything in it is there until `invoke` returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// `sizeof` this structure on the host's side.
    pub size: u32,
    /// `DESCRIBE`, `CALL` or `RECONCILE`. A plugin answers others with `FAILED`.
    pub operation: u32,
    /// Goes into `reply` and into the functions of extensions. Never 0.
    pub id: u64,
    /// `namespace::name` of a primitive, or `seam/operation`, such as `signer/sign`. Text.
    pub name: Bytes,
    /// The arguments: a CBOR array. Those left out at the end are missing.
    pub arguments: Bytes,
    /// What surrounds the call: a CBOR map with `key` (the same text when the call is repeated, and no
    /// other's), `run`, `run_key`, `now` and `since` (RFC 3339). For `pure` primitives there is no `now`
    /// and no `since`, and `key` says nothing: they are not journaled.
    pub context: Bytes,
}

/// What the host offers. The host makes and owns it; it lives from before `create` until after
/// `destroy`, at one address, and nothing in it changes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// `sizeof` this structure on the host's side: members beyond it are not there.
    pub size: u32,
    /// The host's `CERALACCA_ABI_MAJOR`.
    pub abi_major: u16,
    /// The host's `CERALACCA_ABI_MINOR`.
    pub abi_minor: u16,
    /// The host's own; a plugin leaves it alone.
    pub context: *mut c_void,
    /// The settings of this plugin: a CBOR map, `[plugins.NAME.settings]` of `ceralacca.toml`. They
    /// are the host's, and live as long as this structure.
    pub settings: Bytes,
    /// The plugin calls it to answer a call: exactly once, during `invoke`, on its thread. The value is
    /// the plugin's; the host copies it before this returns. With call 0, during `create`, it says why
    /// `create` fails.
    pub reply: Option<
        unsafe extern "C" fn(host: *const Host, call: u64, status: i32, value: Bytes) -> i32,
    >,
    /// The plugin calls it, on any thread, for the functions of an extension, such as
    /// `ceralacca.secret/1`; null when the host has none of that name. `name` ends with a zero byte.
    /// What comes back is the host's, and lives as long as this structure.
    pub get_extension:
        Option<unsafe extern "C" fn(host: *const Host, name: *const c_char) -> *const c_void>,
}

/// What `create` fills in. The host owns the structure, which stays at one address, the plugin what
/// `state` points to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// Set by the host to the room there is; set by the plugin to what it filled in, not more.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The plugin's own; the host leaves it alone.
    pub state: *mut c_void,
    /// The host calls it for each call, one after the other, on the thread of `create`. It replies,
    /// then returns `OK`; or it returns `FAILED`. It keeps no pointer into `call`.
    pub invoke: Option<unsafe extern "C" fn(plugin: *mut Plugin, call: *const Call) -> i32>,
    /// The host calls it once, last, on the same thread, and not when the process is being killed.
    /// It frees `state`.
    pub destroy: Option<unsafe extern "C" fn(plugin: *mut Plugin)>,
    /// The host calls it, on the same thread, for the plugin's functions of an extension that the host
    /// knows; null when it has none. What comes back is the plugin's, and lives until `destroy`. May
    /// be null itself.
    pub get_extension:
        Option<unsafe extern "C" fn(plugin: *mut Plugin, name: *const c_char) -> *const c_void>,
}

/// What a plugin exports under the name `ceralacca_plugin_entry`: constant, and read by the host before
/// any code of the plugin is called.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `CERALACCA_MAGIC`.
    pub magic: u64,
    /// `sizeof` this structure on the plugin's side.
    pub size: u32,
    /// `CERALACCA_ABI_MAJOR` that the plugin was built for.
    pub abi_major: u16,
    /// The least `CERALACCA_ABI_MINOR` that the plugin needs of its host.
    pub abi_minor: u16,
    /// The host calls it once, before everything else; its thread is the plugin's from then on. It
    /// makes the plugin ready: fills `plugin` in and returns `OK`, or returns `FAILED`.
    pub create: Option<unsafe extern "C" fn(host: *const Host, plugin: *mut Plugin) -> i32>,
}

// SAFETY: an entry is constant data and a function; nothing in it is ever written.
#[allow(unsafe_code, reason = "a constant that is exported has to be Sync")]
unsafe impl Sync for Entry {}

/// The name of the exported constant.
pub const ENTRY_SYMBOL: &str = "ceralacca_plugin_entry";

/// `get_extension`: secrets of the operator, [`SecretExtension`].
pub const EXTENSION_SECRET: &str = "ceralacca.secret/1";

/// Secrets of the operator: those of the plugin's manifest, and those whose handle is an argument of
/// the call. The host asks when it does not have the secret yet.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SecretExtension {
    /// `sizeof` this structure on the host's side.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The plugin calls it during `invoke`, on its thread. It copies the secret `name` into the
    /// plugin's own `buffer` and says in `length` how long it is; `TOO_LARGE` when `capacity` is less
    /// (`length` says how much is needed), `NOT_GRANTED` when the operator gives none. The plugin wipes
    /// the buffer after use.
    pub get: Option<
        unsafe extern "C" fn(
            host: *const Host,
            call: u64,
            name: Bytes,
            buffer: *mut u8,
            capacity: usize,
            length: *mut usize,
        ) -> i32,
    >,
}

/// `get_extension`: what the operator sees of a long call, [`ProgressExtension`].
pub const EXTENSION_PROGRESS: &str = "ceralacca.progress/1";

/// What the operator sees of a long call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProgressExtension {
    /// `sizeof` this structure on the host's side.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The plugin calls it during `invoke`, on its thread. It shows one line of text.
    pub tell: Option<unsafe extern "C" fn(host: *const Host, call: u64, text: Bytes) -> i32>,
}

/// The layout on 64-bit machines is part of the contract.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<Bytes>() == 16 && size_of::<Call>() == 64);
    assert!(offset_of!(Call, id) == 8 && offset_of!(Call, arguments) == 32);
    assert!(size_of::<Host>() == 48 && offset_of!(Host, settings) == 16);
    assert!(offset_of!(Host, reply) == 32 && offset_of!(Host, get_extension) == 40);
    assert!(size_of::<Plugin>() == 40 && offset_of!(Plugin, invoke) == 16);
    assert!(size_of::<Entry>() == 24 && offset_of!(Entry, create) == 16);
    assert!(size_of::<SecretExtension>() == 16 && size_of::<ProgressExtension>() == 16);
};
