//! Who we are for the server: a private key, or a password.
//!
//! A signature with an RSA key goes through aws-lc-rs as everywhere else in this program; those with
//! Ed25519 and ECDSA keys are made by the SSH library.

use std::sync::Arc;

use ceralacca_kernel::text_encoding;
use ceralacca_keystore::KeyPair;
use ceralacca_plugin_sdk::{Call, Error, Secret, SecretRef};
use russh::client::{AuthResult, Handle, Handler};
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_encoding::{self, Encode};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key, pkcs8};
use russh::{MethodSet, SendError, Signer};
use zeroize::Zeroizing;

use crate::settings::{Settings, read_file, unusable};

/// Who we are for the server.
pub(crate) enum Identity {
    /// A key that is not RSA.
    Key(Arc<PrivateKey>),
    /// An RSA key.
    Rsa(Box<RsaIdentity>),
    /// A password.
    Password(Secret),
}

/// An RSA key that signs through aws-lc-rs.
pub(crate) struct RsaIdentity {
    key: PrivateKey,
    pair: KeyPair,
}

impl Identity {
    /// What the settings say; asks for the secret that it needs.
    ///
    /// # Errors
    /// `sftp.settings`, and those of asking.
    pub(crate) fn read(call: &Call<'_>, settings: &Settings) -> Result<Identity, Error> {
        let secret = |name: &str| call.secret(&SecretRef(name.to_owned()));
        let Some(path) = &settings.identity else {
            return Ok(Identity::Password(secret(PASSWORD)?));
        };
        let named =
            |problem: String| unusable("identity", format!("{}: {problem}", path.display()));
        let bytes = read_file("identity", path)?;
        let text = text_encoding::decode(&bytes).map_err(|error| named(error.to_string()))?;
        let key = match decode_secret_key(text, None) {
            Ok(key) if !key.is_encrypted() => key,
            Ok(_) | Err(russh::keys::Error::KeyIsEncrypted) => {
                let passphrase = secret(PASSPHRASE)?;
                let opened = decode_secret_key(text, Some(passphrase.expose()));
                opened.map_err(|_| named("it does not open with the passphrase".to_owned()))?
            }
            Err(error) => return Err(named(error.to_string()).into()),
        };
        if key.key_data().rsa().is_none() {
            return Ok(Identity::Key(Arc::new(key)));
        }
        let der = pkcs8::encode_pkcs8(&key).map_err(|error| named(error.to_string()))?;
        let pair = KeyPair::from_pkcs8(Zeroizing::new(der));
        let pair = pair.map_err(|_| named("it is no RSA key of 2048 to 8192 bits".to_owned()))?;
        Ok(Identity::Rsa(Box::new(RsaIdentity { key, pair })))
    }

    /// What it is, for errors.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Identity::Key(_) | Identity::Rsa(_) => "a key",
            Identity::Password(_) => "a password",
        }
    }

    /// Logs in. `Some` with what would be accepted when the server refuses.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) async fn log_in<H: Handler>(
        &mut self,
        session: &mut Handle<H>,
        user: &str,
    ) -> Result<Option<MethodSet>, russh::Error> {
        let result = match self {
            Identity::Key(key) => {
                let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
                session.authenticate_publickey(user, key).await?
            }
            Identity::Rsa(identity) => {
                let public = identity.key.public_key().clone();
                let hash = Some(HashAlg::Sha256);
                let signed =
                    session.authenticate_publickey_with(user, public, hash, &mut **identity);
                signed.await.map_err(|Unsigned(error)| error)?
            }
            Identity::Password(password) => {
                session.authenticate_password(user, password.expose()).await?
            }
        };
        Ok(match result {
            AuthResult::Success => None,
            AuthResult::Failure { remaining_methods, .. } => Some(remaining_methods),
        })
    }
}

/// Why an RSA key did not sign.
pub(crate) struct Unsigned(russh::Error);

impl From<SendError> for Unsigned {
    fn from(_: SendError) -> Unsigned {
        Unsigned(russh::Error::SendError)
    }
}

impl Signer for RsaIdentity {
    type Error = Unsigned;

    /// `to_sign` with the signature behind it (RFC 8332 §3).
    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        _: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Unsigned> {
        let failed = |_| Unsigned(russh::Error::Inconsistent);
        let signature = self.pair.sign_sha256(&to_sign).map_err(failed)?;
        let mut signed = to_sign;
        append(&signature, &mut signed).map_err(|error| Unsigned(error.into()))?;
        Ok(signed)
    }
}

/// string(string("rsa-sha2-256") string(signature))
fn append(signature: &[u8], to: &mut Vec<u8>) -> Result<(), ssh_encoding::Error> {
    let mut blob = Vec::new();
    "rsa-sha2-256".encode(&mut blob)?;
    signature.encode(&mut blob)?;
    blob.as_slice().encode(to)
}

/// The secret that opens an encrypted `identity`.
pub(crate) const PASSPHRASE: &str = "sftp_passphrase";
/// The server's password, where there is no `identity`.
pub(crate) const PASSWORD: &str = "sftp_password";
