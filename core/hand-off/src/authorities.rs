//! The CA's certificates and its list of revoked certificates, from files that the settings name.
//!
//! UNVERIFIED: no authentic copy of the Agency's CA certificate is public, so none is built in.

use std::path::{Path, PathBuf};

use ceralacca_ber as ber;
use ceralacca_kernel::text_encoding::{self, NotUtf8};
use ceralacca_keystore::Certificate;
use ceralacca_signing::armour;
use ceralacca_submission::outbox::read_at_most;

use super::error::HandOffError;

/// The certificates in these files, DER or PEM, in their order, each once.
pub(super) fn certificates(files: &[PathBuf]) -> Result<Vec<Certificate>, HandOffError> {
    let mut certificates: Vec<Certificate> = Vec::new();
    for path in files {
        let unusable = |problem: String| unusable(path, problem);
        for der in blocks(path, "CERTIFICATE")? {
            let certificate = Certificate::from_der(&der).map_err(|error| {
                let report = ceralacca_kernel::Error::from(error);
                unusable(report.report().found.clone().unwrap_or_default())
            })?;
            if certificates.iter().all(|one| one.as_der() != certificate.as_der()) {
                certificates.push(certificate);
            }
        }
    }
    Ok(certificates)
}

/// The first list in these files, DER.
pub(super) fn crl(files: &[PathBuf]) -> Result<Option<Vec<u8>>, HandOffError> {
    let Some(path) = files.first() else { return Ok(None) };
    let der = blocks(path, "X509 CRL")?.into_iter().next().unwrap_or_default();
    if !ber::is_der(&der) {
        return Err(unusable(path, "neither DER nor PEM".to_owned()));
    }
    Ok(Some(der))
}

/// The DER inside a file: itself, or what its PEM blocks with this label hold.
fn blocks(path: &Path, label: &str) -> Result<Vec<Vec<u8>>, HandOffError> {
    let bytes = read_at_most(path, LARGEST).map_err(|error| unusable(path, error.to_string()))?;
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    if text_encoding::is_utf16(&bytes) {
        return Err(unusable(path, NotUtf8::Utf16.to_string()));
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains("-----BEGIN ") => text,
        _ => return Ok(vec![bytes]),
    };
    let mut found = Vec::new();
    for block in text.split(begin.as_str()).skip(1).take(MOST) {
        let Some((body, _)) = block.split_once(end.as_str()) else {
            return Err(unusable(path, format!("a block {label} without an end")));
        };
        let (_, der) = armour::decode(body.as_bytes());
        found.push(der.into_owned());
    }
    if found.is_empty() {
        return Err(unusable(path, format!("no block {label} in it")));
    }
    Ok(found)
}

fn unusable(path: &Path, problem: String) -> HandOffError {
    HandOffError::CaFileUnusable { path: path.display().to_string(), problem }
}

const LARGEST: u64 = 16 << 20;
const MOST: usize = 100;
