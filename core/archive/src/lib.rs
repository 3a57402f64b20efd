//! The index of a digital archive: every document with its size and digest, always the same bytes.
//!
//! [`index`] walks a folder (or a list of documents), hashes on all cores and writes one of three
//! [`Format`]s; [`read_index`] reads an index back, [`compare`] holds it against a folder. Memory
//! does not grow with the number of documents.
//!
//! # What an index is made of
//!
//! Documents are ordered by lot, then by path, bytewise and component by component, whatever order
//! the filesystem gives. A path is relative to the archive's folder and has `/` between its
//! components on every system; its bytes are the name's own (no Unicode normalisation). There is no
//! date, no host and no absolute path in an index: the same documents give the same bytes. Every
//! file counts, hidden ones included; folders without documents leave no trace.
//!
//! # The text form
//!
//! Lines end in LF. A document is the line that `sha256sum` (`sha384sum`, `sha512sum`) writes, so
//! that `sha256sum -c indice.txt` in the archive's folder checks it; everything else is a `#`
//! comment:
//!
//! ```text
//! # urn:ceralacca:indice:1 SHA-256
//! # lotto 01
//! # byte 11
//! b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9  01/a.txt
//! # totale lotto documenti 1 byte 11
//! # totale lotti 1 documenti 1 byte 11
//! ```
//!
//! `# byte` is the size of the document on the next line. As `sha256sum` does, a path with a
//! backslash, a line feed or a carriage return is written with `\\`, `\n`, `\r`, and a backslash
//! then begins its line; a lot's name likewise. An archive of one lot has a nameless lot: `# lotto`
//! alone.
//!
//! # The XML form
//!
//! ```text
//! <?xml version="1.0" encoding="UTF-8"?>
//! <indice xmlns="urn:ceralacca:indice:1" algoritmo="SHA-256">
//!   <lotto nome="01">
//!     <documento percorso="01/a.txt" byte="11" impronta="b94d…"/>
//!     <totale documenti="1" byte="11"/>
//!   </lotto>
//!   <totale lotti="1" documenti="1" byte="11"/>
//! </indice>
//! ```
//!
//! A name that XML cannot hold as it is (control characters, U+FFFE, U+FFFF) is in
//! `percorso-escape` or `nome-escape` instead, where `\\` is a backslash and `\u{a}` a character by
//! its number.
//!
//! # SInCRO
//!
//! [`Format::Sincro`] writes a UNI SInCRO v2 `PIndex` from the public outline of the standard.
//! UNVERIFIED: the schema is a document of UNI and is not public; the file says so.
//!
//! # Links and special files
//!
//! A symbolic link to a document inside the archive is a document of its own. One that leaves the
//! archive, leads to a folder or to nothing is refused, as are pipes, sockets and devices, which
//! are never opened. A document whose size, time or identity changes while it is read is refused
//! too, and so is a folder whose entries change.

mod algorithm;
mod calls;
mod compare;
mod documents;
mod error;
mod escape;
mod explain;
mod form;
mod hashing;
mod index;
mod list;
mod options;
mod primitives;
mod problems;
mod progress;
mod reading;
mod reading_document;
mod reading_text;
mod reading_xml;
mod sincro;
mod sorter;
mod text_form;
mod walk;
mod xml_form;

pub use algorithm::{Algorithm, DigestBytes, Hasher};
pub use calls::IndexOptions;
pub use compare::{Difference, Differences, compare};
pub use error::{ArchiveError, ListMistake, MetadataMistake, Offender, Offenders, Trouble};
pub use index::{Note, Summary, Totals, index, index_file};
pub use options::{Format, Lots, Options, Source};
pub use primitives::namespace;
pub use progress::Progress;
pub use reading::{Entry, IndexReader, read_index};
pub use sincro::{Agent, Sincro};
