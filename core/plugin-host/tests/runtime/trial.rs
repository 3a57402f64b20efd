//! A plugin in Rust without a barrier against panics, for tests/plugins.rs: it panics, or takes
//! more memory than there is. Compiled by the test, without any crate.

use std::ffi::c_void;

#[repr(C)]
pub struct Bytes(*const u8, usize);

#[repr(C)]
pub struct Call {
    size: u32,
    operation: u32,
    id: u64,
    name: Bytes,
}

#[repr(C)]
pub struct Plugin {
    size: u32,
    reserved: u32,
    state: *mut c_void,
    invoke: Option<unsafe extern "C" fn(*mut Plugin, *const Call) -> i32>,
    destroy: Option<unsafe extern "C" fn(*mut Plugin)>,
    get_extension: *const c_void,
}

#[repr(C)]
pub struct Entry {
    magic: u64,
    size: u32,
    abi_major: u16,
    abi_minor: u16,
    create: unsafe extern "C" fn(*const c_void, *mut Plugin) -> i32,
}

unsafe extern "C" fn invoke(_: *mut Plugin, call: *const Call) -> i32 {
    let name = unsafe { std::slice::from_raw_parts((*call).name.0, (*call).name.1) };
    if name == b"panic" {
        panic!("of its own");
    }
    let much = vec![1_u8; 10 << 30];
    i32::from(much[much.len() / 2])
}

unsafe extern "C" fn create(_: *const c_void, plugin: *mut Plugin) -> i32 {
    unsafe {
        (*plugin).invoke = Some(invoke);
        (*plugin).size = 40;
    }
    0
}

#[unsafe(no_mangle)]
pub static ceralacca_plugin_entry: Entry = Entry {
    magic: 0x4345_5241_4C41_4343,
    size: 24,
    abi_major: 1,
    abi_minor: 0,
    create,
};
