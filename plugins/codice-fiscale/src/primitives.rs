//! What scripts can call.

use crate::Persona;

ceralacca_plugin_sdk::primitives! {
    /// Codici fiscali: their form, what they say, and whose name they go with.
    namespace codice_fiscale;

    /// Gives a codice fiscale in capital letters; stops with the rule that it breaks.
    ///
    /// ```rhai
    /// let codice = codice_fiscale::check("rssmra85m01h501q");
    /// ```
    function check(text: String) -> String
        [since "0.1.0", pure, touches()] = crate::check;

    /// What the codice fiscale of a person says: sex, birthday without the century, the cadastral code
    /// of the comune or country of birth, and whether digits gave way to letters (omocodia).
    ///
    /// ```rhai
    /// let persona = codice_fiscale::describe("RSSMRA85M01H501Q");
    /// stage("Nato il " + persona.nato_il.giorno + "/" + persona.nato_il.mese);
    /// ```
    function describe(codice: String) -> Persona
        [since "0.1.0", pure, touches()] = crate::describe;

    /// Whether a codice fiscale is made of this cognome and nome (DM 23/12/1976, articles 2 and 3).
    ///
    /// ```rhai
    /// if !codice_fiscale::matches("RSSMRA85M01H501Q", "Rossi", "Mario") {
    ///     throw "another person";
    /// }
    /// ```
    function matches(codice: String, cognome: String, nome: String) -> bool
        [since "0.1.0", pure, touches()] = crate::matches;
}
