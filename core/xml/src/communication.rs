//! The communication of the impronta: what its XML says, as types that cannot be wrong.

use std::fmt;

use ceralacca_identity::CodiceFiscale;
use ceralacca_signing::DigestAlgorithm;
use ceralacca_timestamp::Formato;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// The namespace of our schema. A file in it is never mistaken for an official one.
pub const NAMESPACE: &str = "urn:ceralacca:impronta:1";

/// The root element.
pub(crate) const ROOT: &str = "ComunicazioneImpronta";

/// UNVERIFIED: the Agency's code for this type of document is not public.
pub const TIPO_DOCUMENTO: &str = "IMPRONTA";

/// A communication of the impronta of a digital archive (DM 23/01/2004, article 5).
///
/// UNVERIFIED: the content is what the provvedimento 2010/143663 lists; the form is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Communication {
    /// The first one for its period, or the one that replaces it.
    pub tipo: Tipo,
    /// What is replaced; there exactly when `tipo` is `sostitutiva`.
    pub protocollo_sostituito: Option<ProtocolloSostituito>,
    /// The period of the documents.
    pub periodo_imposta: PeriodoImposta,
    /// Whose documents they are.
    pub soggetto_interessato: Soggetto,
    /// Who answers for the preservation, where that is somebody else.
    pub responsabile: Option<Soggetto>,
    /// To whom the responsabile has delegated.
    pub delegati: Vec<Soggetto>,
    /// Where the archive is kept.
    pub luogo: Option<Testo>,
    /// Codes of the types of documents; at least one, each once.
    pub tipi_documento: Vec<String>,
    /// The digest of the signed index.
    pub impronta: Impronta,
    /// The mark over the signed index.
    pub marca: Marca,
}

/// Whether a communication is the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tipo {
    /// The first for its period.
    #[default]
    Ordinaria,
    /// Replaces an earlier one: once, within 30 days of the deadline.
    Sostitutiva,
}

impl Tipo {
    /// As in the XML: `ORDINARIA`.
    pub fn as_str(self) -> &'static str {
        match self {
            Tipo::Ordinaria => "ORDINARIA",
            Tipo::Sostitutiva => "SOSTITUTIVA",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Tipo, Problem> {
        [Tipo::Ordinaria, Tipo::Sostitutiva]
            .into_iter()
            .find(|tipo| tipo.as_str() == text)
            .ok_or_else(|| Problem::Tipo { found: text.to_owned() })
    }
}

/// The protocollo of a communication that is replaced: 17 digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ProtocolloSostituito(String);

impl ProtocolloSostituito {
    /// Reads 17 digits. No more of its structure is public.
    pub fn parse(text: &str) -> Result<ProtocolloSostituito, Problem> {
        if text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(ProtocolloSostituito(text.to_owned()));
        }
        Err(Problem::Protocollo { length: text.chars().count() })
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProtocolloSostituito {
    type Error = Problem;

    fn try_from(text: String) -> Result<ProtocolloSostituito, Problem> {
        ProtocolloSostituito::parse(&text)
    }
}

impl From<ProtocolloSostituito> for String {
    fn from(protocollo: ProtocolloSostituito) -> String {
        protocollo.0
    }
}

/// First and last day of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeriodoImposta {
    /// First day: `2025-01-01`.
    pub dal: Date,
    /// Last day: `2025-12-31`.
    pub al: Date,
}

impl PeriodoImposta {
    /// The tax year whose deadline counts: that of the last day, since earlier ones may be grouped.
    pub fn anno(&self) -> i16 {
        self.al.year()
    }
}

/// A subject: codice fiscale and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "SoggettoFields", into = "SoggettoFields")]
#[schemars(with = "SoggettoFields")]
pub struct Soggetto {
    /// The codice fiscale.
    pub codice_fiscale: CodiceFiscale,
    /// The name.
    pub nominativo: Nominativo,
}

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Nominativo {
    /// Of anybody but a person.
    Denominazione(Testo),
    /// Of a person.
    Persona {
        /// Surname.
        cognome: Testo,
        /// First names.
        nome: Testo,
    },
}

impl fmt::Display for Nominativo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nominativo::Denominazione(text) => f.write_str(text.as_str()),
            Nominativo::Persona { cognome, nome } => {
                write!(f, "{} {}", cognome.as_str(), nome.as_str())
            }
        }
    }
}

/// A [`Soggetto`] as scripts write it: `denominazione`, or `cognome` and `nome`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Soggetto")]
struct SoggettoFields {
    /// The codice fiscale.
    codice_fiscale: CodiceFiscale,
    /// The name of anybody but a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    denominazione: Option<Testo>,
    /// A person's surname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cognome: Option<Testo>,
    /// A person's first names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nome: Option<Testo>,
}

impl TryFrom<SoggettoFields> for Soggetto {
    type Error = Problem;

    fn try_from(fields: SoggettoFields) -> Result<Soggetto, Problem> {
        let nominativo = match (fields.denominazione, fields.cognome, fields.nome) {
            (Some(denominazione), None, None) => Nominativo::Denominazione(denominazione),
            (None, Some(cognome), Some(nome)) => Nominativo::Persona { cognome, nome },
            _ => return Err(Problem::Nominativo),
        };
        Ok(Soggetto { codice_fiscale: fields.codice_fiscale, nominativo })
    }
}

impl From<Soggetto> for SoggettoFields {
    fn from(soggetto: Soggetto) -> SoggettoFields {
        let codice_fiscale = soggetto.codice_fiscale;
        let (denominazione, cognome, nome) = match soggetto.nominativo {
            Nominativo::Denominazione(text) => (Some(text), None, None),
            Nominativo::Persona { cognome, nome } => (None, Some(cognome), Some(nome)),
        };
        SoggettoFields { codice_fiscale, denominazione, cognome, nome }
    }
}

/// Text that fits into the XML: not blank, at most 255 characters, no control characters; runs of
/// white space become one space.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Testo(String);

impl Testo {
    /// Reads a text.
    pub fn parse(text: &str) -> Result<Testo, Problem> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let length = text.chars().count();
        if length == 0 || length > 255 {
            return Err(Problem::TestoLength { length });
        }
        if text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
            return Err(Problem::TestoCharacter);
        }
        Ok(Testo(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Testo {
    type Error = Problem;

    fn try_from(text: String) -> Result<Testo, Problem> {
        Testo::parse(&text)
    }
}

impl From<Testo> for String {
    fn from(text: Testo) -> String {
        text.0
    }
}

/// The imprint: the digest of the signed index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Impronta {
    /// The algorithm of the digest and of the mark.
    pub algoritmo: DigestAlgorithm,
    /// The digest's bytes, as many as the algorithm gives.
    pub digest: Vec<u8>,
}

/// The mark as it stands in the communication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marca {
    /// What the bytes are said to be.
    pub formato: Formato,
    /// A TimeStampResp or TimeStampToken, DER.
    pub bytes: Vec<u8>,
}

impl Communication {
    /// Everybody named in it: soggetto interessato, responsabile, delegati.
    pub fn soggetti(&self) -> impl Iterator<Item = &Soggetto> {
        std::iter::once(&self.soggetto_interessato).chain(&self.responsabile).chain(&self.delegati)
    }
}
