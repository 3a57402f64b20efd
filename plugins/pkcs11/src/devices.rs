//! The tokens in use: one session each, the PIN given once, keys kept while their session lives.

use std::collections::BTreeMap;

use ceralacca_plugin_sdk::{Error, Secret};
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::types::AuthPin;

use crate::certificate::{self, Found};
use crate::error::{Attempts, TokenError};
use crate::module::Module;
use crate::owner::Operator;
use crate::rv;
use crate::signing_key::{SignError, SigningKey};
use crate::token::{self, Identity, Token, TokenState};
use crate::uri::KeyUri;

/// More wrong PINs than anybody types.
const REFUSED_KEPT: usize = 16;

/// A library with the sessions that are open. Sessions are closed before the library is finalised:
/// fields are dropped in the order in which they are written.
pub(crate) struct Devices {
    open: BTreeMap<Identity, Open>,
    /// PINs that a token has refused: none is tried twice.
    refused: Vec<(Identity, Secret)>,
    module: Module,
}

/// The session with a token.
struct Open {
    session: Session,
    token: Token,
    logged_in: bool,
    /// The PIN, only while one of the keys wants it for each signature.
    pin: Option<Secret>,
    /// By the SHA-256 of their certificates.
    keys: BTreeMap<String, Key>,
}

/// A key, and what finds it in another session.
#[derive(Clone)]
struct Key {
    id: Vec<u8>,
    modulus: Vec<u8>,
    handle: SigningKey,
}

/// Why a signature failed.
enum Failure {
    /// What was opened is no longer.
    Stale(Pkcs11Error),
    /// The library refused.
    Refused(Pkcs11Error),
    /// The PIN that this one key wants was refused.
    Pin(Option<Secret>, Pkcs11Error),
}

impl Devices {
    pub(crate) fn new(module: Module) -> Devices {
        Devices { open: BTreeMap::new(), refused: Vec::new(), module }
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        self.module.tokens()
    }

    pub(crate) fn choose(&self, uri: &KeyUri) -> Result<Token, TokenError> {
        token::choose(self.tokens(), uri)
    }

    /// The certificates that a token shows.
    pub(crate) fn certificates(&mut self, token: &Token) -> Result<Vec<Found>, TokenError> {
        let found = certificate::read(&self.session(token)?.session);
        found.map_err(|error| self.blame(token, "reading its certificates", &error))
    }

    /// Gives the PIN when the token wants one and nobody gave it yet; whether it was given now. It is
    /// kept until the key is known, which may want it again.
    pub(crate) fn login(
        &mut self,
        token: &Token,
        operator: &mut dyn Operator,
    ) -> Result<bool, Error> {
        if self.session(token)?.logged_in || !token.login_required {
            return Ok(false);
        }
        if token.details.state == TokenState::PinLocked {
            return Err(TokenError::PinLocked { token: token.name() }.into());
        }
        let pin = self.pin(token, operator)?;
        let open = self.session(token)?;
        match open.session.login(UserType::User, pin.as_ref().map(auth_pin).as_ref()) {
            Ok(()) | Err(Pkcs11Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                open.logged_in = true;
                open.pin = pin;
                Ok(true)
            }
            Err(error) => Err(self.pin_refused(token, pin, &error).into()),
        }
    }

    /// Finds the key of a certificate, so that it can sign.
    pub(crate) fn unlock(
        &mut self,
        token: &Token,
        certificate: &Found,
        operator: &mut dyn Operator,
    ) -> Result<(), Error> {
        let unsuitable = |found| TokenError::Mechanism { token: token.name(), found };
        let modulus = certificate.modulus().map_err(unsuitable)?;
        self.login(token, operator)?;
        let handle = self.find(token, &certificate.id, &modulus)?;
        let key = Key { id: certificate.id.clone(), modulus, handle };
        let open = self.session(token)?;
        open.keys.insert(certificate.sha256(), key);
        if !open.keys.values().any(|key| key.handle.always_authenticate) {
            open.pin = None;
        } else if open.pin.is_none() {
            // Signing asks nobody any more.
            let pin = self.pin(token, operator)?;
            self.session(token)?.pin = pin;
        }
        Ok(())
    }

    /// Whether the key of this certificate can sign at once.
    pub(crate) fn knows(&self, serial: &str, certificate: &str) -> bool {
        self.holder(serial, certificate).is_some()
    }

    /// A signature by a key that is known.
    pub(crate) fn sign(
        &mut self,
        serial: &str,
        certificate: &str,
        message: &[u8],
        operator: &mut dyn Operator,
    ) -> Result<Vec<u8>, Error> {
        let (identity, token) = self.holder(serial, certificate).ok_or_else(|| {
            TokenError::Signer { problem: format!("the token {serial} was not opened") }
        })?;
        let mut signed = self.sign_once(&identity, certificate, message, operator);
        if matches!(signed, Err(Failure::Stale(_))) {
            self.reopen(&identity, certificate)?;
            signed = self.sign_once(&identity, certificate, message, operator);
        }
        let error = match signed {
            Ok(signature) => return Ok(signature),
            Err(Failure::Stale(error) | Failure::Refused(error)) => {
                self.blame(&token, "signing", &error)
            }
            Err(Failure::Pin(pin, error)) => self.pin_refused(&token, pin, &error),
        };
        // A signature that was begun would be in the way of the next; it starts afresh.
        self.open.remove(&identity);
        Err(error.into())
    }

