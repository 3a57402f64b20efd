//! Opening what was sealed for the Agency, a `.ccf`: the envelope, the signature, the signer.
//!
//! UNVERIFIED: the bytes of a `.ccf` are not public; see `seal.rs` in `core/submission`.

use ceralacca_ber as ber;
use ceralacca_kernel::Explain;
use ceralacca_keystore::{Certificate, enveloped_data};
use ceralacca_signing::{
    Content, Purpose, SignedData, SigningError, Trust, Verdict, signed_data, verify,
};
use rusqlite::Transaction;

use crate::ca::Ca;
use crate::environments::{self, Found};
use crate::error::SandboxError;
use crate::processing::Received;
use crate::processing::impronta::Stop;
use crate::processing::marking::first_doubt;
use crate::rejection_impronta::ImprontaRejection;
use crate::settings;

/// A sealed file, as far as it opened.
pub(crate) struct Opened {
    /// The environment whose key made the signature, once that is certain.
    pub(crate) environment_id: Option<i64>,
    /// What was signed, when nothing speaks against signature and signer.
    pub(crate) content: Result<Vec<u8>, ImprontaRejection>,
}

/// Opens the file with the CA's key.
pub(crate) fn open(
    transaction: &Transaction<'_>,
    ca: &Ca,
    received: &Received<'_>,
) -> Result<Opened, SandboxError> {
    let mut environment_id = None;
    let content = match checked(transaction, ca, received, &mut environment_id) {
        Ok(content) => Ok(content),
        Err(Stop::Rejected(rejection)) => Err(rejection),
        Err(Stop::Failed(error)) => return Err(error),
    };
    Ok(Opened { environment_id, content })
}

fn checked(
    transaction: &Transaction<'_>,
    ca: &Ca,
    received: &Received<'_>,
    environment_id: &mut Option<i64>,
) -> Result<Vec<u8>, Stop> {
    let opened = envelope(ca, received.bytes).ok_or(ImprontaRejection::UnreadableEnvelope)?;
    let (signed, content) = read(&opened)?;
    let signer = signer(transaction, ca, signed)?;
    *environment_id = Some(signer.found.environment_id);
    require_entitled(received, &signer)?;
    Ok(content)
}

fn envelope(ca: &Ca, bytes: &[u8]) -> Option<Vec<u8>> {
    let (der, taken) = ber::to_der(bytes).ok()?;
    if taken != bytes.len() {
        return None;
    }
    Some(enveloped_data::open(&der, &ca.certificate, &ca.key)?.to_vec())
}

fn read(opened: &[u8]) -> Result<(SignedData, Vec<u8>), ImprontaRejection> {
    let not_signed = |error: SigningError| {
        let report = error.explain();
        let why = report.found.unwrap_or(report.headline);
        ImprontaRejection::NotSigned { why }
    };
    let mut content = Vec::new();
    let signed =
        signed_data::read(&mut &*opened, Content::Into(&mut content)).map_err(not_signed)?;
    match signed.attached {
        true => Ok((signed, content)),
        false => Err(ImprontaRejection::NotSigned { why: "il contenuto manca".to_owned() }),
    }
}

/// Who signed.
struct Signer {
    certificate: Certificate,
    found: Found,
}

/// The only signer, whose certificate was issued here and whose signature holds.
///
/// The sandbox knows better than any list what became of its certificates: here they are only
/// asked for what the signature itself says.
fn signer(transaction: &Transaction<'_>, ca: &Ca, mut signed: SignedData) -> Result<Signer, Stop> {
    if signed.signers.len() != 1 {
        return Err(ImprontaRejection::Signers { count: signed.signers.len() }.into());
    }
    let mut trust = Trust::default();
    trust.add_anchor(ca.certificate.clone(), "SANDBOX");
    let mut rejection = ImprontaRejection::UnknownSigner;
    for certificate in std::mem::take(&mut signed.certificates).into_iter().take(MOST) {
        let found = environments::of_certificate(transaction, &certificate)?;
        let Some(found) = found else { continue };
        // One at a time, so that what verifies is with this certificate and no other.
        signed.certificates = vec![certificate.clone()];
        let reports = verify(&signed, &trust, certificate.not_before(), Purpose::Authority);
        match reports.as_slice() {
            [report] if report.verdict() == Verdict::Valid => {
                return Ok(Signer { certificate, found });
            }
            _ if !found.firma => rejection = ImprontaRejection::NotASignatureCertificate,
            reports => {
                let why = reports.first().map(first_doubt).unwrap_or_default();
                rejection = ImprontaRejection::BadSignature { why };
            }
        }
    }
    Err(rejection.into())
}

/// The environment must be the sender's or the subject's, in force, and not run out.
fn require_entitled(received: &Received<'_>, signer: &Signer) -> Result<(), Stop> {
    let Signer { certificate, found } = signer;
    if ![received.subject_id, received.sender_id].contains(&found.account_id) {
        return Err(ImprontaRejection::OtherSigner.into());
    }
    if let Some(second) = found.revoked_at.filter(|second| *second <= received.at.as_second()) {
        let since = settings::instant(second)?;
        return Err(ImprontaRejection::CertificateRevoked { since }.into());
    }
    if !certificate.is_valid_at(received.at) {
        return Err(ImprontaRejection::CertificateNotValid {
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        }
        .into());
    }
    Ok(())
}

/// Certificates of a file that are looked at.
const MOST: usize = 8;
