//! Content that streams by: its beginning is looked at, and it is kept only when it is needed.

use std::fs::File;
use std::io::{self, Write};

use ceralacca_signing::armour;

use crate::kind::{HEAD, Kind};
use crate::section::Section;

/// Takes the content of a layer.
///
/// It goes to a nameless temporary file when it looks like a file that can be opened in turn, or
/// when all content is to be kept; else only its beginning and its length stay.
pub(crate) struct Spool {
    keep: bool,
    head: Vec<u8>,
    length: u64,
    file: Option<File>,
}

/// What is left of content that streamed by.
pub(crate) struct Spooled {
    /// What it looks like.
    pub(crate) kind: Kind,
    /// Its bytes, when they were kept.
    pub(crate) section: Option<Section>,
    /// How many there were.
    pub(crate) length: u64,
}

impl Spool {
    /// `keep` keeps all content, whatever it is.
    pub(crate) fn new(keep: bool) -> Spool {
        Spool { keep, head: Vec::new(), length: 0, file: None }
    }

    pub(crate) fn finish(mut self) -> io::Result<Spooled> {
        if self.length <= HEAD as u64 {
            self.begin()?;
        }
        let kind = Kind::recognise(&self.head);
        let section = self.file.map(Section::whole).transpose()?;
        Ok(Spooled { kind, section, length: self.length })
    }

    /// Decides whether to keep the content, from its beginning.
    fn begin(&mut self) -> io::Result<()> {
        let looks = Kind::recognise(&self.head).is_container() || armour::is_armoured(&self.head);
        if self.keep || looks {
            let mut file = tempfile::tempfile()?;
            file.write_all(&self.head)?;
            self.file = Some(file);
        }
        Ok(())
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.length;
        self.length += bytes.len() as u64;
        let room = HEAD - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        if before <= HEAD as u64 && self.length > HEAD as u64 {
            self.begin()?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(rest)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spooled(bytes: &[u8], piece: usize, keep: bool) -> Spooled {
        let mut spool = Spool::new(keep);
        bytes.chunks(piece).for_each(|piece| spool.write_all(piece).unwrap());
        spool.finish().unwrap()
    }

    #[test]
    fn only_what_is_needed_is_kept() {
        for length in [0, 5, HEAD - 1, HEAD, HEAD + 1, 3 * HEAD + 17] {
            let mut text = vec![b'.'; length];
            for piece in [4096, 65_000, 1 << 20] {
                let kept = spooled(&text, piece, true).section.unwrap();
                assert!(kept.load(1 << 20).unwrap().unwrap() == text, "{length} {piece}");
                let left = spooled(&text, piece, false);
                assert_eq!((left.length, left.section.is_none()), (length as u64, true));
            }
            if length > 40 {
                let signed = hex::decode("308006092a864886f70d010703a0803080").unwrap();
                text[..signed.len()].copy_from_slice(&signed);
                let kept = spooled(&text, 999, false);
                assert_eq!(kept.kind, Kind::EnvelopedData);
                assert!(kept.section.unwrap().load(1 << 20).unwrap().unwrap() == text);
            }
        }
    }
}
