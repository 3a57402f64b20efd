//! What can be wrong with identifiers and secrets, one variant for each rule. The wording is in
//! `explain.rs`.

use serde::Serialize;

/// Every failure of this crate. Of a secret it holds lengths and positions, never characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum IdentityError {
    /// The codice fiscale has neither 16 nor 11 characters.
    CodiceFiscaleLength {
        /// Characters given.
        length: usize,
    },
    /// A character of the codice fiscale is of the wrong kind.
    CodiceFiscaleCharacter {
        /// From 1.
        position: usize,
        /// What is there.
        found: char,
        /// Whether a digit belongs there; a letter otherwise.
        digit: bool,
    },
    /// The ninth character is not the letter of a month.
    CodiceFiscaleMonth {
        /// What is there.
        found: char,
    },
    /// Characters 10 and 11 are not a day.
    CodiceFiscaleDay {
        /// What is there.
        found: u32,
    },
    /// The 16th character does not close the other 15.
    CodiceFiscaleCheckLetter {
        /// The letter that would.
        expected: char,
        /// What is there.
        found: char,
    },
    /// The 11th digit does not close the other ten.
    CodiceFiscaleCheckDigit {
        /// The digit that would.
        expected: u32,
        /// What is there.
        found: u32,
    },
    /// Eleven zeros.
    CodiceFiscaleAllZeros,
    /// The sede is not three digits.
    Sede {
        /// Characters given.
        length: usize,
    },
    /// An account without a separator between codice fiscale and sede.
    AccountForm,
    /// A secret with too few characters.
    SecretTooShort {
        /// Its kind.
        secret: &'static str,
        /// Characters it needs.
        least: usize,
        /// Characters given.
        length: usize,
    },
    /// A secret with too many characters.
    SecretTooLong {
        /// Its kind.
        secret: &'static str,
        /// Characters it may have.
        most: usize,
        /// Characters given.
        length: usize,
    },
    /// A pincode that is not 16 and 4 characters.
    PincodeLength {
        /// Characters given.
        length: usize,
    },
    /// A secret with a character that is not allowed.
    SecretCharacter {
        /// Its kind.
        secret: &'static str,
        /// Position of the first one, from 1.
        position: usize,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A password without a letter.
    PasswordWithoutLetter,
    /// A password without a digit.
    PasswordWithoutDigit,
    /// A page for the operator could not be saved.
    SummaryNotSaved {
        /// Where it was to be saved.
        path: String,
        /// What the operating system said.
        system: String,
    },
}
