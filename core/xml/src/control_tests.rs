//! Every rule of the control has an example that breaks it and nothing else.

use ceralacca_signing::DigestAlgorithm;
use ceralacca_timestamp::Formato;
use jiff::civil::date;

use crate::fixtures::*;
use crate::{Communication, Diagnostic, Outcome, ProtocolloSostituito, Severity, Tipo};

#[test]
fn a_clean_communication_is_clean() {
    assert_eq!(lines(&controlled(&clean().to_xml())), Vec::<String>::new());
}

/// What is changed in the clean file, into what, and what is then found.
const CHANGES: &[(&str, &str, &[&str])] = &[
    (">ORDINARIA<", ">ALTRA<", &["** tipo.unknown 3:3 C/Tipo"]),
    (">ORDINARIA<", "> ORDINARIA<", &["** tipo.unknown 3:3 C/Tipo"]),
    (">ORDINARIA<", ">SOSTITUTIVA<", &["** protocollo.missing 3:3 C/ProtocolloSostituito"]),
    (
        "</Tipo>",
        "</Tipo><ProtocolloSostituito>12345678901234567</ProtocolloSostituito>",
        &["** protocollo.not_meant 3:25 C/ProtocolloSostituito"],
    ),
    (
        "ORDINARIA</Tipo>",
        "SOSTITUTIVA</Tipo><ProtocolloSostituito>1234</ProtocolloSostituito>",
        &["** protocollo.form 3:27 C/ProtocolloSostituito"],
    ),
    ("2025-12-31", "2025-02-30", &["** periodo.date 4:3 C/PeriodoImposta/@al"]),
    ("2025-12-31", "2025-12-31Z", &["** periodo.date 4:3 C/PeriodoImposta/@al"]),
    ("2025-12-31", "2024-12-31", &["** periodo.reversed 4:3 C/PeriodoImposta"]),
    ("2025-12-31", "2025-13-31", &["** periodo.date 4:3 C/PeriodoImposta/@al"]),
    (
        "2025-12-31",
        "2026-12-31",
        &["** periodo.future 4:3 C/PeriodoImposta", "* periodo.years 4:3 C/PeriodoImposta"],
    ),
    ("2025-01-01", "2024-07-01", &["* periodo.years 4:3 C/PeriodoImposta"]),
    (" al=\"2025-12-31\"", "", &["*** struttura.missing 4:3 C/PeriodoImposta/@al"]),
    (
        "RSSMRA85M01H501Q",
        "RSSMRA85M01H501Z",
        &["** identity.codice_fiscale_check_letter 10:5 C/ResponsabileConservazione/CodiceFiscale"],
    ),
    (
        "RSSMRA85M01H501Q",
        "rssmra85m01h501q",
        &["** identity.codice_fiscale_characters 10:5 C/ResponsabileConservazione/CodiceFiscale"],
    ),
    (
        "02876990587",
        "02876990588",
        &["** identity.codice_fiscale_check_digit 6:5 C/SoggettoInteressato/CodiceFiscale"],
    ),
    ("Alfa &amp; Figli SpA", " ", &["** testo.length 7:5 C/SoggettoInteressato/Denominazione"]),
    ("<Nome>Mario</Nome>", "", &["** soggetto.nominativo 9:3 C/ResponsabileConservazione"]),
    (">D09<", ">D99<", &["* documenti.unknown 17:5 C/Documenti/TipoDocumento[2]"]),
    (">D09<", ">D01<", &["** documenti.twice 17:5 C/Documenti/TipoDocumento[2]"]),
    (
        ">D09<",
        ">fatture<",
        &[
            "*** schema.cvc-pattern-valid 17:5 C/Documenti/TipoDocumento[2]",
            "* documenti.unknown 17:5 C/Documenti/TipoDocumento[2]",
        ],
    ),
    (
        "<TipoDocumento>D01</TipoDocumento>\n    <TipoDocumento>D09</TipoDocumento>",
        "",
        &["** documenti.none 15:3 C/Documenti"],
    ),
    ("<Documenti>", "<Altro/><Documenti>", &["*** struttura.unexpected 15:3 C/Altro"]),
    ("<Documenti>", "<Documenti>testo", &["*** struttura.unexpected 15:3 C/Documenti"]),
    ("<Tipo>", "<Tipo x='1'>", &["*** struttura.unexpected 3:3 C/Tipo/@x"]),
    (
        "  <Tipo>ORDINARIA</Tipo>\n",
        "",
        &["*** struttura.missing 2:1 C", "*** schema.cvc-complex-type.2.4 3:3 C"],
    ),
    ("SHA-256", "SHA-1", &["*** impronta.algorithm 19:3 C/Impronta/@algoritmo"]),
    ("SHA-256", "SHA-384", &["*** impronta.length 19:3 C/Impronta"]),
    ("bde1", "bdg1", &["*** impronta.not_hexadecimal 19:3 C/Impronta"]),
    ("bde1", "", &["*** impronta.length 19:3 C/Impronta"]),
    ("bde1", "bde", &["*** impronta.length 19:3 C/Impronta"]),
    ("bde1", "BDE1", &["* impronta.upper_case 19:3 C/Impronta"]),
    ("bde1", "bde2", &["*** marca.other_imprint 19:3 C/Impronta"]),
    ("\"TSR\"", "\"M7M\"", &["*** marca.format 20:3 C/MarcaTemporale/@formato"]),
    ("\"TSR\"", "\"TST\"", &["*** marca.other_format 20:3 C/MarcaTemporale"]),
    ("</MarcaTemporale>", "!</MarcaTemporale>", &["*** marca.base64 20:3 C/MarcaTemporale"]),
    ("urn:ceralacca:impronta:1", "urn:x", &["*** controllo.not_a_communication 2:1"]),
    (
        "<ComunicazioneImpronta",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><ComunicazioneImpronta",
        &["*** xml.doctype 2:1"],
    ),
    ("Alfa &amp;", "Alfa &x;", &["*** xml.not_well_formed 7:25"]),
    ("</ComunicazioneImpronta>", "", &["*** xml.not_well_formed 22:1"]),
    ("UTF-8", "ISO-8859-1", &["*** xml.encoding 1:1"]),
    ("version=\"1.0\"", "version=\"1.1\"", &["*** xml.version 1:1"]),
    ("<?xml", "\u{feff}<?xml", &["* xml.byte_order_mark 1:1"]),
    ("Rossi", "Ros\0si", &["*** xml.not_well_formed 11:17"]),
];

