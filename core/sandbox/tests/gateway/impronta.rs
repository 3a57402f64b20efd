//! The communication of the impronta: accepted, rejected for each reason, and the sealed receipts.

use ceralacca_environment::OpenEnvironment;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{certif_in, enveloped_data};
use ceralacca_sandbox::Credentials;
use ceralacca_signing::{Content, DigestAlgorithm, cades, signed_data};
use ceralacca_submission::{ReceiptText, Stato};
use ceralacca_timestamp::{Formato, MessageImprint};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::forge;
use crate::impronta_world::{INDEX, certificate, communication, mark, over, soggetto};
use crate::world::{DITTA, ROSSI, World, keys, other_keys};

const ROSSI_CF: &str = "RSSMRA85M01H501Q";
const DITTA_CF: &str = "02876990587";

/// Rossi with an environment and a session.
struct Filer {
    world: World,
    rossi: Credentials,
    token: String,
    environment: OpenEnvironment,
    now: Timestamp,
}

fn filer() -> Filer {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let environment = world.environment(&rossi, keys());
    let token = world.login(&rossi);
    let now = world.sandbox.now();
    Filer { world, rossi, token, environment, now }
}

impl Filer {
    fn refused(&self, key: &str, file: &[u8]) -> String {
        self.world.refused(&self.token, key, file).0
    }

    /// Code and text for a communication that a right client seals.
    fn refusal_of(
        &self,
        key: &str,
        communication: &ceralacca_xml::Communication,
    ) -> (String, String) {
        self.world.refusal_of((&self.token, &self.environment), key, communication)
    }

    /// Sealed for the CA, whatever is inside.
    fn enveloped(&self, inside: &[u8]) -> Vec<u8> {
        enveloped_data::seal(inside, &self.world.ca()).unwrap()
    }

    /// The opened text of the sealed receipt.
    fn rcc(&self, receipt: &Value, cifra: &KeyEntry) -> Option<ReceiptText> {
        let protocollo = receipt["protocollo"].as_str().unwrap();
        assert_eq!(receipt["attachments"][0]["name"], format!("{protocollo}.rcc"), "{receipt}");
        let path = format!("/v1/receipts/{protocollo}/attachments/{protocollo}.rcc");
        let sealed = self.world.get(&self.token, &path).body;
        assert_eq!(receipt["attachments"][0]["sha256"], hex::encode(Sha256::digest(&sealed)));
        let p7m = enveloped_data::open(&sealed, cifra.certificate(), &cifra.key)?;
        let mut text = Vec::new();
        let signed = signed_data::read(&mut p7m.as_slice(), Content::Into(&mut text)).ok()?;
        let [signer] = signed.certificates.as_slice() else { panic!() };
        assert_eq!(signer.public(), self.world.ca().public());
        assert!(forge::issued_by(signer, &self.world.ca()));
        Some(ReceiptText::parse(&text).unwrap())
    }
}

#[test]
fn a_communication_in_order_is_accepted() {
    let filer = filer();
    let communication = communication(ROSSI_CF, filer.now);
    let file = filer.world.sealed(&communication.to_xml(), &filer.environment);
    let receipt = filer.world.filed(&filer.token, "uno", &file);
    assert_eq!(receipt["stato"], "ELABORATO", "{receipt}");
    assert_eq!(receipt["tipo_documento"], "IMPRONTA");
    assert_eq!(receipt["documenti"], json!({ "totale": 1, "acquisiti": 1, "scartati": 0 }));
    assert!(receipt.get("annullato_da").is_none());

    let text = filer.rcc(&receipt, &filer.environment.cifra).unwrap();
    assert_eq!(text.stato, Stato::Elaborato);
    assert_eq!(text.protocollo.as_str(), receipt["protocollo"].as_str().unwrap());
    assert_eq!(text.sha256, hex::encode(Sha256::digest(&file)));
    assert_eq!(text.file_name, "comunicazione.ccf");
    let impronta = hex::encode(Sha256::digest(INDEX));
    assert_eq!(text.detail(ReceiptText::IMPRONTA), Some(&*impronta));
    assert_eq!(text.detail("Impronta nella marca"), Some(&*impronta));
    assert!(text.notice.starts_with("SANDBOX"));
    // Nobody else opens it.
    let firma = &filer.environment.firma;
    assert!(filer.rcc(&receipt, firma).is_none());
    let other = KeyEntry::new(
        "test",
        "test",
        forge::copy(&other_keys().cifra),
        vec![certificate(&other_keys().cifra, ("CA di prova", ROSSI), false)],
    );
    assert!(filer.rcc(&receipt, &other.unwrap()).is_none());
}

