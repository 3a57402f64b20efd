//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::error::InspectError;
use crate::m7m::M7mFault;

impl Explain for InspectError {
    fn explain(&self) -> Report {
        use InspectError as E;
        match self {
            E::Disk { .. }
            | E::TooLarge { .. }
            | E::Malformed { .. }
            | E::M7m { .. }
            | E::M7mParts { .. }
            | E::TooDeep { .. } => explain_reading(self),
            E::NoMark { .. }
            | E::MarkCoversSignature { .. }
            | E::MarkOtherDocument { .. }
            | E::NeedsDocument { .. }
            | E::NotAP7m { .. } => explain_mark(self).state("nothing was written"),
            _ => explain_asked(self),
        }
    }
}

fn explain_reading(error: &InspectError) -> Report {
    use InspectError as E;
    let report = match error {
        E::Disk { doing, path, system } => {
            let headline = format!("{path} could not be used while {doing} it");
            return Report::refused("inspect.disk", headline)
                .expected("a regular file on a disk that works")
                .found(system)
                .state("no file was made or changed under its final name")
                .next("check the path and the disk");
        }
        E::TooLarge { path, part, limit } => {
            Report::refused("inspect.too_large", format!("{path} is too large to be read"))
                .expected(format!("{part} of at most {limit} bytes"))
                .found("more")
                .next("take off PEM or base64 with another program, or ask who made the file")
        }
        E::Malformed { path, kind, reason } => {
            Report::refused("inspect.malformed", format!("{path} is damaged"))
                .expected(kind.name())
                .found(reason)
                .next("copy or download the file again")
        }
        E::M7m { path, fault } => Report::refused(
            "inspect.m7m_malformed",
            format!("{path} is not an M7M that can be read"),
        )
        .expected("a MIME message, multipart/mixed, with a p7m and its mark")
        .found(fault_in_words(fault))
        .next("copy or download the file again"),
        E::M7mParts { path, p7m, marks, others } => {
            Report::refused("inspect.m7m_parts", format!("{path} has not the parts of an M7M"))
                .expected("exactly one p7m and one timestamp reply")
                .found(parts_in_words(*p7m, *marks, others))
                .next("ask who made the file which p7m the mark covers")
        }
        other => {
            let (path, limit) = match other {
                E::TooDeep { path, limit } => (path.as_str(), *limit),
                _ => ("the file", 0),
            };
            Report::refused("inspect.too_deep", format!("{path} has files within files"))
                .expected(format!("at most {limit} layers"))
                .found("more")
                .next("extract the file, then look at what came out")
        }
    };
    report.state("nothing was changed")
}

fn fault_in_words(fault: &M7mFault) -> String {
    let words = match fault {
        M7mFault::EndlessHeaders => "headers that do not end within 64 KiB",
        M7mFault::HeaderLine => "a header line without a colon",
        M7mFault::NoBoundary => "no multipart/mixed, or no boundary",
        M7mFault::NoEnd => "no closing boundary: the file was cut",
        M7mFault::TooManyParts => "more boundary lines than any honest file has",
        M7mFault::MarkTooLarge => "a mark of more than 2 MiB",
        M7mFault::Parts { p7m, marks, others } => return parts_in_words(*p7m, *marks, others),
    };
    words.to_owned()
}

fn parts_in_words(p7m: usize, marks: usize, others: &[String]) -> String {
    let more = match others {
        [] => String::new(),
        others => format!(", and {}", others.join(", ")),
    };
    format!("{p7m} p7m and {marks} timestamp replies{more}")
}

