//! The text inside a sealed receipt: one `Nome: valore` a line, for people and for programs.
//!
//! UNVERIFIED: the Agency has published no format for it. This one is ours, the sandbox writes it,
//! and this file is all that knows it.

use std::fmt::Write;

use ceralacca_kernel::text_encoding;
use jiff::Timestamp;
use serde::Serialize;

use crate::records::printable;
use crate::{Counts, Protocollo, Rejection, Stato};

/// What a receipt says in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiptText {
    /// What the issuer wants known of itself, the second line: the sandbox's says SANDBOX.
    pub notice: String,
    /// Number of the submission.
    pub protocollo: Protocollo,
    /// Type of document.
    pub tipo_documento: String,
    /// What became of it.
    pub stato: Stato,
    /// *Motivo di scarto*.
    pub motivo_di_scarto: Option<Rejection>,
    /// File name as it was received.
    pub file_name: String,
    /// SHA-256 of the file as it was received, hexadecimal.
    pub sha256: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// When it was processed.
    pub processed_at: Timestamp,
    /// Documents in it.
    pub documenti: Counts,
    /// Further lines: name and value, such as `Impronta`.
    pub details: Vec<(String, String)>,
}

impl ReceiptText {
    /// The name of the line with the impronta.
    pub const IMPRONTA: &str = "Impronta";

    /// The value of a further line.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The text in UTF-8, lines ending in LF.
    pub fn to_text(&self) -> String {
        let mut text = format!("{TITLE}\n{}\n\n", printable(&self.notice, LONGEST));
        let mut line = |name: &str, value: &str| {
            // Whatever is in a value, it stays on its line.
            writeln!(text, "{name}: {}", printable(value, LONGEST)).expect("memory can be written");
        };
        line(PROTOCOLLO, self.protocollo.as_str());
        line(TIPO_DOCUMENTO, &self.tipo_documento);
        line(STATO, self.stato.as_str());
        if let Some(rejection) = &self.motivo_di_scarto {
            line(CODICE_DI_SCARTO, &rejection.code);
            line(MOTIVO_DI_SCARTO, &rejection.text);
        }
        line(NOME_FILE, &self.file_name);
        line(SHA256, &self.sha256);
        line(RICEVUTO, &self.received_at.to_string());
        line(ELABORATO, &self.processed_at.to_string());
        let Counts { totale, acquisiti, scartati } = self.documenti;
        line(TOTALE, &totale.to_string());
        line(ACQUISITI, &acquisiti.to_string());
        line(SCARTATI, &scartati.to_string());
        for (name, value) in &self.details {
            line(name, value);
        }
        text
    }

    /// Reads such a text, at most 64 KiB.
    ///
    /// # Errors
    /// In a few words, what is wrong with it. Lines whose name is not known are kept.
    pub fn parse(bytes: &[u8]) -> Result<ReceiptText, String> {
        if bytes.len() > MOST_BYTES {
            return Err(format!("{} bytes, more than {MOST_BYTES}", bytes.len()));
        }
        let text = text_encoding::decode(bytes).map_err(|error| error.to_string())?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(format!("the first line is not {TITLE}"));
        }
        let notice = lines.next().unwrap_or_default().to_owned();
        let mut fields = Fields::read(lines)?;
        let code = fields.take(CODICE_DI_SCARTO);
        let reason = fields.take(MOTIVO_DI_SCARTO);
        Ok(ReceiptText {
            notice,
            protocollo: fields.parsed(PROTOCOLLO, |text| Protocollo::parse(text).ok())?,
            tipo_documento: fields.required(TIPO_DOCUMENTO)?,
            stato: fields.parsed(STATO, Stato::parse)?,
            motivo_di_scarto: code.zip(reason).map(|(code, text)| Rejection { code, text }),
            file_name: fields.required(NOME_FILE)?,
            sha256: fields.required(SHA256)?,
            received_at: fields.parsed(RICEVUTO, |text| text.parse().ok())?,
            processed_at: fields.parsed(ELABORATO, |text| text.parse().ok())?,
            documenti: Counts {
                totale: fields.parsed(TOTALE, |text| text.parse().ok())?,
                acquisiti: fields.parsed(ACQUISITI, |text| text.parse().ok())?,
                scartati: fields.parsed(SCARTATI, |text| text.parse().ok())?,
            },
            details: fields.0,
        })
    }
}

struct Fields(Vec<(String, String)>);