    fn sign_once(
        &self,
        identity: &Identity,
        certificate: &str,
        message: &[u8],
        operator: &mut dyn Operator,
    ) -> Result<Vec<u8>, Failure> {
        let open = &self.open[identity];
        let key = &open.keys[certificate].handle;
        let failed = |error| {
            if rv::is_stale(&error) { Failure::Stale(error) } else { Failure::Refused(error) }
        };
        if !key.always_authenticate {
            return key.sign(&open.session, message).map_err(failed);
        }
        if open.token.has_keypad {
            operator.tell(&on_the_device(&open.token));
        }
        let given = open.pin.as_ref().map(auth_pin);
        key.sign_after(&open.session, given.as_ref(), message).map_err(|error| match error {
            SignError::Login(error) => Failure::Pin(open.pin.clone(), error),
            SignError::Signing(error) => failed(error),
        })
    }

    /// A new session in place of one that the token dropped, when it still knows that the PIN was
    /// given: it is not given a second time to what may be another person's card.
    fn reopen(&mut self, identity: &Identity, certificate: &str) -> Result<(), TokenError> {
        let Some(stale) = self.open.remove(identity) else { return Ok(()) };
        let Some(token) = self.tokens().into_iter().find(|one| one.identity() == *identity) else {
            let said = "the token is in no slot any more".to_owned();
            return Err(TokenError::Removed { token: stale.token.name(), said });
        };
        if stale.logged_in && !self.session(&token)?.logged_in {
            self.open.remove(identity);
            return Err(TokenError::LoginNeeded { token: token.name() });
        }
        let Key { id, modulus, .. } = stale.keys[certificate].clone();
        let handle = self.find(&token, &id, &modulus)?;
        let key = Key { id, modulus, handle };
        let open = self.session(&token)?;
        open.keys.insert(certificate.to_owned(), key);
        open.pin = stale.pin;
        Ok(())
    }

    fn find(&mut self, token: &Token, id: &[u8], modulus: &[u8]) -> Result<SigningKey, TokenError> {
        let blame = |error| self.blame(token, "looking for the key", &error);
        let scheme = self.module.scheme(token.slot).map_err(blame)?;
        let scheme = scheme.ok_or_else(|| TokenError::Mechanism {
            token: token.name(),
            found: "a token with neither of the two".to_owned(),
        })?;
        let found = SigningKey::find(&self.session(token)?.session, scheme, id, modulus);
        let found = found.map_err(|error| self.blame(token, "looking for the key", &error))?;
        found.ok_or_else(|| TokenError::NoKey { token: token.name(), id: hex::encode(id) })
    }

    /// The session with a token, opened when there is none that works.
    fn session(&mut self, token: &Token) -> Result<&mut Open, TokenError> {
        let identity = token.identity();
        let works =
            |open: &Open| open.token.slot == token.slot && open.session.get_session_info().is_ok();
        if !self.open.get(&identity).is_some_and(works) {
            self.open.remove(&identity);
            let blame = |error| self.blame(token, "opening a session", &error);
            let session = self.module.session(token.slot).map_err(blame)?;
            let info = session.get_session_info().map_err(blame)?;
            let logged_in =
                matches!(info.session_state(), SessionState::RoUser | SessionState::RwUser);
            let (token, keys) = (token.clone(), BTreeMap::new());
            let open = Open { session, token, logged_in, pin: None, keys };
            self.open.insert(identity.clone(), open);
        }
        Ok(self.open.get_mut(&identity).expect("opened just now"))
    }

    /// The PIN, or none when it is typed on the device. One that was refused is not tried again.
    fn pin(&self, token: &Token, operator: &mut dyn Operator) -> Result<Option<Secret>, Error> {
        if token.has_keypad {
            operator.tell(&on_the_device(token));
            return Ok(None);
        }
        let pin = operator.pin()?;
        if self.refused.contains(&(token.identity(), pin.clone())) {
            let (token, attempts) = (token.name(), Attempts::NotUsed);
            return Err(TokenError::PinWrong { token, attempts }.into());
        }
        Ok(Some(pin))
    }

    fn pin_refused(
        &mut self,
        token: &Token,
        pin: Option<Secret>,
        error: &Pkcs11Error,
    ) -> TokenError {
        if !rv::refuses_pin(error) {
            return self.blame(token, "taking the PIN", error);
        }
        if let Some(pin) = pin {
            self.refused.truncate(REFUSED_KEPT - 1);
            self.refused.insert(0, (token.identity(), pin));
        }
        let attempts = match self.module.token(token.slot).map(|token| token.details.state) {
            Some(TokenState::PinLocked) => {
                return TokenError::PinLocked { token: token.name() };
            }
            Some(TokenState::PinFinalTry) => Attempts::Last,
            Some(TokenState::PinCountLow) => Attempts::Fewer,
            _ => Attempts::NotSaid,
        };
        TokenError::PinWrong { token: token.name(), attempts }
    }

    /// The error of a failed call: whatever the library says, a token that is gone was removed.
    fn blame(&self, token: &Token, doing: &str, error: &Pkcs11Error) -> TokenError {
        let is_there = || self.tokens().iter().any(|one| one.identity() == token.identity());
        match rv::translated(&token.name(), doing, error) {
            TokenError::Token { token, said, .. } if !is_there() => {
                TokenError::Removed { token, said }
            }
            known => known,
        }
    }

    fn holder(&self, serial: &str, certificate: &str) -> Option<(Identity, Token)> {
        let mut open = self.open.iter();
        open.find(|(_, open)| {
            open.token.details.serial == serial && open.keys.contains_key(certificate)
        })
        .map(|(identity, open)| (identity.clone(), open.token.clone()))
    }
}

fn on_the_device(token: &Token) -> String {
    format!("type the PIN of {} on the device", token.name())
}

/// The PIN as the binding wants it; it wipes it too. Nothing is left over in between: the copy is
/// as long as its text, so that boxing it moves nothing.
fn auth_pin(pin: &Secret) -> AuthPin {
    AuthPin::from(pin.expose().to_owned())
}
