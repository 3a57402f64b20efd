//! What scripts can call in the namespace `timestamp`.

use ceralacca_kernel::Document;
use ceralacca_signing::Report;

use crate::handle::{MarkFile, RequestOptions};

ceralacca_kernel::primitives! {
    /// Marks: the time at which a document existed, attested by a timestamp authority.
    namespace timestamp;

    /// Gets a mark for the document, once: one that lies beside it already is used again. Writes
    /// `.tsr` and `.tst` beside the document, after checking status, imprint, nonce and signature.
    ///
    /// ```rhai
    /// let mark = timestamp::request(signed);
    /// let mark = timestamp::request(signed, #{ digest: "sha512" });
    /// ```
    function request(document: Document, options: Option<RequestOptions>) -> MarkFile
        [since "0.2.0", recorded, touches(Fetches, Reads, Writes)] = crate::handle::request;

    /// Puts a mark into the one signature of a signed file (CAdES B-T): it shows when the signature
    /// was there. Writes `NAME.marcata.p7m` beside the file. For the communication of the impronta
    /// use `request`: a mark over the signature can never satisfy the Agency's check.
    ///
    /// ```rhai
    /// let marked = timestamp::mark_signature(signed);
    /// ```
    function mark_signature(document: Document) -> Document
        [since "0.2.0", recorded, touches(Fetches, Reads, Writes)]
        = crate::signature_mark::mark_signature;

    /// A mark that was made earlier, in a TSR or TST file; the document must be what it covers.
    ///
    /// ```rhai
    /// let mark = timestamp::existing("archivio/2024/indice.xml.p7m.tsr", signed);
    /// ```
    function existing(path: String, document: Document) -> MarkFile
        [since "0.2.0", recorded, touches(Reads)] = crate::handle::existing;

    /// Stops unless the mark is over the document as it is on disk now: the Agency's own first
    /// check. Gives the mark back.
    ///
    /// ```rhai
    /// mark.require_covers(signed);
    /// ```
    method require_covers(mark: MarkFile, document: Document) -> MarkFile
        [since "0.2.0", recorded, touches(Reads)] = crate::handle::require_covers;

    /// Every check of the mark, as questions with their answers.
    ///
    /// ```rhai
    /// let report = mark.report();
    /// ```
    method report(mark: MarkFile) -> Report
        [since "0.2.0", recorded, touches(Reads)] = crate::handle::report;

    /// When it was made: `2026-11-21T23:05:54Z`, with fractions of the second where it has them.
    ///
    /// ```rhai
    /// let when = mark.gen_time;
    /// ```
    property gen_time(mark: MarkFile) -> String
        [since "0.2.0", pure, touches()] = crate::handle::gen_time;

    /// Its number, hexadecimal.
    ///
    /// ```rhai
    /// let number = mark.serial;
    /// ```
    property serial(mark: MarkFile) -> String
        [since "0.2.0", pure, touches()] = crate::handle::serial;

    /// `TSR` or `TST`.
    ///
    /// ```rhai
    /// let formato = mark.formato;
    /// ```
    property formato(mark: MarkFile) -> String
        [since "0.2.0", pure, touches()] = crate::handle::formato;

    /// Who made it, as its certificate says.
    ///
    /// ```rhai
    /// let tsa = mark.tsa;
    /// ```
    property tsa(mark: MarkFile) -> String
        [since "0.2.0", pure, touches()] = crate::handle::tsa;

    /// The digest that it covers, hexadecimal.
    ///
    /// ```rhai
    /// let imprint = mark.imprint;
    /// ```
    property imprint(mark: MarkFile) -> String
        [since "0.2.0", pure, touches()] = crate::handle::imprint;
}
