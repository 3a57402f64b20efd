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

use crate::{Best, line, scratch, seconds, timed};

const FILES: usize = 1000;
const ROUNDS: usize = 3;

/// 1,000 small files signed on all cores, each synced to disk; the best of some rounds, in turns.
pub(crate) fn small_files() {
    let folder = scratch();
    let signing = Signing::new(&folder);
    let jobs: Vec<Job> = (0..FILES)
        .map(|number| {
            let source = folder.path().join(format!("{number:04}.xml"));
            fs::write(&source, format!("<fattura numero=\"{number}\">{:900}</fattura>", ""))
                .unwrap();
            signing.job(&source)
        })
        .collect();
    let [mut bare, mut ours] = [Best::default(); 2];
    for _ in 0..ROUNDS {
        bare.of(timed(|| signing.bare()));
        ours.of(timed(|| signing.all(&jobs)));
    }
    let rate = bare.seconds() / ours.seconds();
    let what = "sign 1,000 small files: rate / bare RSA-4096";
    line(what, format!("{rate:.2}"), "≥ 0.90", rate >= 0.9);
    let per_second = FILES as f64 / ours.seconds();
    println!(
        "  (files {}, {per_second:.0} per second, bare {}, best of {ROUNDS})",
        seconds(ours.0),
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
