//! Sessions with the gateway: opened when needed, kept in memory only, renewed once when refused.

use ceralacca_submission::{Access, Failure};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::NetError;
use crate::answers::Session;
use crate::exchange::{Answer, Purpose, Wire};

/// The open sessions of this process.
#[derive(Default)]
pub(crate) struct Sessions(std::cell::RefCell<Vec<(Access, Zeroizing<String>)>>);

#[derive(Serialize)]
struct Login<'a> {
    utente: &'a str,
    password: &'a str,
    codice_pin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<&'a ceralacca_identity::Account>,
}

impl Sessions {
    /// Makes a request with a session; when the gateway does not know the session any more, opens
    /// another one and makes the request again, once. A request answered with 401 had no effect.
    pub(crate) fn send(
        &self,
        wire: &Wire,
        access: &Access,
        purpose: &Purpose,
        request: impl Fn() -> Result<RequestBuilder, Failure>,
    ) -> Result<Answer, Failure> {
        let with = |token: &str| -> Result<Answer, Failure> {
            wire.send(purpose, request()?.header(AUTHORIZATION, bearer(wire, purpose, token)?))
        };
        let known = self.token(access);
        let was_known = known.is_some();
        let token = known.map_or_else(|| self.open(wire, access), Ok)?;
        let answer = with(&token)?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.forget(access);
        if !was_known {
            return Err(denied(access, &answer).into());
        }
        let answer = with(&self.open(wire, access)?)?;
        if answer.status == 401 {
            self.forget(access);
            return Err(denied(access, &answer).into());
        }
        Ok(answer)
    }

    fn token(&self, access: &Access) -> Option<Zeroizing<String>> {
        let sessions = self.0.borrow();
        sessions.iter().find(|(known, _)| known == access).map(|(_, token)| token.clone())
    }

    fn forget(&self, access: &Access) {
        self.0.borrow_mut().retain(|(known, _)| known != access);
    }

    fn open(&self, wire: &Wire, access: &Access) -> Result<Zeroizing<String>, Failure> {
        let purpose = Purpose::reading("opening a session", 64 << 10);
        let login = Login {
            utente: &access.utente,
            password: access.password.expose(),
            codice_pin: access.codice_pin.expose(),
            on_behalf_of: access.on_behalf_of.as_ref(),
        };
        let body = serde_json::to_vec(&login).expect("texts are JSON");
        let request = wire
            .request(&purpose, Method::POST, wire.url(&["v1", "sessions"]))?
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let answer = wire.send(&purpose, request)?;
        match (answer.status, answer.refusal()) {
            (401, _) => return Err(denied(access, &answer).into()),
            (403, refusal) if refusal.code == "gateway.not_incaricato" => {
                let on_behalf_of = access.on_behalf_of.as_ref().map(ToString::to_string);
                let (utente, message) = (access.utente.clone(), refusal.message);
                return Err(NetError::NotIncaricato { utente, on_behalf_of, message }.into());
            }
            _ => {}
        }
        let session: Session = wire.json(&purpose, answer, &[200, 201])?;
        let token = Zeroizing::new(session.token);
        self.0.borrow_mut().push((access.clone(), token.clone()));
        Ok(token)
    }
}

fn bearer(wire: &Wire, purpose: &Purpose, token: &str) -> Result<HeaderValue, Failure> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    match HeaderValue::from_str(&text) {
        Ok(mut value) if visible => {
            value.set_sensitive(true);
            Ok(value)
        }
        // Nothing was sent with it.
        _ => {
            let purpose = Purpose { changes: false, ..purpose.clone() };
            Err(wire.garbage(&purpose, "the session's token is not one").into())
        }
    }
}

fn denied(access: &Access, answer: &Answer) -> NetError {
    let message = answer.refusal().message;
    NetError::AccessDenied { utente: access.utente.clone(), message }
}
