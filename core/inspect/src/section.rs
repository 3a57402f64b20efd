//! A stretch of an open file, read without loading it: the bytes of one layer.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ceralacca_kernel::regular_file;

/// A stretch of a file, with a reading position of its own. Clones share the file.
#[derive(Clone, Debug)]
pub struct Section {
    file: Arc<Mutex<File>>,
    start: u64,
    length: u64,
    position: u64,
}

impl Section {
    /// The whole of the file at `path`.
    pub fn open(path: &Path) -> io::Result<Section> {
        Section::whole(regular_file::open(path)?)
    }

    /// The whole of an open file.
    ///
    /// # Errors
    /// `InvalidInput` for what is not a regular file: a pipe or a device has no end and no middle.
    pub fn whole(file: File) -> io::Result<Section> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let length = metadata.len();
        Ok(Section { file: Arc::new(Mutex::new(file)), start: 0, length, position: 0 })
    }

    /// Bytes in a nameless temporary file, from its beginning.
    pub fn of_bytes(bytes: &[u8]) -> io::Result<Section> {
        let mut file = tempfile::tempfile()?;
        io::Write::write_all(&mut file, bytes)?;
        Section::whole(file)
    }

    /// A stretch of this stretch, from its beginning; cut where this one ends.
    pub fn part(&self, start: u64, length: u64) -> Section {
        let start = start.min(self.length);
        Section {
            file: Arc::clone(&self.file),
            start: self.start + start,
            length: length.min(self.length - start),
            position: 0,
        }
    }

    /// The same bytes, read from their beginning.
    pub fn from_start(&self) -> Section {
        Section { position: 0, ..self.clone() }
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The first `limit` bytes, or all when there are fewer.
    pub fn head(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.from_start().take(limit as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    /// All bytes, or `None` when there are more than `limit`.
    pub fn load(&self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        if self.length > limit {
            return Ok(None);
        }
        self.head(self.length as usize).map(Some)
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let wanted = left.min(buffer.len() as u64) as usize;
        if wanted == 0 {
            return Ok(0);
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.start + self.position))?;
        let taken = file.read(&mut buffer[..wanted])?;
        self.position += taken as u64;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_independent() {
        let whole = Section::of_bytes(b"0123456789").unwrap();
        let (mut a, mut b) = (whole.part(2, 4), whole.part(6, 100));
        let mut text = String::new();
        let mut one = [0];
        a.read_exact(&mut one).unwrap();
        b.read_to_string(&mut text).unwrap();
        a.read_to_string(&mut text).unwrap();
        assert_eq!((one, text.as_str()), ([b'2'], "6789345"));
        assert_eq!(a.head(2).unwrap(), b"23");
        assert_eq!(whole.part(11, 3).length(), 0);
        assert_eq!(whole.load(9).unwrap(), None);
        assert!(Section::open(Path::new("/")).is_err());
    }
}
