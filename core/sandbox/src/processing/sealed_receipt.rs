//! The sealed receipt of a communication, `<protocollo>.rcc`: a text, signed with the CA's key and
//! enveloped for the sender's cipher key.
//!
//! UNVERIFIED: the bytes of a `.rcc` are not public; the text is that of `ReceiptText`.

use ceralacca_keystore::{Certificate, enveloped_data};
use ceralacca_signing::{Signer, cades};
use ceralacca_submission::{Counts, Protocollo, ReceiptText, Rejection, Stato};
use rusqlite::{Transaction, params};

use crate::ca::Ca;
use crate::environments;
use crate::error::SandboxError;
use crate::processing::Received;
use crate::processing::impronta::Understood;
use crate::receipts::NOTICE;
use crate::rejection_impronta::ImprontaRejection;

/// What a receipt is about, beside the file itself.
pub(crate) struct Told<'a> {
    pub(crate) understood: &'a Understood,
    pub(crate) rejection: Option<&'a ImprontaRejection>,
}

/// Attaches the receipt to the submission, sealed for the cipher key of this environment.
pub(crate) fn attach(
    transaction: &Transaction<'_>,
    ca: &Ca,
    received: &Received<'_>,
    environment_id: i64,
    told: &Told<'_>,
) -> Result<(), SandboxError> {
    let text = text(received, told)?.to_text();
    let signer =
        Issuer { chain: [ca.receipts_certificate(received.at)?, ca.certificate.clone()], ca };
    let options = cades::Options::attached(received.at);
    let (mut p7m, length) = (Vec::new(), Some(text.len() as u64));
    cades::sign(text.as_bytes(), length, &mut p7m, &signer, &options)
        .map_err(|_| failed("its signature"))?;
    let recipient = environments::cipher_certificate(transaction, environment_id)?;
    let recipient = Certificate::from_der(&recipient).map_err(|_| failed("its recipient"))?;
    let sealed = enveloped_data::seal(&p7m, &recipient).ok_or_else(|| failed("its envelope"))?;
    transaction.execute(
        "INSERT INTO attachments (submission_id, name, bytes) VALUES (?1, ?2, ?3)",
        params![received.submission_id, format!("{}.rcc", received.protocollo), sealed],
    )?;
    Ok(())
}

fn text(received: &Received<'_>, told: &Told<'_>) -> Result<ReceiptText, SandboxError> {
    let accepted = told.rejection.is_none();
    let rejection = told.rejection.cloned().map(crate::rejection::Rejection::from);
    Ok(ReceiptText {
        notice: NOTICE.to_owned(),
        protocollo: Protocollo::parse(received.protocollo).map_err(|_| failed("its number"))?,
        tipo_documento: received.tipo_documento.to_owned(),
        stato: if accepted { Stato::Elaborato } else { Stato::Scartato },
        motivo_di_scarto: rejection.map(|rejection| Rejection {
            code: rejection.code().to_owned(),
            text: rejection.text(),
        }),
        file_name: received.file_name.to_owned(),
        sha256: hex::encode(received.sha256),
        received_at: received.at,
        processed_at: received.processed_at,
        documenti: Counts {
            totale: 1,
            acquisiti: u64::from(accepted),
            scartati: u64::from(!accepted),
        },
        details: details(told.understood),
    })
}

/// The further lines: what the communication says and what is in its mark.
fn details(understood: &Understood) -> Vec<(String, String)> {
    let mut details = Vec::new();
    let mut line = |name: &str, value: String| details.push((name.to_owned(), value));
    if let Some(communication) = &understood.communication {
        let (period, impronta) = (&communication.periodo_imposta, &communication.impronta);
        let soggetto = &communication.soggetto_interessato;
        line("Tipo comunicazione", communication.tipo.as_str().to_owned());
        line("Soggetto interessato", soggetto.codice_fiscale.as_str().to_owned());
        line("Periodo d'imposta", format!("dal {} al {}", period.dal, period.al));
        line("Algoritmo", impronta.algoritmo.name().to_owned());
        line(ReceiptText::IMPRONTA, hex::encode(&impronta.digest));
    }
    if let Some(mark) = &understood.mark {
        line("Impronta nella marca", mark.message_imprint().hex());
        line("Marca temporale", mark.gen_time().to_string());
    }
    if let Some(protocollo) = &understood.annuls {
        line("Annulla il protocollo", protocollo.clone());
    }
    details
}

/// The CA's key under a certificate that allows it to sign receipts.
struct Issuer<'a> {
    ca: &'a Ca,
    chain: [Certificate; 2],
}

impl Signer for Issuer<'_> {
    fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, ceralacca_kernel::Error> {
        Ok(self.ca.key.sign_sha256(message)?)
    }
}

fn failed(what: &str) -> SandboxError {
    SandboxError::Issuing { reason: format!("a receipt: {what}") }
}
