//! The gateway's routes for revocations: asked for once, and looked up by the key of the asking.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ceralacca_kernel::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::refusal::Refusal;
use crate::revocations::{self, Asked, Wanted};
use crate::routes_gateway::{ReadBody, bad_request, idempotency_key, json_body, secret, session};
use crate::server::Sandbox;

/// `POST /v1/revocations`
pub(crate) async fn ask(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Response, Refusal> {
    let session = session(&sandbox, &headers)?;
    let idempotency_key = idempotency_key(&headers)?;
    let request: Revocation = json_body(&headers, body)?;
    let asked = sandbox
        .blocking(move |sandbox| {
            let wanted = Wanted {
                idempotency_key: &idempotency_key,
                numero_busta: &request.numero_busta,
                tipo_busta: &request.tipo_busta,
                pin_di_revoca: &request.pin_di_revoca,
            };
            let at = sandbox.now();
            sandbox.transact(|transaction| revocations::ask(transaction, session, &wanted, at))
        })
        .await?;
    Ok(match asked {
        Asked::New(requested) => (StatusCode::ACCEPTED, Json(requested)),
        Asked::Known(requested) => (StatusCode::OK, Json(requested)),
    }
    .into_response())
}

/// `GET /v1/revocations`
pub(crate) async fn find(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    query: Result<Query<RevocationQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let session = session(&sandbox, &headers)?;
    let Query(query) = query.map_err(|rejected| bad_request(rejected.body_text()))?;
    let key = query.idempotency_key;
    let found = sandbox
        .blocking(move |sandbox| {
            let at = sandbox.now();
            Ok(sandbox.transact(|t| revocations::find(t, session, &key, at))?)
        })
        .await?;
    let found: Vec<_> = found.into_iter().collect();
    Ok(Json(json!({ "revocations": found })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    numero_busta: String,
    tipo_busta: String,
    #[serde(deserialize_with = "secret")]
    pin_di_revoca: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationQuery {
    idempotency_key: String,
}
