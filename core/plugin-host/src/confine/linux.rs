//! Confinement on Linux: files by Landlock, system calls by seccomp.
#![allow(unsafe_code, reason = "questions to the kernel without a safe face")]

use super::{Confinement, files, system_calls};
use crate::connection::Grants;
use crate::image::Found;

pub(super) fn confinement() -> Confinement {
    Confinement { files: landlock_version(), system_calls: has_seccomp() }
}

/// Files first: seccomp would not let a plugin do what this does.
pub(super) fn confine(grants: &Grants, image: &Found) -> Result<(), String> {
    let can = confinement();
    if let Some(version) = can.files {
        let confined = files::confine(grants, image, version);
        confined.map_err(|problem| format!("Landlock {version}: {problem}"))?;
    }
    if can.system_calls {
        system_calls::confine(grants).map_err(|problem| format!("seccomp: {problem}"))?;
    }
    Ok(())
}

fn landlock_version() -> Option<i32> {
    const VERSION: libc::c_uint = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the kernel reads nothing and only answers.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0, VERSION) };
    i32::try_from(version).ok().filter(|version| *version > 0)
}

/// Whether the kernel has filters of system calls, and the one action that matters.
fn has_seccomp() -> bool {
    if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        return false;
    }
    const ACTION_AVAILABLE: libc::c_uint = 2;
    let action = libc::SECCOMP_RET_KILL_PROCESS;
    // SAFETY: the number is there while the call runs; the kernel only answers.
    unsafe { libc::syscall(libc::SYS_seccomp, ACTION_AVAILABLE, 0, &raw const action) == 0 }
}