#[test]
fn every_rule_finds_what_breaks_it() {
    for (from, to, expected) in CHANGES {
        let xml = clean_xml();
        assert!(xml.contains(from), "{from}");
        let found = lines(&controlled(xml.replacen(from, to, 1).as_bytes()));
        let found: Vec<_> =
            found.iter().map(|line| line.replace("/ComunicazioneImpronta", "C")).collect();
        assert_eq!(found, *expected, "{from} → {to}");
    }
}

/// Control and reading agree: what blocks is not read, what does not block is.
#[test]
fn what_the_control_lets_through_can_be_read() {
    for (from, to, expected) in CHANGES {
        let xml = clean_xml().replacen(from, to, 1);
        let of_mark = ["marca.other", "schema."];
        let blocked = expected.iter().any(|line| {
            line.starts_with("**")
                && !of_mark.iter().any(|code| line.contains(code))
                && !line.contains("periodo.future")
        });
        assert_eq!(Communication::from_xml(xml.as_bytes()).is_err(), blocked, "{from} → {to}");
    }
}

fn found(communication: &Communication) -> Vec<String> {
    let lines = lines(&controlled(&communication.to_xml()));
    lines.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_mark_must_cover_the_imprint() {
    let with = |bytes: &[u8], formato| {
        let mut communication = clean();
        communication.marca.bytes = bytes.to_vec();
        communication.marca.formato = formato;
        communication
    };
    assert_eq!(found(&with(SHA256_TST, Formato::Tst)), Vec::<String>::new());
    assert_eq!(found(&with(SHA256_TST, Formato::Tsr)), ["*** marca.other_format"]);
    assert_eq!(found(&with(OTHER, Formato::Tsr)), ["*** marca.other_imprint"]);
    assert_eq!(found(&with(SHA384, Formato::Tsr)), ["*** marca.other_algorithm"]);
    assert_eq!(
        found(&with(SHA1, Formato::Tsr)),
        ["*** marca.other_algorithm", "*** marca.invalid"]
    );
    assert_eq!(found(&with(REJECTED, Formato::Tsr)), ["*** marca.unreadable"]);
    assert_eq!(found(&with(b"Mime-Version: 1.0\n", Formato::Tsr)), ["*** marca.unreadable"]);
    let base64_twice = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, SHA256_TSR);
    assert_eq!(found(&with(base64_twice.as_bytes(), Formato::Tsr)), ["*** marca.unreadable"]);
    let mut same = with(SHA384, Formato::Tsr);
    same.impronta.algoritmo = DigestAlgorithm::Sha384;
    same.impronta.digest = DigestAlgorithm::Sha384.digest(SIGNED);
    assert_eq!(found(&same), Vec::<String>::new());
}

#[test]
fn both_digests_are_named() {
    let mut communication = clean();
    communication.impronta.digest[0] ^= 1;
    let findings = controlled(&communication.to_xml());
    let covered = hex::encode(DigestAlgorithm::Sha256.digest(SIGNED));
    assert_eq!(findings.len(), 1);
    assert!(findings[0].text.contains(&covered), "{}", findings[0].text);
    assert!(findings[0].text.contains(&hex::encode(&communication.impronta.digest)));
}

#[test]
fn no_changed_mark_is_taken_for_a_valid_one() {
    for index in (0..SHA256_TSR.len()).step_by(7) {
        let mut communication = clean();
        communication.marca.bytes[index] ^= 0x10;
        let findings = controlled(&communication.to_xml());
        assert!(!findings.is_empty(), "byte {index} of the mark");
    }
}

