//! What can be wrong with a communication: typed, with severity, code and words in one place.

use ceralacca_identity::IdentityError;
use ceralacca_kernel::Explain;
use serde::Serialize;

use crate::Severity;

/// One thing that is wrong with a communication, or worth knowing about it.
// The fields are what `problem_text.rs` puts into words.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Problem {
    /// A rule of XML is broken.
    NotWellFormed { rule: String, what: String },
    /// A document type declaration: entities could be hidden in it.
    Doctype,
    /// Another encoding than UTF-8.
    Encoding { found: String },
    /// Another version of XML than 1.0.
    XmlVersion { found: String },
    /// A byte-order mark before the text.
    ByteOrderMark,
    /// More bytes than are read.
    TooLarge { limit: u64, found: u64 },
    /// More of something than is read: levels, nodes, attributes.
    BeyondLimit { what: String, limit: u64 },
    /// Not valid against the schema.
    Schema { constraint: String, what: String },
    /// More was found than is listed.
    More { limit: u64 },
    /// The root element is not the one of a communication.
    NotACommunication { found: String },
    /// The schema has another root element than the rules know: only the schema was checked.
    RulesNotApplied { found: String },
    /// An element or attribute is missing.
    Missing { name: String },
    /// An element or attribute that does not belong there, or is there twice.
    Unexpected { name: String },
    /// A subject has neither a denominazione nor cognome and nome, or both.
    Nominativo,
    /// A text is blank or too long.
    TestoLength { length: usize },
    /// A text has characters that do not belong into one.
    TestoCharacter,
    /// A codice fiscale is wrong.
    CodiceFiscale { error: IdentityError },
    /// Not a kind of communication.
    Tipo { found: String },
    /// Not 17 digits.
    Protocollo { length: usize },
    /// A replacing communication does not say what it replaces.
    NoProtocollo,
    /// An ordinary communication says that it replaces another.
    ProtocolloNotMeant,
    /// Not a day.
    Date { found: String },
    /// The period ends before it begins.
    PeriodReversed { dal: String, al: String },
    /// The period has not ended yet.
    PeriodInFuture { al: String, today: String },
    /// The period covers more than one tax year.
    PeriodOfYears { dal: String, al: String },
    /// The deadline of transmission is over.
    DeadlinePassed { trasmissione: String, today: String },
    /// The deadline of a replacement is over.
    ReplacementPassed { last_day: String, today: String },
    /// No type of document.
    NoTipoDocumento,
    /// A type of document is there twice.
    TipoDocumentoTwice { code: String },
    /// A type of document that the list does not have.
    TipoDocumentoUnknown { code: String },
    /// Who transmits is nobody named in the communication.
    SenderNotNamed { sender: String },
    /// Not an algorithm that is accepted.
    Algoritmo { found: String },
    /// A character of the imprint is not hexadecimal.
    ImprontaCharacter { position: usize, found: char },
    /// The imprint has another length than its algorithm gives.
    ImprontaLength { algoritmo: String, expected: usize, found: usize },
    /// The imprint is in capital letters.
    ImprontaUpperCase,
    /// The imprint is of no bytes: the digest of an empty file.
    ImprontaOfNothing,
    /// The mark is not base64.
    MarcaBase64,
    /// The mark is neither TSR nor TST.
    MarcaUnreadable { what: String },
    /// Not a format of marks that is accepted.
    Formato { found: String },
    /// The mark is of another format than it is said to be.
    OtherFormato { said: String, found: String },
    /// The mark was made with another algorithm than the imprint.
    OtherAlgoritmo { impronta: String, marca: String },
    /// The mark covers something else.
    OtherImpronta { impronta: String, marca: String },
    /// The mark's own signature or certificate is not valid.
    MarcaInvalid { check: String, detail: String },
    /// Whether the mark is valid could not be found out.
    MarcaIndeterminate { check: String, detail: String },
}

