//! Access to the portal: who sends, on whose behalf, with which keys.

use ceralacca_identity::Account;
use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{Call, Error, Secret, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Access, SubmissionError};

/// A handle to access with the portal's keys. Nothing is sent when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:portal")]
pub struct Portal(pub PortalId);

impl HandleKind for Portal {
    const KIND: &'static str = "portal";
}

/// What a [`Portal`] refers to; the keys themselves stay with the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortalId {
    /// User of the portal; empty where a person logs in otherwise (SPID, CIE, CNS).
    pub utente: String,
    /// Its password.
    pub password: SecretRef,
    /// Its *Codice Pin*.
    pub codice_pin: SecretRef,
    /// The subject an incaricato acts for.
    #[serde(default)]
    pub on_behalf_of: Option<Account>,
}

impl PortalId {
    /// The access with the secrets in it; asks for those that this process does not know yet, and
    /// for none where the channel wants no keys.
    pub(crate) fn access(&self, call: &Call<'_>, wants_keys: bool) -> Result<Access, Error> {
        let key = |secret| if wants_keys { call.secret(secret) } else { Ok(Secret::new("")) };
        if wants_keys && self.utente.is_empty() {
            return Err(SubmissionError::Utente { length: 0 }.into());
        }
        Ok(Access {
            utente: self.utente.clone(),
            password: key(&self.password)?,
            codice_pin: key(&self.codice_pin)?,
            on_behalf_of: self.on_behalf_of.clone(),
        })
    }
}

pub(crate) fn portal(
    _: &mut Call<'_>,
    utente: Option<String>,
    on_behalf_of: Option<Account>,
) -> Result<Portal, Error> {
    let utente = utente.map(|utente| checked(&utente)).transpose()?.unwrap_or_default();
    Ok(Portal(PortalId {
        utente,
        password: SecretRef("portal_password".to_owned()),
        codice_pin: SecretRef("codice_pin".to_owned()),
        on_behalf_of,
    }))
}

pub(crate) fn access(
    _: &mut Call<'_>,
    utente: String,
    password: SecretRef,
    codice_pin: SecretRef,
    on_behalf_of: Option<Account>,
) -> Result<Portal, Error> {
    let utente = checked(&utente)?;
    Ok(Portal(PortalId { utente, password, codice_pin, on_behalf_of }))
}

fn checked(utente: &str) -> Result<String, SubmissionError> {
    let utente = utente.trim();
    let length = utente.chars().count();
    if length == 0 || length > 64 || utente.chars().any(char::is_control) {
        return Err(SubmissionError::Utente { length });
    }
    Ok(utente.to_owned())
}
