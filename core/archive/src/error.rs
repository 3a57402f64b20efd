//! What can go wrong with an archive and its index; the wording is in `explain.rs`.

use serde::Serialize;

use crate::Differences;

/// Offenders that an error names; the others are counted.
pub(crate) const NAMED: usize = 20;

/// What can go wrong with an archive and its index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ArchiveError {
    /// The folder or list cannot be opened.
    NotOpened {
        /// Which.
        path: String,
        /// The system's words.
        system: String,
    },
    /// There is no document.
    Empty {
        /// The folder or list.
        path: String,
    },
    /// Documents or folders cannot be read.
    Unreadable(Offenders),
    /// Links that are not followed.
    Links(Offenders),
    /// Pipes, sockets, devices.
    SpecialFiles(Offenders),
    /// The archive changed while it was read.
    Changed(Offenders),
    /// Names that are not UTF-8, or that the form cannot hold.
    Names(Offenders),
    /// Documents that lie beside the sub-folders that are the lots.
    LooseDocuments(Offenders),
    /// A line of a list is wrong.
    List {
        /// The list.
        path: String,
        /// From 1.
        line: u64,
        /// What is wrong.
        mistake: ListMistake,
    },
    /// The index would be a document of the archive.
    IndexInside {
        /// Where it was to be.
        index: String,
        /// The archive.
        archive: String,
    },
    /// The index or a temporary file cannot be written.
    NotWritten {
        /// Which file.
        what: String,
        /// The system's words.
        system: String,
    },
    /// What a `PIndex` needs is not there or not right.
    Metadata {
        /// The option.
        field: String,
        /// What is wrong.
        mistake: MetadataMistake,
    },
    /// The name for an index file is not a plain one.
    FileName {
        /// Its length in bytes.
        length: usize,
    },
    /// An index cannot be read from disk.
    IndexUnreadable {
        /// Which.
        path: String,
        /// The system's words.
        system: String,
    },
    /// A file is not an index that is read here.
    NotAnIndex {
        /// Line of a text, or byte of an XML file, where reading stopped.
        position: u64,
        /// What was expected there.
        expected: String,
    },
    /// An index contradicts itself: it was cut or edited.
    IndexDamaged {
        /// The total or entry that does not agree.
        what: String,
        /// What the index says.
        expected: String,
        /// What its documents add up to.
        found: String,
    },
    /// An index is not the file that was made.
    IndexChanged {
        /// Which.
        path: String,
        /// SHA-256 when it was made.
        expected: String,
        /// SHA-256 now.
        found: String,
    },
    /// Documents of an index are missing or changed.
    Differs(Box<Differences>),
    /// A folder of the workspace cannot be made or tidied.
    Workspace {
        /// Which.
        path: String,
        /// The system's words.
        system: String,
    },
}

/// Documents that stop an index: the first of them, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Offenders {
    /// At most 20, by path.
    pub named: Vec<Offender>,
    /// All of this kind.
    pub count: u64,
    /// Documents with troubles of another kind.
    pub others: u64,
}

/// One document that stops an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offender {
    /// Relative to the archive; what is not UTF-8 is escaped (`\xFF`).
    pub path: String,
    /// Why.
    pub trouble: Trouble,
}

/// Why a document stops an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Trouble {
    /// It cannot be opened or read.
    Unreadable {
        /// The system's words.
        system: String,
    },
    /// A link out of the archive.
    LinkOutside,
    /// A link to a folder.
    LinkToFolder,
    /// A link to nothing.
    LinkToNothing,
    /// A pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// A folder where a list names a document.
    Folder,
    /// Neither file, folder nor link.
    Other,
    /// Size, time or identity changed while it was read.
    Changed,
    /// It was there when its folder was read, and then no more.
    Disappeared,
    /// Entries were added to or removed from this folder meanwhile.
    FolderChanged,
    /// Its name is not UTF-8.
    NotUtf8,
    /// The form cannot hold its name.
    NotInThisForm,
    /// It lies beside the lots.
    Loose,
}

/// What is wrong with a line of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ListMistake {
    /// Not UTF-8.
    NotUtf8,
    /// UTF-16.
    Utf16,
    /// Longer than 64 KiB.
    TooLong,
    /// An absolute path.
    Absolute,
    /// A path with `..`, `.` or an empty component.
    Components,
    /// A control character.
    ControlCharacter,
    /// The same document a second time.
    Duplicate,
    /// The index itself.
    TheIndex,
}

/// What is wrong with an option for a `PIndex`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MetadataMistake {
    /// Not given.
    Missing,
    /// Empty, longer than 1,000 characters, or with control characters.
    Text,
    /// Not `VATIT-` and 11 digits, nor `TINIT-` and 11 or 16 characters.
    AgentId,
    /// Not a date and time with zone such as `2025-12-31T10:00:00Z`.
    Time,
}
