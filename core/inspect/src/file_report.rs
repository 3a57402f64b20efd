//! The report on a file: what it is, every question with its answer, and the verdict.

use ceralacca_signing::{Answer, Check, Report, Trust, Verdict, armour};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InspectError;
use crate::kind::Kind;
use crate::open::Layer;

/// All that was found out about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileReport {
    /// The file, as it was named.
    pub file: String,
    /// What it is, by its content.
    pub kind: Kind,
    /// Its layers, outermost first.
    pub layers: Vec<LayerSummary>,
    /// SHA-256 of the whole file, hexadecimal.
    pub sha256: String,
    /// Bytes of the whole file.
    pub length: u64,
    /// The time for which the questions were asked, RFC 3339.
    pub at: String,
    /// The questions: on marks over the file, on each signature, on what is inside.
    pub reports: Vec<Report>,
    /// What follows from all answers; never `valid` without a trust anchor.
    pub verdict: Verdict,
    /// The trust anchors that were set when the questions were asked.
    pub anchors: Vec<AnchorSource>,
}

/// One layer of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerSummary {
    /// What it is.
    pub kind: Kind,
    /// What was taken off before: PEM, base64.
    pub armour: Vec<armour::Layer>,
    /// Its bytes, with what was taken off.
    pub length: u64,
}

/// A trust anchor, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnchorSource {
    /// The certificate's subject.
    pub subject: String,
    /// A file, a setting.
    pub source: String,
}

/// One line of a report as it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How deep it is in the report: 0 for a heading.
    pub depth: usize,
    /// The question, or what the lines below are about.
    pub question: String,
    /// The answer; `None` for a heading.
    pub answer: Option<Answer>,
    /// What was found; the verdict for a heading.
    pub detail: String,
}

impl FileReport {
    /// The verdict follows from the reports; nothing asked is nothing known.
    pub(crate) fn new(
        file: String,
        layer: &Layer,
        sha256: &[u8],
        at: jiff::Timestamp,
        reports: Vec<Report>,
        trust: &Trust,
    ) -> FileReport {
        let all = Report { parts: reports, ..Report::default() };
        let anchors = trust.anchors().iter().map(|anchor| AnchorSource {
            subject: anchor.certificate.subject(),
            source: anchor.source.clone(),
        });
        let layers = layer.all().into_iter().map(|layer| LayerSummary {
            kind: layer.kind,
            armour: layer.armour.clone(),
            length: layer.length,
        });
        let mut verdict = all.verdict();
        // The answers say so already; this holds whatever they say.
        if trust.anchors().is_empty() && verdict == Verdict::Valid {
            verdict = Verdict::Indeterminate;
        }
        FileReport {
            file,
            kind: layer.kind,
            layers: layers.collect(),
            sha256: hex::encode(sha256),
            length: layer.length,
            at: at.to_string(),
            reports: all.parts,
            verdict,
            anchors: anchors.collect(),
        }
    }

    /// The questions as lines of text, headings among them, in the order of asking.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.reports.iter().for_each(|report| add_rows(report, 0, &mut rows));
        rows
    }

    /// Every question whose answer speaks against a valid verdict, with what was found.
    pub fn open_answers(&self) -> Vec<String> {
        let is_open = |check: &&Check| matches!(check.answer, Answer::No | Answer::Unknown);
        let checks = self.reports.iter().flat_map(Report::all_checks);
        checks
            .filter(is_open)
            .map(|check| match check.answer {
                Answer::No => format!("no: {} {}", check.question, check.detail),
                _ => format!("not known: {} {}", check.question, check.detail),
            })
            .collect()
    }

    /// Stops unless the verdict is valid.
    ///
    /// # Errors
    /// `inspect.not_valid`, with the answers that are not yes.
    pub fn require_valid(&self) -> Result<(), InspectError> {
        // What a script holds may have been put together by it: the answers are asked again.
        let all = Report { parts: self.reports.clone(), ..Report::default() };
        let verdict = if all.verdict() == Verdict::Valid { self.verdict } else { all.verdict() };
        if verdict == Verdict::Valid {
            return Ok(());
        }
        let mut answers = self.open_answers();
        if answers.is_empty() {
            answers.push("nothing in the file could be asked about".to_owned());
        }
        let (file, verdict) = (self.file.clone(), verdict.as_str().to_owned());
        Err(InspectError::NotValid { file, verdict, answers })
    }
}

fn add_rows(report: &Report, depth: usize, rows: &mut Vec<Row>) {
    let detail = report.verdict().as_str().to_owned();
    rows.push(Row { depth, question: report.subject.clone(), answer: None, detail });
    rows.extend(report.checks.iter().map(|check| Row {
        depth: depth + 1,
        question: check.question.clone(),
        answer: Some(check.answer),
        detail: check.detail.clone(),
    }));
    report.parts.iter().for_each(|part| add_rows(part, depth + 1, rows));
}
