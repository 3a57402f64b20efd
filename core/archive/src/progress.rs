//! How far an index has come, in words.

use std::time::Duration;

/// How far an index has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Documents done.
    pub documents: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// Documents and bytes in all, once they have been counted.
    pub total: Option<(u64, u64)>,
}

impl Progress {
    /// `120.000 of 1.000.000 documents, 3,2 GB, 410 MB/s, 12 s left`, given the time since the
    /// start.
    ///
    /// Nothing is said of what is left before everything was counted.
    pub fn text(&self, elapsed: Duration) -> String {
        let mut text = thousands(self.documents);
        if let Some((documents, _)) = self.total {
            text.push_str(&format!(" of {}", thousands(documents)));
        }
        text.push_str(&format!(" documents, {}", size(self.bytes)));
        let seconds = elapsed.as_secs_f64();
        if seconds < 1.0 {
            return text;
        }
        text.push_str(&format!(", {}/s", size((self.bytes as f64 / seconds) as u64)));
        if let Some(left) = self.seconds_left(seconds).filter(|left| *left > 0) {
            text.push_str(&format!(", {} left", span(left)));
        }
        text
    }

    /// How much of it is done, of 1000, by documents or by bytes, whichever is less.
    pub fn thousandths(&self) -> Option<u64> {
        let (documents, bytes) = self.total?;
        let part = |done: u64, all: u64| match all {
            0 => 1000,
            all => (u128::from(done) * 1000 / u128::from(all)).min(1000) as u64,
        };
        Some(part(self.documents, documents).min(part(self.bytes, bytes)))
    }

    /// By documents or by bytes, whichever is slower: small documents cost time, large ones bytes.
    fn seconds_left(&self, seconds: f64) -> Option<u64> {
        let (documents, bytes) = self.total?;
        let left = |done: u64, all: u64| {
            if done == 0 { 0.0 } else { all.saturating_sub(done) as f64 * seconds / done as f64 }
        };
        if self.documents == 0 && self.bytes == 0 {
            return None;
        }
        let longest = left(self.documents, documents).max(left(self.bytes, bytes));
        Some(longest.ceil() as u64)
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) if bytes >= 100 * unit => format!("{} {name}", bytes / unit),
        Some((name, unit)) => {
            let tenths = bytes / (unit / 10);
            format!("{},{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_in_words() {
        let mut progress = Progress { documents: 120_000, bytes: 3_280_000_000, total: None };
        let text = |progress: &Progress, seconds| progress.text(Duration::from_secs(seconds));
        assert_eq!(text(&progress, 0), "120.000 documents, 3,2 GB");
        assert_eq!(text(&progress, 8), "120.000 documents, 3,2 GB, 410 MB/s");
        progress.total = Some((1_000_000, 6_560_000_000));
        assert_eq!(
            text(&progress, 8),
            "120.000 of 1.000.000 documents, 3,2 GB, 410 MB/s, 59 s left"
        );
        assert_eq!(progress.thousandths(), Some(120));
        progress.total = Some((120_000, 3_280_000_000));
        assert_eq!(text(&progress, 8), "120.000 of 120.000 documents, 3,2 GB, 410 MB/s");
        assert_eq!(progress.thousandths(), Some(1000));
        progress.total = Some((120_001, 3_280_000_000_000));
        assert!(text(&progress, 8).ends_with("2 h 13 min left"));
        let none = Progress { total: Some((5, 5)), ..Progress::default() };
        assert_eq!(text(&none, 2), "0 of 5 documents, 0 B, 0 B/s");
        assert_eq!((thousands(999), thousands(1_000)), ("999".into(), "1.000".into()));
        assert_eq!((size(999), size(1_050)), ("999 B".into(), "1,0 kB".into()));
        assert_eq!(span(61), "1 min 1 s");
    }
}
