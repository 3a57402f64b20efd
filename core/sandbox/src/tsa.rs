//! The pretend timestamp authority (RFC 3161): it marks whatever it is asked to, and counts.

use ceralacca_signing::DigestAlgorithm;
use ceralacca_timestamp::{
    Accuracy, GenTime, MessageImprint, TimestampError, TimestampRequest, TimestampResponse, TstInfo,
};
use const_oid::ObjectIdentifier;
use der::asn1::Int;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};
use x509_cert::ext::pkix::name::GeneralName;

use crate::credentials::random_bytes;
use crate::error::SandboxError;
use crate::settings;
use crate::trust_provider::TrustProvider;
use crate::tsa_token::{self, Form};

/// What is wrong with a mark, for clients to refuse; some of it is legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TsaFault {
    /// Refused with `systemFailure`; no mark is made.
    Rejected,
    /// The signature does not name its certificate.
    NoEss,
    /// Another nonce than was asked for.
    WrongNonce,
    /// No nonce, though one was asked for.
    NoNonce,
    /// The imprint of something else.
    WrongImprint,
    /// A time with fractions of the second: legal.
    FractionalSeconds,
    /// A time one hour ahead.
    FutureTime,
    /// No certificate, though it was asked for.
    NoCertificate,
    /// A certificate that is not for timestamps: the root's own key signs.
    OtherCertificate,
    /// The signature is wrong in one bit.
    Damaged,
}

/// A mark that was made and counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarkEntry {
    /// When, on the sandbox's clock.
    pub at: Timestamp,
    /// Its number, lower-case hexadecimal.
    pub serial: String,
    /// `SHA-256`.
    pub algorithm: String,
    /// The digest that was asked for, lower-case hexadecimal.
    pub imprint: String,
}

/// Answers a TimeStampReq with a TimeStampResp; a mark that is made is counted first.
pub(crate) fn answer(
    transaction: &Transaction<'_>,
    provider: &TrustProvider,
    request: &[u8],
    fault: Option<TsaFault>,
    at: Timestamp,
) -> Result<Vec<u8>, SandboxError> {
    let request = match acceptable(request) {
        Ok(request) => request,
        Err((failure, text)) => return rejected(failure, text),
    };
    if fault == Some(TsaFault::Rejected) {
        return rejected("systemFailure", "guasto simulato: nessuna marca è stata emessa");
    }
    let mut serial = random_bytes::<16>();
    serial[0] = serial[0] & 0x3f | 0x40; // positive, and always 16 bytes
    let info = info(provider, &request, &serial, fault, at)?;
    let info = info.to_der().map_err(|_| broken())?;
    let signer = match fault {
        Some(TsaFault::OtherCertificate) => &provider.root,
        _ => &provider.tsa,
    };
    let form = Form {
        certificate: request.cert_req && fault != Some(TsaFault::NoCertificate),
        ess: fault != Some(TsaFault::NoEss),
    };
    let mut token = tsa_token::sign(&info, &signer.key, &signer.certificate, form)?;
    if fault == Some(TsaFault::Damaged)
        && let Some(last) = token.last_mut()
    {
        *last ^= 1; // the signature is what comes last
    }
    count(transaction, &request.message_imprint, &serial, at)?;
    TimestampResponse::granted(&token).map_err(|_| broken())
}

/// All marks that were made, oldest first, at most `limit` of the latest.
pub(crate) fn marks(
    transaction: &Transaction<'_>,
    limit: u32,
) -> Result<(u64, Vec<MarkEntry>), SandboxError> {
    let count: i64 = transaction.query_row("SELECT count(*) FROM marks", [], |row| row.get(0))?;
    let mut query = transaction
        .prepare("SELECT at, serial, algorithm, imprint FROM marks ORDER BY id DESC LIMIT ?1")?;
    let rows = query.query_map([limit], |row| {
        let (at, serial): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let (algorithm, imprint): (String, Vec<u8>) = (row.get(2)?, row.get(3)?);
        Ok((at, serial, algorithm, imprint))
    })?;
    let mut marks = Vec::new();
    for row in rows {
        let (second, serial, algorithm, imprint) = row?;
        let (serial, imprint) = (hex::encode(serial), hex::encode(imprint));
        marks.push(MarkEntry { at: settings::instant(second)?, serial, algorithm, imprint });
    }
    marks.reverse();
    Ok((count.unsigned_abs(), marks))
}

