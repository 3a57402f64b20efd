//! The schema check of a large communication, against `xmllint --schema`.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ceralacca::xml::{SCHEMA, Schema};

use crate::{Best, line, scratch, seconds, timed};

const ROUNDS: usize = 7;
const BYTES: usize = 10_000_000;

/// 10 MB of one communication, read and checked; the best of some rounds, in turns.
pub(crate) fn schema_check() {
    let folder = scratch();
    let (file, xsd) = (folder.path().join("comunicazione.xml"), folder.path().join("impronta.xsd"));
    fs::write(&xsd, SCHEMA).unwrap();
    for (what, text, budgeted) in
        [("many elements", delegati(), true), ("one huge mark", mark(), false)]
    {
        fs::write(&file, text).unwrap();
        let [mut ours, mut theirs] = [Best::default(); 2];
        for _ in 0..ROUNDS {
            ours.of(timed(|| checked(&file)));
            theirs.of(timed(|| xmllint(&file, &xsd)));
        }
        let cost = ours.seconds() / theirs.seconds();
        let what = format!("XSD check of 10 MB, {what} / xmllint --schema");
        let (cost, within) = (format!("{cost:.2}"), cost <= 1.5);
        if budgeted {
            line(&what, cost, "≤ 1.50", within);
        } else {
            println!("{what:<52} {cost:>12}");
        }
        let (ours, theirs) = (seconds(ours.0), seconds(theirs.0));
        println!("  (ours {ours}, schema compiled each time; xmllint {theirs}; best of {ROUNDS})");
    }
}

fn checked(file: &Path) {
    let findings = Schema::embedded().validate(&fs::read(file).unwrap());
    assert!(findings.is_empty(), "{:?}", findings.first());
}

fn xmllint(file: &Path, xsd: &Path) {
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--huge", "--schema"]).arg(xsd).arg(file);
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(done.is_ok_and(|status| status.success()), "xmllint is needed for the comparison");
}

/// A communication with as many delegati as make it 10 MB.
fn delegati() -> String {
    let mut middle = String::new();
    let mut number = 0;
    while middle.len() < BYTES - 2000 {
        number += 1;
        let given = if number % 2 == 0 {
            format!("<Denominazione>CONSERVATORE {number} S.R.L.</Denominazione>")
        } else {
            format!("<Cognome>ROSSI</Cognome><Nome>MARIO {number}</Nome>")
        };
        write!(
            middle,
            "  <Delegato>\n    <CodiceFiscale>{number:011}</CodiceFiscale>\n    {given}\n  </Delegato>\n"
        )
        .unwrap();
    }
    communication(&middle, "MIIB")
}

/// A communication that is nearly all mark.
fn mark() -> String {
    communication("", &"MIIB".repeat(BYTES / 4))
}

fn communication(middle: &str, mark: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ComunicazioneImpronta xmlns="urn:ceralacca:impronta:1">
  <Tipo>ORDINARIA</Tipo>
  <PeriodoImposta dal="2025-01-01" al="2025-12-31"/>
  <SoggettoInteressato>
    <CodiceFiscale>12345678903</CodiceFiscale>
    <Denominazione>ESEMPIO S.R.L.</Denominazione>
  </SoggettoInteressato>
{middle}  <Documenti>
    <TipoDocumento>D01</TipoDocumento>
  </Documenti>
  <Impronta algoritmo="SHA-256">{}</Impronta>
  <MarcaTemporale formato="TSR">{mark}</MarcaTemporale>
</ComunicazioneImpronta>
"#,
        "ab".repeat(32)
    )
}
