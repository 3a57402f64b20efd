//! The codice fiscale taken apart (DM 23/12/1976).

use std::fmt;

use ceralacca_plugin_sdk::schemars::JsonSchema;
use ceralacca_plugin_sdk::serde::Serialize;

use crate::CodiceError;

/// A codice fiscale whose form and check character are right, in capital letters.
#[derive(Clone, PartialEq, Eq)]
pub struct Codice(String);

/// What a person's codice fiscale says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
pub struct Persona {
    /// The sex.
    pub sesso: Sesso,
    /// The birthday.
    pub nato_il: NatoIl,
    /// Cadastral code of the comune, or of the country, of birth: `H501`.
    pub comune: String,
    /// Whether letters stand where digits should, because two people would have the same code.
    pub omocodia: bool,
}

/// The sex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
pub enum Sesso {
    /// Male.
    M,
    /// Female.
    F,
}

/// A birthday: the century is not part of a codice fiscale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
pub struct NatoIl {
    /// Day, 1 to 31.
    pub giorno: u8,
    /// Month, 1 to 12.
    pub mese: u8,
    /// The last two digits of the year.
    pub anno: u8,
}

impl Codice {
    /// Reads one as typed: spaces around it and small letters are accepted.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Codice, CodiceError> {
        let text = text.trim().to_uppercase();
        match text.chars().count() {
            16 => check_person(&text)?,
            11 => check_company(&text)?,
            length => return Err(CodiceError::Length { length }),
        }
        Ok(Codice(text))
    }

    /// The six letters of the name; a company has none.
    pub(crate) fn letters(&self) -> Option<&str> {
        (self.0.len() == 16).then(|| &self.0[..6])
    }

    /// What it says.
    ///
    /// # Errors
    /// [`CodiceError::NoPerson`] for a company's 11 digits.
    pub fn persona(&self) -> Result<Persona, CodiceError> {
        if self.letters().is_none() {
            return Err(CodiceError::NoPerson);
        }
        let digits: Vec<u8> = self.0.chars().map(|it| digit(it).unwrap_or(0)).collect();
        let number = |at: usize| digits[at] * 10 + digits[at + 1];
        let month = MONTHS.iter().zip(1..).find(|(letter, _)| **letter == self.0.as_bytes()[8]);
        let day = number(9);
        let place: String = digits[12..15].iter().map(|digit| char::from(b'0' + digit)).collect();
        let in_place_of_digits = self.0.chars().zip(FORM.chars());
        Ok(Persona {
            sesso: if day > 40 { Sesso::F } else { Sesso::M },
            nato_il: NatoIl {
                giorno: if day > 40 { day - 40 } else { day },
                mese: month.map_or(0, |(_, month)| month),
                anno: number(6),
            },
            comune: format!("{}{place}", &self.0[11..12]),
            omocodia: in_place_of_digits
                .into_iter()
                .any(|(found, form)| form == 'd' && found.is_ascii_uppercase()),
        })
    }
}

impl fmt::Display for Codice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters 1–6 name, 7–8 year, 9 month, 10–11 day (women +40), 12–15 place, 16 check letter.
fn check_person(text: &str) -> Result<(), CodiceError> {
    for ((found, form), position) in text.chars().zip(FORM.chars()).zip(1..) {
        let fits = match form {
            'd' => digit(found).is_some(),
            _ => found.is_ascii_uppercase(),
        };
        if !fits {
            return Err(CodiceError::Character { position, digit: form == 'd' });
        }
    }
    let bytes = text.as_bytes();
    if !MONTHS.contains(&bytes[8]) {
        return Err(CodiceError::Month { found: bytes[8].into() });
    }
    let day =
        bytes[9..11].iter().fold(0, |day, byte| day * 10 + digit((*byte).into()).unwrap_or(0));
    if !matches!(day, 1..=31 | 41..=71) {
        return Err(CodiceError::Day { found: day });
    }
    let (expected, found) = (check_letter(&bytes[..15]), char::from(bytes[15]));
    if expected != found {
        return Err(CodiceError::CheckCharacter { expected, found });
    }
    Ok(())
}

