//! What can go wrong with keys, containers, requests and certificates; worded in `explain.rs`.

use jiff::Timestamp;
use serde::Serialize;

use crate::key::Utilizzo;

/// Every failure of this crate; fields are typed, never secret, and stay with the error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum KeystoreError {
    /// The disk refused.
    Disk(DiskError),
    /// The rules in a file of the form of `norme.toml` cannot be used.
    PolicyInvalid {
        /// The file.
        source: String,
        /// Where it stops making sense.
        reason: String,
    },
    /// No password that was tried opens the container.
    WrongPassword {
        /// The file.
        container: String,
        /// Whether it was also tried upper-cased.
        upper_case_tried: bool,
    },
    /// A file for signing holds no key that signs, or several.
    SignerNotChosen {
        /// The file.
        file: String,
        /// Whether there are several.
        several: bool,
        /// The aliases in the file.
        aliases: Vec<String>,
    },
    /// The name of a key on a device has a PIN in it.
    PinInUri {
        /// The attribute.
        attribute: String,
    },
    /// No plugin serves keys of this scheme.
    NoDevice {
        /// The scheme.
        scheme: String,
        /// The schemes that are served.
        schemes: Vec<String>,
    },
    /// A file for signing no longer holds the certificate that a run began with.
    SignerChanged {
        /// The file.
        file: String,
        /// Subject of the certificate that the run began with.
        expected: String,
        /// Subjects that are there now.
        found: Vec<String>,
    },
    /// The signer's certificate is not valid at the time.
    SignerNotValid {
        /// Its subject.
        subject: String,
        /// Its serial number.
        serial: String,
        /// Its first instant.
        not_before: Timestamp,
        /// Its last instant.
        not_after: Timestamp,
        /// The time it was needed.
        at: Timestamp,
    },
    /// The file is of another kind than its name says.
    OtherKind {
        /// The file.
        container: String,
        /// What its first bytes look like.
        kind: String,
    },
    /// The container's bytes are not what its format says.
    Malformed {
        /// The file.
        container: String,
        /// Where it stops making sense.
        reason: String,
    },
    /// The container uses an algorithm or a format this program does not read.
    UnsupportedAlgorithm {
        /// The file.
        container: String,
        /// Its name or object identifier.
        algorithm: String,
        /// What it is for there.
        part: MissingPart,
    },
    /// The container asks for more work than any honest one does.
    TooCostly {
        /// The file.
        container: String,
        /// Key-derivation iterations asked for, in all.
        iterations: u64,
        /// Iterations allowed, in all.
        limit: u64,
    },
    /// The file is longer than any honest one.
    TooLarge {
        /// The file.
        container: String,
        /// Bytes allowed.
        limit: u64,
    },
    /// The container has no private key, or no certificate for it.
    MissingEntry {
        /// The file.
        container: String,
        /// What was looked for.
        expected: String,
    },
    /// The certificate in the container is not of the private key beside it.
    KeyMismatch {
        /// The file.
        container: String,
        /// Fingerprint of the private key's public half.
        key: String,
        /// Fingerprint of the certificate's public key.
        certificate: String,
    },
    /// The cryptographic library could not make a key.
    KeyGeneration,
    /// The bytes are not a usable RSA private key.
    KeyRejected {
        /// The file that it is in, where it is in one.
        container: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// The cryptographic library could not sign.
    Signing,
    /// A structure could not be written as DER: a bug of ours.
    Encoding {
        /// What was being written.
        what: String,
    },
    /// The certificate could not be read.
    CertificateMalformed {
        /// Where it stops making sense.
        reason: String,
    },
    /// The CA certificate given for the request cannot be used.
    RequestCaUnusable {
        /// Why not.
        reason: String,
    },
    /// The subject asked for cannot be written into a request.
    RequestSubject {
        /// Characters allowed.
        limit: usize,
        /// Characters given.
        length: usize,
    },
    /// A received request is for another subject than the one it names itself after.
    RequestOtherSubject {
        /// The identification of the whole request.
        identification: String,
    },
    /// A received request is not what the profile says.
    RequestMalformed {
        /// Which part.
        part: String,
        /// Where it stops making sense.
        reason: String,
    },
    /// A key in a received request is too short.
    RequestKeySize {
        /// Its length in bits.
        bits: usize,
    },
    /// A received request is not sealed for this CA, or was damaged.
    RequestUndecryptable,
    /// A signature in a received request does not verify.
    RequestSignature {
        /// Which part.
        part: String,
    },
    /// CERTIF.IN ends before its own length says.
    CertifInTruncated {
        /// Bytes its header announces.
        expected_bytes: u64,
        /// Bytes there are.
        found_bytes: u64,
    },
    /// CERTIF.IN is text (PEM) where DER is expected.
    CertifInPem {
        /// The label between the dashes.
        label: String,
    },
    /// CERTIF.IN goes on after its end.
    CertifInTrailingBytes {
        /// Bytes that belong to it.
        expected_bytes: u64,
        /// Bytes there are.
        found_bytes: u64,
    },
    /// CERTIF.IN is not a certs-only CMS.
    CertifInMalformed {
        /// Where it stops making sense.
        reason: String,
    },
    /// CERTIF.IN is longer than any honest one.
    CertifInTooLarge {
        /// Bytes allowed.
        limit: u64,
        /// Bytes there are.
        found_bytes: u64,
    },
    /// CERTIF.IN answers another request: none of its certificates is for the pending keys.
    CertifInOtherRequest {
        /// Fingerprints of the pending keys: Firma, Cifra.
        pending: Vec<String>,
        /// Fingerprints of the keys that CERTIF.IN certifies.
        certified: Vec<String>,
    },
    /// The certificate of one pending key is missing.
    CertifInMissing {
        /// Which one.
        utilizzo: Utilizzo,
        /// Fingerprint of the key without a certificate.
        pending: String,
    },
    /// The signature key was certified for ciphering and the cipher key for signing.
    CertifInSwapped {
        /// Key usage in the certificate of the signature key.
        firma_key_usage: String,
        /// Key usage in the certificate of the cipher key.
        cifra_key_usage: String,
    },
    /// A certificate does not allow what its key is for.
    CertifInKeyUsage {
        /// What the key is for.
        utilizzo: Utilizzo,
        /// Key usage in its certificate.
        key_usage: String,
    },
    /// A certified key is not 4096 bits long.
    CertifInKeySize {
        /// Which one.
        utilizzo: Utilizzo,
        /// Its length in bits.
        bits: usize,
    },
    /// A certificate was not issued by the CA that the request was made for.
    CertifInOtherCa {
        /// Which one.
        utilizzo: Utilizzo,
        /// Subjects of the CA certificates of the request.
        expected: Vec<String>,
        /// Issuer named in the certificate.
        found: String,
    },
    /// A certificate names the right CA, but the CA did not sign it.
    CertifInForged {
        /// Which one.
        utilizzo: Utilizzo,
        /// Issuer named in the certificate.
        issuer: String,
    },
    /// A certificate is not valid today.
    CertifInNotValid {
        /// Which one; `None` for the CA's own.
        utilizzo: Option<Utilizzo>,
        /// Inizio validità.
        not_before: Timestamp,
        /// Fine validità.
        not_after: Timestamp,
        /// When it was checked.
        at: Timestamp,
    },
    /// The certificates are for somebody else.
    CertifInOtherSubject {
        /// CN that was asked for.
        expected: String,
        /// CN that was certified.
        found: String,
    },
}

/// What an algorithm that is not read here would have been for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPart {
    /// The encryption of keys or of contents.
    Encryption,
    /// The code by which a wrong password is told.
    Mac,
    /// The format of the file.
    Format,
}

/// A refusal of the disk, with what it leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiskError {
    /// The kind of refusal.
    pub condition: DiskCondition,
    /// What was being done: `writing`, `reading`.
    pub doing: String,
    /// The file or folder.
    pub path: String,
    /// What is and what is not on disk now.
    pub on_disk: String,
    /// The operating system's own words.
    pub system: String,
}

impl DiskError {
    /// Whether the file or folder is not there.
    pub fn is_missing(&self) -> bool {
        self.condition == DiskCondition::Missing
    }
}

/// Kinds of disk refusal that need different actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskCondition {
    /// The medium or filesystem is read-only.
    ReadOnly,
    /// No space, or over quota.
    Full,
    /// This user may not.
    Permission,
    /// The folder, drive or share is not there.
    Missing,
    /// The file is already there.
    Exists,
    /// A folder, a FIFO, a socket or a device.
    NotAFile,
    /// Anything else.
    Other,
}
