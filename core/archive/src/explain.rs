//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::escape::shown;
use crate::{
    ArchiveError, Differences, ListMistake, MetadataMistake, Offender, Offenders, Trouble,
};

impl Explain for ArchiveError {
    fn explain(&self) -> Report {
        use ArchiveError::*;
        match self {
            NotOpened { .. } | Empty { .. } | List { .. } | IndexInside { .. } => {
                explain_source(self)
            }
            Unreadable(_) | Links(_) | SpecialFiles(_) | Changed(_) | Names(_)
            | LooseDocuments(_) => explain_documents(self),
            NotWritten { .. } | Metadata { .. } | FileName { .. } | Workspace { .. } => {
                explain_writing(self)
            }
            IndexUnreadable { .. }
            | NotAnIndex { .. }
            | IndexDamaged { .. }
            | IndexChanged { .. } => explain_reading(self),
            Differs(differences) => explain_differences(differences),
        }
    }
}

fn explain_source(error: &ArchiveError) -> Report {
    use ArchiveError::*;
    let report = match error {
        NotOpened { path, system } => {
            Report::refused("archive.not_opened", format!("{} cannot be opened", shown(path)))
                .found(system)
                .next("name a folder, or a list of documents, that can be read")
        }
        Empty { path } => {
            Report::refused("archive.empty", format!("{} has no document", shown(path)))
                .expected("at least one document")
                .found("none")
                .next("name the folder in which the documents are")
        }
        List { path, line, mistake } => Report::refused(
            "archive.list",
            format!("line {line} of {} names no document", shown(path)),
        )
        .expected("a path, or a lot, a tab and a path; relative to the list, with `/`")
        .found(list_mistake(*mistake))
        .next("correct the list"),
        IndexInside { index, archive } => Report::refused(
            "archive.index_inside",
            format!("{} would be a document of the archive it lists", shown(index)),
        )
        .expected(format!("a place outside of {}", shown(archive)))
        .next("keep the archive and the workspace apart"),
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.state("no index was written")
}

fn explain_documents(error: &ArchiveError) -> Report {
    use ArchiveError::*;
    let (report, offenders, next) = match error {
        Unreadable(offenders) => (
            Report::refused("archive.unreadable", subject(offenders, "cannot be read"))
                .expected("an archive that can be read whole"),
            offenders,
            "make them readable, or take them out of the archive or the list",
        ),
        Links(offenders) => (
            Report::refused("archive.link", subject(offenders, "is a link that is not followed"))
                .expected("links to documents inside the archive only"),
            offenders,
            "put the documents themselves in the place of the links",
        ),
        SpecialFiles(offenders) => (
            Report::refused("archive.special_file", subject(offenders, "is not a document"))
                .expected("files and folders only"),
            offenders,
            "take them out of the archive",
        ),
        Changed(offenders) => (
            Report::refused("archive.changed", subject(offenders, "changed while it was read"))
                .expected("an archive at rest"),
            offenders,
            "stop what writes to the archive, then index it again",
        ),
        Names(offenders) => (
            Report::refused("archive.name", subject(offenders, "has a name an index cannot hold"))
                .expected("names in UTF-8; for a PIndex also without control characters"),
            offenders,
            "rename them",
        ),
        LooseDocuments(offenders) => (
            Report::refused("archive.loose_documents", subject(offenders, "lies beside the lots"))
                .expected("each document in the sub-folder that is its lot"),
            offenders,
            "move them into a sub-folder, or index the folder as one lot",
        ),
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.found(listed(offenders)).state("no index was written").next(next)
}

fn subject(offenders: &Offenders, what: &str) -> String {
    let first = offenders.named.first().map(|first| shown(&first.path)).unwrap_or_default();
    match offenders.count {
        0 | 1 => format!("{first} {what}"),
        count => format!("{first} {what}; {count} in all"),
    }
}

fn listed(offenders: &Offenders) -> String {
    let mut lines: Vec<String> = offenders.named.iter().map(Offender::text).collect();
    let unnamed = offenders.count.saturating_sub(offenders.named.len() as u64);
    if unnamed > 0 {
        lines.push(format!("and {unnamed} more"));
    }
    if offenders.others > 0 {
        lines.push(format!("and {} with other troubles", offenders.others));
    }
    lines.join("\n")
}

impl Offender {
    /// `03/a.pdf: permission denied`.
    pub(crate) fn text(&self) -> String {
        format!("{}: {}", shown(&self.path), trouble(&self.trouble))
    }
}

fn trouble(trouble: &Trouble) -> String {
    use Trouble::*;
    let text = match trouble {
        Unreadable { system } => return shown(system),
        LinkOutside => "a link out of the archive",
        LinkToFolder => "a folder reached through a link",
        LinkToNothing => "a link to nothing",
        Pipe => "a pipe",
        Socket => "a socket",
        Device => "a device",
        Folder => "a folder",
        Other => "neither a file nor a folder",
        Changed => "its size, time or identity changed",
        Disappeared => "it is not there any more",
        FolderChanged => "documents were added, removed or renamed in this folder",
        NotUtf8 => "its name is not UTF-8",
        NotInThisForm => "its name has control characters",
        Loose => "beside the lots",
    };
    text.to_owned()
}

fn list_mistake(mistake: ListMistake) -> &'static str {
    match mistake {
        ListMistake::NotUtf8 => "bytes that are not UTF-8",
        ListMistake::Utf16 => "UTF-16; save it as UTF-8",
        ListMistake::TooLong => "more than 64 KiB",
        ListMistake::Absolute => "an absolute path",
        ListMistake::Components => "a path with `..`, `.` or an empty part",
        ListMistake::ControlCharacter => "a control character",
        ListMistake::Duplicate => "a document that the list names before",
        ListMistake::TheIndex => "the index itself",
    }
}

fn explain_writing(error: &ArchiveError) -> Report {
    use ArchiveError::*;
    let report = match error {
        NotWritten { what, system } => {
            let what = if what.is_empty() { "the index" } else { what };
            Report::refused("archive.not_written", format!("{} cannot be written", shown(what)))
                .found(system)
                .next("free some space or open the folder, then index again")
        }
        Metadata { field, mistake } => {
            let (expected, found) = metadata_mistake(*mistake);
            Report::usage(
                "archive.sincro_metadata",
                format!("`{field}` of the PIndex is missing or not right"),
            )
            .expected(expected)
            .found(found)
            .next("correct the option `sincro`")
        }
        FileName { length } => {
            Report::usage("archive.file_name", "the index's name is not a plain file name")
                .expected("letters, digits and ._- without a path, at most 100")
                .found(format!("something else in {length} bytes"))
                .next("correct the option `name`")
        }
        Workspace { path, system } => Report::refused(
            "archive.workspace",
            format!("the folder {} cannot be used", shown(path)),
        )
        .found(system)
        .next("free or open the folder, then run ceralacca resume"),
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.state("no index was written")
}

fn metadata_mistake(mistake: MetadataMistake) -> (&'static str, &'static str) {
    match mistake {
        MetadataMistake::Missing => ("a value", "none"),
        MetadataMistake::Text => {
            ("text of at most 1,000 characters", "no text, too much, or control characters")
        }
        MetadataMistake::AgentId => {
            ("VATIT- and a partita IVA, or TINIT- and a codice fiscale", "something else")
        }
        MetadataMistake::Time => {
            ("a time with zone such as 2025-12-31T10:00:00Z", "something else")
        }
    }
}

fn explain_reading(error: &ArchiveError) -> Report {
    use ArchiveError::*;
    let report = match error {
        IndexUnreadable { path, system } => {
            let path = if path.is_empty() { "the index" } else { path };
            Report::refused("archive.index_unreadable", format!("{} cannot be read", shown(path)))
                .found(system)
                .next("put the index back, then try again")
        }
        NotAnIndex { position, expected } => Report::refused(
            "archive.not_an_index",
            format!("the file is not an index that is read here: it stops at {position}"),
        )
        .expected(expected)
        .found("something else (line of a text, byte of an XML file)")
        .next("name an index of ceralacca, a PIndex, or a list of sha256sum; unpack a .p7m first"),
        IndexDamaged { what, expected, found } => Report::refused(
            "archive.index_damaged",
            format!("the index contradicts itself: {}", shown(what)),
        )
        .expected(expected)
        .found(found)
        .next("get the index again from where it is preserved, and verify its signature"),
        IndexChanged { path, expected, found } => Report::refused(
            "archive.index_changed",
            format!("{} is not the index that was made", shown(path)),
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {found}"))
        .next("put the index back as it was made"),
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.state("nothing was compared to the end; nothing was changed")
}

fn explain_differences(differences: &Differences) -> Report {
    let Differences { missing_count, changed_count, unreadable_count, .. } = differences;
    let mut lines = vec![format!(
        "{missing_count} missing, {changed_count} changed, {unreadable_count} not readable"
    )];
    lines.extend(differences.missing.iter().map(|path| format!("{path}: missing")));
    lines.extend(differences.changed.iter().map(|changed| format!("{}: changed", changed.path)));
    lines.extend(differences.unreadable.iter().cloned());
    lines.truncate(21);
    Report::refused("archive.differs", "the archive is not as its index says")
        .expected(format!("{} documents as in the index", differences.documents))
        .found(lines.join("\n"))
        .state("the archive and the index were only read")
        .next("restore the documents from a copy, then verify again")
}

impl crate::Note {
    /// The note in words.
    pub fn text(&self) -> String {
        match self {
            crate::Note::CaseOnly { folder, first, second } => format!(
                "note: {} and {} in {} differ in case only: on other systems they are one file",
                shown(first),
                shown(second),
                place(folder)
            ),
            crate::Note::CaseNotCompared { folder } => format!(
                "note: {} has too many names to look for some that differ in case only",
                place(folder)
            ),
            crate::Note::EmptyLot { name } => format!("note: the lot {} is empty", shown(name)),
        }
    }
}

fn place(folder: &str) -> String {
    if folder.is_empty() { "the archive's folder".to_owned() } else { shown(folder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_error() -> Vec<ArchiveError> {
        let text = || "x\u{1b}[2J".to_owned();
        let offenders = |trouble| Offenders {
            named: vec![Offender { path: text(), trouble }],
            count: 30,
            others: 2,
        };
        let unreadable = Trouble::Unreadable { system: text() };
        vec![
            ArchiveError::NotOpened { path: text(), system: "gone".into() },
            ArchiveError::Empty { path: text() },
            ArchiveError::Unreadable(offenders(unreadable)),
            ArchiveError::Links(offenders(Trouble::LinkOutside)),
            ArchiveError::SpecialFiles(offenders(Trouble::Pipe)),
            ArchiveError::Changed(offenders(Trouble::Changed)),
            ArchiveError::Names(offenders(Trouble::NotUtf8)),
            ArchiveError::LooseDocuments(offenders(Trouble::Loose)),
            ArchiveError::List { path: text(), line: 2, mistake: ListMistake::Absolute },
            ArchiveError::IndexInside { index: text(), archive: text() },
            ArchiveError::NotWritten { what: String::new(), system: "full".into() },
            ArchiveError::Metadata { field: "time".into(), mistake: MetadataMistake::Time },
            ArchiveError::FileName { length: 0 },
            ArchiveError::IndexUnreadable { path: text(), system: "gone".into() },
            ArchiveError::NotAnIndex { position: 1, expected: "UTF-8".into() },
            ArchiveError::IndexDamaged { what: text(), expected: "1".into(), found: "2".into() },
            ArchiveError::IndexChanged { path: text(), expected: "0".into(), found: "1".into() },
            ArchiveError::Differs(Box::default()),
            ArchiveError::Workspace { path: text(), system: "gone".into() },
        ]
    }

    #[test]
    fn every_error_answers_its_questions_and_sends_nothing_to_the_screen() {
        let mut codes: Vec<String> = Vec::new();
        for error in every_error() {
            let error = ceralacca_kernel::Error::from(error);
            let report = error.report();
            assert!(report.code.starts_with("archive."), "{error}");
            assert!(!report.state.is_empty() && !report.next.is_empty(), "{error}");
            let text = error.to_string();
            assert!(!text.contains('\u{1b}'), "{text:?}");
            codes.push(report.code.clone());
        }
        let count = codes.len();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), count, "each has a code of its own");
    }

    #[test]
    fn offenders_are_named_and_the_others_counted() {
        let error = ArchiveError::Unreadable(Offenders {
            named: vec![Offender {
                path: "01/a.pdf".into(),
                trouble: Trouble::Unreadable { system: "permission denied".into() },
            }],
            count: 21,
            others: 1,
        });
        let report = error.explain();
        assert_eq!(report.headline, "01/a.pdf cannot be read; 21 in all");
        let found = "01/a.pdf: permission denied\nand 20 more\nand 1 with other troubles";
        assert_eq!(report.found.as_deref(), Some(found));
    }
}
