//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::error::{DiskCondition, DiskError, KeystoreError};

impl Explain for KeystoreError {
    fn explain(&self) -> Report {
        use KeystoreError as E;
        match self {
            E::Disk(disk) => explain_disk(disk),
            E::PolicyInvalid { source, reason } => explain_policy(source, reason),
            E::WrongPassword { .. }
            | E::UnsupportedAlgorithm { .. }
            | E::TooCostly { .. }
            | E::TooLarge { .. }
            | E::OtherKind { .. }
            | E::Malformed { .. }
            | E::MissingEntry { .. }
            | E::KeyMismatch { .. } => crate::explain_container::explain(self),
            E::SignerNotChosen { .. }
            | E::SignerChanged { .. }
            | E::SignerNotValid { .. }
            | E::NoDevice { .. }
            | E::PinInUri { .. } => crate::explain_signer::explain(self),
            E::KeyGeneration
            | E::KeyRejected { .. }
            | E::Signing
            | E::Encoding { .. }
            | E::CertificateMalformed { .. } => explain_key(self),
            E::RequestCaUnusable { .. }
            | E::RequestSubject { .. }
            | E::RequestOtherSubject { .. }
            | E::RequestMalformed { .. }
            | E::RequestKeySize { .. }
            | E::RequestUndecryptable
            | E::RequestSignature { .. } => explain_request(self),
            E::CertifInTruncated { .. }
            | E::CertifInPem { .. }
            | E::CertifInTrailingBytes { .. }
            | E::CertifInMalformed { .. }
            | E::CertifInTooLarge { .. } => explain_certif_in_bytes(self),
            _ => explain_certif_in(self),
        }
    }
}

fn explain_disk(disk: &DiskError) -> Report {
    let named = |what: &str| format!("{} {what} while {} it", disk.path, disk.doing);
    let report = match disk.condition {
        DiskCondition::ReadOnly => {
            Report::refused("environment.disk_read_only", named("is on a read-only medium"))
                .expected("a medium that can be written to")
                .next("make the medium writable, then ceralacca resume")
        }
        DiskCondition::Full => {
            Report::refused("environment.disk_full", named("does not fit on the disk"))
                .expected("some free space")
                .next("free some space, then ceralacca resume")
        }
        DiskCondition::Permission => {
            Report::refused("environment.disk_permission", named("may not be used by this user"))
                .expected("a folder that this user may read and write")
                .next("give this user access to the folder, then ceralacca resume")
        }
        DiskCondition::Missing => {
            Report::refused("environment.disk_missing", named("is not there"))
                .expected("a file or folder of that name")
                .next(
                    "insert the medium or correct the folder, then ceralacca resume; if the medium \
                     is lost, ceralacca run recover_environment chiave_persa=yes",
                )
        }
        DiskCondition::Exists => {
            Report::refused("environment.disk_exists", named("is already there"))
                .expected("no file of that name, or the same one")
                .next("move that file away if it is not needed, then ceralacca resume")
        }
        DiskCondition::NotAFile => {
            Report::refused("environment.disk_not_a_file", format!("{} is no file", disk.path))
                .expected("a regular file")
                .next("move it away and put the file itself there, then ceralacca resume")
        }
        DiskCondition::Other => {
            Report::refused("environment.disk_failure", named("could not be used"))
                .expected("a disk that works")
                .next("check the disk, then ceralacca resume")
        }
    };
    report.found(disk.system.clone()).state(disk.on_disk.clone())
}

fn explain_policy(source: &str, reason: &str) -> Report {
    Report::usage("policy.invalid", format!("the rules in {source} cannot be used"))
        .expected("TOML of the form of norme.toml")
        .found(reason)
        .state("nothing was changed")
        .next("correct the file, or leave the setting out")
}

