//! Whether the Agency signed something: with the key of its CA, and of nothing that the CA issued
//! to others.
//!
//! UNVERIFIED: with which key the Agency signs its receipts is not public.

use ceralacca_kernel::Explain;
use ceralacca_keystore::Certificate;
use ceralacca_signing::{Answer, Content, Purpose, Report, Trust, Verdict, signed_data, verify};

/// The content of a SignedData with one signature, which holds and is by one of `authorities`.
///
/// # Errors
/// In a few words, what speaks against it.
pub fn signed_by_agency(p7m: &[u8], authorities: &[Certificate]) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let read = signed_data::read(&mut &*p7m, Content::Into(&mut content));
    let mut signed = read.map_err(|error| {
        let report = error.explain();
        report.found.unwrap_or(report.headline)
    })?;
    if !signed.attached {
        return Err("the text is not inside".to_owned());
    }
    if signed.signers.len() != 1 {
        return Err(format!("{} signatures", signed.signers.len()));
    }
    // Environments are certified by the same CA, so a path to it is not enough: the signer is
    // looked for among certificates of the CA's own key, and nowhere else.
    let is_authority = |one: &Certificate| authorities.iter().any(|ca| ca.public() == one.public());
    signed.certificates.retain(is_authority);
    let mut trust = Trust::default();
    for ca in authorities {
        trust.add_anchor(ca.clone(), "the Agency");
    }
    // At the time that the certificate itself names: a receipt is read for many years.
    let begins = signed.certificates.iter().chain(authorities).map(Certificate::not_before).max();
    let at = begins.ok_or("there is no certificate of the CA to compare with")?;
    let reports = verify(&signed, &trust, at, Purpose::Authority);
    match reports.as_slice() {
        [report] if report.verdict() == Verdict::Valid => Ok(content),
        reports => Err(reports.iter().find_map(doubt).unwrap_or_default()),
    }
}

/// The first question that was not answered yes.
fn doubt(report: &Report) -> Option<String> {
    let checks = report.all_checks();
    let worst = [Answer::No, Answer::Unknown]
        .into_iter()
        .find_map(|answer| checks.iter().find(|check| check.answer == answer));
    worst.map(|check| format!("{} {}", check.question, check.detail))
}
