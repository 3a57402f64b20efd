//! Text from outside, before it reaches a terminal or a page.

/// Whether a terminal or a page would obey this character instead of showing it: controls, and
/// Unicode's marks, embeddings, overrides and isolates of direction (UAX #9 §2).
pub fn is_obeyed(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    );
    turns || character.is_control()
}