fn explain_key(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let bug = "report this as a bug";
    match error {
        E::KeyGeneration => {
            Report::refused("key.generation", "the key pairs could not be generated")
                .expected("two RSA-4096 key pairs")
                .found("the cryptographic library refused")
                .state("no key was written, nothing was sent")
                .next("run ceralacca resume")
        }
        E::KeyRejected { container, reason } => {
            let place = container.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
            Report::refused("key.rejected", format!("the private key{place} cannot be used"))
                .expected("an RSA key of 2048 to 8192 bits in PKCS#8")
                .found(reason.clone())
                .state("nothing was changed")
                .next("restore the file from the copy of the environment")
        }
        E::Signing => Report::refused("key.signing", "the private key could not sign")
            .expected("a signature")
            .found("the cryptographic library refused")
            .state("nothing was signed or sent")
            .next(bug),
        E::Encoding { what } => {
            Report::refused("key.encoding", format!("{what} could not be written"))
                .expected("a DER encoding")
                .found("the encoder refused")
                .state("nothing was written or sent")
                .next(bug)
        }
        E::CertificateMalformed { reason } => {
            Report::refused("certificate.malformed", "the certificate cannot be read")
                .expected("an X.509 certificate with an RSA key, in DER")
                .found(reason.clone())
                .state("nothing was changed")
                .next("check that this is the right file")
                .fetch_again()
        }
        other => unreachable_wording(other),
    }
}

fn explain_request(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let refused = "no certificate was issued";
    match error {
        E::RequestCaUnusable { reason } => Report::refused(
            "request.ca_unusable",
            "the CA certificate cannot be used for the request",
        )
        .expected("an X.509 certificate with an RSA key of at least 2048 bits")
        .found(reason.clone())
        .state("no request was generated; the keys are in in-attesa")
        .next("ceralacca resume asks the Agency for its CA certificate again")
        .fetch_again(),
        E::RequestSubject { limit, length } => {
            Report::refused("request.subject", "the account cannot be written into a request")
                .expected(format!("1 to {limit} printable characters"))
                .found(format!("{length} characters"))
                .state("no request was generated; the keys are in in-attesa")
                .next("correct the codice fiscale and the sede")
        }
        E::RequestOtherSubject { identification } => {
            Report::refused("request.other_subject", "the request is for another subject")
                .expected(format!("CN={identification} in both PKCS#10 requests"))
                .found("another subject")
                .state(refused)
                .next("generate the request again")
        }
        E::RequestMalformed { part, reason } => {
            Report::refused("request.malformed", format!("the {part} of the request is damaged"))
                .expected("a CMC Full PKI Request with two PKCS#10 requests")
                .found(reason.clone())
                .state(refused)
                .next("generate the request again")
        }
        E::RequestKeySize { bits } => {
            Report::refused("request.key_size", "a key in the request has the wrong length")
                .expected("4096 bits")
                .found(format!("{bits} bits"))
                .state(refused)
                .next("generate the keys again with 4096 bits")
        }
        E::RequestUndecryptable => Report::refused(
            "request.undecryptable",
            "the request was not sealed for this CA, or was damaged",
        )
        .expected("an EnvelopedData for this CA's key")
        .found("content that does not open")
        .state(refused)
        .next("generate the request again with this CA's certificate"),
        E::RequestSignature { part } => {
            Report::refused("request.signature", format!("the signature of the {part} is wrong"))
                .expected("a signature by the key in the request")
                .found("a signature that does not verify")
                .state(refused)
                .next("generate the request again")
        }
        other => unreachable_wording(other),
    }
}

const NOT_IMPORTED: &str = "nothing was imported; the pending keys are safe in in-attesa";
const FETCH_AGAIN: &str = "ceralacca resume fetches the receipt and its CERTIF.IN again; one that came \
                           by hand is to be replaced by the right file first";

fn explain_certif_in_bytes(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let report = match error {
        E::CertifInTruncated { expected_bytes, found_bytes } => {
            Report::refused("certif_in.truncated", "CERTIF.IN is cut short")
                .expected(format!("{expected_bytes} bytes"))
                .found(format!("{found_bytes} bytes"))
        }
        E::CertifInPem { label } => Report::refused("certif_in.pem", "CERTIF.IN is a text file")
            .expected("DER, as the Agency's receipt holds it")
            .found(format!("PEM with the label {label}")),
        E::CertifInTrailingBytes { expected_bytes, found_bytes } => {
            Report::refused("certif_in.trailing_bytes", "CERTIF.IN goes on after its end")
                .expected(format!("{expected_bytes} bytes"))
                .found(format!("{found_bytes} bytes"))
        }
        E::CertifInMalformed { reason } => {
            Report::refused("certif_in.malformed", "CERTIF.IN is not a set of certificates")
                .expected("a certs-only CMS (CMC Simple PKI Response)")
                .found(reason.clone())
        }
        E::CertifInTooLarge { limit, found_bytes } => {
            Report::refused("certif_in.too_large", "CERTIF.IN is too long")
                .expected(format!("at most {limit} bytes"))
                .found(format!("{found_bytes} bytes"))
        }
        other => unreachable_wording(other),
    };
    report.state(NOT_IMPORTED).next(FETCH_AGAIN).fetch_again()
}

