//! A file of the document archive as records name it: by its place in the archive, its content's
//! SHA-256 and its length, so that moving or copying the workspace changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Folders, document_archive};
use serde::{Deserialize, Serialize};

use crate::outbox::{LARGEST_DOCUMENT, read_at_most, sha256_hex};

/// A file of the document archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Where it is below the document archive: `ricezione/<protocollo>/<name>`. Older versions wrote
    /// the whole path.
    pub path: PathBuf,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// Bytes.
    #[serde(default)]
    pub length: u64,
}

/// How closely a kept file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Whether it is there, with its length.
    Length,
    /// Whether its content is what was kept.
    Content,
}

impl KeptFile {
    /// The file that was just written there with these bytes.
    pub fn new(folders: &Folders, path: &Path, bytes: &[u8]) -> KeptFile {
        let path = in_archive(&folders.documents, path);
        KeptFile { path, sha256: sha256_hex(bytes), length: bytes.len() as u64 }
    }

    /// Where it is now.
    pub(crate) fn place(&self, folders: &Folders) -> PathBuf {
        place(&folders.documents, &self.path)
    }

    /// Why it is not what was kept; `None` when it is.
    pub(crate) fn fault(&self, folders: &Folders, look: Look) -> Option<(PathBuf, String)> {
        let path = self.place(folders);
        let fault = match fs::metadata(&path) {
            Err(error) => Some(format!("it is not there any more: {error}")),
            Ok(found) if !found.is_file() => Some("it is not a file".to_owned()),
            // Older versions did not write the length.
            Ok(found) if self.length > 0 && found.len() != self.length => {
                Some(format!("it was changed: {} bytes, kept were {}", found.len(), self.length))
            }
            Ok(_) if self.length > 0 && look == Look::Length => None,
            Ok(_) => match read_at_most(&path, LARGEST_KEPT) {
                Err(error) => Some(error.to_string()),
                Ok(bytes) if sha256_hex(&bytes) == self.sha256 => None,
                Ok(bytes) => Some(format!(
                    "it was changed: SHA-256 {}, kept was {}",
                    sha256_hex(&bytes),
                    self.sha256
                )),
            },
        };
        fault.map(|reason| (path, reason))
    }
}

/// The path as it is written down.
pub(crate) fn in_archive(documents: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(documents) {
        Ok(inside) => PathBuf::from(inside.to_string_lossy().replace('\\', "/")),
        Err(_) => path.to_owned(),
    }
}

/// Where a path that was written down is in this archive. Of a whole path only the part below the
/// archive counts: it may be that of a workspace which was moved, or copied.
pub(crate) fn place(documents: &Path, written: &Path) -> PathBuf {
    let text = written.to_string_lossy().replace('\\', "/");
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    let of_ours = |part: &&str| FOLDERS.iter().any(|folder| part.eq_ignore_ascii_case(folder));
    let Some(start) = parts.iter().rposition(of_ours) else {
        return documents.join(written);
    };
    let folder = document_archive::existing(documents, parts[start])
        .unwrap_or_else(|| documents.join(parts[start]));
    parts[start + 1..]
        .iter()
        .filter(|part| **part != "..")
        .fold(folder, |path, part| path.join(part))
}

/// The folders in which something is kept.
const FOLDERS: [&str; 4] = ["ricezione", "ricevute", "inviati", "da inviare"];
/// A signed receipt has its text in it, and an opaque one is as large as what may be fetched.
const LARGEST_KEPT: u64 = 4 * LARGEST_DOCUMENT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_archive_still_has_its_files() {
        let root = tempfile::tempdir().unwrap();
        let folders = |name: &str| Folders {
            documents: root.path().join(name).join("Documenti"),
            state: root.path().join(name).join("state"),
        };
        let (first, second) = (folders("uno"), folders("due"));
        for folders in [&first, &second] {
            let folder = folders.documents.join("RICEZIONE/26112100000000001");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("a.rcc"), b"sealed").unwrap();
        }
        let path = first.documents.join("RICEZIONE/26112100000000001/a.rcc");
        let kept = KeptFile::new(&first, &path, b"sealed");
        assert_eq!(kept.path, Path::new("RICEZIONE/26112100000000001/a.rcc"));
        let older = KeptFile { path: path.clone(), ..kept.clone() };
        let windows = r"C:\ditta\Documenti\ricezione\26112100000000001\a.rcc";
        let windows = KeptFile { path: windows.into(), ..kept.clone() };
        let expected = second.documents.join("RICEZIONE/26112100000000001/a.rcc");
        for kept in [&kept, &older, &windows] {
            assert_eq!(kept.place(&second), expected, "never that of the other workspace");
            assert_eq!(kept.fault(&second, Look::Content), None);
        }
        fs::write(&expected, b"forged").unwrap();
        assert_eq!(kept.fault(&second, Look::Length), None);
        assert!(kept.fault(&second, Look::Content).unwrap().1.contains("changed"));
        // An older record has no length: its content is looked at.
        assert!(KeptFile { length: 0, ..kept.clone() }.fault(&second, Look::Length).is_some());
        fs::write(&expected, b"").unwrap();
        assert!(kept.fault(&second, Look::Length).unwrap().1.contains("0 bytes"));
        fs::remove_file(&expected).unwrap();
        assert!(older.fault(&second, Look::Length).is_some(), "that of the other does not count");
    }
}
