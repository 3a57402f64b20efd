//! The diagnostic of a control, as text for people and as JSON for programs.

use std::fmt::Write;

use crate::problem_text::quoted;
use crate::{Diagnostic, Outcome, Severity};

impl Diagnostic {
    /// The text of a `.dgn`. UNVERIFIED: the Agency's own form is not public, this one is ours.
    pub fn to_text(&self) -> String {
        let counts: Vec<String> =
            [Severity::ScartoFornitura, Severity::ScartoDocumento, Severity::Segnalazione]
                .into_iter()
                .map(|severity| format!("{} {severity}", self.count(severity)))
                .collect();
        let mut text = String::from(HEADER);
        let mut line = |label: &str, content: &str| {
            writeln!(text, "  {label:<10} {content}").expect("a string takes everything");
        };
        line("File", &quoted(&self.file, 200));
        line("SHA-256", &self.sha256);
        line("Bytes", &self.length.to_string());
        line("Schema", &quoted(&self.schema, 400));
        line("Controlled", &self.at.to_string());
        line("Outcome", &format!("{} ({})", words(self.outcome()), counts.join(", ")));
        for finding in &self.findings {
            let place = finding.place();
            let place = if place.is_empty() { "the whole file" } else { &place };
            write!(
                text,
                "\n  {:<3}  {place}\n       {} [{}]\n",
                finding.severity, finding.text, finding.code
            )
            .expect("a string takes everything");
        }
        text
    }

    /// The same as JSON.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a diagnostic is plain data");
        json.push('\n');
        json
    }
}

const HEADER: &str = "\
DIAGNOSTICO DEL CONTROLLO
UNVERIFIED: control and diagnostic are ceralacca's own; those of the Agency are not public.
*** the whole file would be rejected, ** the document would be rejected, * does not stop anything

";

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Clean => "CLEAN: nothing was found",
        Outcome::Noted => "CLEAN, with something to know",
        Outcome::Rejected => "REJECTED: there is no checked file",
    }
}