impl Problem {
    /// A stable name: `impronta.other_impronta`.
    pub fn code(&self) -> String {
        use Problem::*;
        let name = match self {
            NotWellFormed { .. } => "xml.not_well_formed",
            Doctype => "xml.doctype",
            Encoding { .. } => "xml.encoding",
            XmlVersion { .. } => "xml.version",
            ByteOrderMark => "xml.byte_order_mark",
            TooLarge { .. } => "xml.too_large",
            BeyondLimit { .. } => "xml.beyond_limit",
            Schema { constraint, .. } => return format!("schema.{constraint}"),
            More { .. } => "controllo.more",
            NotACommunication { .. } => "controllo.not_a_communication",
            RulesNotApplied { .. } => "controllo.rules_not_applied",
            Missing { .. } => "struttura.missing",
            Unexpected { .. } => "struttura.unexpected",
            Nominativo => "soggetto.nominativo",
            TestoLength { .. } => "testo.length",
            TestoCharacter => "testo.character",
            CodiceFiscale { error } => return error.explain().code,
            Tipo { .. } => "tipo.unknown",
            Protocollo { .. } => "protocollo.form",
            NoProtocollo => "protocollo.missing",
            ProtocolloNotMeant => "protocollo.not_meant",
            Date { .. } => "periodo.date",
            PeriodReversed { .. } => "periodo.reversed",
            PeriodInFuture { .. } => "periodo.future",
            PeriodOfYears { .. } => "periodo.years",
            DeadlinePassed { .. } => "termine.passed",
            ReplacementPassed { .. } => "termine.replacement_passed",
            NoTipoDocumento => "documenti.none",
            TipoDocumentoTwice { .. } => "documenti.twice",
            TipoDocumentoUnknown { .. } => "documenti.unknown",
            SenderNotNamed { .. } => "mittente.not_named",
            Algoritmo { .. } => "impronta.algorithm",
            ImprontaCharacter { .. } => "impronta.not_hexadecimal",
            ImprontaLength { .. } => "impronta.length",
            ImprontaUpperCase => "impronta.upper_case",
            ImprontaOfNothing => "impronta.of_nothing",
            MarcaBase64 => "marca.base64",
            MarcaUnreadable { .. } => "marca.unreadable",
            Formato { .. } => "marca.format",
            OtherFormato { .. } => "marca.other_format",
            OtherAlgoritmo { .. } => "marca.other_algorithm",
            OtherImpronta { .. } => "marca.other_imprint",
            MarcaInvalid { .. } => "marca.invalid",
            MarcaIndeterminate { .. } => "marca.indeterminate",
        };
        name.to_owned()
    }

    /// Whether the file would be rejected for it.
    pub(crate) fn blocks(&self) -> bool {
        self.severity() > Severity::Segnalazione
    }

    /// Whether the schema says so, by a constraint that begins with `start`.
    pub(crate) fn is_of_schema(&self, start: &str) -> bool {
        matches!(self, Problem::Schema { constraint, .. } if constraint.starts_with(start))
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        use Problem::*;
        match self {
            ByteOrderMark
            | RulesNotApplied { .. }
            | PeriodOfYears { .. }
            | DeadlinePassed { .. }
            | ReplacementPassed { .. }
            | TipoDocumentoUnknown { .. }
            | SenderNotNamed { .. }
            | ImprontaUpperCase
            | MarcaIndeterminate { .. } => Severity::Segnalazione,
            CodiceFiscale { .. }
            | Nominativo
            | TestoLength { .. }
            | TestoCharacter
            | Tipo { .. }
            | Protocollo { .. }
            | NoProtocollo
            | ProtocolloNotMeant
            | Date { .. }
            | PeriodReversed { .. }
            | PeriodInFuture { .. }
            | NoTipoDocumento
            | TipoDocumentoTwice { .. } => Severity::ScartoDocumento,
            _ => Severity::ScartoFornitura,
        }
    }
}
