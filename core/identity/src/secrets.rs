//! The rules of the secrets: four that the Agency's guide keeps apart, and those around them.
//!
//! What was typed is what is used, but for the pincode: it stands in two fields, so that a space or a
//! hyphen between them is no part of it.

use ceralacca_kernel::{Error, Secret, SecretRule};

use crate::IdentityError;

/// Every kind of secret of this crate.
pub fn secret_rules() -> Vec<SecretRule> {
    let mut rules = guide_rules();
    rules.extend(other_rules());
    rules
}

/// The four of the guide, and the password of environments that were made before.
fn guide_rules() -> Vec<SecretRule> {
    vec![
        SecretRule {
            name: PINCODE,
            label: "Pincode",
            rule: "20 letters and digits: the field of 16, then the field of 4",
            chosen: false,
            read: |secret| Ok(read_pincode(&secret)?),
        },
        SecretRule {
            name: PIN_DI_REVOCA,
            label: "PIN di revoca",
            rule: "15 to 20 unaccented letters or digits, of your choice; needed to revoke",
            chosen: true,
            read: |secret| Ok(check_pin_di_revoca(secret.expose()).map(|()| secret)?),
        },
        SecretRule {
            name: PIN_DI_REVOCA_ESISTENTE,
            label: "PIN di revoca dell'ambiente da revocare",
            rule: "as it was chosen with the request: 15 to 20 letters or digits",
            chosen: false,
            read: |secret| Ok(check_pin_di_revoca(secret.expose()).map(|()| secret)?),
        },
        SecretRule {
            name: PASSWORD,
            label: "Password di protezione",
            rule: "8 to 15 unaccented letters and digits, at least one of each, of your choice",
            chosen: true,
            read: |secret| Ok(check_new_password(secret.expose()).map(|()| secret)?),
        },
        SecretRule {
            name: PASSWORD_ESISTENTE,
            label: "Password di protezione dell'ambiente esistente",
            rule: "as it was chosen: 1 to 20 characters",
            chosen: false,
            read: |secret| check_printable(PASSWORD_ESISTENTE, secret, 20),
        },
        SecretRule {
            name: PASSWORD_PRECEDENTE,
            label: "Password di protezione dell'ambiente precedente",
            rule: "as it was chosen: 1 to 20 characters",
            chosen: false,
            read: |secret| check_printable(PASSWORD_PRECEDENTE, secret, 20),
        },
    ]
}

/// Those that somebody else has given out or chosen.
fn other_rules() -> Vec<SecretRule> {
    vec![
        // The rules of the portal's own keys are not public: only what cannot be meant is refused.
        SecretRule {
            name: PORTAL_PASSWORD,
            label: "Password del portale",
            rule: "as the portal knows it",
            chosen: false,
            read: |secret| check_printable(PORTAL_PASSWORD, secret, 100),
        },
        SecretRule {
            name: CODICE_PIN,
            label: "Codice Pin del portale",
            rule: "as the portal knows it: 1 to 20 characters",
            chosen: false,
            read: |secret| check_printable(CODICE_PIN, secret, 20),
        },
        SecretRule {
            name: PROXY_PASSWORD,
            label: "Password del proxy",
            rule: "as the proxy knows it",
            chosen: false,
            read: |secret| check_printable(PROXY_PASSWORD, secret, 255),
        },
        SecretRule {
            name: SIGNER_PASSWORD,
            label: "Password del file di firma",
            rule: "as the PKCS#12 file of the signer knows it",
            chosen: false,
            read: |secret| check_printable(SIGNER_PASSWORD, secret, 255),
        },
        SecretRule {
            name: TSA_PASSWORD,
            label: "Password del servizio di marcatura temporale",
            rule: "as the timestamping service knows it",
            chosen: false,
            read: |secret| check_printable(TSA_PASSWORD, secret, 255),
        },
    ]
}

/// What an error calls a kind of secret.
pub(crate) fn called(secret: &str) -> &'static str {
    match secret {
        PINCODE => "the pincode",
        PIN_DI_REVOCA => "the PIN di revoca",
        PASSWORD | PASSWORD_ESISTENTE | PASSWORD_PRECEDENTE => "the password",
        PORTAL_PASSWORD => "the portal's password",
        CODICE_PIN => "the Codice Pin",
        SIGNER_PASSWORD => "the signer's password",
        TSA_PASSWORD => "the timestamping service's password",
        _ => "the proxy's password",
    }
}

/// 16 and 4 characters, section 3 of the credentials sheet.
fn read_pincode(typed: &Secret) -> Result<Secret, IdentityError> {
    let typed = typed.expose().trim();
    let fields = typed.split_once([' ', '-']).filter(|(first, _)| first.chars().count() == 16);
    let pincode = match fields {
        Some((first, last)) => Secret::new(format!("{first}{last}")),
        None => Secret::new(typed),
    };
    let length = pincode.expose().chars().count();
    if length != 20 {
        return Err(IdentityError::PincodeLength { length });
    }
    only_letters_and_digits(PINCODE, pincode.expose())?;
    Ok(pincode)
}

