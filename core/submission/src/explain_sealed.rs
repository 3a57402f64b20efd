//! The wording of what goes wrong when a document is sealed and when a sealed receipt is opened.

use ceralacca_kernel::Report;

use crate::SubmissionError;
use crate::records::printable;

pub(crate) fn explain_sealed(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        SealTooLarge { .. } | SealNotValid { .. } | SealOtherCa { .. } | SealCaKey { .. } => {
            explain_sealing(error).state("nothing was sealed, nothing was sent")
        }
        _ => explain_opening(error),
    }
}

fn explain_sealing(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        SealTooLarge { path, length, limit, checked } => {
            Report::refused("seal.too_large", format!("{path} is too large to be sealed"))
                .expected(match checked {
                    true => format!("at most {limit} bytes for a checked file"),
                    false => format!("at most {limit} bytes for a file that was not checked"),
                })
                .found(format!("{length} bytes"))
                .next(match checked {
                    true => "split what is communicated",
                    false => "check the file first (.dcm), which allows more, or split it",
                })
        }
        SealNotValid { common_name, not_before, not_after, at } => Report::refused(
            "seal.certificate_not_valid",
            format!("the signature certificate of {common_name} is not valid now"),
        )
        .expected(format!("a time from {not_before} to {not_after}"))
        .found(at.to_string())
        .next(if at > not_after {
            "renew the environment: open every receipt, revoke it, then run setup_environment"
        } else {
            "set this machine's clock"
        }),
        SealOtherCa { issuer, serial, found } => Report::refused(
            "seal.other_ca",
            "none of the CA certificates is that of the environment's issuer",
        )
        .expected(format!("the certificate of {issuer}, which issued {serial}"))
        .found(if found.is_empty() { "no certificate".to_owned() } else { found.join("; ") })
        .next("use the environment that belongs to this Agency"),
        SealCaKey { subject, bits } => Report::refused(
            "seal.ca_key",
            format!("nothing can be sealed for the key of {subject}"),
        )
        .expected("an RSA key of 2048 to 8192 bits")
        .found(format!("{bits} bits"))
        .next("check the agency in the settings"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_opening(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        ReceiptUndecryptable { protocollo, path, serial } => Report::refused(
            "receipt.undecryptable",
            format!("the receipt of {protocollo} does not open with this environment"),
        )
        .expected(format!("an envelope for the cipher certificate {serial}"))
        .found("one for another certificate, or something that is no envelope")
        .state(format!("the receipt is kept as it came in {path}"))
        .next("open it with the environment that was in force when the document was sent"),
        ReceiptSignature { protocollo, path, problem } => Report::refused(
            "receipt.signature",
            format!("the receipt of {protocollo} is not signed as the Agency signs"),
        )
        .expected("one signature that holds, by the CA of the Agency")
        .found(printable(problem, 300))
        .state(format!("the receipt is kept as it came in {path}; nothing in it was believed"))
        .next("look at the receipt on the portal (Ricerca ricevute) and ask the Agency"),
        ReceiptMalformed { protocollo, path, reason } => Report::refused(
            "receipt.malformed",
            format!("the text of the receipt of {protocollo} cannot be understood"),
        )
        .expected("lines with a name, a colon and a value")
        .found(printable(reason, 300))
        .state(format!("decrypted and with a signature that holds, it is in {path}"))
        .next("read the file yourself: the Agency has published no format for it"),
        ReceiptOfAnotherSend { protocollo, field, expected, found } => Report::refused(
            "receipt.of_another_send",
            format!("the receipt that came for {protocollo} is about something else ({field})"),
        )
        .expected(printable(expected, 120))
        .found(printable(found, 120))
        .state(format!("the Agency has the document under protocollo {protocollo}"))
        .next("look at the receipts on the portal (Ricerca ricevute) and ask the Agency"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}
