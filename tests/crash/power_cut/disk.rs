//! A disk under a workspace that may lose its power: `disk.c`, preloaded into the program under test,
//! keeps what was synced, and [`Disk::cut`] puts the folder back to that.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use crate::stage::judge;

/// What the power was cut at, or how the process ended.
pub(crate) enum Ended {
    /// Power was cut at this moment.
    Cut(String),
    /// The process ended before the wanted moment, with this code.
    Before(Option<i32>, String),
}

pub(crate) struct Disk {
    root: PathBuf,
    survives: TempDir,
    shim: PathBuf,
    _built: TempDir,
}

impl Disk {
    /// A disk under `root`, with everything on it that is there now.
    pub(crate) fn under(root: &Path) -> Disk {
        let built = tempfile::tempdir().unwrap();
        let shim = built.path().join("disk.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/power_cut/disk.c");
        let output = shim.display().to_string();
        judge::agrees("cc", &["-Wall", "-Werror", "-shared", "-fPIC", "-o", &output, source]);
        let root = root.canonicalize().unwrap();
        let disk = Disk { root, survives: tempfile::tempdir().unwrap(), shim, _built: built };
        disk.settle();
        disk
    }

    /// Everything that lies there now has reached the disk.
    pub(crate) fn settle(&self) {
        for entry in fs::read_dir(self.survives.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        self.keep(&self.root);
    }

    fn keep(&self, folder: &Path) {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let found = entry.metadata().unwrap();
            let kind = if found.is_dir() { 'd' } else { 'f' };
            let name = entry.file_name().into_string().unwrap();
            let (mode, id) = (found.mode() & 0o7777, id(&found));
            names.extend_from_slice(format!("{kind} {mode:o} {id} {name}\0").as_bytes());
            if found.is_dir() {
                self.keep(&entry.path());
            } else {
                fs::copy(entry.path(), self.kept('f', &id)).unwrap();
            }
        }
        let id = id(&fs::metadata(folder).unwrap());
        fs::write(self.kept('d', &id), names).unwrap();
    }

    fn kept(&self, kind: char, id: &str) -> PathBuf {
        self.survives.path().join(format!("{kind}.{id}"))
    }

    /// Runs a command until the moment; `None` runs it to its end.
    pub(crate) fn run_until(&self, command: &mut Command, moment: Option<u32>) -> Ended {
        command.env("LD_PRELOAD", &self.shim).env("DISK_FOLDER", &self.root);
        command.env("DISK_SURVIVES", self.survives.path());
        command.env("DISK_POINT", moment.unwrap_or(0).to_string());
        let done = command.stdout(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_ne!(done.status.code(), Some(99), "the disk itself failed: {said}");
        let cut = said.lines().find_map(|line| line.strip_prefix("power cut: "));
        match (done.status.code(), cut) {
            (Some(98), Some(moment)) => Ended::Cut(moment.to_owned()),
            (code, _) => Ended::Before(code, said),
        }
    }

    /// Puts the folder back to what has reached the disk.
    pub(crate) fn cut(&self) {
        for entry in fs::read_dir(&self.root).unwrap() {
            let entry = entry.unwrap();
            let is_folder = entry.file_type().unwrap().is_dir();
            let remove = if is_folder { fs::remove_dir_all } else { fs::remove_file::<PathBuf> };
            remove(entry.path()).unwrap();
        }
        let id = id(&fs::metadata(&self.root).unwrap());
        self.restore(&self.root, &id);
        self.settle();
    }

    /// Fills `folder` with the names that survived. A folder that was never synced is empty, and so is
    /// a file.
    fn restore(&self, folder: &Path, id: &str) {
        let names = fs::read(self.kept('d', id)).unwrap_or_default();
        for line in names.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let line = std::str::from_utf8(line).unwrap();
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let [kind, mode, id, name] = parts[..] else { panic!("{line}") };
            let (path, mode) = (folder.join(name), u32::from_str_radix(mode, 8).unwrap());
            if kind == "d" {
                fs::create_dir(&path).unwrap();
                self.restore(&path, id);
            } else {
                let bytes = fs::read(self.kept('f', id)).unwrap_or_default();
                fs::write(&path, bytes).unwrap();
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// The inode with its time of birth, as `disk.c` writes it.
fn id(of: &fs::Metadata) -> String {
    let born = of.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
    format!("{}.{}.{:09}", of.ino(), born.as_secs(), born.subsec_nanos())
}
