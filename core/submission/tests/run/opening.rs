//! Opening sealed receipts: of accepted and rejected documents, and of none of ours.

use std::fs;

use ceralacca_kernel::typed;
use ceralacca_kernel::{Caller, Error, Value};
use ceralacca_keystore::{Certificate, KeyPair, enveloped_data};
use ceralacca_signing::{Signer, cades};
use ceralacca_submission::{
    AttachmentRecord, Counts, OpenedReceipt, Protocollo, ReceiptRecord, ReceiptText, Rejection,
    Stato,
};
use jiff::Timestamp;

use crate::authority::{Holder, authority};
use crate::sealing::environment;
use crate::world::{PROTOCOLLO, REQUEST_SHA256, World, receipt, sha256};

/// The text of a receipt for what the world sends.
pub(crate) fn text(stato: Stato) -> ReceiptText {
    let rejection = Rejection { code: "x.y".to_owned(), text: "SANDBOX: non va".to_owned() };
    let at: Timestamp = "2026-11-21T20:17:01Z".parse().unwrap();
    ReceiptText {
        notice: "SANDBOX".to_owned(),
        protocollo: Protocollo::parse(PROTOCOLLO).unwrap(),
        tipo_documento: "PKS10".to_owned(),
        stato,
        motivo_di_scarto: (stato == Stato::Scartato).then_some(rejection),
        file_name: "req.ccc".to_owned(),
        sha256: REQUEST_SHA256.to_owned(),
        received_at: at,
        processed_at: at,
        documenti: Counts { totale: 1, acquisiti: 1, scartati: 0 },
        details: vec![("Impronta".to_owned(), "ab".repeat(32))],
    }
}

/// A key and the certificate that it signs with.
struct Stamp<'a>(&'a KeyPair, &'a Certificate);

impl Signer for Stamp<'_> {
    fn certificate(&self) -> &Certificate {
        self.1
    }

    fn chain(&self) -> &[Certificate] {
        std::slice::from_ref(self.1)
    }

    fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign_sha256(message)?)
    }
}

fn signed(text: &[u8], stamp: &Stamp<'_>) -> Vec<u8> {
    let mut p7m = Vec::new();
    let options = cades::Options::attached("2026-11-21T20:17:01Z".parse().unwrap());
    cades::sign(text, Some(text.len() as u64), &mut p7m, stamp, &options).unwrap();
    p7m
}

pub(crate) fn by_the_agency(text: &ReceiptText) -> Vec<u8> {
    let authority = authority();
    signed(text.to_text().as_bytes(), &Stamp(&authority.ca.key, &authority.receipts))
}

pub(crate) fn sealed(p7m: &[u8]) -> Vec<u8> {
    enveloped_data::seal(p7m, &authority().cifra.certificate).unwrap()
}

/// Sends, waits, and opens the receipt with this cipher key.
fn open(world: &World, rcc: &[u8], stato: Stato, cifra: &Holder) -> Result<OpenedReceipt, Error> {
    let record = ReceiptRecord {
        protocollo: Protocollo::parse(PROTOCOLLO).unwrap(),
        tipo_documento: "PKS10".into(),
        stato,
        motivo_di_scarto: None,
        annullato_da: None,
        file_name: "req.ccc".into(),
        sha256: REQUEST_SHA256.into(),
        sent_at: Timestamp::UNIX_EPOCH,
        processed_at: None,
        documenti: Counts::default(),
        attachments: vec![AttachmentRecord {
            name: format!("{PROTOCOLLO}.rcc"),
            sha256: sha256(rcc),
            length: rcc.len() as u64,
        }],
        notice: None,
    };
    *world.agency.sealed.borrow_mut() = Some((record, rcc.to_vec()));
    *world.agency.authorities.borrow_mut() = vec![authority().ca.certificate.as_der().to_vec()];
    let folder = authority().folder(world.root.path(), cifra).display().to_string();
    let script = move |caller: &dyn Caller, document: Value| {
        let receipt = receipt(caller, document, "2h")?;
        let env = environment(caller, &folder)?;
        caller.call("agency", "open", vec![receipt, env])
    };
    world.start_with(script, world.document()).map(|value| typed::from_value(value).unwrap())
}

fn code(rcc: &[u8]) -> String {
    let error = open(&World::new(), rcc, Stato::Elaborato, &authority().cifra).unwrap_err();
    error.code().to_owned()
}

