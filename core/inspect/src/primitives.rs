//! What scripts can call in the namespace `inspect`.

use ceralacca_kernel::Document;
use ceralacca_timestamp::MarkFile;

use crate::convert::Converted;
use crate::extract::Extracted;
use crate::file_report::FileReport;
use crate::verify::VerifyOptions;

ceralacca_kernel::primitives! {
    /// Any signed, marked or sealed file, recognised by its content: what it is, whether it holds.
    namespace inspect;

    /// Asks every question about a file: signatures, marks, certificates, what is inside.
    /// `document` is what a detached signature or a mark is about, `mark` a mark over the file;
    /// both are also looked for beside it.
    ///
    /// ```rhai
    /// let report = inspect::verify("archivio/2024/indice.xml.p7m");
    /// let report = inspect::verify("indice.xml.p7s", #{ document: "indice.xml" });
    /// ```
    function verify(path: String, options: Option<VerifyOptions>) -> FileReport
        [since "0.2.0", recorded, touches(Reads)] = crate::calls::verify;

    /// Stops unless the verdict of the report is valid; the error has every answer that is not yes.
    /// Gives the report back.
    ///
    /// ```rhai
    /// inspect::require_valid(inspect::verify("archivio/2024/indice.xml.p7m"));
    /// ```
    function require_valid(report: FileReport) -> FileReport
        [since "0.2.0", pure, touches()] = crate::calls::require_valid;

    /// Takes the mark from a TSR, TST, TSD or M7M file and writes it to `impronte/<run>`; it must
    /// be over the document, which may be left out when it is in the file or beside it.
    ///
    /// ```rhai
    /// let mark = inspect::mark("archivio/2024/indice.xml.p7m.m7m", signed);
    /// ```
    function mark(path: String, document: Option<Document>) -> MarkFile
        [since "0.2.0", recorded, touches(Reads, Writes)] = crate::calls::mark;

    /// Writes what a file holds into a folder: the document, the signed file, the mark. Nothing is
    /// overwritten, and nothing is verified.
    ///
    /// ```rhai
    /// let parts = inspect::extract("archivio/2024/indice.xml.p7m.m7m", "estratti");
    /// ```
    function extract(path: String, folder: String) -> Extracted
        [since "0.2.0", recorded, touches(Reads, Writes)] = crate::calls::extract;

    /// Writes the mark in a file in another container, `tsr`, `tst`, `tsd` or `m7m`, beside it. For
    /// the last two the document is needed: given, in the file, or beside it.
    ///
    /// ```rhai
    /// let tsr = inspect::convert("archivio/2024/indice.xml.p7m.m7m", "tsr").path;
    /// ```
    function convert(path: String, to: String, document: Option<Document>) -> Converted
        [since "0.2.0", recorded, touches(Reads, Writes)] = crate::calls::convert;

    /// The impronta of a file: its digest (`sha256`, or else `sha384` or `sha512`), hexadecimal.
    ///
    /// ```rhai
    /// let impronta = inspect::impronta("archivio/2024/indice.xml.p7m");
    /// ```
    function impronta(path: String, digest: Option<String>) -> String
        [since "0.2.0", recorded, touches(Reads)] = crate::calls::impronta;

    /// A file on disk as a document that can be signed, marked or submitted, by its content as it is
    /// now; `tipo_documento` is the Agency's type for what is submitted.
    ///
    /// ```rhai
    /// let contratto = inspect::document("contratto.pdf");
    /// ```
    function document(path: String, tipo_documento: Option<String>) -> Document
        [since "0.2.0", recorded, touches(Reads)] = crate::calls::document;
}
