//! From XML to a [`Communication`]: every problem of the content is collected with its place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceralacca_identity::CodiceFiscale;
use ceralacca_signing::DigestAlgorithm;
use ceralacca_timestamp::Formato;
use jiff::civil::Date;

use crate::communication::{NAMESPACE, ROOT};
use crate::element_reader::{ElementReader, Found, Occurs};
use crate::finding::{Placed, Positions};
use crate::xml_text::{self, Element, Keep, Limits};
use crate::{
    Communication, Finding, Impronta, Marca, Nominativo, PeriodoImposta, Problem,
    ProtocolloSostituito, Soggetto, Testo, Tipo, XmlError,
};

impl Communication {
    /// Reads a communication in our namespace, strictly: what is not a communication from the first
    /// byte to the last is refused. The mark is only decoded, not understood.
    ///
    /// # Errors
    /// `impronta.not_a_communication` with every finding and its place.
    pub fn from_xml(bytes: &[u8]) -> Result<Communication, XmlError> {
        Communication::from_xml_in(NAMESPACE, bytes, &Limits::default())
    }

    /// As [`Communication::from_xml`], in another namespace and with other limits.
    pub fn from_xml_in(
        namespace: &str,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Communication, XmlError> {
        let pass = xml_text::read(bytes, None, Keep::Elements, limits);
        let mut problems = pass.problems;
        let mut communication = None;
        match &pass.root {
            Some(root) if is_communication(root) && root.namespace.as_ref() == namespace => {
                let draft = Draft::read(root, &mut problems);
                communication = draft.finish();
            }
            Some(root) => {
                let found = format!("{{{}}}{}", root.namespace, root.name);
                problems.push(Placed::at(Problem::NotACommunication { found }, root.offset));
            }
            None => {}
        }
        let mut positions = Positions::new(bytes);
        let mut findings: Vec<Finding> =
            problems.into_iter().map(|placed| positions.finding(placed)).collect();
        findings.retain(Finding::blocks);
        match communication {
            Some(communication) if findings.is_empty() => Ok(communication),
            _ => Err(XmlError::NotACommunication { findings }),
        }
    }
}

/// Whether the rules know this root element; whatever the namespace, which the schema decides.
pub(crate) fn is_communication(root: &Element) -> bool {
    root.name == ROOT
}

/// As much of a communication as could be read.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) tipo: Option<Found<Tipo>>,
    pub(crate) protocollo: Option<Found<ProtocolloSostituito>>,
    pub(crate) periodo: Option<Found<PeriodoImposta>>,
    pub(crate) soggetto: Option<Soggetto>,
    pub(crate) responsabile: Option<Soggetto>,
    pub(crate) delegati: Vec<Soggetto>,
    pub(crate) luogo: Option<Testo>,
    pub(crate) tipi_documento: Vec<Found<String>>,
    pub(crate) impronta: Option<Found<Impronta>>,
    /// What it is said to be, if that is a format, and the bytes.
    pub(crate) marca: Option<Found<(Option<Formato>, Vec<u8>)>>,
    /// How many elements of a subject could not be read.
    unreadable: usize,
}

impl Draft {
    /// Reads what can be read below `root` and adds what is wrong with it to `problems`.
    pub(crate) fn read(root: &Element, problems: &mut Vec<Placed>) -> Draft {
        let mut reader = ElementReader::new(root.namespace.as_ref(), problems);
        let path = format!("/{}", root.name);
        let mut draft = Draft::default();
        reader.attributes(root, &path, &[]);
        let children = reader.children(
            root,
            &path,
            &[
                ("Tipo", Occurs::Once),
                ("ProtocolloSostituito", Occurs::AtMostOnce),
                ("PeriodoImposta", Occurs::Once),
                ("SoggettoInteressato", Occurs::Once),
                ("ResponsabileConservazione", Occurs::AtMostOnce),
                ("Delegato", Occurs::Any),
                ("LuogoConservazione", Occurs::AtMostOnce),
                ("Documenti", Occurs::Once),
                ("Impronta", Occurs::Once),
                ("MarcaTemporale", Occurs::Once),
            ],
        );
        for (element, path) in children {
            draft.take(&mut reader, element, &path);
        }
        draft.check_protocollo(problems, root, &path);
        draft
    }

