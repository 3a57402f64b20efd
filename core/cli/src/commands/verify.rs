//! `ceralacca verify`: each check of a file as a question with its answer.

use std::process::ExitCode;

use ceralacca_inspect::{FileReport, VerifyOptions, verify_file};
use ceralacca_kernel::Error;
use ceralacca_signing::{Answer, Verdict};
use jiff::Timestamp;

use super::Context;
use crate::arguments::Verify;
use crate::error::CliError;
use crate::{output, trust};

pub(super) fn carry_out(context: &Context, verify: &Verify) -> Result<ExitCode, Error> {
    let at = match &verify.at {
        Some(text) => text.parse().map_err(|_| CliError::TimeForm { text: text.clone() })?,
        None => Timestamp::now(),
    };
    // A file can be verified anywhere; a workspace only adds its settings.
    let workspace = context.program.workspace_if_any()?;
    let trust = trust::load(workspace.as_ref(), &verify.trust)?;
    let options = VerifyOptions { document: verify.content.clone(), mark: verify.mark.clone() };
    let report = verify_file(&verify.file, &options, &trust, at)?;
    if context.json {
        output::json(&report);
    } else {
        output::text(&in_words(&report));
    }
    Ok(super::judged(report.verdict == Verdict::Valid))
}

fn in_words(report: &FileReport) -> String {
    let layers: Vec<_> = report.layers.iter().map(|layer| layer.kind.to_string()).collect();
    let mut text = format!(
        "{}\n  {}, {} bytes\n  SHA-256 {}\n  as of {}\n",
        report.file,
        layers.join(", in it "),
        report.length,
        report.sha256,
        report.at,
    );
    match report.anchors.as_slice() {
        [] => text.push_str("  trust anchors: none, so that nothing can be called valid\n"),
        anchors => {
            text.push_str(&format!("  trust anchors: {}\n", anchors.len()));
            for anchor in anchors {
                text.push_str(&format!("    {}  ({})\n", anchor.subject, anchor.source));
            }
        }
    }
    for row in report.rows() {
        let indent = "  ".repeat(row.depth);
        match row.answer {
            None => text.push_str(&format!("\n{indent}{}: {}\n", row.question, row.detail)),
            Some(answer) => {
                let detail = if row.detail.is_empty() { "" } else { "  " };
                let answer = word(answer);
                let question = row.question;
                text.push_str(&format!("{indent}{answer:<8}  {question}{detail}{}\n", row.detail));
            }
        }
    }
    text.push_str(&format!("\nVerdict: {}", report.verdict.as_str()));
    text
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "NO",
        Answer::Unknown => "unknown",
        Answer::Note => "note",
    }
}
