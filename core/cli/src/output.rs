//! What people and programs read: tables, JSON, errors.

use std::io::{self, Write};

use ceralacca_kernel::Error;
use serde::Serialize;

/// Prints text on standard output. A reader that went away is not an error.
pub(crate) fn text(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end_matches('\n'));
}

/// Prints JSON on standard output.
pub(crate) fn json(value: &impl Serialize) {
    text(&serde_json::to_string_pretty(value).expect("results are plain data"));
}

/// Prints an error: text on standard error, or JSON on standard output.
pub(crate) fn error(error: &Error, as_json: bool) {
    if as_json {
        json(&serde_json::json!({ "error": error.report() }));
    } else {
        let _ = writeln!(io::stderr().lock(), "{error}");
    }
}

/// A table with a line of headings.
pub(crate) fn table(headings: &[&str], lines: &[Vec<String>]) -> String {
    let headings = headings.iter().map(|&heading| heading.to_owned()).collect();
    rows(&[&[headings], lines].concat())
}

/// Lines with aligned columns, two spaces apart.
pub(crate) fn rows(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |cells: &Vec<String>| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["1".into(), "avviata".into()], vec!["22".into(), "è qui".into()]];
        assert_eq!(table(&["Run", "Stato"], &rows), "Run  Stato\n1    avviata\n22   è qui");
    }
}
