//! The wording of errors about the key that signs documents.

use ceralacca_kernel::Report;

use crate::error::KeystoreError;

/// Explains the three errors of a signer.
pub(crate) fn explain(error: &KeystoreError) -> Report {
    let report = match error {
        KeystoreError::SignerNotChosen { file, several, aliases } => {
            Report::usage("signer.not_chosen", format!("it is not clear which key of {file} signs"))
                .expected("one key whose certificate allows signatures, or an alias that names one")
                .found(match (several, aliases.is_empty()) {
                    (true, _) => format!("several: {}", aliases.join(", ")),
                    (false, true) => "no key".to_owned(),
                    (false, false) => format!("none among {}", aliases.join(", ")),
                })
                .next("name the alias: keystore::open_pkcs12(path, password, alias)")
        }
        KeystoreError::PinInUri { attribute } => {
            Report::usage("signer.pin_in_uri", "the name of a key has a PIN in it")
                .expected("a name such as pkcs11:serial=…;id=%01; the PIN is asked for")
                .found(format!("{attribute}=…"))
                .next("leave it out; if the shell keeps what is typed, change the PIN")
        }
        KeystoreError::NoDevice { scheme, schemes } => {
            Report::usage("signer.no_device", format!("no plugin finds keys named {scheme}:…"))
                .expected(match schemes.as_slice() {
                    [] => "a PKCS#12 file, or an installed plugin that signs".to_owned(),
                    schemes => format!("a PKCS#12 file, or {}:…", schemes.join(":…, ")),
                })
                .found(format!("{scheme}:…"))
                .next("ceralacca plugin list; ceralacca plugin install FILE")
        }
        KeystoreError::SignerChanged { file, expected, found } => Report::refused(
            "signer.changed",
            format!("{file} no longer holds the signer that this run began with"),
        )
        .expected(expected)
        .found(found.join("; "))
        .next("put the first file back, then ceralacca resume"),
        KeystoreError::SignerNotValid { subject, serial, not_before, not_after, at } => {
            Report::refused("signer.not_valid", "the signer's certificate is not valid now")
                .expected(format!("valid at {at}"))
                .found(format!("{subject}, serial {serial}: from {not_before} to {not_after}"))
                .next("sign with a certificate that is valid")
        }
        _ => unreachable!("explained elsewhere"),
    };
    report.state("nothing was signed or sent")
}
