//! Places where the tests kill the process: before and after every journal write and file rename.
//!
//! In builds with debug assertions, `CERALACCA_CRASH_POINT=N` makes the process announce its Nth point
//! on standard error and stand still until somebody kills it; with 0 it announces them all and goes on.
//! Release builds contain nothing of this.

/// Marks a place whose name says what is about to happen or has just happened.
#[inline]
pub fn reached(name: &str) {
    #[cfg(debug_assertions)]
    armed::reached(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::{env, io::Write, thread, time::Duration};

    pub(super) fn reached(name: &str) {
        static TARGET: OnceLock<Option<u64>> = OnceLock::new();
        static PASSED: AtomicU64 = AtomicU64::new(0);
        let target = TARGET.get_or_init(|| {
            env::var("CERALACCA_CRASH_POINT").ok().and_then(|text| text.parse().ok())
        });
        let Some(target) = *target else { return };
        let point = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if target == 0 || target == point {
            let _ = writeln!(std::io::stderr(), "crash point {point}: {name}");
        }
        if target == point {
            loop {
                thread::sleep(Duration::from_secs(3600));
            }
        }
    }
}