    fn take(&mut self, reader: &mut ElementReader<'_>, element: &Element, path: &str) {
        match element.name.as_str() {
            "Tipo" => self.tipo = reader.value(element, path, Tipo::parse),
            "ProtocolloSostituito" => {
                self.protocollo = reader.value(element, path, ProtocolloSostituito::parse);
            }
            "PeriodoImposta" => self.periodo = periodo(reader, element, path),
            "SoggettoInteressato" => self.soggetto = self.soggetto(reader, element, path),
            "ResponsabileConservazione" => {
                self.responsabile = self.soggetto(reader, element, path);
            }
            "Delegato" => {
                let delegato = self.soggetto(reader, element, path);
                self.delegati.extend(delegato);
            }
            "LuogoConservazione" => {
                let luogo = reader.value(element, path, Testo::parse);
                self.unreadable += usize::from(luogo.is_none());
                self.luogo = luogo.map(|found| found.value);
            }
            "Documenti" => self.tipi_documento = documenti(reader, element, path),
            "Impronta" => self.impronta = impronta(reader, element, path),
            "MarcaTemporale" => self.marca = marca(reader, element, path),
            _ => {}
        }
    }

    fn soggetto(
        &mut self,
        reader: &mut ElementReader<'_>,
        element: &Element,
        path: &str,
    ) -> Option<Soggetto> {
        let soggetto = soggetto(reader, element, path);
        self.unreadable += usize::from(soggetto.is_none());
        soggetto
    }

    /// What is replaced is there exactly when something is replaced.
    fn check_protocollo(&self, problems: &mut Vec<Placed>, root: &Element, path: &str) {
        let given = root.children.iter().find(|child| child.name == "ProtocolloSostituito");
        let (problem, offset) = match (&self.tipo, given) {
            (Some(Found { value: Tipo::Sostitutiva, offset, .. }), None) => {
                (Problem::NoProtocollo, *offset)
            }
            (Some(Found { value: Tipo::Ordinaria, .. }), Some(given)) => {
                (Problem::ProtocolloNotMeant, given.offset)
            }
            _ => return,
        };
        let path = Some(format!("{path}/ProtocolloSostituito"));
        problems.push(Placed { problem, offset: Some(offset), path });
    }

    /// The communication, when nothing that it needs is missing.
    pub(crate) fn finish(self) -> Option<Communication> {
        let marca = self.marca?.value;
        if self.unreadable > 0 || self.tipi_documento.is_empty() {
            return None;
        }
        Some(Communication {
            tipo: self.tipo?.value,
            protocollo_sostituito: self.protocollo.map(|found| found.value),
            periodo_imposta: self.periodo?.value,
            soggetto_interessato: self.soggetto?,
            responsabile: self.responsabile,
            delegati: self.delegati,
            luogo: self.luogo,
            tipi_documento: self.tipi_documento.into_iter().map(|found| found.value).collect(),
            impronta: self.impronta?.value,
            marca: Marca { formato: marca.0?, bytes: marca.1 },
        })
    }
}

fn periodo(
    reader: &mut ElementReader<'_>,
    element: &Element,
    path: &str,
) -> Option<Found<PeriodoImposta>> {
    reader.children(element, path, &[]);
    reader.attributes(element, path, &["dal", "al"]);
    let dal = reader.attribute(element, path, "dal", date);
    let al = reader.attribute(element, path, "al", date);
    let (dal, al) = (dal?, al?);
    if al < dal {
        let problem = Problem::PeriodReversed { dal: dal.to_string(), al: al.to_string() };
        reader.problem(problem, element, path);
        return None;
    }
    Some(Found::at(element, path, PeriodoImposta { dal, al }))
}

/// A day as the schema has it: `2025-12-31` and nothing else.
fn date(text: &str) -> Result<Date, Problem> {
    let wrong = || Problem::Date { found: text.to_owned() };
    let plain = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if plain { text.parse().map_err(|_| wrong()) } else { Err(wrong()) }
}

fn soggetto(reader: &mut ElementReader<'_>, element: &Element, path: &str) -> Option<Soggetto> {
    reader.attributes(element, path, &[]);
    let children = reader.children(
        element,
        path,
        &[
            ("CodiceFiscale", Occurs::Once),
            ("Denominazione", Occurs::AtMostOnce),
            ("Cognome", Occurs::AtMostOnce),
            ("Nome", Occurs::AtMostOnce),
        ],
    );
    let (mut codice_fiscale, mut denominazione, mut cognome, mut nome) = (None, None, None, None);
    let mut names = 0_u8;
    for (child, path) in children {
        match child.name.as_str() {
            "CodiceFiscale" => codice_fiscale = reader.value(child, &path, codice),
            "Denominazione" => {
                names |= 4;
                denominazione = reader.value(child, &path, Testo::parse);
            }
            "Cognome" => {
                names |= 2;
                cognome = reader.value(child, &path, Testo::parse);
            }
            _ => {
                names |= 1;
                nome = reader.value(child, &path, Testo::parse);
            }
        }
    }
    if !matches!(names, 0b100 | 0b011) {
        reader.problem(Problem::Nominativo, element, path);
        return None;
    }
    let nominativo = match denominazione {
        Some(denominazione) => Nominativo::Denominazione(denominazione.value),
        None => Nominativo::Persona { cognome: cognome?.value, nome: nome?.value },
    };
    Some(Soggetto { codice_fiscale: codice_fiscale?.value, nominativo })
}

