//! `ceralacca tour`: a fresh workspace and the embedded sandbox, through the real commands.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use ceralacca_kernel::Error;
use jiff::Timestamp;

use super::{Context, tour_archive};
use crate::error::CliError;
use crate::output;

/// A made-up person; the check letter is right.
const CODICE_FISCALE: &str = "RSSMRA85M01H501Q";

/// The file with the signer's key.
const FIRMA: &str = "responsabile.p12";

/// Carries out the commands that it prints, as a person would type them.
pub(super) fn carry_out(context: &Context, folder: Option<PathBuf>) -> Result<(), Error> {
    let folder = folder.unwrap_or_else(|| {
        let name = format!("ceralacca-tour-{}", Timestamp::now().as_millisecond());
        env::temp_dir().join(name)
    });
    let root = std::path::absolute(&folder).map_err(|error| CliError::io(&folder, &error))?;
    let tour = Tour { root, json: context.json };
    tour.say("A tour of ceralacca, in a folder of its own. Nothing reaches the real Agency:");
    tour.say("the other side is the sandbox inside this program.");

    tour.step("Begin a workspace", &["init", "--json"])?;
    let account = tour.step(
        "Open an account with the sandbox; it hands out a busta, as an office would",
        &["sandbox", "account", CODICE_FISCALE, "--secrets-file", "busta.toml", "--json"],
    )?;
    let utente = account["utente"].as_str().unwrap_or_default().to_owned();
    let (codice_fiscale, utente) =
        (format!("codice_fiscale={CODICE_FISCALE}"), format!("utente={utente}"));
    let done = tour.step(
        "Set up the security environment: keys, req.ccc, CERTIF.IN, UTEF.P12, UTEC.P12, UTENTE.KS",
        &[
            "run",
            "setup_environment",
            &codice_fiscale,
            &utente,
            "--secrets",
            "busta.toml",
            "--approve",
            "--json",
        ],
    )?;
    tour.step("Visualizza certificati", &["certificates", "--secrets", "busta.toml"])?;
    let filed = tour.file_impronta(&codice_fiscale, &utente)?;
    tour.step("What was sent, and what came back", &["receipts"])?;
    tour.step("One screen, for people and for monitoring", &["status"])?;
    tour.step("What was run", &["runs"])?;
    tour.step("Check that the journal was not changed", &["journal", "verify"])?;

    let environment = done["result"]["folder"].as_str().unwrap_or_default();
    if context.json {
        output::json(&serde_json::json!({
            "workspace": tour.root.display().to_string(), "environment": environment,
            "protocollo": filed["result"]["protocollo"],
        }));
    } else {
        output::text(&format!(
            "\nUTEF.P12, UTEC.P12 and UTENTE.KS are in\n  {environment}\n\
             The impronta was accepted under protocollo {}\n\
             The workspace is yours to look around: cd {}",
            filed["result"]["protocollo"].as_str().unwrap_or_default(),
            tour.root.display()
        ));
    }
    Ok(())
}

struct Tour {
    root: PathBuf,
    json: bool,
}

impl Tour {
    fn say(&self, text: &str) {
        if !self.json {
            output::text(text);
        }
    }

    /// The second workflow: an archive of 24 lots, signed, marked, controlled, sent.
    fn file_impronta(
        &self,
        codice_fiscale: &str,
        utente: &str,
    ) -> Result<serde_json::Value, Error> {
        let archive = self.root.join("archivio");
        tour_archive::write(&archive).map_err(|error| CliError::io(&archive, &error))?;
        self.say("\nAn archive of 24 fortnightly lots is in archivio/");
        self.step(
            "A key that signs documents, as a trust service provider hands it out",
            &["sandbox", "signer", CODICE_FISCALE, "--file", FIRMA, "--secrets", "busta.toml"],
        )?;
        let signer = format!("signer={FIRMA}");
        let filed = self.step(
            "File the impronta: index, signature, mark, communication, control, receipt",
            &[
                "run",
                "file_impronta",
                "archive=archivio",
                "dal=2025-01-01",
                "al=2025-12-31",
                codice_fiscale,
                "denominazione=ESEMPIO S.R.L.",
                "tipi_documento=D01",
                &signer,
                utente,
                "--secrets",
                "busta.toml",
                "--approve",
                "--json",
            ],
        )?;
        let run = filed["run"].as_u64().unwrap_or_default();
        let signed = format!("Documenti/impronte/{run}/indice.xml.p7m");
        self.step("Verify the signed index and its mark", &["verify", &signed])?;
        Ok(filed)
    }

    /// Prints a command, runs it as its own process, and gives its JSON, if it printed some.
    fn step(&self, heading: &str, arguments: &[&str]) -> Result<serde_json::Value, Error> {
        std::fs::create_dir_all(&self.root).map_err(|e| CliError::io(&self.root, &e))?;
        self.say(&format!("\n{heading}\n  $ ceralacca {}", typed(arguments)));
        let program = env::current_exe().map_err(|e| CliError::io(&self.root, &e))?;
        let finished = Command::new(&program)
            .args(arguments)
            .current_dir(&self.root)
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(|error| CliError::io(&program, &error))?;
        let printed = String::from_utf8_lossy(&finished.stdout).into_owned();
        let shown: Vec<String> = printed.lines().map(|line| format!("  {line}")).collect();
        self.say(&shown.join("\n"));
        if !finished.status.success() {
            return Err(CliError::TourStep {
                command: arguments.join(" "),
                code: finished.status.code(),
            }
            .into());
        }
        Ok(serde_json::from_str(&printed).unwrap_or_default())
    }
}

/// The arguments as a person types them.
fn typed(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| match argument.contains(' ') {
        true => format!("\"{argument}\""),
        false => (*argument).to_owned(),
    });
    quoted.collect::<Vec<_>>().join(" ")
}
