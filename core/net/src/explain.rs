//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Exit, Explain, Report};
use ceralacca_submission::Delivery;

use crate::NetError;

impl Explain for NetError {
    fn explain(&self) -> Report {
        use NetError::*;
        let report = match self {
            Settings { .. } | PlainHttp { .. } | Unsendable { .. } => explain_settings(self),
            Refused { .. } | Dns { .. } | Tls { .. } => explain_reaching(self),
            ProxyUnreachable { .. } | ProxyAuthentication { .. } | ProxyRefused { .. } => {
                explain_proxy(self)
            }
            AccessDenied { .. } | NotIncaricato { .. } | RefusedByGateway { .. } => {
                explain_refusal(self)
            }
            Timeout { .. } | Cut { .. } => explain_interruption(self),
            _ => explain_answer(self),
        };
        match self.delivery() {
            Delivery::NotDelivered => report.state("nothing was submitted by this request"),
            Delivery::Unknown => Report { exit: Exit::Unknown, ..report }
                .state("what was being sent may or may not have arrived")
                .next("ceralacca resume RUN: it asks before anything is sent again"),
        }
    }
}

fn explain_settings(error: &NetError) -> Report {
    match error {
        NetError::PlainHttp { gateway } => Report::usage(
            "net.plain_http",
            format!("{gateway} would be reached without encryption"),
        )
        .expected("https://, or http:// on this machine (127.0.0.1, ::1, localhost)")
        .found("http:// on another machine")
        .next("give the gateway with https:// in ceralacca.toml, then ceralacca resume"),
        NetError::Settings { setting, reason } => {
            Report::usage("net.settings", format!("the setting `{setting}` cannot be used"))
                .found(reason)
                .next(format!("correct `{setting}` in ceralacca.toml, then ceralacca resume"))
        }
        NetError::Unsendable { header, length } => {
            Report::usage("net.unsendable", format!("a text cannot be sent as the header {header}"))
                .expected("letters, digits and signs without accents")
                .found(format!("something else in {length} bytes"))
                .next(
                    "a run keeps its inputs: ceralacca abandon RUN --reason nome, then start again \
                     with another name or type of the document",
                )
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_reaching(error: &NetError) -> Report {
    match error {
        NetError::Refused { what, gateway, system } => {
            Report::refused("net.refused", format!("nobody answers at {gateway}"))
                .expected(format!("an answer while {what}"))
                .found(system)
                .next(
                    "check that the gateway runs and that no firewall is in the way, then \
                     ceralacca resume",
                )
        }
        NetError::Dns { what, gateway } => {
            Report::refused("net.dns", format!("the name of {gateway} has no address"))
                .expected(format!("an address while {what}"))
                .found("none")
                .next(
                    "check the connection and the agency in ceralacca.toml, then ceralacca resume",
                )
        }
        NetError::Tls { what, gateway, reason } => Report::refused(
            "net.tls",
            format!("no trusted connection to {gateway} could be made"),
        )
        .expected(format!("a certificate that this system trusts while {what}"))
        .found(reason)
        .next(
            "find out who answers there; add its CA to the trust anchors only if it is right; then \
             ceralacca resume",
        ),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_proxy(error: &NetError) -> Report {
    match error {
        NetError::ProxyUnreachable { what, proxy, reason } => {
            Report::refused("net.proxy_unreachable", format!("the proxy {proxy} does not answer"))
                .expected(format!("an answer while {what}"))
                .found(reason)
                .next("check the proxy in ceralacca.toml, then ceralacca resume")
        }
        NetError::ProxyAuthentication { what, proxy, user, status } => Report::refused(
            "net.proxy_authentication",
            format!("the proxy {proxy} does not accept user and password"),
        )
        .expected(format!("a user that it knows while {what}"))
        .found(match user {
            Some(user) => format!("user {user}, refused with status {status}"),
            None => format!("no user, refused with status {status}"),
        })
        .next(
            "correct the proxy's user in ceralacca.toml if it is wrong, then ceralacca resume and \
             give its password again",
        ),
        NetError::ProxyRefused { what, proxy, gateway, user } => Report::refused(
            "net.proxy_refused",
            format!("the proxy {proxy} does not let us through"),
        )
        .expected(format!("a way to {gateway} while {what}"))
        .found(match user {
            // A proxy that does not say 407 leaves open which of the two it means.
            Some(user) => format!("a refusal: of this address, or of user {user} and password"),
            None => "a refusal".to_owned(),
        })
        .next(
            "ceralacca resume, and give the proxy's password again; if it is right, ask who runs \
             the proxy",
        ),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_refusal(error: &NetError) -> Report {
    match error {
        NetError::AccessDenied { utente, message } => {
            Report::refused("net.access_denied", format!("the portal does not accept {utente}"))
                .expected("the portal's Utente, Password and Codice Pin")
                .found(message)
                .next("try these keys on the portal by hand, then run ceralacca resume")
        }
        NetError::NotIncaricato { utente, on_behalf_of, message } => {
            Report::refused("net.not_incaricato", format!("{utente} may not act for this subject"))
                .expected(match on_behalf_of {
                    Some(subject) => format!("an incaricato of {subject}"),
                    None => "somebody who may act for himself".to_owned(),
                })
                .found(message)
                .next(
                    "have the incaricato registered on the portal, then ceralacca resume; a run keeps \
                     its inputs: to send for somebody else, ceralacca abandon RUN --reason incarico, \
                     then start again",
                )
        }
        NetError::RefusedByGateway { what, status, code, message } => {
            let code = if code.is_empty() { String::new() } else { format!(" {code}") };
            Report::refused("net.refused_by_gateway", format!("the gateway refused {what}"))
                .expected("acceptance")
                .found(format!("{status}{code}: {message}"))
                .next("correct what the gateway names, then run ceralacca resume")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_interruption(error: &NetError) -> Report {
    match error {
        NetError::Timeout { what, gateway, connecting, .. } => {
            Report::refused("net.timeout", format!("{gateway} took too long while {what}"))
                .expected("an answer in time")
                .found(if *connecting {
                    "no connection was made in time"
                } else {
                    "the connection was made, the answer did not come in time"
                })
                .next("ceralacca resume, later")
        }
        NetError::Cut { what, gateway, reason, .. } => Report::refused(
            "net.cut",
            format!("the connection to {gateway} broke off while {what}"),
        )
        .expected("a whole answer")
        .found(reason)
        .next("ceralacca resume, later"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_answer(error: &NetError) -> Report {
    match error {
        NetError::Garbage { what, gateway, reason, .. } => Report::refused(
            "net.garbage",
            format!("the answer of {gateway} while {what} makes no sense"),
        )
        .expected("an answer as the contract says")
        .found(reason)
        .next(
            "check that the agency in ceralacca.toml is a gateway, and not a portal's login page, \
             then ceralacca resume",
        ),
        NetError::TooLarge { what, gateway, limit, .. } => Report::refused(
            "net.too_large",
            format!("the answer of {gateway} while {what} is too large"),
        )
        .expected(format!("at most {limit} bytes"))
        .found("more than that")
        .next("check that the agency in ceralacca.toml is a gateway, then ceralacca resume"),
        NetError::Redirected { what, gateway, status, .. } => {
            Report::refused("net.redirected", format!("{gateway} sends us elsewhere while {what}"))
                .expected("an answer; redirects are not followed")
                .found(format!("status {status}"))
                .next("give the gateway's own address in ceralacca.toml, then ceralacca resume")
        }
        NetError::GatewayFailed { what, gateway, status, .. } => {
            Report::refused("net.gateway_failed", format!("{gateway} failed while {what}"))
                .expected("an answer")
                .found(format!("status {status}"))
                .next("ceralacca resume, later")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ceralacca_kernel::Error;

    use super::*;

    #[test]
    fn every_variant_has_its_own_code_and_answers_all_questions() {
        let mut codes = BTreeSet::new();
        for error in one_of_each() {
            let (delivery, shown) = (error.delivery(), format!("{error:?}"));
            let error = Error::from(error);
            let report = error.report();
            assert!(codes.insert(report.code.clone()), "{} twice", report.code);
            assert!(report.found.is_some() && !report.next.is_empty(), "{shown}");
            assert!(!report.headline.ends_with('.') && !report.state.is_empty(), "{shown}");
            let command = report.next.contains("ceralacca resume")
                || report.next.contains("ceralacca abandon RUN");
            assert!(command, "{shown} names no command: {}", report.next);
            assert_eq!(report.exit == Exit::Unknown, delivery == Delivery::Unknown, "{shown}");
        }
        assert_eq!(codes.len(), 18);
    }

    fn one_of_each() -> Vec<NetError> {
        use NetError::*;
        let text = || "x".to_owned();
        let (what, gateway, proxy) = (text, text, text);
        let (delivery, status) = (Delivery::Unknown, 500);
        vec![
            Settings { setting: text(), reason: text() },
            PlainHttp { gateway: gateway() },
            Unsendable { header: text(), length: 1 },
            Refused { what: what(), gateway: gateway(), system: text() },
            Dns { what: what(), gateway: gateway() },
            Tls { what: what(), gateway: gateway(), reason: text() },
            Timeout { what: what(), gateway: gateway(), connecting: false, delivery },
            ProxyUnreachable { what: what(), proxy: proxy(), reason: text() },
            ProxyAuthentication { what: what(), proxy: proxy(), user: None, status: 407 },
            ProxyRefused { what: what(), proxy: proxy(), gateway: gateway(), user: None },
            AccessDenied { utente: text(), message: text() },
            NotIncaricato { utente: text(), on_behalf_of: None, message: text() },
            Cut { what: what(), gateway: gateway(), reason: text(), delivery },
            Garbage { what: what(), gateway: gateway(), reason: text(), delivery },
            TooLarge { what: what(), gateway: gateway(), limit: 1, delivery },
            Redirected { what: what(), gateway: gateway(), status: 302, delivery },
            RefusedByGateway { what: what(), status: 400, code: text(), message: text() },
            GatewayFailed { what: what(), gateway: gateway(), status, delivery },
        ]
    }
}