/// As it stands: in a file that is sent, neither spaces around it nor small letters are right.
fn codice(text: &str) -> Result<CodiceFiscale, Problem> {
    let parsed = CodiceFiscale::parse(text).map_err(|error| Problem::CodiceFiscale { error })?;
    if parsed.as_str() == text {
        return Ok(parsed);
    }
    let wrong = |c: &char| !c.is_ascii_uppercase() && !c.is_ascii_digit();
    let position = text.chars().position(|c| wrong(&c)).unwrap_or_default();
    let found = text.chars().find(wrong).unwrap_or_default();
    let error = ceralacca_identity::IdentityError::CodiceFiscaleCharacter {
        position: position + 1,
        found,
        digit: false,
    };
    Err(Problem::CodiceFiscale { error })
}

fn documenti(reader: &mut ElementReader<'_>, element: &Element, path: &str) -> Vec<Found<String>> {
    reader.attributes(element, path, &[]);
    let children = reader.children(element, path, &[("TipoDocumento", Occurs::Any)]);
    let mut codes: Vec<Found<String>> = Vec::new();
    for (child, path) in children {
        let Some(code) = reader.value(child, &path, |text| Ok(text.to_owned())) else { continue };
        // The schema allows 85; a list beyond that is not compared with itself.
        if codes.len() < 1_000 && codes.iter().any(|known| known.value == code.value) {
            reader.problem(Problem::TipoDocumentoTwice { code: code.value }, child, &path);
            continue;
        }
        codes.push(code);
    }
    if codes.is_empty() {
        reader.problem(Problem::NoTipoDocumento, element, path);
    }
    codes
}

fn impronta(
    reader: &mut ElementReader<'_>,
    element: &Element,
    path: &str,
) -> Option<Found<Impronta>> {
    reader.children_with_text(element, path);
    reader.attributes(element, path, &["algoritmo"]);
    let algoritmo = reader.attribute(element, path, "algoritmo", algoritmo);
    let text = element.text.trim_matches([' ', '\t', '\r', '\n']);
    if let Some((index, found)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit()) {
        let problem = Problem::ImprontaCharacter { position: index + 1, found };
        reader.problem(problem, element, path);
        return None;
    }
    let algoritmo = algoritmo?;
    let (expected, found) = (algoritmo.length() * 2, text.len());
    if expected != found {
        let algoritmo = algoritmo.name().to_owned();
        reader.problem(Problem::ImprontaLength { algoritmo, expected, found }, element, path);
        return None;
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        reader.problem(Problem::ImprontaUpperCase, element, path);
    }
    let digest = hex::decode(text).expect("only hexadecimal characters, an even number");
    if digest == algoritmo.digest(b"") {
        reader.problem(Problem::ImprontaOfNothing, element, path);
    }
    Some(Found::at(element, path, Impronta { algoritmo, digest }))
}

fn algoritmo(text: &str) -> Result<DigestAlgorithm, Problem> {
    DigestAlgorithm::ALL
        .into_iter()
        .find(|algorithm| algorithm.is_accepted() && algorithm.name() == text)
        .ok_or_else(|| Problem::Algoritmo { found: text.to_owned() })
}

fn marca(
    reader: &mut ElementReader<'_>,
    element: &Element,
    path: &str,
) -> Option<Found<(Option<Formato>, Vec<u8>)>> {
    reader.children_with_text(element, path);
    reader.attributes(element, path, &["formato"]);
    let formato = reader.attribute(element, path, "formato", |text| {
        [Formato::Tsr, Formato::Tst]
            .into_iter()
            .find(|formato| formato.label() == text)
            .ok_or_else(|| Problem::Formato { found: text.to_owned() })
    });
    let plain: Vec<u8> = element.text.bytes().filter(|byte| !b" \t\r\n".contains(byte)).collect();
    match STANDARD.decode(plain) {
        Ok(bytes) if !bytes.is_empty() => Some(Found::at(element, path, (formato, bytes))),
        _ => {
            reader.problem(Problem::MarcaBase64, element, path);
            None
        }
    }
}
