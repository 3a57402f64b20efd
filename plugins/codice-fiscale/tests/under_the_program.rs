//! The plugin under the real program: from both script languages, as a check, and in the conformance kit.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use ceralacca_plugin_sdk::harness::{Harness, HarnessError, library};

const RHAI: &str = r#"
const WORKFLOW = #{ summary: "Chi è", uses: ["codice_fiscale"] };

fn run(input) {
    let persona = codice_fiscale::describe(codice_fiscale::check("rssmra85m01h501q"));
    #{ persona: persona, suo: codice_fiscale::matches("RSSMRA85M01H501Q", "Rossi", "Mario") }
}
"#;

const LUA: &str = r#"
local workflow = { summary = "Chi è", uses = { "codice_fiscale" } }

function workflow.run(input)
  local persona = codice_fiscale.describe(codice_fiscale.check("rssmra85m01h501q"))
  return { persona = persona, suo = codice_fiscale.matches("RSSMRA85M01H501Q", "Rossi", "Mario") }
end

return workflow
"#;

const CONTROL: &str = r#"
const WORKFLOW = #{ summary: "Controlla", uses: ["impronta"], input: #{ file: #{ type: "file", prompt: "File" } } };

fn run(input) {
    impronta::control_file(input.file).findings
}
"#;

const COMUNICAZIONE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ComunicazioneImpronta xmlns="urn:ceralacca:impronta:1">
  <Tipo>ORDINARIA</Tipo>
  <PeriodoImposta dal="2025-01-01" al="2025-12-31"/>
  <SoggettoInteressato>
    <CodiceFiscale>RSSMRA85M01H501Q</CodiceFiscale>
    <Cognome>Verdi</Cognome>
    <Nome>Luigi</Nome>
  </SoggettoInteressato>
</ComunicazioneImpronta>
"#;

#[test]
fn both_languages_are_told_the_same() -> Result<(), HarnessError> {
    let harness = Harness::new(library("codice_fiscale")?)?;
    let mut results = Vec::new();
    for (name, script) in [("chi.rhai", RHAI), ("chi.lua", LUA)] {
        let finished = harness.run(name, script, &[])?;
        assert_eq!(finished.code, 0, "{finished:?}");
        results.push(finished.json()?["result"].clone());
    }
    assert_eq!(results[0], results[1]);
    let persona = &results[0]["persona"];
    assert_eq!((&persona["sesso"], &persona["comune"]), (&"M".into(), &"H501".into()));
    assert_eq!(persona["nato_il"], serde_json::json!({ "giorno": 1, "mese": 8, "anno": 85 }));
    assert_eq!(results[0]["suo"], true);
    Ok(())
}

#[test]
fn a_communication_of_another_name_is_found() -> Result<(), HarnessError> {
    let harness = Harness::new(library("codice_fiscale")?)?;
    harness.settings("[impronta]\nchecks = [\"codice-fiscale\"]\n")?;
    let file = harness.workspace().join("comunicazione.xml");
    fs::write(&file, COMUNICAZIONE).unwrap();
    let finished =
        harness.run("controlla.rhai", CONTROL, &[&format!("file={}", file.display())])?;
    assert_eq!(finished.code, 0, "{finished:?}");
    let findings = finished.json()?["result"].clone();
    let ours = findings.as_array().unwrap().iter();
    let ours: Vec<_> = ours.filter(|it| it["code"] == "codice_fiscale.other_name").collect();
    assert_eq!(ours.len(), 1, "{findings}");
    assert_eq!(ours[0]["path"], "/ComunicazioneImpronta/SoggettoInteressato/CodiceFiscale");
    assert_eq!((&ours[0]["line"], &ours[0]["severity"]), (&5.into(), &"*".into()));
    Ok(())
}

#[test]
fn the_conformance_kit_passes() -> Result<(), HarnessError> {
    let checked = Harness::new(library("codice_fiscale")?)?.check()?;
    assert_eq!(checked.code, 0, "{checked:?}");
    Ok(())
}
