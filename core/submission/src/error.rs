//! What can go wrong around a submission. The wording is in `explain.rs`.

use jiff::Timestamp;
use serde::Serialize;

use crate::{NotOpened, Protocollo};

/// Every failure of this crate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SubmissionError {
    /// The file to send cannot be read.
    DocumentUnreadable {
        /// Its path.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// The file is not what was made.
    DocumentChanged {
        /// Its path.
        path: String,
        /// SHA-256 of what was made.
        expected: String,
        /// SHA-256 of what is there.
        found: String,
    },
    /// The file is larger than what is sent.
    DocumentTooLarge {
        /// Its path.
        path: String,
        /// Bytes allowed.
        limit: u64,
    },
    /// The document's name is not a plain file name.
    DocumentName {
        /// Bytes of it.
        length: usize,
    },
    /// Another document was already tried under the key of this call.
    AnotherDocument {
        /// The document's name.
        document: String,
        /// SHA-256 of what was tried.
        attempted_sha256: String,
        /// SHA-256 of what is to be sent now.
        sha256: String,
    },
    /// The outbox or the copy cannot be written.
    NotStored {
        /// Where.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// The document was delivered, and the answer could not be kept.
    AcknowledgementNotKept {
        /// The answer.
        protocollo: Protocollo,
        /// Where it was to be kept.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// The Agency answered for another content than was sent.
    AnswerForAnother {
        /// The document's name.
        document: String,
        /// The number in the answer.
        protocollo: Protocollo,
        /// SHA-256 of what was sent.
        expected: String,
        /// SHA-256 in the answer.
        found: String,
    },
    /// An earlier attempt is in doubt and the Agency cannot be asked.
    StillUnknown {
        /// The document's name.
        document: String,
        /// Why not.
        why: String,
    },
    /// A text is not a length of time.
    Timeout {
        /// The text.
        text: String,
    },
    /// The receipt did not come in time.
    ReceiptLate {
        /// The submission.
        protocollo: Protocollo,
        /// How long it was waited for.
        timeout_seconds: u64,
        /// What was waited for at the end.
        last: String,
    },
    /// The receipt is of another submission or another content.
    ReceiptOfAnother {
        /// The submission.
        protocollo: Protocollo,
        /// SHA-256 of what was sent.
        expected: String,
        /// The number in the receipt.
        found_protocollo: Protocollo,
        /// SHA-256 in the receipt.
        found: String,
    },
    /// The Agency rejected the document.
    Rejected {
        /// The submission.
        protocollo: Protocollo,
        /// The Agency's code.
        code: String,
        /// The Agency's text.
        text: String,
    },
    /// The Agency annulled the document in favour of a later one.
    Annulled {
        /// The submission.
        protocollo: Protocollo,
        /// What took its place, where the Agency says so.
        by: Option<Protocollo>,
    },
    /// The Agency has not processed the document yet.
    NotProcessed {
        /// The submission.
        protocollo: Protocollo,
    },
    /// The receipt is sealed and was not opened here yet.
    ReceiptSealed {
        /// The submission.
        protocollo: Protocollo,
    },
    /// Some receipts could not be opened.
    NotAllOpened {
        /// How many were.
        opened: usize,
        /// Those that were not.
        not_opened: Vec<NotOpened>,
    },
    /// The number or the kind of the busta is not one.
    BustaForm {
        /// Characters of the number.
        numero: usize,
        /// Characters of the kind.
        tipo: usize,
    },
    /// Without the PIN di revoca nothing is revoked from here.
    PinDiRevocaLost,
    /// Receipts are sealed for the key that would be revoked, and not opened here yet.
    UnreadReceipts {
        /// Their numbers.
        protocolli: Vec<Protocollo>,
    },
    /// The revocation did not come into force in time.
    RevocationLate {
        /// When it was asked for.
        requested_at: Timestamp,
        /// How long it was waited for.
        timeout_seconds: u64,
        /// What was waited for at the end.
        last: String,
    },
    /// A later run has asked for the revocation of the same busta: this one is overtaken.
    RevokedSince {
        /// The later run.
        run: String,
        /// The busta.
        numero_busta: String,
        /// Whether the revocation is in force.
        in_force: bool,
    },
    /// An earlier run has asked for the revocation of the same busta, and it is not in force yet.
    RevocationOpen {
        /// The earlier run.
        run: String,
        /// The busta.
        numero_busta: String,
    },
    /// Another process is asking for a revocation right now.
    RevocationBusy {
        /// Who it is.
        holder: String,
    },
    /// The access to the portal is another subject's than the environment.
    OtherSubject {
        /// Whose the environment is.
        account: String,
        /// Whose the access is.
        access: String,
    },
    /// The receipt has no file of that name.
    NoSuchAttachment {
        /// The submission.
        protocollo: Protocollo,
        /// The name.
        name: String,
        /// The names it has.
        known: Vec<String>,
    },
    /// The name of a file of the receipt is not a plain file name.
    AttachmentName {
        /// The submission.
        protocollo: Protocollo,
    },
    /// A file of the receipt is not what the receipt says.
    AttachmentDamaged {
        /// The submission.
        protocollo: Protocollo,
        /// The file.
        name: String,
        /// SHA-256 in the receipt.
        expected: String,
        /// Bytes in the receipt.
        expected_length: u64,
        /// SHA-256 of what came.
        found: String,
        /// Bytes that came.
        found_length: u64,
    },
    /// A file of the receipt could not be saved.
    AttachmentNotSaved {
        /// The submission.
        protocollo: Protocollo,
        /// Where.
        path: String,
        /// What the operating system said.
        system: String,
    },
    /// The portal's user is empty, too long, or not text.
    Utente {
        /// Characters given.
        length: usize,
    },
    /// The Agency gave no CA certificate.
    NoCaCertificate,
    /// The pinned fingerprint is not a SHA-256 fingerprint.
    PinForm {
        /// Characters without colons and spaces.
        length: usize,
    },
    /// None of the CA's certificates is the pinned one.
    CaNotPinned {
        /// The pinned fingerprint.
        expected: String,
        /// The fingerprints that came.
        found: Vec<String>,
    },
    /// A document is larger than what the Agency lets be sealed.
    SealTooLarge {
        /// Its path.
        path: String,
        /// Bytes it has.
        length: u64,
        /// Bytes allowed.
        limit: u64,
        /// Whether it passed the control, which allows it to be larger.
        checked: bool,
    },
    /// The environment's signature certificate is not valid at the time of sealing.
    SealNotValid {
        /// Common name of the certificate.
        common_name: String,
        /// Beginning of its validity.
        not_before: Timestamp,
        /// End of its validity.
        not_after: Timestamp,
        /// The time of sealing.
        at: Timestamp,
    },
    /// None of the CA's certificates issued the environment.
    SealOtherCa {
        /// Who issued the environment's certificates.
        issuer: String,
        /// Serial number of its certificate.
        serial: String,
        /// Subjects of the CA certificates that were given.
        found: Vec<String>,
    },
    /// Nothing can be encrypted for the key of the CA's certificate.
    SealCaKey {
        /// Its subject.
        subject: String,
        /// Length of its key.
        bits: usize,
    },
    /// A sealed receipt opens with the cipher key of no environment here.
    ReceiptUndecryptable {
        /// The submission.
        protocollo: Protocollo,
        /// Where it is kept as it came.
        path: String,
        /// For whom it is sealed: issuer and serial number of the certificates.
        recipients: Vec<String>,
        /// The environments that were looked at.
        environments: Vec<String>,
    },
    /// A sealed receipt is for an environment here, and sealed with an algorithm that is not read.
    ReceiptAlgorithm {
        /// The submission.
        protocollo: Protocollo,
        /// Where it is kept as it came.
        path: String,
        /// The algorithm, by name or identifier.
        algorithm: String,
        /// The environment that it is for.
        ambiente: String,
    },
    /// A receipt has a form that is not known here.
    ReceiptOpaque {
        /// The submission.
        protocollo: Protocollo,
        /// Where it is kept as it came.
        path: String,
        /// SHA-256 of it, hexadecimal.
        sha256: String,
        /// Bytes it has.
        length: u64,
        /// The run that handed its document to a person, who may say what the receipt says.
        run: Option<String>,
    },
    /// The Agency's signature on a receipt does not hold.
    ReceiptSignature {
        /// The submission.
        protocollo: Protocollo,
        /// Where it is kept as it came.
        path: String,
        /// What was found wrong.
        problem: String,
    },
    /// The text of a receipt cannot be understood.
    ReceiptMalformed {
        /// The submission.
        protocollo: Protocollo,
        /// Where the text is.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text of a receipt is about something else than what was sent.
    ReceiptOfAnotherSend {
        /// The submission.
        protocollo: Protocollo,
        /// Which of its fields.
        field: String,
        /// What was sent.
        expected: String,
        /// What the receipt says.
        found: String,
    },
}
