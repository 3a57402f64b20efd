//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::explain_revocation::explain_revocation;
use crate::explain_sealed::explain_sealed;
use crate::records::printable;
use crate::{Rejection, SubmissionError};

impl Explain for SubmissionError {
    fn explain(&self) -> Report {
        use SubmissionError::*;
        match self {
            DocumentUnreadable { .. }
            | DocumentChanged { .. }
            | DocumentTooLarge { .. }
            | DocumentName { .. }
            | AnotherDocument { .. }
            | NotStored { .. } => explain_before_sending(self),
            AcknowledgementNotKept { .. } | AnswerForAnother { .. } | StillUnknown { .. } => {
                explain_in_doubt(self)
            }
            NoSuchAttachment { .. }
            | AttachmentName { .. }
            | AttachmentDamaged { .. }
            | AttachmentNotSaved { .. } => explain_attachment(self),
            Utente { .. } | Timeout { .. } => explain_argument(self),
            NoCaCertificate | PinForm { .. } | CaNotPinned { .. } => explain_ca(self),
            SealTooLarge { .. }
            | SealNotValid { .. }
            | SealOtherCa { .. }
            | SealCaKey { .. }
            | ReceiptUndecryptable { .. }
            | ReceiptAlgorithm { .. }
            | ReceiptOpaque { .. }
            | ReceiptSealed { .. }
            | NotAllOpened { .. }
            | ReceiptSignature { .. }
            | ReceiptMalformed { .. }
            | ReceiptOfAnotherSend { .. } => explain_sealed(self),
            BustaForm { .. }
            | PinDiRevocaLost
            | UnreadReceipts { .. }
            | RevokedSince { .. }
            | RevocationOpen { .. }
            | RevocationBusy { .. }
            | OtherSubject { .. }
            | RevocationLate { .. } => explain_revocation(self),
            _ => explain_receipt(self),
        }
    }
}

