//! One request and its answer: timeouts, limits, and what a failure means.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ceralacca_kernel::Error;
use ceralacca_submission::{Delivery, Failure, printable};
use reqwest::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use reqwest::{Certificate, Client, Method, Proxy, RequestBuilder, Response, Url, redirect, retry};
use tokio::time::timeout;

use crate::NetError;
use crate::proxy::{AskProxyPassword, Route};
use crate::settings::{GatewaySettings, base_url};

/// The way to the gateway.
pub(crate) struct Wire {
    settings: GatewaySettings,
    base: Url,
    route: Option<Route>,
    ask: AskProxyPassword,
    client: std::cell::RefCell<Option<Client>>,
}

/// What a request is, for its errors.
#[derive(Clone, Debug)]
pub(crate) struct Purpose {
    /// A participle: `sending req.ccc`.
    pub(crate) what: String,
    /// Whether it changes something on the other side, so that its fate matters.
    pub(crate) changes: bool,
    /// Bytes of the answer that are read at most.
    pub(crate) limit: u64,
}

/// An answer, whole and within its limit.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Wire {
    /// Checks the settings; opens nothing yet.
    pub(crate) fn new(settings: GatewaySettings, ask: AskProxyPassword) -> Result<Wire, NetError> {
        let base = base_url(&settings.url)?;
        Wire::to(base, settings, ask)
    }

    /// The way to `base`, whatever the settings' own address is; the caller has checked it.
    pub(crate) fn to(
        base: Url,
        settings: GatewaySettings,
        ask: AskProxyPassword,
    ) -> Result<Wire, NetError> {
        let route = settings.proxy.route(&base)?;
        Ok(Wire { settings, base, route, ask, client: Default::default() })
    }

    /// The gateway's address, for errors.
    pub(crate) fn gateway(&self) -> String {
        self.base.to_string()
    }

    /// The address of a resource, its path given in segments.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("the base is http or https, which have a path")
            .pop_if_empty()
            .extend(segments);
        url
    }

    /// A request, not sent yet.
    ///
    /// # Errors
    /// When TLS cannot be set up, or the proxy's password is not had.
    pub(crate) fn request(
        &self,
        purpose: &Purpose,
        method: Method,
        url: Url,
    ) -> Result<RequestBuilder, Failure> {
        let mut client = self.client.borrow_mut();
        if client.is_none() {
            *client = Some(self.build_client(purpose)?);
        }
        let client = client.as_ref().expect("it was just made");
        Ok(client
            .request(method, url)
            .header(CACHE_CONTROL, "no-store")
            .header(CONNECTION, "close"))
    }

    /// Sends a request and reads its answer up to the limit. Redirects, failures of the gateway and
    /// refusals of the proxy are errors; every other status is an answer.
    pub(crate) fn send(
        &self,
        purpose: &Purpose,
        request: RequestBuilder,
    ) -> Result<Answer, Failure> {
        // Made for this request: when it is gone, so is everything that the request left behind.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(
            |error| {
                let (what, gateway) = (purpose.what.clone(), self.gateway());
                NetError::Refused { what, gateway, system: error.to_string() }
            },
        )?;
        let limit = self.settings.timeouts.answer;
        let outcome = runtime.block_on(async {
            let exchange = self.exchange(purpose, request);
            timeout(limit, exchange).await.unwrap_or_else(|_| Err(self.timeout(purpose, false)))
        });
        // Without waiting for a name that is still being looked up.
        runtime.shutdown_background();
        outcome.map_err(Failure::from)
    }

    async fn exchange(
        &self,
        purpose: &Purpose,
        request: RequestBuilder,
    ) -> Result<Answer, NetError> {
        let response = request.send().await.map_err(|error| self.failure(purpose, &error))?;
        let status = response.status().as_u16();
        let (what, gateway, delivery) = (purpose.what.clone(), self.gateway(), purpose.fate());
        match (status, &self.route) {
            (407, Some(route)) => Err(self.proxy_authentication(purpose, route, status)),
            (300..=399, _) => Err(NetError::Redirected { what, gateway, status, delivery }),
            // 408 may come from something in between that lost patience with the gateway.
            (408 | 500..=599, _) => {
                Err(NetError::GatewayFailed { what, gateway, status, delivery })
            }
            (400..=499, route) => {
                // A refusal whose explanation is unreadable is a refusal.
                let answer = self.read(purpose, response).await.unwrap_or(Answer {
                    status,
                    content_type: String::new(),
                    bytes: Vec::new(),
                });
                match route {
                    Some(route) if self.is_of_proxy(route, &answer) => {
                        Err(self.proxy_authentication(purpose, route, status))
                    }
                    _ => Ok(answer),
                }
            }
            _ => self.read(purpose, response).await,
        }
    }

    /// Some proxies (tinyproxy) refuse a wrong password with 401, as if they were the gateway. The
    /// gateway gives a code with every refusal, and inside a tunnel only the gateway speaks.
    fn is_of_proxy(&self, route: &Route, answer: &Answer) -> bool {
        answer.status == 401
            && self.base.scheme() == "http"
            && route.server.user.is_some()
            && answer.refusal().code.is_empty()
    }

    async fn read(&self, purpose: &Purpose, mut response: Response) -> Result<Answer, NetError> {
        let too_large = || NetError::TooLarge {
            what: purpose.what.clone(),
            gateway: self.gateway(),
            limit: purpose.limit,
            delivery: purpose.fate(),
        };
        if response.content_length().is_some_and(|length| length > purpose.limit) {
            return Err(too_large());
        }
        let status = response.status().as_u16();
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let mut bytes = Vec::new();
        loop {
            let chunk = timeout(self.settings.timeouts.read, response.chunk())
                .await
                .map_err(|_| self.timeout(purpose, false))?
                .map_err(|error| self.failure(purpose, &error))?;
            let Some(chunk) = chunk else {
                return Ok(Answer { status, content_type, bytes });
            };
            if (bytes.len() + chunk.len()) as u64 > purpose.limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
    }

    fn build_client(&self, purpose: &Purpose) -> Result<Client, Failure> {
        let unusable = |error: &reqwest::Error| {
            let (what, gateway, reason) = (purpose.what.clone(), self.gateway(), innermost(error));
            Failure::from(if self.settings.trust_anchors.is_empty() {
                NetError::Tls { what, gateway, reason }
            } else {
                NetError::Settings { setting: "trust_anchors".to_owned(), reason }
            })
        };
        let anchors = self
            .settings
            .trust_anchors
            .iter()
            .map(|der| Certificate::from_der(der))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&error))?;
        let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
            .map(|address| SocketAddr::new(address, 0));
        let mut builder = reqwest::ClientBuilder::new()
            .user_agent(&self.settings.user_agent)
            .redirect(redirect::Policy::none())
            // The outbox alone decides whether something is sent again.
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            // One connection for each request: a broken one never leaves a doubt about another.
            .pool_max_idle_per_host(0)
            .resolve_to_addrs("localhost", &local)
            .connect_timeout(self.settings.timeouts.connect);
        builder = match self.base.scheme() {
            // Nothing to trust: a machine without CA certificates can run the sandbox.
            "http" if !self.proxy_is_https() => builder.tls_certs_only(anchors),
            _ => builder.tls_certs_merge(anchors),
        };
        if let Some(route) = &self.route {
            let proxy = self.proxy(route).map_err(|error| Failure {
                error,
                delivery: Delivery::NotDelivered,
                passing: false,
            })?;
            builder = builder.proxy(proxy);
        }
        builder.build().map_err(|error| unusable(&error))
    }

    fn proxy_is_https(&self) -> bool {
        self.route.as_ref().is_some_and(|route| route.url.scheme() == "https")
    }

    fn proxy(&self, route: &Route) -> Result<Proxy, Error> {
        let proxy = Proxy::all(route.url.clone()).map_err(|error| NetError::Settings {
            setting: "proxy".to_owned(),
            reason: innermost(&error),
        })?;
        Ok(match &route.server.user {
            Some(user) => proxy.basic_auth(user, (self.ask)(&route.server)?.expose()),
            None => proxy,
        })
    }

    /// What became of a request that reqwest gave up.
    fn failure(&self, purpose: &Purpose, error: &reqwest::Error) -> NetError {
        if error.is_connect() {
            return self.not_connected(purpose, error);
        }
        if error.is_timeout() {
            return self.timeout(purpose, false);
        }
        if error.is_builder() {
            let (setting, reason) = ("agency".to_owned(), innermost(error));
            return NetError::Settings { setting, reason };
        }
        let reason = innermost(error);
        if chain(error).any(|source| is_not_http(&source.to_string())) {
            return self.garbage(purpose, &reason);
        }
        self.cut(purpose, &reason)
    }

    /// The connection was never there, so nothing was sent.
    fn not_connected(&self, purpose: &Purpose, error: &reqwest::Error) -> NetError {
        let (what, gateway) = (purpose.what.clone(), self.gateway());
        let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
        let says = |text: &str| texts.iter().any(|known| known.contains(text));
        let reason = innermost(error);
        if let Some(route) = &self.route {
            let proxy = route.url.to_string();
            // The texts of hyper-util's tunnel, whose type is not public; a test pins them.
            if says("proxy authorization required") {
                return self.proxy_authentication(purpose, route, 407);
            }
            if says("unsuccessful") {
                self.forget_proxy_password();
                let user = route.server.user.clone();
                return NetError::ProxyRefused { what, proxy, gateway, user };
            }
            let to_proxy = error.is_dns() || says("tcp connect error") || says("tunnel error");
            if to_proxy || error.is_timeout() {
                return NetError::ProxyUnreachable { what, proxy, reason };
            }
        }
        if error.is_timeout() {
            return self.timeout(purpose, true);
        }
        if error.is_dns() {
            return NetError::Dns { what, gateway };
        }
        if self.base.scheme() == "https" && !says("tcp connect error") {
            return NetError::Tls { what, gateway, reason };
        }
        NetError::Refused { what, gateway, system: reason }
    }

    fn proxy_authentication(&self, purpose: &Purpose, route: &Route, status: u16) -> NetError {
        self.forget_proxy_password();
        NetError::ProxyAuthentication {
            status,
            what: purpose.what.clone(),
            proxy: route.url.to_string(),
            user: route.server.user.clone(),
        }
    }

    /// The next request asks for it again.
    fn forget_proxy_password(&self) {
        self.client.replace(None);
    }

    fn timeout(&self, purpose: &Purpose, connecting: bool) -> NetError {
        NetError::Timeout {
            what: purpose.what.clone(),
            gateway: self.gateway(),
            connecting,
            delivery: if connecting { Delivery::NotDelivered } else { purpose.fate() },
        }
    }

    fn cut(&self, purpose: &Purpose, reason: &str) -> NetError {
        NetError::Cut {
            what: purpose.what.clone(),
            gateway: self.gateway(),
            reason: printable(reason, 200),
            delivery: purpose.fate(),
        }
    }

    /// An answer that is not what the contract says.
    pub(crate) fn garbage(&self, purpose: &Purpose, reason: &str) -> NetError {
        NetError::Garbage {
            what: purpose.what.clone(),
            gateway: self.gateway(),
            reason: printable(reason, 200),
            delivery: purpose.fate(),
        }
    }
}

impl Purpose {
    /// What is read from the other side.
    pub(crate) fn reading(what: impl Into<String>, limit: u64) -> Purpose {
        Purpose { what: what.into(), changes: false, limit }
    }

    /// What changes something on the other side.
    pub(crate) fn changing(what: impl Into<String>, limit: u64) -> Purpose {
        Purpose { what: what.into(), changes: true, limit }
    }

    /// What became of the request once it may have gone out and no answer says more.
    fn fate(&self) -> Delivery {
        if self.changes { Delivery::Unknown } else { Delivery::NotDelivered }
    }
}

fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

/// The cause at the bottom: the others repeat the address and say less.
fn innermost(error: &reqwest::Error) -> String {
    let text = chain(error).last().map(ToString::to_string);
    printable(&text.unwrap_or_else(|| error.to_string()), 200)
}

/// hyper's words for an answer that is not HTTP; its kinds are not public, and a test pins them.
fn is_not_http(text: &str) -> bool {
    text.ends_with(" parsed") || text == "message head is too large" || text.contains("unexpected")
}
