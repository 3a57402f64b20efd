//! What is wrong with a codice fiscale or with what goes with it, and the words for it.

use ceralacca_plugin_sdk::serde::Serialize;
use ceralacca_plugin_sdk::{Explain, Report};

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub enum CodiceError {
    /// Neither 16 nor 11 characters.
    Length {
        /// How many there are.
        length: usize,
    },
    /// A character that cannot be there.
    Character {
        /// Where, from 1.
        position: usize,
        /// Whether a digit belongs there.
        digit: bool,
    },
    /// No month has this letter.
    Month {
        /// The letter.
        found: char,
    },
    /// No day of a month, nor one plus 40.
    Day {
        /// The number.
        found: u8,
    },
    /// The last character is not the one that the others give.
    CheckCharacter {
        /// The right one.
        expected: char,
        /// The one that is there.
        found: char,
    },
    /// Eleven zeros.
    AllZeros,
    /// A company's has no birthday.
    NoPerson,
    /// A letter that has no place in the Latin alphabet.
    Letter {
        /// `cognome` or `nome`.
        which: &'static str,
    },
    /// What the program passed to the check is no file.
    NoFile {
        /// What does not fit.
        mismatch: String,
    },
    /// An operation that is none of this plugin's.
    NoOperation {
        /// Its name.
        operation: String,
    },
}

impl Explain for CodiceError {
    fn explain(&self) -> Report {
        use CodiceError::*;
        let wrong = |condition: &str, headline: &str| {
            Report::refused(&format!("codice_fiscale.{condition}"), headline)
                .state("nothing was done")
                .next("check the codice fiscale on the card or in the register")
        };
        match self {
            Length { length } => wrong("length", "a codice fiscale of this length does not exist")
                .expected("16 characters for a person, 11 digits for a company")
                .found(format!("{length} characters")),
            Character { position, digit } => {
                wrong("character", "a character of the codice fiscale cannot be there")
                    .expected(match digit {
                        true => "a digit, or a letter in its place (LMNPQRSTUV)",
                        false => "a letter from A to Z",
                    })
                    .found(format!("something else in position {position}"))
            }
            Month { found } => wrong("month", "no month has the letter of the codice fiscale")
                .expected("one of ABCDEHLMPRST in position 9")
                .found(found.to_string()),
            Day { found } => wrong("day", "the day of the codice fiscale is none")
                .expected("01 to 31, or 41 to 71 for women")
                .found(found.to_string()),
            CheckCharacter { expected, found } => {
                wrong("check_character", "the last character of the codice fiscale is not its own")
                    .expected(format!("{expected}, which the others give"))
                    .found(found.to_string())
            }
            AllZeros => wrong("all_zeros", "a codice fiscale of zeros belongs to nobody")
                .found("eleven zeros"),
            NoPerson => wrong("no_person", "the codice fiscale is a company's, not a person's")
                .expected("16 characters")
                .found("11 digits"),
            Letter { which } => {
                wrong("letter", &format!("the {which} has letters that are not Latin"))
                    .expected("the name as the register writes it, in Latin letters")
                    .found("a letter of another alphabet")
                    .next("give the name as it stands in the register")
            }
            NoFile { mismatch } => wrong("no_file", "there is no file to check")
                .expected("a map with `file` and `bytes`")
                .found(mismatch)
                .next("report it, with the version of the program"),
            NoOperation { operation } => wrong("no_operation", "codice-fiscale does not do this")
                .expected("check/control")
                .found(operation)
                .next("report it, with the version of the program"),
        }
    }
}
