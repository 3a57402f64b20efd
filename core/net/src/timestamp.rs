//! Timestamp authorities over HTTP (RFC 3161 §3.4): one question, one answer, unchecked.
//!
//! Public authorities answer over plain `http`, and lose nothing by it: the question is a digest
//! with a random number, and the answer is signed. User and password travel over TLS only.

use std::cell::RefCell;
use std::rc::Rc;

use ceralacca_kernel::{Error, Secret};
use ceralacca_submission::{Delivery, Failure, printable};
use ceralacca_timestamp::{LARGEST_MARK, TimestampAuthority};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};

use crate::GatewaySettings;
use crate::exchange::{Answer, Purpose, Wire};
use crate::proxy::AskProxyPassword;
use crate::settings::is_loopback;
use crate::timestamp_error::TsaError;

/// Gets the password of the authority's user, when a question is about to need it.
pub type AskTsaPassword = Rc<dyn Fn() -> Result<Secret, Error>>;

/// A user of the authority; its password is asked for when it is needed.
#[derive(Clone)]
pub struct TsaUser {
    /// Its name, without a colon.
    pub name: String,
    /// Gets its password.
    pub ask_password: AskTsaPassword,
}

/// A timestamp authority behind HTTP.
pub struct HttpTimestampAuthority {
    wire: Wire,
    url: Url,
    user: Option<TsaUser>,
    password: RefCell<Option<Secret>>,
}

impl HttpTimestampAuthority {
    /// Checks the settings; opens no connection and asks for nothing yet. `settings.url` is the
    /// authority's whole address, to which nothing is added.
    ///
    /// # Errors
    /// `tsa.settings`, `tsa.plain_http`, `net.settings` for the proxy.
    pub fn new(
        settings: GatewaySettings,
        user: Option<TsaUser>,
        ask_proxy_password: AskProxyPassword,
    ) -> Result<HttpTimestampAuthority, Error> {
        let url = address(&settings.url)?;
        if let Some(user) = &user {
            if user.name.is_empty() || user.name.contains(':') {
                let reason = "its user is empty or has a colon".to_owned();
                return Err(TsaError::Settings { reason }.into());
            }
            if url.scheme() == "http" && !is_loopback(&url) {
                return Err(TsaError::PlainHttp { tsa: url.to_string() }.into());
            }
        }
        let wire = Wire::to(url.clone(), settings, ask_proxy_password)?;
        Ok(HttpTimestampAuthority { wire, url, user, password: RefCell::default() })
    }

    fn password(&self, user: &TsaUser) -> Result<Secret, Error> {
        if let Some(known) = &*self.password.borrow() {
            return Ok(known.clone());
        }
        let password = (user.ask_password)()?;
        *self.password.borrow_mut() = Some(password.clone());
        Ok(password)
    }

    fn understand(&self, answer: Answer) -> Result<Vec<u8>, TsaError> {
        let tsa = self.describe();
        match answer.status {
            200 => {}
            401 | 403 => {
                // The next question asks for it again.
                self.password.replace(None);
                let user = self.user.as_ref().map(|user| user.name.clone());
                return Err(TsaError::Denied { tsa, user, status: answer.status });
            }
            status => {
                let text = printable(&String::from_utf8_lossy(&answer.bytes), 200);
                return Err(TsaError::Refused { tsa, status, text });
            }
        }
        let essence = answer.content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(REPLY) {
            let content_type = printable(essence, 60);
            return Err(TsaError::NotAReply { tsa, content_type });
        }
        Ok(answer.bytes)
    }

    /// What a failure on the wire means for a mark.
    fn failure(&self, failure: Failure) -> Error {
        let report = failure.error.report();
        let tsa = self.describe();
        // What is wrong with the way, not with the authority, is said as it is.
        if ["net.proxy", "net.tls", "net.settings"].iter().any(|way| report.code.starts_with(way))
            || !report.code.starts_with("net.")
        {
            return failure.error;
        }
        let reason = match &report.found {
            Some(found) => format!("{}: {found} ({})", report.headline, report.code),
            None => format!("{} ({})", report.headline, report.code),
        };
        match failure.delivery {
            Delivery::NotDelivered => TsaError::Unreachable { tsa, reason }.into(),
            Delivery::Unknown => TsaError::Interrupted { tsa, reason }.into(),
        }
    }
}

impl TimestampAuthority for HttpTimestampAuthority {
    fn ask(&self, request_der: &[u8]) -> Result<Vec<u8>, Error> {
        let purpose = Purpose::changing("asking for a mark", LARGEST_MARK as u64);
        let mut request = self
            .wire
            .request(&purpose, Method::POST, self.url.clone())
            .map_err(|failure| self.failure(failure))?
            .header(CONTENT_TYPE, QUERY)
            .body(request_der.to_vec());
        if let Some(user) = &self.user {
            request = request.basic_auth(&user.name, Some(self.password(user)?.expose()));
        }
        let answer = self.wire.send(&purpose, request).map_err(|failure| self.failure(failure))?;
        Ok(self.understand(answer)?)
    }

    fn describe(&self) -> String {
        self.url.to_string()
    }
}

/// Reads the address: `http` or `https`, and a place on it.
fn address(text: &str) -> Result<Url, TsaError> {
    let wrong = |reason: &str| TsaError::Settings { reason: reason.to_owned() };
    let url = Url::parse(text).map_err(|_| wrong("it is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it does not begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "it holds a user or a password: give the user apart, never the password",
        ));
    }
    if url.fragment().is_some() {
        return Err(wrong("it has a part after #"));
    }
    Ok(url)
}

const QUERY: &str = "application/timestamp-query";
pub(crate) const REPLY: &str = "application/timestamp-reply";
