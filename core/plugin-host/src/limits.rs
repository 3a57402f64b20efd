//! Limits that a worker sets itself before it loads anything: memory, descriptors, no core file,
//! and no life beyond the program's.
#![allow(unsafe_code, reason = "system calls without a safe face in the standard library")]

use std::io;

/// What a worker last writes when memory was refused to its plugin, which then used it all the
/// same.
pub(crate) const REFUSED_MEMORY: &str = "ceralacca: memory was refused\n";

/// Descriptors that a worker may have open.
#[cfg(unix)]
const DESCRIPTORS: u64 = 256;

/// Sets the limits, for good.
#[cfg(unix)]
pub(crate) fn apply(memory: u64) -> io::Result<()> {
    end_with_the_program();
    #[cfg(target_os = "linux")]
    give_up_capabilities()?;
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_NOFILE, DESCRIPTORS)?;
    // macOS knows the limit of address space and refuses to set it; only time limits hold there.
    #[cfg(target_os = "linux")]
    {
        limit(libc::RLIMIT_AS, memory)?;
        fault::mark_refused_memory();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
    Ok(())
}

/// Nothing: only time is limited here.
#[cfg(not(unix))]
pub(crate) fn apply(_: u64) -> io::Result<()> {
    Ok(())
}

/// The kernel ends the worker with the thread that started it, and shows its memory to nobody.
#[cfg(target_os = "linux")]
fn end_with_the_program() {
    // SAFETY: plain numbers. Neither fails with these.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
    }
}

/// A worker of root may do no more than one of anybody: no clock to set, no machine to stop
/// (capabilities(7)).
#[cfg(target_os = "linux")]
fn give_up_capabilities() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let none = [0_u32; 6];
    // SAFETY: the kernel reads a header of two words and, for this version, six words of data.
    let given_up = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    if given_up == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Nothing: a worker ends when it reads the end of its pipe.
#[cfg(all(unix, not(target_os = "linux")))]
fn end_with_the_program() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(all(unix, not(all(target_os = "linux", target_env = "gnu"))))]
type Resource = libc::c_int;

/// Lowers a limit; a lower one that is there already stays.
#[cfg(unix)]
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is there while the call runs.
    if unsafe { libc::getrlimit(resource, &raw mut now) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let value = value.min(now.rlim_max);
    let wanted = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: as above.
    match unsafe { libc::setrlimit(resource, &raw const wanted) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Tells a plugin that uses memory which was refused to it from one that follows a null pointer for
/// other reasons: the thread's last error is still "no memory".
#[cfg(target_os = "linux")]
mod fault {
    use std::sync::OnceLock;

    use super::REFUSED_MEMORY;

    static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

    type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

    pub(super) fn mark_refused_memory() {
        // SAFETY: plain structures of the system, filled in before they are passed; the handler
        // calls nothing but what signal handlers may.
        unsafe {
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGSEGV, std::ptr::null(), &raw mut before) != 0 {
                return;
            }
            BEFORE.get_or_init(|| before);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = faulted as Handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut());
        }
    }

    extern "C" fn faulted(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: errno is the thread's own, the kernel passes a valid `info`, and `write`,
        // `sigaction` and the handler of the standard library may run in a signal handler.
        // Returning after the old action is back makes the fault happen again.
        unsafe {
            if *libc::__errno_location() == libc::ENOMEM && (*info).si_addr().addr() < 1 << 16 {
                libc::write(2, REFUSED_MEMORY.as_ptr().cast(), REFUSED_MEMORY.len());
            }
            match BEFORE.get() {
                Some(before) if before.sa_sigaction > libc::SIG_IGN => {
                    let before: Handler = std::mem::transmute(before.sa_sigaction);
                    before(signal, info, context);
                }
                _ => {
                    libc::signal(signal, libc::SIG_DFL);
                }
            }
        }
    }
}