fn explain_mark(error: &InspectError) -> Report {
    use InspectError as E;
    match error {
        E::MarkCoversSignature { path } => Report::refused(
            "inspect.mark_covers_signature",
            format!("the mark in {path} covers the signature, not the file"),
        )
        .expected("a mark over the whole p7m: TSR, TST, TSD or M7M")
        .found("a CAdES-T signature: the mark's imprint is of the signature value")
        .next("get a mark for the p7m with timestamp.request: no conversion makes this one fit"),
        E::MarkOtherDocument { document, expected, found } => Report::refused(
            "inspect.mark_other_document",
            format!("the mark is not over {document}"),
        )
        .expected(expected)
        .found(found)
        .next("give the document that the mark was made for"),
        E::NeedsDocument { path, to } => Report::usage(
            "inspect.needs_document",
            format!("{path} holds a mark without its document"),
        )
        .expected(format!("the document too: a {to} holds both"))
        .found("the mark alone")
        .next("give the document: --content FILE, or as the third argument in a script"),
        E::NotAP7m { path, kind } => {
            Report::refused("inspect.not_a_p7m", format!("{path} cannot go into an M7M"))
                .expected("a signed file (p7m)")
                .found(kind.name())
                .next("convert to tsd, which holds any document")
        }
        other => {
            let (path, kind) = match other {
                E::NoMark { path, kind } => (path.as_str(), kind.name()),
                _ => ("the file", "nothing"),
            };
            Report::refused("inspect.no_mark", format!("{path} holds no mark"))
                .expected("a TSR, TST, TSD or M7M file")
                .found(kind)
                .next("give the file with the mark; names may mislead, contents decide")
        }
    }
}

fn explain_asked(error: &InspectError) -> Report {
    use InspectError as E;
    match error {
        E::Exists { path } => Report::refused("inspect.exists", format!("{path} is already there"))
            .expected("no file of that name, or the same one")
            .found("a file with other content")
            .state("that file was not touched")
            .next("choose another folder or name, or move that file away"),
        E::NothingToExtract { path, kind } => Report::refused(
            "inspect.nothing_to_extract",
            format!("nothing in {path} can be separated"),
        )
        .expected("a p7m, tsd or m7m file")
        .found(kind.name())
        .state("nothing was written")
        .next("look at what the file is with ceralacca verify"),
        E::UnknownDigest { name } => {
            Report::usage("inspect.unknown_digest", format!("{name} is not a digest algorithm"))
                .expected("sha256, sha384 or sha512")
                .found(name)
                .state("nothing was read")
                .next("name one of them")
        }
        E::UnknownContainer { name } => {
            Report::usage("inspect.unknown_container", format!("{name} is not a mark container"))
                .expected("tsr, tst, tsd or m7m")
                .found(name)
                .state("nothing was read")
                .next("name one of them")
        }
        other => {
            let (file, verdict, answers) = match other {
                E::NotValid { file, verdict, answers } => {
                    (file.as_str(), verdict.as_str(), answers.join("\n"))
                }
                _ => ("the file", "unknown", String::new()),
            };
            Report::refused("inspect.not_valid", format!("{file} is {verdict}, not valid"))
                .expected("the answer yes to every question")
                .found(answers)
                .state("the workflow was stopped before it used the file")
                .next(
                    "read the answers; set the trust anchors in ceralacca.toml if they are missing",
                )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn every_error_has_its_own_words() {
        let text = String::new;
        let errors = [
            InspectError::Disk { doing: text(), path: text(), system: text() },
            InspectError::TooLarge { path: text(), part: text(), limit: 1 },
            InspectError::Malformed { path: text(), kind: Kind::Pdf, reason: text() },
            InspectError::M7m { path: text(), fault: M7mFault::NoEnd },
            InspectError::M7mParts { path: text(), p7m: 2, marks: 1, others: vec![] },
            InspectError::TooDeep { path: text(), limit: 8 },
            InspectError::NoMark { path: text(), kind: Kind::Pdf },
            InspectError::MarkCoversSignature { path: text() },
            InspectError::MarkOtherDocument { document: text(), expected: text(), found: text() },
            InspectError::NeedsDocument { path: text(), to: text() },
            InspectError::NotAP7m { path: text(), kind: Kind::Pdf },
            InspectError::Exists { path: text() },
            InspectError::NothingToExtract { path: text(), kind: Kind::Pdf },
            InspectError::UnknownDigest { name: text() },
            InspectError::UnknownContainer { name: text() },
            InspectError::NotValid { file: text(), verdict: text(), answers: vec![] },
        ];
        let reports: Vec<Report> = errors.iter().map(Explain::explain).collect();
        let mut codes: Vec<&str> = reports.iter().map(|report| report.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), reports.len());
        for report in &reports {
            assert!(!report.state.is_empty() && !report.next.is_empty(), "{}", report.code);
        }
    }
}
