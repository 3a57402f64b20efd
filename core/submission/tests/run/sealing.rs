//! Sealing a checked document.

use std::fs;

use ceralacca_kernel::typed::{self, Bytes};
use ceralacca_kernel::{Caller, Document, DocumentId, Error, Explain, Value};
use ceralacca_keystore::enveloped_data;
use ceralacca_signing::{Content, Purpose, Trust, Verdict, signed_data, verify};
use ceralacca_submission::{LARGEST_CHECKED, LARGEST_UNCHECKED, SubmissionError, envelope};

use crate::authority::authority;
use crate::world::{World, sha256};

const XML: &[u8] = b"<ComunicazioneImpronta/>";

/// `env.seal(document, ca)`, the environment in `folder`.
pub(crate) fn environment(caller: &dyn Caller, folder: &str) -> Result<Value, Error> {
    let password = caller.call("prompt", "secret", vec!["password_esistente".into()])?;
    caller.call("environment", "open", vec![folder.into(), password])
}

fn seal(world: &World, input: Value) -> Result<DocumentId, Error> {
    let folder = authority().folder(world.root.path(), &authority().cifra);
    let folder = folder.display().to_string();
    let script = move |caller: &dyn Caller, document: Value| {
        let env = environment(caller, &folder)?;
        let ca = vec![Bytes(authority().ca.certificate.as_der().to_vec())];
        caller.call("agency", "seal", vec![env, document, typed::to_value(&ca).unwrap()])
    };
    world.start_with(script, input).map(|value| typed::from_value::<Document>(value).unwrap().0)
}

#[test]
fn the_agency_opens_it_and_finds_the_signed_document() {
    let world = World::new();
    let sealed = seal(&world, world.file("comunicazione.dcm", "IMPRONTA", XML)).unwrap();
    assert_eq!(sealed.name, "comunicazione.ccf");
    assert_eq!(sealed.tipo_documento, "IMPRONTA");
    assert_eq!(sealed.path, world.documents().join("firmati/1/comunicazione.ccf"));
    let bytes = fs::read(&sealed.path).unwrap();
    assert_eq!(sha256(&bytes), sealed.sha256);

    let ca = &authority().ca;
    let opened = enveloped_data::open(&bytes, &ca.certificate, &ca.key).unwrap();
    let mut content = Vec::new();
    let signed = signed_data::read(&mut opened.as_slice(), Content::Into(&mut content)).unwrap();
    assert_eq!(content, XML);
    let mut trust = Trust::default();
    trust.add_anchor(ca.certificate.clone(), "test");
    let at = world.host.now.get();
    let reports = verify(&signed, &trust, at, Purpose::Authority);
    let verdicts: Vec<Verdict> = reports.iter().map(|report| report.verdict()).collect();
    assert_eq!(verdicts, [Verdict::Valid], "{reports:#?}");
    assert!(signed.certificates.contains(&authority().firma.certificate));
}

#[test]
fn a_repeated_call_gives_the_same_file_and_another_call_another() {
    let world = World::new();
    let document = world.file("comunicazione.dcm", "IMPRONTA", XML);
    let first = seal(&world, document.clone()).unwrap();
    // The journal is in memory: killed before its outcome was kept, the same call is made again.
    world.forget_everything();
    assert_eq!(seal(&world, document.clone()).unwrap(), first);

    // A file that is not whole is made again, in the same place.
    fs::write(&first.path, b"half").unwrap();
    world.forget_everything();
    let again = seal(&world, document.clone()).unwrap();
    assert_eq!(again.path, first.path);
    assert_ne!(again.sha256, first.sha256);

    let twice = |caller: &dyn Caller, document: Value| {
        let folder = world.root.path().join("Ambiente_sicurezza").display().to_string();
        let env = environment(caller, &folder)?;
        let ca = vec![Bytes(authority().ca.certificate.as_der().to_vec())];
        let arguments = || vec![env.clone(), document.clone(), typed::to_value(&ca).unwrap()];
        let one = caller.call("agency", "seal", arguments())?;
        let two = caller.call("agency", "seal", arguments())?;
        Ok(Value::List(vec![one, two]))
    };
    world.forget_everything();
    let both = world.start_with(twice, document).unwrap();
    let both: Vec<Document> = typed::from_value(both).unwrap();
    assert_ne!(both[0].0.path, both[1].0.path);
    for made in &both {
        assert_eq!(sha256(&fs::read(&made.0.path).unwrap()), made.0.sha256);
    }
}

#[test]
fn what_is_too_large_or_has_changed_is_refused() {
    let world = World::new();
    let large = vec![b'x'; usize::try_from(LARGEST_UNCHECKED).unwrap() + 1];
    let error = seal(&world, world.file("comunicazione.xml", "IMPRONTA", &large)).unwrap_err();
    assert_eq!(error.code(), "seal.too_large");
    assert!(error.to_string().contains("3000001 bytes"), "{error}");
    let checked = seal(&World::new(), world.file("comunicazione.dcm", "IMPRONTA", &large));
    assert!(checked.is_ok());
    let larger = vec![b'x'; usize::try_from(LARGEST_CHECKED).unwrap() + 1];
    let error = seal(&World::new(), world.file("x.DCM", "IMPRONTA", &larger)).unwrap_err();
    assert_eq!(error.code(), "seal.too_large");

    let document = world.file("comunicazione.dcm", "IMPRONTA", XML);
    fs::write(world.root.path().join("comunicazione.dcm"), b"<Altro/>").unwrap();
    let error = seal(&World::new(), document.clone()).unwrap_err();
    assert_eq!(error.code(), "submission.document_changed");
    fs::remove_file(world.root.path().join("comunicazione.dcm")).unwrap();
    let error = seal(&World::new(), document).unwrap_err();
    assert_eq!(error.code(), "submission.document_unreadable");
}

#[test]
fn an_expired_certificate_or_a_foreign_ca_is_refused() {
    let environment = authority().environment(&authority().cifra);
    let ca = vec![authority().ca.certificate.clone()];
    let code =
        |ca: &[_], at: &str| envelope(XML, &environment, ca, at.parse().unwrap()).unwrap_err();
    let expired = code(&ca, "2029-06-01T00:00:00Z");
    assert_eq!(expired.code(), "seal.certificate_not_valid");
    let text = expired.to_string();
    assert!(text.contains("2029-01-01") && text.contains("renew"), "{text}");
    let early = code(&ca, "2025-06-01T00:00:00Z");
    assert_eq!(early.code(), "seal.certificate_not_valid");
    assert!(early.to_string().contains("clock"), "{early}");
    let other = code(&[authority().false_ca.certificate.clone()], "2026-06-01T00:00:00Z");
    assert_eq!(other.code(), "seal.other_ca");
    assert_eq!(code(&[], "2026-06-01T00:00:00Z").code(), "seal.other_ca");
    let subject = "x".to_owned();
    assert_eq!(SubmissionError::SealCaKey { subject, bits: 1024 }.explain().code, "seal.ca_key");
}
