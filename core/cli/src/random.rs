//! Random text for keys of runs and made-up passwords, from the operating system.

use rand_core::{OsRng, RngCore};

/// That many random bytes, in lower-case hexadecimal.
pub(crate) fn hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    OsRng.fill_bytes(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
