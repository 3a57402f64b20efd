//! The gateway's routes for sessions, submissions and the CA.
//!
//! UNVERIFIED: this interface is ours; the Agency's portal has none for programs.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_identity::Account;
use ceralacca_kernel::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::accounts;
use crate::credentials::SaltedHash;
use crate::crl;
use crate::processing;
use crate::refusal::Refusal;
use crate::server::Sandbox;
use crate::sessions::Session;
use crate::settings::Settings;
use crate::submissions::{self, Accepted, Incoming, Search};

/// The longest file taken in: 5 MiB.
pub(crate) const LARGEST_FILE: usize = 5 * 1024 * 1024;

/// A body as it was read, or why it was not.
pub(crate) type ReadBody = Result<Bytes, BytesRejection>;

/// `POST /v1/sessions`
pub(crate) async fn start_session(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Response, Refusal> {
    let access: Access = json_body(&headers, body)?;
    let (token, session) = sandbox.blocking(move |sandbox| authenticate(sandbox, &access)).await?;
    let body = json!({ "token": token.expose(), "expires_at": session.expires_at });
    Ok((StatusCode::CREATED, no_store(), Json(body)).into_response())
}

/// `POST /v1/submissions`
pub(crate) async fn submit(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Response, Refusal> {
    let session = session(&sandbox, &headers)?;
    let idempotency_key = idempotency_key(&headers)?;
    let file_name = text_header(&headers, "ceralacca-file-name", 255)?;
    if file_name.contains(['/', '\\']) {
        return Err(bad_request("Ceralacca-File-Name: un nome di file, senza cartella"));
    }
    let tipo_documento = text_header(&headers, "ceralacca-tipo-documento", 50)?;
    let announced = content_digest(&headers)?;
    let bytes = read(body, LARGEST_FILE)?;
    if !processing::is_known(&tipo_documento) {
        return Err(Refusal::UnknownDocumentType);
    }
    let accepted = sandbox
        .blocking(move |sandbox| {
            let sha256: [u8; 32] = Sha256::digest(&bytes).into();
            if sha256 != announced {
                return Err(Refusal::DigestMismatch);
            }
            let incoming = Incoming {
                session,
                idempotency_key: &idempotency_key,
                file_name: &file_name,
                tipo_documento: &tipo_documento,
                sha256,
                bytes: &bytes,
            };
            let at = sandbox.now();
            sandbox.transact(|t| submissions::accept(t, sandbox.ca(), &incoming, at))
        })
        .await?;
    Ok(match accepted {
        Accepted::New(acknowledgement) => (StatusCode::CREATED, Json(acknowledgement)),
        Accepted::Known(acknowledgement) => (StatusCode::OK, Json(acknowledgement)),
    }
    .into_response())
}

/// `GET /v1/submissions`
pub(crate) async fn find_submissions(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    query: Result<Query<SubmissionQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let session = session(&sandbox, &headers)?;
    let Query(query) = query.map_err(|rejected| bad_request(rejected.body_text()))?;
    let search = match (query.idempotency_key, query.sha256) {
        (Some(key), None) => Search::IdempotencyKey(key),
        (None, Some(digest)) => {
            let mut sha256 = [0; 32];
            hex::decode_to_slice(&digest, &mut sha256)
                .map_err(|_| bad_request("sha256: 64 cifre esadecimali"))?;
            Search::Sha256(sha256)
        }
        _ => return Err(bad_request("o idempotency_key o sha256")),
    };
    let found = sandbox
        .blocking(
            move |sandbox| Ok(sandbox.transact(|t| submissions::search(t, session, &search))?),
        )
        .await?;
    Ok(Json(json!({ "submissions": found })).into_response())
}

/// `GET /v1/ca/certificates`
pub(crate) async fn ca_certificates(State(sandbox): State<Sandbox>) -> Response {
    Json(json!({ "certificates": [STANDARD.encode(sandbox.ca_certificate())] })).into_response()
}

/// `GET /v1/ca/crl`
pub(crate) async fn crl(State(sandbox): State<Sandbox>) -> Result<Response, Refusal> {
    let list = sandbox
        .blocking(|sandbox| {
            let at = sandbox.now();
            Ok(sandbox.transact(|transaction| crl::current(transaction, sandbox.ca(), at))?)
        })
        .await?;
    let media_type = HeaderValue::from_static("application/pkix-crl"); // RFC 2585
    Ok(([(header::CONTENT_TYPE, media_type)], list).into_response())
}

/// The caller's own name for what it asks, the same for each attempt.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<String, Refusal> {
    text_header(headers, "idempotency-key", 200)
}

/// The session of the request's bearer token.
pub(crate) fn session(sandbox: &Sandbox, headers: &HeaderMap) -> Result<Session, Refusal> {
    let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = header.and_then(|header| header.strip_prefix("Bearer "));
    let session = token.and_then(|token| sandbox.sessions().find(token, sandbox.now()));
    session.ok_or(Refusal::SessionExpired)
}

/// Reads a JSON body; whatever is in it stays out of the answer.
pub(crate) fn json_body<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: ReadBody,
) -> Result<T, Refusal> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|media_type| media_type.split(';').next());
    if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json")) {
        return Err(bad_request("Content-Type: application/json"));
    }
    let bytes = read(body, LARGEST_JSON)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // The parser's own message can repeat a value, and that value can be a secret.
        let (line, column) = (error.line(), error.column());
        bad_request(format!("il corpo non è quello descritto, riga {line}, colonna {column}"))
    })
}

