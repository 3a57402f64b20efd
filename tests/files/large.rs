//! What does not fit into memory: a file of 1 GiB signed and verified, an index of a million files.
//!
//! Each runs in a process of its own, watched by GNU time: within 32 MiB, and hardly more than the same
//! work takes on something small. In a debug build the program's own code, mapped from its file, is most
//! of the peak and far larger than in a release: there only the second counts. `cargo bench --bench
//! budgets -- memory` holds the release against 32 MiB.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::stage::{self, PROGRAM, Stage, judge, run, say};

/// What a process may take at its peak.
const MOST_KIB: u64 = 32 << 10;
/// What it may take beyond the same work on something small.
const MOST_MORE_KIB: u64 = 6 << 10;
const GIB: u64 = 1 << 30;
/// Sub-folders, and documents in each.
const FOLDERS: usize = 1000;
const FILES: usize = 1000;
const SIGNER: &str = "RSSMRA85M01H501Q";

/// Signs any file; the smallest such workflow.
const SIGN: &str = r#"
const WORKFLOW = #{
    summary: "Sign a file",
    uses:    ["inspect", "keystore", "prompt", "signing"],
    input:   #{ file: #{ type: "file", prompt: "File" }, signer: #{ type: "file", prompt: "PKCS#12" } },
};
fn run(input) {
    let signer = keystore::open_pkcs12(input.signer, prompt::secret("signer_password"));
    #{ signed: signing::cades(inspect::document(input.file), signer) }
}
"#;

#[test]
fn a_file_of_1_gib_is_signed_and_verified_in_32_mib() {
    if !judge::called("memory and time with a file of 1 GiB") {
        return;
    }
    let _alone = alone();
    let stage = workspace();
    fs::write(stage.path("sign.rhai"), SIGN).unwrap();
    fs::write(stage.path("piccolo.bin"), "piccolo").unwrap();
    fill(&stage.path("grande.bin"));
    issue_signer(&stage);

    let [small, large] = ["piccolo.bin", "grande.bin"].map(|name| signed(&stage, name));
    large.say("1 GiB hashed and signed", &small, GIB >> 20, "MiB");
    let [small, large] =
        [small, large].map(|signing| path_of(&signing.printed["result"]["signed"]));
    assert!(fs::metadata(&large).unwrap().len() > GIB);

    let verifying = verified(&stage, &large);
    assert_eq!(verifying.printed["layers"][1]["length"], GIB, "{}", verifying.printed);
    let digest = judge::agrees("openssl", &["dgst", "-r", "-sha256", &large.display().to_string()]);
    let digest = digest.stdout.split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(verifying.printed["sha256"], digest.as_str());
    verifying.say("1 GiB verified", &verified(&stage, &small), GIB >> 20, "MiB");
}

fn signed(stage: &Stage, name: &str) -> Watched {
    let file = format!("file={name}");
    let secrets = ["signer=responsabile.p12", "--json", "--approve", "--secrets", "busta.toml"];
    watched(stage, &[&["run", "sign.rhai", &file], &secrets[..]].concat())
}

fn verified(stage: &Stage, signed: &Path) -> Watched {
    let verifying = watched(stage, &["verify", "--json", &signed.display().to_string()]);
    assert_eq!(verifying.printed["verdict"], "valid", "{}", verifying.printed);
    verifying
}

#[test]
fn an_index_of_a_million_documents_is_made_in_32_mib() {
    if !judge::called("memory and time of an index of a million documents") {
        return;
    }
    let _alone = alone();
    let stage = workspace();
    let start = Instant::now();
    let archive = Archive::make(&stage);
    say(&format!("a million names written in {:.1} s", start.elapsed().as_secs_f64()));
    let small = indexed(&stage, concat!(env!("CARGO_MANIFEST_DIR"), "/examples/archive"));
    let indexing = indexed(&stage, &archive.0.display().to_string());

    let index = path_of(&indexing.printed["result"]["index"]);
    let (lots, documents) = lots_and_documents(&index);
    assert_eq!((lots, documents), (FOLDERS, FOLDERS * FILES));
    let checked = judged_by_sha256sum(&index, &archive.0);
    indexing.say("index of a million documents", &small, documents as u64, "documents");
    say(&format!("  {checked} of its digests agree with sha256sum"));
}

fn indexed(stage: &Stage, archive: &str) -> Watched {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/index_archive.lua");
    watched(stage, &["run", example, "--json", &format!("archive={archive}")])
}

/// One after the other, for the sake of the times.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A workspace on the disk of the build, which has room for gibibytes; its folder goes in any case.
fn workspace() -> Stage {
    let stage = Stage { folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
    stage.run(&["init"]).expect_success();
    stage
}

fn issue_signer(stage: &Stage) {
    fs::write(stage.path("busta.toml"), "signer_password = \"Firma dell'archivio 1\"\n").unwrap();
    stage::restrict(&stage.path("busta.toml"));
    let file = ["--file", "responsabile.p12", "--secrets", "busta.toml"];
    stage.run(&[&["sandbox", "signer", SIGNER], &file[..]].concat()).expect_success();
}

/// 1 GiB in which no two pieces are the same.
fn fill(path: &Path) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut piece: Vec<u8> = Vec::new();
    while piece.len() < 1 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        piece.extend_from_slice(&state.to_le_bytes());
    }
    let mut file = File::create(path).unwrap();
    for number in 0..GIB >> 20 {
        piece[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&piece).unwrap();
    }
}

