//! Findings: what the control found, how bad it is, and where.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// How bad a finding is. The asterisks are those of the Agency's diagnostics.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Severity {
    /// `*`: worth knowing, does not stop anything.
    #[serde(rename = "*")]
    Segnalazione,
    /// `**`: the document would be rejected.
    #[serde(rename = "**")]
    ScartoDocumento,
    /// `***`: the whole file would be rejected.
    #[serde(rename = "***")]
    ScartoFornitura,
}

impl Severity {
    /// `*`, `**` or `***`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Segnalazione => "*",
            Severity::ScartoDocumento => "**",
            Severity::ScartoFornitura => "***",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that the control found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for programs: `marca.other_imprint`.
    pub code: String,
    /// What was found.
    pub text: String,
    /// Line of the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Character of the line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The element or attribute: `/ComunicazioneImpronta/Impronta/@algoritmo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Finding {
    /// Whether the file would be rejected for it.
    pub fn blocks(&self) -> bool {
        self.severity > Severity::Segnalazione
    }

    /// Where it is, in one line: `14:3 /ComunicazioneImpronta/Impronta`.
    pub fn place(&self) -> String {
        let position = match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            _ => String::new(),
        };
        let path = self.path.as_deref().unwrap_or_default();
        format!("{position} {path}").trim().to_owned()
    }
}

/// A problem and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) problem: Problem,
    /// Byte of the file.
    pub(crate) offset: Option<usize>,
    pub(crate) path: Option<String>,
}

impl Placed {
    pub(crate) fn nowhere(problem: Problem) -> Placed {
        Placed { problem, offset: None, path: None }
    }

    pub(crate) fn at(problem: Problem, offset: usize) -> Placed {
        Placed { problem, offset: Some(offset), path: None }
    }
}

/// Turns byte offsets into lines and columns.
pub(crate) struct Positions<'a> {
    bytes: &'a [u8],
    /// Where each line starts; made when first asked for.
    starts: Vec<usize>,
}

impl<'a> Positions<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Positions<'a> {
        Positions { bytes, starts: Vec::new() }
    }

    pub(crate) fn finding(&mut self, placed: Placed) -> Finding {
        let position = placed.offset.map(|offset| self.of(offset));
        Finding {
            severity: placed.problem.severity(),
            code: placed.problem.code(),
            text: placed.problem.to_string(),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            path: placed.path,
        }
    }

    /// Line and column, from 1; a column is a character, not a byte.
    fn of(&mut self, offset: usize) -> (u32, u32) {
        if self.starts.is_empty() {
            let ends = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            self.starts = std::iter::once(0).chain(ends.map(|(index, _)| index + 1)).collect();
        }
        let offset = offset.min(self.bytes.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        // Bytes that continue a character are not counted, nor is a byte-order mark.
        let skipped = if start == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { start };
        let before = self.bytes.get(skipped..offset).unwrap_or_default();
        let column = before.iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (narrow(line), narrow(column))
    }
}

/// What the control found in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// The file's name.
    pub file: String,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub length: u64,
    /// Which schema it was checked against.
    pub schema: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What was found, the worst first, then in the order of the file.
    pub findings: Vec<Finding>,
}

impl Diagnostic {
    /// What follows.
    pub fn outcome(&self) -> Outcome {
        match self.findings.iter().map(|finding| finding.severity).max() {
            None => Outcome::Clean,
            Some(Severity::Segnalazione) => Outcome::Noted,
            Some(Severity::ScartoDocumento | Severity::ScartoFornitura) => Outcome::Rejected,
        }
    }

    /// Whether nothing stands against sending it.
    pub fn is_clean(&self) -> bool {
        self.outcome() != Outcome::Rejected
    }

    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> u64 {
        self.findings.iter().filter(|finding| finding.severity == severity).count() as u64
    }
}

/// The outcome of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was found.
    Clean,
    /// Only what does not stop anything.
    Noted,
    /// It would be rejected.
    Rejected,
}