fn explain_certif_in(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let report = match error {
        E::CertifInOtherRequest { pending, certified } => {
            Report::refused("certif_in.other_request", "CERTIF.IN answers another request")
                .expected(format!("certificates of keys {}", pending.join(" and ")))
                .found(match certified.len() {
                    0 => "no user certificate".to_owned(),
                    _ => format!("certificates of keys {}", certified.join(" and ")),
                })
        }
        E::CertifInMissing { utilizzo, pending } => Report::refused(
            "certif_in.missing",
            format!("CERTIF.IN has no {} certificate", utilizzo.label()),
        )
        .expected(format!("a certificate of key {pending}"))
        .found("only the other certificate"),
        E::CertifInSwapped { firma_key_usage, cifra_key_usage } => {
            Report::refused("certif_in.swapped", "the certificates in CERTIF.IN are swapped")
                .expected("Firma: digitalSignature; Cifra: keyEncipherment")
                .found(format!("Firma: {firma_key_usage}; Cifra: {cifra_key_usage}"))
        }
        E::CertifInKeyUsage { utilizzo, key_usage } => Report::refused(
            "certif_in.key_usage",
            format!("the {} certificate does not allow its use", utilizzo.label()),
        )
        .expected(match utilizzo {
            crate::key::Utilizzo::Firma => "digitalSignature",
            crate::key::Utilizzo::Cifra => "keyEncipherment",
        })
        .found(key_usage.clone()),
        E::CertifInKeySize { utilizzo, bits } => Report::refused(
            "certif_in.key_size",
            format!("the certified {} key has the wrong length", utilizzo.label()),
        )
        .expected("4096 bits")
        .found(format!("{bits} bits")),
        other => return explain_certif_in_issuer(other),
    };
    report.state(NOT_IMPORTED).next(FETCH_AGAIN).fetch_again()
}

fn explain_certif_in_issuer(error: &KeystoreError) -> Report {
    use KeystoreError as E;
    let report = match error {
        E::CertifInOtherCa { utilizzo, expected, found } => Report::refused(
            "certif_in.other_ca",
            format!("the {} certificate was issued by another CA", utilizzo.label()),
        )
        .expected(format!("issued by {}", expected.join(" or ")))
        .found(format!("issued by {found}")),
        E::CertifInForged { utilizzo, issuer } => Report::refused(
            "certif_in.forged",
            format!("the {} certificate was not signed by its issuer", utilizzo.label()),
        )
        .expected(format!("a signature by {issuer}"))
        .found("a signature that does not verify"),
        E::CertifInNotValid { utilizzo, not_before, not_after, at } => {
            let whose = utilizzo.map_or("CA", |utilizzo| utilizzo.label());
            Report::refused("certif_in.not_valid", format!("the {whose} certificate is not valid"))
                .expected(format!("valid at {at}"))
                .found(format!("valid from {not_before} to {not_after}"))
        }
        E::CertifInOtherSubject { expected, found } => {
            Report::refused("certif_in.other_subject", "CERTIF.IN is for another account")
                .expected(format!("CN={expected}"))
                .found(format!("CN={found}"))
        }
        other => return unreachable_wording(other),
    };
    report.state(NOT_IMPORTED).next(FETCH_AGAIN).fetch_again()
}

/// Says so, instead of panicking, should a variant ever be sent to the wrong group above.
pub(crate) fn unreachable_wording(error: &KeystoreError) -> Report {
    Report::refused("keystore.internal", format!("{error:?}"))
        .state("unknown to this message")
        .next("report this as a bug")
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
