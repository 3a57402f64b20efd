//! The plugin as the program sees it: manifest, settings, primitives and the seam of signers.

use std::rc::Rc;

use ceralacca_plugin_sdk::serde::Deserialize;
use ceralacca_plugin_sdk::{
    Call, Error, Manifest, Namespace, Plugin, Secret, SecretRef, Service, Services, Touch, Value,
    about, export_plugin, read_settings, typed,
};

use crate::certificate::CertificateDetails;
use crate::error::TokenError;
use crate::owner::{Operator, Owner, SignerId};
use crate::primitives;
use crate::token::TokenDetails;

/// The secret that opens a token.
pub const SECRET: &str = "pin_token";

/// The only signatures that are made.
const RSA_WITH_SHA256: &str = "rsa-pkcs1-sha256";

/// The plugin.
pub struct Pkcs11 {
    owner: Rc<Owner>,
}

/// `[plugins.pkcs11.settings]`.
#[derive(Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", deny_unknown_fields)]
struct Settings {
    /// The library that came with the token.
    #[serde(default)]
    module: Option<String>,
}

impl Plugin for Pkcs11 {
    fn manifest() -> Manifest {
        about!("pkcs11", "Signs with a smart card, a token or an HSM")
            .files()
            .local_sockets()
            .environment("SOFTHSM2_CONF")
            .secret(SECRET, "PIN del dispositivo di firma", "the PIN of the card, token or HSM")
            .signer("pkcs11", Some(SECRET))
            .build()
    }

    fn namespaces() -> Vec<Namespace> {
        vec![primitives::namespace()]
    }

    fn create(settings: Value) -> Result<Pkcs11, Error> {
        let settings: Settings = read_settings::<Pkcs11, Settings>(settings)?;
        Ok(Pkcs11 { owner: Rc::new(Owner::new(settings.module)) })
    }

    fn services(&self) -> Services {
        let mut services = Services::default();
        services.add(Tokens(Rc::clone(&self.owner)));
        services
    }

    fn seam(
        &self,
        call: &mut Call<'_>,
        operation: &str,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let mut operator = Asking(call);
        match (operation, &arguments[..]) {
            ("signer/open", [Value::Str(uri)]) => {
                let opened = self.owner.open(uri, &mut operator)?;
                let chain = opened.chain.into_iter().map(Value::Bytes).collect();
                let id = typed::to_value(&opened.id)
                    .map_err(|mismatch| TokenError::Signer { problem: mismatch.to_string() })?;
                Ok(Value::Map(
                    [
                        ("id".to_owned(), id),
                        ("certificate".to_owned(), Value::Bytes(opened.certificate)),
                        ("chain".to_owned(), Value::List(chain)),
                    ]
                    .into(),
                ))
            }
            ("signer/sign", [id, Value::Bytes(message), Value::Str(scheme)])
                if scheme == RSA_WITH_SHA256 =>
            {
                let id: SignerId = typed::from_value(id.clone())
                    .map_err(|mismatch| TokenError::Signer { problem: mismatch.to_string() })?;
                let signature = self.owner.sign(&id, message, &mut operator)?;
                Ok(Value::Bytes(signature))
            }
            ("signer/sign", [_, Value::Bytes(_), Value::Str(scheme)]) => {
                Err(TokenError::Operation { asked: format!("{scheme} signatures") }.into())
            }
            _ => {
                let asked = format!("{operation} with {} such arguments", arguments.len());
                Err(TokenError::Operation { asked }.into())
            }
        }
    }
}

export_plugin!(Pkcs11);

/// What the primitives work with.
struct Tokens(Rc<Owner>);

impl Service for Tokens {
    const TOUCH: Option<Touch> = Some(Touch::Reads);
}

pub(crate) fn tokens(call: &mut Call<'_>) -> Result<Vec<TokenDetails>, Error> {
    Ok(call.service::<Tokens>()?.0.tokens()?)
}

pub(crate) fn certificates(
    call: &mut Call<'_>,
    serial: String,
) -> Result<Vec<CertificateDetails>, Error> {
    Ok(call.service::<Tokens>()?.0.certificates(&serial)?)
}

/// The operator, through the call.
struct Asking<'a, 'c>(&'a Call<'c>);

impl Operator for Asking<'_, '_> {
    fn pin(&mut self) -> Result<Secret, Error> {
        self.0.secret(&SecretRef(SECRET.to_owned()))
    }

    fn tell(&mut self, text: &str) {
        self.0.progress(text);
    }
}
