//! Why the pretend Agency rejects a communication of the impronta.
//!
//! UNVERIFIED: codes and texts are ours; the Agency's own tables are not public.

use jiff::Timestamp;
use jiff::civil::Date;

/// Reasons for a rejection, in the order of checking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImprontaRejection {
    /// Not an envelope for this CA.
    UnreadableEnvelope,
    /// What is in the envelope is no SignedData with its content.
    NotSigned {
        /// What it is, or where it stops making sense.
        why: String,
    },
    /// Not exactly one signer.
    Signers {
        /// How many there are.
        count: usize,
    },
    /// The signature does not hold.
    BadSignature {
        /// The question that was answered no.
        why: String,
    },
    /// This CA did not issue the signer's certificate.
    UnknownSigner,
    /// It was signed with the cipher key.
    NotASignatureCertificate,
    /// The signer is neither who sends nor for whom.
    OtherSigner,
    /// The signer's environment is revoked.
    CertificateRevoked {
        /// Since when.
        since: Timestamp,
    },
    /// The signer's certificate has run out, or does not count yet.
    CertificateNotValid {
        /// First instant of its validity.
        not_before: Timestamp,
        /// Last instant of its validity.
        not_after: Timestamp,
    },
    /// The content is not XML that can be read safely.
    Unreadable {
        /// Where and why.
        why: String,
    },
    /// The content does not follow the schema or its rules.
    Schema {
        /// The first finding.
        why: String,
    },
    /// The account is not named in the communication.
    WrongSender,
    /// The sender may act for the soggetto interessato, but did not switch to it.
    UtenzaDiLavoro,
    /// The mark is neither a TSR nor a TST.
    MarkUnreadable {
        /// What is wrong with it.
        why: String,
    },
    /// The mark is a TSR and called a TST, or the other way round.
    MarkFormat {
        /// What it is called.
        declared: String,
        /// What it is.
        found: String,
    },
    /// The digest and the mark have different algorithms.
    OtherAlgorithm {
        /// Of the digest.
        impronta: String,
        /// Of the mark.
        marca: String,
    },
    /// The mark is over something else.
    OtherImprint {
        /// In the communication, hexadecimal.
        impronta: String,
        /// In the mark, hexadecimal.
        marca: String,
    },
    /// The mark does not hold.
    MarkInvalid {
        /// The question that was answered no.
        why: String,
    },
    /// The same communication was accepted before.
    Duplicate {
        /// Under this number.
        protocollo: String,
    },
    /// There is one for the period.
    AlreadyFiled {
        /// Under this number.
        protocollo: String,
    },
    /// Nothing of the subject was accepted under the number that is to be replaced.
    ReplacesUnknown {
        /// The number.
        protocollo: String,
    },
    /// What is to be replaced was replaced, or is a replacement itself.
    ReplacedAlready {
        /// The number.
        protocollo: String,
        /// The number of the replacement.
        by: String,
    },
    /// What is to be replaced has another period.
    OtherPeriod {
        /// Its first day.
        dal: Date,
        /// Its last day.
        al: Date,
    },
    /// More than 30 days after the deadline.
    ReplacementLate {
        /// The deadline.
        deadline: Date,
        /// The last day for a replacement.
        until: Date,
    },
}

use ImprontaRejection::*;

