//! What goes to the Agency and what comes back, in plain typed structs.

use std::fmt;
use std::path::Path;

use ceralacca_identity::Account;
use ceralacca_kernel::{Secret, is_obeyed};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Protocollo;

/// Who asks, on whose behalf.
///
/// Where a person goes to the portal ([`Agency::wants_keys`](crate::Agency::wants_keys) says no),
/// the three keys are empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// User of the portal.
    pub utente: String,
    /// Its password.
    pub password: Secret,
    /// Its *Codice Pin*.
    pub codice_pin: Secret,
    /// The subject an incaricato acts for.
    pub on_behalf_of: Option<Account>,
}

/// A document on its way out.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The same text whenever the same submission is tried again.
    pub idempotency_key: &'a str,
    /// File name, `req.ccc`.
    pub name: &'a str,
    /// `PKS10`.
    pub tipo_documento: &'a str,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: &'a str,
    /// The content.
    pub bytes: &'a [u8],
    /// When it is sent.
    pub at: Timestamp,
    /// The run that sends, for people.
    pub run: &'a str,
    /// Where the copy for people is: `da inviare/<run>/req.ccc`.
    pub copy: &'a Path,
    /// SHA-256 of the public keys that the answer will certify, hexadecimal; mostly none.
    pub keys: &'a [String],
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {} bytes)", self.name, self.tipo_documento, self.bytes.len())
    }
}

/// How submissions are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search<'a> {
    /// By idempotency key.
    Key(&'a str),
    /// By SHA-256 of the content, hexadecimal.
    Sha256(&'a str),
}

/// What the Agency says of a document that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledgement {
    /// The number it goes by from now on.
    pub protocollo: Protocollo,
    /// SHA-256 of what was received, hexadecimal.
    pub sha256: String,
    /// File name.
    pub file_name: String,
    /// Type of document.
    pub tipo_documento: String,
    /// When it was received.
    #[schemars(with = "String")]
    pub received_at: Timestamp,
}

/// Which receipts are looked for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    /// Its number.
    pub protocollo: Option<Protocollo>,
    /// Type of document.
    pub tipo_documento: Option<String>,
    /// First day of sending.
    pub dal: Option<Date>,
    /// Last day of sending.
    pub al: Option<Date>,
    /// Only those received before this one: an answer that lists many has an end.
    pub before: Option<Protocollo>,
}

/// How far the Agency has come with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Stato {
    /// Not processed yet.
    #[serde(rename = "IN ELABORAZIONE")]
    InElaborazione,
    /// Processed and accepted.
    #[serde(rename = "ELABORATO")]
    Elaborato,
    /// Rejected.
    #[serde(rename = "SCARTATO")]
    Scartato,
    /// Accepted, and annulled since by a document that replaces it.
    #[serde(rename = "ANNULLATO")]
    Annullato,
    /// Here, but sealed: what it says is known once it is opened. The portal has no such word.
    #[serde(rename = "DA APRIRE")]
    DaAprire,
}

impl Stato {
    const ALL: [Stato; 5] = [
        Stato::InElaborazione,
        Stato::Elaborato,
        Stato::Scartato,
        Stato::Annullato,
        Stato::DaAprire,
    ];

    /// The Agency's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stato::InElaborazione => "IN ELABORAZIONE",
            Stato::Elaborato => "ELABORATO",
            Stato::Scartato => "SCARTATO",
            Stato::Annullato => "ANNULLATO",
            Stato::DaAprire => "DA APRIRE",
        }
    }

    /// Reads the Agency's word.
    pub fn parse(text: &str) -> Option<Stato> {
        Stato::ALL.into_iter().find(|stato| stato.as_str() == text)
    }
}

/// A row of *Ricerca ricevute*, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptRecord {
    /// Number of the submission.
    pub protocollo: Protocollo,
    /// Type of document.
    pub tipo_documento: String,
    /// How far it has come.
    pub stato: Stato,
    /// *Motivo di scarto*.
    #[serde(default)]
    pub motivo_di_scarto: Option<Rejection>,
    /// For an annulled document: the number of the one that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annullato_da: Option<Protocollo>,
    /// File name.
    pub file_name: String,
    /// SHA-256 of the submitted file, hexadecimal.
    pub sha256: String,
    /// When it was received.
    #[schemars(with = "String")]
    pub sent_at: Timestamp,
    /// When it was processed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub processed_at: Option<Timestamp>,
    /// Documents in it.
    pub documenti: Counts,
    /// Files that belong to it.
    #[serde(default)]
    pub attachments: Vec<AttachmentRecord>,
    /// What the issuer wants known of itself: a receipt of the sandbox says SANDBOX here.
    #[serde(default)]
    pub notice: Option<String>,
}

/// Why a document was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// The Agency's code.
    pub code: String,
    /// The Agency's text.
    pub text: String,
}

impl Rejection {
    /// Code and text in one, as far as they are there.
    pub fn words(&self) -> String {
        let both = [self.code.as_str(), self.text.as_str()];
        let said: Vec<&str> = both.into_iter().filter(|part| !part.is_empty()).collect();
        said.join(": ")
    }
}

/// Documents in a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// In it.
    pub totale: u64,
    /// Accepted.
    pub acquisiti: u64,
    /// Rejected.
    pub scartati: u64,
}

/// A file that belongs to a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachmentRecord {
    /// File name.
    pub name: String,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub length: u64,
}

/// What a revocation takes.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The same text whenever the same revocation is tried again.
    pub idempotency_key: String,
    /// When it is asked for.
    pub at: Timestamp,
    /// The run that asks, for people.
    pub run: String,
    /// Number of the busta.
    pub numero_busta: String,
    /// Kind of busta, `A`.
    pub tipo_busta: String,
    /// Whose environment it is, `<codice fiscale>-<sede>`, where that is known; for people.
    pub account: Option<String>,
    /// The PIN chosen with the request.
    pub pin_di_revoca: Secret,
}

/// A revocation was queued, and perhaps it shows by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevocationRequested {
    /// When it was asked for.
    #[schemars(with = "String")]
    pub requested_at: Timestamp,
    /// Since when it is in force; `None` while it is queued.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub effective_at: Option<Timestamp>,
}

/// Text from outside as errors may show it: no control characters, nothing that turns the direction
/// of writing round, at most `limit` long.
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(limit)
        .map(|character| if is_obeyed(character) { ' ' } else { character })
        .collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}
