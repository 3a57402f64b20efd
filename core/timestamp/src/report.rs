//! The report on a mark: every check as a question.

use ceralacca_signing::{Answer, Check, Purpose, Report, Trust};
use jiff::{SignedDuration, Timestamp};

use crate::Mark;

/// Asks everything that can be asked of the mark alone.
pub(crate) fn of(mark: &Mark, trust: &Trust, at: Timestamp, purpose: Purpose) -> Report {
    let mut report = Report::on(format!("mark {} of {}", mark.serial(), mark.authority()));
    report.checks.extend(status(mark));
    let signed = mark.signed_data();
    let count = signed.signers.len();
    report.push(Check::is(
        SIGNERS,
        "Is it signed exactly once?",
        count == 1,
        format!("{count} signatures"),
    ));
    let algorithm = mark.message_imprint().algorithm;
    report.push(Check::is(
        ALGORITHM,
        "Is its imprint under an accepted algorithm?",
        algorithm.is_accepted(),
        algorithm.name(),
    ));
    let gen_time = mark.gen_time();
    report.push(Check::is(
        FUTURE,
        "Is its time in the past, or at most 5 minutes ahead?",
        !is_future(gen_time, at),
        format!("{gen_time}, looked at {at}"),
    ));
    report.checks.extend(valid_then(mark));
    report.push(expired(mark, at));
    // The certificate had to be good when the mark was made, not for the years it is kept.
    report.parts = ceralacca_signing::verify(signed, trust, gen_time, purpose);
    report
}

/// Whether `gen_time` lies further ahead of `at` than clocks may differ.
pub(crate) fn is_future(gen_time: Timestamp, at: Timestamp) -> bool {
    gen_time.duration_since(at) > TOLERANCE
}

/// The status is not signed, so it is only asked whether it is the plain *granted*.
fn status(mark: &Mark) -> Option<Check> {
    let response = mark.response()?;
    let check = |answer, detail: String| {
        Check::new("mark.status", "Did the authority grant what was asked for?", answer, detail)
    };
    let text = match response.text.as_str() {
        "" => String::new(),
        text => format!(": {text}"),
    };
    Some(match (response.status, response.failures.as_slice()) {
        (0, []) => check(Answer::Yes, format!("granted{text}")),
        (1, []) => {
            check(Answer::Unknown, format!("granted with modifications that nobody signed{text}"))
        }
        (_, failures) => {
            let status = response.status_name();
            check(Answer::Unknown, format!("{status}, and {}{text}", failures.join(", ")))
        }
    })
}

/// The authority itself says when it was: after its certificate's end it cannot have been.
fn valid_then(mark: &Mark) -> Option<Check> {
    let certificate = mark.signer_certificate()?;
    let (from, to) = (certificate.not_before(), certificate.not_after());
    Some(Check::is(
        "mark.validity",
        "Was the authority's certificate valid when the mark was made?",
        certificate.is_valid_at(mark.gen_time()),
        format!("{}, valid from {from} to {to}", mark.gen_time()),
    ))
}

fn expired(mark: &Mark, at: Timestamp) -> Check {
    let detail = match mark.signer_certificate() {
        Some(certificate) if certificate.not_after() < at => {
            format!("it ended on {}; the mark was made before", certificate.not_after())
        }
        Some(certificate) => format!("it ends on {}", certificate.not_after()),
        None => "the certificate is not in the mark".to_owned(),
    };
    Check::new(EXPIRED, "Has the authority's certificate ended since?", Answer::Note, detail)
}

/// How far clocks may differ.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

pub(crate) const SIGNERS: &str = "mark.signers";
pub(crate) const ALGORITHM: &str = "mark.algorithm";
pub(crate) const FUTURE: &str = "mark.future";
const EXPIRED: &str = "mark.expired";