impl Fields {
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Fields, String> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let Some((name, value)) = line.split_once(": ") else {
                return Err(format!("line {} has no name and value", index + 3));
            };
            if fields.len() == MOST_LINES {
                return Err(format!("more than {MOST_LINES} lines"));
            }
            // Of two lines with one name nobody could say which one counts.
            if fields.iter().any(|(found, _)| found == name) {
                return Err(format!("{} is there twice", printable(name, 40)));
            }
            fields.push((name.to_owned(), value.to_owned()));
        }
        Ok(Fields(fields))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.remove(at).1)
    }

    fn required(&mut self, name: &str) -> Result<String, String> {
        self.take(name).ok_or_else(|| format!("{name} is missing"))
    }

    fn parsed<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let text = self.required(name)?;
        parse(&text).ok_or_else(|| format!("{name} is {:?}", printable(&text, 40)))
    }
}

const TITLE: &str = "RICEVUTA DI UN FILE TELEMATICO";
const PROTOCOLLO: &str = "Protocollo";
const TIPO_DOCUMENTO: &str = "Tipo documento";
const STATO: &str = "Stato";
const CODICE_DI_SCARTO: &str = "Codice di scarto";
const MOTIVO_DI_SCARTO: &str = "Motivo di scarto";
const NOME_FILE: &str = "Nome file";
const SHA256: &str = "SHA-256 del file";
const RICEVUTO: &str = "Ricevuto il";
const ELABORATO: &str = "Elaborato il";
const TOTALE: &str = "Documenti totali";
const ACQUISITI: &str = "Documenti acquisiti";
const SCARTATI: &str = "Documenti scartati";

const LONGEST: usize = 2000;
const MOST_BYTES: usize = 64 << 10;
const MOST_LINES: usize = 200;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The receipt of a rejected communication.
    pub(crate) fn rejected() -> ReceiptText {
        let at: Timestamp = "2026-11-21T20:17:01Z".parse().unwrap();
        ReceiptText {
            notice: "SANDBOX: ricevuta di prova".to_owned(),
            protocollo: Protocollo::parse("26112100000000002").unwrap(),
            tipo_documento: "IMPRONTA".to_owned(),
            stato: Stato::Scartato,
            motivo_di_scarto: Some(Rejection {
                code: "impronta.other_imprint".to_owned(),
                text: "SANDBOX: l'impronta è un'altra".to_owned(),
            }),
            file_name: "comunicazione.ccf".to_owned(),
            sha256: "ab".repeat(32),
            received_at: at,
            processed_at: at,
            documenti: Counts { totale: 1, acquisiti: 0, scartati: 1 },
            details: vec![("Impronta".to_owned(), "cd".repeat(32))],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let receipt = rejected();
        let text = receipt.to_text();
        assert!(text.contains("\nStato: SCARTATO\nCodice di scarto: impronta.other_imprint\n"));
        assert_eq!(ReceiptText::parse(text.as_bytes()).unwrap(), receipt);
        assert_eq!(receipt.detail("Impronta"), Some("cd".repeat(32).as_str()));
        let windows = text.replace('\n', "\r\n");
        assert_eq!(ReceiptText::parse(windows.as_bytes()).unwrap(), receipt);
    }

    #[test]
    fn a_value_cannot_add_a_line() {
        let mut receipt = rejected();
        receipt.file_name = "a.ccf\nStato: ELABORATO".to_owned();
        let read = ReceiptText::parse(receipt.to_text().as_bytes()).unwrap();
        assert_eq!(read.stato, Stato::Scartato);
        assert_eq!(read.file_name, "a.ccf Stato: ELABORATO");
    }

    #[test]
    fn what_is_no_receipt_is_refused() {
        let text = rejected().to_text();
        let last = text.find("scartati: 1").unwrap() + "scartati: ".len();
        for cut in 0..=last {
            // A line that is cut is missing, and so are those after it.
            let refused = text.is_char_boundary(cut).then(|| &text[..cut]);
            assert!(refused.is_none_or(|text| ReceiptText::parse(text.as_bytes()).is_err()));
        }
        let wrong = |from: &str, to: &str| {
            ReceiptText::parse(text.replace(from, to).as_bytes()).unwrap_err()
        };
        assert_eq!(wrong("Stato: SCARTATO", "Stato: FORSE"), "Stato is \"FORSE\"");
        assert_eq!(wrong("Nome file", "Stato"), "Stato is there twice");
        assert_eq!(wrong("Nome file", "Altro"), "Nome file is missing");
        assert_eq!(wrong("Nome file: ", "Nome file"), "line 9 has no name and value");
        assert_eq!(wrong("RICEVUTA", "ricevuta"), format!("the first line is not {TITLE}"));
        assert!(ReceiptText::parse(b"\xff").is_err());
        assert!(ReceiptText::parse(&vec![b'\n'; MOST_BYTES + 1]).is_err());
    }
}
