//! A FIFO, a device, a socket or a folder in the place of any file that the program reads, and files
//! that are far too long: an error at once, nothing waits, nothing else is touched.

#![cfg(target_os = "linux")]

mod encodings;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::stage::impronta::Filing;
use crate::stage::{self, Served, Stage, codice_fiscale, restrict};

/// What lies in the place of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Odd {
    Fifo,
    Device,
    Socket,
    Folder,
    /// Ten gibibytes without content.
    Long,
}

const ODD: [Odd; 4] = [Odd::Fifo, Odd::Device, Odd::Socket, Odd::Folder];

impl Odd {
    fn make(self, path: &Path) {
        match self {
            Odd::Fifo => fifo(path),
            // Reading it would never end. Links are followed.
            Odd::Device => symlink("/dev/zero", path).unwrap(),
            // A path of a socket is short; the file stays when nobody listens any more.
            Odd::Socket => {
                let near = tempfile::tempdir_in("/tmp").unwrap();
                drop(UnixListener::bind(near.path().join("s")).unwrap());
                fs::rename(near.path().join("s"), path).unwrap();
            }
            Odd::Folder => fs::create_dir(path).unwrap(),
            Odd::Long => {
                fs::File::create(path).unwrap().set_len(10 << 30).unwrap();
                restrict(path);
            }
        }
    }

    fn is_there(self, path: &Path) -> bool {
        let Ok(found) = fs::symlink_metadata(path) else { return false };
        let kind = found.file_type();
        match self {
            Odd::Fifo => kind.is_fifo(),
            Odd::Device => kind.is_symlink(),
            Odd::Socket => kind.is_socket(),
            Odd::Folder => kind.is_dir(),
            Odd::Long => found.len() == 10 << 30,
        }
    }

    fn remove(self, path: &Path) {
        match self {
            Odd::Folder => fs::remove_dir(path),
            _ => fs::remove_file(path),
        }
        .unwrap();
    }

    /// What an error says was found.
    fn words(self) -> &'static str {
        match self {
            Odd::Fifo => "a FIFO",
            Odd::Device => "a device",
            Odd::Socket => "a socket",
            Odd::Folder => "a folder",
            Odd::Long => "",
        }
    }
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg("-m600").arg(path).status().unwrap();
    assert!(made.success());
}

/// How a command ended. It may use five seconds of processor time and four gibibytes of addresses;
/// whatever does not end is ended.
struct Ended {
    code: Option<i32>,
    said: String,
}

