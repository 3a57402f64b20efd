//! Many small files signed, against the bare rate of signing with the same key.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ceralacca::keystore::key_entry::KeyEntry;
use ceralacca::keystore::{Certificate, KeyPair};
use ceralacca::signing::cades::{self, Job, Options};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::{Best, in_memory, line, scratch, seconds, timed};

const FILES: usize = 1000;
const ROUNDS: usize = 5;

/// 1,000 small files signed on all cores. What the disk adds, where each file and its name are synced,
/// is shown beside; the best of some rounds, in turns.
pub(crate) fn small_files() {
    let (memory, disk) = (in_memory(), scratch());
    let signing = Signing::new(&disk);
    let on_disk = signing.jobs(&disk);
    let first = memory.as_ref().map_or_else(|| on_disk.clone(), |memory| signing.jobs(memory));
    let [mut bare, mut ours, mut synced] = [Best::default(); 3];
    for _ in 0..ROUNDS {
        bare.of(timed(|| signing.bare()));
        ours.of(timed(|| signing.all(&first)));
        synced.of(timed(|| signing.all(&on_disk)));
    }
    let rate = bare.seconds() / ours.seconds();
    let what = "sign 1,000 small files: rate / bare RSA-4096";
    line(what, format!("{rate:.2}"), "≥ 0.90", rate >= 0.9);
    println!(
        "  (files {}, {}, on disk {} or {:.2}; bare {}; best of {ROUNDS})",
        if memory.is_some() { "in memory" } else { "on disk" },
        seconds(ours.0),
        seconds(synced.0),
        bare.seconds() / synced.seconds(),
        seconds(bare.0)
    );
}

/// When the benchmark signs.
pub(crate) fn moment() -> Timestamp {
    Timestamp::now()
}

/// An RSA-4096 key with a certificate that allows signing documents.
pub(crate) struct Signing {
    pub(crate) entry: KeyEntry,
}

impl Signing {
    pub(crate) fn new(folder: &TempDir) -> Signing {
        let (key, certificate) = (folder.path().join("key.der"), folder.path().join("cert.der"));
        let pair = KeyPair::generate().unwrap();
        fs::write(&key, pair.pkcs8()).unwrap();
        let mut request = Command::new("openssl");
        request.args(["req", "-x509", "-new", "-sha256", "-subj", "/CN=Benchmark", "-days", "7"]);
        request.args(["-addext", "keyUsage=critical,digitalSignature,nonRepudiation"]);
        request.args(["-keyform", "DER", "-outform", "DER", "-key"]).arg(&key);
        request.arg("-out").arg(&certificate).stderr(Stdio::null());
        assert!(
            request.status().is_ok_and(|status| status.success()),
            "openssl makes a certificate"
        );
        let certificate = Certificate::from_der(&fs::read(certificate).unwrap()).unwrap();
        let entry = KeyEntry::new("the benchmark", "", pair, vec![certificate]).unwrap();
        Signing { entry }
    }

    pub(crate) fn options(&self) -> Options {
        Options::attached(moment())
    }

    pub(crate) fn job(&self, source: &Path) -> Job {
        let mut target = source.as_os_str().to_owned();
        target.push(".p7m");
        Job { source: source.to_owned(), target: target.into(), sha256: None }
    }

    fn jobs(&self, folder: &TempDir) -> Vec<Job> {
        let job = |number| {
            let source = folder.path().join(format!("{number:04}.xml"));
            let text = format!("<fattura numero=\"{number}\">{:900}</fattura>", "");
            fs::write(&source, text).unwrap();
            self.job(&source)
        };
        (0..FILES).map(job).collect()
    }

    pub(crate) fn all(&self, jobs: &[Job]) {
        for written in cades::sign_many(jobs, &self.entry, &self.options()) {
            written.unwrap();
        }
    }

    /// As many signatures as there are files, on all cores, and nothing else: aws-lc-rs alone.
    fn bare(&self) {
        let (next, cores) = (AtomicUsize::new(0), thread::available_parallelism());
        thread::scope(|scope| {
            for _ in 0..cores.map_or(1, usize::from) {
                scope.spawn(|| {
                    while next.fetch_add(1, Ordering::Relaxed) < FILES {
                        self.entry.key.sign_sha256(&[7; 200]).unwrap();
                    }
                });
            }
        });
    }
}