pub(crate) fn bad_request(what: impl Into<String>) -> Refusal {
    Refusal::BadRequest(what.into())
}

/// For answers with something in them that is shown once.
pub(crate) fn no_store() -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

/// Takes a secret out of JSON.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    utente: String,
    #[serde(deserialize_with = "secret")]
    password: Secret,
    #[serde(deserialize_with = "secret")]
    codice_pin: Secret,
    on_behalf_of: Option<Account>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubmissionQuery {
    idempotency_key: Option<String>,
    sha256: Option<String>,
}

const LARGEST_JSON: usize = 64 * 1024;

/// Checks the portal keys and opens a session; hashing takes its time, outside any transaction.
fn authenticate(sandbox: &Sandbox, access: &Access) -> Result<(Secret, Session), Refusal> {
    let account =
        sandbox.transact(|transaction| accounts::find_utente(transaction, &access.utente))?;
    let nobody = SaltedHash::of_nobody();
    let hash = account.as_ref().map_or(&nobody, |account| &account.access);
    let right = hash.matches(&[&access.password, &access.codice_pin]);
    let Some(account) = account.filter(|_| right) else { return Err(Refusal::AccessDenied) };
    let (subject_id, seconds) = sandbox.transact(|transaction| {
        let seconds = Settings::load(transaction)?.session_seconds;
        let Some(subject) = &access.on_behalf_of else { return Ok((account.id, seconds)) };
        let subject = accounts::find_common_name(transaction, &subject.common_name())?
            .ok_or(Refusal::NotIncaricato)?;
        let entitled =
            subject.id == account.id || accounts::is_incaricato(transaction, account.id, &subject)?;
        if entitled { Ok((subject.id, seconds)) } else { Err(Refusal::NotIncaricato) }
    })?;
    Ok(sandbox.sessions().start((account.id, subject_id), seconds, sandbox.now()))
}

/// The body, whole and within its limit.
pub(crate) fn read(body: ReadBody, limit: usize) -> Result<Bytes, Refusal> {
    body.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge { limit },
        _ => bad_request("il corpo non è arrivato per intero"),
    })
}

/// A header with 1 to `most` visible ASCII characters and spaces.
fn text_header(headers: &HeaderMap, name: &str, most: usize) -> Result<String, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    match value {
        Some(value) if (1..=most).contains(&value.len()) => Ok(value.to_owned()),
        _ => Err(bad_request(format!("{name}: da 1 a {most} caratteri ASCII"))),
    }
}

/// The SHA-256 in `Content-Digest: sha-256=:…:` (RFC 9530 §2).
fn content_digest(headers: &HeaderMap) -> Result<[u8; 32], Refusal> {
    let value = headers.get("content-digest").and_then(|value| value.to_str().ok());
    let digests = value.into_iter().flat_map(|value| value.split(','));
    let mut encoded = digests.filter_map(|digest| {
        digest.trim().strip_prefix("sha-256=:").and_then(|digest| digest.strip_suffix(':'))
    });
    let decoded = encoded.next().and_then(|encoded| STANDARD.decode(encoded).ok());
    decoded
        .and_then(|digest| digest.try_into().ok())
        .ok_or_else(|| bad_request("Content-Digest: sha-256=:…:"))
}
