//! Days as people type them.

use ceralacca_kernel::Error;
use jiff::civil::Date;

use crate::error::CliError;

/// Reads a day, `2026-11-20` or, as the tables show it, `20/11/2026`.
///
/// # Errors
/// `input.day`.
pub(super) fn day(text: &str) -> Result<Date, Error> {
    let typed = text.trim();
    let italian = || Date::strptime("%d/%m/%Y", typed);
    typed.parse().or_else(|_| italian()).map_err(|_| CliError::Day { text: text.to_owned() }.into())
}

/// Two days that begin and end something.
///
/// # Errors
/// `input.day`, or `input.days_reversed` when the last is before the first.
pub(super) fn days(
    dal: Option<&str>,
    al: Option<&str>,
) -> Result<(Option<Date>, Option<Date>), Error> {
    let (dal, al) = (dal.map(day).transpose()?, al.map(day).transpose()?);
    match (dal, al) {
        (Some(first), Some(last)) if last < first => {
            Err(CliError::DaysReversed { dal: first, al: last }.into())
        }
        both => Ok(both),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_days_have_an_order() {
        let expected: Date = "2026-11-20".parse().unwrap();
        for text in ["2026-11-20", " 20/11/2026 "] {
            assert_eq!(day(text).unwrap(), expected);
        }
        for text in ["20-11-2026", "11/20/2026", "31/02/2026", "oggi", "", "20/11/26 10:00"] {
            assert_eq!(day(text).unwrap_err().code(), "input.day", "{text}");
        }
        assert!(days(Some("20/11/2026"), Some("2026-11-20")).is_ok());
        assert!(days(None, Some("2026-11-20")).is_ok());
        let reversed = days(Some("21/11/2026"), Some("2026-11-20")).unwrap_err();
        assert_eq!(reversed.code(), "input.days_reversed");
    }
}