#[test]
fn the_imprint_must_be_the_one_in_the_mark() {
    let filer = filer();
    let mut wrong = communication(ROSSI_CF, filer.now);
    wrong.impronta.digest = Sha256::digest(b"altro").to_vec();
    let file = filer.world.sealed(&wrong.to_xml(), &filer.environment);
    let receipt = filer.world.filed(&filer.token, "uno", &file);
    assert_eq!(receipt["motivo_di_scarto"]["code"], "impronta.other_imprint");
    assert_eq!(receipt["documenti"], json!({ "totale": 1, "acquisiti": 0, "scartati": 1 }));
    // Portal and sealed receipt name both digests.
    let sealed = filer.rcc(&receipt, &filer.environment.cifra).unwrap();
    assert_eq!(sealed.stato, Stato::Scartato);
    let sealed = sealed.motivo_di_scarto.unwrap();
    assert_eq!(sealed.text, receipt["motivo_di_scarto"]["text"].as_str().unwrap());
    for digest in [Sha256::digest(b"altro"), Sha256::digest(INDEX)] {
        assert!(sealed.text.contains(&hex::encode(digest)), "{}", sealed.text);
    }
    // What was rejected does not stand in the way of the right one.
    let right = communication(ROSSI_CF, filer.now);
    filer.world.accepted((&filer.token, &filer.environment), "due", &right);
}

#[test]
fn a_mark_must_be_a_mark_and_hold() {
    let filer = filer();
    let right = communication(ROSSI_CF, filer.now);
    let with = |key: &str, change: &dyn Fn(&mut ceralacca_xml::Communication)| {
        let mut communication = right.clone();
        change(&mut communication);
        filer.refusal_of(key, &communication)
    };
    let (code, text) = with("uno", &|it| it.marca.formato = Formato::Tst);
    assert_eq!(code, "impronta.mark_format");
    assert!(text.contains("TST") && text.contains("TSR"), "{text}");
    let (code, _) = with("due", &|it| it.marca.bytes = b"nessuna marca".to_vec());
    assert_eq!(code, "impronta.mark_unreadable");
    let (code, text) = with("tre", &|it| {
        let imprint = MessageImprint::of(DigestAlgorithm::Sha512, INDEX);
        it.marca.bytes = mark(&imprint, filer.now).tsr();
    });
    assert_eq!(code, "impronta.other_algorithm");
    assert!(text.contains("SHA-256") && text.contains("SHA-512"), "{text}");
    let (code, _) = with("quattro", &|it| *it.marca.bytes.last_mut().unwrap() ^= 1);
    assert_eq!(code, "impronta.mark_invalid");
    let ahead = filer.now + SignedDuration::from_hours(1);
    let (code, _) = with("cinque", &|it| *it = communication(ROSSI_CF, ahead));
    assert_eq!(code, "impronta.mark_invalid");
    // A token without the answer around it is as good.
    let mut token = right.clone();
    let imprint = MessageImprint::of(DigestAlgorithm::Sha256, INDEX);
    token.marca.formato = Formato::Tst;
    token.marca.bytes = mark(&imprint, filer.now).token_der().to_vec();
    filer.world.accepted((&filer.token, &filer.environment), "sei", &token);
}

#[test]
fn what_cannot_be_opened_is_rejected_with_a_receipt() {
    let filer = filer();
    let xml = communication(ROSSI_CF, filer.now).to_xml();
    let right = filer.world.sealed(&xml, &filer.environment);
    let unreadable = "impronta.unreadable_envelope";
    let other = forge::for_another_ca(&right, &keys().cifra);
    let files = [&right[..right.len() / 2], &other, b"", b"testo", &[&right[..], b"\n"].concat()];
    for (index, file) in files.into_iter().enumerate() {
        assert_eq!(filer.refused(&format!("busta {index}"), file), unreadable);
    }
    let receipt = filer.world.filed(&filer.token, "con ricevuta", b"testo");
    let text = filer.rcc(&receipt, &filer.environment.cifra).unwrap();
    assert_eq!(text.motivo_di_scarto.unwrap().code, unreadable);
    let certificates = certif_in::build(&[filer.world.ca()]).unwrap();
    for (key, inside) in [("xml", &xml), ("certs", &certificates)] {
        assert_eq!(filer.refused(key, &filer.enveloped(inside)), "impronta.not_signed");
    }
}

