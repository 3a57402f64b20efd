//! Why the pretend Agency rejects a file: the *motivo di scarto* on its receipt.
//!
//! UNVERIFIED: codes and texts are ours; the Agency's own tables are not public.

use ceralacca_submission::printable;

use crate::rejection_impronta::ImprontaRejection;

/// Reasons for a rejection: of a PKS10, and those of other types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// Not an envelope for this CA, or not a request inside.
    UnreadableEnvelope,
    /// A signature in it does not verify.
    BadSignature,
    /// Nobody with that identification.
    UnknownAccount,
    /// The same file, transactionId or senderNonce was received before.
    ReplayedRequest,
    /// The proof of identity was not made with the account's pincode.
    WrongPincode,
    /// A key is not 4096 bits.
    KeyTooShort {
        /// Its length.
        bits: usize,
    },
    /// The account has an environment that is not revoked.
    EnvironmentExists,
    /// A key belonged to a revoked environment.
    RevokedKeys,
    /// A key belongs to an environment in force.
    KeysInUse,
    /// A subject is not the account's.
    OtherSubject,
    /// The sender may act for the account, but did not switch to it.
    UtenzaDiLavoro,
    /// The sender is neither the account nor its incaricato.
    SenderNotIncaricato,
    /// The file is a communication of the impronta.
    Impronta(ImprontaRejection),
}

impl Rejection {
    /// The code on the receipt.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Rejection::UnreadableEnvelope => "pks10.unreadable_envelope",
            Rejection::BadSignature => "pks10.bad_signature",
            Rejection::UnknownAccount => "pks10.unknown_account",
            Rejection::ReplayedRequest => "pks10.replayed_request",
            Rejection::WrongPincode => "pks10.wrong_pincode",
            Rejection::KeyTooShort { .. } => "pks10.key_too_short",
            Rejection::EnvironmentExists => "pks10.environment_exists",
            Rejection::RevokedKeys => "pks10.revoked_keys",
            Rejection::KeysInUse => "pks10.keys_in_use",
            Rejection::OtherSubject => "pks10.other_subject",
            Rejection::UtenzaDiLavoro => "pks10.utenza_di_lavoro",
            Rejection::SenderNotIncaricato => "pks10.sender_not_incaricato",
            Rejection::Impronta(rejection) => rejection.code(),
        }
    }

    /// The text on the receipt.
    pub(crate) fn text(&self) -> String {
        let text = match self {
            Rejection::UnreadableEnvelope => {
                "Il file non è leggibile: la busta non è cifrata per questa autorità di \
                 certificazione oppure è danneggiata"
            }
            Rejection::BadSignature => "La firma della richiesta non è valida",
            Rejection::UnknownAccount => "L'utente indicato nella richiesta non è abilitato",
            Rejection::ReplayedRequest => "La richiesta è già stata trasmessa",
            Rejection::WrongPincode => "Il pincode indicato non corrisponde a quello dell'utente",
            Rejection::KeyTooShort { bits } => {
                return format!(
                    "SANDBOX: Lunghezza delle chiavi non ammessa: {bits} bit anziché 4096"
                );
            }
            Rejection::EnvironmentExists => {
                "Per l'utente esiste già un ambiente di sicurezza: occorre prima revocarlo con la \
                 funzione Ripristino ambiente di sicurezza"
            }
            Rejection::RevokedKeys => {
                "Le chiavi appartengono a un ambiente di sicurezza revocato: occorre generarne di \
                 nuove"
            }
            Rejection::KeysInUse => "Le chiavi sono già certificate per un altro utente",
            Rejection::OtherSubject => {
                "L'intestatario delle chiavi non corrisponde all'utente della richiesta"
            }
            Rejection::UtenzaDiLavoro => {
                "L'incaricato deve effettuare il cambio di utenza di lavoro prima dell'invio"
            }
            Rejection::SenderNotIncaricato => {
                "Chi ha trasmesso il file non è l'utente della richiesta né un suo incaricato"
            }
            // What was found in a file is shown as one line of limited length.
            Rejection::Impronta(rejection) => {
                return printable(&format!("SANDBOX: {}", rejection.text()), 1000);
            }
        };
        format!("SANDBOX: {text}")
    }
}
