//! `ceralacca certificates`: *Visualizza certificati*, the guide's table and its *Dettaglio*.

use std::path::{Path, PathBuf};

use ceralacca_environment::{EnvironmentFolder, EnvironmentSeen, PasswordForm};
use ceralacca_kernel::{Error, Host, Question};
use ceralacca_keystore::{CertificateDetails, Policy};
use jiff::Timestamp;

use super::Context;
use super::runs::local;
use crate::arguments::{Certificates, Unattended};
use crate::host::Terminal;
use crate::output;

pub(super) fn carry_out(context: &Context, certificates: &Certificates) -> Result<(), Error> {
    let (folder, policy) = place(context, certificates.folder.as_deref())?;
    let unattended =
        Unattended { secrets: certificates.secrets.clone(), approve: false, patience: None };
    let terminal = Terminal::new(&unattended)?;
    let rule = context.program.registry.secret_rule("password_esistente")?;
    let password = (rule.read)(terminal.ask_secret(Question { rule, confirm: false })?)?;
    let open = EnvironmentFolder::at(&folder).open(&password)?;
    if open.password_form == PasswordForm::UpperCase {
        terminal.progress("the password was accepted in upper case");
    }
    let now = terminal.now();
    if let Some(workspace) = context.program.workspace_if_any()? {
        let pair = [open.firma.certificate(), open.cifra.certificate()];
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        EnvironmentSeen::remember(&workspace.state(), &folder, &pair, now);
    }
    let shown = [&open.firma, &open.cifra]
        .map(|key| CertificateDetails::under(key.certificate(), now, &policy));

    if context.json {
        output::json(&shown);
        return Ok(());
    }
    output::text(&table(&shown));
    for certificate in &shown {
        if certificates.details {
            output::text(&details(certificate));
        }
        if let Some(warning) = warning(certificate) {
            output::text(&warning);
        }
        for finding in &certificate.policy {
            output::text(&format!("{}: {}", utilizzo(certificate), finding.in_words()));
        }
    }
    Ok(())
}

/// The environment's folder, as named or as in the settings, and the norms that hold there. A folder
/// that is named needs no workspace.
pub(super) fn place(context: &Context, named: Option<&Path>) -> Result<(PathBuf, Policy), Error> {
    match named {
        Some(folder) => {
            let workspace = context.program.workspace_if_any()?;
            let policy = workspace.map(|workspace| workspace.policy()).transpose()?;
            Ok((folder.to_owned(), policy.unwrap_or_else(|| Policy::embedded().clone())))
        }
        None => {
            let workspace = context.program.workspace()?;
            Ok((workspace.root.join(&workspace.settings.environment), workspace.policy()?))
        }
    }
}

fn table(certificates: &[CertificateDetails]) -> String {
    let rows: Vec<_> = certificates
        .iter()
        .map(|one| {
            vec![
                one.nome.clone(),
                when(&one.inizio_validita),
                when(&one.fine_validita),
                one.validita.label().to_owned(),
                utilizzo(one),
            ]
        })
        .collect();
    let headings = ["Nome", "Inizio validità", "Fine validità", "Validità", "Utilizzo"];
    output::table(&headings, &rows)
}

fn details(one: &CertificateDetails) -> String {
    let mut rows = vec![
        vec!["Numero di serie".to_owned(), one.serial.clone()],
        vec!["Certificato".to_owned(), one.subject.clone()],
        vec!["Certificatore".to_owned(), one.issuer.clone()],
        vec!["Chiave pubblica".to_owned(), format!("RSA, {} bits", one.key_bits)],
        vec!["Impronta della chiave".to_owned(), one.key_fingerprint.clone()],
        vec!["Algoritmo della firma".to_owned(), one.signature_algorithm.clone()],
    ];
    for extension in &one.extensions {
        let critical = if extension.critical { " (critica)" } else { "" };
        rows.push(vec![format!("{}{critical}", extension.name), extension.value.clone()]);
    }
    let heading = format!("{} {}", one.nome, utilizzo(one));
    format!("\n{}", output::table(&[&heading, ""], &rows))
}

fn warning(one: &CertificateDetails) -> Option<String> {
    match one.days_left {
        days if days < 0 => Some(format!("The certificate for {} has expired.", utilizzo(one))),
        days if one.expires_soon => Some(format!(
            "The certificate for {} expires in {days} days: open every receipt, then renew.",
            utilizzo(one)
        )),
        _ => None,
    }
}

pub(super) fn utilizzo(one: &CertificateDetails) -> String {
    one.utilizzo.iter().map(|use_| use_.label()).collect::<Vec<_>>().join(", ")
}

pub(super) fn when(instant: &str) -> String {
    instant.parse::<Timestamp>().map(local).unwrap_or_else(|_| instant.to_owned())
}