/// The letter that closes the first 15: odd positions through a table, even ones by value.
fn check_letter(characters: &[u8]) -> char {
    let sum: usize = characters
        .iter()
        .enumerate()
        .map(|(index, character)| {
            let value = usize::from(match character {
                b'0'..=b'9' => character - b'0',
                _ => character - b'A',
            });
            // Positions count from 1: index 0 is odd.
            if index % 2 == 0 { ODD[value] } else { value }
        })
        .sum();
    char::from(b'A' + (sum % 26) as u8)
}

/// Eleven digits, the last one by Luhn's rule.
fn check_company(text: &str) -> Result<(), CodiceError> {
    if let Some((_, position)) = text.chars().zip(1..).find(|(found, _)| !found.is_ascii_digit()) {
        return Err(CodiceError::Character { position, digit: true });
    }
    let digits: Vec<u8> = text.bytes().map(|digit| digit - b'0').collect();
    if digits.iter().all(|digit| *digit == 0) {
        return Err(CodiceError::AllZeros);
    }
    let sum: u8 = digits[..10]
        .iter()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    let letter = |digit: u8| char::from(b'0' + digit);
    let (expected, found) = (letter((10 - sum % 10) % 10), letter(digits[10]));
    if expected != found {
        return Err(CodiceError::CheckCharacter { expected, found });
    }
    Ok(())
}

/// A digit, or the letter that stands for it after omocodia.
fn digit(character: char) -> Option<u8> {
    let letter = || OMOCODIA.chars().zip(0..).find(|(letter, _)| *letter == character);
    match character {
        '0'..='9' => Some(character as u8 - b'0'),
        _ => letter().map(|(_, digit)| digit),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!("../tests/data/id_test_vectors.csv");

    #[test]
    fn vectors_agree() {
        for line in VECTORS.lines().skip(1) {
            let fields: Vec<&str> = line.splitn(4, ',').collect();
            let parsed = Codice::parse(fields[1]);
            assert_eq!(parsed.is_ok(), fields[2] == "True", "{line}");
            if let (Ok(codice), Some("CF-omocodia")) = (&parsed, fields.first().copied()) {
                assert!(codice.persona().unwrap().omocodia, "{line}");
            }
        }
        assert_eq!(VECTORS.lines().count(), 17);
    }

    #[test]
    fn each_rule_has_its_error() {
        use CodiceError::*;
        for (text, expected) in [
            ("", Length { length: 0 }),
            ("RSSMRA85M01H501", Length { length: 15 }),
            ("RSSMRA85M01H5-1Q", Character { position: 14, digit: true }),
            ("R5SMRA85M01H501Q", Character { position: 2, digit: false }),
            ("RSSMRA85M01H501é", Character { position: 16, digit: false }),
            ("0287699058A", Character { position: 11, digit: true }),
            ("RSSMRA85F01H501Q", Month { found: 'F' }),
            ("RSSMRA85M32H501Q", Day { found: 32 }),
            ("RSSMRA85M00H501Q", Day { found: 0 }),
            ("RSSMRA85M01H501Z", CheckCharacter { expected: 'Q', found: 'Z' }),
            ("12345678901", CheckCharacter { expected: '3', found: '1' }),
            ("00000000000", AllZeros),
        ] {
            assert_eq!(Codice::parse(text).err(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_person_is_described() {
        let persona = |text: &str| Codice::parse(text).unwrap().persona();
        let rossi = Persona {
            sesso: Sesso::M,
            nato_il: NatoIl { giorno: 1, mese: 8, anno: 85 },
            comune: "H501".to_owned(),
            omocodia: false,
        };
        assert_eq!(persona(" rssmra85m01h501q\n").unwrap(), rossi);
        assert_eq!(persona("RSSMRAURMLMHRLMA").unwrap(), Persona { omocodia: true, ..rossi });
        let verdi = persona("VRDLGI70E05F205A").unwrap();
        assert_eq!((verdi.nato_il.mese, verdi.nato_il.giorno, verdi.nato_il.anno), (5, 5, 70));
        let bianchi = Codice::parse(&closed("BNCNNA80A41H501")).unwrap().persona().unwrap();
        assert_eq!((bianchi.sesso, bianchi.nato_il.giorno), (Sesso::F, 1));
        assert_eq!(persona("02876990587").unwrap_err(), CodiceError::NoPerson);
    }

    fn closed(first: &str) -> String {
        format!("{first}{}", check_letter(first.as_bytes()))
    }
}
