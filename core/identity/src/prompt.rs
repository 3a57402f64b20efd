//! Asking and showing: secrets by reference, pages on the screen, the saved *Riepilogo*.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Call, Error, Folders, RunId, SecretRef, Sheet, atomic_file, regular_file};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use crate::IdentityError;

/// The folder of the document archive where saved pages go.
pub const RIEPILOGHI: &str = "riepiloghi";

/// The lines of a page: label and text of each, in order. Scripts give a list of pairs, or a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(pub Vec<(String, String)>);

pub(crate) fn secret(call: &mut Call<'_>, kind: String) -> Result<SecretRef, Error> {
    call.ask_secret(&kind, false)
}

pub(crate) fn choose_secret(call: &mut Call<'_>, kind: String) -> Result<SecretRef, Error> {
    call.ask_secret(&kind, true)
}

pub(crate) fn show(call: &mut Call<'_>, title: String, lines: Lines) -> Result<(), Error> {
    call.show(&sheet(&title, lines))
}

pub(crate) fn summary(call: &mut Call<'_>, title: String, lines: Lines) -> Result<String, Error> {
    let sheet = sheet(&title, lines);
    call.show(&sheet)?;
    let folders = call.service::<Folders>()?;
    let path = save(&folders.documents, *call.run(), &sheet, call.now())?;
    Ok(path.display().to_string())
}

fn sheet(title: &str, lines: Lines) -> Sheet {
    let lines =
        lines.0.iter().map(|(label, text)| (one_line(label), one_line(text))).collect::<Vec<_>>();
    Sheet { title: one_line(title), lines }
}

/// Saves a page under `riepiloghi/`, with the run and the time. The same page again replaces it; another
/// one with its title stands beside it.
fn save(documents: &Path, run: RunId, sheet: &Sheet, at: Timestamp) -> Result<PathBuf, Error> {
    let folder = documents.join(RIEPILOGHI);
    let page = format!("{}\nceralacca, run {run}, ", sheet.to_text());
    let path = free_path(&folder.join(format!("{run}-{}", slug(&sheet.title))), &page);
    let text = format!("{page}{}\n", at.strftime("%Y-%m-%dT%H:%M:%SZ"));
    std::fs::create_dir_all(&folder)
        .and_then(|()| atomic_file::write_alone(&path, text.as_bytes()))
        .map_err(|error| IdentityError::SummaryNotSaved {
            path: path.display().to_string(),
            system: error.to_string(),
        })?;
    Ok(path)
}

/// `NAME.txt`, or else `NAME-2.txt` and so on: the first that is not there, or holds this page.
fn free_path(name: &Path, page: &str) -> PathBuf {
    let path = |ending: String| {
        let mut path = name.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    let is_other = |path: &PathBuf| path.exists() && !begins_with(path, page);
    let first = path(".txt".to_owned());
    let more = (2..).map(|number| path(format!("-{number}.txt")));
    std::iter::once(first).chain(more).find(|path| !is_other(path)).expect("numbers do not end")
}

/// Whether a file begins with these words; one that cannot be read, or is no file, does not.
fn begins_with(path: &Path, words: &str) -> bool {
    let mut found = vec![0; words.len()];
    let read = regular_file::open(path).and_then(|mut file| file.read_exact(&mut found));
    read.is_ok() && found == words.as_bytes()
}

/// A title as part of a file name: small letters and digits, with dashes between the words.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    for character in title.to_lowercase().chars() {
        let plain = match character {
            'à' => 'a',
            'è' | 'é' => 'e',
            'ì' => 'i',
            'ò' => 'o',
            'ù' => 'u',
            other => other,
        };
        if plain.is_ascii_alphanumeric() {
            slug.push(plain);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 60 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "pagina".to_owned() } else { slug.to_owned() }
}

/// Control characters could move the cursor of a terminal, or forge a line.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Lines, D::Error> {
        struct LinesVisitor;
        impl<'de> Visitor<'de> for LinesVisitor {
            type Value = Lines;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of pairs of label and text, or a map of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Lines, A::Error> {
                let mut lines = Vec::new();
                while let Some(line) = items.next_element()? {
                    lines.push(line);
                }
                Ok(Lines(lines))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Lines, A::Error> {
                let mut lines = Vec::new();
                while let Some(line) = entries.next_entry()? {
                    lines.push(line);
                }
                Ok(Lines(lines))
            }
        }
        deserializer.deserialize_any(LinesVisitor)
    }
}

impl JsonSchema for Lines {
    fn schema_name() -> Cow<'static, str> {
        "Lines".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json_schema!({ "type": "string" });
        let pair = json_schema!({
            "type": "array", "items": text, "minItems": 2, "maxItems": 2
        });
        json_schema!({ "oneOf": [
            { "type": "array", "items": pair },
            { "type": "object", "additionalProperties": text },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use ceralacca_kernel::{Value, typed};

    use super::*;

    #[test]
    fn lines_are_pairs_or_a_map() {
        let pair = |a: &str, b: &str| Value::List(vec![a.into(), b.into()]);
        let pairs = Value::List(vec![pair("Utente", "X"), pair("Sede", "000")]);
        let expected = vec![("Utente".to_owned(), "X".to_owned()), ("Sede".into(), "000".into())];
        assert_eq!(typed::from_value::<Lines>(pairs).unwrap(), Lines(expected));
        let map = Value::from([("Sede", "000".into()), ("Area", Value::from("A"))]);
        let lines = typed::from_value::<Lines>(map).unwrap();
        assert_eq!(lines.0[0].0, "Area");
        assert_eq!(typed::from_value::<Lines>(Value::Map(Default::default())).unwrap().0, []);
        let wrong = typed::from_value::<Lines>(Value::from("x")).unwrap_err().to_string();
        assert!(wrong.contains("a list of pairs"), "{wrong}");
    }

    #[test]
    fn titles_become_file_names() {
        for (title, expected) in [
            ("Riepilogo della richiesta", "riepilogo-della-richiesta"),
            ("Verità: è così!", "verita-e-cosi"),
            ("../../etc/passwd", "etc-passwd"),
            ("…", "pagina"),
        ] {
            assert_eq!(slug(title), expected);
        }
    }

    #[test]
    fn a_page_is_saved_and_saved_again() {
        let folder = tempfile::tempdir().unwrap();
        let lines = Lines(vec![("Utente".into(), "X\u{1b}[2J\nSede 999".into())]);
        let sheet = sheet("Riepilogo", lines);
        for _ in 0..2 {
            let path = save(folder.path(), RunId(3), &sheet, Timestamp::UNIX_EPOCH).unwrap();
            assert!(path.ends_with("riepiloghi/3-riepilogo.txt"));
            let text = std::fs::read_to_string(path).unwrap();
            assert_eq!(
                text,
                "Riepilogo\n\n  Utente  X [2J Sede 999\n\nceralacca, run 3, 1970-01-01T00:00:00Z\n"
            );
        }
        let lines = Lines(vec![("Utente".into(), "Y".into())]);
        let other = super::sheet("Riepilogo", lines);
        for _ in 0..2 {
            let path = save(folder.path(), RunId(3), &other, Timestamp::UNIX_EPOCH).unwrap();
            assert!(path.ends_with("riepiloghi/3-riepilogo-2.txt"), "{}", path.display());
        }
        std::fs::write(folder.path().join("file"), "").unwrap();
        let blocked = save(&folder.path().join("file"), RunId(3), &sheet, Timestamp::UNIX_EPOCH);
        assert_eq!(blocked.unwrap_err().code(), "prompt.summary_not_saved");
    }
}
