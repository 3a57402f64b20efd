//! Golden files: what was printed, with what differs from run to run replaced by a name.
//!
//! `UPDATE_GOLDEN=1 cargo test` rewrites them; the diff is the review.

use std::fs;
use std::path::Path;

/// Compares `text` with the golden file, or rewrites the file.
pub fn check(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|_| {
        panic!("{} is missing; UPDATE_GOLDEN=1 writes it:\n{text}", path.display())
    });
    assert_eq!(text, golden, "{}; UPDATE_GOLDEN=1 rewrites it", path.display());
}

/// Replaces what differs from run to run: given texts first, then times and digests.
pub fn steady(text: &str, replace: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (found, name) in replace {
        if !found.is_empty() {
            text = text.replace(found, name);
        }
    }
    words(&text)
}

/// Times, digests, serial numbers and protocols become `TIME`, `HEX` and `NUMBER`.
fn words(text: &str) -> String {
    let mut steady = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || matches!(character, '-' | ':' | '.' | '+') {
            word.push(character);
            continue;
        }
        steady.push_str(&name(&word));
        word.clear();
        steady.push(character);
    }
    steady.pop();
    steady
}

fn name(word: &str) -> String {
    let bare = word.trim_end_matches([':', '.']);
    let rest = &word[bare.len()..];
    let hexadecimal = bare.len() >= 16
        && bare.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
        && bare.chars().any(|c| c.is_ascii_digit());
    let time = bare.len() >= 20 && bare.get(4..5) == Some("-") && bare.get(10..11) == Some("T");
    let number = bare.len() >= 10 && bare.chars().all(|c| c.is_ascii_digit());
    let steady = match (time, number, hexadecimal) {
        (true, _, _) => "TIME",
        (_, true, _) => "NUMBER",
        (_, _, true) => "HEX",
        _ => return word.to_owned(),
    };
    format!("{steady}{rest}")
}
