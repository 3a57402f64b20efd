//! The routes of the trust service provider: its timestamp authority, its certificate, its CRL.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_identity::CodiceFiscale;
use ceralacca_kernel::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::refusal::Refusal;
use crate::routes_gateway::{ReadBody, bad_request, json_body, no_store, read};
use crate::server::Sandbox;
use crate::trust_provider::NewSigner;

/// `POST /tsa`
pub(crate) async fn timestamp(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Response, Refusal> {
    let settings = sandbox.blocking(|sandbox| Ok(sandbox.settings()?)).await?;
    if let Some(access) = &settings.tsa_access
        && !basic(&headers).is_some_and(|given| access.admits(&given))
    {
        return Ok(who_are_you());
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type != Some("application/timestamp-query") {
        return Err(bad_request("Content-Type: application/timestamp-query"));
    }
    let request = read(body, LARGEST_REQUEST)?;
    let answer = sandbox.blocking(move |sandbox| Ok(sandbox.timestamp(&request)?)).await?;
    let media_type = HeaderValue::from_static("application/timestamp-reply");
    Ok(([(header::CONTENT_TYPE, media_type)], answer).into_response())
}

/// `GET /trust/ca.cer`
pub(crate) async fn certificate(State(sandbox): State<Sandbox>) -> Result<Response, Refusal> {
    let der = sandbox.blocking(|sandbox| Ok(sandbox.trust_certificate()?)).await?;
    let media_type = HeaderValue::from_static("application/pkix-cert"); // RFC 2585
    Ok(([(header::CONTENT_TYPE, media_type)], der).into_response())
}

/// `GET /trust/crl`
pub(crate) async fn crl(State(sandbox): State<Sandbox>) -> Result<Response, Refusal> {
    let list = sandbox.blocking(|sandbox| Ok(sandbox.trust_crl()?)).await?;
    let media_type = HeaderValue::from_static("application/pkix-crl"); // RFC 2585
    Ok(([(header::CONTENT_TYPE, media_type)], list).into_response())
}

/// `POST /sandbox/v1/signers`
pub(crate) async fn issue_signer(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Response, Refusal> {
    let request: SignerRequest = json_body(&headers, body)?;
    let new = NewSigner {
        codice_fiscale: request.codice_fiscale,
        common_name: request.common_name,
        password: request.password,
        valid_from: request.valid_from,
        valid_to: request.valid_to,
    };
    let issued = sandbox.blocking(move |sandbox| Ok(sandbox.issue_signer(new)?)).await?;
    let body = json!({
        "serial": issued.serial,
        "subject": issued.certificate.subject(),
        "valid_from": issued.certificate.not_before(),
        "valid_to": issued.certificate.not_after(),
        "p12": STANDARD.encode(&issued.p12),
        "password": issued.password.expose(),
        "notice": "SANDBOX: chiave e certificato inventati, mostrati solo questa volta",
    });
    Ok((StatusCode::CREATED, no_store(), Json(body)).into_response())
}

/// `POST /sandbox/v1/signers/{serial}/revoke`
pub(crate) async fn revoke_signer(
    State(sandbox): State<Sandbox>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Refusal> {
    let Path(serial) = path.map_err(|_| bad_request("numero di serie"))?;
    let revoked_at = sandbox.blocking(move |sandbox| Ok(sandbox.revoke_signer(&serial)?)).await?;
    Ok(Json(json!({ "revoked_at": revoked_at })))
}

/// `GET /sandbox/v1/marks`
pub(crate) async fn marks(State(sandbox): State<Sandbox>) -> Result<Json<Value>, Refusal> {
    let (count, marks) = sandbox.blocking(|sandbox| Ok(sandbox.marks(1000)?)).await?;
    Ok(Json(json!({ "count": count, "marks": marks })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerRequest {
    codice_fiscale: CodiceFiscale,
    common_name: String,
    #[serde(default, deserialize_with = "optional_secret")]
    password: Option<Secret>,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
}

/// User and password of a request, joined by a colon (RFC 7617 §2).
fn basic(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    String::from_utf8(decoded).ok().map(Zeroizing::new)
}

fn who_are_you() -> Response {
    let mut response = Refusal::AccessDenied.into_response();
    let challenge = HeaderValue::from_static("Basic realm=\"SANDBOX TSA\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

const LARGEST_REQUEST: usize = 64 * 1024;
