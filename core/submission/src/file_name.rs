//! Names of files that come from outside or go there.

/// Whether a text is a file name and nothing else: no path, not hidden, nothing forbidden.
pub fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with(['.', ' '])
        && !name.ends_with(['.', ' '])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || " ._-()".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        for good in ["req.ccc", "CERTIF.IN", "file (1).txt"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in ["", "..", ".x", "a/b", "a\\b", "c:", "x\0", "é", "x.", "x\n"] {
            assert!(!is_file_name(bad), "{bad}");
        }
        assert!(!is_file_name(&"x".repeat(101)));
    }
}
