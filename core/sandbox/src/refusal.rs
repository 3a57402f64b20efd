//! What the gateway answers when it refuses: a status, a code and a sentence in Italian.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::SandboxError;

/// Reasons for refusing a request over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Something in the request is missing or not what the interface says.
    BadRequest(String),
    /// The body is not what Content-Digest says.
    DigestMismatch,
    /// Not a document type that is taken in here.
    UnknownDocumentType,
    /// User, password or codice PIN is wrong.
    AccessDenied,
    /// No session, or one that has ended.
    SessionExpired,
    /// The account does not act for that subject.
    NotIncaricato,
    /// The busta is not that of the session's account.
    UnknownBusta,
    /// Not the PIN di revoca of the environment.
    WrongPin,
    /// An injected fault.
    Refused,
    /// Without the token of the sandbox's administrator.
    AdminDenied,
    /// No receipt with that protocollo for the session's account.
    NoSuchReceipt,
    /// No attachment with that name, or not yet.
    NoSuchAttachment,
    /// Nothing there.
    NoSuchRoute,
    /// Something there, but not for that method.
    NoSuchMethod,
    /// The idempotency key was used for another file.
    KeyReused,
    /// No environment in force.
    NoEnvironment,
    /// Its revocation was asked for already.
    RevocationPending,
    /// The body is longer than allowed.
    TooLarge {
        /// Octets allowed.
        limit: usize,
    },
    /// Injected, or the sandbox's own trouble.
    Unavailable(u16),
    /// A handler panicked: a bug of ours.
    Broken,
    /// The sandbox refuses or fails.
    Sandbox(SandboxError),
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::BadRequest(_) | Refusal::DigestMismatch | Refusal::UnknownDocumentType => {
                StatusCode::BAD_REQUEST
            }
            Refusal::AccessDenied | Refusal::SessionExpired => StatusCode::UNAUTHORIZED,
            Refusal::NotIncaricato
            | Refusal::UnknownBusta
            | Refusal::WrongPin
            | Refusal::Refused
            | Refusal::AdminDenied => StatusCode::FORBIDDEN,
            Refusal::NoSuchReceipt | Refusal::NoSuchAttachment | Refusal::NoSuchRoute => {
                StatusCode::NOT_FOUND
            }
            Refusal::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::KeyReused | Refusal::NoEnvironment | Refusal::RevocationPending => {
                StatusCode::CONFLICT
            }
            Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Unavailable(status) => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            }
            Refusal::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Refusal::Sandbox(error) => match error {
                SandboxError::AccountExists { .. } => StatusCode::CONFLICT,
                SandboxError::AccountInvalid { .. }
                | SandboxError::SignerInvalid { .. }
                | SandboxError::Setting { .. } => StatusCode::BAD_REQUEST,
                SandboxError::AccountUnknown { .. }
                | SandboxError::SignerUnknown { .. }
                | SandboxError::NoEnvironment { .. } => StatusCode::NOT_FOUND,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Refusal::BadRequest(_) => "gateway.bad_request",
            Refusal::DigestMismatch => "gateway.digest_mismatch",
            Refusal::UnknownDocumentType => "gateway.unknown_document_type",
            Refusal::AccessDenied => "gateway.access_denied",
            Refusal::SessionExpired => "gateway.session_expired",
            Refusal::NotIncaricato => "gateway.not_incaricato",
            Refusal::UnknownBusta => "gateway.unknown_busta",
            Refusal::WrongPin => "gateway.wrong_pin",
            Refusal::Refused => "gateway.refused",
            Refusal::AdminDenied => "gateway.admin_denied",
            Refusal::NoSuchReceipt => "gateway.no_such_receipt",
            Refusal::NoSuchAttachment => "gateway.no_such_attachment",
            Refusal::NoSuchRoute => "gateway.no_such_route",
            Refusal::NoSuchMethod => "gateway.no_such_method",
            Refusal::KeyReused => "gateway.key_reused",
            Refusal::NoEnvironment => "gateway.no_environment",
            Refusal::RevocationPending => "gateway.revocation_pending",
            Refusal::TooLarge { .. } => "gateway.too_large",
            Refusal::Unavailable(_) => "gateway.unavailable",
            Refusal::Broken => "gateway.internal",
            Refusal::Sandbox(error) => match error {
                SandboxError::AccountExists { .. } => "gateway.account_exists",
                SandboxError::AccountInvalid { .. }
                | SandboxError::SignerInvalid { .. }
                | SandboxError::Setting { .. } => "gateway.bad_request",
                SandboxError::AccountUnknown { .. } => "gateway.unknown_account",
                SandboxError::NoEnvironment { .. } => "gateway.no_environment",
                SandboxError::SignerUnknown { .. } => "gateway.unknown_signer",
                _ => "gateway.internal",
            },
        }
    }

    fn message(&self) -> String {
        let text = match self {
            Refusal::BadRequest(what) => return format!("Richiesta non valida: {what}"),
            Refusal::DigestMismatch => "L'impronta dichiarata non corrisponde al file ricevuto",
            Refusal::UnknownDocumentType => "Tipo di documento non ammesso",
            Refusal::AccessDenied => "Utente, password o codice PIN non validi",
            Refusal::SessionExpired => "Sessione assente o scaduta: occorre autenticarsi",
            Refusal::NotIncaricato => "L'utente non è incaricato dal soggetto indicato",
            Refusal::UnknownBusta => {
                "La busta indicata non è quella dell'utente: un incaricato deve prima effettuare \
                 il cambio di utenza di lavoro"
            }
            Refusal::WrongPin => {
                "Il PIN di revoca non è corretto; chi lo ha smarrito deve rivolgersi all'ufficio"
            }
            Refusal::Refused => "Operazione rifiutata (guasto simulato)",
            Refusal::AdminDenied => "Riservato a chi amministra la SANDBOX",
            Refusal::NoSuchReceipt => "Nessuna ricevuta con questo protocollo",
            Refusal::NoSuchAttachment => "Nessun allegato con questo nome, o non ancora",
            Refusal::NoSuchRoute => "Servizio inesistente",
            Refusal::NoSuchMethod => "Metodo non ammesso per questo servizio",
            Refusal::KeyReused => "La chiave di idempotenza è già stata usata per un altro file",
            Refusal::NoEnvironment => {
                "Nessun ambiente di sicurezza da revocare: se ne può generare uno nuovo"
            }
            Refusal::RevocationPending => {
                "La revoca è già stata richiesta: occorre attendere che abbia effetto"
            }
            Refusal::TooLarge { limit } => {
                return format!("La richiesta supera la dimensione ammessa di {limit} byte");
            }
            Refusal::Unavailable(_) => "Servizio non disponibile (guasto simulato)",
            Refusal::Broken => "Errore interno della SANDBOX",
            Refusal::Sandbox(error) => return sandbox_message(error),
        };
        text.to_owned()
    }
}

fn sandbox_message(error: &SandboxError) -> String {
    match error {
        SandboxError::AccountExists { account } => format!("L'utente {account} esiste già"),
        SandboxError::AccountUnknown { account } => format!("L'utente {account} non esiste"),
        SandboxError::NoEnvironment { account } => {
            format!("L'utente {account} non ha un ambiente di sicurezza in vigore")
        }
        SandboxError::SignerUnknown { serial } => {
            format!("Nessun certificato di firma con numero {serial}")
        }
        SandboxError::AccountInvalid { field, rule }
        | SandboxError::SignerInvalid { field, rule } => {
            format!("Valore non valido di {field}: {rule}")
        }
        SandboxError::Setting { name, rule } => format!("Valore non valido di {name}: {rule}"),
        _ => "Errore interno della SANDBOX: nulla è stato acquisito".to_owned(),
    }
}

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Refusal {
        Refusal::Sandbox(error)
    }
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
    message: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Body { code: self.code(), message: self.message() };
        let mut response = (self.status(), axum::Json(body)).into_response();
        if self.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"SANDBOX\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