fn run(stage: &Stage, arguments: &[&str]) -> Ended {
    // Processor time tells reading without end, and the clock only what waits for ever.
    let limited = "ulimit -t 5; ulimit -v 4194304; exec \"$0\" \"$@\"";
    let output = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", limited, stage::PROGRAM])
        .args(arguments)
        .current_dir(stage.folder.path())
        .stdin(Stdio::null())
        .stdout(output.reopen().unwrap())
        .stderr(output.reopen().unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        if begun.elapsed() > HANGS {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ended {
        code: ended.code(),
        said: String::from_utf8_lossy(&fs::read(output.path()).unwrap()).into(),
    }
}

const HANGS: Duration = Duration::from_secs(60);

/// A file of a workspace replaced, and put back at the end.
struct Replaced {
    odd: Odd,
    path: PathBuf,
    kept: PathBuf,
    folder: tempfile::TempDir,
}

impl Replaced {
    fn new(odd: Odd, path: &Path) -> Replaced {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        fs::rename(path, &kept).or_else(|_| fs::copy(path, &kept).map(drop)).unwrap();
        let _ = fs::remove_file(path);
        odd.make(path);
        Replaced { odd, path: path.to_owned(), kept, folder }
    }

    /// Takes away what lies there now, whatever it is.
    fn restore(self) {
        if self.odd.is_there(&self.path) {
            self.odd.remove(&self.path);
        }
        fs::copy(&self.kept, &self.path).unwrap();
        drop(self.folder);
    }
}

/// The regular files of a folder with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.metadata().unwrap().len() < 1 << 30 {
                found.insert(entry.path(), fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

/// A workspace with all that a workspace can have, and the secrets of its account.
fn full(served: &Served) -> (Stage, PathBuf) {
    let filing = Filing::new(served, &codice_fiscale(77_000));
    let stage = filing.stage();
    let plugin = crate::hostile::build("odd", &crate::hostile::manifests::outside(), &[]);
    let library = plugin.library.to_str().unwrap();
    stage.run(&["plugin", "install", library, "--approve"]).expect_success();
    fs::create_dir(stage.path("scripts")).unwrap();
    fs::write(stage.path("scripts/mio.rhai"), SCRIPT).unwrap();
    filing.file(&stage, 1).expect_success();
    // Another one waits for a person, with something in `ricezione` that is of no use.
    stage.hand_off(served);
    fs::write(stage.path("dichiarazione.ccf"), "a declaration").unwrap();
    assert_eq!(stage.run(&SEND).code, Some(4));
    stage.deliver("ignota.pdf", b"%PDF-1.4 %%EOF");
    (stage, filing.account.secrets_file.clone())
}

const SEND: [&str; 5] =
    ["run", "send_file", "--approve", "file=dichiarazione.ccf", "tipo_documento=IVA26"];
const SCRIPT: &str = "const WORKFLOW = #{ summary: \"x\", uses: [], input: #{} };\n\
                      fn run(input) { stage(\"Uno\"); #{ ended: true } }\n";

/// What reads a file of a workspace, by the folder in which it lies.
fn readers(of: &str) -> Vec<Vec<&'static str>> {
    let mut readers = vec![vec!["status", "--json"], vec!["workflows"]];
    match of.split('/').next().unwrap_or_default() {
        "ambiente" => readers.extend([vec!["environments"], vec!["certificates"]]),
        ".ceralacca" => {
            readers.extend([vec!["receipts", "--verify"], vec!["runs"], vec!["journal", "verify"]]);
        }
        "Documenti" => readers.push(vec!["receipts", "--verify"]),
        "plugins" | "plugins.lock" => {
            readers.extend([vec!["plugin", "list"], vec!["api", "outside"]]);
        }
        _ => readers.push(vec!["receipts"]),
    }
    readers
}

#[test]
fn nothing_waits_for_any_file_of_a_workspace() {
    let served = Served::start();
    let (stage, secrets) = full(&served);
    let resume = ["resume", "2", "--approve", "--secrets", secrets.to_str().unwrap()];
    let all: Vec<PathBuf> = files(stage.folder.path()).into_keys().collect();
    assert!(all.len() > 40, "{all:#?}");
    for (count, path) in all.iter().enumerate() {
        let name = path.strip_prefix(stage.folder.path()).unwrap().to_str().unwrap();
        // SQLite opens them.
        if name.contains("journal.sqlite") {
            continue;
        }
        let others = [Odd::Device, Odd::Long, Odd::Socket, Odd::Folder];
        for odd in [Odd::Fifo, others[count % others.len()]] {
            let before = files(stage.folder.path());
            let replaced = Replaced::new(odd, path);
            let meanwhile = files(stage.folder.path());
            for reader in readers(name) {
                let ended = run(&stage, &reader);
                let code = ended.code.filter(|code| *code < 5);
                assert!(
                    code.is_some(),
                    "{name} {odd:?} {reader:?} {:?}\n{}",
                    ended.code,
                    ended.said
                );
                assert!(odd.is_there(path), "{name} {odd:?} {reader:?}");
                assert!(files(stage.folder.path()) == meanwhile, "{name} {odd:?} {reader:?}");
            }
            if odd == Odd::Fifo {
                let ended = run(&stage, &resume);
                let code = ended.code.filter(|code| *code < 5);
                assert!(code.is_some(), "{name} {:?}\n{}", ended.code, ended.said);
            }
            replaced.restore();
            put_back(stage.folder.path(), &before);
        }
    }
}

/// Makes the files what they were, but for the journal.
fn put_back(folder: &Path, before: &BTreeMap<PathBuf, Vec<u8>>) {
    let is_of_journal = |path: &Path| path.to_string_lossy().contains("journal.sqlite");
    let now = files(folder);
    for path in now.keys().filter(|path| !before.contains_key(*path) && !is_of_journal(path)) {
        fs::remove_file(path).unwrap();
    }
    for (path, bytes) in before.iter().filter(|(path, _)| !is_of_journal(path)) {
        if now.get(path) != Some(bytes) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
            restrict(path);
        }
    }
}

#[test]
fn whatever_is_named_says_what_it_is() {
    let stage = Stage::embedded();
    fs::write(stage.path("mio.rhai"), SCRIPT).unwrap();
    fs::write(stage.path("a.txt"), "a").unwrap();
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/index_archive.lua");
    let checks = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/verify_signed.rhai");
    let commands: [&[&str]; 11] = [
        &["verify", "odd"],
        &["verify", "a.txt", "--mark", "odd"],
        &["extract", "odd"],
        &["convert", "odd", "tsd"],
        &["impronta", "odd"],
        &["controlla", "odd"],
        &["run", "./odd.rhai"],
        &["run", "./mio.rhai", "--secrets", "odd"],
        &["run", "send_file", "--approve", "file=odd", "tipo_documento=IVA26", "utente=x"],
        &["run", index, "archive=odd"],
        &["run", checks, "file=odd"],
    ];
    for odd in ODD {
        odd.make(&stage.path("odd"));
        odd.make(&stage.path("odd.rhai"));
        for command in commands {
            let ended = run(&stage, command);
            let code = ended.code.filter(|code| (1..3).contains(code));
            assert!(code.is_some(), "{odd:?} {command:?} {:?}\n{}", ended.code, ended.said);
            assert!(ended.said.contains("error["), "{odd:?} {command:?}\n{}", ended.said);
            // A folder is what an archive can be.
            let speaks = ended.said.contains(odd.words()) || ended.said.contains("archive.empty");
            assert!(speaks, "{odd:?} {command:?}\n{}", ended.said);
        }
        odd.remove(&stage.path("odd"));
        odd.remove(&stage.path("odd.rhai"));
    }
    for (name, arguments) in [
        ("long.rhai", vec!["run", "./long.rhai"]),
        ("long.toml", vec!["run", "./mio.rhai", "--secrets", "long.toml"]),
        ("long.xml", vec!["controlla", "long.xml"]),
        ("long.pem", vec!["verify", "a.txt", "--trust", "long.pem"]),
    ] {
        Odd::Long.make(&stage.path(name));
        let ended = run(&stage, &arguments);
        assert_eq!(ended.code, Some(1), "{name}\n{}", ended.said);
    }
}

#[test]
fn secrets_still_come_through_pipes() {
    let stage = Stage::embedded();
    fs::write(stage.path("mio.rhai"), SCRIPT).unwrap();
    fifo(&stage.path("pipe"));
    let given = "printf 'password = \"x\"\\n'";
    for line in [
        format!("{given} | \"$0\" run ./mio.rhai --secrets /dev/stdin"),
        format!("{given} | \"$0\" run ./mio.rhai --secrets fd:3 3<&0"),
        format!("{given} > pipe & \"$0\" run ./mio.rhai --secrets pipe; code=$?; wait; exit $code"),
    ] {
        let mut shell = Command::new("sh");
        shell.args(["-c", &line, stage::PROGRAM]).current_dir(stage.folder.path());
        let ended = shell.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{line}\n{said}");
    }
    let ended = run(&stage, &["run", "./mio.rhai", "--secrets", "pipe"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.said.contains("into which nobody writes"), "{}", ended.said);
}

#[test]
fn many_unknown_files_are_looked_at_once_each() {
    let stage = Stage { folder: tempfile::tempdir().unwrap() };
    stage.run(&["init", "--hand-off"]).expect_success();
    fs::write(stage.path("dichiarazione.ccf"), "a declaration").unwrap();
    assert_eq!(stage.run(&SEND).code, Some(4));
    let ricezione = stage.path("Documenti/ricezione");
    let processor_time = |upto: usize, before: usize| {
        for count in before..upto {
            fs::write(
                ricezione.join(format!("{count:017}.pdf")),
                format!("%PDF-1.4 {count} %%EOF"),
            )
            .unwrap();
        }
        let line = "\"$0\" status --json > status.json; times";
        let mut shell = Command::new("sh");
        let ended =
            shell.args(["-c", line, stage::PROGRAM]).current_dir(stage.folder.path()).output();
        let shown = fs::read(stage.path("status.json")).unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
        assert_eq!(shown["unused"].as_array().unwrap().len(), upto);
        seconds(&String::from_utf8(ended.unwrap().stdout).unwrap())
    };
    let (few, many) = (processor_time(2_000, 0), processor_time(16_000, 2_000));
    println!("status of 2,000 unknown files {few:.2} s, of 16,000 {many:.2} s");
    // Eight times as many; the square would be 64.
    assert!(many < 16.0 * few.max(0.05), "{few} {many}");
}

/// The processor time of the children, of what `times` prints last: `0m0.12s 0m0.03s`.
fn seconds(times: &str) -> f64 {
    let each = times.lines().last().unwrap().split_whitespace().map(|one| {
        let (minutes, seconds) = one.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    });
    each.sum()
}
