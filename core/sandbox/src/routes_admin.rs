//! The routes of whoever runs the sandbox; the token was checked before they are reached.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ceralacca_identity::Account;
use ceralacca_kernel::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::accounts::{NewAccount, TIPO_BUSTA};
use crate::faults::Fault;
use crate::refusal::Refusal;
use crate::revocations;
use crate::routes_gateway::{ReadBody, bad_request, json_body, no_store};
use crate::server::Sandbox;
use crate::settings::Settings;
use crate::submissions;

/// `POST /sandbox/v1/accounts`
pub(crate) async fn create_account(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Response, Refusal> {
    let request: AccountRequest = json_body(&headers, body)?;
    let account = Account { codice_fiscale: request.codice_fiscale, sede: request.sede };
    let new = NewAccount {
        account,
        incaricato_di: request.incaricato_di,
        numero_busta: request.numero_busta,
        pincode: request.pincode,
        utente: request.utente,
        password: request.password,
        codice_pin: request.codice_pin,
    };
    let made = sandbox.blocking(move |sandbox| Ok(sandbox.create_account(new)?)).await?;
    let body = json!({
        "codice_fiscale": made.account.codice_fiscale,
        "sede": made.account.sede,
        "numero_busta": made.numero_busta,
        "tipo_busta": TIPO_BUSTA,
        "pincode": made.pincode.expose(),
        "utente": made.utente,
        "password": made.password.expose(),
        "codice_pin": made.codice_pin.expose(),
        "notice": "SANDBOX: credenziali inventate, mostrate solo questa volta",
    });
    Ok((StatusCode::CREATED, no_store(), Json(body)).into_response())
}

/// `POST /sandbox/v1/environments/{codice_fiscale}/{sede}/revoke`
pub(crate) async fn revoke_environment(
    State(sandbox): State<Sandbox>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Value>, Refusal> {
    let account = path.ok().and_then(|Path((cf, sede))| Account::parse(&cf, &sede).ok());
    let account = account.ok_or_else(|| bad_request("codice fiscale e sede"))?;
    let revoked_at =
        sandbox.blocking(move |sandbox| Ok(sandbox.revoke_environment(&account)?)).await?;
    Ok(Json(json!({ "revoked_at": revoked_at })))
}

/// `GET /sandbox/v1/clock`
pub(crate) async fn clock(State(sandbox): State<Sandbox>) -> Json<Value> {
    let offset_seconds = sandbox.clock().offset_seconds();
    Json(json!({ "now": sandbox.now(), "offset_seconds": offset_seconds }))
}

/// `PUT /sandbox/v1/clock`
pub(crate) async fn set_clock(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Json<Value>, Refusal> {
    let request: ClockRequest = json_body(&headers, body)?;
    sandbox
        .blocking(move |sandbox| match (request.now, request.offset_seconds) {
            (Some(now), None) => Ok(sandbox.set_now(now)?),
            (None, Some(seconds)) => Ok(sandbox.set_clock_offset(seconds)?),
            _ => Err(bad_request("o now o offset_seconds")),
        })
        .await?;
    Ok(clock(State(sandbox)).await)
}

/// `GET /sandbox/v1/settings`
pub(crate) async fn settings(State(sandbox): State<Sandbox>) -> Result<Json<Settings>, Refusal> {
    Ok(Json(sandbox.blocking(|sandbox| Ok(sandbox.settings()?)).await?))
}

/// `PUT /sandbox/v1/settings`: what is left out goes back to its default.
pub(crate) async fn set_settings(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Json<Settings>, Refusal> {
    let wanted: Settings = json_body(&headers, body)?;
    sandbox.blocking(move |sandbox| Ok(sandbox.set_settings(&wanted)?)).await?;
    settings(State(sandbox)).await
}

/// `GET /sandbox/v1/faults`
pub(crate) async fn faults(State(sandbox): State<Sandbox>) -> Result<Json<Value>, Refusal> {
    let faults = sandbox.blocking(|sandbox| Ok(sandbox.faults()?)).await?;
    Ok(Json(json!({ "faults": faults })))
}

/// `PUT /sandbox/v1/faults`
pub(crate) async fn set_faults(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: ReadBody,
) -> Result<Json<Value>, Refusal> {
    let request: FaultsRequest = json_body(&headers, body)?;
    sandbox.blocking(move |sandbox| Ok(sandbox.set_faults(&request.faults)?)).await?;
    faults(State(sandbox)).await
}

/// `DELETE /sandbox/v1/faults`
pub(crate) async fn clear_faults(State(sandbox): State<Sandbox>) -> Result<StatusCode, Refusal> {
    sandbox.blocking(|sandbox| Ok(sandbox.set_faults(&[])?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /sandbox/v1/log`
pub(crate) async fn log(
    State(sandbox): State<Sandbox>,
    query: Result<Query<LogQuery>, QueryRejection>,
) -> Result<Json<Value>, Refusal> {
    let Query(query) = query.map_err(|rejected| bad_request(rejected.body_text()))?;
    let limit = query.limit.unwrap_or(1000).min(10_000);
    let (entries, counted, revocations) = sandbox
        .blocking(move |sandbox| {
            let counted = sandbox.transact(submissions::count)?;
            Ok((sandbox.log(limit)?, counted, sandbox.transact(revocations::count)?))
        })
        .await?;
    let counted: serde_json::Map<String, Value> =
        counted.into_iter().map(|(tipo, count)| (tipo, count.into())).collect();
    let body = json!({ "entries": entries, "submissions": counted, "revocations": revocations });
    Ok(Json(body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountRequest {
    codice_fiscale: ceralacca_identity::CodiceFiscale,
    sede: ceralacca_identity::Sede,
    #[serde(default)]
    incaricato_di: Vec<Account>,
    numero_busta: Option<String>,
    #[serde(default, deserialize_with = "optional_secret")]
    pincode: Option<Secret>,
    utente: Option<String>,
    #[serde(default, deserialize_with = "optional_secret")]
    password: Option<Secret>,
    #[serde(default, deserialize_with = "optional_secret")]
    codice_pin: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    now: Option<Timestamp>,
    offset_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsRequest {
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    limit: Option<u32>,
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}
