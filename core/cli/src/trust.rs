//! Whom verification trusts: the certificates and CRLs of the settings, of the command line, and of
//! the sandbox inside the program while no gateway is set.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_kernel::text_encoding::{self, NotUtf8};
use ceralacca_kernel::{Error, regular_file};
use ceralacca_keystore::Certificate;
use ceralacca_signing::Trust;

use crate::error::CliError;
use crate::workspace::Workspace;

/// Everything that the settings of `workspace` name, and the files or folders `given` besides.
///
/// # Errors
/// `trust.unusable`: a file that is missing, too large, or neither certificate nor CRL.
pub(crate) fn load(workspace: Option<&Workspace>, given: &[PathBuf]) -> Result<Trust, Error> {
    let mut trust = Trust::default();
    if let Some(workspace) = workspace {
        let settings = &workspace.settings.trust;
        for path in &settings.anchors {
            add(&mut trust, &workspace.root.join(path), "settings", Wanted::Anchors)?;
        }
        for path in &settings.crls {
            add(&mut trust, &workspace.root.join(path), "settings", Wanted::Crls)?;
        }
        let sandbox = workspace.sandbox_folder();
        if workspace.settings.agency.gateway.is_none() && sandbox.is_dir() {
            add(&mut trust, &sandbox, "the SANDBOX inside this program", Wanted::Both)?;
        }
    }
    for path in given {
        add(&mut trust, path, "command line", Wanted::Both)?;
    }
    Ok(trust)
}

/// What is taken from a file.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Anchors,
    Crls,
    Both,
}

fn add(trust: &mut Trust, path: &Path, origin: &str, wanted: Wanted) -> Result<(), Error> {
    let unusable = |problem: String| CliError::Trust { path: path.to_owned(), problem };
    if !path.is_dir() {
        return add_file(trust, path, origin, wanted, |_| true);
    }
    let entries = fs::read_dir(path).map_err(|error| unusable(error.to_string()))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|file| {
        let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    });
    files.sort();
    // A folder may hold more than roots; who is no CA is believed only when named itself.
    files.iter().try_for_each(|file| add_file(trust, file, origin, wanted, Certificate::is_ca))
}

fn add_file(
    trust: &mut Trust,
    path: &Path,
    origin: &str,
    wanted: Wanted,
    believed: fn(&Certificate) -> bool,
) -> Result<(), Error> {
    let unusable = |problem: String| CliError::Trust { path: path.to_owned(), problem };
    let bytes = regular_file::read(path, LARGEST).map_err(|error| unusable(error.to_string()))?;
    if text_encoding::is_utf16(&bytes) {
        return Err(unusable(NotUtf8::Utf16.to_string()).into());
    }
    let source = format!("{origin}: {}", path.display());
    let found = parts(&bytes).ok_or_else(|| unusable("damaged PEM".to_owned()))?;
    if found.is_empty() {
        return Err(unusable("neither a certificate nor a CRL".to_owned()).into());
    }
    for (kind, der) in found {
        match kind {
            Kind::Crl if wanted != Wanted::Anchors => trust.add_crl(&der, &source),
            Kind::Certificate if wanted != Wanted::Crls => {
                let certificate = Certificate::from_der(&der)
                    .map_err(|error| unusable(Error::from(error).report().headline.clone()))?;
                if believed(&certificate) {
                    trust.add_anchor(certificate, &source);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Certificate,
    Crl,
}

/// The certificates and CRLs of a file: one in DER, or as many as there are in PEM.
fn parts(bytes: &[u8]) -> Option<Vec<(Kind, Vec<u8>)>> {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN)) else {
        let kind = if Certificate::from_der(bytes).is_ok() { Kind::Certificate } else { Kind::Crl };
        let is_sequence = bytes.first() == Some(&0x30);
        return Some(if is_sequence { vec![(kind, bytes.to_vec())] } else { Vec::new() });
    };
    let mut found = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let (label, rest) = block.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        let kind = match label {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => Kind::Certificate,
            "X509 CRL" => Kind::Crl,
            _ => continue,
        };
        let plain: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        found.push((kind, STANDARD.decode(plain).ok()?));
    }
    Some(found)
}

/// The lists of the largest trust services have some megabytes.
const LARGEST: u64 = 64 << 20;
const ENDINGS: [&str; 5] = ["cer", "crt", "pem", "der", "crl"];
const BEGIN: &str = "-----BEGIN ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let pem = "text\n-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n\
                   -----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n\
                   -----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        let kinds: Vec<Kind> =
            parts(pem.as_bytes()).unwrap().iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::Crl, Kind::Certificate]);
        assert_eq!(parts(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"), None);
        assert_eq!(parts(b"hello"), Some(vec![]));
        assert_eq!(parts(&[0x30, 0]), Some(vec![(Kind::Crl, vec![0x30, 0])]));
    }
}
