//! The table of routes; `openapi.yaml` describes exactly these.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};

use crate::exchange;
use crate::refusal::Refusal;
use crate::routes_admin as admin;
use crate::routes_gateway as gateway;
use crate::routes_receipts as receipts;
use crate::routes_revocations as revocations;
use crate::routes_trust as trust;
use crate::server::Sandbox;

/// Everything the server answers.
pub(crate) fn router(sandbox: Sandbox) -> Router {
    let router = table().into_iter().fold(Router::new(), |router, (_, path, handler)| {
        let limit = if path == SUBMISSIONS { gateway::LARGEST_FILE } else { LARGEST_JSON };
        router.route(path, handler.layer(DefaultBodyLimit::max(limit)))
    });
    router
        .fallback(async || Refusal::NoSuchRoute)
        .method_not_allowed_fallback(async || Refusal::NoSuchMethod)
        .layer(from_fn_with_state(sandbox.clone(), exchange::exchange))
        .with_state(sandbox)
}

/// The route of the gateway that a request is for, as the OpenAPI document writes it.
pub(crate) fn gateway_route(method: &Method, path: &str) -> Option<String> {
    let matches = |template: &str| {
        let (mut wanted, mut found) = (template.split('/'), path.split('/'));
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some(wanted), Some(found)) if wanted == found => {}
                (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {}
                _ => return false,
            }
        }
    };
    let mut routes = GATEWAY_ROUTES.iter();
    let route = routes.find(|(known, template)| known == method && matches(template));
    route.map(|(method, template)| format!("{method} {template}"))
}

/// Whether `route` is method and path of a gateway route, as the OpenAPI document writes it.
pub(crate) fn is_gateway_route(route: &str) -> bool {
    GATEWAY_ROUTES.iter().any(|(method, path)| route == format!("{method} {path}"))
}

/// The routes of the sandbox's administrator start like this.
pub(crate) const ADMIN: &str = "/sandbox/";

static GATEWAY_ROUTES: LazyLock<Vec<(Method, &'static str)>> = LazyLock::new(|| {
    let all = table().into_iter().map(|(method, path, _)| (method, path));
    all.filter(|(_, path)| ["/v1/", TSA, "/trust/"].iter().any(|start| path.starts_with(start)))
        .collect()
});

const TSA: &str = "/tsa";
const SUBMISSIONS: &str = "/v1/submissions";
const OPENAPI: &str = include_str!("../openapi.yaml");
const LARGEST_JSON: usize = 64 * 1024;

type Handler = MethodRouter<Sandbox>;

fn table() -> Vec<(Method, &'static str, Handler)> {
    vec![
        (Method::GET, "/openapi.yaml", get(openapi)),
        (Method::POST, "/v1/sessions", post(gateway::start_session)),
        (Method::POST, SUBMISSIONS, post(gateway::submit)),
        (Method::GET, SUBMISSIONS, get(gateway::find_submissions)),
        (Method::GET, "/v1/receipts", get(receipts::search)),
        (Method::GET, "/v1/receipts/{protocollo}", get(receipts::find)),
        (Method::GET, "/v1/receipts/{protocollo}/attachments/{name}", get(receipts::attachment)),
        (Method::POST, "/v1/revocations", post(revocations::ask)),
        (Method::GET, "/v1/revocations", get(revocations::find)),
        (Method::GET, "/v1/ca/certificates", get(gateway::ca_certificates)),
        (Method::GET, "/v1/ca/crl", get(gateway::crl)),
        (Method::POST, TSA, post(trust::timestamp)),
        (Method::GET, "/trust/ca.cer", get(trust::certificate)),
        (Method::GET, "/trust/crl", get(trust::crl)),
        (Method::POST, "/sandbox/v1/signers", post(trust::issue_signer)),
        (Method::POST, "/sandbox/v1/signers/{serial}/revoke", post(trust::revoke_signer)),
        (Method::GET, "/sandbox/v1/marks", get(trust::marks)),
        (Method::POST, "/sandbox/v1/accounts", post(admin::create_account)),
        (
            Method::POST,
            "/sandbox/v1/environments/{codice_fiscale}/{sede}/revoke",
            post(admin::revoke_environment),
        ),
        (Method::GET, "/sandbox/v1/clock", get(admin::clock)),
        (Method::PUT, "/sandbox/v1/clock", put(admin::set_clock)),
        (Method::GET, "/sandbox/v1/settings", get(admin::settings)),
        (Method::PUT, "/sandbox/v1/settings", put(admin::set_settings)),
        (Method::GET, "/sandbox/v1/faults", get(admin::faults)),
        (Method::PUT, "/sandbox/v1/faults", put(admin::set_faults)),
        (Method::DELETE, "/sandbox/v1/faults", delete(admin::clear_faults)),
        (Method::GET, "/sandbox/v1/log", get(admin::log)),
    ]
}

async fn openapi() -> Response {
    let media_type = HeaderValue::from_static("application/yaml"); // RFC 9512
    ([(header::CONTENT_TYPE, media_type)], OPENAPI).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Method and path of each operation; relies on the two and four spaces of our own file.
    fn described() -> BTreeSet<String> {
        let mut described = BTreeSet::new();
        let mut path = "";
        let paths = OPENAPI.split("\npaths:\n").nth(1).unwrap();
        for line in paths.split("\ncomponents:\n").next().unwrap().lines() {
            if let Some(found) = line.strip_prefix("  /") {
                path = found.trim_end_matches(':');
            }
            let verb = line.strip_prefix("    ").and_then(|line| line.strip_suffix(':'));
            if let Some(verb) = verb.filter(|verb| VERBS.contains(verb)) {
                described.insert(format!("{} /{path}", verb.to_uppercase()));
            }
        }
        described
    }

    const VERBS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

    #[test]
    fn the_openapi_document_describes_each_route_and_no_other() {
        let routed: BTreeSet<String> =
            table().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
        assert_eq!(routed, described());
        assert_eq!(routed.len(), 27);
    }

    /// Every `area.condition` between quotation marks.
    fn codes(text: &str, area: &str) -> BTreeSet<String> {
        let quoted = text.split('"').filter(|part| part.starts_with(area));
        quoted.filter(|part| !part.contains([' ', ':'])).map(str::to_owned).collect()
    }

    #[test]
    fn the_openapi_document_lists_each_code_and_no_other() {
        for (source, area) in [
            (include_str!("refusal.rs"), "gateway."),
            (include_str!("rejection.rs"), "pks10."),
            (include_str!("rejection_impronta.rs"), "impronta."),
        ] {
            let listed = OPENAPI.lines().filter_map(|line| line.trim().strip_prefix("- "));
            let listed = listed.filter(|code| code.starts_with(area)).map(str::to_owned);
            assert_eq!(codes(source, area), listed.collect());
        }
    }

    #[test]
    fn requests_are_matched_to_their_route() {
        let route = |path| gateway_route(&Method::GET, path);
        assert_eq!(route("/v1/receipts"), Some("GET /v1/receipts".to_owned()));
        let one = "GET /v1/receipts/{protocollo}";
        assert_eq!(route("/v1/receipts/26112100000000001"), Some(one.to_owned()));
        assert_eq!(route("/v1/receipts/"), None);
        assert_eq!(route("/v1/receipts/1/2"), None);
        assert_eq!(route("/sandbox/v1/log"), None);
        assert!(is_gateway_route(one) && !is_gateway_route("GET /sandbox/v1/log"));
    }
}
