//! The codice fiscale: 16 characters for a person, 11 digits for a company.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::IdentityError;

/// A codice fiscale whose form and check character are right, in capital letters.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct CodiceFiscale(String);

impl CodiceFiscale {
    /// Reads one as typed: spaces around it and small letters are accepted.
    ///
    /// Omocodia is recognised in any of its seven positions, because the 127 variants that the
    /// decree allows are all the combinations of them (DM 23/12/1976, article 6).
    ///
    /// # Errors
    /// One variant of [`IdentityError`] for each rule: length, characters, month, day, check
    /// letter, check digit, all zeros.
    pub fn parse(text: &str) -> Result<CodiceFiscale, IdentityError> {
        let text = text.trim().to_uppercase();
        match text.chars().count() {
            16 => check_person(&text)?,
            11 => check_company(&text)?,
            length => return Err(IdentityError::CodiceFiscaleLength { length }),
        }
        Ok(CodiceFiscale(text))
    }

    /// The characters, in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a company's: 11 digits.
    pub fn is_numeric(&self) -> bool {
        self.0.len() == 11
    }
}

/// Letters 1–6 name, 7–8 year, 9 month, 10–11 day (women +40), 12–15 place, 16 check letter.
fn check_person(text: &str) -> Result<(), IdentityError> {
    let mut digits = [0_u32; 16];
    for (index, (found, expected)) in text.chars().zip(FORM.chars()).enumerate() {
        let fits = match expected {
            'd' => digit_or_omocodia(found).inspect(|digit| digits[index] = *digit).is_some(),
            _ => found.is_ascii_uppercase(),
        };
        if !fits {
            let position = index + 1;
            let digit = expected == 'd';
            return Err(IdentityError::CodiceFiscaleCharacter { position, found, digit });
        }
    }
    // Every character was just found to be ASCII.
    let bytes = text.as_bytes();
    if !MONTHS.contains(&bytes[8]) {
        return Err(IdentityError::CodiceFiscaleMonth { found: bytes[8].into() });
    }
    let day = digits[9] * 10 + digits[10];
    if !matches!(day, 1..=31 | 41..=71) {
        return Err(IdentityError::CodiceFiscaleDay { found: day });
    }
    let (expected, found) = (check_letter(&bytes[..15]), char::from(bytes[15]));
    if expected != found {
        return Err(IdentityError::CodiceFiscaleCheckLetter { expected, found });
    }
    Ok(())
}

/// The letter that closes the first 15: odd positions through a table, even ones by value.
fn check_letter(characters: &[u8]) -> char {
    let sum: usize = characters
        .iter()
        .enumerate()
        .map(|(index, character)| {
            let value = match character {
                b'0'..=b'9' => character - b'0',
                _ => character - b'A',
            };
            // Positions count from 1: index 0 is odd.
            if index % 2 == 0 { ODD[usize::from(value)] } else { usize::from(value) }
        })
        .sum();
    char::from(b'A' + (sum % 26) as u8)
}

/// Eleven digits, the last one by Luhn's rule.
fn check_company(text: &str) -> Result<(), IdentityError> {
    for (index, found) in text.chars().enumerate() {
        if !found.is_ascii_digit() {
            let position = index + 1;
            return Err(IdentityError::CodiceFiscaleCharacter { position, found, digit: true });
        }
    }
    if text.bytes().all(|digit| digit == b'0') {
        return Err(IdentityError::CodiceFiscaleAllZeros);
    }
    let digits: Vec<u32> = text.bytes().map(|digit| u32::from(digit - b'0')).collect();
    let sum: u32 = digits[..10]
        .iter()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    let (expected, found) = ((10 - sum % 10) % 10, digits[10]);
    if expected != found {
        return Err(IdentityError::CodiceFiscaleCheckDigit { expected, found });
    }
    Ok(())
}

fn digit_or_omocodia(character: char) -> Option<u32> {
    character
        .to_digit(10)
        .or_else(|| OMOCODIA.chars().zip(0..).find(|(letter, _)| *letter == character).map(|x| x.1))
}

/// `a` is a letter, `d` a digit or the letter that omocodia puts in its place.
const FORM: &str = "aaaaaaddaddaddda";

/// January to December.
const MONTHS: &[u8] = b"ABCDEHLMPRST";

/// The letters that stand for 0 to 9 when two people would have the same code.
const OMOCODIA: &str = "LMNPQRSTUV";

/// Value in an odd position of 0–9 and A–J (the same), then K–Z.
const ODD: [usize; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

impl TryFrom<String> for CodiceFiscale {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<CodiceFiscale, IdentityError> {
        CodiceFiscale::parse(&text)
    }
}

impl From<CodiceFiscale> for String {
    fn from(codice_fiscale: CodiceFiscale) -> String {
        codice_fiscale.0
    }
}

impl fmt::Display for CodiceFiscale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!("../tests/data/id_test_vectors.csv");

    #[test]
    fn vectors_agree() {
        let mut count = 0;
        for line in VECTORS.lines().skip(1) {
            let fields: Vec<&str> = line.splitn(4, ',').collect();
            let parsed = CodiceFiscale::parse(fields[1]);
            assert_eq!(parsed.is_ok(), fields[2] == "True", "{line}: {parsed:?}");
            count += 1;
        }
        assert_eq!(count, 16);
    }

    #[test]
    fn each_rule_has_its_error() {
        use IdentityError::*;
        for (text, expected) in [
            ("", CodiceFiscaleLength { length: 0 }),
            ("RSSMRA85M01H501", CodiceFiscaleLength { length: 15 }),
            ("RSSMRA85M01H5-1Q", character(14, '-', true)),
            ("R5SMRA85M01H501Q", character(2, '5', false)),
            ("RSSMRA85M01H501é", character(16, 'É', false)),
            ("0287699058A", character(11, 'A', true)),
            ("RSSMRA85F01H501Q", CodiceFiscaleMonth { found: 'F' }),
            ("RSSMRA85M32H501Q", CodiceFiscaleDay { found: 32 }),
            ("RSSMRA85M00H501Q", CodiceFiscaleDay { found: 0 }),
            ("RSSMRA85M72H501Q", CodiceFiscaleDay { found: 72 }),
            ("RSSMRA85M01H501Z", CodiceFiscaleCheckLetter { expected: 'Q', found: 'Z' }),
            ("12345678901", CodiceFiscaleCheckDigit { expected: 3, found: 1 }),
            ("00000000000", CodiceFiscaleAllZeros),
        ] {
            assert_eq!(CodiceFiscale::parse(text), Err(expected), "{text}");
        }
        let typed = CodiceFiscale::parse(" rssmra85m01h501q\n").unwrap();
        assert_eq!(typed.as_str(), "RSSMRA85M01H501Q");
        assert!(!typed.is_numeric());
    }

    fn character(position: usize, found: char, digit: bool) -> IdentityError {
        IdentityError::CodiceFiscaleCharacter { position, found, digit }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,20}", shaped in "[A-Z0-9]{16}") {
            let _ = CodiceFiscale::parse(&text);
            let _ = CodiceFiscale::parse(&shaped);
        }
    }
}
