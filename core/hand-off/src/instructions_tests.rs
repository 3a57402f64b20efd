//! The sheets say what a person has to do, within their columns.

use std::path::PathBuf;

use super::*;
use crate::tests::{NUMBER, at, number};
use crate::{HandedRevocation, State};

fn file(tipo: &str, keys: &[&str], subject: bool) -> HandOver {
    let file = HandedFile {
        name: "req.ccc".into(),
        tipo_documento: tipo.into(),
        sha256: "ab".repeat(32),
        length: 3124,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        copy: PathBuf::from("/w/Documenti/da inviare/7/req.ccc"),
        subject: subject.then(|| Account::parse("RSSMRA85M01H501Q", "001").unwrap()),
        also_in: Vec::new(),
    };
    hand_over(Kind::Submission(file))
}

fn hand_over(kind: Kind) -> HandOver {
    HandOver::new("aa-1", "7", kind, at("2026-11-21T10:00:00Z"))
}

fn read(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
        assert_eq!(line, line.trim_end());
    }
    text
}

/// The text as one line, so that wrapping does not hide a phrase.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sent(one: &HandOver) -> String {
    read(submission(one, one.file().unwrap(), Path::new("/w/Documenti/ricezione")))
}

#[test]
fn the_way_of_a_request_is_the_guides() {
    let one = file("PKS10", &["aa", "bb"], true);
    let flat = flat(&sent(&one));
    for part in [
        "\"Servizi\" > \"Servizi di utility e verifica\" > \"Invio documenti\"",
        "cambio utenza di lavoro, selezionando dal menu a tendina il codice fiscale del soggetto \
         incaricante: RSSMRA85M01H501Q (sede 001)",
        "L'invio del file può ritenersi effettuato solo quando il sistema fornisce in risposta la \
         pagina di conferma della trasmissione.",
        "byte 3124",
        "/w/Documenti/da inviare/7/req.ccc",
        "ceralacca confirm 7 --protocollo",
        "ceralacca confirm 7 --not-sent",
        "\"Servizi\" > \"Consultazione e ricerca\" > \"Ricerca ricevute\"",
        "Tipo documento PKS10",
        "Salvare il file \"CERTIF.IN\" in questa cartella: /w/Documenti/ricezione",
        "non generare un altro ambiente",
    ] {
        assert!(flat.contains(part), "{part}\n{flat}");
    }
    let numbers: Vec<_> = (1..=9).map(|step| format!(" {step}. ")).collect();
    assert!(numbers.iter().all(|step| flat.contains(step.as_str())), "{flat}");
}

#[test]
fn others_are_saved_under_a_name_that_says_whose_they_are() {
    for tipo in ["IMPRONTA", "F24"] {
        let one = file(tipo, &[], false);
        let text = sent(&one);
        assert!(text.contains("ricevuta-7-req.ccc") && !text.contains("CERTIF.IN"), "{text}");
        assert!(!text.contains("incaricato") && text.contains("Per conto proprio"), "{text}");
    }
}

#[test]
fn the_second_sheet_names_the_row() {
    let mut one = file("PKS10", &["aa"], true);
    one.state = State::Confirmed {
        at: at("2026-11-22T10:00:00Z"),
        sent_on: "2026-11-22".parse().unwrap(),
        protocollo: Some(number(NUMBER)),
    };
    let text = read(receipt(&one, one.file().unwrap(), Path::new("/w/Documenti/ricezione")));
    assert!(text.contains(NUMBER) && text.contains("CERTIF.IN"));
    assert!(!text.contains("Invio documenti"), "it must not be sent again: {text}");
}

#[test]
fn the_way_of_a_revocation_is_the_guides() {
    let one = hand_over(Kind::Revocation(HandedRevocation {
        numero_busta: "12345678".into(),
        tipo_busta: "A".into(),
        account: Some("RSSMRA85M01H501Q-000".to_owned()),
        subject: Some(Account::parse("RSSMRA85M01H501Q", "000").unwrap()),
    }));
    let flat = flat(&read(revocation(&one)));
    assert!(flat.contains("Ambiente di: RSSMRA85M01H501Q-000."), "{flat}");
    for part in [
        "\"Profilo utente\" > \"Credenziali di sicurezza\" > \"Ripristino dell'ambiente di \
         sicurezza\", nella sezione \"Gestione certificati\"",
        "numero busta 12345678 (tipo A)",
        "cambio utenza di lavoro",
        "presso un ufficio",
        "ceralacca confirm 7",
    ] {
        assert!(flat.contains(part), "{part}\n{flat}");
    }
    let text = read(revocation_in_force(&one));
    assert!(text.contains("coda") && text.contains("ceralacca confirm 7"));
}
