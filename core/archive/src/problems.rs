//! Collects what stops an index, so that one error names all of it, and what does not stop it.

use crate::error::NAMED;
use crate::index::Note;
use crate::{ArchiveError, Offender, Offenders, Trouble};

/// What was found besides the documents.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Problems,
    pub(crate) notes: Notes,
}

/// Notes: the first 20 and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) named: Vec<Note>,
    pub(crate) count: u64,
}

impl Notes {
    pub(crate) fn add(&mut self, note: Note) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(note);
        }
    }
}

/// Troubles found so far, by kind.
///
/// From the first one on nothing is hashed any more: the rest of the archive is only looked over.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    kinds: [Offenders; KINDS.len()],
}

/// The kinds in the order in which they are reported.
const KINDS: [fn(Offenders) -> ArchiveError; 6] = [
    ArchiveError::Names,
    ArchiveError::Links,
    ArchiveError::SpecialFiles,
    ArchiveError::LooseDocuments,
    ArchiveError::Unreadable,
    ArchiveError::Changed,
];

impl Problems {
    pub(crate) fn add(&mut self, path: String, trouble: Trouble) {
        let offenders = &mut self.kinds[kind(&trouble)];
        offenders.count += 1;
        if offenders.named.len() < NAMED {
            offenders.named.push(Offender { path, trouble });
        }
    }

    /// Whether there is one.
    pub(crate) fn any(&self) -> bool {
        self.kinds.iter().any(|offenders| offenders.count > 0)
    }

    /// The error of the gravest kind that was found, which counts the others.
    pub(crate) fn into_result(self) -> Result<(), ArchiveError> {
        let total: u64 = self.kinds.iter().map(|offenders| offenders.count).sum();
        let mut found = self.kinds.into_iter().zip(KINDS).filter(|(kind, _)| kind.count > 0);
        let Some((mut offenders, error)) = found.next() else {
            return Ok(());
        };
        offenders.others = total - offenders.count;
        offenders.named.sort_by(|a, b| a.path.cmp(&b.path));
        Err(error(offenders))
    }
}

impl Problems {
    /// The first offenders of all kinds, by path, and how many there are.
    pub(crate) fn into_offenders(self) -> (Vec<Offender>, u64) {
        let count = self.kinds.iter().map(|offenders| offenders.count).sum();
        let mut named: Vec<_> = self.kinds.into_iter().flat_map(|kind| kind.named).collect();
        named.sort_by(|a, b| a.path.cmp(&b.path));
        named.truncate(NAMED);
        (named, count)
    }
}

/// The place of a trouble's kind in [`KINDS`].
fn kind(trouble: &Trouble) -> usize {
    use Trouble::*;
    match trouble {
        NotUtf8 | NotInThisForm => 0,
        LinkOutside | LinkToFolder | LinkToNothing => 1,
        Pipe | Socket | Device | Folder | Other => 2,
        Loose => 3,
        Unreadable { .. } => 4,
        Changed | Disappeared | FolderChanged => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_are_named_and_all_are_counted() {
        let mut problems = Problems::default();
        assert!(!problems.any());
        for number in 0..30 {
            problems.add(format!("{number:02}"), Trouble::Changed);
        }
        problems.add("pipe".into(), Trouble::Pipe);
        problems.add("device".into(), Trouble::Device);
        assert!(problems.any());
        let Err(ArchiveError::SpecialFiles(offenders)) = problems.into_result() else {
            panic!("special files are reported first");
        };
        assert_eq!((offenders.count, offenders.others), (2, 30));
        assert_eq!(offenders.named[0].path, "device");
        assert_eq!(Problems::default().into_result(), Ok(()));
    }
}
