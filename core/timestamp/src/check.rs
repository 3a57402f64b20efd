//! Whether an answer is what was asked for, before it is used (RFC 3161 §2.2).

use ceralacca_signing::{Answer, Check, Report, Trust};
use jiff::Timestamp;

use crate::report;
use crate::{Formato, Mark, TimestampError, TimestampRequest};

/// Reads the answer to `request`, and refuses it when anything speaks against it.
///
/// What cannot be found out, such as the chain when no anchors are known, is not held against it:
/// [`Mark::verify`] then says *indeterminate*, and the caller decides.
///
/// # Errors
/// `timestamp.rejected`, `timestamp.malformed`, `timestamp.other_algorithm`,
/// `timestamp.other_imprint`, `timestamp.other_nonce`, `timestamp.other_policy`,
/// `timestamp.future`, `timestamp.no_ess`, `timestamp.signature`, `timestamp.untrusted`.
pub fn check_response(
    request: &TimestampRequest,
    answer: &[u8],
    trust: &Trust,
    at: Timestamp,
) -> Result<Mark, TimestampError> {
    let mark = Mark::from_bytes(answer)?;
    if mark.formato() != Formato::Tsr {
        return Err(TimestampError::Malformed {
            what: "response".to_owned(),
            reason: "it is a token without a status".to_owned(),
        });
    }
    mark.require_imprint("what was asked for", &request.message_imprint)?;
    if let Some(expected) = request.nonce.as_ref().filter(|nonce| Some(*nonce) != mark.nonce()) {
        return Err(TimestampError::OtherNonce {
            expected: hex::encode(expected.as_bytes()),
            found: mark.nonce().map(|found| hex::encode(found.as_bytes())),
        });
    }
    if let Some(expected) = request.policy.filter(|policy| *policy != mark.policy()) {
        return Err(TimestampError::OtherPolicy {
            expected: expected.to_string(),
            found: mark.policy().to_string(),
        });
    }
    if request.cert_req && mark.signer_certificate().is_none() {
        return Err(TimestampError::Untrusted {
            question: "Is the authority's certificate in the mark, as was asked for?".to_owned(),
            reason: "it is not".to_owned(),
        });
    }
    require_sound(&mark, trust, at)?;
    Ok(mark)
}

/// Refuses a mark against which anything speaks.
///
/// # Errors
/// `timestamp.other_algorithm`, `timestamp.future`, `timestamp.no_ess`, `timestamp.signature`,
/// `timestamp.untrusted`.
pub fn require_sound(mark: &Mark, trust: &Trust, at: Timestamp) -> Result<(), TimestampError> {
    match first_no(&mark.verify(trust, at)) {
        None => Ok(()),
        Some(check) => Err(refusal(mark, &check, at)),
    }
}

/// The first check that was answered with no.
fn first_no(report: &Report) -> Option<Check> {
    report.all_checks().into_iter().find(|check| check.answer == Answer::No).cloned()
}

fn refusal(mark: &Mark, check: &Check, at: Timestamp) -> TimestampError {
    let (question, reason) = (check.question.clone(), check.detail.clone());
    match check.code.as_str() {
        report::FUTURE => TimestampError::Future { gen_time: mark.gen_time(), at },
        report::ALGORITHM => TimestampError::OtherAlgorithm { algorithm: reason },
        "signature.signing_certificate" => TimestampError::NoEss,
        code if code == report::SIGNERS || code.starts_with("signature.") => {
            TimestampError::Signature { question, reason }
        }
        _ => TimestampError::Untrusted { question, reason },
    }
}