/// A million documents: a thousand files, each with a thousand names. Files of their own would say the
/// same (measured: as much memory), but where the disk trims what is freed they take minutes to remove.
struct Archive(PathBuf);

impl Archive {
    fn make(stage: &Stage) -> Archive {
        let originals = stage.path("originali");
        fs::create_dir(&originals).unwrap();
        let original = |number: usize| originals.join(format!("{number}.xml"));
        for number in 0..FILES {
            let text = format!("<fattura numero=\"{number}\">{:60}</fattura>", "");
            fs::write(original(number), text).unwrap();
        }
        let archive = Archive(stage.path("archivio"));
        fs::create_dir(&archive.0).unwrap();
        archive.each_folder(|folder, lot| {
            fs::create_dir(folder).unwrap();
            for number in 0..FILES {
                let name = folder.join(format!("fattura-{number:04}.xml"));
                // Another content under the same name in each lot.
                fs::hard_link(original((lot + number) % FILES), name).unwrap();
            }
        });
        archive
    }

    fn each_folder(&self, work: impl Fn(&Path, usize) + Sync) {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for first in 0..threads {
                let work = &work;
                scope.spawn(move || {
                    for lot in (first..FOLDERS).step_by(threads) {
                        work(&self.0.join(format!("{lot:04}")), lot);
                    }
                });
            }
        });
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.each_folder(|folder, _| {
            let _ = fs::remove_dir_all(folder);
        });
    }
}

/// What a process printed, how long it took and how much memory at its peak.
struct Watched {
    printed: Value,
    took: Duration,
    peak_kib: u64,
}

fn watched(stage: &Stage, arguments: &[&str]) -> Watched {
    let measured = stage.path("measured.txt");
    let mut command = Command::new("/usr/bin/time");
    command.args(["--format=%M", "--output"]).arg(&measured).arg(PROGRAM).args(arguments);
    command.current_dir(stage.folder.path());
    let start = Instant::now();
    let printed = run(&mut command).json();
    let took = start.elapsed();
    let peak_kib = fs::read_to_string(measured).unwrap().trim().parse().unwrap();
    Watched { printed, took, peak_kib }
}

impl Watched {
    /// Says the numbers, and fails when the memory is more than it may be.
    fn say(&self, what: &str, small: &Watched, count: u64, unit: &str) {
        let (seconds, peak, base) = (self.took.as_secs_f64(), self.peak_kib, small.peak_kib);
        let (rate, mib) = (count as f64 / seconds, |kib: u64| kib as f64 / 1024.0);
        say(&format!(
            "{what}: {seconds:.1} s, {rate:.0} {unit}/s, peak {:.1} MiB, {:.1} on something small",
            mib(peak),
            mib(base)
        ));
        let more = peak.saturating_sub(base);
        assert!(more <= MOST_MORE_KIB, "{what}: {more} KiB more than on something small");
        assert!(base > 2048, "{what}: {base} KiB cannot be the program");
        if cfg!(not(debug_assertions)) {
            assert!(peak <= MOST_KIB, "{what}: {peak} KiB, at most {MOST_KIB}");
        }
    }
}

fn path_of(document: &Value) -> PathBuf {
    let found = document.pointer("/id/path").or_else(|| document.get("path"));
    PathBuf::from(found.and_then(Value::as_str).unwrap_or_else(|| panic!("{document}")))
}

fn lots_and_documents(index: &Path) -> (usize, usize) {
    let lines = BufReader::new(File::open(index).unwrap()).lines().map(Result::unwrap);
    lines.fold((0, 0), |(lots, documents), line| {
        let line = line.trim_start();
        (
            lots + usize::from(line.starts_with("<lotto ")),
            documents + usize::from(line.starts_with("<documento ")),
        )
    })
}

/// Every 500th document of the index, checked by `sha256sum`.
fn judged_by_sha256sum(index: &Path, archive: &Path) -> usize {
    let value = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let lines = BufReader::new(File::open(index).unwrap()).lines().map(Result::unwrap);
    let listed: Vec<String> = lines
        .filter_map(|line| Some((value(&line, "impronta")?, value(&line, "percorso")?)))
        .step_by(499)
        .map(|(digest, path)| format!("{digest}  {path}\n"))
        .collect();
    let list = index.with_extension("sha256");
    fs::write(&list, listed.concat()).unwrap();
    let mut judge = Command::new("sha256sum");
    judge.args(["--check", "--quiet"]).arg(&list).current_dir(archive);
    run(&mut judge).expect_success();
    listed.len()
}
