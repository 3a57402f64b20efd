//! The wording of errors about files with keys: what does not open, and what holds other keys.

use ceralacca_kernel::Report;

use crate::error::{KeystoreError, MissingPart};
use crate::explain::unreachable_wording;

/// Explains an error about a file with keys.
pub(crate) fn explain(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let nothing = "nothing was changed";
    match error {
        E::WrongPassword { container, upper_case_tried } => Report::refused(
            "keystore.wrong_password",
            format!("the protection password does not open {container}"),
        )
        .expected("the password chosen when the environment was generated")
        .found(if *upper_case_tried {
            "refused as typed, and upper-cased"
        } else {
            "refused as typed"
        })
        .state(nothing)
        .next("type the password again; if it is lost, revoke and set up a new environment"),
        E::UnsupportedAlgorithm { container, algorithm, part } => Report::refused(
            "keystore.unsupported_algorithm",
            match part {
                MissingPart::Format => format!("{container} has a format that is not supported"),
                _ => format!("{container} uses an algorithm that is not supported"),
            },
        )
        .expected(match part {
            MissingPart::Encryption => {
                "AES, 3DES or RC2 as PKCS#12 files have it: PBES2 with PBKDF2, or PBE-SHA1"
            }
            MissingPart::Mac => "a MAC of the file with SHA-1, SHA-256, SHA-384 or SHA-512",
            MissingPart::Format => "PKCS#12, or JKS",
        })
        .found(algorithm.clone())
        .state(nothing)
        .next("export the keys again as PKCS#12 with the program that made the file"),
        E::TooCostly { container, iterations, limit } => Report::refused(
            "keystore.too_costly",
            format!("{container} asks for too much work to be opened"),
        )
        .expected(format!("at most {limit} iterations"))
        .found(format!("{iterations} iterations"))
        .state(nothing)
        .next("check where the file comes from"),
        E::TooLarge { container, limit } => {
            Report::refused("keystore.too_large", format!("{container} is too long"))
                .expected(format!("at most {limit} bytes"))
                .found("more than that")
                .state(nothing)
                .next("check that this is the right file")
        }
        other => explain_content(other),
    }
}

fn explain_content(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let nothing = "nothing was changed";
    match error {
        E::Malformed { container, reason } => {
            Report::refused("keystore.malformed", format!("{container} is damaged"))
                .expected("a whole, well-formed file")
                .found(reason.clone())
                .state(nothing)
                .next("restore the file from the copy of the environment")
        }
        E::MissingEntry { container, expected } => {
            Report::refused("keystore.missing_entry", format!("{container} lacks an entry"))
                .expected(expected.clone())
                .found("no such entry")
                .state(nothing)
                .next("restore the file from the copy of the environment")
        }
        E::KeyMismatch { container, key, certificate } => Report::refused(
            "keystore.key_mismatch",
            format!("the certificate in {container} is not of the private key beside it"),
        )
        .expected(format!("a certificate of key {key}"))
        .found(format!("a certificate of key {certificate}"))
        .state(nothing)
        .next("restore the file from the copy of the environment"),
        E::OtherKind { container, kind } => {
            Report::refused("keystore.malformed", format!("{container} is no PKCS#12 file"))
                .expected("a PKCS#12 file: binary, as the program that made it wrote it")
                .found(kind.clone())
                .state(nothing)
                .next("restore the file from the copy of the environment")
        }
        other => unreachable_wording(other),
    }
}
