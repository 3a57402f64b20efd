//! "Did you mean": the nearest of a few known names.

use strsim::osa_distance;

/// The known name nearest to `word`, if one is near enough to be a slip of the keyboard.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let compared = |text: &str| text.to_lowercase().chars().take(COMPARED).collect::<String>();
    let word = compared(word);
    let allowed = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (osa_distance(&word, &compared(name)), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Characters of a name that are compared: the time grows with their square.
const COMPARED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["environment", "agency", "prompt"];
        assert_eq!(did_you_mean("enviroment", known), Some("environment"));
        assert_eq!(did_you_mean("agnecy", known), Some("agency"));
        assert_eq!(did_you_mean("AGENYC", known), Some("agency"));
        assert_eq!(did_you_mean("timestamp", known), None);
        assert_eq!(did_you_mean(&"timestamp".repeat(100_000), known), None);
    }
}
