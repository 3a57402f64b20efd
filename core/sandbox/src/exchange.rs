//! What surrounds every request: the administrator's token, injected faults, the log.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::faults::{self, FaultKind};
use crate::log::{self, LogEntry};
use crate::refusal::Refusal;
use crate::routes::{self, ADMIN};
use crate::server::Sandbox;
use crate::wire::Scissors;

/// Runs a request to its end, and logs it, even when the caller goes away meanwhile.
pub(crate) async fn exchange(
    State(sandbox): State<Sandbox>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
    next: Next,
) -> Response {
    let done = tokio::spawn(async move {
        let mut entry = begin(&sandbox, &request);
        let answer = answer(&sandbox, request, next, &mut entry).await;
        entry.status = match answer.cut {
            Some(Cut::WholeAnswer) => None,
            _ => Some(answer.response.status().as_u16()),
        };
        entry.answer_bytes = answer.response.body().size_hint().exact().unwrap_or(0);
        let logged = sandbox
            .blocking(move |sandbox| {
                Ok(sandbox.transact(|transaction| log::append(transaction, &entry))?)
            })
            .await;
        (answer, logged)
    });
    let (answer, logged) = match done.await {
        Ok(done) => done,
        Err(_) => return Refusal::Broken.into_response(),
    };
    if !answer.pause.is_zero() {
        tokio::time::sleep(answer.pause).await;
    }
    match answer.cut {
        Some(Cut::WholeAnswer) => scissors.cut(),
        Some(Cut::HalfOfBody) => {
            let length = answer.response.body().size_hint().exact().unwrap_or(0);
            scissors.cut_within_answer(usize::try_from(length / 2).unwrap_or(0));
        }
        None => {}
    }
    // What is accepted is committed by now; a log that cannot be written does not undo it.
    let _ = logged;
    answer.response
}

/// What goes back, and how.
struct Answer {
    response: Response,
    pause: Duration,
    cut: Option<Cut>,
}

#[derive(Clone, Copy)]
enum Cut {
    WholeAnswer,
    HalfOfBody,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Answer {
        Answer { response, pause: Duration::ZERO, cut: None }
    }
}

async fn answer(sandbox: &Sandbox, request: Request, next: Next, entry: &mut LogEntry) -> Answer {
    let path = request.uri().path();
    if path.starts_with(ADMIN) {
        return match is_admin(sandbox, request.headers()) {
            true => next.run(request).await.into(),
            false => Refusal::AdminDenied.into_response().into(),
        };
    }
    let Some(route) = routes::gateway_route(request.method(), path) else {
        return next.run(request).await.into();
    };
    let fault = sandbox
        .blocking(move |sandbox| {
            Ok(sandbox.transact(|transaction| faults::take(transaction, &route))?)
        })
        .await;
    match fault {
        Ok(None) => next.run(request).await.into(),
        Ok(Some(fault)) => {
            entry.fault = Some(fault.name().to_owned());
            suffer(fault, request, next).await
        }
        Err(refusal) => refusal.into_response().into(),
    }
}

/// Lets the fault happen.
async fn suffer(fault: FaultKind, request: Request, next: Next) -> Answer {
    let cut = |cut| Answer { cut: Some(cut), ..Answer::from(().into_response()) };
    match fault {
        FaultKind::Refuse => Refusal::Refused.into_response().into(),
        FaultKind::CutBeforeRead => cut(Cut::WholeAnswer),
        FaultKind::CutMidBody => {
            read_half(request).await;
            cut(Cut::WholeAnswer)
        }
        FaultKind::CutAfterCommit => {
            Answer { cut: Some(Cut::WholeAnswer), ..next.run(request).await.into() }
        }
        FaultKind::Slow { milliseconds } => {
            Answer { pause: Duration::from_millis(milliseconds), ..next.run(request).await.into() }
        }
        FaultKind::Status { code, after_commit } => {
            if after_commit {
                next.run(request).await;
            }
            Refusal::Unavailable(code).into_response().into()
        }
        FaultKind::Garbage => {
            let mut response = next.run(request).await;
            *response.body_mut() = Body::from(GARBAGE);
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response.into()
        }
        FaultKind::WrongContentType => {
            let mut response = next.run(request).await;
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, html);
            response.into()
        }
        FaultKind::Truncated => {
            Answer { cut: Some(Cut::HalfOfBody), ..next.run(request).await.into() }
        }
        // They wait for a request to be certified or a mark to be made, not for a route.
        FaultKind::CertifIn(_) | FaultKind::Tsa(_) => next.run(request).await.into(),
    }
}

/// Reads half of what the request announces and leaves the rest on the wire.
async fn read_half(request: Request) {
    let half = content_length(request.headers()) / 2;
    let mut body = request.into_body();
    let mut read = 0;
    while read < half {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else { return };
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

fn begin(sandbox: &Sandbox, request: &Request) -> LogEntry {
    LogEntry {
        at: sandbox.now(),
        method: request.method().as_str().chars().take(20).collect(),
        path: request.uri().path().chars().take(200).collect(),
        status: None,
        request_bytes: content_length(request.headers()),
        answer_bytes: 0,
        fault: None,
    }
}

fn is_admin(sandbox: &Sandbox, headers: &HeaderMap) -> bool {
    let token = headers.get("ceralacca-sandbox-admin").and_then(|token| token.to_str().ok());
    token.is_some_and(|token| sandbox.is_admin(token))
}

fn content_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

const GARBAGE: &[u8] = b"\x00\xff{\"protocollo\":<<<<";
