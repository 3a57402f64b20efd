//! A shared library taken as a plugin: its entry read, its versions compared, created and called.
#![allow(unsafe_code, reason = "a library of somebody else is loaded and called")]

use std::fmt;
use std::mem::{offset_of, size_of};
use std::path::Path;

use ceralacca_plugin_abi as abi;
use serde::{Deserialize, Serialize};

use crate::connection::{Answer, Broken, Operation};
use crate::host_table::{CALL_1_0, HostTable, PLUGIN_1_0, Spare, TableSize, Upstream, bytes};

/// Size of the entry in version 1.0.
const ENTRY_1_0: usize = 16 + size_of::<usize>();
/// The least that a plugin fills in: everything up to `invoke`.
const LEAST_PLUGIN: usize = offset_of!(abi::Plugin, invoke) + size_of::<usize>();

/// Why a library does not become a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unloadable {
    /// The system's loader refuses it, in its words.
    NotALibrary { problem: String },
    /// It does not export `ceralacca_plugin_entry`.
    NoEntry,
    /// Its entry begins with something else.
    WrongMagic { found: u64 },
    /// A structure of it ends too early.
    TooSmall { structure: String, found: u32, least: u32 },
    /// It says that it filled in more than there was room for.
    TooLarge { found: u32, room: u32 },
    /// Built for versions that this host does not speak.
    WrongAbi { major: u16, minor: u16 },
    /// A function that must be there is null.
    NoFunction { name: String },
    /// `create` returned this, and gave this reason.
    CreateFailed { code: i32, reason: Option<Answer> },
}

impl fmt::Display for Unloadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = (abi::ABI_MAJOR, abi::ABI_MINOR);
        match self {
            Unloadable::NotALibrary { problem } => {
                write!(f, "the system does not load it: {problem}")
            }
            Unloadable::NoEntry => write!(f, "it does not export {}", abi::ENTRY_SYMBOL),
            Unloadable::WrongMagic { found } => {
                write!(f, "its entry begins with {found:#018x}, not with {:#018x}", abi::MAGIC)
            }
            Unloadable::TooSmall { structure, found, least } => {
                write!(f, "its {structure} has {found} bytes, fewer than {least}")
            }
            Unloadable::TooLarge { found, room } => {
                write!(f, "create filled in {found} bytes where there was room for {room}")
            }
            Unloadable::WrongAbi { major: theirs, minor: least } => {
                write!(f, "built for ABI {theirs}.{least}; this program speaks {major}.{minor}")
            }
            Unloadable::NoFunction { name } => write!(f, "its function {name} is null"),
            Unloadable::CreateFailed { code, .. } => write!(f, "create returned {code}"),
        }
    }
}

#[repr(C)]
struct PluginRoom {
    plugin: abi::Plugin,
    spare: Spare,
}

#[repr(C)]
struct CallRoom {
    call: abi::Call,
    spare: Spare,
}

type Invoke = unsafe extern "C" fn(*mut abi::Plugin, *const abi::Call) -> i32;
type Destroy = unsafe extern "C" fn(*mut abi::Plugin);

/// A plugin that was created on this thread, and stays on it.
pub(crate) struct Loaded {
    table: HostTable,
    plugin: Box<PluginRoom>,
    invoke: Invoke,
    destroy: Option<Destroy>,
    size: TableSize,
    abi: (u16, u16),
    calls: u64,
}

/// What one call came to, in the plugin's words.
pub(crate) type Ended = Result<Answer, Broken>;

impl Loaded {
    /// Loads, compares and creates. Code of the library runs from here on.
    pub(crate) fn load(
        path: &Path,
        settings: Vec<u8>,
        upstream: Box<dyn Upstream>,
        size: TableSize,
    ) -> Result<Loaded, Unloadable> {
        let entry = entry(path)?;
        let create = entry.create.ok_or_else(|| no_function("create"))?;
        let table = HostTable::new(settings, upstream, size);
        let room = size.of(size_of::<abi::Plugin>(), PLUGIN_1_0);
        let mut plugin = Box::new(PluginRoom {
            plugin: abi::Plugin {
                size: room,
                reserved: 0,
                state: std::ptr::null_mut(),
                invoke: None,
                destroy: None,
                get_extension: None,
            },
            spare: Spare::default(),
        });
        table.creating();
        // SAFETY: both structures live longer than the plugin and are as large as they say.
        let code = unsafe { create(table.host(), (&raw mut *plugin).cast()) };
        let reason = table.created();
        if code != abi::OK {
            return Err(Unloadable::CreateFailed { code, reason });
        }
        let found = plugin.plugin.size;
        if found > room {
            return Err(Unloadable::TooLarge { found, room });
        }
        if (found as usize) < LEAST_PLUGIN {
            let least = u32::try_from(LEAST_PLUGIN).expect("a few words");
            return Err(too_small("plugin", found, least));
        }
        let invoke = plugin.plugin.invoke.ok_or_else(|| no_function("invoke"))?;
        let has_destroy = found as usize >= offset_of!(abi::Plugin, destroy) + size_of::<usize>();
        let destroy = plugin.plugin.destroy.filter(|_| has_destroy);
        let abi = (entry.abi_major, entry.abi_minor);
        Ok(Loaded { table, plugin, invoke, destroy, size, abi, calls: 0 })
    }

