//! The gateway to the Agency over HTTP: one method for each operation of the contract.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceralacca_submission::{
    Access, Acknowledgement, Agency, Failure, Outgoing, Protocollo, ReceiptFilter, ReceiptRecord,
    Revocation, RevocationRequested, Search,
};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde::Serialize;

use crate::answers::{Certificates, Receipts, Revocations, Submissions};
use crate::exchange::{Answer, Purpose, Wire};
use crate::proxy::AskProxyPassword;
use crate::session::Sessions;
use crate::{GatewaySettings, NetError};

/// The Agency, or the sandbox, behind HTTP.
pub struct HttpGateway {
    wire: Wire,
    sessions: Sessions,
}

impl HttpGateway {
    /// Checks the settings; opens no connection and asks for nothing yet.
    ///
    /// # Errors
    /// `net.settings`, `net.plain_http`.
    pub fn new(
        settings: GatewaySettings,
        ask_proxy_password: AskProxyPassword,
    ) -> Result<HttpGateway, NetError> {
        let wire = Wire::new(settings, ask_proxy_password)?;
        Ok(HttpGateway { wire, sessions: Sessions::default() })
    }

    /// A request in a session.
    fn send(
        &self,
        access: &Access,
        purpose: &Purpose,
        method: &Method,
        url: &Url,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Failure> {
        self.sessions.send(&self.wire, access, purpose, || {
            Ok(fill(self.wire.request(purpose, method.clone(), url.clone())?))
        })
    }

    fn get(&self, access: &Access, purpose: &Purpose, url: &Url) -> Result<Answer, Failure> {
        self.send(access, purpose, &Method::GET, url, |request| request)
    }

    /// A request that needs no session.
    fn get_openly(&self, purpose: &Purpose, url: Url) -> Result<Answer, Failure> {
        let request = self.wire.request(purpose, Method::GET, url)?;
        self.wire.send(purpose, request)
    }
}

impl Agency for HttpGateway {
    fn submit(&self, access: &Access, outgoing: &Outgoing<'_>) -> Result<Acknowledgement, Failure> {
        let purpose = Purpose::changing(format!("sending {}", outgoing.name), JSON_LIMIT);
        let digest = hex::decode(outgoing.sha256).unwrap_or_default();
        let headers = [
            ("idempotency-key", outgoing.idempotency_key.to_owned()),
            ("ceralacca-file-name", outgoing.name.to_owned()),
            ("ceralacca-tipo-documento", outgoing.tipo_documento.to_owned()),
            ("content-digest", format!("sha-256=:{}:", STANDARD.encode(digest))),
            (CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
        ];
        let headers = headers
            .into_iter()
            .map(|(name, text)| Ok((name, header(name, &text)?)))
            .collect::<Result<Vec<_>, NetError>>()?;
        let url = self.wire.url(&["v1", "submissions"]);
        let answer = self.send(access, &purpose, &Method::POST, &url, |request| {
            let request = headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, value.clone()));
            request.body(outgoing.bytes.to_vec())
        })?;
        let answer: Acknowledgement = self.wire.json(&purpose, answer, &[200, 201])?;
        if answer.sha256 != outgoing.sha256 {
            let reason = format!("it acknowledges another content, SHA-256 {}", answer.sha256);
            return Err(self.wire.garbage(&purpose, &reason).into());
        }
        Ok(answer)
    }

    fn find_submissions(
        &self,
        access: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        let purpose = Purpose::reading("asking for earlier submissions", LIST_LIMIT);
        let mut url = self.wire.url(&["v1", "submissions"]);
        match search {
            Search::Key(key) => url.query_pairs_mut().append_pair("idempotency_key", key),
            Search::Sha256(sha256) => url.query_pairs_mut().append_pair("sha256", sha256),
        };
        let answer = self.get(access, &purpose, &url)?;
        let found: Submissions = self.wire.json(&purpose, answer, &[200])?;
        Ok(found.submissions)
    }

