//! The one owner of all sessions: however many threads want signatures, each token has one session,
//! and one signature is made after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use ceralacca_plugin_sdk::{Error, Secret};

use crate::certificate::{self, CertificateDetails};
use crate::devices::Devices;
use crate::error::TokenError;
use crate::module::Module;
use crate::token::TokenDetails;
use crate::uri::KeyUri;

/// The operator, as far as a token needs one.
pub trait Operator {
    /// The PIN of the token.
    ///
    /// # Errors
    /// When none is given.
    fn pin(&mut self) -> Result<Secret, Error>;

    /// Says what the operator has to do on the device.
    fn tell(&mut self, text: &str);
}

/// What finds a signer again, in another process as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", deny_unknown_fields)]
pub struct SignerId {
    /// The name of the certificate, by which it is opened again.
    pub uri: String,
    /// The token's serial number.
    pub serial: String,
    /// `CKA_ID`, hexadecimal.
    pub key_id: String,
    /// SHA-256 of the certificate, hexadecimal: another certificate under the same name is refused.
    pub certificate_sha256: String,
}

/// A signer that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What finds it again.
    pub id: SignerId,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Its issuers that are on the token too, nearest first, DER.
    pub chain: Vec<Vec<u8>>,
}

/// The owner of the library and of every session with it.
pub struct Owner {
    module: Option<String>,
    devices: Mutex<Option<Devices>>,
}

impl Owner {
    /// Nothing is loaded until something is asked.
    pub fn new(module: Option<String>) -> Owner {
        Owner { module, devices: Mutex::new(None) }
    }

    /// The tokens that are there now.
    ///
    /// # Errors
    /// When the library cannot be used.
    pub fn tokens(&self) -> Result<Vec<TokenDetails>, TokenError> {
        let mut held = self.lock();
        let tokens = self.devices(&mut held)?.tokens();
        let mut details: Vec<TokenDetails> = tokens.into_iter().map(|one| one.details).collect();
        details.sort_by(|a, b| (&a.label, &a.serial).cmp(&(&b.label, &b.serial)));
        Ok(details)
    }

    /// The certificates on the token with this serial number, those that are seen without a PIN.
    ///
    /// # Errors
    /// When there is no such token, or it cannot be read.
    pub fn certificates(&self, serial: &str) -> Result<Vec<CertificateDetails>, TokenError> {
        let mut held = self.lock();
        let devices = self.devices(&mut held)?;
        let uri = KeyUri { serial: Some(serial.to_owned()), ..KeyUri::default() };
        let token = devices.choose(&uri)?;
        let found = devices.certificates(&token)?;
        Ok(found.iter().map(|one| one.details(&token)).collect())
    }

    /// Opens the signer that `uri` names, and logs in when nobody has yet.
    ///
    /// # Errors
    /// One of [`TokenError`], or the operator's own.
    pub fn open(&self, uri: &str, operator: &mut dyn Operator) -> Result<Opened, Error> {
        let uri = KeyUri::parse(uri)?;
        let mut held = self.lock();
        open(self.devices(&mut held)?, &uri, operator)
    }

    /// RSA PKCS#1 v1.5 with SHA-256 over `message`, by the key of an opened signer.
    ///
    /// # Errors
    /// One of [`TokenError`], or the operator's own. Nothing is tried twice but a session that the
    /// token dropped without forgetting the PIN.
    pub fn sign(
        &self,
        id: &SignerId,
        message: &[u8],
        operator: &mut dyn Operator,
    ) -> Result<Vec<u8>, Error> {
        let uri = KeyUri::parse(&id.uri)?;
        let mut held = self.lock();
        let devices = self.devices(&mut held)?;
        if !devices.knows(&id.serial, &id.certificate_sha256) {
            // The plugin was restarted since the signer was opened.
            let opened = open(devices, &uri, operator)?;
            if opened.id.certificate_sha256 != id.certificate_sha256 {
                let found = opened.id.certificate_sha256;
                let problem = format!(
                    "{} names the certificate with SHA-256 {found} now, and not {}",
                    id.uri, id.certificate_sha256
                );
                return Err(TokenError::Signer { problem }.into());
            }
        }
        devices.sign(&id.serial, &id.certificate_sha256, message, operator)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Devices>> {
        // A panic elsewhere leaves sessions as they are: they are checked before use anyway.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn devices<'a>(&self, held: &'a mut Option<Devices>) -> Result<&'a mut Devices, TokenError> {
        if held.is_none() {
            let path = self.module.as_deref().ok_or(TokenError::NoModule)?;
            *held = Some(Devices::new(Module::load(path)?));
        }
        Ok(held.as_mut().expect("loaded just now"))
    }
}

fn open(devices: &mut Devices, uri: &KeyUri, operator: &mut dyn Operator) -> Result<Opened, Error> {
    let token = devices.choose(uri)?;
    let mut all = devices.certificates(&token)?;
    let mut chosen = certificate::choose(&all, uri, &token);
    // Some tokens show their certificates only to whoever gave the PIN.
    if matches!(chosen, Err(TokenError::NoCertificate { .. })) && devices.login(&token, operator)? {
        all = devices.certificates(&token)?;
        chosen = certificate::choose(&all, uri, &token);
    }
    let chosen = chosen?;
    devices.unlock(&token, &chosen, operator)?;
    Ok(Opened {
        id: SignerId {
            uri: chosen.uri(&token).to_string(),
            serial: token.details.serial.clone(),
            key_id: hex::encode(&chosen.id),
            certificate_sha256: chosen.sha256(),
        },
        chain: certificate::chain(&chosen, &all),
        certificate: chosen.der,
    })
}
