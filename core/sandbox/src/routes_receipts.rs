//! The gateway's routes for receipts and their attachments.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

use crate::receipts::{self, Filter};
use crate::refusal::Refusal;
use crate::routes_gateway::{bad_request, session};
use crate::server::Sandbox;

/// `GET /v1/receipts`
pub(crate) async fn search(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    query: Result<Query<ReceiptQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let session = session(&sandbox, &headers)?;
    let Query(query) = query.map_err(|rejected| bad_request(rejected.body_text()))?;
    let filter = Filter {
        protocollo: given(query.protocollo),
        tipo_documento: given(query.tipo_documento),
        dal: day("dal", query.dal)?,
        al: day("al", query.al)?,
        before: given(query.before),
    };
    let found = sandbox
        .blocking(move |sandbox| {
            let at = sandbox.now();
            Ok(sandbox.transact(|t| receipts::search(t, session, &filter, at))?)
        })
        .await?;
    Ok(Json(json!({ "receipts": found })).into_response())
}

/// `GET /v1/receipts/{protocollo}`
pub(crate) async fn find(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let session = session(&sandbox, &headers)?;
    let Path(protocollo) = path.map_err(|_| Refusal::NoSuchReceipt)?;
    let found = sandbox
        .blocking(move |sandbox| {
            let at = sandbox.now();
            sandbox.transact(|t| receipts::find(t, session, &protocollo, at))
        })
        .await?;
    Ok(Json(found).into_response())
}

/// `GET /v1/receipts/{protocollo}/attachments/{name}`
pub(crate) async fn attachment(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Refusal> {
    let session = session(&sandbox, &headers)?;
    let Path((protocollo, name)) = path.map_err(|_| Refusal::NoSuchAttachment)?;
    let octets = sandbox
        .blocking(move |sandbox| {
            let at = sandbox.now();
            let wanted = (protocollo.as_str(), name.as_str());
            sandbox.transact(|t| receipts::attachment(t, session, wanted, at))
        })
        .await?;
    let media_type = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::CONTENT_TYPE, media_type)], octets).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptQuery {
    protocollo: Option<String>,
    tipo_documento: Option<String>,
    dal: Option<String>,
    al: Option<String>,
    before: Option<String>,
}

/// A parameter that is empty is not given: `?dal=&al=`.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn day(name: &str, text: Option<String>) -> Result<Option<Date>, Refusal> {
    let Some(text) = given(text) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| bad_request(format!("{name}: AAAA-MM-GG")))
}
