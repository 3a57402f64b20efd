//! What people and programs read: tables, JSON, errors.

use std::io::{self, Write};

use ceralacca_kernel::{Error, is_obeyed};
use ceralacca_submission::printable;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// Prints text on standard output, with nothing in it that a terminal would obey. A reader that went
/// away is not an error.
pub(crate) fn text(text: &str) {
    write(&shown(text));
}

/// Prints JSON on standard output; what a terminal would obey is escaped.
pub(crate) fn json(value: &impl Serialize) {
    write(&escaped(&serde_json::to_string_pretty(value).expect("results are plain data")));
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end_matches('\n'));
}

/// Lines and tabs stay.
fn shown(text: &str) -> String {
    let obeyed = |c: char| is_obeyed(c) && c != '\n' && c != '\t';
    text.chars().map(|c| if obeyed(c) { ' ' } else { c }).collect()
}

/// Outside its texts JSON has no characters that are obeyed but the ends of lines.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_obeyed(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Prints an error: text on standard error, or JSON on standard output.
pub(crate) fn error(error: &Error, as_json: bool) {
    if as_json {
        json(&serde_json::json!({ "error": error.report() }));
    } else {
        let _ = writeln!(io::stderr().lock(), "{}", shown(&error.to_string()));
    }
}

/// A table with a line of headings.
pub(crate) fn table(headings: &[&str], lines: &[Vec<String>]) -> String {
    let headings = headings.iter().map(|&heading| heading.to_owned()).collect();
    rows(&[&[headings], lines].concat())
}

/// Lines with aligned columns, two spaces apart. A cell is one line, whatever is in it.
pub(crate) fn rows(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    // Names and values may be long; where there are many columns, one must not push the others away.
    let limit = if columns > 2 { 200 } else { 1000 };
    let cells = |line: &Vec<String>| line.iter().map(|cell| printable(cell, limit)).collect();
    let lines: Vec<Vec<String>> = lines.iter().map(cells).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |cells: &Vec<String>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| {
            // Terminals count columns; `format!` counts characters.
            format!("{cell}{}", " ".repeat(width - cell.width()))
        });
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

    #[test]
    fn marks_take_no_column_and_wide_letters_take_two() {
        let row = |text: &str| vec![text.to_owned(), "x".to_owned()];
        let rows = [row("Nicolo\u{300}"), row("Niccolò"), row("山田"), row("e\u{301}e\u{301}")];
        let shown = table(&["Nome", ""], &rows);
        assert_eq!(
            shown,
            "Nome\nNicolo\u{300}   x\nNiccolò  x\n山田     x\ne\u{301}e\u{301}       x"
        );
    }

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        let hostile = "uno\ndue\u{202e}\u{9b}31m\u{1b}]0;pwned\u{7}";
        let shown_row = table(&["A", "B", "C"], &[vec![hostile.into(), "b".into(), "c".into()]]);
        assert_eq!(shown_row.lines().count(), 2, "{shown_row}");
        assert!(!shown_row.chars().any(|c| is_obeyed(c) && c != '\n'), "{shown_row:?}");
        let long = table(&["A", "B", "C"], &[vec!["x".repeat(5000), "b".into(), "c".into()]]);
        assert!(long.lines().all(|line| line.chars().count() < 300));
        assert_eq!(shown(hostile).matches('\n').count(), 1);
        assert!(!shown(hostile).contains(['\u{1b}', '\u{202e}', '\u{9b}']));
        // The whole is in JSON, and reads back the same.
        let json = escaped(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert!(!json.chars().any(|c| is_obeyed(c) && c != '\n'), "{json:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [hostile]);
    }
}
