//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::{Finding, XmlError};

/// Findings that an error shows; the others are in the diagnostic.
const SHOWN: usize = 5;

impl Explain for XmlError {
    fn explain(&self) -> Report {
        use XmlError::*;
        let report = match self {
            NotACommunication { .. } | ControlFailed { .. } => explain_content(self),
            SchemaUnreadable { .. } | SchemaInvalid { .. } | DataInvalid { .. } => {
                explain_settings(self)
            }
            _ => explain_making(self),
        };
        report.state("nothing was sent")
    }
}

fn explain_content(error: &XmlError) -> Report {
    use XmlError::*;
    match error {
        NotACommunication { findings } => Report::refused(
            "impronta.not_a_communication",
            "the file is not a communication of the impronta",
        )
        .expected("a ComunicazioneImpronta that can be read")
        .found(listed(findings))
        .next("correct what makes the file"),
        ControlFailed { file, diagnostic, findings } => Report::refused(
            "impronta.control_failed",
            format!("{file} did not pass the control: the Agency would reject it"),
        )
        .expected("no finding with ** or ***")
        .found(listed(findings))
        .next(format!("correct what the findings name; all of them are in {diagnostic}")),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn listed(findings: &[Finding]) -> String {
    let mut lines: Vec<String> = findings
        .iter()
        .take(SHOWN)
        .map(|finding| format!("{} {}: {}", finding.severity, finding.place(), finding.text))
        .collect();
    if findings.len() > SHOWN {
        lines.push(format!("and {} more", findings.len() - SHOWN));
    }
    if lines.is_empty() {
        lines.push("nothing that could be read".to_owned());
    }
    lines.join("\n")
}

fn explain_settings(error: &XmlError) -> Report {
    use XmlError::*;
    match error {
        SchemaUnreadable { path, system } => {
            Report::usage("impronta.schema_unreadable", format!("the schema {path} cannot be read"))
                .found(system)
                .next("correct the path in ceralacca.toml, or take it out to use the schema inside")
        }
        SchemaInvalid { schema, what } => {
            Report::usage("impronta.schema_invalid", format!("{schema} is not an XML Schema"))
                .expected("an XML Schema 1.0 with all that it includes in one folder")
                .found(what)
                .next("correct the schema, or take it out of ceralacca.toml")
        }
        DataInvalid { source, what } => {
            Report::usage("impronta.data_invalid", format!("{source} cannot be used"))
                .found(what)
                .next("correct the file, or take it out of ceralacca.toml")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_making(error: &XmlError) -> Report {
    use XmlError::*;
    match error {
        Fields { field, what } => {
            Report::usage("impronta.fields", format!("`{field}` does not fit a communication"))
                .found(what)
                .next("correct the input of the workflow")
        }
        FileUnreadable { path, system } => {
            Report::refused("impronta.file_unreadable", format!("{path} cannot be read"))
                .found(system)
                .next("put the file back, then run ceralacca resume")
        }
        FileTooLarge { path, limit, found } => Report::refused(
            "impronta.file_too_large",
            format!("{path} is too large for a communication"),
        )
        .expected(format!("at most {limit} bytes"))
        .found(format!("{found} bytes"))
        .next("name the communication, not the archive"),
        FileChanged { path, expected, found } => Report::refused(
            "impronta.file_changed",
            format!("{path} is not the file that was made"),
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {found}"))
        .next("put the file back as it was made, then run ceralacca resume"),
        MarkAlgorithm { found } => Report::refused(
            "impronta.mark_algorithm",
            "the mark was made with an algorithm that a communication cannot name",
        )
        .expected("SHA-256, SHA-384 or SHA-512")
        .found(found)
        .next("get another mark for the signed index"),
        NotWritten { path, system } => {
            Report::refused("impronta.not_written", format!("{path} cannot be written"))
                .found(system)
                .next("free or open the folder, then run ceralacca resume")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    #[test]
    fn every_error_answers_the_four_questions() {
        use XmlError::*;
        let text = || "x".to_owned();
        let finding = Finding {
            severity: Severity::ScartoFornitura,
            code: "a.b".to_owned(),
            text: "it is so".to_owned(),
            line: Some(3),
            column: Some(4),
            path: Some("/C".to_owned()),
        };
        let findings = vec![finding; 7];
        let errors = [
            NotACommunication { findings: findings.clone() },
            ControlFailed { file: text(), diagnostic: text(), findings },
            SchemaUnreadable { path: text(), system: text() },
            SchemaInvalid { schema: text(), what: text() },
            DataInvalid { source: text(), what: text() },
            Fields { field: text(), what: text() },
            FileUnreadable { path: text(), system: text() },
            FileTooLarge { path: text(), limit: 1, found: 2 },
            FileChanged { path: text(), expected: text(), found: text() },
            MarkAlgorithm { found: text() },
            NotWritten { path: text(), system: text() },
        ];
        for error in &errors {
            let report = error.explain();
            assert!(report.code.starts_with("impronta."), "{error:?}");
            assert!(report.found.is_some() && !report.state.is_empty() && !report.next.is_empty());
        }
        let listed = errors[1].explain().found.unwrap();
        assert_eq!(listed.lines().count(), 6);
        assert_eq!(listed.lines().next(), Some("*** 3:4 /C: it is so"));
        assert_eq!(listed.lines().last(), Some("and 2 more"));
    }
}