impl ImprontaRejection {
    /// The code on the receipt.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            UnreadableEnvelope => "impronta.unreadable_envelope",
            NotSigned { .. } => "impronta.not_signed",
            Signers { .. } => "impronta.signers",
            BadSignature { .. } => "impronta.bad_signature",
            UnknownSigner => "impronta.unknown_signer",
            NotASignatureCertificate => "impronta.not_a_signature_certificate",
            OtherSigner => "impronta.other_signer",
            CertificateRevoked { .. } => "impronta.certificate_revoked",
            CertificateNotValid { .. } => "impronta.certificate_not_valid",
            Unreadable { .. } => "impronta.unreadable",
            Schema { .. } => "impronta.schema",
            WrongSender => "impronta.wrong_sender",
            UtenzaDiLavoro => "impronta.utenza_di_lavoro",
            MarkUnreadable { .. } => "impronta.mark_unreadable",
            MarkFormat { .. } => "impronta.mark_format",
            OtherAlgorithm { .. } => "impronta.other_algorithm",
            OtherImprint { .. } => "impronta.other_imprint",
            MarkInvalid { .. } => "impronta.mark_invalid",
            Duplicate { .. } => "impronta.duplicate",
            AlreadyFiled { .. } => "impronta.already_filed",
            ReplacesUnknown { .. } => "impronta.replaces_unknown",
            ReplacedAlready { .. } => "impronta.replaced_already",
            OtherPeriod { .. } => "impronta.other_period",
            ReplacementLate { .. } => "impronta.replacement_late",
        }
    }

    /// The text on the receipt, without the word SANDBOX.
    pub(crate) fn text(&self) -> String {
        match self {
            UnreadableEnvelope => "Il file non è leggibile: la busta non è cifrata per questa \
                                   autorità di certificazione oppure è danneggiata"
                .to_owned(),
            NotSigned { .. }
            | Signers { .. }
            | BadSignature { .. }
            | UnknownSigner
            | NotASignatureCertificate
            | OtherSigner
            | CertificateRevoked { .. }
            | CertificateNotValid { .. } => self.text_on_signature(),
            Unreadable { why } => format!("La comunicazione non è leggibile: {why}"),
            Schema { why } => format!("La comunicazione non supera il controllo: {why}"),
            WrongSender => "Chi trasmette non è il soggetto interessato, né il responsabile della \
                            conservazione, né un delegato indicato nella comunicazione"
                .to_owned(),
            UtenzaDiLavoro => "L'incaricato deve effettuare il cambio di utenza di lavoro prima \
                               dell'invio"
                .to_owned(),
            MarkUnreadable { .. }
            | MarkFormat { .. }
            | OtherAlgorithm { .. }
            | OtherImprint { .. }
            | MarkInvalid { .. } => self.text_on_mark(),
            _ => self.text_on_earlier_ones(),
        }
    }

    fn text_on_signature(&self) -> String {
        match self {
            NotSigned { why } => format!("Il contenuto della busta non è un file firmato: {why}"),
            Signers { count } => format!("Il file deve avere una sola firma, ne ha {count}"),
            BadSignature { why } => format!("La firma del file non è valida: {why}"),
            UnknownSigner => {
                "Il certificato del firmatario non è stato emesso da questa autorità di \
                 certificazione"
            }
            .to_owned(),
            NotASignatureCertificate => {
                "Il file è firmato con la chiave di cifra anziché con quella di firma".to_owned()
            }
            OtherSigner => {
                "Il file è firmato con l'ambiente di sicurezza di un altro utente".to_owned()
            }
            CertificateRevoked { since } => {
                format!("L'ambiente di sicurezza del firmatario è revocato dal {since}")
            }
            CertificateNotValid { not_before, not_after } => format!(
                "Il certificato del firmatario non è valido in questo momento: lo è dal \
                 {not_before} al {not_after}"
            ),
            other => unreachable!("{other:?} is worded elsewhere"),
        }
    }

    fn text_on_mark(&self) -> String {
        match self {
            MarkUnreadable { why } => {
                format!("La marca temporale non è leggibile come TSR o TST: {why}")
            }
            MarkFormat { declared, found } => {
                format!("La marca temporale è indicata come {declared}, ma è in formato {found}")
            }
            OtherAlgorithm { impronta, marca } => format!(
                "L'impronta è calcolata con {impronta}, la marca temporale è apposta con {marca}"
            ),
            OtherImprint { impronta, marca } => format!(
                "L'impronta comunicata {impronta} non coincide con quella contenuta nella marca \
                 temporale {marca}"
            ),
            MarkInvalid { why } => format!("La marca temporale non è valida: {why}"),
            other => unreachable!("{other:?} is worded elsewhere"),
        }
    }

    fn text_on_earlier_ones(&self) -> String {
        match self {
            Duplicate { protocollo } => {
                format!("La comunicazione è già stata acquisita con protocollo {protocollo}")
            }
            AlreadyFiled { protocollo } => format!(
                "Per il periodo d'imposta è già stata acquisita la comunicazione {protocollo}: \
                 per sostituirla occorre una comunicazione sostitutiva"
            ),
            ReplacesUnknown { protocollo } => format!(
                "Al protocollo {protocollo} non corrisponde una comunicazione acquisita per il \
                 soggetto interessato"
            ),
            ReplacedAlready { protocollo, by } => format!(
                "La comunicazione {protocollo} è già stata sostituita ({by}): la sostituzione è \
                 ammessa una sola volta"
            ),
            OtherPeriod { dal, al } => format!(
                "La comunicazione da sostituire riguarda un altro periodo d'imposta: dal {dal} al \
                 {al}"
            ),
            ReplacementLate { deadline, until } => format!(
                "La sostituzione era ammessa fino al {until}, 30 giorni dopo il termine di \
                 trasmissione del {deadline}"
            ),
            other => unreachable!("{other:?} is worded elsewhere"),
        }
    }
}

impl From<ImprontaRejection> for crate::rejection::Rejection {
    fn from(rejection: ImprontaRejection) -> crate::rejection::Rejection {
        crate::rejection::Rejection::Impronta(rejection)
    }
}
