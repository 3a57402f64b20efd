//! `ceralacca sandbox`: serve the pretend Agency, open accounts with it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ceralacca_identity::{Account, CodiceFiscale};
use ceralacca_kernel::{Error, Host, Question, Secret, atomic_file};
use ceralacca_sandbox::{Credentials, NewAccount, NewSigner, Running, Settings};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::Context;
use crate::arguments::{Sandbox, SandboxAccount, SandboxSigner, Unattended};
use crate::error::CliError;
use crate::host::Terminal;
use crate::output;

/// Serves the sandbox of a workspace on a loopback port of its own, for as long as the result lives.
pub(crate) fn embedded(folder: &Path) -> Result<Running, Error> {
    Ok(open(folder)?.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?)
}

pub(super) fn carry_out(context: &Context, sandbox: &Sandbox) -> Result<(), Error> {
    match sandbox {
        Sandbox::Serve { folder, address } => serve(context, folder.as_deref(), *address),
        Sandbox::Account(account) => open_account(context, account),
        Sandbox::Signer(signer) => issue_signer(context, signer),
    }
}

fn issue_signer(context: &Context, arguments: &SandboxSigner) -> Result<(), Error> {
    let codice_fiscale = CodiceFiscale::parse(&arguments.codice_fiscale)?;
    let folder = folder_or_own(context, arguments.folder.as_deref())?;
    let unattended =
        Unattended { secrets: arguments.secrets.clone(), approve: false, patience: None };
    let terminal = Terminal::new(&unattended)?;
    let rule = context.program.registry.secret_rule("signer_password")?;
    let password = (rule.read)(terminal.ask_secret(Question { rule, confirm: true })?)?;
    let mut new = NewSigner::of(codice_fiscale, &arguments.name);
    new.password = Some(password);
    let issued = open(&folder)?.issue_signer(new)?;
    atomic_file::write_new(&arguments.file, &issued.p12)
        .map_err(|error| CliError::io(&arguments.file, &error))?;
    let lines = [
        ("notice", "SANDBOX: an invented signer; its signatures are worth nothing".to_owned()),
        ("file", arguments.file.display().to_string()),
        ("subject", issued.certificate.subject()),
        ("serial", issued.serial),
        ("expires", issued.certificate.not_after().to_string()),
    ];
    if context.json {
        let map: serde_json::Map<_, _> =
            lines.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        output::json(&map);
    } else {
        let rows: Vec<_> = lines.into_iter().map(|(n, text)| vec![n.to_owned(), text]).collect();
        output::text(&output::table(&["Firma", ""], &rows));
    }
    Ok(())
}

fn serve(context: &Context, folder: Option<&Path>, address: SocketAddr) -> Result<(), Error> {
    let folder = folder_or_own(context, folder)?;
    let sandbox = open(&folder)?;
    let running = sandbox.listen(address)?;
    if address.port() != 0 {
        // Certificates say where the CRL is; only a port that stays is worth writing into them.
        let crl_url = format!("{}/v1/ca/crl", running.url());
        let trust_crl_url = format!("{}/trust/crl", running.url());
        sandbox.set_settings(&Settings { crl_url, trust_crl_url, ..sandbox.settings()? })?;
    }
    let token_file = folder.join("admin-token");
    atomic_file::write(&token_file, running.admin_token.expose().as_bytes())
        .map_err(|error| CliError::io(&token_file, &error))?;
    if context.json {
        let said = serde_json::json!({ "url": running.url(), "admin_token_file": token_file.display().to_string() });
        output::text(&said.to_string());
    } else {
        output::text(&format!(
            "SANDBOX of the Agency at {}\n  for a workspace  ceralacca init --gateway {}\n  description      {}/openapi.yaml\n  admin token      {}\nInterrupt to stop; its state stays in {}",
            running.url(),
            running.url(),
            running.url(),
            token_file.display(),
            folder.display(),
        ));
    }
    running.wait();
    Ok(())
}

fn open_account(context: &Context, arguments: &SandboxAccount) -> Result<(), Error> {
    let account = Account::parse(&arguments.codice_fiscale, &arguments.sede)?;
    let folder = folder_or_own(context, arguments.folder.as_deref())?;
    let mut new = NewAccount::of(account);
    for subject in &arguments.incaricato_di {
        let (codice_fiscale, sede) = subject.split_once('/').unwrap_or((subject, "000"));
        new.incaricato_di.push(Account::parse(codice_fiscale, sede)?);
    }
    let credentials = open(&folder)?.create_account(new)?;
    match &arguments.secrets_file {
        Some(path) => {
            let text = secrets_file(&credentials);
            atomic_file::write_new(path, text.as_bytes())
                .map_err(|error| CliError::io(path, &error))?;
            announce(context, &credentials, Some(path));
        }
        None => announce(context, &credentials, None),
    }
    Ok(())
}

/// The busta. The secrets themselves are printed only when they go nowhere else.
fn announce(context: &Context, credentials: &Credentials, file: Option<&Path>) {
    let pincode = credentials.pincode.expose();
    let (first, last) = pincode.split_at(pincode.len().min(16));
    let mut lines = vec![
        ("notice", "SANDBOX: invented, shown this once".to_owned()),
        ("codice_fiscale", credentials.account.codice_fiscale.to_string()),
        ("sede", credentials.account.sede.to_string()),
        ("numero_busta", credentials.numero_busta.clone()),
        ("utente", credentials.utente.clone()),
    ];
    match file {
        Some(file) => lines.push(("secrets_file", file.display().to_string())),
        None => lines.extend([
            ("pincode", format!("{first} {last}")),
            ("portal_password", credentials.password.expose().to_owned()),
            ("codice_pin", credentials.codice_pin.expose().to_owned()),
        ]),
    }
    if context.json {
        let map: serde_json::Map<_, _> =
            lines.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        output::json(&map);
    } else {
        let rows: Vec<_> = lines.into_iter().map(|(n, text)| vec![n.to_owned(), text]).collect();
        output::text(&output::table(&["Busta", ""], &rows));
    }
}

/// Everything that the workflows ask for; what the user chooses is made up.
fn secrets_file(credentials: &Credentials) -> Zeroizing<String> {
    let password = Secret::new(format!("P1{}", crate::random::hex(5)));
    let pin_di_revoca = Secret::new(crate::random::hex(9));
    let signer_password = Secret::new(crate::random::hex(9));
    let lines = [
        ("pincode", &credentials.pincode),
        ("portal_password", &credentials.password),
        ("codice_pin", &credentials.codice_pin),
        ("password", &password),
        ("password_esistente", &password),
        ("pin_di_revoca", &pin_di_revoca),
        ("signer_password", &signer_password),
    ];
    let mut text = Zeroizing::new(String::from(
        "# SANDBOX: invented credentials for trying ceralacca. Only you can read this file.\n",
    ));
    for (name, secret) in lines {
        text.push_str(&format!("{name} = \"{}\"\n", secret.expose()));
    }
    text
}

fn open(folder: &Path) -> Result<ceralacca_sandbox::Sandbox, Error> {
    Ok(ceralacca_sandbox::Sandbox::open(folder, Timestamp::now)?)
}

fn folder_or_own(context: &Context, folder: Option<&Path>) -> Result<PathBuf, Error> {
    match folder {
        Some(folder) => {
            Ok(std::path::absolute(folder).map_err(|error| CliError::io(folder, &error))?)
        }
        None => Ok(context.program.workspace()?.sandbox_folder()),
    }
}
