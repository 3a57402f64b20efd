//! Receipts of other documents: signed, sealed, and the CA that they are held against.

use std::fs;

use ceralacca_hand_off::{ArrivalKind, Confirmation, HandOff};
use ceralacca_kernel::Error;
use ceralacca_keystore::{Certificate, KeyPair, enveloped_data};
use ceralacca_signing::{Signer, cades};
use ceralacca_submission::{Agency, Counts, Failure, Outgoing, ReceiptRecord, ReceiptText, Stato};
use der::EncodePem;
use der::pem::LineEnding;
use jiff::Timestamp;

use crate::authority::{Holder, authority};
use crate::desk::{Desk, number};
use crate::world::{PROTOCOLLO, sha256};

const CONTENT: &[u8] = b"the communication";

/// A document that was uploaded under the number of the tests.
fn uploaded() -> Desk {
    let desk = Desk::new();
    let copy = desk.world.documents().join("da inviare/1/comunicazione.ccf");
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::write(&copy, CONTENT).unwrap();
    let outgoing = Outgoing {
        idempotency_key: "aa-1",
        name: "comunicazione.ccf",
        tipo_documento: "IMPRONTA",
        sha256: &sha256(CONTENT),
        bytes: CONTENT,
        at: desk.world.host.now.get(),
        run: "1",
        copy: &copy,
        keys: &[],
    };
    desk.agency().submit(&desk.access(), &outgoing).unwrap_err();
    desk.say(&Confirmation { protocollo: Some(number()), ..desk.sent() });
    desk
}

fn receipt(desk: &Desk) -> Result<Option<ReceiptRecord>, Failure> {
    desk.agency().receipt(&desk.access(), &number())
}

/// The text of the receipt, signed with this key.
fn signed(holder: &Holder, certificate: &Certificate) -> Vec<u8> {
    let at: Timestamp = "2026-11-21T20:17:01Z".parse().unwrap();
    let text = ReceiptText {
        notice: "SANDBOX".to_owned(),
        protocollo: number(),
        tipo_documento: "IMPRONTA".to_owned(),
        stato: Stato::Elaborato,
        motivo_di_scarto: None,
        file_name: "comunicazione.ccf".to_owned(),
        sha256: sha256(CONTENT),
        received_at: at,
        processed_at: at,
        documenti: Counts { totale: 1, acquisiti: 1, scartati: 0 },
        details: Vec::new(),
    };
    let text = text.to_text().into_bytes();
    let stamp = Stamp(&holder.key, certificate);
    let mut p7m = Vec::new();
    let options = cades::Options::attached(at);
    cades::sign(&*text, Some(text.len() as u64), &mut p7m, &stamp, &options).unwrap();
    p7m
}

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

#[test]
fn a_signed_receipt_counts_when_the_agency_signed_it() {
    let desk = uploaded();
    assert_eq!(receipt(&desk).unwrap(), None);
    let authority = authority();
    desk.save("r.p7m", &signed(&authority.ca, &authority.receipts));
    let found = receipt(&desk).unwrap().unwrap();
    assert_eq!((found.stato, found.notice.as_deref()), (Stato::Elaborato, Some("SANDBOX")));
    assert_eq!(found.attachments[0].name, "r.p7m");

    // Somebody else's signature, or nobody to compare with.
    desk.save("r.p7m", &signed(&authority.firma, &authority.firma.certificate));
    let failure = receipt(&desk).unwrap_err();
    assert_eq!(failure.error.code(), "hand_off.answer_not_signed");
    assert!(failure.error.report().fetch_again);
    let without = HandOff::new(desk.ricezione(), Vec::new());
    let found = without.receipt(&desk.access(), &number()).unwrap().unwrap();
    assert!(found.notice.unwrap().contains("firma non verificata"));
}

#[test]
fn no_beginning_of_a_file_is_taken_for_it() {
    let desk = uploaded();
    let authority = authority();
    let whole = signed(&authority.ca, &authority.receipts);
    for cut in (0..whole.len()).step_by(whole.len() / 97) {
        desk.save(&format!("{PROTOCOLLO}.p7m"), &whole[..cut]);
        let [arrival] = desk.ricezione().look().try_into().unwrap();
        assert!(matches!(arrival.kind, ArrivalKind::Incomplete { .. }), "{cut}: {arrival:?}");
        assert_eq!(receipt(&desk).unwrap(), None, "{cut}");
    }
}

#[test]
fn a_changed_octet_is_never_taken_for_a_signed_receipt() {
    let desk = uploaded();
    let authority = authority();
    let mut bytes = signed(&authority.ca, &authority.receipts);
    for at in (0..bytes.len()).step_by(7) {
        bytes[at] ^= 0x10;
        desk.save("r.p7m", &bytes);
        match receipt(&desk) {
            Ok(found) => assert_eq!(found, None, "octet {at}"),
            Err(failure) => {
                assert_eq!(failure.error.code(), "hand_off.answer_not_signed", "octet {at}");
            }
        }
        bytes[at] ^= 0x10;
    }
}

#[test]
fn a_sealed_receipt_is_known_by_its_name_and_kept_as_it_is() {
    let desk = uploaded();
    let rcc = enveloped_data::seal(b"x", &authority().cifra.certificate).unwrap();
    desk.save("ricevuta.rcc", &rcc);
    assert_eq!(receipt(&desk).unwrap(), None);
    desk.save(&format!("Ricevuta {PROTOCOLLO}.bin"), &rcc);
    let found = receipt(&desk).unwrap().unwrap();
    assert_eq!(found.stato, Stato::DaAprire);
    let name = format!("{PROTOCOLLO}.rcc");
    assert_eq!(found.attachments[0].name, name);
    let bytes = desk.agency().attachment(&desk.access(), &number(), &name).unwrap();
    assert_eq!(bytes, rcc);
}

#[test]
fn the_ca_comes_from_the_files_of_the_settings() {
    let mut desk = Desk::new();
    let der = authority().ca.certificate.as_der().to_vec();
    assert_eq!(desk.agency().ca_certificates().unwrap(), std::slice::from_ref(&der));
    let other = &authority().false_ca.certificate;
    let pem = desk.world.root.path().join("ca.pem");
    let block = |one: &Certificate| one.parsed().to_pem(LineEnding::CRLF).unwrap();
    let both = [block(other), "di chi\r\n".to_owned(), block(&authority().ca.certificate)];
    fs::write(&pem, both.concat()).unwrap();
    desk.ca.insert(0, pem);
    assert_eq!(desk.agency().ca_certificates().unwrap(), [other.as_der().to_vec(), der]);
}
