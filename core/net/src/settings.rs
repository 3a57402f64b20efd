//! What the gateway is told: where it is, how long to wait, whom to trust.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;

use crate::NetError;
use crate::proxy::ProxySettings;

/// How the gateway is reached.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// `https://gateway.example.it/`; plain `http` only on this machine.
    pub url: String,
    /// Proxies.
    pub proxy: ProxySettings,
    /// Certificates (DER) to trust for TLS beside those of the system.
    pub trust_anchors: Vec<Vec<u8>>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// What the program calls itself.
    pub user_agent: String,
}

impl GatewaySettings {
    /// A gateway at `url` without a proxy, with the usual timeouts.
    pub fn new(url: impl Into<String>) -> GatewaySettings {
        GatewaySettings {
            url: url.into(),
            proxy: ProxySettings::default(),
            trust_anchors: Vec::new(),
            timeouts: Timeouts::default(),
            user_agent: concat!("ceralacca/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How long to wait for the other side.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the connection is there, TLS included.
    pub connect: Duration,
    /// Between two pieces of the answer.
    pub read: Duration,
    /// For a request and its whole answer, from beginning to end.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(15),
            read: Duration::from_secs(60),
            answer: Duration::from_secs(180),
        }
    }
}

/// Reads the gateway's address: `https`, or `http` on this machine, and nothing but a place.
///
/// # Errors
/// [`NetError::Settings`], [`NetError::PlainHttp`].
pub(crate) fn base_url(text: &str) -> Result<Url, NetError> {
    let wrong = |reason: &str| NetError::Settings {
        setting: "agency.gateway".to_owned(),
        reason: reason.to_owned(),
    };
    let mut url = Url::parse(text).map_err(|_| wrong("it is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it is not an address that begins with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it holds a user or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a part after ? or #"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(NetError::PlainHttp { gateway: url.to_string() });
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Whether the address is on this machine: a loopback address, or `localhost`, which is never
/// looked up anywhere else.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, expected) in [
            ("https://gw.example.it", "https://gw.example.it/"),
            ("https://gw.example.it/api", "https://gw.example.it/api/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("http://localhost:1", "http://localhost:1/"),
        ] {
            assert_eq!(base_url(text).unwrap().as_str(), expected);
        }
        for text in ["http://gw.example.it", "http://10.0.0.1", "http://localhost.example.it"] {
            assert!(matches!(base_url(text), Err(NetError::PlainHttp { .. })), "{text}");
        }
        for text in ["", "gw", "ftp://gw", "https://u:p@gw/", "https://gw/?a", "https://gw/#a"] {
            assert!(matches!(base_url(text), Err(NetError::Settings { .. })), "{text}");
        }
    }
}
