//! `plugins.lock`: which plugins a workspace trusts, by the SHA-256 of library and manifest.

use std::path::{Component, Path, PathBuf};

use ceralacca_kernel::lock::{FileLock, LockError};
use ceralacca_kernel::{Error, PluginPin, atomic_file, regular_file, text_encoding};
use ceralacca_submission::printable;
use serde::{Deserialize, Serialize};

use crate::error::PluginError;
use crate::permissions;

/// Name of the file in the workspace.
pub const LOCK_FILE: &str = "plugins.lock";

const LONGEST: u64 = 1 << 20;

/// How much of a line an error shows, in characters.
const LONGEST_LINE: usize = 200;

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    #[serde(default, rename = "plugin")]
    pub(crate) plugins: Vec<Locked>,
}

/// One plugin as the workspace trusts it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Locked {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Name of the library's file.
    pub(crate) library: String,
    pub(crate) library_sha256: String,
    pub(crate) manifest_sha256: String,
}

impl Lock {
    /// The lock of the workspace at `root`; `None` where there is none.
    pub(crate) fn read(root: &Path) -> Result<Option<Lock>, Error> {
        let path = root.join(LOCK_FILE);
        let bytes = match regular_file::read(&path, LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                let problem = format!("it is longer than {LONGEST} bytes");
                return Err(PluginError::Lock { path, problem }.into());
            }
            Err(error) => return Err(PluginError::unreadable(&path, &error).into()),
        };
        permissions::check(&path, root)?;
        let wrong = |problem: String| PluginError::Lock { path: path.clone(), problem };
        let text = text_encoding::decode(&bytes).map_err(|error| wrong(error.to_string()))?;
        let lock: Lock = toml::from_str(text).map_err(|error| wrong(shown(&error)))?;
        match lock.problem() {
            Some(problem) => Err(wrong(problem).into()),
            None => Ok(Some(lock)),
        }
    }

    pub(crate) fn write(&self, root: &Path) -> Result<(), Error> {
        let path = root.join(LOCK_FILE);
        let text = toml::to_string(self).map_err(|error| PluginError::Lock {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        // Whoever writes it holds the lock of the folder: nobody else does so meanwhile.
        let written = atomic_file::write_alone(&path, format!("{HEADING}{text}").as_bytes());
        written.map_err(|error| PluginError::not_written(&path, &error).into())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Locked> {
        self.plugins.iter().find(|locked| locked.name == name)
    }

    /// Puts an entry in its place, instead of an earlier one.
    pub(crate) fn set(&mut self, locked: Locked) {
        self.remove(&locked.name);
        self.plugins.push(locked);
        self.plugins.sort_by(|a, b| a.name.cmp(&b.name));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.plugins.retain(|locked| locked.name != name);
    }

    fn problem(&self) -> Option<String> {
        let hash = |text: &str| {
            text.len() == 64 && text.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'a'..=b'f'))
        };
        self.plugins.iter().enumerate().find_map(|(at, locked)| {
            let Locked { name, library, library_sha256, manifest_sha256, .. } = locked;
            if !is_file_name(name) || !is_file_name(library) {
                return Some(format!("{name:?}, {library:?}: both are names, without a path"));
            }
            if !hash(library_sha256) || !hash(manifest_sha256) {
                return Some(format!("{name}: a SHA-256 is 64 hexadecimal digits, lower case"));
            }
            let twice = self.plugins.iter().skip(at + 1).any(|other| other.name == *name);
            twice.then(|| format!("{name} is there twice"))
        })
    }
}

impl Locked {
    /// As the journal keeps it.
    pub(crate) fn pin(&self) -> PluginPin {
        PluginPin {
            name: self.name.clone(),
            version: self.version.clone(),
            library_sha256: self.library_sha256.clone(),
            manifest_sha256: self.manifest_sha256.clone(),
        }
    }
}

/// Held by whoever changes the plugins of a workspace.
pub(crate) fn take(root: &Path) -> Result<FileLock, Error> {
    let folder = plugins_folder(root);
    let unwritable = |error| Error::from(PluginError::not_written(&folder, &error));
    make_folder(&folder).map_err(unwritable)?;
    FileLock::acquire(&folder.join(".lock"), "another `ceralacca plugin` command").map_err(
        |error| match error {
            LockError::Held(holder) => PluginError::Busy { holder }.into(),
            LockError::Io(error) => unwritable(error),
        },
    )
}

/// Where the plugins of a workspace are.
pub(crate) fn plugins_folder(root: &Path) -> PathBuf {
    root.join("plugins")
}

/// Makes a folder that only its owner can write to, whatever the umask says.
pub(crate) fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755 & !0o022);
    builder.create(folder)
}

/// A mistake in the file with the line that has it, which may hold anything.
fn shown(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let lines = text.trim_end().lines().map(|line| printable(line, LONGEST_LINE));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_file_name(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    let only = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    only && !text.contains(['/', '\\'])
}

const HEADING: &str = "\
# Which plugins this workspace trusts. Written by `ceralacca plugin install` and `lock`; keep it
# under version control.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str) -> Locked {
        Locked {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            library: format!("lib{name}.so"),
            library_sha256: "a".repeat(64),
            manifest_sha256: "0".repeat(64),
        }
    }

    fn workspace() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn it_comes_back_sorted_and_without_a_second_entry() {
        let root = workspace();
        assert_eq!(Lock::read(root.path()).unwrap(), None);
        let mut lock = Lock::default();
        ["b", "a", "b"].into_iter().for_each(|name| lock.set(locked(name)));
        lock.write(root.path()).unwrap();
        let read = Lock::read(root.path()).unwrap().unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.plugins.iter().map(|one| &one.name).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_no_lock_is_refused() {
        let root = workspace();
        let good = toml::to_string(&Lock { plugins: vec![locked("a")] }).unwrap();
        let twice = format!("{good}\n{good}");
        let cases = [
            "x = 1".to_owned(),
            "\0".to_owned(),
            twice,
            good.replace("liba.so", "../liba.so"),
            good.replace("\"a\"", "\"..\""),
            good.replace("aaaa", "AAAA"),
            good.replace("0000", "000"),
            format!("{good}extra = 1\n"),
            "#".repeat(LONGEST as usize + 1),
        ];
        for text in cases {
            atomic_file::write(&root.path().join(LOCK_FILE), text.as_bytes()).unwrap();
            let error = Lock::read(root.path()).unwrap_err();
            assert_eq!(error.code(), "plugin.lock_unreadable", "{}", &text[..text.len().min(300)]);
        }
    }
}