#[test]
fn an_account_without_environment_has_no_sealed_receipt() {
    let world = World::new();
    let rossi = world.account(ROSSI);
    let receipt = world.filed(&world.login(&rossi), "uno", b"testo");
    assert_eq!(receipt["stato"], "SCARTATO");
    assert_eq!(receipt["attachments"], json!([]));
}

#[test]
fn the_signature_must_hold_and_be_the_accounts() {
    let filer = filer();
    let xml = communication(ROSSI_CF, filer.now).to_xml();
    let right = filer.world.sealed(&xml, &filer.environment);
    let tampered = forge::with_signed_data(&right, filer.world.folder.path(), |signed| {
        let at = signed.windows(9).position(|window| window == b"ORDINARIA").unwrap();
        signed[at] = b'o';
    });
    assert_eq!(filer.refused("alterato", &tampered), "impronta.bad_signature");

    let key = forge::short_key();
    let unknown = certificate(&key, ("CA Agenzia delle Entrate SANDBOX", ROSSI), false);
    let unknown = KeyEntry::new("test", "test", key, vec![unknown]).unwrap();
    let mut signed = Vec::new();
    let options = cades::Options::attached(filer.now);
    cades::sign(&*xml, Some(xml.len() as u64), &mut signed, &unknown, &options).unwrap();
    assert_eq!(filer.refused("ignoto", &filer.enveloped(&signed)), "impronta.unknown_signer");

    let signers = |entries: &[&KeyEntry]| {
        let signers: Vec<_> =
            entries.iter().map(|entry| (&entry.key, entry.certificate())).collect();
        filer.enveloped(&forge::signed_by(&xml, &signers))
    };
    let OpenEnvironment { firma, cifra, .. } = &filer.environment;
    let code = filer.refused("cifra", &signers(&[cifra]));
    assert_eq!(code, "impronta.not_a_signature_certificate");
    assert_eq!(filer.refused("due", &signers(&[firma, cifra])), "impronta.signers");

    let ditta = filer.world.account(DITTA);
    let others = filer.world.environment(&ditta, other_keys());
    let file = filer.world.sealed(&xml, &others);
    assert_eq!(filer.refused("altrui", &file), "impronta.other_signer");
}

#[test]
fn a_revoked_or_expired_environment_signs_nothing() {
    let filer = filer();
    let file = filer.world.sealed(&communication(ROSSI_CF, filer.now).to_xml(), &filer.environment);
    filer.world.sandbox.set_now("2030-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let token = filer.world.login(&filer.rossi);
    let (code, text) = filer.world.refused(&token, "scaduto", &file);
    assert_eq!(code, "impronta.certificate_not_valid");
    assert!(text.contains("2029-11-21"), "{text}");
    filer.world.sandbox.set_now(filer.now).unwrap();
    filer.world.sandbox.revoke_environment(&filer.rossi.account).unwrap();
    let token = filer.world.login(&filer.rossi);
    let receipt = filer.world.filed(&token, "revocato", &file);
    assert_eq!(receipt["motivo_di_scarto"]["code"], "impronta.certificate_revoked");
    // Its cipher key still opens what is sealed for it.
    let filer = Filer { token, ..filer };
    assert!(filer.rcc(&receipt, &filer.environment.cifra).is_some());
}

#[test]
fn what_is_no_communication_is_rejected() {
    let filer = filer();
    let xml = String::from_utf8(communication(ROSSI_CF, filer.now).to_xml()).unwrap();
    let digest = hex::encode(Sha256::digest(INDEX));
    // The sample of the article has a letter that is no hexadecimal digit.
    let sample = "33ag16b450c7fc2e4d6ef87ac122ffebccf47abf4de5a7faed47fcc8dae398ac";
    let doctype = "<!DOCTYPE x [<!ENTITY e \"e\">]>\n<ComunicazioneImpronta";
    let texts = [
        String::new(),
        "testo".to_owned(),
        xml.replace(&digest, sample),
        xml.replace(&digest, &digest[..62]),
        xml.replace("<ComunicazioneImpronta", doctype),
        xml.replace("urn:ceralacca:impronta:1", "urn:altro"),
        xml.replace("02876990587", "02876990588").replace(ROSSI_CF, "RSSMRA85M01H501X"),
        xml.replace("</ComunicazioneImpronta>", ""),
        format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)),
    ];
    for (index, text) in texts.iter().enumerate() {
        let file = filer.world.sealed(text.as_bytes(), &filer.environment);
        let (code, reason) = filer.world.refused(&filer.token, &format!("xml {index}"), &file);
        let known = ["impronta.schema", "impronta.unreadable"].contains(&code.as_str());
        assert!(known, "{index}: {code} {reason}");
    }
}