    fn receipts(
        &self,
        access: &Access,
        filter: &ReceiptFilter,
    ) -> Result<Vec<ReceiptRecord>, Failure> {
        let purpose = Purpose::reading("asking for receipts", LIST_LIMIT);
        let mut url = self.wire.url(&["v1", "receipts"]);
        let pairs = [
            ("protocollo", filter.protocollo.as_ref().map(ToString::to_string)),
            ("tipo_documento", filter.tipo_documento.clone()),
            ("dal", filter.dal.map(|day| day.to_string())),
            ("al", filter.al.map(|day| day.to_string())),
            ("before", filter.before.as_ref().map(ToString::to_string)),
        ];
        for (name, text) in pairs {
            if let Some(text) = text {
                url.query_pairs_mut().append_pair(name, &text);
            }
        }
        let answer = self.get(access, &purpose, &url)?;
        let found: Receipts = self.wire.json(&purpose, answer, &[200])?;
        Ok(found.receipts)
    }

    fn receipt(
        &self,
        access: &Access,
        protocollo: &Protocollo,
    ) -> Result<Option<ReceiptRecord>, Failure> {
        let purpose = Purpose::reading(format!("asking for the receipt {protocollo}"), JSON_LIMIT);
        let url = self.wire.url(&["v1", "receipts", protocollo.as_str()]);
        let answer = self.get(access, &purpose, &url)?;
        if answer.status == 404 && answer.refusal().code == "gateway.no_such_receipt" {
            return Ok(None);
        }
        self.wire.json(&purpose, answer, &[200]).map(Some)
    }

    fn attachment(
        &self,
        access: &Access,
        protocollo: &Protocollo,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        let purpose = Purpose::reading(format!("fetching {name} of {protocollo}"), FILE_LIMIT);
        let url = self.wire.url(&["v1", "receipts", protocollo.as_str(), "attachments", name]);
        let answer = self.get(access, &purpose, &url)?;
        self.wire.octets(&purpose, answer, &[200])
    }

    fn revoke(
        &self,
        access: &Access,
        revocation: &Revocation,
    ) -> Result<RevocationRequested, Failure> {
        #[derive(Serialize)]
        struct Body<'a> {
            numero_busta: &'a str,
            tipo_busta: &'a str,
            pin_di_revoca: &'a str,
        }
        let purpose = Purpose::changing("asking for the revocation", JSON_LIMIT);
        let body = Body {
            numero_busta: &revocation.numero_busta,
            tipo_busta: &revocation.tipo_busta,
            pin_di_revoca: revocation.pin_di_revoca.expose(),
        };
        let key = header("idempotency-key", &revocation.idempotency_key)?;
        let url = self.wire.url(&["v1", "revocations"]);
        let answer = self.send(access, &purpose, &Method::POST, &url, |request| {
            request.header("idempotency-key", key.clone()).json(&body)
        })?;
        self.wire.json(&purpose, answer, &[200, 202])
    }

    fn find_revocation(
        &self,
        access: &Access,
        idempotency_key: &str,
    ) -> Result<Option<RevocationRequested>, Failure> {
        let purpose = Purpose::reading("asking for the revocation", JSON_LIMIT);
        let mut url = self.wire.url(&["v1", "revocations"]);
        url.query_pairs_mut().append_pair("idempotency_key", idempotency_key);
        let answer = self.get(access, &purpose, &url)?;
        let found: Revocations = self.wire.json(&purpose, answer, &[200])?;
        Ok(found.revocations.into_iter().next())
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let purpose = Purpose::reading("fetching the CA's certificates", JSON_LIMIT);
        let answer = self.get_openly(&purpose, self.wire.url(&["v1", "ca", "certificates"]))?;
        let found: Certificates = self.wire.json(&purpose, answer, &[200])?;
        found.decoded().map_err(|reason| self.wire.garbage(&purpose, reason).into())
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        let purpose = Purpose::reading("fetching the CA's revocation list", CRL_LIMIT);
        let answer = self.get_openly(&purpose, self.wire.url(&["v1", "ca", "crl"]))?;
        self.wire.octets(&purpose, answer, &[200])
    }
}

/// A header's value; what cannot be one is refused before anything is sent.
fn header(name: &str, text: &str) -> Result<HeaderValue, NetError> {
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    HeaderValue::from_str(text)
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| NetError::Unsendable { header: name.to_owned(), length: text.len() })
}

/// Bytes of one JSON object.
const JSON_LIMIT: u64 = 1 << 20;
/// Bytes of a list of submissions or receipts.
const LIST_LIMIT: u64 = 8 << 20;
/// Bytes of a file that belongs to a receipt.
const FILE_LIMIT: u64 = 5 << 20;
/// Bytes of a revocation list.
const CRL_LIMIT: u64 = 32 << 20;
