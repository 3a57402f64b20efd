//! What the folders of a workspace say of themselves without any of their files being opened: names, and
//! when each was last changed. While that is the same, what was read from them still holds.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ceralacca_kernel::atomic_file::TEMPORARY_PREFIX;
use ceralacca_kernel::{Folders, document_archive};
use sha2::{Digest, Sha256};

use crate::esito::{ESITI, RICEZIONE};
use crate::hand_over;
use crate::outbox::OUTBOX;
use crate::revocation::REVOCATIONS;

/// The facts about everything that the register is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FolderFacts {
    /// SHA-256 over all of them, hexadecimal.
    pub(crate) sha256: String,
    /// How many files and folders were looked at.
    pub(crate) count: usize,
    /// Whether the disk tells two changes within a second apart. Where it cannot, nothing may be
    /// concluded from facts that are the same.
    pub(crate) exact: bool,
}

/// What of a folder's entries counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The names, and when each folder among them was changed: that a name in it came or went.
    Folders,
    /// When each file was changed, too, and its length.
    Files,
    /// Only when the folder itself was changed.
    Itself,
}

impl FolderFacts {
    /// Looks at all of them. A change inside a file that keeps its name is not seen where a folder
    /// stands for what it holds.
    ///
    /// # Errors
    /// When one is there and cannot be looked at.
    pub(crate) fn of(folders: &Folders) -> io::Result<FolderFacts> {
        let in_archive = |name: &str| {
            let found = document_archive::existing(&folders.documents, name);
            found.unwrap_or_else(|| folders.documents.join(name))
        };
        let all: [(PathBuf, Of); 8] = [
            (folders.state.join(OUTBOX), Of::Folders),
            (folders.state.join(hand_over::FOLDER), Of::Files),
            (folders.state.join(REVOCATIONS), Of::Files),
            (in_archive(ESITI), Of::Files),
            (in_archive(RICEZIONE), Of::Folders),
            (in_archive("ricevute"), Of::Folders),
            (in_archive("da inviare"), Of::Folders),
            (in_archive("inviati"), Of::Itself),
        ];
        let mut gathered = Gathered::default();
        for (folder, of) in &all {
            gathered.add_folder(folder, *of)?;
        }
        let sha256 = hex::encode(gathered.hasher.finalize());
        Ok(FolderFacts { sha256, count: gathered.count, exact: gathered.exact })
    }
}

#[derive(Default)]
struct Gathered {
    hasher: Sha256,
    count: usize,
    exact: bool,
}

impl Gathered {
    fn add_folder(&mut self, folder: &Path, of: Of) -> io::Result<()> {
        let found = match fs::metadata(folder) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.add(folder.as_os_str(), None);
            }
            Err(error) => return Err(error),
        };
        // Files may lie in `ricezione` that are no business of the register: their names say enough.
        self.add(folder.as_os_str(), (of == Of::Itself).then_some(&found))?;
        if of == Of::Itself {
            return Ok(());
        }
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
                continue;
            }
            let kind = entry.file_type()?;
            let counts = of == Of::Files || !kind.is_file();
            let metadata = match counts {
                true if kind.is_symlink() => fs::metadata(entry.path()).ok(),
                true => Some(entry.metadata()?),
                false => None,
            };
            self.add(&name, metadata.as_ref())?;
        }
        Ok(())
    }

    fn add(&mut self, name: &OsStr, metadata: Option<&Metadata>) -> io::Result<()> {
        self.count += 1;
        let name = name.as_encoded_bytes();
        self.hasher.update((name.len() as u64).to_be_bytes());
        self.hasher.update(name);
        let Some(found) = metadata else {
            self.hasher.update([0]);
            return Ok(());
        };
        let since = found.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        self.exact |= since.subsec_nanos() != 0;
        self.hasher.update([1]);
        self.hasher.update(since.as_nanos().to_be_bytes());
        self.hasher.update(found.len().to_be_bytes());
        Ok(())
    }
}
