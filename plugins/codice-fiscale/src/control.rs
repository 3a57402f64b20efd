//! The check of communications: does each person's codice fiscale go with cognome and nome?

use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use ceralacca_plugin_sdk::{Bytes, Error, Value, typed};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::{Codice, CodiceError, name};

/// The most findings that are given about one file.
const MOST: usize = 100;

/// The elements that hold a person or a company, in `ComunicazioneImpronta`.
const SUBJECTS: [&str; 3] = ["SoggettoInteressato", "ResponsabileConservazione", "Delegato"];

/// What the program passes.
#[derive(Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
struct Asked {
    bytes: Bytes,
}

/// One thing that was found, as the program reads it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
struct Finding {
    severity: &'static str,
    code: &'static str,
    text: String,
    line: u32,
    path: String,
}

/// `check/control`: the findings of a file.
pub(crate) fn control(arguments: Vec<Value>) -> Result<Value, Error> {
    let asked = arguments.into_iter().next().unwrap_or_default();
    let no_file =
        |mismatch: typed::Mismatch| CodiceError::NoFile { mismatch: mismatch.to_string() };
    let asked: Asked = typed::from_value(asked).map_err(no_file)?;
    let findings = findings(&asked.bytes.0);
    Ok(typed::to_value(&findings).unwrap_or_default())
}