#[test]
fn an_imprint_of_nothing_is_refused() {
    let mut communication = clean();
    communication.impronta.digest = DigestAlgorithm::Sha256.digest(b"");
    assert_eq!(found(&communication), ["*** impronta.of_nothing", "*** marca.other_imprint"]);
}

/// The sample of the Agency's own article is no imprint at all.
#[test]
fn the_published_sample_is_not_hexadecimal() {
    let sample = "33ag16b450c7fc2e4d6ef87ac122ffebccf47abf4de5a7faed47fcc8dae398ac";
    let digest = hex::encode(DigestAlgorithm::Sha256.digest(SIGNED));
    let findings = controlled(clean_xml().replace(&digest, sample).as_bytes());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].text, "the impronta is not hexadecimal: character 4 is 'g'");
}

#[test]
fn deadlines_are_noted_by_the_day_in_italy() {
    let ordinary = clean().to_xml();
    let at = |bytes: &[u8], at| lines(&controlled_at(bytes, at, None));
    // The deadline for 2025 is 28 February 2027; in Italy it ends an hour before UTC's.
    assert_eq!(at(&ordinary, "2027-02-28T22:59:59Z"), Vec::<String>::new());
    let late = "* termine.passed 4:3 /ComunicazioneImpronta/PeriodoImposta";
    assert_eq!(at(&ordinary, "2027-02-28T23:00:00Z"), [late]);
    let mut replacing = clean();
    replacing.tipo = Tipo::Sostitutiva;
    replacing.protocollo_sostituito =
        Some(ProtocolloSostituito::parse("12345678901234567").unwrap());
    let replacing = replacing.to_xml();
    assert_eq!(at(&replacing, "2027-03-30T12:00:00Z"), Vec::<String>::new());
    let late = "* termine.replacement_passed 5:3 /ComunicazioneImpronta/PeriodoImposta";
    assert_eq!(at(&replacing, "2027-03-31T12:00:00Z"), [late]);
}

#[test]
fn a_sender_who_is_not_named_is_noted() {
    let bytes = clean().to_xml();
    let with = |sender| lines(&controlled_at(&bytes, AT, Some(sender)));
    assert_eq!(with("02876990587"), Vec::<String>::new());
    assert_eq!(with("RSSMRA85M01H501Q"), Vec::<String>::new());
    assert_eq!(with("VRDLGU80A01F205T"), ["* mittente.not_named "]);
}

#[test]
fn a_mark_that_nobody_vouches_for_is_noted() {
    let schema = crate::Schema::embedded();
    let context = crate::ControlContext {
        schema: &schema,
        tipi: &crate::DocumentTypes::embedded(),
        scadenze: &crate::Deadlines::embedded(),
        at: AT.parse().unwrap(),
        trust: &ceralacca_signing::Trust::default(),
        sender: None,
        limits: crate::Limits::default(),
    };
    let findings = crate::control(&clean().to_xml(), &context);
    assert_eq!(
        lines(&findings),
        ["* marca.indeterminate 20:3 /ComunicazioneImpronta/MarcaTemporale"]
    );
}

#[test]
fn the_diagnostic_reads_well() {
    let mut communication = clean();
    communication.periodo_imposta.dal = date(2024, 1, 1);
    let bytes = String::from_utf8(communication.to_xml()).unwrap().replace("bde1", "bdg1");
    let diagnostic = Diagnostic {
        file: "comunicazione.xml".to_owned(),
        sha256: "00".repeat(32),
        length: bytes.len() as u64,
        schema: "a schema".to_owned(),
        at: AT.parse().unwrap(),
        findings: controlled(bytes.as_bytes()),
    };
    assert_eq!(diagnostic.outcome(), Outcome::Rejected);
    assert_eq!(diagnostic.count(Severity::ScartoFornitura), 1);
    assert_eq!(
        diagnostic.to_text(),
        "\
DIAGNOSTICO DEL CONTROLLO
UNVERIFIED: control and diagnostic are ceralacca's own; those of the Agency are not public.
*** the whole file would be rejected, ** the document would be rejected, * does not stop anything

  File       comunicazione.xml
  SHA-256    0000000000000000000000000000000000000000000000000000000000000000
  Bytes      3043
  Schema     a schema
  Controlled 2026-12-01T12:00:00Z
  Outcome    REJECTED: there is no checked file (1 ***, 0 **, 1 *)

  ***  19:3 /ComunicazioneImpronta/Impronta
       the impronta is not hexadecimal: character 3 is 'g' [impronta.not_hexadecimal]

  *    4:3 /ComunicazioneImpronta/PeriodoImposta
       the period from 2024-01-01 to 2025-12-31 covers more than one tax year [periodo.years]
"
    );
    assert_eq!(serde_json::from_str::<Diagnostic>(&diagnostic.to_json()).unwrap(), diagnostic);
}
