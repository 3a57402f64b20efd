//! What goes around a support: signed by the node, encrypted for the other side; and an outcome the
//! other way round.
//!
//! Public for SdI and SID: zip, then CMS SignedData with the content inside (SHA-256, DER), then CMS
//! EnvelopedData (AES-256-CBC, RSA PKCS#1 v1.5, DER).
//! UNVERIFIED: that outcomes are made in the same way, and who signs them.

use std::path::Path;

use ceralacca_ber as ber;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, Utilizzo, enveloped_data, pkcs12_read};
use ceralacca_plugin_sdk::{Call, Error, Explain, SecretRef, Timestamp};
use ceralacca_signing::{
    Answer, Content, Purpose, Report, Trust, Verdict, cades, signed_data, verify,
};

use crate::error::SftpError;
use crate::settings::{Settings, read_file, unusable};

/// Signs and encrypts the zip of a support.
///
/// # Errors
/// Those of the settings' files, `sftp.signer_not_valid`, `sftp.no_key` and those of the signature.
pub(crate) fn seal(
    call: &Call<'_>,
    settings: &Settings,
    zip: &[u8],
    at: Timestamp,
) -> Result<Vec<u8>, Error> {
    let recipient = settings.recipient()?;
    let mut entries = entries(call, "signer", &settings.signer, SIGNER_PASSWORD)?;
    entries.retain(|entry| entry.certificate().allows(Utilizzo::Firma));
    if entries.len() != 1 {
        let (setting, purpose) = ("signer".to_owned(), "signs".to_owned());
        return Err(SftpError::NoKey { setting, purpose, found: entries.len() }.into());
    }
    let signer = &entries[0];
    require_valid(signer.certificate(), at)?;
    let mut signed = Vec::with_capacity(zip.len() + (8 << 10));
    let options = cades::Options::attached(at);
    cades::sign(zip, Some(zip.len() as u64), &mut signed, signer, &options)?;
    let sealed = enveloped_data::seal(&signed, &recipient);
    Ok(sealed.ok_or_else(|| {
        let bits = recipient.public().bits();
        unusable("recipient", format!("its key of {bits} bits encrypts nothing: 2048 at least"))
    })?)
}

/// Takes the envelope of an outcome off, with whichever of our keys it is for. Gives the signed form.
///
/// # Errors
/// The outer result is about our own files, the inner says in a few words what is wrong with the
/// outcome.
pub(crate) fn decrypt(
    call: &Call<'_>,
    settings: &Settings,
    outcome: &[u8],
) -> Result<Result<Vec<u8>, String>, Error> {
    let Some(recipients) = enveloped_data::recipients(outcome) else {
        return Ok(Err("it is no CMS EnvelopedData".to_owned()));
    };
    let entries = match &settings.own {
        Some(own) => entries(call, "own", own, OWN_PASSWORD)?,
        None => entries(call, "signer", &settings.signer, SIGNER_PASSWORD)?,
    };
    let ours = entries.iter().filter(|entry| recipients.include(entry.certificate()));
    let der = match ber::to_der(outcome) {
        Ok((der, _)) => der,
        Err(_) => return Ok(Err("it cannot be read".to_owned())),
    };
    let mut opened =
        ours.filter_map(|entry| enveloped_data::open(&der, entry.certificate(), &entry.key));
    Ok(opened.next().map(|signed| signed.to_vec()).ok_or_else(|| {
        let names = recipients.names().join("; ");
        format!("it does not open with our key; it is for: {names}")
    }))
}

/// The content of a SignedData with one signature that holds and is by the key of one of `anchors`.
///
/// A path to a CA is not enough: it may have certified other nodes as well.
///
/// # Errors
/// In a few words, what speaks against it.
pub(crate) fn verified(signed: &[u8], anchors: &[Certificate]) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let read = signed_data::read(&mut &*signed, Content::Into(&mut content));
    let mut signed = read.map_err(|error| {
        let report = error.explain();
        report.found.unwrap_or(report.headline)
    })?;
    if !signed.attached {
        return Err("the content is not inside the signature".to_owned());
    }
    if signed.signers.len() != 1 {
        return Err(format!("{} signatures, not one", signed.signers.len()));
    }
    let mut trust = Trust::default();
    for anchor in anchors {
        trust.add_anchor(anchor.clone(), "anchors");
    }
    // At a time when the certificates are valid: an outcome is read for many years.
    let begins = anchors.iter().map(Certificate::not_before).max();
    let at = begins.ok_or("there is no certificate to compare with")?;
    // Once with everything that is inside, since damage anywhere counts; and once with nothing but
    // the keys of the anchors, since what an anchor has certified is not the anchor.
    let whole = verify(&signed, &trust, at, Purpose::Authority);
    let is_anchor = |one: &Certificate| anchors.iter().any(|ours| ours.public() == one.public());
    signed.certificates.retain(is_anchor);
    let by_anchor = verify(&signed, &trust, at, Purpose::Authority);
    let reports: Vec<Report> = whole.into_iter().chain(by_anchor).collect();
    if reports.iter().all(|report| report.verdict() == Verdict::Valid) {
        return Ok(content);
    }
    Err(reports.iter().find_map(doubt).unwrap_or_default())
}

/// The first question that was not answered yes.
fn doubt(report: &Report) -> Option<String> {
    let checks = report.all_checks();
    let worst = [Answer::No, Answer::Unknown]
        .into_iter()
        .find_map(|answer| checks.iter().find(|check| check.answer == answer));
    worst.map(|check| format!("{} {}", check.question, check.detail))
}

fn entries(
    call: &Call<'_>,
    setting: &str,
    path: &Path,
    secret: &str,
) -> Result<Vec<KeyEntry>, Error> {
    let bytes = read_file(setting, path)?;
    let password = call.secret(&SecretRef(secret.to_owned()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    pkcs12_read::read(&name.unwrap_or_default(), &bytes, &password).map_err(|error| {
        let error = Error::from(error);
        let report = error.report();
        let found = report.found.as_deref().unwrap_or_default();
        unusable(setting, format!("{}: {found}", report.headline)).into()
    })
}

fn require_valid(certificate: &Certificate, at: Timestamp) -> Result<(), SftpError> {
    if certificate.is_valid_at(at) {
        return Ok(());
    }
    Err(SftpError::SignerNotValid {
        subject: certificate.subject(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        at,
    })
}

/// The secret that opens `signer`.
pub(crate) const SIGNER_PASSWORD: &str = "sftp_signer_password";
/// The secret that opens `own`.
pub(crate) const OWN_PASSWORD: &str = "sftp_own_password";
