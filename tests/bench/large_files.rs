//! Large files: an archive hashed on all cores, 1 GiB signed and verified.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use ceralacca::archive::{self, Lots, Source};
use ceralacca::inspect::{self, VerifyOptions};
use ceralacca::signing::cades::{self, Job};
use ceralacca::signing::{DigestAlgorithm, Trust, Verdict};
use tempfile::TempDir;

use crate::signatures::{Signing, moment};
use crate::{Best, PROGRAM, line, scratch, seconds, timed};

const GIB: u64 = 1 << 30;
const ROUNDS: usize = 5;

/// Hashing a large archive, the digests of `openssl dgst` beside it. The best of some rounds, in turns.
pub(crate) fn hashing() {
    let folder = scratch();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let files: Vec<PathBuf> =
        (0..cores).map(|number| gib(&folder, &format!("archivio/{number}.bin"))).collect();
    let mut list = File::create(folder.path().join("archivio/elenco.txt")).unwrap();
    list.write_all(b"0.bin\n").unwrap();

    let one = Source::List { path: folder.path().join("archivio/elenco.txt") };
    let all = Source::Folder { path: folder.path().join("archivio"), lots: Lots::One };
    let [mut alone, mut openssl, mut together, mut openssls] = [Best::default(); 4];
    for _ in 0..ROUNDS {
        alone.of(timed(|| index(&one, Some(1))));
        openssl.of(timed(|| ended(dgst(&files[0]))));
        together.of(timed(|| index(&all, None)));
        openssls.of(timed(|| {
            let running: Vec<Child> = files.iter().map(|file| dgst(file)).collect();
            running.into_iter().for_each(ended);
        }));
    }
    let speed = openssl.seconds() / alone.seconds();
    line("index of 1 GiB, one thread: speed / openssl dgst", ratio(speed), "≥ 0.95", speed >= 0.95);
    explain(&[("index", alone), ("openssl", openssl)]);
    let speed = openssls.seconds() / together.seconds();
    let what = format!("index of {cores} GiB: speed / {cores} × openssl dgst at once");
    line(&what, ratio(speed), "≥ 0.95", speed >= 0.95);
    explain(&[("index", together), ("openssl", openssls)]);
    let used = alone.seconds() * cores as f64 / together.seconds();
    let enough = 0.85 * cores as f64;
    line("  cores that it uses", format!("{used:.2}"), &format!("≥ {enough:.2}"), used >= enough);
}

/// A p7m of 1 GiB, against hashing the same bytes once. The best of some rounds, in turns.
pub(crate) fn p7m() {
    let folder = scratch();
    let (file, signing) = (gib(&folder, "grande.bin"), Signing::new(&folder));
    let job = signing.job(&file);
    let [mut hash, mut openssl, mut sign, mut write, mut copy, mut verify] = [Best::default(); 6];
    for _ in 0..ROUNDS {
        hash.of(timed(|| {
            DigestAlgorithm::Sha256.digest_reader(File::open(&file).unwrap()).unwrap();
        }));
        openssl.of(timed(|| ended(dgst(&file))));
        sign.of(timed(|| signing.sign_to_sink(&file)));
        write.of(timed(|| signing.all(std::slice::from_ref(&job))));
        copy.of(timed(|| copied(&file, &folder)));
        verify.of(timed(|| verified(&job, &signing)));
    }
    for (what, took) in [("sign", sign), ("verify", verify)] {
        let cost = took.seconds() / hash.seconds();
        let what = format!("{what} 1 GiB p7m / hashing it");
        line(&what, ratio(cost), "≤ 1.15", cost <= 1.15);
        explain(&[("it", took), ("hash", hash), ("openssl dgst", openssl)]);
    }
    let cost = write.seconds() / copy.seconds().max(hash.seconds());
    println!("  (signed into a file, synced: {:.2} × a synced copy or the hash)", cost);
    explain(&[("it", write), ("copy", copy)]);
}

/// The most memory that the program takes while it hashes and verifies 1 GiB.
pub(crate) fn memory() {
    let folder = scratch();
    let (file, signing) = (gib(&folder, "grande.bin"), Signing::new(&folder));
    signing.all(&[signing.job(&file)]);
    for arguments in [["impronta", "grande.bin"], ["verify", "grande.bin.p7m"]] {
        let peak = folder.path().join("peak");
        let mut command = Command::new("/usr/bin/time");
        command
            .args(["--quiet", "--format=%M", "--output"])
            .arg(&peak)
            .arg(PROGRAM)
            .args(arguments);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("GNU time is needed");
        let kib: f64 = fs::read_to_string(peak).unwrap().trim().parse().unwrap();
        let what = format!("peak memory of ceralacca {}, 1 GiB", arguments[0]);
        line(&what, format!("{:.1} MiB", kib / 1024.0), "≤ 32 MiB", kib <= 32768.0);
    }
}

fn index(source: &Source, threads: Option<usize>) {
    let options = archive::Options { threads, ..archive::Options::default() };
    let summary = archive::index(source, &options, &mut io::sink(), &mut |_| ()).unwrap();
    assert!(summary.totals.bytes >= GIB);
}

fn verified(job: &Job, signing: &Signing) {
    let mut trust = Trust::default();
    trust.add_anchor(signing.entry.chain[0].clone(), "the benchmark");
    let options = VerifyOptions::default();
    let report = inspect::verify_file(&job.target, &options, &trust, moment()).unwrap();
    assert_ne!(report.verdict, Verdict::Invalid, "{report:?}");
    assert_eq!(report.layers[1].length, GIB);
}

impl Signing {
    /// Signs without a disk at the other end.
    fn sign_to_sink(&self, file: &Path) {
        let content = File::open(file).unwrap();
        let written =
            cades::sign(content, Some(GIB), io::sink(), &self.entry, &self.options()).unwrap();
        assert!(written.length > GIB);
    }
}

fn copied(file: &Path, folder: &TempDir) {
    let to = folder.path().join("copia.bin");
    let (mut from, mut copy) = (File::open(file).unwrap(), File::create(&to).unwrap());
    // Not `io::copy`, which lets the kernel share the blocks.
    let mut piece = vec![0; 256 << 10];
    loop {
        match io::Read::read(&mut from, &mut piece).unwrap() {
            0 => break,
            length => copy.write_all(&piece[..length]).unwrap(),
        }
    }
    copy.sync_all().unwrap();
    fs::remove_file(to).unwrap();
}

fn dgst(file: &Path) -> Child {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256"]).arg(file).stdout(Stdio::null());
    command.spawn().expect("openssl is needed for the comparison")
}

fn ended(mut process: Child) {
    assert!(process.wait().unwrap().success());
}

/// A file of 1 GiB whose pieces differ; read once, so that it is in memory.
fn gib(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut piece: Vec<u8> =
        (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(2654435761).to_le_bytes()).collect();
    let mut file = File::create(&path).unwrap();
    for number in 0..GIB >> 20 {
        piece[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&piece).unwrap();
    }
    file.sync_all().unwrap();
    path
}

fn ratio(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// The times behind a ratio.
fn explain(times: &[(&str, Best)]) {
    let times = times.iter().map(|(name, best)| format!("{name} {}", seconds(best.0)));
    println!("  ({}, best of {ROUNDS})", times.collect::<Vec<_>>().join(", "));
}
