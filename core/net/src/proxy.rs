//! Proxies: one for each scheme, with user and password, and exclusions.

use std::rc::Rc;

use ceralacca_kernel::{Error, Secret};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::NetError;
use crate::settings::is_loopback;

/// Which proxies are used; none is ever taken from the environment.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    /// For gateways with plain `http`.
    pub http: Option<ProxyServer>,
    /// For gateways with `https`.
    pub https: Option<ProxyServer>,
    /// What is reached directly, by the rules of curl's `no_proxy`: a name or a domain with all
    /// below it, an address, a network such as `10.0.0.0/8`, or `*`.
    pub exclusions: Vec<String>,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyServer {
    /// `http://proxy.example.it:3128`, or without the scheme.
    pub url: String,
    /// Its user, when it wants one; the password is asked for when it is needed.
    pub user: Option<String>,
}

/// Gets the password of a proxy's user, when a request is about to need it.
pub type AskProxyPassword = Rc<dyn Fn(&ProxyServer) -> Result<Secret, Error>>;

/// The proxy on the way to the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) server: ProxyServer,
    pub(crate) url: Url,
}

impl ProxySettings {
    /// The proxy to use for `gateway`, if any.
    ///
    /// A gateway on this machine is reached directly unless the proxy is on this machine as well:
    /// another machine's loopback is not ours.
    ///
    /// # Errors
    /// [`NetError::Settings`] when the proxy's address is not one, or holds a password.
    pub(crate) fn route(&self, gateway: &Url) -> Result<Option<Route>, NetError> {
        let (setting, server) = match gateway.scheme() {
            "http" => ("proxy.http", &self.http),
            _ => ("proxy.https", &self.https),
        };
        let Some(server) = server else { return Ok(None) };
        let url = proxy_url(setting, &server.url)?;
        let unreachable = is_loopback(gateway) && !is_loopback(&url);
        if unreachable || excludes(&self.exclusions, gateway) {
            return Ok(None);
        }
        Ok(Some(Route { server: server.clone(), url }))
    }
}

fn proxy_url(setting: &str, text: &str) -> Result<Url, NetError> {
    let wrong = |reason: &str| NetError::Settings {
        setting: setting.to_owned(),
        reason: reason.to_owned(),
    };
    let text = text.trim();
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).map_err(|_| wrong("it is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it is not an address such as http://proxy.example.it:3128"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "it holds a user or a password: give the user apart, never the password",
        ));
    }
    Ok(url)
}

/// By curl's rules, of which [`Matcher`] knows all but the dot at the end of a name and `*` for
/// addresses. `*.domain`, which curl does not know, is `.domain`.
fn excludes(exclusions: &[String], gateway: &Url) -> bool {
    let host = gateway.host_str().unwrap_or_default().trim_end_matches('.');
    let names = exclusions.iter().flat_map(|one| one.split([',', ' ', '\t']));
    let names = names
        .filter(|name| !name.is_empty())
        .map(|name| if name.starts_with("*.") { &name[1..] } else { name }.trim_end_matches('.'));
    let names: Vec<&str> = names.collect();
    let proxied = Matcher::builder().http("proxy.invalid").no(names.join(",")).build();
    let direct = |uri| proxied.intercept(&uri).is_none();
    names.contains(&"*") || format!("http://{host}/").parse().is_ok_and(direct)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What curl 7.88 does, but where it says otherwise.
    #[test]
    fn exclusions_are_curls() {
        for (exclusion, host, expected) in [
            ("gw.example.it", "GW.example.it", true),
            ("GW.Example.IT", "gw.example.it", true),
            ("example.it", "example.it", true),
            ("example.it", "gw.example.it", true),
            ("example.it", "badexample.it", false),
            (".example.it", "gw.example.it", true),
            (".example.it", "example.it", true),
            (".example.it", "badexample.it", false),
            ("gw.example.it", "example.it", false),
            ("example.it.", "gw.example.it", true),
            ("example.it", "gw.example.it.", true),
            ("a.it, b.it", "b.it", true),
            ("a.it b.it", "b.it", true),
            ("*", "anything", true),
            ("*", "10.0.0.1", true),
            ("", "anything", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.1", "10.0.0.1", false),
            ("example.it:80", "example.it", false),
            ("::1", "[::1]", true),
            // curl 7.88 has forgotten these; later ones have not.
            ("fd00::/8", "[fd12::1]", true),
            // Ours, from before.
            ("*.example.it", "gw.example.it", true),
            ("*.example.it", "badexample.it", false),
        ] {
            let gateway = Url::parse(&format!("https://{host}/")).unwrap();
            let found = excludes(&[exclusion.to_owned()], &gateway);
            assert_eq!(found, expected, "{exclusion} {host}");
        }
    }

    #[test]
    fn routes_depend_on_scheme_exclusions_and_machine() {
        let server = |url: &str| Some(ProxyServer { url: url.to_owned(), user: None });
        let settings = ProxySettings {
            http: server("127.0.0.1:3128"),
            https: server("http://proxy.example.it:3128"),
            exclusions: vec![".inside.it".to_owned()],
        };
        let route = |settings: &ProxySettings, url: &str| {
            let route = settings.route(&Url::parse(url).unwrap()).unwrap();
            route.map(|route| route.url.to_string())
        };
        let there = |text: &str| Some(text.to_owned());
        assert_eq!(route(&settings, "http://127.0.0.1:9/"), there("http://127.0.0.1:3128/"));
        assert_eq!(route(&settings, "https://gw.it/"), there("http://proxy.example.it:3128/"));
        assert_eq!(route(&settings, "https://gw.inside.it/"), None);
        assert_eq!(route(&settings, "https://127.0.0.1/"), None, "a remote proxy");
        assert_eq!(route(&ProxySettings::default(), "https://gw.it/"), None);
        for url in ["http://u:p@proxy:3128", "ftp://proxy", "http://"] {
            let wrong = ProxySettings { https: server(url), ..ProxySettings::default() };
            let refused = wrong.route(&Url::parse("https://gw.it/").unwrap());
            assert!(matches!(refused, Err(NetError::Settings { .. })), "{url}");
        }
    }
}
