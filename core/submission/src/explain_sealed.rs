//! The wording of what goes wrong when a document is sealed and when a sealed receipt is opened.

use ceralacca_kernel::Report;

use crate::records::printable;
use crate::{NotOpened, Protocollo, SubmissionError};

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
        ReceiptUndecryptable { protocollo, path, recipients, environments } => Report::refused(
            "receipt.undecryptable",
            format!("the receipt of {protocollo} opens with no environment that is here"),
        )
        .expected(match environments.is_empty() {
            true => "an environment".to_owned(),
            false => format!("a receipt for one of {}", printable(&environments.join(", "), 400)),
        })
        .found(match recipients.is_empty() {
            true => "one that is damaged".to_owned(),
            false => format!("one sealed for {}", printable(&recipients.join("; "), 400)),
        })
        .state(format!("the receipt is kept as it came in {path}"))
        .next(if recipients.is_empty() { LOOK_AT_THE_PORTAL } else { BRING_IT }),
        ReceiptAlgorithm { protocollo, path, algorithm, ambiente } => {
            explain_algorithm(protocollo, path, algorithm, ambiente)
        }
        ReceiptOpaque { .. } | ReceiptSealed { .. } | NotAllOpened { .. } => {
            explain_not_open(error)
        }
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

const BRING_IT: &str = "put the environment that was in force when the document was sent beside the \
     current one (any folder whose name ends in _ and digits, with UTEC.P12 or UTEK.P12 in it, or one \
     named in environments_set_aside of ceralacca.toml), then ceralacca run collect_receipts";
const LOOK_AT_THE_PORTAL: &str =
    "look at the receipt on the portal (Ricerca ricevute) and ask the Agency";

fn explain_algorithm(
    protocollo: &Protocollo,
    path: &str,
    algorithm: &str,
    ambiente: &str,
) -> Report {
    Report::refused(
        "receipt.unsupported_algorithm",
        format!("the receipt of {protocollo} is sealed with an algorithm that is not read here"),
    )
    .expected("AES, in CBC or GCM, or 3DES, under RSA (PKCS#1 v1.5 or OAEP)")
    .found(printable(algorithm, 200))
    .state(format!("the receipt is kept as it came in {path}; its key is in {ambiente}"))
    .next(
        "open it with the Agency's own software, and keep that environment; a later version may read \
         it: ceralacca run collect_receipts",
    )
}

fn said_of(one: &NotOpened) -> String {
    let next = if one.next.is_empty() { String::new() } else { format!(" → {}", one.next) };
    printable(&format!("{}: {}{next}", one.protocollo, one.reason), 900)
}

fn explain_not_open(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        ReceiptOpaque { protocollo, path, sha256, length, run } => Report::refused(
            "receipt.opaque",
            format!("the receipt of {protocollo} has a form that is not known here"),
        )
        .expected("a CMS EnvelopedData (.rcc)")
        .found(format!("something else: {length} bytes, SHA-256 {sha256}"))
        .state(format!("it is kept as it came in {path}; nothing in it was understood"))
        .next(match run {
            Some(run) => format!(
                "read it, or Ricerca ricevute on the portal, then say what it says: ceralacca confirm {run} \
                 --accepted, or --rejected MOTIVO"
            ),
            None => "read it yourself; what became of the document is in ceralacca receipts and in Ricerca \
                     ricevute on the portal"
                .to_owned(),
        })
        // A person may name another file.
        .fetch_again(),
        ReceiptSealed { protocollo } => Report::refused(
            "agency.receipt_sealed",
            format!("whether {protocollo} was accepted is in its receipt, which is unread"),
        )
        .expected("a receipt that was opened here")
        .found("one that was not")
        .state(format!("the Agency has the document under protocollo {protocollo}"))
        .next(
            "ceralacca run collect_receipts opens it, then ceralacca resume; in a script, open comes \
             before this",
        )
        .fetch_again(),
        NotAllOpened { opened, not_opened } => {
            let reasons = not_opened.iter().take(5);
            let reasons: Vec<String> = reasons.map(said_of).collect();
            let more = not_opened.len().saturating_sub(5);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            Report::refused(
                "agency.not_all_opened",
                match not_opened.len() {
                    1 => "a receipt could not be opened".to_owned(),
                    count => format!("{count} receipts could not be opened"),
                },
            )
            .expected("every sealed receipt opened")
            .found(format!("{}{more}", printable(&reasons.join("; "), 3000)))
            .state(format!("{opened} are open; the others are kept as they came, in ricezione"))
            .next(
                "do what each names, then ceralacca resume; what nothing here opens is not tried \
                 again until an environment is added: ceralacca receipts --not-openable",
            )
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}
