//! The wording of every error of this crate: code, headline, expected against found, state, next.

use std::fmt;

use ceralacca_kernel::{Explain, Report};

use crate::IdentityError;
use crate::secrets::called;

impl Explain for IdentityError {
    fn explain(&self) -> Report {
        use IdentityError::*;
        match self {
            Sede { .. } | AccountForm => explain_account(self),
            SecretTooShort { .. }
            | SecretTooLong { .. }
            | PincodeLength { .. }
            | SecretCharacter { .. }
            | PasswordWithoutLetter
            | PasswordWithoutDigit => explain_secret(self),
            SummaryNotSaved { path, system } => {
                Report::refused("prompt.summary_not_saved", format!("{path} could not be saved"))
                    .found(system)
                    .state("it was shown, and nothing was sent by this step")
                    .next("free or open the folder, then run ceralacca resume")
            }
            _ => explain_codice_fiscale(self),
        }
    }
}

/// In one line, for the place inside a larger value where it is met.
impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.explain();
        f.write_str(&report.headline)?;
        match (report.expected, report.found) {
            (Some(expected), Some(found)) => write!(f, " (expected {expected}, found {found})"),
            _ => Ok(()),
        }
    }
}

fn explain_codice_fiscale(error: &IdentityError) -> Report {
    use IdentityError::*;
    let wrong = |code: &str, what: &str| {
        Report::usage(code, format!("the codice fiscale {what}"))
            .state(NOTHING)
            .next("copy the codice fiscale again from the tessera or the visura")
    };
    match error {
        CodiceFiscaleLength { length } => {
            wrong("identity.codice_fiscale_length", "has the wrong length")
                .expected("16 characters, or 11 digits for a company")
                .found(format!("{length} characters"))
        }
        CodiceFiscaleCharacter { position, found, digit } => {
            let expected = if *digit { "a digit" } else { "a letter A–Z" };
            wrong("identity.codice_fiscale_characters", "has a character that cannot be there")
                .expected(format!("{expected} in position {position}"))
                .found(format!("{found:?}"))
        }
        CodiceFiscaleMonth { found } => wrong("identity.codice_fiscale_month", "has no month")
            .expected("one of A B C D E H L M P R S T in position 9")
            .found(found.to_string()),
        CodiceFiscaleDay { found } => wrong("identity.codice_fiscale_day", "has no day of birth")
            .expected("01–31, or 41–71 for women, in positions 10 and 11")
            .found(format!("{found:02}")),
        CodiceFiscaleCheckLetter { expected, found } => {
            wrong("identity.codice_fiscale_check_letter", "does not agree with its check letter")
                .expected(format!("{expected} in position 16"))
                .found(found.to_string())
        }
        CodiceFiscaleCheckDigit { expected, found } => {
            wrong("identity.codice_fiscale_check_digit", "does not agree with its check digit")
                .expected(format!("{expected} in position 11"))
                .found(found.to_string())
        }
        _ => wrong("identity.codice_fiscale_all_zeros", "is all zeros")
            .expected("the codice fiscale of somebody")
            .found("eleven zeros"),
    }
}

fn explain_account(error: &IdentityError) -> Report {
    match error {
        IdentityError::Sede { length } => {
            Report::usage("identity.sede", "the progressivo sede is not three digits")
                .expected("3 digits, 000 for the main one")
                .found(format!("{length} characters that are not that"))
                .state(NOTHING)
                .next("give the sede with its zeros, for example 000")
        }
        _ => Report::usage("identity.account_form", "an account has a codice fiscale and a sede")
            .expected("both with / between them, for example RSSMRA85M01H501Q/000")
            .found("no separator")
            .state(NOTHING)
            .next("add / and the three digits of the sede"),
    }
}

fn explain_secret(error: &IdentityError) -> Report {
    use IdentityError::*;
    let wrong = |code: &str, headline: String| {
        Report::usage(code, headline)
            .state("it was not kept, and nothing was sent")
            .next("ceralacca resume, and give it again")
    };
    match error {
        SecretTooShort { secret, least, length } => {
            wrong("secret.too_short", format!("{} is too short", called(secret)))
                .expected(format!("at least {least} characters"))
                .found(format!("{length}"))
        }
        SecretTooLong { secret, most, length } => {
            wrong("secret.too_long", format!("{} is too long", called(secret)))
                .expected(format!("at most {most} characters"))
                .found(format!("{length}"))
        }
        PincodeLength { length } => wrong(
            "secret.pincode_length",
            "the pincode is not the 16 and 4 characters of the busta".to_owned(),
        )
        .expected("20 characters: the field of 16, then the field of 4")
        .found(format!("{length} characters")),
        SecretCharacter { secret, position, allowed } => wrong(
            "secret.characters",
            format!("{} has a character that is not allowed", called(secret)),
        )
        .expected(*allowed)
        .found(format!("something else in position {position}")),
        PasswordWithoutLetter => wrong("secret.no_letter", "the password has no letter".to_owned())
            .expected("at least one unaccented letter and one digit")
            .found("no letter"),
        _ => wrong("secret.no_digit", "the password has no digit".to_owned())
            .expected("at least one unaccented letter and one digit")
            .found("no digit"),
    }
}

const NOTHING: &str = "nothing was done with it, and nothing was sent";
