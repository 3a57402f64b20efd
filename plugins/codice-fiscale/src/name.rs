//! The six letters of a name (DM 23/12/1976, articles 2 and 3).

use crate::{Codice, CodiceError};

/// Whether a codice fiscale is made of this name. A company's goes with no person.
///
/// # Errors
/// [`CodiceError::Letter`] when a name has a letter that is not known in the Latin alphabet.
pub(crate) fn goes_with(codice: &Codice, cognome: &str, nome: &str) -> Result<bool, CodiceError> {
    let Some(letters) = codice.letters() else { return Ok(false) };
    // Registers write ö as O or as OE: either is right.
    for spelling in [Spelling::Short, Spelling::Long] {
        let cognome = surname(&latin("cognome", cognome, spelling)?);
        let nome = forename(&latin("nome", nome, spelling)?);
        if letters == cognome + &nome {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How a letter with two dots is written without them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// O.
    Short,
    /// OE.
    Long,
}

/// Consonants, then vowels, then X.
fn surname(name: &str) -> String {
    let (consonants, vowels) = parted(name);
    consonants.chain(vowels).chain("XXX".chars()).take(3).collect()
}

/// The same; of four consonants or more the second is left out.
fn forename(name: &str) -> String {
    let (consonants, vowels) = parted(name);
    let consonants: Vec<char> = consonants.collect();
    match consonants[..] {
        [first, _, third, fourth, ..] => [first, third, fourth].into_iter().collect(),
        _ => consonants.into_iter().chain(vowels).chain("XXX".chars()).take(3).collect(),
    }
}

fn parted(name: &str) -> (impl Iterator<Item = char>, impl Iterator<Item = char>) {
    let is_vowel = |letter: &char| "AEIOU".contains(*letter);
    (name.chars().filter(move |letter| !is_vowel(letter)), name.chars().filter(is_vowel))
}

/// The name in A to Z: accents, apostrophes and spaces do not count.
fn latin(which: &'static str, name: &str, spelling: Spelling) -> Result<String, CodiceError> {
    let mut letters = String::new();
    for letter in name.chars().flat_map(char::to_uppercase) {
        let long = spelling == Spelling::Long;
        match letter {
            'A'..='Z' => letters.push(letter),
            'Ä' | 'Æ' if long || letter == 'Æ' => letters.push_str("AE"),
            'Ö' | 'Ø' | 'Œ' if long || letter == 'Œ' => letters.push_str("OE"),
            'Ü' if long => letters.push_str("UE"),
            'Å' if long => letters.push_str("AA"),
            _ => match BASES.iter().find(|(_, accented)| accented.contains(letter)) {
                Some((base, _)) => letters.push(*base),
                None if !letter.is_alphabetic() => {}
                None => return Err(CodiceError::Letter { which }),
            },
        }
    }
    Ok(letters)
}

/// Letters with signs on them, by the letter beneath.
const BASES: [(char, &str); 18] = [
    ('A', "ÀÁÂÃÄÅĀĂĄ"),
    ('C', "ÇĆĈČ"),
    ('D', "ÐĎĐ"),
    ('E', "ÈÉÊËĒĔĖĘĚ"),
    ('G', "ĜĞĠĢ"),
    ('I', "ÌÍÎÏĨĪĬĮİ"),
    ('J', "Ĵ"),
    ('K', "Ķ"),
    ('L', "ĹĻĽŁ"),
    ('N', "ÑŃŅŇ"),
    ('O', "ÒÓÔÕÖØŌŎŐ"),
    ('R', "ŔŖŘ"),
    ('S', "ŚŜŞŠȘ"),
    ('T', "ŢŤȚ"),
    ('U', "ÙÚÛÜŨŪŬŮŰŲ"),
    ('W', "Ŵ"),
    ('Y', "ÝŶŸ"),
    ('Z', "ŹŻŽ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_are_those_of_the_decree() {
        for (cognome, nome, letters) in [
            ("Rossi", "Mario", "RSSMRA"),
            ("Verdi", "Luigi", "VRDLGU"),
            ("Bianchi", "Anna", "BNCNNA"),
            // Four consonants: the second is left out, of the nome alone.
            ("Strambi", "Gianfranco", "STRGFR"),
            ("Strambi", "Roberta", "STRRRT"),
            // Too few consonants, too few letters.
            ("Aiello", "Aida", "LLADAI"),
            ("Fo", "Io", "FOXIOX"),
            ("Re", "Al", "REXLAX"),
            // Apostrophes, spaces, accents.
            ("D'Amico", "Niccolò", "DMCNCL"),
            ("De Rossi", "Nicolò Maria", "DRSNLM"),
            ("Nuñez", "Zoë", "NNZZOE"),
        ] {
            let latin = |name: &str| latin("nome", name, Spelling::Short).unwrap();
            assert_eq!(surname(&latin(cognome)) + &forename(&latin(nome)), letters, "{cognome}");
        }
    }

    #[test]
    fn a_name_goes_with_its_codice_and_no_other() {
        let rossi = Codice::parse("RSSMRA85M01H501Q").unwrap();
        let company = Codice::parse("02876990587").unwrap();
        assert_eq!(goes_with(&rossi, "ROSSI", "mario"), Ok(true));
        assert_eq!(goes_with(&rossi, "Russo", "Maria"), Ok(true), "six letters say no more");
        assert_eq!(goes_with(&rossi, "Mario", "Rossi"), Ok(false));
        assert_eq!(goes_with(&company, "Rossi", "Mario"), Ok(false));
        let foreign = goes_with(&rossi, "Росси", "Mario");
        assert_eq!(foreign, Err(CodiceError::Letter { which: "cognome" }));
    }

    #[test]
    fn two_dots_are_written_in_either_way() {
        let latin = |name, spelling| latin("nome", name, spelling).unwrap();
        assert_eq!(latin("Jörg Müß", Spelling::Short), "JORGMUSS");
        assert_eq!(latin("Jörg Müß", Spelling::Long), "JOERGMUESS");
    }
}
