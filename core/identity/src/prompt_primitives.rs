//! What scripts can call in the namespace `prompt`.

use ceralacca_kernel::SecretRef;

use crate::prompt::Lines;

ceralacca_kernel::primitives! {
    /// What the operator is asked and shown.
    namespace prompt;

    /// Asks for a secret of a known kind, such as the `pincode`. The script gets a reference; the
    /// text itself never enters the script or the journal.
    ///
    /// ```rhai
    /// let pincode = prompt::secret("pincode");
    /// ```
    function secret(kind: String) -> SecretRef
        [since "0.1.0", recorded, touches(Asks)] = crate::prompt::secret;

    /// Asks for a secret that the operator makes up, twice, so that a slip does not go unnoticed.
    ///
    /// ```rhai
    /// let password = prompt::choose_secret("password");
    /// ```
    function choose_secret(kind: String) -> SecretRef
        [since "0.1.0", recorded, touches(Asks)] = crate::prompt::choose_secret;

    /// Shows the operator a page: a title, and lines with a label and a text each, as a list of
    /// pairs or as a map.
    ///
    /// ```rhai
    /// prompt::show("Certificati importati", [["Cartella", "/home/anna/ambiente"]]);
    /// ```
    function show(title: String, lines: Lines) -> ()
        [since "0.1.0", recorded, touches(Asks)] = crate::prompt::show;

    /// Shows a page and saves it as text for printing, in the folder `riepiloghi` of the document
    /// archive; gives the path of the file. Lines come from the script, which holds no secrets.
    ///
    /// ```rhai
    /// let path = prompt::summary("Riepilogo", [["Utente", "RSSMRA85M01H501Q"], ["Sede", "000"]]);
    /// ```
    function summary(title: String, lines: Lines) -> String
        [since "0.1.0", recorded, touches(Asks, Writes)] = crate::prompt::summary;
}