fn explain_before_sending(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    let report = match error {
        DocumentUnreadable { path, system } => {
            Report::refused("submission.document_unreadable", format!("{path} cannot be read"))
                .found(system)
                .next("put the file back, then run ceralacca resume")
        }
        DocumentChanged { path, expected, found } => Report::refused(
            "submission.document_changed",
            format!("{path} is not the file that was made"),
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {found}"))
        .next("put the file back as it was made, then run ceralacca resume"),
        DocumentTooLarge { path, limit } => {
            Report::refused("submission.document_too_large", format!("{path} is too large to send"))
                .expected(format!("at most {limit} bytes"))
                .found("more than that")
                .next("split the document")
        }
        DocumentName { length } => Report::refused(
            "submission.document_name",
            "the document's name is not a plain file name",
        )
        .expected("letters, digits, spaces and ._-() without a path, at most 100")
        .found(format!("something else in {length} bytes"))
        .next("correct what makes the document"),
        AnotherDocument { document, attempted_sha256, sha256 } => Report::refused(
            "submission.another_document",
            format!("{document} is not what this call tried to send before"),
        )
        .expected(format!("SHA-256 {attempted_sha256}"))
        .found(format!("SHA-256 {sha256}"))
        .next("start a new run for the new document"),
        NotStored { path, system } => {
            Report::refused("submission.not_stored", format!("{path} cannot be written"))
                .found(system)
                .next("free or open the folder, then run ceralacca resume")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.state("nothing was sent by this attempt")
}

fn explain_in_doubt(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        AcknowledgementNotKept { protocollo, path, system } => Report::unknown(
            "submission.acknowledgement_not_kept",
            format!("the document was delivered, but {path} cannot be written"),
        )
        .found(system)
        .state(format!("the Agency has the document under protocollo {protocollo}"))
        .next(
            "free or open the folder, then run ceralacca resume: it asks and does not send again",
        ),
        AnswerForAnother { document, protocollo, expected, found } => Report::unknown(
            "submission.answer_for_another",
            format!("the answer to {document} is for another content"),
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {}, protocollo {protocollo}", printable(found, 80)))
        .state("the document went out; whether the Agency has it is not known")
        .next("ceralacca resume asks the Agency before anything is sent again"),
        StillUnknown { document, why } => Report::unknown(
            "submission.outcome_unknown",
            format!("it is not known whether {document} was delivered"),
        )
        .expected("an answer of the Agency to an earlier attempt")
        .found(why)
        .state("an earlier attempt is in doubt; nothing was sent again")
        .next("ceralacca resume, once the Agency can be asked"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_receipt(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        ReceiptLate { protocollo, timeout_seconds, last } => Report::waiting(
            "agency.receipt_late",
            format!("the receipt of {protocollo} has not come in time"),
        )
        .expected(format!("it within {timeout_seconds} seconds"))
        .found(last)
        .state(format!("the Agency has the document under protocollo {protocollo}"))
        .next("ceralacca resume, later; do not send the document again"),
        ReceiptOfAnother { protocollo, expected, found_protocollo, found } => Report::refused(
            "agency.receipt_of_another",
            format!("the receipt that came for {protocollo} is of something else"),
        )
        .expected(format!("{protocollo}, SHA-256 {expected}"))
        .found(format!("{found_protocollo}, SHA-256 {}", printable(found, 80)))
        .state(format!("the Agency has the document under protocollo {protocollo}"))
        .next("look at the receipts on the portal (Ricerca ricevute) and ask the Agency"),
        Rejected { protocollo, code, text } => Report::refused(
            "agency.rejected",
            format!("the Agency rejected the document {protocollo}"),
        )
        .expected("ELABORATO")
        .found(
            match (Rejection { code: printable(code, 40), text: printable(text, 400) }).words() {
                words if words.is_empty() => "SCARTATO".to_owned(),
                words => format!("SCARTATO, {words}"),
            },
        )
        .state(format!("the Agency has the rejected document under protocollo {protocollo}"))
        .next("correct what the Agency names, then start a new run")
        // What a person said of it may be corrected.
        .fetch_again(),
        NotProcessed { protocollo } => Report::refused(
            "agency.not_processed",
            format!("the Agency has not processed {protocollo} yet"),
        )
        .expected("ELABORATO")
        .found("IN ELABORAZIONE")
        .state(format!("the Agency has the document under protocollo {protocollo}"))
        .next("call wait before require_accepted"),
        Annulled { protocollo, by } => Report::refused(
            "agency.annulled",
            format!("the document {protocollo} was annulled by one that replaces it"),
        )
        .expected("ELABORATO")
        .found(match by {
            Some(by) => format!("ANNULLATO, replaced by {by}"),
            None => "ANNULLATO".to_owned(),
        })
        .state("the Agency has the later document in its place")
        .next("look at the receipt of the document that replaces it"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_attachment(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        NoSuchAttachment { protocollo, name, known } => Report::refused(
            "agency.no_such_attachment",
            format!("the receipt of {protocollo} has no {}", printable(name, 100)),
        )
        .expected(if known.is_empty() {
            "a receipt with files".to_owned()
        } else {
            format!("one of {}", printable(&known.join(", "), 200))
        })
        .found("no file of that name")
        .state("the receipt stays with the Agency")
        .next("look at the receipt on the portal (Ricerca ricevute)"),
        AttachmentName { protocollo } => Report::refused(
            "agency.attachment_name",
            format!("a file of the receipt of {protocollo} has a name that cannot be saved"),
        )
        .expected("letters, digits, spaces and ._-() without a path, at most 100")
        .found("something else")
        .state("the receipt stays with the Agency; nothing was saved")
        .next("fetch the file from the portal by hand"),
        AttachmentDamaged { protocollo, name, expected, found, .. } => Report::refused(
            "agency.attachment_damaged",
            format!("{name} of {protocollo} is not what the receipt says"),
        )
        .expected(format!("SHA-256 {}", printable(expected, 80)))
        .found(format!("SHA-256 {found}"))
        .state("the receipt stays with the Agency; nothing was saved")
        .next("ceralacca resume fetches it again; do not make a new request")
        .fetch_again(),
        AttachmentNotSaved { protocollo, path, system } => {
            Report::refused("agency.attachment_not_saved", format!("{path} cannot be written"))
                .found(system)
                .state(format!("the receipt of {protocollo} stays with the Agency"))
                .next("free or open the folder, then run ceralacca resume")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_argument(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    match error {
        Utente { length } => Report::usage("agency.utente", "the portal's user is not a user name")
            .expected("1 to 64 characters, no control characters")
            .found(format!("{length} characters that are not that"))
            .state("nothing was sent")
            .next("give the Utente of the portal, usually a codice fiscale"),
        Timeout { text } => Report::usage("agency.timeout_form", "a timeout is a length of time")
            .expected("a text such as \"30d\", \"2h\" or \"90s\", up to a year")
            .found(format!("{text:?}"))
            .state("nothing was asked for by this call")
            .next("correct the timeout in the script"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_ca(error: &SubmissionError) -> Report {
    use SubmissionError::*;
    let report = match error {
        NoCaCertificate => {
            Report::refused("agency.no_ca_certificate", "the Agency gave no CA certificate")
                .expected("at least one")
                .found("none")
                .next("check the agency in the settings")
        }
        PinForm { length } => Report::usage(
            "agency.ca_pin_form",
            "the pinned fingerprint of the CA is not a SHA-256 fingerprint",
        )
        .expected("64 hexadecimal digits, colons allowed")
        .found(format!("{length} characters that are not that"))
        .next("correct the fingerprint in ceralacca.toml"),
        CaNotPinned { expected, found } => Report::refused(
            "agency.ca_not_pinned",
            "the CA certificate that came is not the pinned one",
        )
        .expected(format!("SHA-256 {expected}"))
        .found(format!("SHA-256 {}", found.join(", ")))
        .next("find out whether the Agency has a new CA before you change the pin"),
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.state("nothing was sent")
}

#[cfg(test)]
mod tests;
