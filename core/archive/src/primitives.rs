//! What scripts can call in the namespace `archive`.

use ceralacca_kernel::Document;

use crate::{Differences, IndexOptions};

ceralacca_kernel::primitives! {
    /// The index of a digital archive: every document with its size and digest.
    namespace archive;

    /// Writes the index of a folder, or of the documents that a list names (one `path`, or a lot, a
    /// tab and a path, per line; relative to the list), to `impronte/<run>/indice.xml` of the
    /// document archive. The same documents give the same bytes on every machine. What cannot be
    /// read, links out of the archive, special files and documents that change meanwhile stop it.
    ///
    /// ```rhai
    /// let index = archive::index("fatture 2025", #{ digest: "sha256", lots: "folders" });
    /// ```
    function index(path: String, options: Option<IndexOptions>) -> Document
        [since "0.2.0", recorded, touches(Reads, Writes)] = crate::calls::index;

    /// Compares an index with the documents in a folder: what is missing, changed, extra or not
    /// readable, up to 20 names of each kind and how many there are.
    ///
    /// ```rhai
    /// let report = archive::verify(archive::index("fatture 2025"), "copia delle fatture");
    /// ```
    function verify(index: Document, folder: String) -> Differences
        [since "0.2.0", recorded, touches(Reads)] = crate::calls::verify;

    /// As `verify`, with an index on disk: of ceralacca (text or XML), a `PIndex`, or a list that
    /// `sha256sum` wrote.
    ///
    /// ```rhai
    /// let report = archive::verify_file("indice.xml", "fatture 2014");
    /// ```
    function verify_file(index: String, folder: String) -> Differences
        [since "0.2.0", recorded, touches(Reads)] = crate::calls::verify_file;

    /// Stops unless every document of the index is there as it was. Gives the report back.
    ///
    /// ```rhai
    /// archive::require_intact(archive::verify_file("indice.xml", "fatture 2014"));
    /// ```
    function require_intact(report: Differences) -> Differences
        [since "0.2.0", pure, touches()] = crate::calls::require_intact;
}
