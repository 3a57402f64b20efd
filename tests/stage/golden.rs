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
    words(&replaced(text, replace), &mut |_, name| name.to_owned())
}

/// As [`steady`], but digests and numbers that differ keep different names: `HEX-1`, `HEX-2`. The
/// beginning of a digest has the name of the whole.
pub fn identified(text: &str, replace: &[(&str, &str)]) -> String {
    let text = replaced(text, replace);
    let mut all: Vec<String> = Vec::new();
    words(&text, &mut |found, name| {
        all.push(plain(found));
        name.to_owned()
    });
    let mut known: Vec<String> = Vec::new();
    words(&text, &mut |found, name| {
        let found = plain(found);
        let longest = all.iter().filter(|one| one.starts_with(&found)).max_by_key(|one| one.len());
        let whole = longest.cloned().unwrap_or(found);
        let place = known.iter().position(|one| *one == whole).unwrap_or_else(|| {
            known.push(whole);
            known.len() - 1
        });
        format!("{name}-{}", place + 1)
    })
}

fn replaced(text: &str, replace: &[(&str, &str)]) -> String {
    let given = replace.iter().filter(|(found, _)| !found.is_empty());
    given.fold(text.to_owned(), |text, (found, name)| text.replace(found, name))
}

/// A digest however it is written.
fn plain(digest: &str) -> String {
    digest.replace(':', "").to_lowercase()
}

/// Times become `TIME`; digests, serial numbers and protocolli what `call` makes of them and of
/// `HEX` or `NUMBER`.
fn words(text: &str, call: &mut dyn FnMut(&str, &str) -> String) -> String {
    let mut steady = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || matches!(character, '-' | ':' | '.' | '+') {
            word.push(character);
            continue;
        }
        steady.push_str(&name(&word, call));
        word.clear();
        steady.push(character);
    }
    steady.pop();
    steady
}

fn name(word: &str, call: &mut dyn FnMut(&str, &str) -> String) -> String {
    let bare = word.trim_end_matches([':', '.']);
    if bare.len() >= 20 && bare.get(4..5) == Some("-") && bare.get(10..11) == Some("T") {
        return format!("TIME{}", &word[bare.len()..]);
    }
    // A file is named by its protocollo, or by that and more.
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let named_by_it = digits == 17 && word[17..].starts_with(['-', '.']);
    let bare = if named_by_it { &word[..17] } else { bare };
    let hexadecimal = bare.len() >= 16
        && bare.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
        && bare.chars().any(|c| c.is_ascii_digit());
    let number = bare.chars().all(|c| c.is_ascii_digit()) && (10..=17).contains(&bare.len());
    // The beginning of a digest has sixteen characters, and may have no letter.
    let named = match (number && bare.len() != 16, hexadecimal) {
        (true, _) => call(bare, "NUMBER"),
        (_, true) => call(bare, "HEX"),
        _ => return word.to_owned(),
    };
    format!("{named}{}", &word[bare.len()..])
}