#[test]
fn receipts_of_accepted_and_rejected_documents_open() {
    for stato in [Stato::Elaborato, Stato::Scartato] {
        let world = World::new();
        let receipt = text(stato);
        let (p7m, cifra) = (by_the_agency(&receipt), &authority().cifra);
        let rcc = sealed(&p7m);
        let opened = open(&world, &rcc, stato, cifra).unwrap();
        assert_eq!(opened.stato, stato.as_str());
        assert_eq!(opened.motivo_di_scarto, receipt.motivo_di_scarto);
        assert_eq!(opened.impronta, Some("ab".repeat(32)));
        let folder = world.documents();
        let ricevute = folder.join("ricevute").join(PROTOCOLLO);
        assert_eq!(opened.p7m, ricevute.join(format!("{PROTOCOLLO}.p7m")));
        assert_eq!(fs::read(&opened.p7m).unwrap(), p7m);
        assert_eq!(fs::read_to_string(&opened.rel).unwrap(), receipt.to_text());
        let kept = folder.join("ricezione").join(PROTOCOLLO).join(format!("{PROTOCOLLO}.rcc"));
        assert_eq!(fs::read(kept).unwrap(), rcc);
        let esito = folder.join("esiti").join(format!("{PROTOCOLLO}.json"));
        let esito: serde_json::Value = serde_json::from_slice(&fs::read(esito).unwrap()).unwrap();
        assert_eq!(esito["sent_sha256"], REQUEST_SHA256);
        assert_eq!(esito["stato"], stato.as_str());
        assert_eq!(esito["rcc"]["sha256"], sha256(&rcc));
    }
}

#[test]
fn a_receipt_opens_after_its_document_was_annulled() {
    let rcc = sealed(&by_the_agency(&text(Stato::Elaborato)));
    let opened = open(&World::new(), &rcc, Stato::Annullato, &authority().cifra).unwrap();
    assert_eq!(opened.stato, "ELABORATO");
}

#[test]
fn another_key_does_not_open_it_and_it_is_kept() {
    let world = World::new();
    let rcc = sealed(&by_the_agency(&text(Stato::Elaborato)));
    let other = &authority().other_cifra;
    let error = open(&world, &rcc, Stato::Elaborato, other).unwrap_err();
    assert_eq!(error.code(), "receipt.undecryptable");
    // It says for whom it is, and where was looked.
    let shown = error.to_string();
    assert!(shown.contains(&authority().cifra.certificate.serial()), "{error}");
    assert!(shown.contains("Ambiente_sicurezza"), "{error}");
    let kept = world.documents().join("ricezione").join(PROTOCOLLO);
    assert_eq!(fs::read(kept.join(format!("{PROTOCOLLO}.rcc"))).unwrap(), rcc);
    assert!(!world.documents().join("ricevute").exists());
    let last = rcc.len() - 1;
    let damaged = [&rcc[..last], &[rcc[last] ^ 1]].concat();
    assert!(["receipt.undecryptable", "receipt.signature"].contains(&code(&damaged).as_str()));
    assert_eq!(code(b"garbage"), "receipt.opaque");
    assert_eq!(code(&[rcc.as_slice(), b"\n"].concat()), "receipt.opaque");
}

#[test]
fn only_the_agencys_own_signature_counts() {
    let authority = authority();
    let plain = text(Stato::Elaborato).to_text();
    let by = |key, certificate| code(&sealed(&signed(plain.as_bytes(), &Stamp(key, certificate))));
    // An environment is certified by the same CA.
    assert_eq!(by(&authority.firma.key, &authority.firma.certificate), "receipt.signature");
    // The right certificate and another key.
    assert_eq!(by(&authority.false_ca.key, &authority.receipts), "receipt.signature");
    assert_eq!(code(&sealed(plain.as_bytes())), "receipt.signature");
    let p7m = by_the_agency(&text(Stato::Elaborato));
    let at = p7m.windows(9).position(|window| window == b"ELABORATO").unwrap();
    let mut forged = p7m.clone();
    forged[at] = b'X';
    assert_eq!(code(&sealed(&forged)), "receipt.signature");
}

#[test]
fn a_receipt_about_something_else_is_refused() {
    let with = |change: fn(&mut ReceiptText)| {
        let mut text = text(Stato::Elaborato);
        change(&mut text);
        code(&sealed(&by_the_agency(&text)))
    };
    let other = "receipt.of_another_send";
    assert_eq!(with(|text| text.sha256 = "00".repeat(32)), other);
    assert_eq!(with(|text| text.file_name = "altro.ccf".to_owned()), other);
    assert_eq!(with(|text| text.stato = Stato::Scartato), other);
    assert_eq!(
        with(|text| text.protocollo = Protocollo::parse("26112100000000009").unwrap()),
        other
    );
    let authority = authority();
    let stamp = Stamp(&authority.ca.key, &authority.receipts);
    assert_eq!(code(&sealed(&signed(b"una lettera", &stamp))), "receipt.malformed");
}
