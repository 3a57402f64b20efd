//! The very bytes of a library that were hashed and that will be loaded, safe from later changes.
//!
//! On Linux they are copied into memory that nobody can write any more, this program included;
//! the worker inherits its descriptor. Elsewhere they are copied into a folder that only this
//! user reads.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ceralacca_kernel::regular_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest library that is loaded, in bytes.
pub(crate) const LONGEST: u64 = 256 << 20;

/// A library as it was when it was hashed.
#[derive(Debug)]
pub(crate) struct Image {
    place: Place,
    sha256: String,
}

#[derive(Debug)]
enum Place {
    /// `sealed`: nobody can write it any more. Otherwise it is the file itself.
    #[cfg(target_os = "linux")]
    Descriptor { file: File, sealed: bool },
    #[cfg(not(target_os = "linux"))]
    Copy { folder: tempfile::TempDir },
}

/// Where whoever loads the library finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Found {
    /// A descriptor of the process that loads it.
    Descriptor { number: i32, sealed: bool },
    /// A path.
    Path(PathBuf),
}

/// Why a library cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImageError {
    /// The operating system does not give it.
    Unreadable { problem: String },
    /// Longer than any library that is loaded.
    TooLarge { bytes: u64 },
    /// Not the bytes that were expected.
    Changed { expected: String, found: String },
}

impl From<io::Error> for ImageError {
    fn from(error: io::Error) -> ImageError {
        ImageError::Unreadable { problem: error.to_string() }
    }
}

impl Image {
    /// Takes the library's bytes, which have this SHA-256 in hexadecimal.
    pub(crate) fn read(path: &Path, expected_sha256: &str) -> Result<Image, ImageError> {
        let image = Image::of(path)?;
        if !image.sha256.eq_ignore_ascii_case(expected_sha256) {
            let expected = expected_sha256.to_owned();
            return Err(ImageError::Changed { expected, found: image.sha256 });
        }
        Ok(image)
    }

    /// Takes the library's bytes, whatever they are.
    pub(crate) fn of(path: &Path) -> Result<Image, ImageError> {
        #[cfg(target_os = "linux")]
        let Ok(memory) = crate::sealed::memory_file() else { return Image::in_place(path) };
        let file = library(path)?;
        #[cfg(target_os = "linux")]
        let (place, mut bytes) = Place::of(file, memory)?;
        #[cfg(not(target_os = "linux"))]
        let (place, mut bytes) = Place::of(file)?;
        let sha256 = digest(&mut bytes)?;
        Ok(Image { place, sha256 })
    }

    /// The file itself, held open, for systems whose rules keep programs out of memory files.
    /// What it holds is what was hashed, unless somebody who may write it does so in between.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_place(path: &Path) -> Result<Image, ImageError> {
        let file = library(path)?;
        // A second opening of the same file, so that reading it moves nothing of the first.
        let sha256 = digest(&mut reopened(&file)?)?;
        Ok(Image { place: Place::Descriptor { file, sealed: false }, sha256 })
    }

    /// SHA-256 of the bytes, in lower case hexadecimal.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Where this process, or one that inherits its descriptor, finds the library.
    pub(crate) fn found(&self) -> Found {
        match &self.place {
            #[cfg(target_os = "linux")]
            Place::Descriptor { file, sealed } => {
                use std::os::fd::AsRawFd;
                Found::Descriptor { number: file.as_raw_fd(), sealed: *sealed }
            }
            #[cfg(not(target_os = "linux"))]
            Place::Copy { folder } => Found::Path(copied(folder)),
        }
    }

    /// The library for this process, for as long as it lives: the loader knows a library by the
    /// path that it was loaded from, so that no other may ever get the same number.
    pub(crate) fn kept(&self) -> io::Result<PathBuf> {
        match &self.place {
            #[cfg(target_os = "linux")]
            Place::Descriptor { file, .. } => {
                use std::os::fd::IntoRawFd;
                Ok(Found::Descriptor { number: file.try_clone()?.into_raw_fd(), sealed: true }
                    .path())
            }
            #[cfg(not(target_os = "linux"))]
            Place::Copy { folder } => {
                let kept = tempfile::Builder::new().prefix("ceralacca-").tempdir()?;
                let path = copied(&kept);
                std::fs::copy(copied(folder), &path)?;
                let _ = kept.keep();
                Ok(path)
            }
        }
    }
}

impl Found {
    /// What the loader is given.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Found::Descriptor { number, .. } => PathBuf::from(format!("/proc/self/fd/{number}")),
            Found::Path(path) => path.clone(),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn copied(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join(format!("plugin{}", std::env::consts::DLL_SUFFIX))
}

impl Place {
    /// The place, and the bytes in it to be read once.
    #[cfg(target_os = "linux")]
    fn of(mut file: File, mut memory: File) -> Result<(Place, File), ImageError> {
        let length = io::copy(&mut file.by_ref().take(LONGEST + 1), &mut memory)?;
        if length > LONGEST {
            return Err(ImageError::TooLarge { bytes: length });
        }
        crate::sealed::seal(&memory)?;
        let again = reopened(&memory)?;
        Ok((Place::Descriptor { file: memory, sealed: true }, again))
    }

    #[cfg(not(target_os = "linux"))]
    fn of(mut file: File) -> Result<(Place, File), ImageError> {
        let folder = tempfile::Builder::new().prefix("ceralacca-").tempdir()?;
        let mut copy = File::create(copied(&folder))?;
        let length = io::copy(&mut file.by_ref().take(LONGEST + 1), &mut copy)?;
        if length > LONGEST {
            return Err(ImageError::TooLarge { bytes: length });
        }
        let again = regular_file::open(&copied(&folder))?;
        Ok((Place::Copy { folder }, again))
    }
}

/// The library's file, if it is one.
fn library(path: &Path) -> Result<File, ImageError> {
    let file = regular_file::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > LONGEST {
        return Err(ImageError::TooLarge { bytes });
    }
    Ok(file)
}

/// The same file, read from its beginning.
#[cfg(target_os = "linux")]
fn reopened(file: &File) -> io::Result<File> {
    use std::os::fd::AsRawFd;
    regular_file::open(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
}

fn digest(bytes: &mut File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        let length = bytes.read(&mut part)?;
        if length == 0 {
            return Ok(hex::encode(digest.finalize()));
        }
        digest.update(&part[..length]);
    }
}