#[test]
fn who_sends_must_be_named_in_it() {
    let filer = filer();
    let others = communication(DITTA_CF, filer.now);
    assert_eq!(filer.refusal_of("altrui", &others).0, "impronta.wrong_sender");
    // The responsabile della conservazione may.
    let mut named = others.clone();
    named.responsabile = Some(soggetto(ROSSI_CF));
    filer.world.accepted((&filer.token, &filer.environment), "responsabile", &named);
}

#[test]
fn an_incaricato_files_after_the_switch() {
    let world = World::new();
    let ditta = world.account(DITTA);
    let rossi = world.incaricato(ROSSI, &[DITTA]);
    let environment = world.environment(&rossi, keys());
    let communication = over(b"altro indice", DITTA_CF, world.sandbox.now());
    let own = world.login(&rossi);
    let (code, _) = world.refusal_of((&own, &environment), "prima", &communication);
    assert_eq!(code, "impronta.utenza_di_lavoro");
    let switched = world.try_login(&rossi, Some(DITTA)).json();
    let token = switched["token"].as_str().unwrap();
    let protocollo = world.accepted((token, &environment), "dopo", &communication);
    // The subject sees it as well.
    let receipt = world.receipt(&world.login(&ditta), &protocollo);
    assert_eq!(receipt["stato"], "ELABORATO");
}

#[test]
fn the_same_file_and_the_same_impronta_are_taken_once() {
    let filer = filer();
    let own = (&*filer.token, &filer.environment);
    let first = communication(ROSSI_CF, filer.now);
    let protocollo = filer.world.accepted(own, "uno", &first);
    let (code, text) = filer.refusal_of("due", &first);
    assert_eq!(code, "impronta.duplicate");
    assert!(text.contains(&protocollo), "{text}");
    // Marked again, it is another file with the same impronta.
    let again = communication(ROSSI_CF, filer.now - SignedDuration::from_mins(1));
    assert_eq!(filer.refusal_of("tre", &again).0, "impronta.duplicate");
    // Under the first key it is the same submission.
    let file = filer.world.sealed(&first.to_xml(), &filer.environment);
    assert_eq!(filer.world.file(&filer.token, "uno", &file).refusal().0, 409);
    assert_eq!(filer.world.receipt(&filer.token, &protocollo)["stato"], "ELABORATO");
}

#[test]
fn a_receipt_that_is_late_shows_nothing_before() {
    let filer = filer();
    let settings = json!({ "receipt_delay_seconds": 60 });
    assert_eq!(filer.world.admin(("PUT", "/sandbox/v1/settings"), &settings).status, 200);
    let xml = communication(ROSSI_CF, filer.now).to_xml();
    let receipt =
        filer.world.filed(&filer.token, "uno", &filer.world.sealed(&xml, &filer.environment));
    assert_eq!(receipt["stato"], "IN ELABORAZIONE");
    assert_eq!(receipt["documenti"], json!({ "totale": 0, "acquisiti": 0, "scartati": 0 }));
    assert_eq!(receipt["attachments"], json!([]));
    filer.world.sandbox.set_now(filer.now + SignedDuration::from_secs(60)).unwrap();
    let receipt = filer.world.receipt(&filer.token, receipt["protocollo"].as_str().unwrap());
    let text = filer.rcc(&receipt, &filer.environment.cifra).unwrap();
    assert_eq!(text.processed_at, filer.now + SignedDuration::from_secs(60));
}

#[test]
fn no_single_changed_byte_is_accepted() {
    let filer = filer();
    let xml = communication(ROSSI_CF, filer.now).to_xml();
    let right = filer.world.sealed(&xml, &filer.environment);
    for step in 0..40 {
        let mut file = right.clone();
        let at = step * (file.len() - 1) / 39;
        file[at] ^= 0x20;
        let receipt = filer.world.filed(&filer.token, &format!("byte {step}"), &file);
        assert_eq!(receipt["stato"], "SCARTATO", "byte {at}");
    }
}