/// The request, or the failure of RFC 3161 that it gets.
fn acceptable(request: &[u8]) -> Result<TimestampRequest, (&'static str, &'static str)> {
    let request = TimestampRequest::from_der(request).map_err(|error| match error {
        TimestampError::OtherAlgorithm { .. } => BAD_ALGORITHM,
        TimestampError::ImprintLength { .. } => {
            ("badDataFormat", "l'impronta non ha la lunghezza del suo algoritmo")
        }
        _ => ("badRequest", "la richiesta non è un TimeStampReq"),
    })?;
    if request.extensions {
        return Err(("unacceptedExtension", "estensioni non ammesse"));
    }
    if !request.message_imprint.algorithm.is_accepted() {
        return Err(BAD_ALGORITHM);
    }
    if request.policy.is_some_and(|policy| policy != POLICY) {
        return Err(("unacceptedPolicy", "politica non ammessa"));
    }
    Ok(request)
}

fn info(
    provider: &TrustProvider,
    request: &TimestampRequest,
    serial: &[u8],
    fault: Option<TsaFault>,
    at: Timestamp,
) -> Result<TstInfo, SandboxError> {
    let later = |by: SignedDuration| at.checked_add(by).unwrap_or(at);
    let number = |bytes: &[u8]| Int::new(bytes).map_err(crate::ca::failed);
    let name = provider.tsa.certificate.parsed().tbs_certificate.subject.clone();
    Ok(TstInfo {
        policy: POLICY,
        message_imprint: match fault {
            Some(TsaFault::WrongImprint) => {
                MessageImprint::of(request.message_imprint.algorithm, b"SANDBOX: something else")
            }
            _ => request.message_imprint.clone(),
        },
        serial_number: number(serial)?,
        gen_time: GenTime::new(match fault {
            Some(TsaFault::FractionalSeconds) => later(SignedDuration::from_millis(250)),
            Some(TsaFault::FutureTime) => later(SignedDuration::from_hours(1)),
            _ => at,
        }),
        accuracy: Some(Accuracy { seconds: Some(1), millis: None, micros: None }),
        ordering: false,
        nonce: match fault {
            Some(TsaFault::WrongNonce) => Some(number(&[0x42, 0x42])?),
            Some(TsaFault::NoNonce) => None,
            _ => request.nonce.clone(),
        },
        tsa: Some(GeneralName::DirectoryName(name)),
        extensions: None,
    })
}

fn count(
    transaction: &Transaction<'_>,
    imprint: &MessageImprint,
    serial: &[u8],
    at: Timestamp,
) -> Result<(), SandboxError> {
    let algorithm: DigestAlgorithm = imprint.algorithm;
    transaction.execute(
        "INSERT INTO marks (at, serial, algorithm, imprint) VALUES (?1, ?2, ?3, ?4)",
        params![at.as_second(), serial, algorithm.name(), imprint.digest],
    )?;
    Ok(())
}

fn rejected(failure: &str, text: &str) -> Result<Vec<u8>, SandboxError> {
    TimestampResponse::rejected(failure, &format!("SANDBOX: {text}")).map_err(|_| broken())
}

fn broken() -> SandboxError {
    SandboxError::Issuing { reason: "a mark".to_owned() }
}

const BAD_ALGORITHM: (&str, &str) = ("badAlg", "ammessi SHA-256, SHA-384 e SHA-512");

/// UNVERIFIED: under a number that is nobody's; a sandbox's policy promises nothing.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.3161.1");
