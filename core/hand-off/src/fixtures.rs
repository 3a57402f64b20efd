//! A receipt for the tests of this crate.

use ceralacca_submission::{Counts, Protocollo, ReceiptText, Rejection, Stato};
use jiff::Timestamp;

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
