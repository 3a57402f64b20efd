//! Key pairs that tests have made before: a debug build that they run takes them instead of new ones.
//!
//! In builds with debug assertions, `CERALACCA_TEST_KEYS=FILE` names the list of pairs that one test has
//! taken. The pairs are kept beside it as PKCS#8 (`4096-1.p8`), each generated when it is first wanted,
//! and no list has one twice. Release builds contain nothing of this.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::{env, process};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use ceralacca_kernel::regular_file;

/// PKCS#8 of 4096 bits has 2.4 kB.
const LONGEST: u64 = 16_384;

/// The next pair of this size that the test has not taken yet; `None` where no test asks for one.
pub(crate) fn next(size: KeySize) -> Option<RsaKeyPair> {
    let list = PathBuf::from(env::var_os("CERALACCA_TEST_KEYS")?);
    let name = entered(&list, size.len() * 8)?;
    let file = list.with_file_name(format!("{name}.p8"));
    if let Some(pair) = regular_file::read(&file, LONGEST)
        .ok()
        .and_then(|pkcs8| RsaKeyPair::from_pkcs8(&pkcs8).ok())
    {
        return Some(pair);
    }
    let made = RsaKeyPair::generate(size).ok()?;
    let pkcs8 = AsDer::<Pkcs8V1Der<'static>>::as_der(&made).ok()?;
    // Another test may be at the same one: whoever is last keeps his, and each uses his own.
    let part = list.with_file_name(format!("{name}.{}", process::id()));
    fs::write(&part, pkcs8.as_ref()).and_then(|()| fs::rename(part, file)).ok()?;
    Some(made)
}

/// Enters the first pair that is not on the list yet, and gives its name.
fn entered(list: &Path, bits: usize) -> Option<String> {
    let mut options = OpenOptions::new();
    let options = options.read(true).append(true).create(true);
    let mut list = regular_file::open_with(list, options).ok()?;
    list.lock().ok()?;
    let mut taken = String::new();
    list.read_to_string(&mut taken).ok()?;
    let name = (1..).map(|number| format!("{bits}-{number}"));
    let name = name.into_iter().find(|name| !taken.lines().any(|line| line == name))?;
    writeln!(list, "{name}").ok()?;
    Some(name)
}