    /// The ABI that it was built for.
    pub(crate) fn abi(&self) -> (u16, u16) {
        self.abi
    }

    /// Makes one call.
    pub(crate) fn invoke(
        &mut self,
        operation: Operation,
        name: &[u8],
        arguments: &[u8],
        context: &[u8],
    ) -> Ended {
        if let Some(broken) = self.table.broken() {
            return Err(broken);
        }
        self.calls += 1;
        let room = CallRoom {
            call: abi::Call {
                size: self.size.of(size_of::<abi::Call>(), CALL_1_0),
                operation: match operation {
                    Operation::Describe => abi::DESCRIBE,
                    Operation::Call => abi::CALL,
                    Operation::Reconcile => abi::RECONCILE,
                },
                id: self.calls,
                name: bytes(name),
                arguments: bytes(arguments),
                context: bytes(context),
            },
            spare: Spare::default(),
        };
        self.table.open(self.calls);
        // SAFETY: the plugin was created and is not destroyed; everything in the call outlives it.
        let code =
            unsafe { (self.invoke)((&raw mut *self.plugin).cast(), (&raw const room).cast()) };
        let answer = self.table.close();
        match self.table.broken() {
            Some(broken) => Err(broken),
            None => answer.ok_or(Broken::NeverReplied { code }),
        }
    }

    /// Lets the plugin free what it has; what broke the contract since the last call.
    pub(crate) fn destroy(mut self) -> Result<(), Broken> {
        if let Some(destroy) = self.destroy {
            // SAFETY: created once, destroyed once, on one thread.
            unsafe { destroy((&raw mut *self.plugin).cast()) };
        }
        let broken = self.table.broken();
        // A thread that the plugin left behind may still call back: what it knows stays.
        std::mem::forget((self.table, self.plugin));
        broken.map_or(Ok(()), Err)
    }
}

fn entry(path: &Path) -> Result<abi::Entry, Unloadable> {
    // SAFETY: the library is the one that was hashed and pinned, or that the operator asked to
    // check; its constructors are what the operator accepted by that.
    let library = unsafe { open(path) }
        .map_err(|error| Unloadable::NotALibrary { problem: problem(&error, path) })?;
    let read = read_entry(&library);
    // Never unloaded: threads, thread locals and exit handlers of a plugin outlive its last call.
    std::mem::forget(library);
    read
}

#[cfg(unix)]
unsafe fn open(path: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix;
    // SAFETY: as the caller promises.
    unsafe { unix::Library::open(Some(path), unix::RTLD_NOW | unix::RTLD_LOCAL) }.map(Into::into)
}

#[cfg(not(unix))]
unsafe fn open(path: &Path) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: as the caller promises.
    unsafe { libloading::Library::new(path) }
}

/// The loader's words without the path, which is ours and means nothing to anybody.
fn problem(error: &libloading::Error, path: &Path) -> String {
    // The error itself says no more than that loading failed.
    let why = std::error::Error::source(error);
    let words = why.map_or_else(|| error.to_string(), ToString::to_string);
    words.replace(&*path.to_string_lossy(), "the library")
}

fn read_entry(library: &libloading::Library) -> Result<abi::Entry, Unloadable> {
    // SAFETY: the symbol is only taken as an address.
    let symbol = unsafe { library.get::<*const abi::Entry>(abi::ENTRY_SYMBOL) };
    let address = *symbol.map_err(|_| Unloadable::NoEntry)?;
    if address.is_null() {
        return Err(Unloadable::NoEntry);
    }
    // SAFETY: an exported constant; no more of it is read than it says there is, but for the
    // first 16 bytes, without which it is no entry. Where a library lies in that, its worker
    // ends.
    let magic = unsafe { address.cast::<u64>().read_unaligned() };
    if magic != abi::MAGIC {
        return Err(Unloadable::WrongMagic { found: magic });
    }
    // SAFETY: as above.
    let size = unsafe { (&raw const (*address).size).read_unaligned() };
    let least = u32::try_from(ENTRY_1_0).expect("a few words");
    if size < 16 {
        return Err(too_small("entry", size, least));
    }
    // SAFETY: as above; these members end at byte 16.
    let (major, minor) = unsafe {
        let (major, minor) = (&raw const (*address).abi_major, &raw const (*address).abi_minor);
        (major.read_unaligned(), minor.read_unaligned())
    };
    if major != abi::ABI_MAJOR || minor > abi::ABI_MINOR {
        return Err(Unloadable::WrongAbi { major, minor });
    }
    if size < least {
        return Err(too_small("entry", size, least));
    }
    // SAFETY: the entry says that all of version 1.0 is there, and this host knows no more.
    Ok(unsafe { address.read_unaligned() })
}

fn too_small(structure: &str, found: u32, least: u32) -> Unloadable {
    Unloadable::TooSmall { structure: structure.to_owned(), found, least }
}

fn no_function(name: &str) -> Unloadable {
    Unloadable::NoFunction { name: name.to_owned() }
}
