//! The functions that the program calls: each behind a barrier that no panic passes.
#![allow(unsafe_code, reason = "the functions of the contract are defined here, and nowhere else")]

use std::mem::{offset_of, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ceralacca_plugin_abi::{ABI_MAJOR, Call, Entry, FAILED, Host, MAGIC, OK, Plugin as Filled};

use crate::Plugin;
use crate::host_side::{HostSide, slice};
use crate::serve::{Instance, Request};

/// The least minor of the ABI that this crate needs of the program.
const MINOR_NEEDED: u16 = 0;

/// What [`export_plugin!`](crate::export_plugin) exports.
pub const fn entry<P: Plugin>() -> Entry {
    Entry {
        magic: MAGIC,
        size: size_of::<Entry>() as u32,
        abi_major: ABI_MAJOR,
        abi_minor: MINOR_NEEDED,
        create: Some(create::<P>),
    }
}

unsafe extern "C" fn create<P: Plugin>(host: *const Host, plugin: *mut Filled) -> i32 {
    barrier(FAILED, || {
        // SAFETY: the program passes its table, which lives until after `destroy`.
        let Some(side) = (unsafe { HostSide::new(host) }) else { return FAILED };
        if plugin.is_null() || !plugin.is_aligned() {
            return FAILED;
        }
        // SAFETY: `size` is the first member of every version of the structure.
        let room = unsafe { (&raw const (*plugin).size).read() } as usize;
        if room < offset_of!(Filled, get_extension) {
            return FAILED;
        }
        let state = Box::into_raw(Box::new(Instance::<P>::new(side)));
        // SAFETY: the program says that there is room for each member that is written.
        unsafe {
            (&raw mut (*plugin).size).write(room.min(size_of::<Filled>()) as u32);
            (&raw mut (*plugin).state).write(state.cast());
            (&raw mut (*plugin).invoke).write(Some(invoke::<P>));
            (&raw mut (*plugin).destroy).write(Some(destroy::<P>));
            if room >= size_of::<Filled>() {
                (&raw mut (*plugin).get_extension).write(None);
            }
        }
        OK
    })
}

unsafe extern "C" fn invoke<P: Plugin>(plugin: *mut Filled, call: *const Call) -> i32 {
    barrier(FAILED, || {
        if plugin.is_null() || call.is_null() || !call.is_aligned() {
            return FAILED;
        }
        // SAFETY: `size` is the first member of every version of the structure.
        let size = unsafe { (&raw const (*call).size).read() } as usize;
        if size < size_of::<Call>() {
            return FAILED;
        }
        // SAFETY: `state` is what `create` put there; the program calls on one thread, one call at
        // a time, and not after `destroy`. `call` is there as far as its size says.
        let (instance, call) = unsafe { ((*plugin).state.cast::<Instance<P>>().as_ref(), &*call) };
        // SAFETY: the bytes of a call are there until `invoke` returns.
        let [name, arguments, context] =
            unsafe { [slice(&call.name), slice(&call.arguments), slice(&call.context)] };
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let (Some(instance), Some(name), Some(arguments), Some(context)) =
            (instance, name, arguments, context)
        else {
            return FAILED;
        };
        let operation = call.operation;
        instance.serve(&Request { operation, id: call.id, name, arguments, context })
    })
}

unsafe extern "C" fn destroy<P: Plugin>(plugin: *mut Filled) {
    barrier((), || {
        if plugin.is_null() {
            return;
        }
        // SAFETY: the program calls this once, last. What is taken is replaced by null, so that even
        // a second time frees nothing.
        let state = unsafe { std::ptr::replace(&raw mut (*plugin).state, std::ptr::null_mut()) };
        if !state.is_null() {
            // SAFETY: `create` made it from a box of this very type.
            drop(unsafe { Box::from_raw(state.cast::<Instance<P>>()) });
        }
    });
}

/// Runs code that must not unwind into the program.
fn barrier<R>(failed: R, code: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|payload| {
        // Whatever was thrown could throw again while it is dropped.
        std::mem::forget(payload);
        failed
    })
}
