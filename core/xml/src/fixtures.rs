//! What the tests of this crate share: a clean communication, marks made with openssl, a control.

use ceralacca_identity::CodiceFiscale;
use ceralacca_keystore::Certificate;
use ceralacca_signing::{DigestAlgorithm, Trust};
use ceralacca_timestamp::Formato;
use jiff::civil::date;

use crate::{
    Communication, ControlContext, Deadlines, DocumentTypes, Finding, Impronta, Limits, Marca,
    Nominativo, PeriodoImposta, Schema, Soggetto, Testo, Tipo, control,
};

/// What the marks cover, all but [`OTHER`].
pub(crate) const SIGNED: &[u8] = b"signed index SANDBOX\n";

/// Marks of a test authority, made with `openssl ts`; its key was thrown away.
pub(crate) const SHA256_TSR: &[u8] = include_bytes!("../tests/data/sha256.tsr");
pub(crate) const SHA256_TST: &[u8] = include_bytes!("../tests/data/sha256.tst");
pub(crate) const SHA384: &[u8] = include_bytes!("../tests/data/sha384.tsr");
pub(crate) const SHA1: &[u8] = include_bytes!("../tests/data/sha1.tsr");
pub(crate) const OTHER: &[u8] = include_bytes!("../tests/data/other.tsr");
pub(crate) const REJECTED: &[u8] = include_bytes!("../tests/data/rejected.tsr");

/// The root of that authority.
const ROOT: &[u8] = include_bytes!("../tests/data/root.cer");
const CRL: &[u8] = include_bytes!("../tests/data/root.crl");

pub(crate) fn trust() -> Trust {
    let mut trust = Trust::default();
    let root = Certificate::from_der(ROOT).unwrap();
    trust.add_anchor(root, "the tests");
    trust.add_crl(CRL, "the tests");
    trust
}

/// A day on which a communication for 2025 is in time, and the marks are made.
pub(crate) const AT: &str = "2026-12-01T12:00:00Z";

pub(crate) fn testo(text: &str) -> Testo {
    Testo::parse(text).unwrap()
}

pub(crate) fn azienda() -> Soggetto {
    Soggetto {
        codice_fiscale: CodiceFiscale::parse("02876990587").unwrap(),
        nominativo: Nominativo::Denominazione(testo("Alfa & Figli SpA")),
    }
}

pub(crate) fn persona() -> Soggetto {
    Soggetto {
        codice_fiscale: CodiceFiscale::parse("RSSMRA85M01H501Q").unwrap(),
        nominativo: Nominativo::Persona { cognome: testo("Rossi"), nome: testo("Mario") },
    }
}

/// A communication that the control finds clean.
pub(crate) fn clean() -> Communication {
    Communication {
        tipo: Tipo::Ordinaria,
        protocollo_sostituito: None,
        periodo_imposta: PeriodoImposta { dal: date(2025, 1, 1), al: date(2025, 12, 31) },
        soggetto_interessato: azienda(),
        responsabile: Some(persona()),
        delegati: Vec::new(),
        luogo: Some(testo("Via Roma 1, 00100 Roma")),
        tipi_documento: vec!["D01".to_owned(), "D09".to_owned()],
        impronta: Impronta {
            algoritmo: DigestAlgorithm::Sha256,
            digest: DigestAlgorithm::Sha256.digest(SIGNED),
        },
        marca: Marca { formato: Formato::Tsr, bytes: SHA256_TSR.to_vec() },
    }
}

pub(crate) fn clean_xml() -> String {
    String::from_utf8(clean().to_xml()).unwrap()
}

thread_local! {
    static SCHEMA: Schema = Schema::embedded();
}

/// Controls `bytes` at a time, for a sender.
pub(crate) fn controlled_at(bytes: &[u8], at: &str, sender: Option<&str>) -> Vec<Finding> {
    let (tipi, scadenze) = (DocumentTypes::embedded(), Deadlines::embedded());
    let sender = sender.map(|sender| CodiceFiscale::parse(sender).unwrap());
    SCHEMA.with(|schema| {
        let context = ControlContext {
            schema,
            tipi: &tipi,
            scadenze: &scadenze,
            at: at.parse().unwrap(),
            trust: &trust(),
            sender: sender.as_ref(),
            limits: Limits::default(),
        };
        control(bytes, &context)
    })
}

pub(crate) fn controlled(bytes: &[u8]) -> Vec<Finding> {
    controlled_at(bytes, AT, None)
}

/// Severity, code and place of each finding.
pub(crate) fn lines(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{} {} {}", finding.severity, finding.code, finding.place()))
        .collect()
}