fn check_pin_di_revoca(text: &str) -> Result<(), IdentityError> {
    check_length(PIN_DI_REVOCA, text, 15, 20)?;
    only_letters_and_digits(PIN_DI_REVOCA, text)
}

/// The guides contradict each other on the longest password, 15 or 20: a new one has at most 15.
fn check_new_password(text: &str) -> Result<(), IdentityError> {
    check_length(PASSWORD, text, 8, 15)?;
    only_letters_and_digits(PASSWORD, text)?;
    if !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Err(IdentityError::PasswordWithoutLetter);
    }
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(IdentityError::PasswordWithoutDigit);
    }
    Ok(())
}

fn check_printable(kind: &'static str, secret: Secret, most: usize) -> Result<Secret, Error> {
    let text = secret.expose();
    check_length(kind, text, 1, most)?;
    require(kind, text, "no control characters", |character| !character.is_control())?;
    Ok(secret)
}

fn check_length(
    secret: &'static str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<(), IdentityError> {
    let length = text.chars().count();
    if length < least {
        return Err(IdentityError::SecretTooShort { secret, least, length });
    }
    if length > most {
        return Err(IdentityError::SecretTooLong { secret, most, length });
    }
    Ok(())
}

fn only_letters_and_digits(secret: &'static str, text: &str) -> Result<(), IdentityError> {
    require(secret, text, "unaccented letters and digits", |character| {
        character.is_ascii_alphanumeric()
    })
}

fn require(
    secret: &'static str,
    text: &str,
    allowed: &'static str,
    fits: impl Fn(char) -> bool,
) -> Result<(), IdentityError> {
    match text.chars().position(|character| !fits(character)) {
        Some(index) => Err(IdentityError::SecretCharacter { secret, position: index + 1, allowed }),
        None => Ok(()),
    }
}

const PINCODE: &str = "pincode";
const PIN_DI_REVOCA: &str = "pin_di_revoca";
const PIN_DI_REVOCA_ESISTENTE: &str = "pin_di_revoca_esistente";
const PASSWORD: &str = "password";
const PASSWORD_ESISTENTE: &str = "password_esistente";
const PASSWORD_PRECEDENTE: &str = "password_precedente";
const PORTAL_PASSWORD: &str = "portal_password";
const CODICE_PIN: &str = "codice_pin";
const PROXY_PASSWORD: &str = "proxy_password";
const SIGNER_PASSWORD: &str = "signer_password";
const TSA_PASSWORD: &str = "tsa_password";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, text: &str) -> Result<(), Error> {
        let rules = secret_rules();
        let rule = rules.iter().find(|rule| rule.name == kind).unwrap();
        (rule.read)(Secret::new(text)).map(drop)
    }

    #[test]
    fn each_rule_has_its_error() {
        for (kind, text, code) in [
            ("pincode", "AB12CD34EF56GH78IJ9", "secret.pincode_length"),
            ("pincode", "AB12CD34 EF56GH78IJ90", "secret.pincode_length"),
            ("pincode", "AB12CD34EF56GH78_J90", "secret.characters"),
            ("pin_di_revoca", "ABCDEF12345678", "secret.too_short"),
            ("pin_di_revoca", "ABCDEF123456789012345", "secret.too_long"),
            ("pin_di_revoca", "ABCDEF12345678è", "secret.characters"),
            ("password", "abc1234", "secret.too_short"),
            ("password", "abcdefgh12345678", "secret.too_long"),
            ("password", "12345678", "secret.no_letter"),
            ("password", "abcdefgh", "secret.no_digit"),
            ("password", "abcd_1234", "secret.characters"),
            ("password_esistente", "", "secret.too_short"),
            ("password_esistente", "abcdefghijklmnopqrstu", "secret.too_long"),
            ("password_precedente", "abcdefghijklmnopqrstu", "secret.too_long"),
            ("codice_pin", "1234\n", "secret.characters"),
        ] {
            let error = check(kind, text).unwrap_err();
            assert_eq!(error.code(), code, "{kind}");
            let shown = format!("{error} {error:?}");
            assert!(text.is_empty() || !shown.contains(text), "{kind}: {shown}");
        }
    }

    #[test]
    fn the_fields_of_the_pincode_may_stand_apart() {
        for typed in ["AB12CD34EF56GH78IJ90", "AB12CD34EF56GH78 IJ90", " AB12CD34EF56GH78-IJ90 "] {
            let read = read_pincode(&Secret::new(typed)).unwrap();
            assert_eq!(read.expose(), "AB12CD34EF56GH78IJ90");
        }
    }

    #[test]
    fn what_fits_is_accepted() {
        for (kind, text) in [
            ("pincode", "AB12CD34EF56GH78IJ90"),
            ("pin_di_revoca", "123456789012345"),
            ("pin_di_revoca", "abcdefghijABCDEFGHIJ"),
            ("password", "abcdefg1"),
            ("password", "ABCDEFGHIJKLMN1"),
            ("password_esistente", "con spazi & segni 20"),
            ("password_precedente", "1"),
            ("portal_password", "p@ss"),
            ("codice_pin", "1234567890"),
            ("proxy_password", "segreto"),
            ("signer_password", "con spazi"),
            ("tsa_password", "segreto"),
        ] {
            check(kind, text).unwrap();
        }
    }
}
