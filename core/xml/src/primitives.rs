//! What scripts can call in the namespace `impronta`.

use ceralacca_kernel::Document;

use crate::Finding;
use crate::handle::{Checked, CommunicationFields, CommunicationFile, ControlOptions};

ceralacca_kernel::primitives! {
    /// The communication of the impronta: made from the signed index and its mark, and controlled
    /// before it is sent. UNVERIFIED: its form is ours, the Agency's schema is not public.
    namespace impronta;

    /// Makes the communication: the impronta is computed from the signed index with the algorithm
    /// of the mark. Written to `impronte/<run>/comunicazione.xml` of the document archive.
    ///
    /// ```rhai
    /// let communication = impronta::communication(#{
    ///     dal: "2025-01-01", al: "2025-12-31",
    ///     soggetto_interessato: #{ codice_fiscale: "02876990587", denominazione: "Alfa SpA" },
    ///     responsabile: #{ codice_fiscale: "RSSMRA85M01H501Q", cognome: "Rossi", nome: "Mario" },
    ///     tipi_documento: ["D01", "D02"],
    ///     signed: signed, mark: mark,
    /// });
    /// ```
    function communication(fields: CommunicationFields) -> CommunicationFile
        [since "0.2.0", recorded, touches(Reads, Writes)] = crate::handle::communication;

    /// Controls the communication against the schema and the rules. Writes the diagnostic, and when
    /// it is clean the checked file, to `controllati/<run>/` of the document archive.
    ///
    /// ```rhai
    /// let checked = communication.control();
    /// let checked = communication.control(#{ sender: "RSSMRA85M01H501Q" });
    /// ```
    method control(communication: CommunicationFile, options: Option<ControlOptions>) -> Checked
        [since "0.2.0", recorded, touches(Reads, Writes)] = crate::handle::control;

    /// Controls a communication that was made elsewhere.
    ///
    /// ```rhai
    /// let checked = impronta::control_file("comunicazione.xml");
    /// ```
    function control_file(path: String, options: Option<ControlOptions>) -> Checked
        [since "0.2.0", recorded, touches(Reads, Writes)] = crate::handle::control_file;

    /// Stops when the control found what would be rejected; the error lists it. Gives the outcome
    /// back.
    ///
    /// ```rhai
    /// checked.require_clean();
    /// ```
    method require_clean(checked: Checked) -> Checked
        [since "0.2.0", pure, touches()] = crate::handle::require_clean;

    /// The checked file, `comunicazione.dcm`, ready to be sealed. Stops as `require_clean` does.
    ///
    /// ```rhai
    /// let document = checked.document;
    /// ```
    property document(checked: Checked) -> Document
        [since "0.2.0", pure, touches()] = crate::handle::checked_document;

    /// The first 20 findings, the worst first; all of them are in the diagnostic.
    ///
    /// ```rhai
    /// let findings = checked.findings;
    /// ```
    property findings(checked: Checked) -> Vec<Finding>
        [since "0.2.0", pure, touches()] = crate::handle::findings;

    /// The impronta in the communication, hexadecimal.
    ///
    /// ```rhai
    /// let impronta = communication.impronta;
    /// ```
    property impronta(communication: CommunicationFile) -> String
        [since "0.2.0", pure, touches()] = crate::handle::impronta;
}