/// A file that is no XML has no findings here: the program's own control says so.
fn findings(bytes: &[u8]) -> Vec<Finding> {
    let mut reader = Reader::from_reader(bytes);
    let mut walk = Walk::default();
    while walk.findings.len() < MOST {
        let before = reader.buffer_position();
        match reader.read_event() {
            Ok(Event::Start(element)) => walk.open(element.local_name().as_ref(), before),
            Ok(Event::Empty(_)) => {}
            Ok(Event::Text(text)) => walk.text(&text),
            Ok(Event::CData(text)) => walk.text(&text),
            Ok(Event::GeneralRef(reference)) => {
                // Entities such as &apos; are no letters: they do not count in a name.
                if let Ok(Some(letter)) = reference.resolve_char_ref() {
                    walk.text(letter.to_string().as_bytes());
                }
            }
            Ok(Event::End(_)) => walk.close(bytes),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    walk.findings
}

/// Where the reading is, and what the subject being read has said so far.
#[derive(Default)]
struct Walk {
    depth: usize,
    /// Which of [`SUBJECTS`] is open, how many of its name there were, and where it begins.
    subject: Option<(&'static str, usize, u64)>,
    counts: [usize; SUBJECTS.len()],
    field: Option<usize>,
    /// `CodiceFiscale`, `Cognome`, `Nome`.
    fields: [String; FIELDS.len()],
    findings: Vec<Finding>,
}

const FIELDS: [&str; 3] = ["CodiceFiscale", "Cognome", "Nome"];

/// The longest content that counts.
const LONGEST_FIELD: usize = 1_024;

impl Walk {
    fn open(&mut self, name: &[u8], at: u64) {
        self.depth += 1;
        let position = |names: &[&str]| names.iter().position(|known| known.as_bytes() == name);
        match self.depth {
            2 => {
                self.fields = Default::default();
                self.subject = position(&SUBJECTS).map(|subject| {
                    self.counts[subject] += 1;
                    (SUBJECTS[subject], self.counts[subject], at)
                });
            }
            3 if self.subject.is_some() => self.field = position(&FIELDS),
            _ => {}
        }
    }

    fn text(&mut self, text: &[u8]) {
        let Some(field) = self.field.filter(|_| self.depth == 3) else { return };
        let content = &mut self.fields[field];
        if content.len() + text.len() <= LONGEST_FIELD {
            content.push_str(&String::from_utf8_lossy(text));
        }
    }

    fn close(&mut self, bytes: &[u8]) {
        match self.depth {
            3 => self.field = None,
            2 => self.judge(bytes),
            _ => {}
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// What is not there, or not right in itself, is the program's to find.
    fn judge(&mut self, bytes: &[u8]) {
        let Some((subject, count, at)) = self.subject.take() else { return };
        let [codice, cognome, nome] = &self.fields;
        let Ok(codice) = Codice::parse(codice) else { return };
        if cognome.is_empty() || nome.is_empty() {
            return;
        }
        if name::goes_with(&codice, cognome, nome) != Ok(false) {
            return;
        }
        let number = if count == 1 { String::new() } else { format!("[{count}]") };
        let before = bytes.iter().take(usize::try_from(at).unwrap_or(usize::MAX));
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        self.findings.push(Finding {
            severity: "*",
            code: "codice_fiscale.other_name",
            text: format!("the codice fiscale of {subject} does not go with Cognome and Nome"),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            path: format!("/ComunicazioneImpronta/{subject}{number}/CodiceFiscale"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn communication(subjects: &str) -> Vec<u8> {
        format!(
            "<?xml version=\"1.0\"?>\n<i:ComunicazioneImpronta xmlns:i=\"urn:ceralacca:impronta:1\">\n\
             <i:Tipo>ORDINARIA</i:Tipo>\n{subjects}</i:ComunicazioneImpronta>\n"
        )
        .into_bytes()
    }

    fn person(element: &str, codice: &str, cognome: &str, nome: &str) -> String {
        format!(
            "<i:{element}><i:CodiceFiscale>{codice}</i:CodiceFiscale><i:Cognome>{cognome}</i:Cognome>\
             <i:Nome>{nome}</i:Nome></i:{element}>\n"
        )
    }

    const ROSSI: &str = "RSSMRA85M01H501Q";

    #[test]
    fn another_name_is_found_where_it_is() {
        let subjects = [
            person("SoggettoInteressato", ROSSI, "Rossi", "Mario"),
            person("Delegato", ROSSI, "R&#211;ssi", "M&apos;ario"),
            person("Delegato", ROSSI, "Verdi", "Luigi"),
        ];
        let found = findings(&communication(&subjects.concat()));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "/ComunicazioneImpronta/Delegato[2]/CodiceFiscale");
        assert_eq!((found[0].line, found[0].severity), (6, "*"));
        assert!(!found[0].text.contains(ROSSI));
    }

    #[test]
    fn what_is_not_a_person_or_not_here_is_left_alone() {
        for subject in [
            person("SoggettoInteressato", "02876990587", "", ""),
            person("SoggettoInteressato", "RSSMRA85M01H501Z", "Verdi", "Luigi"),
            person("SoggettoInteressato", ROSSI, "Росси", "Марио"),
            person("AltroSoggetto", ROSSI, "Verdi", "Luigi"),
            format!("<i:Documenti>{}</i:Documenti>", person("Delegato", ROSSI, "Verdi", "Luigi")),
            "<i:SoggettoInteressato/>".to_owned(),
        ] {
            assert_eq!(findings(&communication(&subject)), [], "{subject}");
        }
    }

    #[test]
    fn hostile_bytes_are_read_to_their_end() {
        let deep = "<a>".repeat(100_000).into_bytes();
        let many = person("Delegato", ROSSI, "Verdi", "Luigi").repeat(1_000);
        assert_eq!(findings(&communication(&many)).len(), MOST);
        for bytes in [b"".to_vec(), b"<a><b><c>".to_vec(), b"</a></b></a>".to_vec(), deep] {
            assert_eq!(findings(&bytes), []);
        }
        assert_eq!(findings(b"\xff\xfe<\0a\0>\0"), []);
    }

    #[test]
    fn the_operation_reads_what_the_program_passes() {
        let bytes = communication(&person("SoggettoInteressato", ROSSI, "Verdi", "Luigi"));
        let asked = Value::from([("file", Value::from("x.xml")), ("bytes", Value::Bytes(bytes))]);
        let Value::List(found) = control(vec![asked]).unwrap() else { panic!("no list") };
        assert_eq!(found[0].get("severity"), Some(&Value::from("*")));
        assert_eq!(control(vec![]).unwrap_err().code(), "codice_fiscale.no_file");
    }
}
