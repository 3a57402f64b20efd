//! The impronta of a file: its digest, with progress.

use std::io::{self, Read};
use std::path::Path;

use ceralacca_kernel::Error;
use ceralacca_signing::{DigestAlgorithm, Hasher};

use crate::error::InspectError;
use crate::section::Section;

/// The digest of the file at `path`, in constant memory.
///
/// `progress` is told how many bytes are done, of how many.
///
/// # Errors
/// `inspect.disk`.
pub fn digest_file(
    path: &Path,
    algorithm: DigestAlgorithm,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<u8>, Error> {
    let disk = InspectError::disk("reading", path);
    let mut section = Section::open(path).map_err(&disk)?;
    let (mut hasher, mut done, total) = (Hasher::new(algorithm), 0, section.length());
    let mut buffer = vec![0; PIECE];
    loop {
        match section.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(length) => {
                hasher.update(&buffer[..length]);
                done += length as u64;
                progress(done, total);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(disk(error).into()),
        }
    }
}

/// Reads `sha256`, `SHA-384` and the like; SHA-1 is not offered.
///
/// # Errors
/// `inspect.unknown_digest`.
pub fn digest_algorithm(name: &str) -> Result<DigestAlgorithm, InspectError> {
    DigestAlgorithm::parse(name)
        .filter(|algorithm| algorithm.is_accepted())
        .ok_or_else(|| InspectError::UnknownDigest { name: name.chars().take(60).collect() })
}

const PIECE: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Folder;

    #[test]
    fn the_digest_of_a_file() {
        let folder = Folder::new();
        let path = folder.file("a", &vec![7; 600_000]);
        let (mut told, algorithm) = (Vec::new(), digest_algorithm("sha-384").unwrap());
        let digest = digest_file(&path, algorithm, |done, total| told.push((done, total)));
        assert_eq!(digest.unwrap(), algorithm.digest(&vec![7; 600_000]));
        assert_eq!(told.last(), Some(&(600_000, 600_000)));
        assert!(digest_algorithm("sha1").is_err() && digest_algorithm("").is_err());
        assert_eq!(
            digest_file(folder.path(), algorithm, |_, _| ()).unwrap_err().code(),
            "inspect.disk"
        );
    }
}
