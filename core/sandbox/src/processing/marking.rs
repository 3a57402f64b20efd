//! The check that gave the communication its fame: is the imprint the one in the mark?

use ceralacca_kernel::Explain;
use ceralacca_signing::{Answer, Report, Trust, Verdict};
use ceralacca_timestamp::Mark;
use ceralacca_xml::{Communication, Marca};
use jiff::Timestamp;

use crate::rejection_impronta::ImprontaRejection;

/// Reads the mark of a communication, whatever it is called there.
pub(crate) fn read_mark(marca: &Marca) -> Result<Mark, ImprontaRejection> {
    Mark::from_bytes(&marca.bytes).map_err(|error| {
        let report = error.explain();
        let why = match report.found {
            Some(found) => format!("{} ({found})", report.headline),
            None => report.headline,
        };
        ImprontaRejection::MarkUnreadable { why }
    })
}

/// A TSR or a TST, as the communication calls it.
pub(crate) fn require_format(marca: &Marca, mark: &Mark) -> Result<(), ImprontaRejection> {
    if mark.formato() != marca.formato {
        return Err(ImprontaRejection::MarkFormat {
            declared: marca.formato.label().to_owned(),
            found: mark.formato().label().to_owned(),
        });
    }
    Ok(())
}

/// The same algorithm, the same digest, and a mark that holds.
///
/// Whether its authority is one to be trusted is not asked: the Agency's own list is not public.
pub(crate) fn require_congruence(
    communication: &Communication,
    mark: &Mark,
    trust: &Trust,
    at: Timestamp,
) -> Result<(), ImprontaRejection> {
    let (impronta, marked) = (&communication.impronta, mark.message_imprint());
    if impronta.algoritmo != marked.algorithm {
        return Err(ImprontaRejection::OtherAlgorithm {
            impronta: impronta.algoritmo.name().to_owned(),
            marca: marked.algorithm.name().to_owned(),
        });
    }
    if impronta.digest != marked.digest {
        return Err(ImprontaRejection::OtherImprint {
            impronta: hex::encode(&impronta.digest),
            marca: marked.hex(),
        });
    }
    let report = mark.verify(trust, at);
    match report.verdict() {
        Verdict::Invalid => Err(ImprontaRejection::MarkInvalid { why: first_doubt(&report) }),
        Verdict::Valid | Verdict::Indeterminate => Ok(()),
    }
}

/// The first question that was answered no, or else not answered, with what was found.
pub(crate) fn first_doubt(report: &Report) -> String {
    let checks = report.all_checks();
    let worst = [Answer::No, Answer::Unknown]
        .into_iter()
        .find_map(|answer| checks.iter().find(|check| check.answer == answer));
    worst.map_or_else(String::new, |check| format!("{} {}", check.question, check.detail))
}
